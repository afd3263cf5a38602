"""Recordings as machines other than computers make them, and what stands in a recording's place; all made here."""

from __future__ import annotations

import array
import io
import math
import struct
from typing import TYPE_CHECKING, cast

import av

from support.corpus import RATE, chunk, fmt, riff, tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av import AudioStream

UNKNOWN = b"zzzz"
"""The name of a codec that nobody has."""


def interleaved(channels: Sequence[bytes]) -> bytes:
    """One stream of s16le frames, of the samples of each channel."""
    taken_apart = [array.array("h", channel) for channel in channels]
    return array.array("h", (sample for frame in zip(*taken_apart, strict=True) for sample in frame)).tobytes()


def upside_down(pcm: bytes) -> bytes:
    """The same sound with each sample's sign changed."""
    return array.array("h", (-sample for sample in array.array("h", pcm))).tobytes()


def wav_of(*channels: bytes, rate: int = RATE) -> bytes:
    """A WAV file of several channels, which does not tell what they are."""
    return riff(fmt(channels=len(channels), rate=rate), chunk(b"data", interleaved(channels)))


def big_endian_wav_of(*channels: bytes, rate: int = RATE) -> bytes:
    """A RIFX file of several channels: WAV that is converted before it is sent."""
    swapped = array.array("h", interleaved(channels))
    swapped.byteswap()
    width = 2 * len(channels)
    form = struct.pack(">HHIIHH", 1, len(channels), rate, rate * width, width, 16)
    body = (
        b"WAVEfmt " + struct.pack(">I", 16) + form + b"data" + struct.pack(">I", 2 * len(swapped)) + swapped.tobytes()
    )
    return b"RIFX" + struct.pack(">I", len(body)) + body


def encoded(
    pcm: bytes, *, container: str, codec: str, channels: int = 1, rate: int = RATE, start: float = 0.0
) -> bytes:
    """Samples in a container of FFmpeg's; `start` is when they begin."""
    return tracks([(codec, pcm, start)], container=container, channels=channels, rate=rate)


def tracks(
    sounds: Sequence[tuple[str, bytes, float]],
    *,
    container: str,
    channels: int = 1,
    rate: int = RATE,
    film: bool = False,
) -> bytes:
    """Several tracks of sound in one file: of each its codec, its samples, and when they begin.

    Args:
        sounds: The tracks.
        container: As FFmpeg calls it.
        channels: Of each track.
        rate: Of each track.
        film: Put a second of pictures before them.
    """
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    sink = io.BytesIO()
    with av.open(sink, "w", format=container) as file:
        pictures = file.add_stream("mpeg4", rate=10, width=64, height=48, pix_fmt="yuv420p") if film else None
        streams = [cast("AudioStream", file.add_stream(codec, rate=rate, layout=layout)) for codec, _, _ in sounds]
        if pictures is not None:
            for index in range(10):
                image = av.VideoFrame(64, 48, "yuv420p")
                image.pts = index
                file.mux(pictures.encode(image))
            file.mux(pictures.encode(None))
        for stream, (_, pcm, start) in zip(streams, sounds, strict=True):
            frame = av.AudioFrame(format="s16", layout=layout, samples=len(pcm) // 2 // channels)
            frame.planes[0].update(pcm.ljust(frame.planes[0].buffer_size, b"\0"))
            frame.sample_rate, frame.pts = rate, round(start * rate)
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                file.mux(packet)
    return sink.getvalue()


def two_tracks(container: str = "mov", first: str = "alac", second: str = "aac", *, seconds: float = 1.0) -> bytes:
    """Two tracks of one tone; in QuickTime the first one claims a codec that nobody has."""
    data = tracks([(first, tone(seconds), 0.0), (second, tone(seconds), 0.0)], container=container)
    marks = {"mov": b"alac", "matroska": b"A_ALAC"}
    return data.replace(marks[container], UNKNOWN.ljust(len(marks[container]), b"z"))


def sphere(pcm: bytes, rate: int = RATE) -> bytes:
    """A NIST SPHERE file, as the corpora of speech research have them. Source: NIST's SPHERE 2.6."""
    head = (
        f"NIST_1A\n   1024\nchannel_count -i 1\nsample_count -i {len(pcm) // 2}\nsample_rate -i {rate}\n"
        "sample_n_bytes -i 2\nsample_byte_format -s2 01\nsample_sig_bits -i 16\nsample_coding -s3 pcm\nend_head\n"
    )
    return head.encode().ljust(1024) + pcm


def gsm(seconds: float = 1.0) -> bytes:
    """Raw GSM 06.10, as answering machines and Asterisk write it: frames of 20 ms, all silent."""
    frame = bytes.fromhex("d820a2e15a50004924924924500049249249245000492492492450004924924924")
    return frame * round(50 * seconds)


def dsf(seconds: float = 0.2) -> bytes:
    """A tone in one bit at 2.8 MHz, as recorders of the highest end write it. Source: Sony's DSF 1.01."""
    rate, block = 2_822_400, 4096
    count = round(seconds * rate)
    bits, error = bytearray(), 0.0
    for start in range(0, count, 8):
        byte = 0
        for bit in range(8):
            error += 0.4 * math.sin((start + bit) * 2 * math.pi * 440 / rate)
            one = error >= 0
            error -= 1.0 if one else -1.0
            byte |= one << bit
        bits.append(byte)
    data = bytes(bits).ljust(-(-len(bits) // block) * block, b"\x69")
    form = b"fmt " + struct.pack("<QIIIIIIQII", 52, 1, 0, 1, 1, rate, 1, count, block, 0)
    body = form + b"data" + struct.pack("<Q", 12 + len(data)) + data
    return b"DSD " + struct.pack("<QQQ", 28, 28 + len(body), 0) + body


def dss(blocks: int = 40) -> bytes:
    """A dictating machine's file (DSS SP) with frames of zeros. Source: FFmpeg's dss.c, for want of a document."""
    head = bytearray(2 * 512)
    head[:4] = b"\2dss"
    head[0x26:0x32] = head[0x32:0x3E] = b"210101120000"
    return bytes(head) + (bytes([0, 0, 12, 0, 0, 0]) + bytes(506)) * blocks


LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
ANNEX_POINTER = b"/annex/objects/SHA256E-s31390--f50d7ac4c6b9031379986bc362fcefb65f1e52621ce1708d537e740fefc59cc0.mp3\n"
TORRENT = b"d8:announce35:udp://tracker.example.org:1337/announce4:infod6:lengthi12e4:name5:a.mp312:piece lengthi1eee"
