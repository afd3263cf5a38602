"""Cues: what of a transcript stands on the screen, from when to when."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audiochat.jobs.transcribe.transcript import Gap, in_order
from audiochat.jobs.transcribe.words import Word, join
from audiochat.subtitles import Cue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from audiochat.jobs.transcribe.transcript import Segment, Transcript

LONGEST = 7.0
"""Seconds of a cue, at most."""
FASTEST = 20.0
"""Characters a second that can be read."""

_SHORTEST = 1.0
"""Seconds that a cue stays where there is room."""
_PAUSE = 0.8
"""Seconds of silence at which a cue ends."""
_COMMAS = (",", ";", ":", "–", "—", "，", "、", "；")
_TICK = 0.001
"""Seconds: the finest time that a file of cues has."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How cues are shaped."""

    width: int = 42
    """Characters of a line."""
    lines: int = 2
    each_word: bool = False
    """A cue for each word."""
    named: bool = True
    """Whether the speaker, where one is known, stands before the words."""


def cues_of(transcript: Transcript, shape: Shape) -> list[Cue]:
    """The cues of a transcript: rising, none overlaps the next, gaps are marked."""
    found: list[Cue] = []
    for part in in_order(transcript):
        if isinstance(part, Gap):
            lines = _wrapped([Word(one, 0, 0) for one in part.mark.split()], shape)
            found.append(Cue(part.start, min(part.end, part.start + LONGEST), lines, part.speaker))
        else:
            found += _of_segment(part, shape)
    return _timed(sorted(found, key=lambda cue: cue.start), transcript.duration)


def _of_segment(segment: Segment, shape: Shape) -> Iterator[Cue]:
    label = [Word(f"{segment.speaker}:", segment.start, segment.start)] if segment.speaker and shape.named else []
    words = [part for word in segment.words for part in _short(word, shape.width)]
    if shape.each_word:
        for word in words:
            yield Cue(word.start, word.end, _wrapped([*label, word], replace(shape, lines=9)), segment.speaker)
        return
    runs = list(_runs(words, label, shape, most=1 << 30))
    if len(runs) > 1:  # as many again, and evener: a word alone at the end reads badly
        even = sum(columns(word.text) + 1 for word in words) // len(runs)
        again = list(_runs(words, label, shape, most=even))
        runs = again if len(again) == len(runs) else runs
    for run in runs:
        lines = _wrapped([*label, *run], shape)
        yield Cue(run[0].start, max(word.end for word in run), lines, segment.speaker)


def _runs(words: Sequence[Word], label: list[Word], shape: Shape, *, most: int) -> Iterator[list[Word]]:
    """The words of each cue; a cue ends once it has `most` characters."""
    run: list[Word] = []
    for word in words:
        if run and (not _belongs(word, run, label, shape) or sum(columns(one.text) + 1 for one in run) >= most):
            kept, run = _broken(run)
            yield kept
            if run and not _belongs(word, run, label, shape):  # what was kept back is too much with it
                yield run
                run = []
        run.append(word)
    if run:
        yield run


def _belongs(word: Word, run: Sequence[Word], label: list[Word], shape: Shape) -> bool:
    """Whether a word can stand in the same cue as those before it."""
    if word.start - run[-1].end >= _PAUSE or word.end - run[0].start > LONGEST:
        return False
    return _fits([*label, *run, word], shape)


def _broken(run: list[Word]) -> tuple[list[Word], list[Word]]:
    """A full cue, and what is better in the next one: what follows the last comma of its second half."""
    for i in range(len(run) - 1, len(run) // 2, -1):
        if run[i - 1].text.endswith(_COMMAS):
            return run[:i], run[i:]
    return run, []


def _fits(words: Sequence[Word], shape: Shape) -> bool:
    return len(_wrapped(words, shape)) <= shape.lines


def _short(word: Word, width: int) -> list[Word]:
    """A word in parts that fit on a line: an address can be longer than any."""
    if columns(word.text) <= width:
        return [word]
    width //= 1 + (columns(word.text) > len(word.text))
    parts = [word.text[i : i + width] for i in range(0, len(word.text), width)]
    each = (word.end - word.start) / len(parts)
    return [
        replace(
            word, text=text, start=word.start + n * each, end=word.start + (n + 1) * each, spaced=n == 0 and word.spaced
        )
        for n, text in enumerate(parts)
    ]


def _wrapped(words: Sequence[Word], shape: Shape) -> tuple[str, ...]:
    """Words in lines, as few as there can be, and of them the most even ones."""
    text = join((word.text, word.spaced) for word in words)
    lines = _lines(words, shape.width)
    if len(lines) > shape.lines or len(lines) == 1:
        return lines
    width = max(columns(text) // len(lines), 1)
    while width < shape.width:
        even = _lines(words, width)
        if len(even) == len(lines):
            return even
        width += 1
    return lines


def _lines(words: Sequence[Word], width: int) -> tuple[str, ...]:
    lines: list[str] = []
    for word in words:
        space = " " if word.spaced else ""
        if lines and columns(lines[-1]) + len(space) + columns(word.text) <= width:
            lines[-1] += space + word.text
        else:
            lines.append(word.text)
    return tuple(lines)


def columns(text: str) -> int:
    """How wide a text is: a character of Chinese, Japanese and Korean takes as much room as two letters."""
    return len(text) + sum(unicodedata.east_asian_width(one) in "WF" for one in text if one > "\u10ff")


def _timed(cues: Sequence[Cue], duration: float) -> list[Cue]:
    """The same cues, long enough to be read where there is room, none into the next or beyond the recording."""
    found: list[Cue] = []
    latest = 0.0
    for n, cue in enumerate(cues):
        start = max(round(cue.start, 3), latest)
        following = cues[n + 1].start if n + 1 < len(cues) else max(duration, cue.end)
        read = max(_SHORTEST, sum(map(len, cue.lines)) / FASTEST)
        # The next one waits for at most a moment: two who speak at once.
        room = max(following, min(start + _SHORTEST, max(cue.end, start + _TICK)) if following <= start else following)
        end = min(max(cue.end, min(start + read, room)), start + LONGEST, room)
        end = max(round(end, 3), round(start + _TICK, 3))
        found.append(replace(cue, start=start, end=end))
        latest = end
    return found
