"""Where a spoken answer goes: a file, a pipe, a loudspeaker, nowhere; whole or while it comes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from audiochat.audio import PCM_BYTES_PER_SECOND, codec, wav
from audiochat.audio.sniff import HEAD, sniff
from audiochat.chat.request import SERVICE_FORMATS
from audiochat.errors import AudiochatError, BrokenAnswerError, FileError
from audiochat.spool import SpooledBytes, iter_blocks

if TYPE_CHECKING:
    from audiochat.audio.devices import Loudspeaker
    from audiochat.chat.reply import Reply, SpokenAudio
    from audiochat.cli.terminal import Terminal
    from audiochat.files import Target
    from audiochat.spool import Data


@dataclass(frozen=True, slots=True)
class Delivered:
    """The spoken answer as it was handed over."""

    path: Path | None
    """None is stdout."""
    format: str
    seconds: float | None
    size: int
    """Bytes."""
    spoken: SpokenAudio


class Outlet(Protocol):
    """Takes a spoken answer."""

    format: str
    """What the user gets, one of `codec.FORMATS`."""
    live: bool
    """Whether it wants the answer while it comes."""
    takes_stdout: bool
    """Whether the sound is on stdout, where no words may go."""

    def take(self, pcm: bytes) -> None:
        """Take a piece while the answer comes: s16le, mono, 24,000 Hz."""

    def finish(self, reply: Reply) -> Delivered | None:
        """The answer that came in pieces is whole."""

    def give(self, reply: Reply) -> Delivered | None:
        """Take a whole answer, its sound with it."""

    def abandon(self) -> None:
        """The answer will not become whole."""

    def settle(self) -> None:
        """Wait until everything was heard; the words are shown by then."""


class ToPipe:
    """stdout, in any format, encoded while it comes."""

    live = True
    takes_stdout = True

    def __init__(self, screen: Terminal, format: str) -> None:  # noqa: A002 - the field's word
        self.format = format
        self._screen = screen
        self._encoder: codec.Encoder | None = None
        self._pcm_bytes = 0
        self._size = 0

    def take(self, pcm: bytes) -> None:
        """Write what is encoded by now; a slow reader slows down the download."""
        self._encoder = self._encoder or codec.Encoder(self.format)
        self._pcm_bytes += len(pcm)
        self._write(self._encoder.encode(pcm))

    def finish(self, reply: Reply) -> Delivered:
        """Write the rest."""
        spoken = _spoken(reply)
        if self._encoder is not None:
            self._write(self._encoder.finish())
        return Delivered(None, self.format, self._pcm_bytes / PCM_BYTES_PER_SECOND, self._size, spoken)

    def give(self, reply: Reply) -> Delivered:
        """Write it as a whole, with a header that tells its size."""
        data = sound(reply, self.format)
        for block in iter_blocks(data):
            self._write(block)
        return Delivered(None, self.format, codec.seconds(data, self.format), self._size, _spoken(reply))

    def abandon(self) -> None:
        """What is sent is sent; the exit code tells."""

    def settle(self) -> None:
        """There is nothing to wait for."""

    def _write(self, data: bytes) -> None:
        if data:
            self._size += len(data)
            self._screen.write(data)


class ToFile:
    """A file, written when the answer is whole."""

    live = False
    takes_stdout = False

    def __init__(self, target: Target, format: str, *, screen: Terminal, keep_partial: bool = False) -> None:  # noqa: A002
        self.format = format
        self._target = target
        self._screen = screen
        self._keep_partial = keep_partial
        self._pcm = SpooledBytes()

    def take(self, pcm: bytes) -> None:
        """Keep it: no file is opened in its place before it can be whole."""
        self._pcm.write(pcm)

    def finish(self, reply: Reply) -> Delivered:
        """Encode and write it."""
        spoken = _spoken(reply)
        return self._save(codec.encode(self._pcm, self.format), reply.transcript, spoken)

    def give(self, reply: Reply) -> Delivered:
        """Write it, converted where that is needed."""
        return self._save(sound(reply, self.format), reply.transcript, _spoken(reply))

    def abandon(self) -> None:
        """Leave nothing, unless the user wants what came."""
        if self._keep_partial and self._pcm:
            path = self._target.save(codec.encode(self._pcm, self.format), self._screen)
            self._screen.note(f"{path}  {len(self._pcm) / PCM_BYTES_PER_SECOND:.1f} s, not the whole answer")

    def settle(self) -> None:
        """There is nothing to wait for."""

    def _save(self, data: Data, transcript: str, spoken: SpokenAudio) -> Delivered:
        try:
            path = self._target.save(data, self._screen)
        except FileError as exc:
            exc.transcript = transcript
            raise
        return Delivered(path, self.format, codec.seconds(data, self.format), len(data), spoken)


class Aloud:
    """Another outlet, and a loudspeaker besides."""

    live = True

    def __init__(self, outlet: Outlet, loudspeaker: Loudspeaker, screen: Terminal) -> None:
        self.format = outlet.format
        self.takes_stdout = outlet.takes_stdout
        self._screen = screen
        self._outlet = outlet
        self._loudspeaker = loudspeaker

    def take(self, pcm: bytes) -> None:
        """Play it too."""
        self._outlet.take(pcm)
        self._loudspeaker.play(pcm)

    def finish(self, reply: Reply) -> Delivered | None:
        """Save it; `settle` hears it to its end."""
        return self._outlet.finish(reply)

    def give(self, reply: Reply) -> Delivered | None:
        """Save it, then play it."""
        delivered = self._outlet.give(reply)
        for block in iter_blocks(sound(reply, "pcm16")):
            self._loudspeaker.play(block)
        return delivered

    def abandon(self) -> None:
        """Be silent at once."""
        self._loudspeaker.stop()
        self._outlet.abandon()

    def settle(self) -> None:
        """Hear it to its end."""
        try:
            self._loudspeaker.drain()
        except BaseException:  # Ctrl-C: the answer is saved and shown, only the sound ends
            self._loudspeaker.stop()
            raise
        if self._loudspeaker.failure is not None:
            self._screen.note(f"The loudspeaker failed: {self._loudspeaker.failure}")


class ToMemory:
    """Nothing but memory: for a conversation that saves what it is told to."""

    live = False
    takes_stdout = False
    format = "wav"

    def __init__(self) -> None:
        self._pcm = bytearray()
        self.sound: bytes | None = None
        """The spoken answer as a WAV file, when it is whole."""

    def take(self, pcm: bytes) -> None:
        """Keep it."""
        self._pcm += pcm

    def finish(self, reply: Reply) -> None:
        """Keep it as a file."""
        _spoken(reply)
        self.sound = wav.wrap(bytes(self._pcm))

    def give(self, reply: Reply) -> None:
        """Keep it as a file."""
        self.sound = sound(reply, "wav")[:]

    def abandon(self) -> None:
        """Keep nothing."""

    def settle(self) -> None:
        """There is nothing to wait for."""


class Both:
    """Two outlets; what is said of the delivery is said of the first."""

    def __init__(self, first: Outlet, second: Outlet) -> None:
        self.format = first.format
        self.live = first.live or second.live
        self.takes_stdout = first.takes_stdout
        self._outlets = (first, second)

    def take(self, pcm: bytes) -> None:
        """To both."""
        for outlet in self._outlets:
            outlet.take(pcm)

    def finish(self, reply: Reply) -> Delivered | None:
        """To both, the second first: it does not fail."""
        self._outlets[1].finish(reply)
        return self._outlets[0].finish(reply)

    def give(self, reply: Reply) -> Delivered | None:
        """To both, the second first: it does not fail."""
        self._outlets[1].give(reply)
        return self._outlets[0].give(reply)

    def abandon(self) -> None:
        """Both."""
        for outlet in self._outlets:
            outlet.abandon()

    def settle(self) -> None:
        """Both."""
        for outlet in self._outlets:
            outlet.settle()


def service_format(wanted: str) -> str:
    """What to ask the service for, to make the format that the user wants."""
    return wanted if wanted in SERVICE_FORMATS else "wav"


def sound(reply: Reply, wanted: str) -> Data:
    """The sound of a whole answer in the format that the user wants, whatever came.

    Raises:
        BrokenAnswerError: there is none, or it is no sound; the words are kept with the error.
    """
    data = _spoken(reply).data
    came = sniff(data[:HEAD])
    try:
        if came is None and service_format(wanted) == "pcm16":
            return data
        if came == wanted:
            data = wav.mend(data) if wanted == "wav" else data
        else:
            data = codec.transcode(data, wanted, name="the answer")
    except FileError as exc:
        raise _no_sound(reply) from exc
    if wanted == "wav" and wav.read(data) is None:
        raise _no_sound(reply)
    return data


def _spoken(reply: Reply) -> SpokenAudio:
    if reply.audio is None:
        raise BrokenAnswerError(
            "The model answered in text, though speech was asked for.",
            hint="Ask again, or ask for speech in the system message (-s).",
            code="no_audio",
            request_id=reply.request_id,
            transcript=reply.transcript,
        )
    return reply.audio


def _no_sound(reply: Reply) -> AudiochatError:
    return BrokenAnswerError(
        "What came as the spoken answer is no sound that can be read.",
        hint="Try another -f, or report the request id.",
        request_id=reply.request_id,
        transcript=reply.transcript,
    )
