"""The corpus of hostile input: recordings, texts, settings and sessions that nobody should have to meet.

Everything is made here, the same on every machine: no binary file is kept. A name or a seed is enough to make it again.
"""

from __future__ import annotations

import array
import io
import json
import math
import random
import struct
import zipfile
import zlib
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Literal, cast

import av

from audiochat.audio import wav

if TYPE_CHECKING:
    from collections.abc import Callable

    from av import AudioStream, VideoStream
    from av.audio.layout import AudioLayout

RATE = 24_000
LIMIT = 20_000_000
"""Bytes of one recording."""

# --- real files


def tone(seconds: float, *, rate: int = RATE, channels: int = 1) -> bytes:
    """A tone of 440 Hz: s16le."""
    step = 2 * math.pi * 440 / rate
    return array.array(
        "h", (round(12_000 * math.sin(index * step)) for index in range(round(seconds * rate)) for _ in range(channels))
    ).tobytes()


@dataclass(frozen=True)
class Kind:
    """A format of file, as FFmpeg makes it."""

    container: str
    codec: str | None
    rate: int = 48_000
    layout: str = "stereo"
    film: bool = False
    """With a video stream besides."""
    tolerance: float = 0.002
    """Seconds that its encoder may add at the ends."""
    options: tuple[tuple[str, str], ...] = ()
    """Of the container."""


KINDS = {
    "m4a": Kind("ipod", "aac", rate=44_100, tolerance=0.06),
    "m4a (Apple lossless)": Kind("ipod", "alac"),
    "flac": Kind("flac", "flac", layout="mono"),
    "ogg (Opus)": Kind("ogg", "libopus", tolerance=0.03),
    "webm": Kind("webm", "libopus", layout="mono", tolerance=0.03),
    "aiff": Kind("aiff", "pcm_s16be"),
    "wma": Kind("asf", "wmav2", rate=44_100, tolerance=0.15),
    "aac": Kind("adts", "aac", rate=22_050, layout="mono", tolerance=0.15),
    "mp4 film": Kind("mp4", "aac", film=True, tolerance=0.06),
}
"""What the API does not take, and people have."""

RARE = {
    "mkv": Kind("matroska", "libopus"),
    "mpegts": Kind("mpegts", "mp2"),
    "avi film": Kind("avi", "pcm_s16le", film=True),
    "flv": Kind("flv", "aac", rate=44_100),
    "w64": Kind("w64", "pcm_s16le"),
    "au": Kind("au", "pcm_s16be"),
    "caf": Kind("caf", "pcm_s16be"),
    "tta": Kind("tta", "tta"),
    "wavpack": Kind("wv", "wavpack"),
    "ac3": Kind("ac3", "ac3"),
    "mov": Kind("mov", "pcm_s24le", rate=96_000),
    "wav, IMA ADPCM": Kind("wav", "adpcm_ima_wav", layout="mono"),
    "wav, Microsoft ADPCM": Kind("wav", "adpcm_ms"),
    "wav, mu-law": Kind("wav", "pcm_mulaw", rate=8_000, layout="mono"),
    "wav, A-law": Kind("wav", "pcm_alaw", rate=8_000, layout="mono"),
    "wav, MP3 inside": Kind("wav", "libmp3lame"),
    "wav, RF64": Kind("wav", "pcm_s16le", options=(("rf64", "always"),)),
}
"""The same, rarer."""

PLAIN = {
    "wav": Kind("wav", "pcm_s16le"),
    "wav, 8-bit": Kind("wav", "pcm_u8", rate=8_000, layout="mono"),
    "wav, 24-bit": Kind("wav", "pcm_s24le"),
    "wav, 32-bit": Kind("wav", "pcm_s32le"),
    "wav, float": Kind("wav", "pcm_f32le"),
    "wav, double": Kind("wav", "pcm_f64le", layout="mono"),
    "wav, 96 kHz": Kind("wav", "pcm_s24le", rate=96_000),
    "wav, 6 channels": Kind("wav", "pcm_s16le", layout="5.1"),
    "mp3": Kind("mp3", "libmp3lame", rate=44_100),
    "mp3, MPEG 2": Kind("mp3", "libmp3lame", rate=22_050, layout="mono"),
    "mp3, MPEG 2.5": Kind("mp3", "libmp3lame", rate=11_025, layout="mono"),
}
"""What the API takes as it is."""


