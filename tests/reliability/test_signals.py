"""Signals at moments of commands: the right exit code, at once, quietly; nothing left, harmed, or paid twice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support import SUPPORT
from support.command_line import CANARY
from support.faults import EVENTS, WAV, WHOLE, WORDS, keep_silent, listening
from support.service import PCM, Answer, Service, completion, error, sound_events, stream

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
    # Beyond the signal's arrival they go the same way: all three for one command, and two at one moment.
    if name == "SIGINT" or command.name == "speak" or (name, moment) == ("SIGTERM", "before the head")
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
    # The words that had come are shown at Ctrl-C, on stderr where stdout has the sound: some, or all that were sent.
    if name == "SIGINT" and moment == "in the stream" and len(notes) > len(last):
        assert "Yes, it is.".startswith(notes.pop(0))
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
    "import audiochat.cli.terminal": None,
    "import typer": None,
    "import audiochat.cli.answer": None,
    "import openai": None,
    "import httpx2": None,
    "import pydantic": None,
    "import audiochat.chat.client": None,
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
    """While it imports, connects, writes its file, puts it in its place, tidies up: the file is whole or as before."""
    tried("signals x moments")
    before = room.look()
    openai.answer(completion(WORDS, WAV))
    moments = {"MOMENTS": instant, "SIGNALS": str(int(getattr(signal, name)))}
    run = begun("speak", "hi", "-o", "out.wav", PYTHONPATH=str(SUPPORT / "moments"), **moments)
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


def test_ctrl_c_at_the_instant_when_playing_begins(
    room: Room, openai: Service, card: Path, begun: Callable[..., Run], tried: Tried
) -> None:
    """A thread that was not started yet cannot be waited for; the words that came are shown all the same."""
    tried("signals x moments")
    before = room.look()
    openai.answer(stream(sound_events(PCM * 20, ("Yes, it is.",))))
    paths = os.pathsep.join(str(SUPPORT / name) for name in ("fakes", "moments"))
    moments = {"MOMENTS": "thread audiochat-playing", "SIGNALS": str(int(signal.SIGINT))}
    run = begun("speak", "hi", "--play", "-o", "out.wav", PYTHONPATH=paths, **moments)
    run.process.wait(timeout=PATIENCE)
    run.end()
    assert (run.process.returncode, bytes(run.out)) == (130, b"Yes, it is.\n")
    assert run.notes()[-1] == "Interrupted."
    assert room.look()["out.wav"] == before["out.wav"]
    assert (card / "log").read_text().splitlines()[-1].startswith("close ")


# --- other moments


def unread(pipe: Any) -> int:
    """Bytes in a pipe that nobody has taken yet."""
    import fcntl
    import struct
    import termios

    return int(struct.unpack("i", fcntl.ioctl(pipe.fileno(), termios.FIONREAD, b"\0\0\0\0"))[0])


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        *((("speak",), name) for name in SIGNALS),
        (("speak", "Sum up:", "-"), "SIGINT"),
        (("analyze", "-"), "SIGINT"),
        (("analyze", "-"), "SIGTERM"),
        (("analyze", "dog.wav", "-"), "SIGINT"),
        (("converse",), "SIGINT"),
        (("converse",), "SIGTERM"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_signal_while_stdin_is_read(
    arguments: tuple[str, ...], name: str, room: Room, openai: Service, begun: Callable[..., Run], tried: Tried
) -> None:
    """Whoever pipes in is slow: it ends, and nothing is asked."""
    tried("signals x moments")
    before = room.look()
    run = begun(*arguments, stdin=subprocess.PIPE)
    stdin = run.process.stdin
    assert stdin is not None
    stdin.write(WAV[:1000] if arguments == ("analyze", "-") else b"the beginning")
    stdin.flush()
    wait_until(lambda: unread(stdin) == 0, run.process)
    run.end(getattr(signal, name))
    assert run.process.returncode == SIGNALS[name]
    assert run.notes() == (["Interrupted."] if name == "SIGINT" else [])
    assert openai.requests == []
    assert room.look() == before


@pytest.fixture
def slow_az(az: Path) -> Path:
    """An `az` that takes its time, as the real one a script that starts another program; where it notes its ids."""
    script = az / "az"
    script.write_text(
        textwrap.dedent(f"""\
        #!/bin/sh
        sleep 300 &
        echo "$! $$" > "{az}/ids.part"
        mv "{az}/ids.part" "{az}/ids"
        wait
        """)
    )
    return az / "ids"


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("arguments", [("speak", "hi", "-o", "out.wav"), ("doctor", "--yes")], ids=" ".join)
@pytest.mark.usefixtures("card")
def test_a_signal_while_the_sign_in_waits(
    arguments: tuple[str, ...],
    name: str,
    room: Room,
    service: Service,
    slow_az: Path,
    begun: Callable[..., Run],
    tried: Tried,
) -> None:
    """It ends without waiting for `az`, which a terminal's Ctrl-C reaches by itself; nothing is asked."""
    tried("signals x moments")
    before = room.look()
    run = begun(*arguments, AZURE_OPENAI_ENDPOINT=service.url)
    wait_until(slow_az.exists, run.process)
    other, az = map(int, slow_az.read_text().split())
    try:
        run.end(getattr(signal, name))
        assert run.process.returncode == SIGNALS[name]
        assert run.notes() == (["Interrupted."] if name == "SIGINT" else [])
    finally:
        for pid in (az, other):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    assert service.requests == []
    assert room.look() == before


