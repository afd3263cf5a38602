"""Ordinary conditions that a critic met: each has its exit code and a hint, and loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.command_line import CANARY
from support.service import PCM, Answer, Service, completion, error, event, running, sound_events, stream

from audiochat.audio import wav

if TYPE_CHECKING:
    from support.command_line import CommandLine

WAV = wav.wrap(PCM)
AUDIOCHAT = [sys.executable, "-m", "audiochat"]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="what POSIX alone has")


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({"OPENAI_API_KEY": "sk-…"}, 3),
        ({"OPENAI_API_KEY": "two\nlines"}, 3),
        ({"OPENAI_BASE_URL": "https://api.example.org", "ALL_PROXY": "socks5://127.0.0.1:9"}, 3),
        ({"OPENAI_BASE_URL": "https://user:PASSW0RD@api.example.org/v1"}, 3),
        ({"OPENAI_BASE_URL": "https://api.example.org/v1?key=PASSW0RD"}, 3),
    ],
)
def test_a_setting_that_cannot_work_is_told(cli: CommandLine, openai: Service, env: dict[str, str], code: int) -> None:
    """Exit 3 with a hint, and never the value: it may hold a password."""
    for arguments in (["speak", "hi"], ["doctor"]):
        ran = cli(*arguments, env=env)
        assert ran.code == code
        assert "PASSW0RD" not in ran.err + ran.out.decode()
    assert openai.requests == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-o", ""], 2),
        (["-o", "new/"], 6),
        (["-o", "x" * 300], 6),
        (["--timeout", "1e300"], 2),
        (["--timeout", "nan"], 2),
        (["--param", "temperature=1e999"], 2),
        (["-s", "@/dev/zero" if Path("/dev/zero").exists() else "@missing"], 6),
    ],
)
def test_an_option_that_cannot_work_is_told(cli: CommandLine, openai: Service, arguments: list[str], code: int) -> None:
    """And an unset variable behind -o replaces nothing."""
    Path("speech.wav").write_bytes(b"precious")
    ran = cli("speak", "hi", *arguments)
    assert ran.code == code
    assert len(ran.err.splitlines()) >= 2
    assert Path("speech.wav").read_bytes() == b"precious"
    assert openai.requests == []


def test_a_name_of_many_bytes_is_written(cli: CommandLine, openai: Service) -> None:
    """Eighty characters of three bytes are a legal name."""
    openai.answer(completion("Yes.", WAV))
    name = "犬" * 80 + ".wav"
    assert cli("speak", "hi", "-o", name).code == 0
    assert Path(name).read_bytes() == WAV


def test_a_suffix_without_a_format_is_warned_of(cli: CommandLine, openai: Service) -> None:
    """a.m4a holds WAV, and a line says so."""
    openai.answer(completion("Yes.", WAV))
    assert "a.m4a will hold WAV" in cli("speak", "hi", "-o", "a.m4a").err


@pytest.mark.parametrize("header", ["x-request-id", "location"])
def test_a_secret_in_a_header_of_the_answer_is_left_out(cli: CommandLine, openai: Service, header: str) -> None:
    """Whatever a server echoes; that no run shows the key, every run checks."""
    openai.answer(Answer(b"", 302, {header: f"https://x/{CANARY}"}))
    assert cli("speak", "hi", "--debug").code == 5


def test_a_secret_in_a_success_is_left_out(cli: CommandLine, openai: Service) -> None:
    """An error with status 200, whole or as an event; and the user's own headers are secrets too."""
    env = {"OPENAI_CUSTOM_HEADERS": "X-Gateway-Key: GATESECRET"}
    told = {"error": {"message": f"no: {CANARY} GATESECRET", "code": "bad"}}
    openai.answer(Answer(json.dumps(told).encode()))
    ran = cli("speak", "hi", "--debug", env=env)
    assert ran.code == 4
    assert "GATESECRET" not in ran.err
    openai.answer(stream([b"data: " + json.dumps(told).encode() + b"\n\n"]))
    ran = cli("speak", "hi", "-o", "-", "--debug", env=env)
    assert ran.code == 4
    assert "GATESECRET" not in ran.err
    assert openai.last.headers["x-gateway-key"] == "GATESECRET"


