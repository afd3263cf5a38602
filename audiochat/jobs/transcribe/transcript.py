"""The transcript of a recording: the words of its pieces put together, and what there is none of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from audiochat.jobs.transcribe.aligning import estimated, rising
from audiochat.jobs.transcribe.seams import joined
from audiochat.jobs.transcribe.words import Word, is_spaced, plain, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from audiochat.jobs.piece import Failure
    from audiochat.jobs.transcribe.cutting import Cut
    from audiochat.jobs.without_silence import Stretch

_PAUSE = 1.0
"""Seconds of silence at which a segment ends."""
_LONG = 30.0
"""Seconds of a segment, at most."""
_PARAGRAPH = 2.0
"""Seconds of silence at which a new line begins in text."""
_ENDS = (".", "?", "!", "…", "。", "？", "！", "।", "؟")
_ENDS_UNSPACED = ("。", "？", "！")
"""Of scripts that put no space after them."""
_PACE = 2.5
"""Words a second where it is not known."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence, or a part of a long one."""

    words: tuple[Word, ...]
    speaker: str | None = None

    @property
    def start(self) -> float:
        """Seconds from the recording's start."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """Seconds from the recording's start."""
        return max(word.end for word in self.words)

    @property
    def text(self) -> str:
        """The words."""
        return text_of(self.words)

    def as_json(self, *, words: bool = True) -> dict[str, Any]:
        """Plain data."""
        data: dict[str, Any] = {
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "text": self.text,
            "estimated": any(word.estimated for word in self.words),
            "piece": self.words[0].piece,
        }
        if self.speaker is not None:
            data["speaker"] = self.speaker
        if words:
            data["words"] = [
                {"word": one.text, "start": round(one.start, 3), "end": round(one.end, 3), "estimated": one.estimated}
                for one in self.words
            ]
        return data


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of which there are no words."""

    start: float
    end: float
    reason: str
    code: str
    piece: int
    speaker: str | None = None

    @property
    def mark(self) -> str:
        """What stands in its place."""
        return f"[{clock(self.start)}–{clock(self.end)} not transcribed]"

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        data = {"start": round(self.start, 3), "end": round(self.end, 3), "piece": self.piece}
        return {**data, "code": self.code, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is said in a recording, and when."""

    language: str | None
    """Its code, `en` say, where it is known."""
    duration: float
    """Seconds of the recording."""
    segments: tuple[Segment, ...]
    gaps: tuple[Gap, ...] = ()

    @property
    def status(self) -> str:
        """`ok`, or `partial` where there are gaps."""
        return "partial" if self.gaps else "ok"

    @property
    def text(self) -> str:
        """The words, a line for each run of speech; gaps are marked."""
        lines: list[str] = []
        before: Segment | Gap | None = None
        for part in in_order(self):
            if isinstance(part, Gap):
                lines.append(_spoken_by(part.speaker, part.mark))
            elif isinstance(before, Segment) and _goes_on(before, part):
                space = " " if part.words[0].spaced else ""
                lines[-1] += space + part.text
            else:
                lines.append(_spoken_by(part.speaker, part.text))
            before = part
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Plain data: `{text, language, duration, segments, gaps, status}`."""
        return {
            "text": self.text,
            "language": self.language,
            "duration": round(self.duration, 3),
            "status": self.status,
            "segments": [segment.as_json() for segment in self.segments],
            "gaps": [gap.as_json() for gap in self.gaps],
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a piece: words with times from its start, a text alone, or a failure."""

    text: str = ""
    words: Sequence[Word] | None = None
    failure: Failure | None = None


def in_order(transcript: Transcript) -> list[Segment | Gap]:
    """Segments and gaps by their start."""
    parts: list[Segment | Gap] = [*transcript.segments, *transcript.gaps]
    return sorted(parts, key=lambda part: part.start)


def put_together(
    cuts: Sequence[Cut],
    answers: Sequence[Answer],
    speech: Sequence[Sequence[Stretch]],
    *,
    start: float = 0.0,
    first_piece: int = 0,
    speaker: str | None = None,
) -> tuple[list[Segment], list[Gap]]:
    """Put the words of pieces together.

    Args:
        cuts: The pieces.
        answers: What came of each.
        speech: The stretches of speech in each.
        start: Seconds of the recording before its first sample.
        first_piece: The number of the first piece.
        speaker: Who speaks, where it is known.
    """
    words: list[Word] = []
    gaps: list[Gap] = []
    for n, (cut, answer, spoken) in enumerate(zip(cuts, answers, speech, strict=True)):
        if answer.failure is not None:
            began, ended = _missing(cuts, answers, n)
            why = answer.failure
            gaps.append(Gap(start + began, start + ended, why.message, why.code, first_piece + n, speaker))
            continue
        found = estimated(answer.text, spoken) if answer.words is None else answer.words
        moved = [
            replace(one, start=start + cut.start + one.start, end=start + cut.start + one.end, piece=first_piece + n)
            for one in found
        ]
        if moved:  # the text of a piece begins without a space
            moved[0] = replace(moved[0], spaced=is_spaced(moved[0].text))
        if cut.overlap and n and answers[n - 1].failure is None:
            pace = len(moved) / (cut.end - cut.start) if moved else _PACE
            words = joined(words, moved, lambda one: plain(one.text), seconds=cut.overlap, pace=pace)
        else:
            words += moved
    return [Segment(tuple(run), speaker) for run in _runs(rising(words), gaps)], gaps


def _missing(cuts: Sequence[Cut], answers: Sequence[Answer], n: int) -> tuple[float, float]:
    """The stretch that is lost where piece `n` is: its neighbours have what they share with it."""
    following = cuts[n + 1].overlap if n + 1 < len(cuts) and answers[n + 1].failure is None else 0.0
    began = cuts[n].start + (cuts[n].overlap if n and answers[n - 1].failure is None else 0.0)
    return began, max(began, cuts[n].end - following)


def _runs(words: Iterable[Word], gaps: Sequence[Gap]) -> Iterable[list[Word]]:
    """Words in segments: to the end of a sentence, a pause or a gap."""
    run: list[Word] = []
    for word in words:
        if run:
            before = run[-1]
            said = before.text.rstrip("\"'”’»)]\uff09」』")
            ends = said.endswith(_ENDS) and (word.spaced or said.endswith(_ENDS_UNSPACED))
            parted = any(before.end <= (gap.start + gap.end) / 2 <= word.start for gap in gaps)
            if ends or parted or word.start - before.end >= _PAUSE or word.end - run[0].start > _LONG:
                yield run
                run = []
        run.append(word)
    if run:
        yield run


def _goes_on(before: Segment, after: Segment) -> bool:
    return before.speaker == after.speaker and after.start - before.end < _PARAGRAPH


def _spoken_by(speaker: str | None, text: str) -> str:
    return text if speaker is None else f"{speaker}: {text}"


def clock(seconds: float) -> str:
    """A time of a recording, as players show it: `3:10`, `1:03:10`."""
    whole = int(seconds)
    minutes = f"{whole // 60 % 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{minutes:0>5}" if whole >= 3600 else minutes
