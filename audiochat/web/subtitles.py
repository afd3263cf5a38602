"""Subtitles of what was heard: a cue for each segment, as the transcriptions API gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audiochat.local.stt import Segment


def srt(segments: Iterable[Segment]) -> str:
    """SubRip: numbered cues, a comma before the milliseconds."""
    cues = (
        f"{number}\n{_time(one.start, ',')} --> {_time(one.end, ',')}\n{_text(one)}\n\n"
        for number, one in enumerate(segments, start=1)
    )
    return "".join(cues)


def vtt(segments: Iterable[Segment]) -> str:
    """WebVTT."""
    cues = (f"{_time(one.start, '.')} --> {_time(one.end, '.')}\n{_text(one)}\n\n" for one in segments)
    return "WEBVTT\n\n" + "".join(cues)


def _text(segment: Segment) -> str:
    # An arrow would end the cue.
    return " ".join(segment.text.split()).replace("-->", "→")


def _time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"
