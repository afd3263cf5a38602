"""Subtitle files: SubRip (srt) and WebVTT (vtt)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines on the screen."""

    start: float
    """Seconds from the recording's start."""
    end: float
    lines: tuple[str, ...]
    speaker: str | None = None


def srt(cues: Iterable[Cue]) -> str:
    """SubRip: numbered cues, a comma before the milliseconds. It has no sign for speakers."""
    return "\n".join(
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{_without_arrows(cue)}\n"
        for number, cue in enumerate(cues, start=1)
    )


def vtt(cues: Iterable[Cue]) -> str:
    """WebVTT, with the speaker as the cue's voice."""
    blocks = ["WEBVTT\n"]
    for cue in cues:
        text = "\n".join(cue.lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        voice = f"<v {cue.speaker}>" if cue.speaker else ""
        blocks.append(f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def _without_arrows(cue: Cue) -> str:
    """The text of a cue; an arrow in it would be taken for the times of another one."""
    return "\n".join(cue.lines).replace("-->", "→")


def _time(seconds: float, point: str) -> str:
    whole = round(1000 * seconds)
    return f"{whole // 3_600_000:02d}:{whole // 60_000 % 60:02d}:{whole // 1000 % 60:02d}{point}{whole % 1000:03d}"
