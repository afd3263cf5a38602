"""Samples to any format, with PyAV (FFmpeg's libraries): while they come, for a pipe, or as a whole file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast, overload

from audiochat.audio import SAMPLE_RATE, formats, wav
from audiochat.spool import concatenate, iter_blocks

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream
    from av.container import OutputContainer
    from av.packet import Packet

    from audiochat.audio.formats import Format
    from audiochat.spool import Data

_SHORTEST = 1_200
"""Samples below which silence is added in lossy formats: decoders take a frame or two for damage."""

# STREAMINFO stands at byte 8; its bytes 13 to 17 end in the 36 bits of the number of samples, after four bits of
# the sample's width. Source: RFC 9639, 8.2.
_FLAC_SAMPLES, _FLAC_BITS = 21, 0xF0


class Encoder:
    """Makes sound of one of `ANSWER_FORMATS` out of pcm16 while that comes, for a pipe or for memory.

    Args:
        format: The format's name.
        bit_rate: Of a lossy format, in bits a second.
    """

    def __init__(self, format: str, *, bit_rate: int | None = None) -> None:
        self._format = format
        self._size = 0
        self._pipe = _Pipe()
        self._track: AudioTrack | None = None
        if format == "wav":
            self._pipe.write(wav.header(None))
        elif format != "pcm16":
            self._track = AudioTrack(formats.named(format), self._pipe, bit_rate=bit_rate, pipe=True)
            self._track.start()

    def encode(self, pcm: bytes) -> bytes:
        """Take samples (s16le, mono, 24,000 Hz, split anywhere); give what is encoded by now."""
        self._size += len(pcm)
        if self._track is None:
            return self._pipe.take() + pcm
        self._track.write(pcm)
        return self._pipe.take()

    def finish(self) -> bytes:
        """Give the rest."""
        if self._track is not None:
            self._track.close()
        elif self._format == "wav" and self._size % 2:
            self._pipe.write(b"\0")
        return self._pipe.take()

    def header_patch(self) -> tuple[int, bytes] | None:
        """What to write at the end over what was given before, and where; None where nothing has to be.

        A pipe cannot be gone back to, but stdout can be a file: its header can tell the true length then.
        """
        if self._format == "wav" and self._size <= wav.LARGEST:
            return 0, wav.header(self._size)
        if self._format == "flac":
            samples = self._size // 2
            return _FLAC_SAMPLES, bytes([_FLAC_BITS | samples >> 32]) + (samples & 0xFFFFFFFF).to_bytes(4, "big")
        return None


class _Pipe:
    """Takes what a container writes; it has no `seek`, so that no header is gone back to."""

    def __init__(self) -> None:
        self._fresh = bytearray()

    def write(self, data: bytes) -> int:
        self._fresh += data
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        fresh = bytes(self._fresh)
        self._fresh.clear()
        return fresh


class AudioTrack:
    """One of FFmpeg's containers with one track of sound, which pcm16 is written to.

    Args:
        format: The container's and the track's format.
        sink: What is written to: a file's path, or an object; where `pipe` is false, it can be sought in and read.
        bit_rate: Of a lossy format, in bits a second.
        pipe: Whether a reader waits for each packet, and nothing can be gone back to.
    """

    def __init__(self, format: Format, sink: object, *, bit_rate: int | None = None, pipe: bool = False) -> None:
        import av

        options = {"flush_packets": "1", **dict(format.pipe_options)} if pipe else dict(format.file_options)
        # To bring its index to the front, the muxer reads what it has written.
        reread = None if pipe or isinstance(sink, str) else lambda *_: _SecondReader(cast("BinaryIO", sink))
        self.container: OutputContainer = av.open(sink, "w", format=format.muxer, options=options, io_open=reread)
        stream = self.container.add_stream(str(format.encoder), rate=SAMPLE_RATE, layout="mono")
        self._stream = cast("AudioStream", stream)
        if bit_rate is not None:
            self._stream.bit_rate = bit_rate
        self._shortest = 0 if format.lossless else _SHORTEST
        self._samples = 0
        self._odd = b""

    def start(self) -> None:
        """Write the header, at the latest before the first sound.

        PyAV would write it with the first packet, and a FLAC that has no more than that gets a wrong checksum then.
        """
        self.container.start_encoding()

    def write(self, pcm: bytes) -> None:
        """Take samples: s16le, mono, 24,000 Hz, split anywhere."""
        pcm = self._odd + pcm
        whole = len(pcm) // 2 * 2
        self._odd = pcm[whole:]
        if whole:
            self._mux(self._stream.encode(self._frame(pcm[:whole])))

    def close(self) -> None:
        """Write the rest, and the container's end."""
        if self._samples < self._shortest:
            self.write(bytes(2 * (self._shortest - self._samples)))
        self._mux(self._stream.encode(None))
        self.container.close()

    def _frame(self, pcm: bytes) -> AudioFrame:
        import av

        frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
        frame.planes[0].update(pcm.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._samples
        self._samples += len(pcm) // 2
        return frame

    def _mux(self, packets: list[Packet[AudioStream]]) -> None:
        for packet in packets:
            self.container.mux(packet)


class _SecondReader(io.RawIOBase):
    """Reads a file that is being written, from a position of its own."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        writing = self._file.tell()
        self._file.seek(self._position)
        data = self._file.read(size)
        self._position = self._file.tell()
        self._file.seek(writing)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:
            self._position = offset
        elif whence == io.SEEK_CUR:
            self._position += offset
        else:
            writing = self._file.tell()
            self._position = self._file.seek(offset, whence)
            self._file.seek(writing)
        return self._position

    def tell(self) -> int:
        return self._position


@overload
def encode(pcm: bytes, format: str) -> bytes: ...
@overload
def encode(pcm: Data, format: str) -> Data: ...
def encode(pcm: Data, format: str) -> Data:
    """Make a whole file in one of `ANSWER_FORMATS` out of samples in s16le, mono, 24,000 Hz."""
    if format == "pcm16":
        return pcm
    if format == "wav":
        return wav.wrap(pcm) if isinstance(pcm, bytes) else concatenate(wav.header(len(pcm)), pcm, bytes(len(pcm) % 2))
    file = io.BytesIO()
    track = AudioTrack(formats.named(format), file)
    track.start()
    for block in iter_blocks(pcm):
        track.write(block)
    track.close()
    return file.getvalue()
