"""`audiochat playground` as a process: its address, a second one, its end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")

from support.service import PCM, sound_events, stream
from support.web import Server

from audiochat.__main__ import main  # noqa: F401 - a broken import shows here, not as a process without an address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.command_line import CommandLine
    from support.service import Service

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/#(\S+?);? ")


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Server, str]]:
    """The process, its server, and the token of the address that it showed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "audiochat", "playground", "--no-browser", "--port", "0", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = ADDRESS.search(f"{line} ")
        assert found is not None, line
        yield process, Server(int(found[1])), found[2]
    finally:
        process.kill()
        process.communicate()


def test_the_address_that_it_shows_opens_the_page(openai: Service) -> None:  # noqa: ARG001 - configures
    """Once; who comes with it again finds another on the terminal, one until that is used."""
    with running() as (process, server, token):
        assert server.ask("GET", "/").status == 200
        assert server.ask("POST", "/page/sign-in", {"token": token}).status == 204
        assert [server.ask("POST", "/page/sign-in", {"token": token}).status for _ in range(3)] == [401] * 3
        assert process.stderr is not None
        found = ADDRESS.search(process.stderr.readline().replace("\n", " "))
        assert found is not None
        assert server.ask("POST", "/page/sign-in", {"token": found[2]}).status == 204


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for one process on Windows")
def test_ctrl_c_ends_it(openai: Service) -> None:  # noqa: ARG001 - configures
    """Within three seconds, with exit code 0, and nothing on stdout."""
    with running() as (process, server, _token):
        assert server.ask("GET", "/").status == 200
        begun = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=10)
        assert (process.returncode, out) == (0, "")
        assert time.monotonic() - begun < 3


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for one process on Windows")
def test_ctrl_c_ends_an_answer_too(openai: Service) -> None:
    """The page is told that the server ends, and nothing waits for the answer."""
    openai.answer(stream(sound_events(PCM * 100), pause=0.1))
    with running() as (process, server, token):
        cookie = server.ask("POST", "/page/sign-in", {"token": token}).headers["set-cookie"].partition(";")[0]
        with ThreadPoolExecutor(1) as pool:
            headers = {"Cookie": cookie}
            asked = pool.submit(server.ask, "POST", "/page/turns", {"text": "x", "session": None}, headers)
            while not openai.sent_pieces:
                time.sleep(0.05)
            begun = time.monotonic()
            os.kill(process.pid, signal.SIGINT)
            process.wait(10)
            assert process.returncode == 0
            assert time.monotonic() - begun < 3
            assert asked.result(5).body.decode().rstrip().endswith("}")
            assert '"shutting_down"' in asked.result().body.decode()


def test_an_address_for_others_needs_a_key(cli: CommandLine, openai: Service) -> None:  # noqa: ARG001 - configures
    """It is refused before anything listens."""
    ran = cli("playground", "--host", "0.0.0.0", "--no-browser")
    assert ran.code == 3
    assert "AUDIOCHAT_SERVE_KEY" in ran.err


def test_settings_that_do_not_work_are_told_on_the_command_line(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in a page that nobody can use."""
    monkeypatch.setenv("AUDIOCHAT_PROVIDER", "openai")
    ran = cli("playground", "--no-browser", "--port", "0")
    assert ran.code == 3
    assert "OPENAI_API_KEY" in ran.err
