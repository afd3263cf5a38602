"""Places and commands that write: the right exit code, one message; an answer is whole somewhere, or told lost."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.command_line import Ran
from support.faults import WAV, WHOLE, WORDS
from support.service import PCM, Answer, Service, completion, sound_events, stream

from audiochat.audio import wav

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.command_line import CommandLine

    Tried = Callable[..., None]

pytestmark = pytest.mark.reliability

AUDIOCHAT = [sys.executable, "-m", "audiochat"]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="what POSIX alone has")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
PRECIOUS = b"what was there before"
LARGE = wav.wrap(PCM * 300)
"""Three megabytes: more than is kept in memory."""


@dataclass
class Room:
    """The folders in which a command could leave something."""

    work: Path
    temporary: Path
    home: Path

    def look(self) -> dict[str, bytes]:
        """Every file of the working directory, and what it holds; of elsewhere those that are half written."""
        files = [path for path in self.work.rglob("*") if not path.is_symlink()]
        files += [path for folder in (self.temporary, self.home) for path in folder.rglob("*.part")]
        return {path.name: path.read_bytes() for path in files if path.is_file()}


@pytest.fixture
def room(tmp_path: Path, home: Path, dog: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    """A working directory with a recording, and a folder for temporary files of our own."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)  # processes and this one look for it anew
    assert dog.exists()
    return Room(tmp_path / "work", temporary, home)


@dataclass(frozen=True)
class Command:
    """A command that writes a file."""

    name: str
    arguments: tuple[str, ...]
    as_json: bool = False


COMMANDS = [
    Command("speak", ("speak", "hi")),
    Command("speak --json", ("speak", "hi", "--json"), as_json=True),
    Command("analyze", ("analyze", "dog.wav")),
    Command("converse", ("converse", "-t", "hi", "--session", "s")),
    Command("converse --no-save", ("converse", "-t", "hi", "--no-save")),
]
each_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)


def told(ran: Ran, command: Command, exit_code: int) -> str:
    """The hint of the one message there is, on stderr and, with --json, in the envelope."""
    assert ran.code == exit_code
    lines = ran.err.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("audiochat: "))
    assert 2 <= len(lines[start:]) <= 3
    assert not [line for line in lines[:start] if "waiting for its reader" not in line]
    if command.as_json:
        envelope = json.loads(ran.out)
        assert envelope["error"]["exit_code"] == exit_code
        assert envelope["error"]["hint"] == lines[start + 1]
    return lines[start + 1]


def check_kept(ran: Ran, command: Command, sound: bytes = WAV) -> Path:
    """Exit 6, the words on stdout, and the file that the hint names holds the whole answer; the file."""
    hint = told(ran, command, 6)
    named = re.fullmatch(r"The answer is kept as (.+)\.", hint)
    assert named is not None, hint
    assert Path(named[1]).read_bytes() == sound
    check_words(ran, command)
    return Path(named[1])


def check_words(ran: Ran, command: Command) -> None:
    """They are on stdout."""
    if command.as_json:
        assert json.loads(ran.out)["transcript"] == WORDS
    else:
        assert ran.out.decode() == f"{WORDS}\n"


# --- refused before it costs


def a_missing_folder() -> str:
    """In a folder that is not there."""
    return "place/a.wav"


def a_file_as_a_folder() -> str:
    """In a file."""
    Path("place").write_bytes(PRECIOUS)
    return "place/a.wav"


def a_file_in_a_file() -> str:
    """In a folder in a file."""
    Path("place").write_bytes(PRECIOUS)
    return "place/deeper/a.wav"


def a_link_to_itself() -> str:
    """In a link that leads nowhere."""
    Path("place").symlink_to("place")
    return "place/a.wav"


def a_name_of_256_bytes() -> str:
    """A byte too long."""
    return "x" * 252 + ".wav"


def a_path_of_5000_bytes() -> str:
    """Longer than any system takes."""
    return "../work/" * 625 + "a.wav"


IMPOSSIBLE = [
    a_missing_folder,
    a_file_as_a_folder,
    a_file_in_a_file,
    a_link_to_itself,
    a_name_of_256_bytes,
    a_path_of_5000_bytes,
]


REFUSED = [
    pytest.param(place, command, id=f"{place.__name__} - {command.name}")
    for place in IMPOSSIBLE
    for command in COMMANDS
]