def read_little(connection: socket.socket) -> None:
    """Take the beginning of a request, and no more of it."""
    connection.recv(65_536)
    threading.Event().wait(PATIENCE)


WAYS: dict[str, tuple[str, Callable[[socket.socket], object], int]] = {
    "a handshake without answer": ("https", keep_silent, 0),
    "a request that is read slowly": ("http", read_little, 3_900_000),
}
"""The scheme, what is at the other end, and how many bytes the question has."""


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("way", WAYS)
def test_a_signal_on_the_way_to_the_service(
    way: str, name: str, room: Room, begun: Callable[..., Run], tried: Tried
) -> None:
    """While it connects and while the question is sent."""
    tried("signals x moments")
    before = room.look()
    scheme, behave, size = WAYS[way]
    with listening(behave) as listener:
        url = f"{scheme}://127.0.0.1:{listener.port}/v1"
        Path("question").write_text("x" * size or "hi")
        with Path("question").open("rb") as question:
            run = begun("speak", "-o", "out.wav", stdin=question, OPENAI_BASE_URL=url, OPENAI_API_KEY=CANARY)
        wait_until(lambda: listener.accepted == 1, run.process)
        time.sleep(0.1)  # until the buffers are full; it ends as well where they are not
        run.end(getattr(signal, name))
        assert listener.accepted == 1
    Path("question").unlink()
    assert run.process.returncode == SIGNALS[name]
    assert run.notes() == (["Interrupted."] if name == "SIGINT" else [])
    assert room.look() == before