@cache
def made(kind: Kind, seconds: float = 1.0, title: str = "") -> bytes:
    """A tone in a file of that kind."""
    sink = io.BytesIO()
    with av.open(sink, "w", format=kind.container, options=dict(kind.options)) as container:
        if title:
            container.metadata["title"] = title
        picture = cast("VideoStream", container.add_stream("mpeg4", rate=10)) if kind.film else None
        track = None
        if kind.codec:
            track = cast("AudioStream", container.add_stream(kind.codec, rate=kind.rate, layout=kind.layout))
            track.bit_rate = 64_000
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
            for index in range(round(10 * seconds)):
                image = av.VideoFrame(64, 48, "yuv420p")
                image.pts = index
                container.mux(picture.encode(image))
            container.mux(picture.encode(None))
        if track is not None:
            layout: AudioLayout = track.layout
            pcm = tone(seconds, rate=kind.rate, channels=layout.nb_channels)
            frame = av.AudioFrame(format="s16", layout=kind.layout, samples=len(pcm) // 2 // layout.nb_channels)
            frame.planes[0].update(pcm.ljust(frame.planes[0].buffer_size, b"\0"))
            frame.sample_rate = kind.rate
            resampler = av.AudioResampler(
                format=track.format, layout=kind.layout, rate=kind.rate, frame_size=track.frame_size or None
            )
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(track.encode(part))
            container.mux(track.encode(None))
    return sink.getvalue()


# --- WAV and MP3 by hand

PCM_TAG, FLOAT_TAG = 1, 3


def chunk(name: bytes, body: bytes, *, claims: int | None = None) -> bytes:
    """A RIFF chunk, padded to an even length; `claims` is the size that its header tells instead of the true one."""
    return name + struct.pack("<I", len(body) if claims is None else claims) + body + b"\0" * (len(body) % 2)


def fmt(
    *, tag: int = PCM_TAG, channels: int = 1, rate: int = RATE, bits: int = 16, extra: bytes = b"", frame: int = -1
) -> bytes:
    """A `fmt ` chunk; `frame` is the size of a frame that it tells instead of the true one."""
    frame = channels * bits // 8 if frame < 0 else frame
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * frame & 0xFFFFFFFF, frame, bits) + extra)