@POSIX
@pytest.mark.parametrize(("place", "command"), REFUSED)
def test_what_cannot_be_written_is_told_before_it_costs(
    place: Callable[[], str], command: Command, room: Room, cli: CommandLine, openai: Service, tried: Tried
) -> None:
    """Exit 6 with a hint, nothing is asked, nothing is there that was not."""
    tried("places x commands")
    output = place()
    before = room.look()
    told(cli(*command.arguments, "-o", output), command, 6)
    assert openai.requests == []
    assert room.look() == before


@pytest.fixture
def without_privileges(room: Room) -> Callable[..., Ran]:
    """Runs audiochat as somebody whom permissions bind, also where the tests are root's."""

    def give_up() -> None:
        import ctypes

        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP

    root = sys.platform != "win32" and os.geteuid() == 0
    if root and sys.platform != "linux":
        pytest.skip("root may do everything")

    def run(*arguments: str) -> Ran:
        done = subprocess.run(
            [*AUDIOCHAT, *arguments],
            cwd=room.work,
            capture_output=True,
            check=False,
            preexec_fn=give_up if root else None,
        )
        return Ran(done.returncode, done.stdout, done.stderr.decode())

    return run


@contextlib.contextmanager
def locked(path: Path, mode: int) -> Iterator[None]:
    """A file or a folder with these permissions, for as long as the block lasts."""
    before = path.stat().st_mode
    path.chmod(mode)
    yield
    path.chmod(before)


@POSIX
@pytest.mark.parametrize("what", ["the folder", "the file"])
@each_command
def test_what_may_not_be_written_is_told_before_it_costs(
    what: str, command: Command, room: Room, without_privileges: Callable[..., Ran], openai: Service, tried: Tried
) -> None:
    """A folder that is read-only, and a file that somebody has protected: exit 6, and nothing is asked."""
    tried("places x commands")
    place = room.work / "place"
    place.mkdir()
    (place / "a.wav").write_bytes(PRECIOUS)
    before = room.look()
    name = "new.wav" if what == "the folder" else "a.wav"
    with locked(place, 0o555) if what == "the folder" else locked(place / "a.wav", 0o444):
        told(without_privileges(*command.arguments, "-o", f"place/{name}"), command, 6)
    assert openai.requests == []
    assert room.look() == before


@POSIX
def test_a_home_that_may_not_be_written(
    room: Room, without_privileges: Callable[..., Ran], openai: Service, tried: Tried
) -> None:
    """converse, which keeps what is said, tells so before it costs; the others, and --no-save, go without."""
    tried("places x commands", 4)
    openai.answer(WHOLE)
    with locked(room.home / "data", 0o555), locked(room.home, 0o555):
        assert "--no-save" in told(without_privileges("converse", "-t", "hi"), COMMANDS[3], 6)
        assert openai.requests == []
        for arguments in (("converse", "-t", "hi", "--no-save"), ("speak", "hi"), ("analyze", "dog.wav")):
            assert without_privileges(*arguments).code == 0
    assert set(room.look()) == {"dog.wav", "turn-1.wav", "speech.wav", "analysis.wav"}


# --- places that hold what is written


def nothing(_: Path) -> None:
    """Nothing is there."""


def a_file(path: Path) -> None:
    """A file that is to be replaced."""
    path.write_bytes(PRECIOUS)


def a_private_file(path: Path) -> None:
    """A file for its owner alone."""
    path.write_bytes(PRECIOUS)
    path.chmod(0o600)


def a_hard_link(path: Path) -> None:
    """One of two names of a file."""
    Path("other").write_bytes(PRECIOUS)
    os.link("other", path)


def a_link(path: Path) -> None:
    """A symbolic link to a file."""
    Path("other").write_bytes(PRECIOUS)
    path.symlink_to("other")


def a_link_to_nothing(path: Path) -> None:
    """A symbolic link that dangles."""
    path.symlink_to("missing")


