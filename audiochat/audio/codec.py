"""Any sound to any other, with PyAV (FFmpeg's libraries)."""

from __future__ import annotations

import io
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast, overload

from audiochat.audio import PCM_BYTES_PER_SECOND, SAMPLE_RATE, wav
from audiochat.audio.sniff import HEAD, sniff
from audiochat.errors import FileError
from audiochat.spool import BLOCK, Data, SpooledBytes, concatenate, open_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from av import AudioFrame, AudioResampler, AudioStream, Packet
    from av.container import InputContainer


FORMATS = ("wav", "mp3", "flac", "opus", "aac", "pcm16")
"""The encodings that can be made here."""

_LONGEST = 1_000_000_000
"""Bytes of pcm16 that are made of one file: some five hours; a small file can hold any silence."""

_SOUNDLESS = 100_000
"""Packets without sound, one after the other, at which the rest is given up: a file can have millions."""
_LOWEST, _HIGHEST = 1_000, 1_000_000
"""Samples a second. Beyond them nothing is heard, and to resample it takes memory without end."""

_CONTAINERS = {  # format: FFmpeg's container and encoder, and what the container needs for a pipe
    "mp3": ("mp3", "libmp3lame", {"write_xing": "0"}),
    "flac": ("flac", "flac", {}),
    "opus": ("ogg", "libopus", {"page_duration": "100000"}),
    "aac": ("adts", "aac", {}),
}

# Playlists and the like are left out: they make FFmpeg open other files, and the network.
_DEMUXERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,eac3,flac,flv,matroska,mov,mp3,mp4,mpeg,mpegts,"
    "ogg,opus,rm,tta,voc,w64,wav,webm,wv,xwma"
)


def decode(source: BinaryIO, *, name: str, sample_rate: int = SAMPLE_RATE) -> Iterator[bytes]:
    """The sound of any file that FFmpeg reads, the sound track of a film too.

    Yields:
        Blocks of samples: s16le, mono, `sample_rate` Hz.

    Raises:
        FileError: it holds no sound.
    """
    anything = False
    file = _Source(source)
    with _as_file_error(name), _opened(file) as container:
        track = next(iter(container.streams.audio), None)
        if track is None:
            raise FileError(f"{name} has no sound in it.", hint="Give it a recording.", code="not_audio")
        if getattr(track, "codec_context", None) is None:  # no decoder for it: PyAV 17 would crash
            raise _no_audio(name)
        for block in _resampled(_frames(container, track, name), sample_rate):
            anything = True
            yield block
    if file.failure is not None:
        why = file.failure.strerror or file.failure
        raise FileError(f"{name} cannot be read whole: {why}.", hint="Check the disk.") from file.failure
    if not anything:
        raise _no_audio(name)


class _Source:
    """A file as FFmpeg reads it. What a damaged one makes it try is no exception, which PyAV would print."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.failure: OSError | None = None
        """Why not all of it could be read."""

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as exc:
            self.failure = exc
            return b""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):  # before the start, or farther than any file goes
            return -1

    def tell(self) -> int:
        return self._file.tell()


def _opened(source: _Source) -> InputContainer:
    import av

    options = {"format_whitelist": _DEMUXERS}
    kind = sniff(source.read(HEAD))
    source.seek(0)
    demuxer = "aac" if kind == "aac" else None  # which FFmpeg does not recognise by a frame or two
    if int(av.__version__.partition(".")[0]) >= 19:
        return av.open(source, "r", format=demuxer, options=options)
    # A title need not be UTF-8.
    return av.open(source, "r", format=demuxer, options=options, metadata_errors="replace")


def _frames(container: InputContainer, track: AudioStream, name: str) -> Iterator[AudioFrame]:
    import av

    soundless = 0
    for packet in _packets(container, track):
        frames: list[AudioFrame] = []
        # Players skip a broken packet too. ValueError is how PyAV 19 says that it has no decoder.
        with suppress(av.error.FFmpegError, ValueError):
            frames = packet.decode()
        soundless = 0 if frames else soundless + 1
        if soundless > _SOUNDLESS:
            return
        for frame in frames:
            if not _LOWEST <= frame.sample_rate <= _HIGHEST:
                raise _no_audio(name)
            yield frame


def _packets(container: InputContainer, track: AudioStream) -> Iterator[Packet[AudioStream]]:
    for _ in range(3):
        with suppress(IndexError):  # PyAV's, at the end of a file in which another stream began in the middle
            yield from container.demux(track)
            return


def _resampled(frames: Iterable[AudioFrame], sample_rate: int) -> Iterator[bytes]:
    import av

    resampler: AudioResampler | None = None
    layout: tuple[object, ...] = ()
    for frame in frames:
        if resampler is None or layout != (frame.sample_rate, frame.layout.name, frame.format.name):
            if resampler is not None:  # files that were joined change in the middle
                yield from blocks(resampler.resample(None))
            layout = (frame.sample_rate, frame.layout.name, frame.format.name)
            resampler = av.AudioResampler(format="s16", layout="mono", rate=sample_rate)
        yield from blocks(resampler.resample(frame))
    if resampler is not None:
        yield from blocks(resampler.resample(None))


def blocks(frames: list[Any]) -> Iterator[bytes]:
    """The samples of PyAV's mono s16 frames, without the padding of their planes."""
    for frame in frames:
        if frame.samples:
            yield bytes(frame.planes[0])[: 2 * frame.samples]


