"""What is transcribed: files, the recordings of folders, globs that no shell expanded, a stream."""

from __future__ import annotations

import glob
import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from audiochat import files
from audiochat.audio.formats import RECORDING_SUFFIXES
from audiochat.errors import FileError, UsageError
from audiochat.spool import BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Source:
    """A recording to transcribe."""

    name: str
    """How the user called it."""
    place: Path
    """Its name for outputs, without a suffix; below the folder that it was found in."""
    path: Path | None = None
    stream: BinaryIO | None = None
    """Where it has no path: seekable."""

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Its bytes, seekable, from the start.

        Raises:
            FileError: it cannot be read.
        """
        if self.stream is not None:
            self.stream.seek(0)
            yield self.stream
        elif self.path is not None:
            with files.reading(self.path) as file:
                yield file

    @property
    def identity(self) -> str:
        """The same for the same recording: where it lies, or what is in it where it lies nowhere."""
        return f"content:{self.digest()}" if self.path is None else os.path.realpath(self.path)

    def digest(self) -> str:
        """A hash of what is in it.

        Raises:
            FileError: it cannot be read.
        """
        hashed = hashlib.blake2b(digest_size=16)
        with self.opened() as file:
            try:
                while block := file.read(BLOCK):
                    hashed.update(block)
            except OSError as exc:
                raise FileError(f"{self.name} cannot be read: {exc.strerror or exc}.", hint="Check the disk.") from exc
        return hashed.hexdigest()


def find(names: Iterable[str], *, recursive: bool = False, stdin: BinaryIO | None = None) -> list[Source]:
    """The recordings that names mean, each once.

    Args:
        names: Of files and folders; patterns where no file has that name.
        recursive: Whether folders within folders count.
        stdin: A seekable copy of the recording that `-` names; None where that is a name like others.

    Raises:
        UsageError: a name is an address, or a pattern that nothing matches.
        FileError: a folder has no recordings in it, or cannot be read.
    """
    found: dict[str | None, Source] = {}
    for name in names:
        if name == "-" and stdin is not None:
            found.setdefault(None, from_stream(stdin))
            continue
        for source in _found(name, recursive=recursive):
            # A link that leads to itself has a name, too: what is wrong with it is told when it is opened.
            found.setdefault(os.path.realpath(source.path or source.place), source)
    return list(found.values())


def from_stream(stream: BinaryIO) -> Source:
    """A recording that came on stdin.

    Args:
        stream: A seekable copy of it.
    """
    return Source("stdin", Path("stdin"), stream=stream)


def _found(name: str, *, recursive: bool) -> list[Source]:
    path = files.user_path(name, command="transcribe")
    if files.is_folder(path):
        return _in_folder(path, recursive=recursive)
    if not files.is_file(path) and glob.has_magic(name):  # the shells of Windows expand nothing
        matches = [Path(one) for one in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - can be absolute
        if not matches:
            raise FileError(f"No file matches {name}.", hint="Check the pattern.", code=files.NO_SUCH_FILE)
        return [source for match in matches for source in _of_match(match, recursive=recursive)]
    return [_file(name, path)]


def _of_match(path: Path, *, recursive: bool) -> list[Source]:
    return _in_folder(path, recursive=recursive) if path.is_dir() else [_file(str(path), path)]


def _file(name: str, path: Path) -> Source:
    return Source(files.name_as_text(name), Path(path.stem), path)


def _in_folder(folder: Path, *, recursive: bool) -> list[Source]:
    try:
        paths = sorted(folder.rglob("*") if recursive else folder.iterdir())
    except OSError as exc:
        raise FileError(f"{folder} cannot be read: {exc.strerror or exc}.", hint="Check its permissions.") from exc
    recordings = [path for path in paths if path.suffix.lower() in RECORDING_SUFFIXES and files.is_file(path)]
    if not recordings:
        hint = "Name another." if recursive else "-R looks into its folders, too."
        raise FileError(f"There is no recording in {folder}.", hint=hint, code=files.NO_SUCH_FILE)
    places = [path.relative_to(folder).with_suffix("") for path in recordings]
    return [Source(files.name_as_text(str(path)), place, path) for path, place in zip(recordings, places, strict=True)]


def places(sources: Iterable[Source], suffixes: Iterable[str], folder: Path) -> dict[tuple[Source, str], Path]:
    """Where the outputs of several recordings go.

    Raises:
        UsageError: two would have the same name.
    """
    found: dict[tuple[Source, str], Path] = {}
    taken: dict[Path, Source] = {}
    suffixes = list(suffixes)
    for source in sources:
        for suffix in suffixes:
            path = folder / source.place.parent / f"{source.place.name}.{suffix}"
            if path in taken:
                raise UsageError(
                    f"{taken[path].name} and {source.name} would both be written to {path}.",
                    hint="Transcribe them one by one, each with an -o of its own.",
                )
            taken[path] = source
            found[source, suffix] = path
    return found