@POSIX
@each_command
@pytest.mark.parametrize(
    "prepare",
    [nothing, a_file, a_private_file, a_hard_link, a_link, a_link_to_nothing],
    ids=lambda place: place.__name__,
)
@pytest.mark.parametrize("name", ["a.wav", "x" * 251 + ".wav", "-- -o x\n.wav"], ids=["short", "255 bytes", "strange"])
def test_a_file_takes_the_name_and_nothing_else(
    name: str,
    prepare: Callable[[Path], None],
    command: Command,
    room: Room,
    cli: CommandLine,
    openai: Service,
    tried: Tried,
) -> None:
    """It replaces a file or a link, with the file's permissions; what other names lead to is as it was."""
    tried("places x commands")
    openai.answer(WHOLE)
    path = room.work / name
    prepare(path)
    before = room.look()
    ran = cli(*command.arguments, f"--output={name}")
    assert ran.code == 0
    after = room.look()
    assert after.pop(name) == WAV
    before.pop(name, None)
    assert after == before
    assert stat.S_ISREG(path.lstat().st_mode)
    assert path.lstat().st_nlink == 1
    if prepare is a_private_file:
        assert path.stat().st_mode & 0o777 == 0o600


def test_an_output_that_is_the_input(room: Room, cli: CommandLine, openai: Service, tried: Tried) -> None:
    """It is read whole before it is replaced; and it stays where the answer fails."""
    tried("places x commands", 2)
    (room.work / "dog.wav").write_bytes(LARGE)
    openai.answer(Answer(b"", 400), WHOLE)
    assert cli("analyze", "dog.wav", "-o", "dog.wav").code == 4
    assert room.look() == {"dog.wav": LARGE}
    assert cli("analyze", "dog.wav", "-o", "dog.wav").code == 0
    assert room.look() == {"dog.wav": WAV}


