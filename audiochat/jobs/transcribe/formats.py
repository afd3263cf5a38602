"""Transcripts as files: txt, srt, vtt, tsv, json."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from audiochat.jobs.transcribe.cues import Shape, cues_of
from audiochat.jobs.transcribe.transcript import Gap, in_order

if TYPE_CHECKING:
    from audiochat.jobs.transcribe.transcript import Transcript

FORMATS = ("txt", "srt", "vtt", "tsv", "json")


def as_file(transcript: Transcript, format: str, shape: Shape | None = None) -> str:
    """A transcript in one of `FORMATS`, with the newline at its end; nothing where nothing was said, but for JSON."""
    shape = shape or Shape()
    if format == "json":
        return json.dumps(transcript.as_json(), ensure_ascii=False, indent=1) + "\n"
    if format == "srt":
        return _srt(transcript, shape)
    if format == "vtt":
        return _vtt(transcript, shape)
    if format == "tsv":
        return _tsv(transcript, shape)
    text = transcript.text
    return f"{text}\n" if text else ""


def _srt(transcript: Transcript, shape: Shape) -> str:
    blocks = [
        f"{n}\n{_stamp(cue.start, ',')} --> {_stamp(cue.end, ',')}\n{_harmless(chr(10).join(cue.lines))}\n"
        for n, cue in enumerate(cues_of(transcript, shape), 1)
    ]
    return "\n".join(blocks)


def _vtt(transcript: Transcript, shape: Shape) -> str:
    blocks = ["WEBVTT\n"]
    for cue in cues_of(transcript, replace(shape, named=False)):
        text = "\n".join(cue.lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        voice = f"<v {cue.speaker}>" if cue.speaker else ""
        blocks.append(f"{_stamp(cue.start, '.')} --> {_stamp(cue.end, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def _tsv(transcript: Transcript, shape: Shape) -> str:
    rows = ["start\tend\ttext"]
    if shape.each_word:
        parts = [(cue.start, cue.end, " ".join(cue.lines)) for cue in cues_of(transcript, shape)]
    else:
        parts = [
            (part.start, part.end, _named(part.speaker, part.mark if isinstance(part, Gap) else part.text))
            for part in in_order(transcript)
        ]
    rows += [f"{round(1000 * start)}\t{round(1000 * end)}\t{' '.join(text.split())}" for start, end, text in parts]
    return "\n".join(rows) + "\n"


def _named(speaker: str | None, text: str) -> str:
    return text if speaker is None else f"{speaker}: {text}"


def _harmless(text: str) -> str:
    """Text that cannot be taken for the times of a cue."""
    return text.replace("-->", "→")


def _stamp(seconds: float, point: str) -> str:
    whole = round(1000 * seconds)
    return f"{whole // 3_600_000:02d}:{whole // 60_000 % 60:02d}:{whole // 1000 % 60:02d}{point}{whole % 1000:03d}"
