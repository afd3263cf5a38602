"""Streamed sound as pcm16, whatever a server sends in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audiochat.audio import SAMPLE_RATE, codec, wav
from audiochat.audio.sniff import needs_more, sniff
from audiochat.spool import SpooledBytes, concatenate, open_data

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = 12
"""Bytes that tell a WAV file from samples."""


class SoundStream:
    """Makes pcm16 of streamed sound: of pcm16 itself, and of the files that servers send in its place.

    A WAV file of 16-bit mono at 24,000 Hz passes through without its header, however many of them follow each other.
    Anything else, MP3 say, waits until its end and is decoded then.
    """

    def __init__(self) -> None:
        self._start = b""
        """The first bytes, until there are enough to tell what they are."""
        self._passing = False
        self._file: SpooledBytes | None = None
        """A file that is decoded at its end."""

    def feed(self, data: bytes) -> bytes:
        """Take the next piece; the samples that are ready, in pcm16."""
        if self._file is not None:
            self._file.write(data)
            return b""
        if self._passing and not _starts_wav(data):
            return data
        # A server may send each piece as a file of its own: then the next one begins here.
        self._passing, self._start = False, self._start + data
        return self._settle()

    def finish(self) -> Iterator[bytes]:
        """The rest of the samples.

        Raises:
            FileError: a file that waited for its end cannot be decoded.
        """
        if self._file is None and sniff(self._start) is not None:
            self._file = concatenate(self._start)
        if self._file is not None:
            yield from codec.decode(open_data(self._file), name="the answer")
        elif self._start:
            yield self._start

    def _settle(self) -> bytes:
        """Find out what the first bytes are, unless more of them are needed; the samples among them."""
        start = self._start
        if len(start) < _MAGIC or needs_more(start):
            return b""
        kind = sniff(start)
        found = wav.read(start + b"\0\0") if kind == "wav" else None  # the samples may be still to come
        if kind == "wav" and found is None:
            return b""
        self._start = b""
        if kind is None or (found and _is_pcm16(found)):
            self._passing = True
            return start[found.offset :] if found else start
        self._file = concatenate(start)
        return b""


def _starts_wav(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:_MAGIC] == b"WAVE"


def _is_pcm16(found: wav.Wav) -> bool:
    return found.plain and (found.channels, found.sample_rate, found.bits) == (1, SAMPLE_RATE, 16)
