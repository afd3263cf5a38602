"""Transcripts as files: txt, srt, vtt, tsv, json."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from audiochat.jobs.transcribe.cues import Shape, cues_of
from audiochat.jobs.transcribe.transcript import Gap, in_order
from audiochat.subtitles import srt, vtt

if TYPE_CHECKING:
    from audiochat.jobs.transcribe.transcript import Transcript

FORMATS = ("txt", "srt", "vtt", "tsv", "json")


def as_file(transcript: Transcript, format: str, shape: Shape | None = None) -> str:
    """A transcript in one of `FORMATS`, with the newline at its end; nothing where nothing was said, but for JSON."""
    shape = shape or Shape()
    if format == "json":
        return json.dumps(transcript.as_json(), ensure_ascii=False, indent=1) + "\n"
    if format == "srt":
        return srt(cues_of(transcript, shape))
    if format == "vtt":
        return vtt(cues_of(transcript, replace(shape, named=False)))
    if format == "tsv":
        return _tsv(transcript, shape)
    text = transcript.text
    return f"{text}\n" if text else ""


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
