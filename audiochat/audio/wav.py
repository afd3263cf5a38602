"""WAV files: read their header as leniently as players do, write it as strictly as they wish.

The standard library's `wave` refuses float samples and sizes of 0xFFFFFFFF, which services and pipes send.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audiochat.audio import SAMPLE_RATE
from audiochat.spool import BLOCK, concatenate

if TYPE_CHECKING:
    from audiochat.spool import Data

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT = slice(24, 26)
"""Of an extensible file's `fmt ` chunk: the code of its samples."""
_CHUNKS = 1000
"""As many are looked at: no file has more before its samples, but for one that consists of nothing else."""
_UNKNOWN = 0xFFFFFFFF
LARGEST = _UNKNOWN - 1024
"""Bytes of samples that a WAV file can tell the size of."""
_TAGS = (b"TAG", b"ID3", b"APE")
"""How what other programs write behind the samples begins."""
_FORMAT = struct.Struct("<HHIIHH")


@dataclass(frozen=True, slots=True)
class Wav:
    """What a WAV file's header and its length tell."""

    channels: int
    sample_rate: int
    bits: int
    """Of one sample of one channel."""
    offset: int
    """Where the samples start; not always byte 44."""
    size: int
    """Bytes of samples that are really there."""
    frame: int
    """Bytes of one sample of all channels."""
    code: int = _PCM
    """How the samples are encoded. Source: RFC 2361."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.size / (self.frame * self.sample_rate)

    @property
    def plain(self) -> bool:
        """Whether its samples are whole or floating numbers, side by side, which every reader of WAV takes."""
        whole = self.frame == self.channels * ((self.bits + 7) // 8)
        return self.code in (_PCM, _FLOAT) and 0 < self.bits <= 64 and whole


def read(data: Data) -> Wav | None:
    """Read the header of a WAV file; None where it has none that makes sense, or no samples.

    Args:
        data: The whole file. A `data` chunk that claims more than is there, or an unknown
            size (0xFFFFFFFF, or 0 from a pipe), reaches to the end of the file; so does one behind which
            there is more than it claims, and no chunk.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    layout: tuple[int, int, int, int, int] | None = None
    position = 12
    for _ in range(_CHUNKS):
        if position + 8 > len(data):
            break
        name = data[position : position + 4]
        (size,) = struct.unpack("<I", data[position + 4 : position + 8])
        start = position + 8
        if name == b"fmt " and size >= _FORMAT.size and start + _FORMAT.size <= len(data):
            fmt = data[start : start + min(size, _SUBFORMAT.stop)]
            code, channels, rate, _bytes_per_second, frame, bits = _FORMAT.unpack_from(fmt)
            if code == _EXTENSIBLE and len(fmt) == _SUBFORMAT.stop:
                code = int.from_bytes(fmt[_SUBFORMAT], "little")
            layout = (channels, rate, bits, frame, code)
        elif name == b"data":
            if layout is None or not all((layout[0], layout[1], layout[3])):
                return None
            channels, rate, bits, frame, code = layout
            present = len(data) - start
            # A recorder that stopped before its end left an early size: more is behind it, and no chunks are.
            behind = start + size + size % 2
            tagged = data[behind : behind + 3] in _TAGS
            stale = present > 2 * size and not tagged and not _chunks_until_end(data, behind)
            true_size = present - present % frame if size > present or size == 0 or stale else size
            return Wav(channels, rate, bits, start, true_size, frame, code) if true_size >= frame else None
        position = start + size + size % 2
    return None


def header(size: int | None, *, sample_rate: int = SAMPLE_RATE) -> bytes:
    """The 44 bytes before `size` bytes of s16le mono samples; None is "as many as come", for pipes."""
    data = _UNKNOWN if size is None else size
    riff = _UNKNOWN if size is None else 36 + size + size % 2
    fmt = _FORMAT.pack(_PCM, 1, sample_rate, 2 * sample_rate, 2, 16)
    return b"".join(
        (
            struct.pack("<4sI4s", b"RIFF", riff, b"WAVE"),
            struct.pack("<4sI", b"fmt ", len(fmt)),
            fmt,
            struct.pack("<4sI", b"data", data),
        )
    )


def wrap(pcm: bytes, *, sample_rate: int = SAMPLE_RATE) -> bytes:
    """A WAV file of s16le mono samples."""
    return header(len(pcm), sample_rate=sample_rate) + pcm + b"\0" * (len(pcm) % 2)


def mend(data: Data) -> Data:
    """The same file with the true sizes in its RIFF and `data` headers; unchanged where they are true.

    Samples of unknown size, or fewer than announced, reach to the end of the file, in whole frames. What follows the
    samples and is no chunk, a tag of another kind for instance, is left out: readers that go by the headers stumble.
    """
    found = read(data)
    if found is None:
        return data
    end = found.offset + found.size
    (riff_claims,) = struct.unpack("<I", data[4:8])
    (claimed,) = struct.unpack("<I", data[found.offset - 4 : found.offset])
    padding = found.size % 2
    if claimed == found.size and _chunks_until_end(data, end + padding):
        if riff_claims == len(data) - 8:
            return data
        tail = data[end:]
    else:
        tail = b"\0" * padding
    head = _with_sizes(data[: found.offset], riff=end + len(tail) - 8, samples=found.size)
    if isinstance(data, bytes):
        return head + data[found.offset : end] + tail
    mended = concatenate(head)
    for start in range(found.offset, end, BLOCK):
        mended.write(data[start : min(start + BLOCK, end)])
    mended.write(tail)
    return mended


def _chunks_until_end(data: Data, position: int) -> bool:
    """Whether whole chunks, or none, reach from a position to the end."""
    for _ in range(_CHUNKS):
        if position + 8 > len(data) or not all(32 <= letter < 127 for letter in data[position : position + 4]):
            break
        (size,) = struct.unpack("<I", data[position + 4 : position + 8])
        position += 8 + size + size % 2
    return position == len(data)


def _with_sizes(head: bytes, *, riff: int, samples: int) -> bytes:
    """A file's bytes before its samples, with other sizes in them."""
    return head[:4] + struct.pack("<I", riff) + head[8:-4] + struct.pack("<I", samples)
