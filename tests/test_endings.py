"""Signals × moments × commands: the right exit code, at once, quietly; nothing left, nothing harmed, nothing paid twice."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import CANARY
from faults import EVENTS, WAV, WHOLE, WORDS
from service import Answer, Service, completion, error, stream

from audiochat.audio import wav

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Tried = Callable[..., None]

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals as POSIX has them"),
]

AUDIOCHAT = [sys.executable, "-m", "audiochat"]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks at what only Linux shows")
PRECIOUS = b"what was there before"
MOMENT = 5.0
"""Seconds within which a process has to end; on a machine at rest it is a tenth of one."""
PATIENCE = 30.0
"""Seconds after which a test gives up waiting for a moment to come."""
SIGNALS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
"""The signals that end a run, and the exit codes."""


def wait_until(reached: Callable[[], object], process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait for an event."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.01)


@dataclass
class Run:
    """A process under way, and what it has written so far."""

    process: subprocess.Popen[bytes]
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    _readers: list[threading.Thread] = field(default_factory=list)

    def read(self, *, out: bool = True) -> None:
        """Read what it writes, from now on."""
        streams = [(self.process.stderr, self.err)] + ([(self.process.stdout, self.out)] if out else [])
        for stream_, kept in streams:
            thread = threading.Thread(target=self._copy, args=(stream_, kept), daemon=True)
            thread.start()
            self._readers.append(thread)

    @staticmethod
    def _copy(source: Any, kept: bytearray) -> None:
        while block := source.read1(65_536):
            kept += block

    def end(self, *numbers: int) -> None:
        """Send these signals, and wait until it has ended, which takes no longer than a moment."""
        started = time.monotonic()
        for number in numbers:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)
        self.process.wait(timeout=MOMENT)
        assert time.monotonic() - started < MOMENT
        for reader in self._readers:
            reader.join(PATIENCE)

    def notes(self) -> list[str]:
        """The lines on stderr; none is of a traceback, or long, or a secret."""
        lines = self.err.decode().splitlines()
        for line in lines:
            assert len(line) < 200
            assert CANARY not in line
            assert not re.search(r"Traceback|File \"|ignored", line), lines
        return lines


@pytest.fixture
def begun() -> Iterator[Callable[..., Run]]:
    """Starts audiochat; what is still running at the end of the test is killed."""
    runs: list[Run] = []

    def start(*arguments: str, stdin: Any = subprocess.DEVNULL, read_out: bool = True, **variables: str) -> Run:
        process = subprocess.Popen(
            [*AUDIOCHAT, *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **variables},
        )
        runs.append(Run(process))
        runs[-1].read(out=read_out)
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
        run.process.wait()
        for pipe in (run.process.stdin, run.process.stdout, run.process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


@dataclass
class Room:
    """The folders in which a command could leave something."""

    work: Path
    temporary: Path
    sessions: Path

    def look(self) -> dict[str, bytes]:
        """Every file, and what it holds; of the sessions those that are half written."""
        files = [path for folder in (self.work, self.temporary) for path in folder.rglob("*")]
        files += [path for path in self.sessions.rglob("*") if path.name.endswith(".part")]
        return {path.name: path.read_bytes() for path in files if path.is_file()}

    def transcripts(self, name: str) -> list[str]:
        """What is kept of a session, which is whole: its page, and every file that it names."""
        page = self.sessions / name / "session.json"
        if not page.exists():
            return []
        turns = json.loads(page.read_text(encoding="utf-8"))["turns"]
        for turn in turns:
            for kept in (*turn["recordings"], *([turn["audio"]] if turn["audio"] else [])):
                assert wav.read((self.sessions / name / kept["file"]).read_bytes()) is not None
        return [turn["transcript"] for turn in turns]


@pytest.fixture
def room(tmp_path: Path, home: Path, dog: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    """A working directory with a recording and precious files, and a folder for temporary ones."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert dog.exists()
    for name in ("out.wav", "turn-2.wav"):
        Path(name).write_bytes(PRECIOUS)
    return Room(tmp_path / "work", temporary, home / "data/audiochat/sessions")


@dataclass(frozen=True)
class Command:
    """A way to ask."""

    name: str
    arguments: tuple[str, ...]
    live: bool = False
    """Whether it takes the answer while it comes."""
    turns: int = 1
    """The signal comes in the last."""
    stdin: bytes = b""
    """What is on its stdin, which then ends."""


_TURNS = ("converse", "--session", "s", "-o", "turn-{n}.wav")
COMMANDS = [
    Command("speak", ("speak", "hi", "-o", "out.wav")),
    Command("speak -o -", ("speak", "hi", "-o", "-"), live=True),
    Command("speak --json", ("speak", "hi", "--json", "-o", "out.wav")),
    Command("speak --play", ("speak", "hi", "--play", "-o", "out.wav"), live=True),
    Command("analyze", ("analyze", "dog.wav", "-o", "out.wav")),
    Command("analyze -", ("analyze", "-", "-o", "out.wav"), stdin=WAV),
    Command("analyze --text-only", ("analyze", "dog.wav", "--text-only")),
    Command("converse", (*_TURNS, "-t", "first", "-t", "second"), turns=2),
    Command("converse, lines", (*_TURNS,), turns=2, stdin=b"first\nsecond\n"),
    Command("doctor", ("doctor", "--yes")),
]
BY_NAME = {command.name: command for command in COMMANDS}

