"""`serve` as its users start and end it: a real process, its streams, its signals, its exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("uvicorn", reason="the extra web is not installed")

from support.service import PCM, Service, completion, sound_events, stream
from support.web import Server

from audiochat.cli import server_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.command_line import CommandLine

ASK = {"model": "any", "messages": [{"role": "user", "content": "Hi."}]}
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")


class Serving:
    """A process that serves."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stderr is not None
        self.line = process.stderr.readline()
        found = re.search(r"at http://[\d.]+:(\d+)/v1;", self.line)
        assert found, self.line + process.stderr.read()
        self.server = Server(int(found[1]))

    def end(self, number: int) -> tuple[int, str, str, float]:
        """Send a signal; the exit code, what it printed, and how long it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=10)
        return self.process.returncode, out, err, time.monotonic() - started


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[Serving]:
    """Run `serve` on a free port."""
    command = [sys.executable, "-m", "audiochat", "serve", "--port", "0", *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env={**os.environ, **environment}, **pipes) as process:
        try:
            yield Serving(process)
        finally:
            process.kill()


@POSIX
@pytest.mark.parametrize("arguments", [(), ("--quiet",)])
def test_the_address_is_told_on_stderr_and_ctrl_c_ends_it(openai: Service, arguments: tuple[str, ...]) -> None:
    """Nothing comes on stdout, and the exit code is 0."""
    openai.answer(completion(content="Hello."))
    with serving("--provider", "openai", *arguments) as running:
        assert running.line.startswith("Serving gpt-audio-1.5 at http://127.0.0.1:")
        assert running.server.ask("POST", "/v1/chat/completions", ASK).status == 200
        code, out, err, seconds = running.end(signal.SIGINT)
    assert (code, out, err) == (0, "", "")
    assert seconds < 3


@POSIX
def test_open_streams_end_with_an_error_and_not_as_if_they_were_whole(openai: Service) -> None:
    """Within three seconds of Ctrl-C."""
    openai.answer(stream([sound_events(PCM)[0]] * 1000, pause=0.05))
    got: list[bytes] = []
    with serving("--provider", "openai") as running:

        def ask() -> None:
            got.append(running.server.ask("POST", "/v1/chat/completions", {**ASK, "stream": True}).body)

        client = threading.Thread(target=ask)
        client.start()
        time.sleep(0.5)
        code, _, err, seconds = running.end(signal.SIGINT)
        client.join(5)
    assert (code, err) == (0, "")
    assert seconds < 3
    last = got[0].decode().strip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "shutting_down"
    assert b"[DONE]" not in got[0]


@POSIX
def test_sigterm_ends_it_with_its_own_exit_code(openai: Service) -> None:  # noqa: ARG001 - it is configured
    """As for every other command: 143."""
    with serving("--provider", "openai") as running:
        code, out, _, seconds = running.end(signal.SIGTERM)
    assert (code, out) == (143, "")
    assert seconds < 3


@POSIX
def test_debug_shows_requests_and_no_query(openai: Service) -> None:
    """Method, path and status; a key may stand in the query."""
    openai.answer(completion(content="Hello."))
    with serving("--provider", "openai", "--debug") as running:
        running.server.ask("POST", "/v1/chat/completions?api-key=secret", ASK)
        _, _, err, _ = running.end(signal.SIGINT)
    assert "POST /v1/chat/completions 200" in err
    assert "secret" not in err


@POSIX
def test_the_key_of_the_environment_is_asked_for(openai: Service) -> None:
    """Also on loopback, where one is set; and it is printed nowhere."""
    openai.answer(completion(content="Hello."))
    with serving("--provider", "openai", AUDIOCHAT_SERVE_KEY="the-key") as running:
        assert running.server.ask("POST", "/v1/chat/completions", ASK).status == 401
        key = {"Authorization": "Bearer the-key"}
        assert running.server.ask("POST", "/v1/chat/completions", ASK, key).status == 200
        _, _, err, _ = running.end(signal.SIGINT)
    assert "the-key" not in running.line + err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--host", "0.0.0.0"], 3, "AUDIOCHAT_SERVE_KEY"),
        (["--host", "not.here.invalid"], 3, "AUDIOCHAT_SERVE_KEY"),
        (["--host", "203.0.113.7", "--api-key", "k"], 2, "no address of this machine"),
        (["--port", "70000"], 2, "There is no port 70000"),
        (["--allow-origin", "*"], 2, "is no origin"),
        (["--allow-host", "*"], 2, "is no host"),
        (["--api-key", "<your-key>"], 3, "placeholder"),
        (["--timeout", "0"], 2, "--timeout"),
        (["--provider", "nobody"], 2, "nobody"),
        (["AUDIO.wav"], 2, "AUDIO.wav"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_served_is_refused(
    cli: CommandLine, openai: Service, arguments: list[str], code: int, told: str
) -> None:
    """Before anything listens: wrong usage is 2, a missing key 3."""
    ran = cli("serve", "--provider", "openai", "--port", "0", *arguments)
    assert ran.code == code
    assert told in ran.err
    assert ran.out == b""
    assert not openai.requests


def test_a_port_that_is_taken_is_told(cli: CommandLine, openai: Service) -> None:
    """With what to do: another one, or any."""
    port = openai.url.rpartition(":")[2]
    ran = cli("serve", "--provider", "openai", "--port", port)
    assert ran.code == 3
    assert f"Port {port} of 127.0.0.1 is in use." in ran.err
    assert "0 takes any free one" in ran.err


def test_without_the_extra_it_says_how_to_install_it(
    cli: CommandLine, openai: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And does not ask anybody."""
    monkeypatch.setattr(server_options, "find_spec", lambda _name: None)
    ran = cli("serve", "--provider", "openai")
    assert (ran.code, ran.out) == (3, b"")
    assert "audiochat[web" in ran.err or "[web" in ran.err
    assert not openai.requests


def test_its_help_lists_the_options(cli: CommandLine) -> None:
    """Those of CLI.md, on stdout."""
    ran = cli("serve", "--help")
    told = ran.out.decode()
    assert ran.code == 0
    for option in ("--host", "--port", "--api-key", "--allow-host", "--allow-origin", "--provider"):
        assert option in told
