"""Microphone and loudspeaker, through sounddevice (PortAudio), the extra `devices`."""

from __future__ import annotations

import queue
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Protocol

from audiochat.audio import PCM_BYTES_PER_SECOND, SAMPLE_RATE
from audiochat.audio.silence import EndOfSpeech, level
from audiochat.extras import install_command

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

BLOCK = PCM_BYTES_PER_SECOND // 50
"""Bytes that go to or come from a device at a time: 20 ms."""

JITTER = PCM_BYTES_PER_SECOND // 5
"""Bytes that are kept back before the first sound, so that a late delta is not heard as a gap: 0.2 s."""

AHEAD = 60 * PCM_BYTES_PER_SECOND // BLOCK
"""Blocks that may wait to be played: a minute; then the download waits."""


class NoDeviceError(Exception):
    """There is no such device, or nothing to reach it with; says how to get it."""


class Loudspeaker(Protocol):
    """Plays sound while it comes: s16le, mono, 24,000 Hz."""

    def play(self, pcm: bytes) -> None:
        """Play a piece after what came before, without a gap; a sample may be split between two pieces."""

    def drain(self) -> None:
        """Wait until everything was heard."""

    def stop(self) -> None:
        """Be silent at once."""

    @property
    def failure(self) -> Exception | None:
        """What went wrong with the device while it played, if anything did."""


class Microphone(Protocol):
    """Hears: s16le, mono, 24,000 Hz."""

    def blocks(self) -> Generator[bytes, None, None]:
        """Sound as it comes, 20 ms at a time, until it is no longer asked for."""


def loudspeaker() -> Loudspeaker:
    """The loudspeaker that the system plays through.

    Raises:
        NoDeviceError: there is none.
    """
    library = _sounddevice()
    return PortAudioLoudspeaker(_opened(library, library.RawOutputStream))


def microphone() -> Microphone:
    """The microphone that the system records from.

    Raises:
        NoDeviceError: there is none.
    """
    library = _sounddevice()
    return PortAudioMicrophone(_opened(library, library.RawInputStream))


def record(
    source: Microphone,
    *,
    stopped: Callable[[], bool],
    max_seconds: float,
    meter: Callable[[float], None],
) -> bytes:
    """Record until the speaker has stopped.

    Args:
        source: What hears.
        stopped: Whether the person has had enough.
        max_seconds: The longest recording.
        meter: Told how loud it is, in dBFS, a few times a second.

    Returns:
        s16le, mono, 24,000 Hz.
    """
    pcm = bytearray()
    end = EndOfSpeech()
    with closing(source.blocks()) as blocks:
        for number, block in enumerate(blocks):
            pcm += block
            if number % 5 == 0:
                meter(level(block))
            if end.hears(block) or stopped() or len(pcm) >= max_seconds * PCM_BYTES_PER_SECOND:
                break
    return bytes(pcm)


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError as exc:
        raise NoDeviceError(f"Sound devices need the extra. {install_command('devices')}.") from exc
    except OSError as exc:  # the wheel for Linux wants the system's PortAudio
        raise NoDeviceError("Sound devices need PortAudio (on Debian and Ubuntu: apt install libportaudio2).") from exc
    return sounddevice


def _opened(library: Any, kind: Any) -> Any:
    """A stream on the default device, not yet running."""
    try:
        return kind(samplerate=SAMPLE_RATE, channels=1, dtype="int16", latency="high")
    except (library.PortAudioError, ValueError) as exc:
        raise NoDeviceError(f"There is no sound device to use: {' '.join(str(exc).split())[:160]}.") from exc


class PortAudioLoudspeaker:
    """Writes to a PortAudio stream from a thread of its own."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._waiting: queue.Queue[bytes | None] = queue.Queue(AHEAD)
        self._rest = b""
        self._stopped = threading.Event()
        self._ended = threading.Event()
        self.failure: Exception | None = None
        self._begun = False

    def play(self, pcm: bytes) -> None:
        """See `Loudspeaker`."""
        self._rest += pcm
        while len(self._rest) >= BLOCK:
            self._put(self._rest[:BLOCK])
            self._rest = self._rest[BLOCK:]
        if not self._begun and self._waiting.qsize() * BLOCK >= JITTER:
            self._start()

    def drain(self) -> None:
        """See `Loudspeaker`."""
        if self._rest:
            self._put(self._rest[: len(self._rest) // 2 * 2].ljust(BLOCK, b"\0"))
            self._rest = b""
        if not self._begun:
            self._start()
        self._put(None)
        while not self._ended.wait(0.1):  # in steps, so that Ctrl-C gets through everywhere
            pass

    def stop(self) -> None:
        """See `Loudspeaker`."""
        self._stopped.set()
        self._stream.abort()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)  # wakes the thread where it waits for more
        if self._begun:
            self._ended.wait(2)  # it cannot be joined where Ctrl-C came while it was started
        self._stream.close()

    def _start(self) -> None:
        self._begun = True
        threading.Thread(target=self._run, name="audiochat-playing", daemon=True).start()

    def _put(self, block: bytes | None) -> None:
        while not self._stopped.is_set() and self.failure is None:
            try:
                self._waiting.put(block, timeout=0.1)
            except queue.Full:
                if not self._begun:
                    self._start()
                continue
            return

    def _run(self) -> None:
        try:
            self._stream.start()
            while not self._stopped.is_set() and (block := self._waiting.get()) is not None:
                self._stream.write(block)
            if not self._stopped.is_set():
                self._stream.stop()  # which plays what PortAudio still has
                self._stream.close()
        except _sounddevice().PortAudioError as exc:  # it was pulled out; the answer is saved all the same
            self.failure = exc
        finally:
            self._ended.set()


class PortAudioMicrophone:
    """Reads from a PortAudio stream."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def blocks(self) -> Generator[bytes, None, None]:
        """See `Microphone`."""
        self._stream.start()
        try:
            while True:
                yield self._read()
        finally:
            self._stream.abort()
            self._stream.close()

    def _read(self) -> bytes:
        try:
            data, _overflowed = self._stream.read(BLOCK // 2)
        except _sounddevice().PortAudioError as exc:  # it was pulled out
            raise NoDeviceError(f"The microphone fails: {' '.join(str(exc).split())[:160]}.") from exc
        return bytes(data)
