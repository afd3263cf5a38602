"""Any recording to samples, with PyAV (FFmpeg's libraries), in blocks: memory does not grow with its length."""

from __future__ import annotations

import io
import itertools
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from audiochat.audio import SAMPLE_RATE
from audiochat.audio.demuxers import DEMUXERS, demuxer_for
from audiochat.audio.resample import to_channels, to_mono
from audiochat.audio.sniff import HEAD
from audiochat.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import AudioFrame, AudioStream, Packet
    from av.container import InputContainer

    from audiochat.audio.mix_meter import MixMeter

_SOUNDLESS = 100_000
"""Packets without sound, one after the other, at which the rest is given up: a file can have millions."""

_LOWEST, _HIGHEST = 1_000, 3_000_000
"""Samples a second. Beyond them nothing is heard, and to resample it takes memory without end."""

_MOST_CHANNELS = 64
"""As many as FFmpeg mixes; a header that tells more is damaged."""

_LISTENED = 60.0
"""Seconds of a track without a sound, after which it is taken for silent, where there is another one."""

_HEARD = 16
"""The size of a sample, of 32,768, that is no silence: codecs make a little noise of it."""

_GAP = 0.1
"""Seconds without sound that are filled with silence; where less is missing, encoders have only counted otherwise."""

_OWN_CLOCK = 0x0200
"""FFmpeg's AVFMT_TS_DISCONT: the container's time stamps count from any moment, as those of radio do."""


def decode(
    source: BinaryIO,
    *,
    name: str,
    sample_rate: int = SAMPLE_RATE,
    channel: int | None = None,
    meter: MixMeter | None = None,
) -> Iterator[bytes]:
    """Decode the sound of any recording, the sound track of a film too, to one channel.

    Args:
        source: A seekable file, at its start.
        name: What to call it in an error; its suffix tells the formats that have no mark of their own.
        sample_rate: Of what is given.
        channel: Take this one (from 0) instead of a mix of all.
        meter: Shown each frame; it tells afterwards whether the mix cancels itself.

    Yields:
        Blocks of samples: s16le, mono.

    Raises:
        FileError: it holds no sound, or cannot be read to its end.
    """
    with open_recording(source, name=name) as recording:
        yield from recording.mono(sample_rate, channel=channel, meter=meter)


@contextmanager
def open_recording(source: BinaryIO, *, name: str) -> Iterator[AudioReader]:
    """Open the first track of a recording that can be decoded; for the arguments and errors see `decode`."""
    file = _Source(source, name)
    number = _first_sounding(file)
    while True:
        with closing(file.open_container()) as container:
            tracks = container.streams.audio
            if not tracks:
                raise FileError(f"{name} has no sound in it.", hint="Give it a recording.", code="not_audio")
            # A track without a decoder has no codec context. New iPhones put such a one before the one that all read.
            while number < len(tracks) and getattr(tracks[number], "codec_context", None) is None:
                number += 1
            if number == len(tracks):
                raise file.error()
            frames = _frames(container, tracks[number], file)
            first = next(frames, None)
            if first is not None:
                yield AudioReader(container, first, frames, file)
                return
            number += 1


def _first_sounding(file: _Source) -> int:
    """The first track that is not silent: screen recorders put an empty one before the microphone's."""
    with closing(file.open_container()) as container:
        count = len(container.streams.audio)
    for number in range(count) if count > 1 else ():
        with closing(file.open_container()) as container:
            track = container.streams.audio[number]
            if getattr(track, "codec_context", None) is not None and _is_heard(_frames(container, track, file)):
                return number
    return 0


def _is_heard(frames: Iterator[AudioFrame]) -> bool:
    """Whether anything can be heard in the first minute."""
    seconds = 0.0

    def minute() -> Iterator[AudioFrame]:
        nonlocal seconds
        for frame in frames:
            seconds += frame.samples / frame.sample_rate
            if seconds > _LISTENED:
                return
            yield frame

    return any(max(memoryview(block).cast("h"), default=0) > _HEARD for block in to_mono(minute(), SAMPLE_RATE))


class AudioReader:
    """The sound of one track, which is read once: by `mono` or by `per_channel`."""

    def __init__(
        self, container: InputContainer, first: AudioFrame, frames: Iterator[AudioFrame], file: _Source
    ) -> None:
        self._frames = itertools.chain([first], frames)
        self._file = file
        self.sample_rate: int = first.sample_rate
        """Samples a second, as they are stored."""
        self.channels: int = first.layout.nb_channels
        self.start = _start(container, first)
        """When its sound begins, in seconds from the recording's own start: the sound of a film may come late."""
        self.duration = container.duration / 1_000_000 if container.duration else None
        """Seconds, as its header has them: an estimate, or None."""
        self._end = None if self.duration is None else (container.start_time or 0) / 1_000_000 + self.duration

    def mono(
        self,
        sample_rate: int = SAMPLE_RATE,
        *,
        channel: int | None = None,
        meter: MixMeter | None = None,
        keep_time: bool = False,
    ) -> Iterator[bytes]:
        """Decode to one channel.

        Args:
            sample_rate: Of what is given.
            channel: Take this one (from 0) instead of a mix of all.
            meter: Shown each frame; it tells afterwards whether the mix cancels itself.
            keep_time: Fill gaps between time stamps with silence, so that samples count time.

        Yields:
            Blocks of samples, s16le.

        Raises:
            FileError: it cannot be read to its end.
        """
        if channel is None:
            with self._file.errors():
                yield from to_mono(self._shown(meter, keep_time=keep_time), sample_rate)
            return
        for planes in self.per_channel(sample_rate, keep_time=keep_time):
            yield planes[min(channel, len(planes) - 1)]

    def per_channel(self, sample_rate: int = SAMPLE_RATE, *, keep_time: bool = False) -> Iterator[tuple[bytes, ...]]:
        """Decode each channel by itself, in blocks of `channels` equally long pieces; for the rest see `mono`."""
        with self._file.errors():
            yield from to_channels(self._shown(None, keep_time=keep_time), sample_rate, self.channels)

    def measure_mix(self, enough: float) -> MixMeter:
        """Find out whether the mix of the channels cancels itself, without making it.

        Args:
            enough: Seconds in which nothing has cancelled, after which nothing will.

        Raises:
            FileError: it cannot be read to its end.
        """
        from audiochat.audio.mix_meter import MixMeter

        meter = MixMeter()
        seconds = 0.0
        with self._file.errors():
            for frame in self._shown(meter, keep_time=False):
                seconds += frame.samples / frame.sample_rate
                if seconds > enough and not meter.cancels:
                    break
        return meter

    def _shown(self, meter: MixMeter | None, *, keep_time: bool) -> Iterator[AudioFrame]:
        for frame in _without_gaps(self._frames, self._end) if keep_time else self._frames:
            if meter is not None:
                meter.show(frame)
            yield frame


