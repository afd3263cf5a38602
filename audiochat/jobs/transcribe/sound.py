"""A recording's sound while it is worked on: decoded once, to a temporary file, read in parts."""

from __future__ import annotations

import array
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, BinaryIO

from audiochat.audio.decoder import open_recording
from audiochat.errors import FileError
from audiochat.jobs.ears import RATE

if TYPE_CHECKING:
    from collections.abc import Iterator

BYTES_PER_SECOND = 2 * RATE

_LONGEST = 100 * 3600 * BYTES_PER_SECOND
"""Bytes of one recording: a hundred hours. A damaged header can promise silence without end."""
_SPOOLED = 16_000_000
"""Bytes that are kept in memory; more goes to a temporary file."""


@dataclass(frozen=True, slots=True)
class Sound:
    """One channel of a recording: s16le, 16,000 Hz; its samples count time from the recording's own start."""

    file: IO[bytes] = field(repr=False)
    size: int
    start: float
    """Seconds of the recording before its first sample: the sound of a film may come late."""
    channel: int | None = None
    """From 1; None is all channels together."""

    @property
    def seconds(self) -> float:
        """How long the samples last."""
        return self.size / BYTES_PER_SECOND

    def read(self, start: float, end: float) -> bytes:
        """The samples between two moments, in seconds from the first sample."""
        first, last = (2 * round(max(0.0, moment) * RATE) for moment in (start, end))
        self.file.seek(first)
        return self.file.read(max(0, min(last, self.size) - first))

    def blocks(self, samples: int) -> Iterator[array.array[int]]:
        """All of it in blocks of so many samples; the last may be shorter."""
        self.file.seek(0)
        left = self.size
        while left > 0 and (block := self.file.read(min(2 * samples, left))):
            left -= len(block)
            yield samples_of(block)


def samples_of(pcm: bytes) -> array.array[int]:
    """Samples as numbers."""
    import sys

    numbers = array.array("h", pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


@contextmanager
def decoded(source: BinaryIO, *, name: str, channels: bool = False) -> Iterator[list[Sound]]:
    """Decode a recording; the sound is there for as long as the block lasts.

    Args:
        source: A seekable file, at its start.
        name: What to call it in an error.
        channels: Each channel by itself, instead of all together.

    Raises:
        FileError: it holds no sound, cannot be read, or there is no room for its samples.
    """
    with ExitStack() as files:
        try:
            with open_recording(source, name=name) as recording:
                count = recording.channels if channels else 1
                temporary = [
                    files.enter_context(tempfile.SpooledTemporaryFile(max_size=_SPOOLED)) for _ in range(count)
                ]
                blocks = (
                    recording.per_channel(RATE, keep_time=True)
                    if channels
                    else ((block,) for block in recording.mono(RATE, keep_time=True))
                )
                _write(blocks, temporary, name)
                start = recording.start
        except OSError as exc:
            raise FileError(
                f"{name} cannot be decoded: {exc.strerror or exc}.", hint="Make room where temporary files go (TMPDIR)."
            ) from exc
        yield [
            Sound(file, file.tell(), start, number if channels else None) for number, file in enumerate(temporary, 1)
        ]


def _write(blocks: Iterator[tuple[bytes, ...]], files: list[tempfile.SpooledTemporaryFile[bytes]], name: str) -> None:
    size = 0
    for planes in blocks:
        for file, plane in zip(files, planes, strict=True):
            file.write(plane)
        size += len(planes[0])
        if size > _LONGEST:
            raise FileError(f"{name} goes on for more than a hundred hours.", hint="Cut it first.", code="too_long")
    if size == 0:
        raise FileError(f"{name} has no sound in it.", hint="Give it a recording.", code="not_audio")
