"""What sound a file really holds, whatever its name says: by its first bytes."""

from __future__ import annotations

from typing import Literal

Kind = Literal["wav", "mp3", "flac", "opus", "aac"]

HEAD = 64 * 1024
"""Bytes from the start that are enough to tell, unless an ID3 tag is longer."""

_ENOUGH = 8 * 1024
"""Bytes that hold two frames of any MP3."""

_CLOSELY = 0.8
"""The mean step from one sample to the next, over their mean size: 1.3 in noise, below a half in speech."""

_FEWEST = 1_200
"""Samples that are enough to judge: a twentieth of a second."""

_ID3_HEADER = 10
_BITRATES = {  # kbit/s of MPEG layer III, by its index; 0 is "free", 15 forbidden
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG 1
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG 2 and 2.5
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def sniff(data: bytes) -> Kind | None:
    """The kind of sound that starts `data`, or None where the first bytes do not settle it.

    Args:
        data: A file, or its first `HEAD` bytes.
    """
    if data[:4] in (b"RIFF", b"RIFX", b"RF64") and data[8:12] == b"WAVE":
        return "wav"
    if data[:4] == b"fLaC":
        return "flac"
    if data[:4] == b"OggS":
        return "opus" if b"OpusHead" in data[:256] else None
    start = after_id3(data)
    if start and start >= len(data) >= HEAD:
        return "mp3"  # an ID3 tag longer than what we were given: hardly anything but MP3 brings those
    if _mp3_frames(data, start):
        return "mp3"
    return "aac" if _aac_frames(data) else None


def is_plainly_pcm16(data: bytes) -> bool:
    """Whether bytes without any mark are samples of sound, s16le: one follows closely upon another.

    In anything compressed, and in samples of another width or order, they are as far apart as chance has it.

    Args:
        data: A file, or its first `HEAD` bytes.
    """
    import array
    import itertools
    import sys

    samples = array.array("h", data[: len(data) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    if len(samples) < _FEWEST or abs(sum(samples)) > sum(map(abs, samples)) / 2:  # text lies on one side of zero
        return False
    loud = sum(map(abs, samples))
    steps = sum(abs(after - before) for before, after in itertools.pairwise(samples))
    return loud > len(samples) and steps < _CLOSELY * loud


def mp3_is_mono(data: bytes) -> bool:
    """Whether the first frame of an MP3 file says that it has one channel."""
    header = data[after_id3(data) :][:4]
    return len(header) == 4 and header[3] >> 6 == 3


def needs_more(data: bytes) -> bool:
    """Whether the start of a stream looks like a file of sound, and more of it is needed to be sure."""
    looks = data[:3] == b"ID3" or data[:4] in (b"OggS", b"fLaC", b"RIFF") or _mp3_frame(data[:4]) is not None
    return looks and len(data) < _ENOUGH and sniff(data) is None


def _aac_frames(data: bytes) -> bool:
    """Whether an ADTS frame stands at the start, and another where it ends (or the data ends first)."""

    def sync(at: int) -> bool:
        return data[at] == 0xFF and data[at + 1] & 0xF6 == 0xF0

    if len(data) < 7 or not sync(0):
        return False
    length = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    return length >= 7 and (len(data) < length + 2 or sync(length))


def after_id3(data: bytes) -> int:
    """Where the sound starts behind an ID3v2 tag, whose length is four times seven bits; 0 without one."""
    if data[:3] != b"ID3" or len(data) < _ID3_HEADER or data[3] not in (2, 3, 4) or max(data[6:10]) >= 0x80:
        return 0
    size = 0
    for byte in data[6:_ID3_HEADER]:
        size = size << 7 | byte & 0x7F
    return _ID3_HEADER + size + (_ID3_HEADER if data[5] & 0x10 else 0)


def _mp3_frames(data: bytes, start: int) -> bool:
    """Whether an MP3 frame stands at `start`, and another where it ends (or the data ends first)."""
    length = _mp3_frame(data[start : start + 4])
    if length is None or start + length > len(data) < HEAD:
        return False
    following = data[start + length : start + length + 4]
    return len(following) < 4 or _mp3_frame(following) is not None


def _mp3_frame(header: bytes) -> int | None:
    """The length of the frame that a four-byte header announces. Source: ISO/IEC 11172-3, 2.4.1.3."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bitrate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:
        return None
    mpeg1 = version == 3
    samples_by_eight = 144 if mpeg1 else 72
    return samples_by_eight * _BITRATES[mpeg1][bitrate] * 1000 // _RATES[version][rate] + (header[2] >> 1 & 1)