class _Source:
    """A file as FFmpeg reads it. What a damaged one makes it try is no exception, which PyAV would print."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        # Not `name`: FFmpeg would judge the file by its suffix then.
        self._label = name
        self._head = file.read(HEAD)
        self._failure: OSError | None = None
        """Why not all of it could be read."""

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as exc:
            self._failure = exc
            return b""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):  # before the start, or farther than any file goes
            return -1

    def tell(self) -> int:
        return self._file.tell()

    def open_container(self) -> InputContainer:
        """Open it with FFmpeg, from its start."""
        import av

        self.seek(0)
        demuxer, raw = demuxer_for(self._head, self._label)
        options = {"format_whitelist": DEMUXERS, **raw}
        with self.errors():
            if int(av.__version__.partition(".")[0]) >= 19:
                return av.open(self, "r", format=demuxer, options=options)
            # A title need not be UTF-8.
            return av.open(self, "r", format=demuxer, options=options, metadata_errors="replace")

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Say FFmpeg's errors as this file's."""
        import av

        try:
            yield
        except av.error.FFmpegError as exc:
            raise self.error() from exc

    def error(self) -> FileError:
        """Why it is not audio that can be read."""
        if not self._head:
            return FileError(f"{self._label} is empty.", hint="Name a recording, or pipe one in.", code="not_audio")
        from audiochat.audio.not_audio import identify

        known = identify(self._head)
        if known is not None:
            says = f": “{known.says}”" if known.says else ""
            return FileError(f"{self._label} is {known.what}, not audio{says}.", hint=known.hint, code="not_audio")
        return FileError(
            f"{self._label} is not audio that can be read.",
            hint="WAV, MP3, M4A, FLAC, Ogg, Opus, WebM, AIFF, WMA and the sound of MP4 are.",
            code="not_audio",
        )

    def check(self) -> None:
        """Raise what kept it from being read whole: FFmpeg takes that for its end."""
        if self._failure is not None:
            why = self._failure.strerror or self._failure
            raise FileError(f"{self._label} cannot be read whole: {why}.", hint="Check the disk.") from self._failure


def _frames(container: InputContainer, track: AudioStream, file: _Source) -> Iterator[AudioFrame]:
    import av

    soundless = 0
    with file.errors():
        for packet in _packets(container, track):
            frames: list[AudioFrame] = []
            # Players skip a broken packet too. ValueError is how PyAV 19 says that it has no decoder.
            with suppress(av.error.FFmpegError, ValueError):
                frames = packet.decode()
            soundless = 0 if frames else soundless + 1
            if soundless > _SOUNDLESS:
                break
            for frame in frames:
                if not _LOWEST <= frame.sample_rate <= _HIGHEST or frame.layout.nb_channels > _MOST_CHANNELS:
                    raise file.error()
                yield frame
    file.check()


def _packets(container: InputContainer, track: AudioStream) -> Iterator[Packet[AudioStream]]:
    for _ in range(3):
        with suppress(IndexError):  # PyAV's, at the end of a file in which another stream began in the middle
            yield from container.demux(track)
            return


def _start(container: InputContainer, first: AudioFrame) -> float:
    start = first.time or 0.0
    if container.format.flags & _OWN_CLOCK and container.start_time is not None:
        start -= container.start_time / 1_000_000
    return max(0.0, start)


def _without_gaps(frames: Iterator[AudioFrame], end: float | None) -> Iterator[AudioFrame]:
    """Put silence where time passes between two frames; not where a damaged time stamp lies beyond the end."""
    expected: float | None = None
    for frame in frames:
        time = frame.time
        if time is not None and expected is not None and expected + _GAP < time <= (end or time) + _GAP:
            yield from _silence(frame, time - expected)
        if time is not None:
            expected = max(expected or time, time)
        if expected is not None:
            expected += frame.samples / frame.sample_rate
        yield frame


def _silence(like: AudioFrame, seconds: float) -> Iterator[AudioFrame]:
    """Frames of silence in the form of another frame."""
    import av

    left = round(seconds * like.sample_rate)
    zero = b"\x80" if like.format.name.startswith("u8") else b"\0"
    while left > 0:
        samples = min(left, like.sample_rate)
        frame = av.AudioFrame(format=like.format.name, layout=like.layout, samples=samples)
        for plane in frame.planes:
            plane.update(zero * plane.buffer_size)
        frame.sample_rate, frame.time_base = like.sample_rate, like.time_base
        yield frame
        left -= samples