def test_headers_of_the_users_do_not_go_to_a_strangers_server(cli: CommandLine) -> None:
    """Neither to an endpoint of a stranger's .env, nor to its text server."""
    env = {"OPENAI_CUSTOM_HEADERS": "X-Gateway-Key: GATESECRET"}
    for line in (
        "OPENAI_BASE_URL=https://attacker.example.org/v1",
        "AUDIOCHAT_LOCAL_LLM=https://attacker.example.org/v1",
    ):
        Path(".env").write_text(line + "\n", encoding="utf-8")
        ran = cli("speak", "hi", env=env)
        assert ran.code == 3
        assert "attacker.example.org" in ran.err or "not installed" in ran.err


def test_the_users_account_is_told_to_openai_alone(cli: CommandLine, openai: Service) -> None:
    """Another server gets no organization header from the environment."""
    openai.answer(completion("Yes.", WAV))
    assert cli("speak", "hi", env={"OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-1"}).code == 0
    assert not {"openai-organization", "openai-project"} & set(openai.last.headers)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=400, pieces=[b"x"] * 60, pause=0.1),
        Answer(pieces=[b": ping\n\n"] * 60, pause=0.1, headers={"Content-Type": "text/event-stream"}),
        Answer(pieces=[event({"role": "assistant"})] * 60, pause=0.1, headers={"Content-Type": "text/event-stream"}),
    ],
    ids=["an error that drips", "comments for ever", "events without content"],
)
def test_what_never_comes_to_a_point_ends_after_the_timeout(cli: CommandLine, openai: Service, answer: Answer) -> None:
    """Bytes alone do not keep a request alive."""
    openai.answer(answer)
    started = time.monotonic()
    ran = cli("speak", "hi", "-o", "-", "--timeout", "0.7", "--retries", "0")
    assert ran.code == 5
    assert time.monotonic() - started < 3
    assert len(openai.requests) == 1


def test_an_endless_error_is_not_read_whole(cli: CommandLine, openai: Service) -> None:
    """A quarter of a megabyte is enough to know what is wrong."""
    openai.answer(Answer(status=400, pieces=[b"x" * 65_536] * 400))
    assert cli("speak", "hi").code == 4
    assert openai.sent_pieces < 400


@pytest.mark.parametrize(
    "answer",
    [
        Answer(completion("Yes.", WAV).body, headers={"Content-Encoding": "gzip"}),
        stream([event({"role": "assistant"}), event()], cut=2),
    ],
    ids=["a false encoding", "a stream that has begun"],
)
def test_a_service_that_has_answered_is_not_asked_again(cli: CommandLine, openai: Service, answer: Answer) -> None:
    """An answer is money, also one that cannot be used."""
    openai.answer(answer)
    assert cli("speak", "hi", "-o", "-").code == 5
    assert len(openai.requests) == 1


