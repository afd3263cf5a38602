"""Speech for which the recogniser wrote no word: where it is, and how words of a second listening are put in.

Whisper works in windows of half a minute, and leaves out whole sentences of speech without pauses: it goes on at a
later moment, or lets one word last for all of them. It hears those sentences when they are given to it by themselves,
together or, where it leaves them out again, stretch by stretch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from audiochat.jobs.ears import HeardWord
    from audiochat.jobs.without_silence import Stretch

UNHEARD = 1.0
"""Seconds of speech without a word that are listened to again; between two sentences, the detector finds half of it."""
AROUND = 2.0
"""Seconds around a stretch that is listened to again: words that begin or end there are heard whole."""
SENTENCE = 3.0
"""Seconds of speech without a word that are listened to a third time, one stretch after the other."""
_LONGEST_STRETCH = 25.0
"""Seconds that are listened to at once then: less than a window."""
_EDGE = 0.4
"""Seconds of a stretch in a hole that are no more than the end of a word which was heard."""
_LONGEST_WORD = 2.0
"""Seconds of a word that hides others."""
_SAME_MOMENT = 0.4
"""Seconds between two equal words at an edge that are one word, heard twice; to say a word twice takes longer."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of speech without words."""

    start: float
    end: float
    first: int
    """The place in the list of words at which its words belong."""
    last: int
    """The place behind the words that last too long to be believed, which they replace."""


def unheard(
    words: Sequence[HeardWord],
    speech: Sequence[Stretch],
    seconds: float,
    *,
    least: float = UNHEARD,
    borders: Sequence[float] = (),
) -> list[Hole]:
    """Find the stretches between words that hold too much speech to be a pause, in order.

    Args:
        words: That were heard, in order.
        speech: Stretches of speech, in order.
        seconds: Of the whole.
        least: Seconds of speech in a stretch.
        borders: Moments at which the language changes: a stretch ends there.
    """
    holes: list[Hole] = []

    def look(start: float, end: float, first: int, last: int) -> None:
        if end - start <= least:  # most pauses: nothing to add up
            return
        inside = [start, *(border for border in borders if start < border < end), end]
        for begin, stop in pairwise(inside):
            if _spoken(speech, begin, stop) > least:
                holes.append(Hole(begin, stop, first, last if stop == end else first))

    end, first = 0.0, 0
    for number, word in enumerate(words):
        if word.end - word.start > _LONGEST_WORD:
            continue
        look(end, word.start, first, number)
        end, first = max(end, word.end), number + 1
    look(end, seconds, first, len(words))
    return holes


def one_by_one(hole: Hole, speech: Sequence[Stretch]) -> list[Stretch]:
    """The stretches of speech in a hole, each with a little of what was heard of it; those without a pause in parts."""
    parts: list[Stretch] = []
    for first, last in speech:
        if min(last, hole.end) - max(first, hole.start) > _EDGE:
            start, end = max(first, hole.start - AROUND), min(last, hole.end + AROUND)
            count = math.ceil((end - start) / _LONGEST_STRETCH)
            step = (end - start) / count
            parts += [(start + n * step, start + (n + 1) * step) for n in range(count)]
    return parts


def filled(words: Sequence[HeardWord], hole: Hole, again: Iterable[HeardWord]) -> list[HeardWord]:
    """Put into a hole what a second listening heard there; without that, all stays as it was.

    Args:
        words: Of the first listening, in order.
        hole: As `unheard` found it in them.
        again: Words of the second listening, to the hole and what is around it.
    """
    before, after = words[: hole.first], words[hole.last :]
    inside = [word for word in again if hole.start < (word.start + word.end) / 2 < hole.end]
    if before and inside and _is_same(before[-1], inside[0]):
        del inside[0]
    if after and inside and _is_same(after[0], inside[-1]):
        del inside[-1]
    return [*before, *inside, *after] if inside else list(words)


def _is_same(one: HeardWord, other: HeardWord) -> bool:
    return abs(one.start - other.start) < _SAME_MOMENT and _plain(one.text) == _plain(other.text)


def _plain(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _spoken(speech: Sequence[Stretch], start: float, end: float) -> float:
    """Seconds of speech between two moments."""
    return sum(max(0.0, min(stop, end) - max(begin, start)) for begin, stop in speech)