def riff(*chunks: bytes, claims: int | None = None) -> bytes:
    """A WAV file."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if claims is None else claims) + body


def id3(length: int, *, version: int = 4, footer: bool = False, claims: int | None = None) -> bytes:
    """An ID3v2 tag with `length` bytes in it; `claims` is what it tells instead."""
    size = bytes((length if claims is None else claims) >> shift & 0x7F for shift in (21, 14, 7, 0))
    flags = 0x10 if footer else 0
    tail = b"3DI" + bytes([version, 0, flags]) + size if footer else b""
    return b"ID3" + bytes([version, 0, flags]) + size + bytes(length) + tail


def big_endian(pcm: bytes) -> bytes:
    """A RIFX file, as big-endian machines write WAV."""
    swapped = array.array("h", pcm)
    swapped.byteswap()
    layout = struct.pack(">HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    body = b"WAVEfmt " + struct.pack(">I", 16) + layout + b"data" + struct.pack(">I", len(pcm)) + swapped.tobytes()
    return b"RIFX" + struct.pack(">I", len(body)) + body


# --- recordings by name

Outcome = Literal["as it is", "mended", "converted", "refused"]


@dataclass(frozen=True)
class Sound:
    """A recording, or what pretends to be one, and what has to become of it."""

    name: str
    make: Callable[[], bytes]
    outcome: Outcome
    file: str = "dog.wav"
    """What it is called."""


SAMPLES = tone(0.1)
DATA = chunk(b"data", SAMPLES)
EXTENSIBLE = 0xFFFE
_GUID = b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"


def _extensible(subformat: int, *, bits: int = 16) -> bytes:
    """The end of a `fmt ` chunk of many channels."""
    return struct.pack("<HHIH", 22, bits, 4, subformat) + _GUID


def _mp3(seconds: float = 0.5) -> bytes:
    return made(Kind("mp3", "libmp3lame", rate=44_100, options=(("id3v2_version", "0"),)), seconds)


_FRAGMENTED = Kind("mp4", "aac", options=(("movflags", "empty_moov+default_base_moof+frag_every_frame"),))
_PAGES = Kind("ogg", "libopus", options=(("page_duration", "100000"),))


def _silent_film(container: str = "mp4") -> bytes:
    return made(Kind(container, None, film=True), 0.5)


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("dog.wav"), wav.wrap(SAMPLES))
    return file.getvalue()


def _png() -> bytes:
    def part(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(bytes(72))) + part(b"IEND", b"")


def sun(rate: int, samples: int = 65_000) -> bytes:
    """Silence as a Sun audio file, of any rate."""
    return b".snd" + struct.pack(">5I", 24, 2 * samples, 3, rate, 1) + bytes(2 * samples)


_PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{0}\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile '{0}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\na=control:{0}\n",
    "pls": "[playlist]\nFile1={0}\nNumberOfEntries=1\nVersion=2\n",
    "mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet '
    'mimeType="audio/mp4"><Representation id="1"><BaseURL>{0}</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>",
    "asx": '<asx version="3.0"><entry><ref href="{0}"/></entry></asx>',
    "url": "{0}",
    "rtsp": "RTSPtext\nrtsp://{0}\n",
    "smil": '<smil><body><audio src="{0}"/></body></smil>',
    "ffmetadata": ";FFMETADATA1\ntitle={0}\n",
    "reference movie": "",
}
PLAYLISTS = tuple(_PLAYLISTS)
"""Files that name other files, or addresses."""


def playlist(name: str, target: str) -> bytes:
    """A file that names another."""
    if name == "reference movie":  # as QuickTime has them: a box that tells where the sound is
        url = target.encode()
        box = struct.pack(">I4sI4sI", 28 + len(url), b"rdrf", 0, b"url ", len(url) + 8) + url
        for around in (b"rmda", b"rmra", b"moov"):
            box = struct.pack(">I", len(box) + 8) + around + box
        return box
    return _PLAYLISTS[name].format(target).encode()


_REFUSED: dict[str, Callable[[], bytes]] = {
    "empty": bytes,
    "one byte": lambda: b"\0",
    "a letter": lambda: b"R",
    "RIFF alone": lambda: b"RIFF",
    "half a WAV header": lambda: wav.wrap(SAMPLES)[:20],
    "a WAV header but for its last byte": lambda: wav.wrap(SAMPLES)[:43],
    "a WAV header alone": lambda: wav.wrap(SAMPLES)[:44],
    "a WAV header and one byte": lambda: wav.wrap(SAMPLES)[:45],
    "WAV without fmt": lambda: riff(DATA),
    "WAV without data": lambda: riff(fmt()),
    "WAV of no channels": lambda: riff(fmt(channels=0), DATA),
    "WAV of no rate": lambda: riff(fmt(rate=0), DATA),
    "WAV of 65,535 channels": lambda: riff(fmt(channels=65_535, frame=2), DATA),
    "WAV of no known code": lambda: riff(fmt(tag=0x7777), DATA),
    "WAV of zeros": lambda: b"RIFF\0\0\0\0WAVE" + bytes(30_000),
    "another RIFF": lambda: b"RIFF" + struct.pack("<I", 10_000) + b"WEBPVP8 " + bytes(9_990),
    "text": lambda: b"These are notes, and nobody speaks in them.\n" * 400,
    "text that starts with RIFF": lambda: b"RIFF is a format of files.\nWAVE is another name for it.\n" * 10,
    "UTF-16": lambda: ("\ufeffNotes\n" * 300).encode("utf-16-le"),
    "JSON": lambda: json.dumps({"audio": ["RIFF", "WAVE"] * 200}).encode(),
    "HTML": lambda: b"<!DOCTYPE html><html><head><title>404</title></head><body>Not found</body></html>\n" * 20,
    "a script": lambda: b"#!/bin/sh\necho RIFF\n",
    "ELF": lambda: b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHI", 2, 62, 1) + bytes(5_000),
    "a zip of a WAV": _zip,
    "a gzip of a WAV": lambda: zlib.compressobj(wbits=31).compress(wav.wrap(SAMPLES)) + bytes(100),
    "PNG": _png,
    "JPEG": lambda: b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + bytes(3_000) + b"\xff\xd9",
    "PDF": lambda: b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< >>\n%%EOF\n" * 30,
    "MIDI": lambda: b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0",
    "zeros": lambda: bytes(50_000),
    "ones": lambda: b"\xff" * 50_000,
    "noise": lambda: random.Random(1).randbytes(50_000),
    "an ID3 tag alone": lambda: id3(2_000),
    "an ID3 tag that claims more than there is": lambda: id3(2_000, claims=200_000_000),
    "a giant ID3 tag alone": lambda: id3(300_000),
    "a giant ID3 tag before text": lambda: id3(300_000) + b"These are notes.\n" * 900,
    "an ID3 tag before a picture": lambda: id3(500) + _png(),
    "the header of an MP3 frame": lambda: b"\xff\xfb\x90\x00",
    "half of an MP3 frame": lambda: b"\xff\xfb\x90\x00" + bytes(200),
    "FLAC's mark": lambda: b"fLaC",
    "Ogg's mark": lambda: b"OggS",
    "the head of FLAC": lambda: made(KINDS["flac"], 0.5)[:42],
    "the head of Ogg": lambda: made(KINDS["ogg (Opus)"], 0.5)[:100],
    "MP4's first box": lambda: made(KINDS["m4a"], 0.5)[:28],
    "WebM's head": lambda: b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f",
    "a film without sound": _silent_film,
    "another film without sound": partial(_silent_film, "matroska"),
    "a film cut before its index": lambda: made(KINDS["mp4 film"], 0.5)[:2_000],
    "a rate of 1 Hz": lambda: sun(1),
    "a rate of 4 GHz": lambda: sun(0xFFFFFFFF),
    "an unknown codec": lambda: made(KINDS["webm"], 0.2).replace(b"A_OPUS", b"A_OPUX"),
    **{f"{name} that names a file": partial(playlist, name, "/etc/hostname") for name in PLAYLISTS},
}

_AS_IT_IS: dict[str, Callable[[], bytes]] = {
    **{name: partial(made, kind, 0.2) for name, kind in PLAIN.items()},
    "WAV of one sample": lambda: wav.wrap(SAMPLES[:2]),
    "WAV of half a sample more": lambda: riff(fmt(), chunk(b"data", SAMPLES + b"\1")),
    "WAV with a list before its samples": lambda: riff(fmt(), chunk(b"LIST", b"INFOISFT\x05\0\0\0Lavf\0"), DATA),
    "WAV with junk of odd length": lambda: riff(chunk(b"JUNK", bytes(27)), fmt(), chunk(b"note", b"odd"), DATA),
    "WAV of six channels and 24 bits": lambda: riff(
        fmt(tag=EXTENSIBLE, channels=6, rate=96_000, bits=24, extra=_extensible(1, bits=24)),
        chunk(b"data", SAMPLES[:3600]),
    ),
    "MP3 behind a tag": lambda: id3(2_000) + _mp3(),
    "MP3 behind a giant tag": lambda: id3(300_000) + _mp3(),
    "MP3 behind a tag with a footer": lambda: id3(70_000, footer=True) + _mp3(),
    "MP3 behind a tag of 19 MB": lambda: id3(19_000_000) + _mp3(),
    "MP3 cut in a frame": lambda: _mp3()[:-77],
    "MP3 with a tag behind": lambda: _mp3() + b"TAG" + bytes(125),
    "one MP3 frame": lambda: b"\xff\xfb\x90\x00".ljust(417, b"\0"),
}

_MENDED: dict[str, Callable[[], bytes]] = {
    "WAV that claims less than there is": lambda: riff(fmt(), chunk(b"data", SAMPLES, claims=100)),
    "WAV with junk behind": lambda: riff(fmt(), DATA) + b"more and more" * 50,
    "WAV of 0xFFFFFFFF bytes": lambda: wav.header(None) + SAMPLES,
    "WAV of 0 bytes, as a pipe writes it": lambda: riff(fmt(), chunk(b"data", SAMPLES, claims=0), claims=0),
    "WAV that claims more than there is": lambda: riff(fmt(), chunk(b"data", SAMPLES, claims=10_000_000)),
    "WAV whose RIFF claims nothing": lambda: riff(fmt(), DATA, claims=0),
    "WAV cut in its samples": lambda: wav.wrap(SAMPLES)[:-1000],
    "WAV cut in the middle of a sample": lambda: wav.wrap(SAMPLES)[:-1001],
    "stereo WAV of 24 bits cut in the middle of a frame": lambda: riff(
        fmt(channels=2, bits=24), chunk(b"data", SAMPLES[:4000], claims=9_000)
    ),
    "WAV of unknown size with a list before its samples": lambda: riff(
        fmt(),
        chunk(b"LIST", b"INFOISFT\x05\0\0\0Lavf\0"),
        chunk(b"data", SAMPLES, claims=0xFFFFFFFF),
        claims=0xFFFFFFFF,
    ),
    "float WAV whose data claims nothing": lambda: riff(
        fmt(tag=FLOAT_TAG, bits=32), chunk(b"data", SAMPLES, claims=0), claims=36
    ),
}

_CONVERTED: dict[str, Callable[[], bytes]] = {
    **{name: partial(made, kind, 0.2) for name, kind in {**KINDS, **RARE}.items()},
    "AMR": lambda: b"#!AMR\n" + (b"\x3c" + bytes(31)) * 20,
    "RIFX": lambda: big_endian(SAMPLES),
    "WAV whose frames have a wrong size": lambda: riff(fmt(channels=2, frame=3), DATA),
    "FLAC behind a tag": lambda: id3(2_000) + made(KINDS["flac"], 0.3),
    "FLAC behind a giant tag": lambda: id3(300_000) + made(KINDS["flac"], 0.3),
    "MP3 behind zeros": lambda: bytes(3_000) + _mp3(),
    "MPEG-TS in which a film begins": lambda: made(RARE["mpegts"], 0.5) + made(Kind("mpegts", "mp2", film=True), 0.5),
    "MP3 behind two tags": lambda: id3(500) + id3(700) + _mp3(),
    "AAC of two rates": lambda: made(KINDS["aac"], 0.3) + made(Kind("adts", "aac"), 0.3),
    "M4A cut in its sound": lambda: made(_FRAGMENTED, 3.0)[:-2_000],
    "FLAC cut in its sound": lambda: made(KINDS["flac"], 0.5)[:-2_000],
    "Opus cut in its sound": lambda: made(_PAGES, 3.0)[:-2_000],
}

SOUNDS = [
    *(Sound(name, make, "refused") for name, make in _REFUSED.items()),
    *(Sound(name, make, "as it is", "dog.m4a") for name, make in _AS_IT_IS.items()),
    *(Sound(name, make, "mended") for name, make in _MENDED.items()),
    *(Sound(name, make, "converted") for name, make in _CONVERTED.items()),
]