SPLIT = [WHOLE.body[:3000], WHOLE.body[3000:]]
MOMENTS: dict[str, Answer] = {
    "before the head": Answer(hold=60),
    "in the head": Answer(b"HTTP/1.1 200 OK\r\nContent-Type: app", raw=True, cut=99, end="silence"),
    "in the body": replace(WHOLE, pieces=SPLIT, cut=1, end="silence"),
    "in the stream": replace(stream(EVENTS, cut=5), end="silence"),
    "before another try": error(503, None, "busy", headers={"retry-after": "60"}),
}
"""What the service is doing when the signal comes."""


def meet(moment: str, command: Command) -> bool:
    """Whether the command has that moment."""
    if moment == "before another try":
        return command.name != "doctor"  # which asks once
    return moment not in ("in the body", "in the stream") or (moment == "in the stream") == command.live


CASES = [
    (command, moment, name)
    for command in COMMANDS
    for moment in MOMENTS
    if meet(moment, command)
    for name in SIGNALS
    # Beyond the signal's arrival they go the same way: all three for one command, and for one moment.
    if name == "SIGINT" or command.name == "speak" or moment in ("before the head", "in the stream")
]


def first_answer() -> Answer:
    """The answer to a turn that goes well, which the next turn can refer to."""
    body = json.loads(WHOLE.body)
    body["choices"][0]["message"]["audio"]["expires_at"] = int(time.time()) + 3600
    return Answer(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("command", "moment", "name"), CASES, ids=[f"{name} {moment} - {command.name}" for command, moment, name in CASES]
)
@pytest.mark.usefixtures("card")
def test_a_signal_while_the_service_is_at_work(
    command: Command, moment: str, name: str, room: Room, openai: Service, begun: Callable[..., Run], tried: Tried
) -> None:
    """Its exit code within a moment, at most one line; files as they were; asked as often as before."""
    tried("signals x moments")
    before = room.look()
    openai.answer(*[first_answer()] * (command.turns - 1), MOMENTS[moment])
    run = begun(*command.arguments, stdin=subprocess.PIPE)
    assert run.process.stdin is not None
    run.process.stdin.write(command.stdin)
    run.process.stdin.close()
    wait_until(lambda: len(openai.requests) == command.turns, run.process)
    if moment == "in the stream":
        wait_until(lambda: openai.sent_pieces == 5, run.process)
    if moment == "in the body":
        wait_until(lambda: openai.sent_pieces == 1, run.process)
    if moment == "before another try":
        wait_until(lambda: b"trying again in 60 s" in run.err, run.process)
    run.end(getattr(signal, name))
    assert run.process.returncode == SIGNALS[name]
    last = ["Interrupted."] if name == "SIGINT" else []
    notes = [line for line in run.notes() if "trying again" not in line and not line.startswith("turn-1.wav")]
    assert notes == last
    assert len(openai.requests) == command.turns
    after = room.look()
    if command.turns > 1:
        assert after.pop("turn-1.wav") == WAV
        assert room.transcripts("s") == [WORDS]
        assert run.out.decode() == f"{WORDS}\n"
    assert after == before
    if "--json" in command.arguments and name == "SIGINT":
        assert json.loads(run.out)["error"]["code"] == "interrupted"


INSTANTS = {
    "import audiochat.terminal": None,
    "import typer": None,
    "import audiochat.cli.answer": None,
    "import openai": None,
    "import httpx2": None,
    "import pydantic": None,
    "import audiochat.client": None,
    "socket.connect": 0,
    "open .part": 1,
    "os.rename .part": 1,
    "os.remove .part": 1,
    "os.rename .part;os.remove .part": 1,
}
"""What Python is about to do, and how many requests there are then."""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("instant", INSTANTS)
def test_a_signal_at_an_exact_instant(
    instant: str, name: str, room: Room, openai: Service, begun: Callable[..., Run], tried: Tried
) -> None:
    """While it imports, connects, writes its file, puts it in its place and tidies up: the file is whole or as before."""
    tried("signals x moments")
    before = room.look()
    openai.answer(completion(WORDS, WAV))
    moments = {"MOMENTS": instant, "SIGNALS": str(int(getattr(signal, name)))}
    run = begun("speak", "hi", "-o", "out.wav", PYTHONPATH=str(Path(__file__).parent / "moments"), **moments)
    run.process.wait(timeout=PATIENCE)
    run.end()
    assert run.process.returncode == SIGNALS[name]
    assert len(openai.requests) == (INSTANTS[instant] or 0)
    after = room.look()
    if instant == "os.remove .part":  # which is what is done when the file is in its place
        assert after["out.wav"] == WAV
        before["out.wav"] = WAV
    assert after == before
    assert set(run.notes()) <= {"Interrupted."}