@pytest.mark.parametrize("arguments", [("speak", "hi"), ("analyze", "dog.wav"), ("converse", "-t", "hi", "--no-save")])
def test_two_that_want_the_same_name(arguments: tuple[str, ...], room: Room, openai: Service, tried: Tried) -> None:
    """Both answers are kept, the second under a number; also where a link that dangles has the name."""
    tried("places x commands")
    both = threading.Barrier(2)
    sounds = [wav.wrap(PCM * 2), wav.wrap(PCM * 3)]
    openai.answer(*(replace(completion(WORDS, sound), before=lambda: both.wait(30)) for sound in sounds))
    runs = [
        subprocess.Popen([*AUDIOCHAT, *arguments, "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [run.communicate(timeout=60)[1] for run in runs] == [b"", b""]
    assert [run.returncode for run in runs] == [0, 0]
    after = room.look()
    del after["dog.wav"]
    stem = {"speak": "speech", "analyze": "analysis", "converse": "turn-1"}[arguments[0]]
    assert sorted(after) == sorted([f"{stem}.wav", f"{stem}-2.wav"])
    assert sorted(after.values()) == sorted(sounds)


@POSIX
def test_a_default_name_that_is_taken_by_a_link(room: Room, cli: CommandLine, openai: Service, tried: Tried) -> None:
    """Neither a link to a file nor one to nothing is followed or replaced."""
    tried("places x commands", 2)
    openai.answer(WHOLE)
    Path("other").write_bytes(PRECIOUS)
    Path("speech.wav").symlink_to("other")
    Path("speech-2.wav").symlink_to("missing")
    assert cli("speak", "hi", "-q").code == 0
    assert room.look() == {"dog.wav": WAV, "other": PRECIOUS, "speech-3.wav": WAV}
    assert not Path("missing").exists()


# --- what changes while the answer is under way


def vanishes(place: Path) -> None:
    """The folder is removed."""
    shutil.rmtree(place)


def becomes_a_file(place: Path) -> None:
    """There is a file in the folder's place."""
    shutil.rmtree(place)
    place.write_bytes(b"")


def becomes_a_link_to_nothing(place: Path) -> None:
    """There is a link in the folder's place that dangles."""
    shutil.rmtree(place)
    place.symlink_to("missing")


def becomes_a_link_to_itself(place: Path) -> None:
    """There is a link in the folder's place that leads nowhere."""
    shutil.rmtree(place)
    place.symlink_to(place.name)


def takes_the_name(place: Path) -> None:
    """A folder takes the file's name."""
    (place / "a.wav").unlink()
    (place / "a.wav").mkdir()


CHANGES = [vanishes, becomes_a_file, becomes_a_link_to_nothing, becomes_a_link_to_itself, takes_the_name]


@POSIX
@each_command
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("sound", [WAV, LARGE], ids=["small", "large"])
def test_a_place_that_is_gone_when_the_answer_comes(
    sound: bytes,
    change: Callable[[Path], None],
    command: Command,
    room: Room,
    cli: CommandLine,
    openai: Service,
    tried: Tried,
) -> None:
    """Exit 6, the words are shown, the sound is kept where the hint says; nothing half-written is anywhere."""
    tried("places x commands")
    place = room.work / "place"
    place.mkdir()
    (place / "a.wav").write_bytes(PRECIOUS)
    openai.answer(replace(completion(WORDS, sound), before=lambda: change(place)))
    ran = cli(*command.arguments, "-o", "place/a.wav")
    assert check_kept(ran, command, sound).parent == room.temporary
    assert len(openai.requests) == 1
    assert set(room.look()) <= {"dog.wav", "place"}


@POSIX
@each_command
def test_a_folder_that_becomes_a_link(
    command: Command, room: Room, cli: CommandLine, openai: Service, tried: Tried
) -> None:
    """The file goes where its name leads by then, in one piece; the folder that was there gets nothing."""
    tried("places x commands")
    for name in ("place", "other"):
        (room.work / name).mkdir()

    def change() -> None:
        Path("place").rename("before")
        Path("place").symlink_to("other")

    openai.answer(replace(WHOLE, before=change))
    assert cli(*command.arguments, "-o", "place/a.wav").code == 0
    assert Path("other/a.wav").read_bytes() == WAV
    assert list(Path("before").iterdir()) == []


@POSIX
def test_a_session_that_cannot_be_kept_any_more(room: Room, cli: CommandLine, openai: Service, tried: Tried) -> None:
    """Exit 6; the words are shown, and the sound is in its file."""
    tried("places x commands")
    sessions = room.home / "data/audiochat/sessions"

    def change() -> None:
        sessions.rename(room.home / "moved")
        sessions.write_bytes(b"")

    openai.answer(replace(WHOLE, before=change))
    ran = cli("converse", "-t", "hi", "--session", "s", "-q")
    assert "--no-save" in told(ran, COMMANDS[3], 6)
    assert ran.out.decode() == f"{WORDS}\n"
    assert Path("turn-1.wav").read_bytes() == WAV


# --- devices and pipes


@POSIX
@each_command
def test_dev_null_takes_everything(
    command: Command, room: Room, cli: CommandLine, openai: Service, tried: Tried
) -> None:
    """Exit 0, and it is still a device."""
    tried("places x commands")
    assert (room.work / "dog.wav").exists()
    openai.answer(WHOLE)
    assert cli(*command.arguments, "-o", "/dev/null").code == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@FULL
@each_command
@pytest.mark.parametrize("sound", [WAV, LARGE], ids=["small", "large"])
def test_dev_full_takes_nothing(
    sound: bytes, command: Command, room: Room, cli: CommandLine, openai: Service, tried: Tried
) -> None:
    """The answer is kept where the hint says."""
    tried("places x commands")
    openai.answer(completion(WORDS, sound))
    check_kept(cli(*command.arguments, "-o", "/dev/full"), command, sound)
    assert set(room.look()) == {"dog.wav"}


def with_streams(*arguments: str, out: str | None = None, err: str | None = None) -> Ran:
    """Run a process whose stdout or stderr is a device."""
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(Path(name).open("wb")) if name else subprocess.PIPE for name in (out, err)]
        done = subprocess.run(
            [*AUDIOCHAT, *arguments], stdout=streams[0], stderr=streams[1], stdin=subprocess.DEVNULL, check=False
        )
    return Ran(done.returncode, done.stdout or b"", (done.stderr or b"").decode())


@FULL
@pytest.mark.parametrize(
    ("arguments", "saved"),
    [
        (("speak", "hi", "-o", "a.wav"), "a.wav"),
        (("speak", "hi", "-o", "-"), None),
        (("speak", "hi", "-o", "a.wav", "--json"), "a.wav"),
        (("analyze", "dog.wav"), "analysis.wav"),
        (("converse", "-t", "hi", "-t", "again", "--session", "s"), "turn-1.wav"),
        (("doctor",), None),
        (("sessions", "list"), None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_stdout_that_is_full(
    arguments: tuple[str, ...], saved: str | None, room: Room, openai: Service, tried: Tried
) -> None:
    """Exit 6 and one message; files are saved, the session is kept, and nothing more is asked."""
    tried("places x commands")
    openai.answer(stream(sound_events(PCM)) if "-" in arguments else WHOLE)
    if arguments[0] == "sessions":
        cli = subprocess.run([*AUDIOCHAT, "converse", "-t", "hi"], capture_output=True, check=True)
        assert cli.returncode == 0
    ran = with_streams(*arguments, out="/dev/full")
    assert ran.code == 6
    assert ran.err.splitlines()[-2].startswith("audiochat: Standard output cannot be written")
    asked = [request for request in openai.requests if request.method == "POST"]  # doctor's look at the models is free
    assert len(asked) == (arguments[0] != "doctor")
    if saved is not None:
        assert room.look()[saved] == WAV
    if arguments[0] == "converse":
        page = json.loads((room.home / "data/audiochat/sessions/s/session.json").read_text(encoding="utf-8"))
        assert [turn["transcript"] for turn in page["turns"]] == [WORDS]


@FULL
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("speak", "hi", "-o", "a.wav"), 0),
        (("speak", "hi", "-o", "a.wav", "--debug"), 0),
        (("speak", "hi", "-o", "-"), 0),
        (("analyze", "dog.wav", "-o", "a.wav"), 0),
        (("converse", "-t", "hi"), 0),
        (("speak", "hi", "-o", "missing/a.wav"), 6),
        (("speak", "hi", "--timeout", "nan"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_stderr_that_is_full(
    arguments: tuple[str, ...], code: int, room: Room, openai: Service, tried: Tried
) -> None:
    """Nobody gets the notes, which changes nothing: the exit code is that of the answer."""
    tried("places x commands")
    openai.answer(stream(sound_events(PCM)) if "-" in arguments else WHOLE)
    ran = with_streams(*arguments, err="/dev/full")
    assert ran.code == code
    if code == 0 and "-" not in arguments:
        assert ran.out.decode() == f"{WORDS}\n"
        assert WAV in [content for name, content in room.look().items() if name != "dog.wav"]


@POSIX
@each_command
def test_a_named_pipe_is_read(command: Command, room: Room, openai: Service, cli: CommandLine, tried: Tried) -> None:
    """Its reader gets the whole."""
    tried("places x commands")
    os.mkfifo("pipe.wav")
    got: list[bytes] = []
    openai.answer(completion(WORDS, LARGE))
    reader = threading.Thread(target=lambda: got.append(Path("pipe.wav").read_bytes()), daemon=True)
    reader.start()
    ran = cli(*command.arguments, "-o", "pipe.wav")
    reader.join(30)
    assert (ran.code, got) == (0, [LARGE])
    assert room.look().keys() == {"dog.wav"}
    assert Path("pipe.wav").is_fifo()


@POSIX
@each_command
def test_a_named_pipe_waits_for_its_reader(command: Command, room: Room, openai: Service, tried: Tried) -> None:
    """Visibly; and then its reader gets the whole."""
    tried("places x commands")
    assert (room.work / "dog.wav").exists()
    os.mkfifo("pipe.wav")
    openai.answer(completion(WORDS, LARGE))
    process = subprocess.Popen(
        [*AUDIOCHAT, *command.arguments, "-o", "pipe.wav"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    assert process.stderr.readline() == b"pipe.wav is a pipe that nobody reads yet: waiting for its reader.\n"
    assert Path("pipe.wav").read_bytes() == LARGE
    process.communicate(timeout=60)
    assert process.returncode == 0


@POSIX
@each_command
def test_a_named_pipe_whose_reader_leaves(
    command: Command, room: Room, openai: Service, cli: CommandLine, tried: Tried
) -> None:
    """The answer is kept where the hint says: a name is no pipeline, and its reader may want it again."""
    tried("places x commands")
    assert (room.work / "dog.wav").exists()
    os.mkfifo("pipe.wav")

    def read() -> None:
        with Path("pipe.wav").open("rb", buffering=0) as pipe:
            pipe.read(4)

    openai.answer(completion(WORDS, LARGE))
    threading.Thread(target=read, daemon=True).start()
    check_kept(cli(*command.arguments, "-o", "pipe.wav"), command, LARGE)


@LINUX
@pytest.mark.parametrize("stream_", ["stdout", "stderr"])
@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_an_output_that_words_are_printed_on(
    stream_: str, kind: str, room: Room, openai: Service, tried: Tried
) -> None:
    """A link such as /dev/stdout would mix sound and words: exit 6, before it costs; and the link is still there.

    It is one of our own: where this fails, a test that root runs must not be what replaces the system's.
    """
    tried("places x commands")
    link = room.work / stream_
    link.symlink_to(f"/proc/self/fd/{1 if stream_ == 'stdout' else 2}")
    redirected = {"stdout": ">", "stderr": "2>"}[stream_] + (" got" if kind == "file" else " >(cat > got)")
    command = f"{' '.join(AUDIOCHAT)} speak hi -o {stream_} {redirected}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 6
    if stream_ == "stdout":
        assert "-o -" in done.stderr.splitlines()[1]
    assert openai.requests == []
    assert link.is_symlink()
    assert room.look().keys() <= {"dog.wav", "got", stream_}


@POSIX
def test_an_output_that_is_stdouts_own_file(room: Room, openai: Service, tried: Tried) -> None:
    """`-o got > got` would lose the words."""
    tried("places x commands")
    with (room.work / "got").open("wb") as got:
        done = subprocess.run([*AUDIOCHAT, "speak", "hi", "-o", "got"], stdout=got, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 6
    assert openai.requests == []


@POSIX
@pytest.mark.parametrize("kind", ["> got", "> >(cat > got; touch done)"])
def test_an_open_file_is_written_to(kind: str, room: Room, openai: Service, tried: Tried) -> None:
    """/dev/fd/3 is a file or a pipe that somebody has opened for us: it is written to, nothing takes its place."""
    tried("places x commands")
    openai.answer(WHOLE)
    command = f"{' '.join(AUDIOCHAT)} speak hi -o /dev/fd/3 3{kind}"
    command += "; for _ in $(seq 100); do [ -s got ] || sleep 0.05; done"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=60)
    assert (done.stdout, done.stderr.splitlines()[0]) == (f"{WORDS}\n".encode(), b"/dev/fd/3  0.2 s")
    assert (room.work / "got").read_bytes() == WAV


# --- full disks


def limited(room: Room, *arguments: str, size: int = 64_000, stdin: bytes = b"") -> Ran:
    """Run a process that may write no file beyond `size`; the signal that comes with it is Python's to ignore."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    done = subprocess.run(
        [*AUDIOCHAT, *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=room.work,
        preexec_fn=limit,
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode())


@POSIX
@each_command
@pytest.mark.parametrize("there", ["nothing", "a file"])
def test_a_file_that_gets_too_large(there: str, command: Command, room: Room, openai: Service, tried: Tried) -> None:
    """The answer fits nowhere: exit 6, the words are shown, and that the sound is lost; what was there is whole."""
    tried("places x commands")
    openai.answer(completion(WORDS, LARGE))
    if there == "a file":
        (room.work / "a.wav").write_bytes(PRECIOUS)
    before = room.look()
    ran = limited(room, *command.arguments, "-o", "a.wav")
    assert "lost" in told(ran, command, 6)
    check_words(ran, command)
    assert room.look() == before
    assert list(room.temporary.iterdir()) == []
    assert len(openai.requests) == 1


@POSIX
@pytest.mark.parametrize("arguments", [("speak", "hi"), ("analyze", "-"), ("analyze", "large.wav")], ids=" ".join)
def test_no_room_for_temporary_files(arguments: tuple[str, ...], room: Room, openai: Service, tried: Tried) -> None:
    """Large recordings and large answers are held in memory then, and the answer reaches its pipe whole."""
    tried("places x commands")
    (room.work / "large.wav").write_bytes(LARGE)
    openai.answer(completion(WORDS, LARGE))
    stdin = LARGE if "-" in arguments else b""
    ran = limited(room, *arguments, "-o", "-", "-q", stdin=stdin)
    assert ran.code == 0
    assert ran.out[44:] == LARGE[44:]
    assert list(room.temporary.iterdir()) == []


@POSIX
@pytest.mark.parametrize("place", ["missing", "a file", "no folder at all"])
def test_a_tmpdir_that_is_none(
    place: str, room: Room, openai: Service, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """Python finds another, and what has to be rescued is rescued there."""
    tried("places x commands")
    monkeypatch.setenv("TMPDIR", {"missing": "missing", "a file": "dog.wav", "no folder at all": ""}[place])
    (room.work / "place").mkdir()
    openai.answer(replace(completion(WORDS, LARGE), before=lambda: vanishes(room.work / "place")))
    done = subprocess.run([*AUDIOCHAT, "speak", "hi", "-o", "place/a.wav"], capture_output=True, check=False)
    ran = Ran(done.returncode, done.stdout, done.stderr.decode())
    kept = check_kept(ran, COMMANDS[0], LARGE)
    kept.unlink()


@pytest.mark.skipif(sys.platform != "linux", reason="mounts as Linux does")
@pytest.mark.parametrize("disks", ["small", "small temporary"])
@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[1], COMMANDS[2]], ids=lambda command: command.name)
def test_a_disk_that_is_full(
    disks: str, command: Command, tmp_path: Path, room: Room, openai: Service, tried: Tried
) -> None:
    """Nothing half-written is on it, and the answer is kept where there is room: TMPDIR, or the user's data."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    tried("places x commands")
    (tmp_path / "small").mkdir()
    openai.answer(completion(WORDS, LARGE))
    script = f'set -e; for disk in {disks}; do mount -t tmpfs -o size=64k tmpfs "{tmp_path}/$disk"; done; set +e; '
    script += f'"$@"; code=$?; find "{tmp_path}/small" -type f >&2; exit $code'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", *AUDIOCHAT, *command.arguments, "-o", f"{tmp_path}/small/a.wav"],
        capture_output=True,
        check=False,
        cwd=room.work,
    )
    if b"mount:" in done.stderr:
        pytest.skip("may not mount")
    ran = Ran(done.returncode, done.stdout, done.stderr.decode())
    kept = check_kept(ran, command, LARGE)
    places = {"small": room.temporary, "small temporary": room.home / "data/audiochat"}
    assert kept.parent == places[disks]


@POSIX
def test_a_session_on_a_full_disk(room: Room, openai: Service, tried: Tried) -> None:
    """What fits no more is told, with the words; what was kept before is whole."""
    tried("places x commands", 3)
    openai.answer(WHOLE, completion("Much more.", LARGE), WHOLE)
    folder = room.home / "data/audiochat/sessions/s"
    said = []
    for code, words in ((0, WORDS), (6, "Much more."), (0, WORDS)):
        ran = limited(room, "converse", "-t", "hi", "--session", "s", "-o", "/dev/null", "-q")
        assert (ran.code, ran.out.decode()) == (code, f"{words}\n")
        said += [words] if code == 0 else []
        page = json.loads((folder / "session.json").read_text(encoding="utf-8"))
        assert [turn["transcript"] for turn in page["turns"]] == said
    assert sorted(path.name for path in folder.iterdir()) == ["session.json", "turn-1.wav", "turn-2.wav"]


@POSIX
def test_a_prompt_goes_on_when_a_turn_cannot_be_kept(room: Room, openai: Service, tried: Tried) -> None:
    """At a terminal the turn is forgotten, its sound can be saved and played, and the numbers stay in step."""
    from support.terminals import Person

    tried("places x commands", 2)
    sessions = room.home / "data/audiochat/sessions"

    def fill() -> None:
        sessions.rename(room.home / "moved")
        sessions.write_bytes(b"")

    def free() -> None:
        sessions.unlink()
        (room.home / "moved").rename(sessions)

    openai.answer(replace(WHOLE, before=fill), replace(WHOLE, before=free))
    person = Person("--session", "s")
    try:
        person.see("1>")
        person.type("hi")
        person.see("cannot be kept")
        person.see("1>")
        person.type("/save kept.wav")
        person.see("kept.wav  0.2 s")
        person.see("1>")
        person.type("/undo")
        person.see("There is no turn to forget.")
        person.see("1>")
        person.type("again")
        person.see("2>")
        person.type("/undo")
        person.see("The last turn is forgotten.")
        person.see("1>")
        person.type("/quit")
        assert person.leave() == 0
    finally:
        if person.process.poll() is None:
            person.process.kill()
    assert (room.work / "kept.wav").read_bytes() == WAV
