"""Bytes that may be many: in memory while they are few, on disk otherwise, read in slices."""

from __future__ import annotations

import base64
import io
import os
import tempfile
import threading
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, BinaryIO, TypeAlias, cast

from audiochat.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from _typeshed import WriteableBuffer

BLOCK = 1 << 18
"""Bytes that are read at a time."""

_IN_MEMORY = 1 << 20


class SpooledBytes:
    """Bytes that are appended and read in slices; beyond a megabyte, a temporary file holds them.

    Several threads may read one object. Where the temporary file finds no room, the bytes stay in memory: they may
    be an answer, which is paid for. A pickle holds all of them.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] = io.BytesIO()
        self._small = True
        self._size = 0
        self._at_end = True
        """Whether the file stands at its end, so that an append needs no seek."""
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        """Append bytes."""
        with self._lock:
            if self._small and self._size + len(data) > _IN_MEMORY:
                self._small = False
                with suppress(OSError):
                    self._move(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - closed with this object
            try:
                self._append(data)
            except OSError:
                self._move(io.BytesIO())
                self._append(data)
            self._size += len(data)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._size)
        with self._lock:
            self._at_end = False
            self._file.seek(start)
            return self._file.read(max(0, stop - start))

    def __reduce__(self) -> tuple[object, ...]:
        return _unpickled, (self[:],)

    def _append(self, data: bytes) -> None:
        if not self._at_end:
            self._file.seek(self._size)
        self._at_end = False  # until all of it is written
        _write_all(self._file, data)
        self._at_end = True

    def _move(self, to: IO[bytes]) -> None:
        """Hold the bytes in another file, once that has all of them."""
        self._file.seek(0)
        _write_all(to, self._file.read(self._size))
        self._file, self._at_end = to, True


def _unpickled(data: bytes) -> SpooledBytes:
    return concatenate(data)


def _write_all(file: IO[bytes], data: bytes) -> None:
    """Write all of `data`: an unbuffered file takes as much at once as it likes."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


class FileBytes:
    """The bytes of a file, read from it when they are needed.

    Raises:
        FileError: the file is gone, or cannot be read; when its length or a slice is asked for.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __len__(self) -> int:
        with _as_file_error(self.path):
            return self.path.stat().st_size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(len(self))
        with _as_file_error(self.path), self.path.open("rb") as file:
            file.seek(start)
            return file.read(max(0, stop - start))


@contextmanager
def _as_file_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise FileError(f"{path} cannot be read: {exc.strerror or exc}.", hint="Put it back.") from exc


Data: TypeAlias = "bytes | SpooledBytes | FileBytes"
"""Bytes that have a length and are read in slices."""


def spool(source: BinaryIO) -> SpooledBytes:
    """Everything that is left to read in a file."""
    return _collect(iter(lambda: source.read(BLOCK), b""))


def concatenate(*parts: Data) -> SpooledBytes:
    """The parts, one after the other, as new bytes."""
    return _collect(block for part in parts for block in iter_blocks(part))


def _collect(blocks: Iterable[bytes]) -> SpooledBytes:
    collected = SpooledBytes()
    for block in blocks:
        collected.write(block)
    return collected


def iter_blocks(data: Data) -> Iterator[bytes]:
    """The bytes in order, `BLOCK` of them at a time."""
    for start in range(0, len(data), BLOCK):
        yield data[start : start + BLOCK]


def open_data(data: Data) -> BinaryIO:
    """The bytes as a file, open for reading at its start."""
    if isinstance(data, bytes):
        return io.BytesIO(data)
    if isinstance(data, FileBytes):
        with _as_file_error(data.path):
            return data.path.open("rb")
    return cast("BinaryIO", io.BufferedReader(ConcatenatedReader([data]), BLOCK))


class Base64View:
    """The base64 of bytes, encoded when a slice is read."""

    def __init__(self, data: Data) -> None:
        self._data = data

    def __len__(self) -> int:
        return (len(self._data) + 2) // 3 * 4

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(len(self))
        first = start // 4
        encoded = base64.b64encode(self._data[first * 3 : (stop + 3) // 4 * 3])
        return encoded[start - 4 * first : stop - 4 * first]


class ConcatenatedReader(io.RawIOBase):
    """Parts as one file open for reading: of known size, seekable, only what is read is in memory."""

    def __init__(self, parts: Sequence[Data | Base64View]) -> None:
        super().__init__()
        self._parts = parts
        self._size = sum(map(len, parts))
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position; see `io.IOBase`."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer as far as one part goes; see `io.RawIOBase`."""
        room = memoryview(buffer).cast("B")
        start = self._position
        for part in self._parts:
            if start < len(part):
                found = part[start : start + len(room)]
                room[: len(found)] = found
                self._position += len(found)
                return len(found)
            start -= len(part)
        return 0