@contextmanager
def _as_file_error(name: str) -> Iterator[None]:
    import av

    try:
        yield
    except av.error.FFmpegError as exc:
        raise _no_audio(name) from exc


def _no_audio(name: str) -> FileError:
    return FileError(
        f"{name} is not audio that can be read.",
        hint="WAV, MP3, M4A, FLAC, Ogg, Opus, WebM, AIFF, WMA and the sound of MP4 are.",
        code="not_audio",
    )


class _Sink:
    """Takes what a container writes, for a pipe: without going back to mend a header."""

    def __init__(self) -> None:
        self._fresh = bytearray()

    def write(self, data: bytes) -> int:
        self._fresh += data
        return len(data)

    def take(self) -> bytes:
        fresh = bytes(self._fresh)
        self._fresh.clear()
        return fresh


class Encoder:
    """Makes sound of one of `FORMATS` out of pcm16 while that comes, for a pipe or for memory."""

    def __init__(self, format: str, *, bit_rate: int | None = None) -> None:
        self._sink = _Sink()
        self._track = _Track(format, self._sink, bit_rate, live=True) if format in _CONTAINERS else None
        if format == "wav":
            self._sink.write(wav.header(None))

    def encode(self, pcm: bytes) -> bytes:
        """Take samples (s16le, mono, 24,000 Hz, split anywhere); give what is encoded by now."""
        if self._track is None:
            return self._sink.take() + pcm
        self._track.encode(pcm)
        return self._sink.take()

    def finish(self) -> bytes:
        """Give the rest."""
        if self._track is not None:
            self._track.close()
        return self._sink.take()


class _Track:
    """One of FFmpeg's containers with one track of sound."""

    def __init__(self, format: str, sink: object, bit_rate: int | None = None, *, live: bool = False) -> None:
        import av

        name, codec, pipe_options = _CONTAINERS[format]
        # A pipe's reader wants each packet at once, and no header that would have to be mended at the end.
        options = {"flush_packets": "1", **pipe_options} if live else {}
        self._container = av.open(sink, "w", format=name, options=options)
        self._stream = cast("AudioStream", self._container.add_stream(codec, rate=SAMPLE_RATE, layout="mono"))
        if bit_rate is not None:
            self._stream.bit_rate = bit_rate
        self._resampler = av.AudioResampler(format=self._stream.format, layout="mono", rate=self._stream.rate)
        self._samples = 0
        self._odd = b""

    def encode(self, pcm: bytes) -> None:
        import av

        pcm = self._odd + pcm
        whole = len(pcm) // 2 * 2
        self._odd = pcm[whole:]
        if whole:
            frame = av.AudioFrame(format="s16", layout="mono", samples=whole // 2)
            frame.planes[0].update(pcm[:whole].ljust(frame.planes[0].buffer_size, b"\0"))
            frame.sample_rate = SAMPLE_RATE
            frame.pts = self._samples
            self._samples += whole // 2
            self._mux(self._resampler.resample(frame))

    def close(self) -> None:
        if self._samples:
            self._mux(self._resampler.resample(None))
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def _mux(self, frames: list[Any]) -> None:
        for frame in frames:
            self._container.mux(self._stream.encode(frame))


@overload
def encode(pcm: bytes, format: str) -> bytes: ...
@overload
def encode(pcm: Data, format: str) -> Data: ...
def encode(pcm: Data, format: str) -> Data:
    """A whole file, in one of `FORMATS`, of samples in s16le, mono, 24,000 Hz."""
    if format == "pcm16":
        return pcm
    if format == "wav":
        return wav.wrap(pcm) if isinstance(pcm, bytes) else concatenate(wav.header(len(pcm)), pcm, bytes(len(pcm) % 2))
    file = io.BytesIO()
    track = _Track(format, file)
    for start in range(0, len(pcm), BLOCK):
        track.encode(pcm[start : start + BLOCK])
    track.close()
    return file.getvalue()


def transcode(data: Data, format: str, *, name: str) -> Data:
    """Sound of any kind as a file of another, in one of `FORMATS`.

    Raises:
        FileError: `data`, called `name`, holds no sound, or many hours of it.
    """
    pcm = SpooledBytes()
    for block in decode(open_data(data), name=name):
        pcm.write(block)
        if len(pcm) > _LONGEST:
            raise FileError(f"{name} goes on for hours.", hint="No more of it was decoded.", code="too_long")
    return encode(pcm, format)


def samples(data: Data) -> Iterator[bytes]:
    """The sound of a whole file in blocks: s16le, mono, 24,000 Hz."""
    return decode(open_data(data), name="the answer")


def seconds(data: Data, format: str) -> float | None:
    """How long a file in one of `FORMATS` lasts; None where it does not tell."""
    if format == "pcm16":
        return len(data) / PCM_BYTES_PER_SECOND
    if format == "wav":
        found = wav.read(data)
        return None if found is None else found.seconds
    try:
        return sum(map(len, decode(open_data(data), name=format))) / PCM_BYTES_PER_SECOND
    except FileError:
        return None
