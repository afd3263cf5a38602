"""Bytes that may be many: in memory while they are few, else in a temporary file; read in any part, by anybody."""

from __future__ import annotations

import base64
import io
import tempfile
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, BinaryIO, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from _typeshed import WriteableBuffer

BLOCK = 1 << 18
"""Bytes that are looked at together."""

_IN_MEMORY = 1 << 20


class Content:
    """Bytes that are written once, at the end, and read in slices; a temporary file holds them when they are many.

    Where temporary files find no room they stay in memory: they may be an answer, which is paid for.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] = io.BytesIO()
        self._few = True
        self._size = 0
        self._turn = threading.Lock()

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""
        with self._turn:
            if self._few and self._size + len(data) > _IN_MEMORY:
                self._few = False
                with suppress(OSError):
                    self._move(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - gone with this object
            try:
                self._add(data)
            except OSError:
                self._move(io.BytesIO())
                self._add(data)
            self._size += len(data)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._size)
        with self._turn:
            self._file.seek(start)
            return self._file.read(max(0, stop - start))

    def _add(self, data: bytes) -> None:
        self._file.seek(self._size)
        _write(self._file, data)

    def _move(self, to: IO[bytes]) -> None:
        """Hold the bytes in another file, once they are all there."""
        self._file.seek(0)
        _write(to, self._file.read(self._size))
        self._file = to


def _write(file: IO[bytes], data: bytes) -> None:
    """Write all of it: a file that is not buffered takes what it likes."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


Data: TypeAlias = "bytes | Content"


def copied(source: BinaryIO) -> Content:
    """All that is left in a file."""
    content = Content()
    while block := source.read(BLOCK):
        content.write(block)
    return content


def joined(*parts: Data) -> Content:
    """Parts, one after the other."""
    content = Content()
    for part in parts:
        for block in blocks(part):
            content.write(block)
    return content


def blocks(data: Data) -> Iterator[bytes]:
    """The bytes in their order, some at a time."""
    for start in range(0, len(data), BLOCK):
        yield data[start : start + BLOCK]


def opened(data: Data) -> BinaryIO:
    """The bytes as a file to read and seek in."""
    return cast("BinaryIO", io.BufferedReader(Joined([data]), BLOCK) if isinstance(data, Content) else io.BytesIO(data))


class Base64:
    """The base64 of bytes, encoded when it is looked at."""

    def __init__(self, data: Data) -> None:
        self._data = data

    def __len__(self) -> int:
        return (len(self._data) + 2) // 3 * 4

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(len(self))
        first = start // 4
        encoded = base64.b64encode(self._data[first * 3 : (stop + 3) // 4 * 3])
        return encoded[start - 4 * first : stop - 4 * first]


class Joined(io.RawIOBase):
    """Parts as one file to read: its size is known, it can be read again, and only what is read is in memory."""

    def __init__(self, parts: Sequence[Data | Base64]) -> None:
        super().__init__()
        self._parts = parts
        self._size = sum(map(len, parts))
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position; see `io.IOBase`."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
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
