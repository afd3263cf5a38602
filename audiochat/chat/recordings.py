"""Recordings as the API takes them: WAV or MP3, at most 20 MB."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeVar

from audiochat.audio import wav
from audiochat.audio.sniff import HEAD, after_id3, mp3_is_mono, sniff
from audiochat.errors import FileError
from audiochat.spool import spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audiochat.audio.sniff import Kind
    from audiochat.chat.request import Encoded
    from audiochat.spool import Data

InputFormat = Literal["wav", "mp3"]
"""The audio that the API takes."""

SIZE_LIMIT = 20_000_000
"""Bytes of one recording that Azure takes: "20 MB", read in the stricter of its two senses."""

_MP3_BIT_RATE = 64_000

_ENOUGH = 30.0
"""Seconds of a WAV or MP3 file in which its channels do not cancel each other, after which they will not."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recording:
    """Sound to send, encoded as the API takes it."""

    data: Data = field(repr=False)
    """The whole file."""
    format: InputFormat
    name: str | None = None
    """The name of the user's file."""

    def part(self, encoded: Encoded) -> dict[str, Any]:
        """The content part of a message."""
        return {"type": "input_audio", "input_audio": {"data": encoded(self.data), "format": self.format}}


def load_recording(source: str | Path | bytes, *, name: str | None = None) -> Recording:
    """Read a recording, of any kind that can be decoded.

    Args:
        source: A file's path, or what is in the file.
        name: What to call it; by default the path.

    Raises:
        FileError: it cannot be read, holds no sound, or more than one request can carry.
    """
    if isinstance(source, bytes):
        name = name or "the recording"
        return replace(for_sending(io.BytesIO(source), name=name), name=name)
    path = Path(source)
    name = name or str(path)
    try:
        with path.open("rb") as file:
            return replace(for_sending(file, name=name), name=name)
    except OSError as exc:
        raise FileError(f"{path} cannot be read: {exc.strerror or exc}.", hint="Check its name.") from exc


def for_sending(source: BinaryIO, *, name: str) -> Recording:
    """A recording as the API takes it: WAV and MP3 as they are, the rest converted, the large made small.

    Args:
        source: A seekable file, at its start.
        name: What to call it in an error.

    Raises:
        FileError: it holds no sound, or more than one request can carry.
    """
    head = source.read(HEAD)
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    kind = _kind(source, head)
    if kind in ("wav", "mp3") and size <= SIZE_LIMIT:
        as_it_is = _as_it_is(source, head, kind, name=name)
        if as_it_is is not None:
            return as_it_is
    if kind not in ("wav", "mp3") or size <= SIZE_LIMIT:
        pcm = _mono(source, name=name, make=_pcm)
        if pcm is not None:
            return Recording(wav.wrap(pcm), "wav")
    return Recording(_mono(source, name=name, make=partial(_small, name=name)), "mp3")


def _as_it_is(source: BinaryIO, head: bytes, kind: Kind, *, name: str) -> Recording | None:
    """A WAV or MP3 file as it goes into a request, its sizes true; None where it is to be decoded first."""
    data = spool(source)
    if kind == "mp3":
        mono = mp3_is_mono(head)
    else:
        found = wav.read(data)
        if found is None or not found.plain:
            return None
        mono = found.channels == 1
    # A service mixes channels as we do, and would hear nothing.
    if not mono and _cancels(source, name=name):
        return None
    return Recording(data, "mp3") if kind == "mp3" else Recording(wav.mend(data), "wav")


def _cancels(source: BinaryIO, *, name: str) -> bool:
    from audiochat.audio.decoder import open_recording

    source.seek(0)
    try:
        with open_recording(source, name=name) as recording:
            return recording.measure_mix(_ENOUGH).cancels
    except FileError:  # the service may be able to read it all the same
        return False


def _mono(source: BinaryIO, *, name: str, make: Callable[[Iterator[bytes]], T]) -> T:
    """Make something of the mix of a recording's channels, or of the loudest one where the mix cancels itself."""
    from audiochat.audio.decoder import decode
    from audiochat.audio.mix_meter import MixMeter

    meter = MixMeter()
    source.seek(0)
    made = make(decode(source, name=name, meter=meter))
    if not meter.cancels:
        return made
    source.seek(0)
    return make(decode(source, name=name, channel=meter.loudest))


def _kind(source: BinaryIO, head: bytes) -> Kind | None:
    """The kind of a file at its start, also behind a tag that fills its head."""
    kind, start = sniff(head), after_id3(head)
    if kind == "mp3" and start > HEAD // 2:
        source.seek(start)
        behind = source.read(HEAD)
        source.seek(0)
        return "mp3" if sniff(behind) == "mp3" else None
    return kind


def _pcm(blocks: Iterator[bytes]) -> bytes | None:
    """The samples as pcm16, or None when they are more than one request carries as WAV."""
    pcm = bytearray()
    for block in blocks:
        pcm += block
        if len(pcm) > SIZE_LIMIT - len(wav.header(0)):
            return None
    return bytes(pcm)


def _small(blocks: Iterator[bytes], *, name: str) -> bytes:
    """The samples as a small MP3."""
    from audiochat.audio.encoder import Encoder

    encoder = Encoder("mp3", bit_rate=_MP3_BIT_RATE)
    small = bytearray()
    for block in blocks:
        small += encoder.encode(block)
        if len(small) > SIZE_LIMIT:
            minutes = SIZE_LIMIT * 8 // _MP3_BIT_RATE // 60
            raise FileError(
                f"{name} is too long for one request, even as a small MP3 (about {minutes} minutes fit).",
                hint=f"'audiochat transcribe {name}' takes recordings of any length; or cut it in pieces.",
                code="too_long",
            )
    return bytes(small + encoder.finish())