@POSIX
@pytest.mark.parametrize("arguments", [["--help"], ["speak", "--help"]])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_help_on_a_full_disk(arguments: list[str]) -> None:
    """Exit 6 and one message."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*AUDIOCHAT, *arguments], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 6
    assert done.stderr.startswith(b"audiochat: Standard output cannot be written.")


@POSIX
def test_help_that_is_not_read_to_its_end() -> None:
    """Quiet."""
    command = f"{' '.join(AUDIOCHAT)} speak --help | true"
    done = subprocess.run(["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@POSIX
def test_a_closed_stdout_is_told_before_it_costs(openai: Service) -> None:
    """The words would be lost; with --json too, and without a traceback."""
    for more in ("", "--json"):
        command = f"{' '.join(AUDIOCHAT)} speak hi {more} >&-"
        done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, check=False)
        assert done.returncode == 2
        assert b"Traceback" not in done.stderr
        assert b"Standard output is closed" in done.stderr
    assert openai.requests == []


@POSIX
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_end_from_outside_is_an_envelope_too(openai: Service, number: signal.Signals, code: int) -> None:
    """SIGINT with --json says so on stdout; SIGTERM ends at once; nothing is left."""
    openai.answer(Answer(hold=20))
    process = subprocess.Popen(
        [*AUDIOCHAT, "speak", "hi", "--json", "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while not openai.requests:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, err) == (code, b"")
    if number is signal.SIGINT:
        told = json.loads(out)
        assert (told["status"], told["error"]["code"], told["error"]["exit_code"]) == ("error", "interrupted", 130)
    assert list(Path().iterdir()) == []


@POSIX
@pytest.mark.parametrize("delay", [0.0, 0.01, 0.03, 0.06, 0.1, 0.2])
def test_ctrl_c_while_it_starts_is_quiet(openai: Service, delay: float) -> None:
    """Whenever it comes after Python itself has started, there is no traceback of ours."""
    process = subprocess.Popen([*AUDIOCHAT, "speak", "hi", "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.08 + delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert b"audiochat/cli" not in err
    assert b"audiochat/terminal" not in err
    assert len(openai.requests) <= 1


@pytest.mark.parametrize("arguments", [["-o", "-"], ["-o-"], ["--output=-"], ["-o", "-", "-q"]])
def test_words_never_go_among_the_sound(cli: CommandLine, openai: Service, arguments: list[str]) -> None:
    """The model answered in text: stdout stays empty, however -o is written, and the words are on stderr."""
    openai.answer(completion(content="I can only write."))
    ran = cli("speak", "hi", *arguments)
    assert (ran.code, ran.out) == (5, b"")
    assert "I can only write." in ran.err


def test_a_dash_in_the_prompt_is_no_output(cli: CommandLine, openai: Service) -> None:
    """`speak -` with a spoiled answer has its words on stdout."""
    openai.answer(completion(content="I can only write."))
    assert cli("speak", "-", stdin=b"hi").out == b"I can only write.\n"


@POSIX
def test_a_terminal_of_another_encoding_loses_no_answer(openai: Service) -> None:
    """What it cannot show is replaced."""
    from support.terminals import in_a_terminal

    openai.answer(completion("café 日本", WAV))
    code, seen = in_a_terminal(["speak", "hi"], PYTHONIOENCODING="latin-1", TERM="dumb")
    assert code == 0
    assert "caf" in seen
    assert Path("speech.wav").read_bytes() == WAV


def test_debug_shows_an_error_answer(cli: CommandLine, openai: Service) -> None:
    """Status, headers and body, where they are needed most."""
    openai.answer(error(400, "bad", "It is bad.", headers={"x-told": "something"}))
    ran = cli("speak", "hi", "--debug")
    assert ran.code == 4
    assert "< 400" in ran.err
    assert "x-told: something" in ran.err
    assert '"code": "bad"' in ran.err


@POSIX
def test_stopping_to_play_is_quick_while_nothing_comes(openai: Service, card: Path) -> None:
    """The player waits for more sound when Ctrl-C comes."""
    openai.answer(stream([b"".join(sound_events(PCM * 3)[:-3]), *[event()] * 100], pause=0.3))
    process = subprocess.Popen([*AUDIOCHAT, "speak", "hi", "--play", "-q"], stderr=subprocess.PIPE)
    while not (card / "heard.pcm").exists():
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.3)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130
    assert time.monotonic() - started < 1.5


@POSIX
def test_ctrl_c_while_it_is_heard_keeps_words_and_file(openai: Service, card: Path) -> None:
    """The answer is whole: only the sound ends."""
    openai.answer(stream(sound_events(PCM * 5 * 20)))
    process = subprocess.Popen([*AUDIOCHAT, "speak", "hi", "--play", "-q"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    line = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=5)
    assert (process.returncode, line) == (130, b"Yes, it is.\n")
    assert len((card / "heard.pcm").read_bytes()) < 100 * len(PCM)
    assert Path("speech.wav").read_bytes() == wav.wrap(PCM * 100)


def test_a_recording_is_not_asked_for_in_vain(process: CommandLine, openai: Service, card: Path) -> None:
    """What cannot be written or configured is told before anybody speaks."""
    assert process("analyze", "-r", "-o", "missing/a.wav").code == 6
    assert process("analyze", "-r", "--provider", "azure").code == 3
    assert process("analyze", "-r", "--max-seconds", "nan").code in (2, 3)
    assert not (card / "log").exists()
    assert openai.requests == []


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "geteuid"), reason="needs a folder that goes away")
def test_a_working_directory_that_is_gone(openai: Service, tmp_path: Path) -> None:
    """The words come all the same; the file is told to have no place."""
    (tmp_path / "gone").mkdir()
    openai.answer(completion(content="A dog."))
    (tmp_path / "dog.wav").write_bytes(WAV)
    command = f"cd {tmp_path}/gone && rmdir ../gone && {' '.join(AUDIOCHAT)} analyze {tmp_path}/dog.wav --text-only"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"A dog.\n")


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        ([], {"_AUDIOCHAT_COMPLETE": "complete_bash", "COMP_WORDS": "audiochat sp", "COMP_CWORD": "1"}),
        (["--show-completion", "bash"], {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}),
        (["--install-completion", "bash"], {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}),
    ],
    ids=["a word", "the script", "its place"],
)
def test_a_shell_completes_words(process: CommandLine, arguments: list[str], env: dict[str, str]) -> None:
    """What it asks for is on stdout, with nothing on stderr and exit 0."""
    ran = process(*arguments, env=env)
    assert (ran.code, ran.err) == (0, "")
    assert ("speak" if not arguments else "bash" if "install" in arguments[0] else "COMPLETE").encode() in ran.out


def test_a_reader_who_pauses_loses_nothing(openai: Service) -> None:
    """Its time is not the service's: --timeout counts what the service takes."""
    openai.answer(stream(sound_events(PCM * 200, size=96_000)))
    command = [*AUDIOCHAT, "speak", "hi", "-o", "-", "-f", "pcm16", "-q", "--timeout", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    head = process.stdout.read(1)
    time.sleep(2)
    assert len(head + process.stdout.read()) == 200 * len(PCM)
    assert process.wait() == 0


def test_an_error_about_a_voice_is_no_reason_to_ask_again(cli: CommandLine, openai: Service) -> None:
    """Only a service that does not stream is asked without; this one does not know the voice."""
    openai.answer(error(400, "unsupported_value", "No such voice.", param="audio.voice"))
    assert cli("speak", "hi", "-o", "-", "-v", "xyz").code == 4
    assert len(openai.requests) == 1


def test_one_answer_is_taken(cli: CommandLine, openai: Service) -> None:
    """--param n is refused; where a service sends a second answer all the same, it is not mixed with the first."""
    assert cli("speak", "hi", "--param", "n=2").code == 2
    assert openai.requests == []
    second = event(choices=[{"index": 1, "delta": {"audio": {"transcript": "Second ", "data": "AAAA"}}}])
    openai.answer(stream([second if number == 2 else one for number, one in enumerate(sound_events(PCM))]))
    ran = cli("speak", "hi", "-o", "-", "-f", "pcm16")
    assert (ran.code, ran.out) == (0, PCM)
    assert "Second" not in ran.err


@POSIX
def test_a_working_directory_that_is_gone_takes_no_answer(openai: Service, tmp_path: Path) -> None:
    """It is told before it costs."""
    (tmp_path / "gone").mkdir()
    command = f"cd {tmp_path}/gone && rmdir ../gone && {' '.join(AUDIOCHAT)} speak hi -o x.wav"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert done.returncode == 6
    assert openai.requests == []


@POSIX
def test_a_script_without_spaces_is_shown_while_it_comes(openai: Service) -> None:
    """Not only at the end: Chinese and Japanese have no spaces to wait for."""
    import pty

    words = [event({"audio": {"transcript": word}}) for word in "金毛寻回犬是很好的家庭犬"]
    openai.answer(stream([*words, event(), event()], pause=0.3))
    pid, terminal = pty.fork()
    if not pid:
        os.execv(sys.executable, [*AUDIOCHAT, "speak", "hi"])  # noqa: S606 - what a terminal does
    seen = b""
    while "金毛".encode() not in seen:
        seen += os.read(terminal, 1024)
    assert openai.sent_pieces < len(words)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
class TestEngine:
    """Conditions of the local engine."""

    def test_a_cache_that_cannot_be_written_loses_no_answer(
        self, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The id has expired at once; the answer is there."""
        from support.command_line import REAL_CACHE

        assert cli("speak", "Say hello.", "-q").code == 0
        cache = Path("cache/audiochat").absolute()
        cache.mkdir(parents=True)
        (cache / "models").symlink_to(REAL_CACHE / "audiochat" / "models")
        (cache / "answers").write_text("no folder")
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
        told = json.loads(cli("speak", "Say hello.", "--json", "-q").out)
        assert told["status"] == "ok"
        assert told["audio"]["expires_at"] <= time.time()

    def test_nothing_is_told_to_anybody(self, process: CommandLine, home: Path) -> None:
        """The engine's libraries collect no events for their makers."""
        assert process("speak", "Say hello.", "-q", env={"HOME": str(home)}).code == 0
        assert not [path for path in home.rglob("*") if "Microsoft" in path.name or "onnxruntime" in path.name.lower()]

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(b"<html>", headers={"Content-Type": "text/html"}),
            Answer(b'{"choices": []}'),
            Answer(b'{"choices": null}'),
        ],
    )
    def test_a_text_server_that_answers_nonsense(self, cli: CommandLine, answer: Answer) -> None:
        """Exit 5, and which variable to check."""
        with running() as server:
            server.answer(answer)
            env = {"AUDIOCHAT_LOCAL_LLM": f"{server.url}/v1", "AUDIOCHAT_LOCAL_LLM_MODEL": "m"}
            ran = cli("speak", "hi", "-q", env=env)
            assert ran.code == 5
            assert "AUDIOCHAT_LOCAL_LLM" in ran.err

    def test_a_text_server_answers_in_the_engines_place(self, cli: CommandLine) -> None:
        """Any server that speaks chat completions in text; its usage may be missing; the voice is the engine's."""
        with running() as server:
            body = {"choices": [{"message": {"content": "<think>hm</think>**Paris.** Yes!"}}], "usage": {}}
            server.answer(Answer(json.dumps(body).encode()))
            env = {"AUDIOCHAT_LOCAL_LLM": f"{server.url}/v1", "AUDIOCHAT_LOCAL_LLM_MODEL": "big"}
            told = json.loads(cli("speak", "Where?", "--json", "-q", env=env).out)
            assert (told["transcript"], told["model"]) == ("Paris. Yes!", "big")
            assert told["audio"]["seconds"] > 0.5
            assert "authorization" not in server.last.headers

    @POSIX
    def test_ctrl_c_ends_it_while_the_text_server_is_silent(self) -> None:
        """No thread is waited for."""
        with running() as server:
            server.answer(Answer(hold=30))
            env = {**os.environ, "AUDIOCHAT_LOCAL_LLM": f"{server.url}/v1"}
            process = subprocess.Popen([*AUDIOCHAT, "speak", "hi", "-q"], env=env, stderr=subprocess.PIPE)
            while not server.requests:
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=5)
            assert process.returncode == 130
