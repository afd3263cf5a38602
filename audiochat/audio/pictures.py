"""Pictures for covers: files of sound take JPEG and PNG, books have others too."""

from __future__ import annotations

import io
from fractions import Fraction


def picture_kind(data: bytes) -> str | None:
    """The media type of a picture that files of sound take; None for any other."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/jpeg" if data.startswith(b"\xff\xd8\xff") else None


def as_cover(data: bytes) -> bytes | None:
    """A picture as files of sound take it, WebP and GIF as JPEG; None where it is no picture that can be read."""
    import av
    from av.video.codeccontext import VideoCodecContext

    try:
        with av.open(io.BytesIO(data)) as opened:
            frame = next(opened.decode(video=0))
        if picture_kind(data) is not None:
            return data
        encoder = VideoCodecContext.create("mjpeg", "w")
        encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
        encoder.time_base = Fraction(1, 1)
        encoder.options = {"qmin": "2", "qmax": "2"}
        packets = [*encoder.encode(frame.reformat(format="yuvj420p")), *encoder.encode(None)]
    except (av.error.FFmpegError, IndexError, StopIteration, ValueError):
        return None
    return b"".join(bytes(packet) for packet in packets)
