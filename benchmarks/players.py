"""What other programs find in an audiobook: ffprobe, mediainfo (where it is installed) and PyAV; ffmpeg decodes it."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RATE = 24_000
COVER = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de00"
    "00000c4944415478da63706838000002840181186a74870000000049454e44ae426082"
)
"""A picture of one point."""
BLOCK = 60 * RATE
"""Samples that are decoded at once."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a program says of a file."""

    program: str
    chapters: int
    title: str | None
    author: str | None
    cover: bool

    def __str__(self) -> str:
        cover = "with the cover" if self.cover else "WITHOUT A COVER"
        return f"{self.program}: {self.chapters} chapters, {self.title!r} by {self.author!r}, {cover}"


def look(path: Path) -> list[Found]:
    """What each program finds."""
    found = [_ffprobe(path), _pyav(path)]
    return [*found, _mediainfo(path)] if shutil.which("mediainfo") else found


def decoded(path: Path) -> Iterator[bytes]:
    """Its samples (s16le, mono, 24,000 Hz), a minute at a time, as ffmpeg decodes them."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a"]
    command += ["-f", "s16le", "-ar", str(RATE), "-ac", "1", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as decoder:
        assert decoder.stdout is not None
        while data := decoder.stdout.read(2 * BLOCK):
            yield data


def marks(path: Path) -> list[float]:
    """When its chapters begin, in seconds, as PyAV reads them."""
    with av.open(str(path)) as file:
        return [float(one["start"] * one["time_base"]) for one in file.chapters()]


def _told_by(*command: str) -> Any:
    """The JSON that a program prints."""
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def _ffprobe(path: Path) -> Found:
    told = _told_by(
        "ffprobe", "-v", "error", "-of", "json", "-show_chapters", "-show_format", "-show_streams", str(path)
    )
    # Ogg and FLAC have their tags in the stream, in capitals.
    tags = {
        name.lower(): value for one in (told["format"], *told["streams"]) for name, value in one.get("tags", {}).items()
    }
    cover = any(stream["disposition"]["attached_pic"] for stream in told["streams"])
    return Found("ffprobe", len(told["chapters"]), tags.get("title"), tags.get("artist"), cover)


def _pyav(path: Path) -> Found:
    with av.open(str(path)) as file:
        tags = {**file.streams.audio[0].metadata, **file.metadata}
        cover = bool(file.streams.video) and bytes(next(file.demux(video=0))) == COVER
        told = {name.lower(): value for name, value in tags.items()}
        return Found("PyAV", len(file.chapters()), told.get("title"), told.get("artist"), cover)


def _mediainfo(path: Path) -> Found:
    tracks = _told_by("mediainfo", "--Output=JSON", str(path))["media"]["track"]
    general = next(track for track in tracks if track["@type"] == "General")
    menus = [track for track in tracks if track["@type"] == "Menu"]
    counts = [sum(name.startswith("_") for name in menu.get("extra", {})) for menu in menus]
    # Several menus of one file must tell the same; it is a fault if they do not, and their sum shows it.
    count = counts[0] if len(set(counts)) == 1 else sum(counts)
    return Found("mediainfo", count, general.get("Title"), general.get("Performer"), general.get("Cover") == "Yes")