@LINUX
@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_while_nobody_accepts_the_connection(
    name: str, room: Room, begun: Callable[..., Run], tried: Tried
) -> None:
    """A host that answers nothing at all: its queue of connections is full."""
    tried("signals x moments")
    before = room.look()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as others:
        port = server.getsockname()[1]
        for _ in range(2):
            other = others.enter_context(socket.socket())
            other.settimeout(0)
            other.connect_ex(("127.0.0.1", port))
        asking = f" 0100007F:{port:04X} 02 "  # SYN_SENT

        def connecting() -> int:
            return Path("/proc/net/tcp").read_text().count(asking)

        ours = connecting()
        run = begun("speak", "hi", "-o", "out.wav", OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1")
        wait_until(lambda: connecting() > ours, run.process)
        run.end(getattr(signal, name))
    assert run.process.returncode == SIGNALS[name]
    assert run.notes() == (["Interrupted."] if name == "SIGINT" else [])
    assert room.look() == before


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_while_a_reader_reads_no_more(
    name: str, room: Room, openai: Service, begun: Callable[..., Run], tried: Tried
) -> None:
    """Stdout is full: what it did not take is not waited for; Ctrl-C shows the words that had come."""
    tried("signals x moments")
    openai.answer(stream(sound_events(PCM * 100)))
    run = begun("speak", "hi", "-o", "-", read_out=False)
    wait_until(lambda: unread(run.process.stdout) >= 30_000, run.process)  # some pieces take more room than they need
    run.end(getattr(signal, name))
    assert run.process.returncode == SIGNALS[name]
    assert run.notes() == (["Yes, it is.", "Interrupted."] if name == "SIGINT" else [])
    assert len(openai.requests) == 1
    assert room.look().keys() == {"dog.wav", "out.wav", "turn-2.wav"}


@pytest.mark.parametrize("reads", ["nobody", "somebody slow"])
@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_while_a_named_pipe_waits(
    name: str, reads: str, room: Room, openai: Service, begun: Callable[..., Run], tried: Tried
) -> None:
    """It says so while nobody reads it, and ends; also where its reader takes nothing. The paid answer is kept."""
    tried("signals x moments")
    before = room.look()
    os.mkfifo("pipe.wav")
    openai.answer(completion(WORDS, wav.wrap(PCM * 100)))
    if reads == "nobody":
        run = begun("speak", "hi", "-o", "pipe.wav")
        wait_until(lambda: b"pipe.wav is a pipe that nobody reads yet" in run.err, run.process)
        run.end(getattr(signal, name))
    else:
        with os.fdopen(os.open("pipe.wav", os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as pipe:
            run = begun("speak", "hi", "-o", "pipe.wav")
            wait_until(lambda: unread(pipe) >= 65_536, run.process)
            run.end(getattr(signal, name))
    assert run.process.returncode == SIGNALS[name]
    assert len(openai.requests) == 1
    kept, *rest = run.notes()[reads == "nobody" :]
    assert rest == (["Interrupted."] if name == "SIGINT" else [])
    name_of_kept = kept.removeprefix("The answer is kept as ").removesuffix(".")
    assert Path(name_of_kept).read_bytes() == wav.wrap(PCM * 100)
    Path(name_of_kept).unlink()
    assert room.look() == before
    assert Path("pipe.wav").is_fifo()
    assert WORDS in run.out.decode()


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_while_it_listens(
    name: str, room: Room, openai: Service, card: Path, begun: Callable[..., Run], tried: Tried
) -> None:
    """The microphone is let go, and nothing is asked."""
    tried("signals x moments")
    before = room.look()
    (card / "spoken.pcm").write_bytes(bytes(48_000 * 3600))
    run = begun("analyze", "-r", "--max-seconds", "3600", "-o", "out.wav")
    wait_until(lambda: (card / "log").exists() and "start" in (card / "log").read_text(), run.process)
    run.end(getattr(signal, name))
    assert run.process.returncode == SIGNALS[name]
    assert [line for line in run.notes() if "Recording" not in line] == (["Interrupted."] if name == "SIGINT" else [])
    assert [line.split()[0] for line in (card / "log").read_text().splitlines()][-2:] == ["abort", "close"]
    assert openai.requests == []
    assert room.look() == before


# --- more than one signal, and those that are to be ignored


@pytest.mark.parametrize("numbers", [(2, 2), (2, 2, 2), (15, 2), (2, 15), (1, 15, 2), (15, 15)], ids=str)
@pytest.mark.parametrize("command", ["speak", "speak --play", "converse"])
@pytest.mark.usefixtures("card")
def test_more_signals_make_it_no_worse(
    command: str, numbers: tuple[int, ...], room: Room, openai: Service, begun: Callable[..., Run], tried: Tried
) -> None:
    """Ctrl-C twice, and a supervisor that loses its patience: it ends by one of them, as tidily."""
    tried("signals x moments")
    before = room.look()
    asked = BY_NAME[command]
    moment = MOMENTS["in the stream" if asked.live else "in the body"]
    openai.answer(*[first_answer()] * (asked.turns - 1), moment)
    run = begun(*asked.arguments)
    wait_until(lambda: len(openai.requests) == asked.turns and openai.sent_pieces > 0, run.process)
    run.end(*numbers)
    assert run.process.returncode in {128 + number for number in numbers}
    assert {line for line in run.notes() if not line.startswith("turn-1")} <= {"Interrupted."}
    after = room.look()
    if asked.turns > 1:
        assert room.transcripts("s") == [WORDS]
        assert after.pop("turn-1.wav") == WAV
    assert after == before
    assert len(openai.requests) == asked.turns


@pytest.mark.parametrize("numbers", ["2,2", "15,2", "2,15", "15,15"])
@pytest.mark.parametrize("instants", ["open .part;os.remove .part", "os.rename .part;os.remove .part"])
def test_a_second_signal_while_it_tidies_up(
    instants: str, numbers: str, room: Room, openai: Service, begun: Callable[..., Run], tried: Tried
) -> None:
    """The half-written file is removed all the same."""
    tried("signals x moments")
    before = room.look()
    openai.answer(completion(WORDS, WAV))
    moments = {"PYTHONPATH": str(SUPPORT / "moments"), "MOMENTS": instants, "SIGNALS": numbers}
    run = begun("speak", "hi", "-o", "out.wav", **moments)
    run.process.wait(timeout=PATIENCE)
    run.end()
    assert run.process.returncode == 128 + int(numbers.partition(",")[0])
    assert room.look() == before
    assert set(run.notes()) <= {"Interrupted."}


def test_who_has_waited_ends_it_at_once(room: Room, openai: Service, begun: Callable[..., Run], tried: Tried) -> None:
    """Tidying up can take long (here the part that came is written to a pipe): Ctrl-C a second later ends that too."""
    tried("signals x moments")
    os.mkfifo("pipe.wav")
    openai.answer(MOMENTS["in the stream"])
    run = begun("speak", "hi", "--play", "--keep-partial", "-o", "pipe.wav", "-q", PYTHONPATH=fakes(room))
    wait_until(lambda: openai.sent_pieces == 5, run.process)
    wait_until((room.temporary / "log").exists, run.process)
    time.sleep(0.2)  # until the last piece has arrived
    run.process.send_signal(signal.SIGINT)
    time.sleep(1.5)
    assert run.process.poll() is None
    run.end(signal.SIGINT)
    assert run.process.returncode == 130
    assert run.notes() == []


def fakes(room: Room) -> str:
    """Where the sound card is; it writes to the temporary files' folder."""
    os.environ["FAKE_SOUND"] = str(room.temporary)
    return str(SUPPORT / "fakes")


@pytest.mark.parametrize("name", ["HUP", "INT", "TERM"])
def test_a_signal_that_is_ignored_stays_so(
    name: str, room: Room, openai: Service, begun: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """As nohup, or a shell that puts a job in the background, wants it: the answer comes."""
    tried("signals x moments")
    going = threading.Event()
    openai.answer(replace(WHOLE, before=lambda: going.wait(PATIENCE)))
    command = ["sh", "-c", f"trap '' {name}; exec \"$@\"", "sh", *AUDIOCHAT]
    monkeypatch.setitem(globals(), "AUDIOCHAT", command)
    run = begun("speak", "hi", "-o", "out.wav", "-q")
    wait_until(lambda: openai.requests, run.process)
    run.process.send_signal(getattr(signal, f"SIG{name}"))
    time.sleep(0.1)
    going.set()
    run.process.wait(timeout=PATIENCE)
    run.end()
    assert (run.process.returncode, run.notes()) == (0, [])
    assert room.look()["out.wav"] == WAV


# --- readers that leave


@pytest.mark.parametrize(
    "command", ["speak", "speak -o -", "speak --json", "analyze --text-only", "converse", "converse, lines"]
)
def test_a_reader_that_leaves(
    command: str, room: Room, openai: Service, begun: Callable[..., Run], tried: Tried
) -> None:
    """Exit 0, quietly; files are saved all the same, and nobody who is not listened to asks another question."""
    tried("signals x moments")
    asked = BY_NAME[command]
    gone = threading.Event()
    pieces = sound_events(PCM * 100)
    openai.answer(
        replace(stream(pieces), before=lambda: gone.wait(PATIENCE))
        if asked.live
        else replace(first_answer(), before=lambda: gone.wait(PATIENCE))
    )
    run = begun(*asked.arguments, stdin=subprocess.PIPE, read_out=False)
    assert run.process.stdin is not None
    assert run.process.stdout is not None
    run.process.stdin.write(asked.stdin)
    run.process.stdin.close()
    run.process.stdout.close()
    gone.set()
    run.process.wait(timeout=PATIENCE)
    run.end()
    assert run.process.returncode == 0
    assert [line for line in run.notes() if "out.wav" not in line] == []
    assert len(openai.requests) == 1
    saved = {"speak": "out.wav", "speak --json": "out.wav", "converse": "turn-1.wav", "converse, lines": "turn-1.wav"}
    if command in saved:
        assert room.look()[saved[command]] == WAV
    if asked.turns > 1:
        assert room.transcripts("s") == [WORDS]


def test_sigpipe_itself_changes_nothing(room: Room, openai: Service, begun: Callable[..., Run], tried: Tried) -> None:
    """The answer comes."""
    tried("signals x moments")
    going = threading.Event()
    openai.answer(replace(WHOLE, before=lambda: going.wait(PATIENCE)))
    run = begun("speak", "hi", "-o", "out.wav", "-q")
    wait_until(lambda: openai.requests, run.process)
    run.process.send_signal(signal.SIGPIPE)
    going.set()
    run.process.wait(timeout=PATIENCE)
    run.end()
    assert (run.process.returncode, run.notes()) == (0, [])
    assert room.look()["out.wav"] == WAV


# --- SIGKILL


@pytest.mark.parametrize("instant", ["socket.connect", "open .part", "os.rename .part", "os.remove .part"])
@pytest.mark.parametrize("command", ["speak", "converse"])
def test_sigkill_harms_nothing(
    instant: str, command: str, room: Room, openai: Service, begun: Callable[..., Run], tried: Tried
) -> None:
    """What was there is whole, and the next run goes on; at most one hidden .audiochat-….part is left.

    It stays until somebody removes it: audiochat cannot know whether another one is just writing it.
    """
    tried("signals x moments")
    before = room.look()
    openai.answer(first_answer())
    asked = BY_NAME[command]
    run = begun(*asked.arguments, PYTHONPATH=str(SUPPORT / "moments"), MOMENTS=instant, SIGNALS="9")
    run.process.wait(timeout=PATIENCE)
    run.end()
    assert run.process.returncode == -9
    after = room.look()
    left = [name for name in after if name.endswith(".part")]
    assert len(left) == (instant == "os.rename .part")
    for name in left:
        assert re.fullmatch(r"\.audiochat-[0-9a-f]{12}\.part", name)
        assert after.pop(name) == WAV
    if instant == "os.remove .part" and command == "speak":  # a turn is kept in its session first
        before["out.wav"] = WAV
    assert after == before
    again = begun(*asked.arguments)  # no lock is in its way
    again.process.wait(timeout=PATIENCE)
    again.end()
    assert again.process.returncode == 0
    if asked.turns > 1:
        assert room.transcripts("s") == [WORDS, WORDS]


# --- at any moment


def check_the_interpreters_own(code: int, err: str) -> None:
    """Python has been told before audiochat was asked whether it minds.

    Until `main` begins, a hundredth of a second after the start, SIGINT has the system's handler and then Python's:
    it dies of the signal (-2), or tells where it was, in its own modules (1, while it imports `site` or `runpy`). Of
    ours there are the first lines of `__init__` and `__main__` at most, which import nothing that takes time.
    """
    ours = re.findall(r'File "[^"]*audiochat/([^"]+)", line \d+, in (\S+)', err)
    assert set(ours) <= {("__init__.py", "<module>"), ("__main__.py", "<module>")}, err
    assert code in (-2, 1)


SEEDS = range(8)
DELIVERIES = 13


@pytest.mark.parametrize("seed", SEEDS)
def test_a_signal_at_any_instant(
    seed: int, room: Room, openai: Service, begun: Callable[..., Run], tried: Tried
) -> None:
    """SIGINT or SIGTERM somewhere in a run's life: its file is whole or untouched, and nothing else is there."""
    chance = random.Random(seed)
    command = BY_NAME[("speak", "analyze", "converse", "speak -o -")[seed % 4]]
    openai.answer(stream(sound_events(PCM)) if command.live else first_answer())
    arguments = [argument.replace("out.wav", "out.mp3") for argument in command.arguments]  # which takes a moment more
    before, name = room.look(), "turn-1.wav" if command.turns > 1 else "out.mp3"
    whole: set[bytes] = set()
    started = time.monotonic()
    run = begun(*arguments)
    run.process.wait(timeout=PATIENCE)
    run.end()
    life = time.monotonic() - started
    assert run.process.returncode == 0
    whole.add(room.look().get(name, PRECIOUS))
    for delivery in range(DELIVERIES):
        tried("signals x moments")
        number = chance.choice([signal.SIGINT, signal.SIGTERM])
        (room.work / name).write_bytes(PRECIOUS)
        moment = chance.uniform(0, life)
        asked = len(openai.requests)
        arguments = [f"s{delivery}" if argument == "s" else argument for argument in arguments]
        run = begun(*arguments)
        time.sleep(moment)
        run.end(number)
        if "Traceback" in run.err.decode() or run.process.returncode in (-2, 1):
            assert number is signal.SIGINT
            check_the_interpreters_own(run.process.returncode, run.err.decode())
            run.err.clear()
        else:
            assert run.process.returncode in (0, 128 + number, -signal.SIGTERM)
        told = [line for line in run.notes() if not re.search(r"^Interrupted\.$|(mp3|wav)  0\.2 s$", line)]
        assert told in ([], [WORDS] if command.live else [])
        after = room.look()
        assert after.pop(name, PRECIOUS) in ({PRECIOUS, *whole} if run.process.returncode else whole)
        after["turn-2.wav"] = before["turn-2.wav"]
        assert after == {key: value for key, value in before.items() if key != name}
        assert len(openai.requests) <= asked + command.turns
        arguments = [re.sub(r"^s\d+$", "s", argument) for argument in arguments]
        if command.turns > 1:
            assert set(room.transcripts(f"s{delivery}")) <= {WORDS}


# --- at a terminal


class Seat:
    """A terminal with audiochat at it, which is in its foreground; and somebody who types, or leaves."""

    PROGRAM = (
        "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "  # Ctrl-C typed there is a signal
        "from audiochat.__main__ import main; main()"
    )

    def __init__(self, *arguments: str) -> None:
        import pty
        import termios

        self._main, self._side = pty.openpty()
        self._before = termios.tcgetattr(self._side)
        self.seen = ""
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24", "PROMPT_TOOLKIT_NO_CPR": "1"}
        command = [sys.executable, "-c", self.PROGRAM, *arguments]
        self.process = subprocess.Popen(
            command, stdin=self._side, stdout=self._side, stderr=self._side, env=env, start_new_session=True
        )
        os.set_blocking(self._main, False)

    def see(self, text: str) -> None:
        """Wait until it is to be seen."""
        wait_until(lambda: text in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._look()), self.process)

    def type(self, text: str) -> None:
        """Type."""
        os.write(self._main, text.encode())

    def hang_up(self) -> None:
        """The window is closed, the connection is lost."""
        os.close(self._side)
        os.close(self._main)

    def wait(self, *, gone: bool = False) -> int:
        """The exit code, within a moment."""
        deadline = time.monotonic() + MOMENT
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.seen
            if not gone:
                self._look()
            time.sleep(0.01)
        if not gone:
            self._look()
        return self.process.returncode

    def check_restored(self) -> None:
        """It echoes, takes lines, and shows the cursor; no traceback is on it."""
        import termios

        self._look()
        after = termios.tcgetattr(self._side)
        assert after == self._before
        assert after[3] & termios.ECHO
        assert after[3] & termios.ICANON
        assert self.seen.rfind("\x1b[?25l") <= self.seen.rfind("\x1b[?25h")
        assert "Traceback" not in self.seen
        self.hang_up()

    def _look(self) -> str:
        with contextlib.suppress(BlockingIOError, OSError):
            while block := os.read(self._main, 4096):
                self.seen += block.decode("utf-8", "replace")
        return self.seen


@pytest.fixture
def seated() -> Iterator[Callable[..., Seat]]:
    """Seats audiochat at a terminal."""
    seats: list[Seat] = []

    def seat(*arguments: str) -> Seat:
        seats.append(Seat(*arguments))
        return seats[-1]

    yield seat
    for one in seats:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()


WAITS: dict[str, tuple[tuple[str, ...], Answer, str]] = {
    "the head": (("speak", "hi", "-o", "out.wav"), MOMENTS["before the head"], "Waiting for the answer"),
    "the stream": (("speak", "hi", "-o", "out.wav"), MOMENTS["in the stream"], "Yes,"),
    "another try": (("speak", "hi", "-o", "out.wav"), MOMENTS["before another try"], "trying again in 60 s"),
    "the microphone": (("analyze", "-r", "-o", "out.wav"), MOMENTS["before the head"], "Recording, until silence"),
    "the doctor": (("doctor", "--yes"), MOMENTS["before the head"], "Examining"),
    "consent": (("doctor",), MOMENTS["before the head"], "Send a request"),
    "a line": (("converse", "--session", "s"), MOMENTS["before the head"], "1>"),
    "a reply": (("converse", "--session", "s"), MOMENTS["in the stream"], "Yes,"),
}
"""What a person waits for: the command, the answer, and what is to be seen meanwhile."""


AT_TERMINALS = [
    (wait, how)
    for wait in WAITS
    for how in ("Ctrl-C", "SIGTERM", "SIGHUP", "hang up")
    if how in ("Ctrl-C", "SIGTERM") or wait in ("the head", "the stream", "a line", "a reply")
]


@pytest.mark.parametrize(("wait", "how"), AT_TERMINALS)
def test_an_end_at_a_terminal(
    wait: str, how: str, room: Room, openai: Service, card: Path, seated: Callable[..., Seat], tried: Tried
) -> None:
    """The wait is visible; it ends; the terminal is as it was."""
    tried("signals x moments")
    (card / "spoken.pcm").write_bytes(bytes(48_000 * 3600))
    before = room.look()
    arguments, answer, visible = WAITS[wait]
    openai.answer(answer)
    seat = seated(*arguments)
    if wait == "a reply":
        seat.see("1>")
        seat.type("hi\r")
    seat.see(visible)
    if wait == "the doctor":
        wait_until(lambda: openai.requests, seat.process)
    talks = wait in ("a line", "a reply")
    if how == "Ctrl-C":
        seat.type("\x03")
        if talks:
            seat.see("Ctrl-C again, or /quit, leaves." if wait == "a line" else "Stopped.")
            seat.type("\x04")
        assert seat.wait() == (0 if talks else 130)
        assert ("Interrupted." in seat.seen) == (not talks)
    elif how == "hang up":
        seat.hang_up()
        assert seat.wait(gone=True) == 129
    else:
        seat.process.send_signal(getattr(signal, how))
        assert seat.wait() == SIGNALS[how]
    if how != "hang up":
        seat.check_restored()
    assert room.look() == before
    assert len(openai.requests) <= 1


SLEEPING = """
import signal, sys, threading
from audiochat.__main__ import main

def interrupt():
    sys.stdin.readline()
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
main()
"""
"""Another thread takes the signal: the main one is not woken by it, as by one that comes right before it waits."""


def test_the_doctor_hears_a_signal_that_does_not_wake_it(room: Room, openai: Service, tried: Tried) -> None:
    """Its single waits are short."""
    tried("signals x moments")
    before = room.look()
    openai.answer(MOMENTS["before the head"])
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPING, "doctor", "--yes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        wait_until(lambda: openai.requests, process)
        time.sleep(0.2)
        process.communicate(b"\n", timeout=MOMENT)
    assert process.returncode == 130
    assert room.look() == before


def test_a_terminal_that_goes_takes_no_answer_with_it(
    room: Room, openai: Service, seated: Callable[..., Seat], monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """Where SIGHUP is ignored, the file is written though nobody can be told."""
    tried("signals x moments")
    monkeypatch.setattr(Seat, "PROGRAM", "import signal; signal.signal(1, signal.SIG_IGN); " + Seat.PROGRAM)
    gone = threading.Event()
    openai.answer(replace(stream(sound_events(PCM)), before=lambda: gone.wait(PATIENCE)))
    seat = seated("speak", "hi", "-o", "out.wav")
    seat.see("Waiting for the answer")
    wait_until(lambda: openai.requests, seat.process)
    seat.hang_up()
    gone.set()
    assert seat.wait(gone=True) == 6  # the words could not be shown
    assert room.look()["out.wav"] == WAV
