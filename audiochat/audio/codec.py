"""Any sound to any other: decoding, encoding, and both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audiochat.audio import PCM_BYTES_PER_SECOND, wav
from audiochat.audio.decoder import decode
from audiochat.audio.encoder import Encoder, encode
from audiochat.errors import FileError
from audiochat.spool import SpooledBytes, open_data

if TYPE_CHECKING:
    from audiochat.spool import Data

__all__ = ["Encoder", "decode", "duration", "encode", "transcode"]

_LONGEST = 1_000_000_000
"""Bytes of pcm16 that are made of one file: some five hours; a small file can hold any silence."""


def transcode(data: Data, format: str, *, name: str) -> Data:
    """Make a file in one of `ANSWER_FORMATS` out of sound of any kind.

    Raises:
        FileError: `data`, called `name`, holds no sound, or many hours of it.
    """
    pcm = SpooledBytes()
    for block in decode(open_data(data), name=name):
        pcm.write(block)
        if len(pcm) > _LONGEST:
            raise FileError(f"{name} goes on for hours.", hint="No more of it was decoded.", code="too_long")
    return encode(pcm, format)


def duration(data: Data, format: str) -> float | None:
    """How many seconds a file in one of `ANSWER_FORMATS` lasts; None where it does not tell."""
    if format == "pcm16":
        return len(data) / PCM_BYTES_PER_SECOND
    if format == "wav":
        found = wav.read(data)
        return None if found is None else found.seconds
    try:
        return sum(map(len, decode(open_data(data), name=format))) / PCM_BYTES_PER_SECOND
    except FileError:
        return None
