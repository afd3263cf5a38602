"""Where the sound of an answer goes while it comes: stdout, a loudspeaker, memory, several of them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from audiochat.audio import codec
from audiochat.errors import FileError
from audiochat.spool import SpooledBytes

if TYPE_CHECKING:
    from audiochat.audio.devices import Loudspeaker
    from audiochat.cli.terminal import Terminal


class AudioSink(Protocol):
    """Takes the sound of an answer while it comes."""

    def write(self, pcm: bytes) -> None:
        """Take a piece: s16le, mono, 24,000 Hz; a sample may be split between two pieces."""

    def close(self) -> None:
        """The answer is whole: write what is left of it."""

    def abort(self) -> None:
        """The answer will not become whole, or nobody wants the rest of it."""


class PipeSink:
    """Writes to stdout, encoded while it comes; a slow reader slows down the download.

    Args:
        screen: Owns stdout.
        format: Of what is written.
    """

    def __init__(self, screen: Terminal, format: str) -> None:
        self._screen = screen
        self._format = format
        self._encoder: codec.Encoder | None = None
        self._start: int | None = None
        self.size = 0
        """Bytes that were written."""
        self.failure: FileError | None = None
        """Why stdout cannot be written: the rest of the answer, which is paid for, is taken all the same."""

    def write(self, pcm: bytes) -> None:
        """Write what is encoded by now."""
        if self._encoder is None:
            self._encoder = codec.Encoder(self._format)
            self._start = self._screen.stdout_position()
        self._put(self._encoder.encode(pcm))

    def close(self) -> None:
        """Write the rest; where stdout is a file, its header tells the true length then."""
        if self._encoder is not None:
            self._put(self._encoder.finish())
            patch = self._encoder.header_patch()
            if patch is not None and self._start is not None and self.failure is None:
                offset, header = patch
                self._screen.overwrite(self._start + offset, header)

    def abort(self) -> None:
        """Leave what is written: the exit code tells that it is not whole."""

    def _put(self, data: bytes) -> None:
        if not data or self.failure is not None:
            return
        try:
            self._screen.write(data)
            self.size += len(data)
        except FileError as error:
            self.failure = error


class SpeakerSink:
    """Plays the sound. It alone can be waited for: it is heard later than it is written."""

    def __init__(self, loudspeaker: Loudspeaker) -> None:
        self._loudspeaker = loudspeaker

    def write(self, pcm: bytes) -> None:
        """Play a piece after those before it."""
        self._loudspeaker.play(pcm)

    def close(self) -> None:
        """Nothing: `wait` plays the rest."""

    def abort(self) -> None:
        """Be silent at once."""
        self._loudspeaker.stop()

    def wait(self) -> Exception | None:
        """Wait until everything was heard; what went wrong with the device, if anything did."""
        with ExitStack() as on_interrupt:  # the answer is saved and shown, only the sound ends
            on_interrupt.callback(self._loudspeaker.stop)
            self._loudspeaker.drain()
            on_interrupt.pop_all()
        return self._loudspeaker.failure


class MemorySink:
    """Keeps the sound, for an answer that may be cut: `--keep-partial`."""

    def __init__(self) -> None:
        self.pcm = SpooledBytes()

    def write(self, pcm: bytes) -> None:
        """Keep a piece."""
        self.pcm.write(pcm)

    def close(self) -> None:
        """Nothing."""

    def abort(self) -> None:
        """Nothing: what came is kept."""


class TeeSink:
    """Writes to several sinks."""

    def __init__(self, *sinks: AudioSink) -> None:
        self._sinks = sinks

    def write(self, pcm: bytes) -> None:
        """Write to each of them."""
        for sink in self._sinks:
            sink.write(pcm)

    def close(self) -> None:
        """Close each of them."""
        for sink in self._sinks:
            sink.close()

    def abort(self) -> None:
        """Abort each of them."""
        for sink in self._sinks:
            sink.abort()
