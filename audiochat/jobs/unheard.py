"""Speech for which the recogniser wrote no word: where it is, and how words of a second listening are put in.

Whisper works in windows of half a minute, and leaves out whole sentences of speech without pauses: it goes on at a
later moment, or lets one word last for all of them. It hears those sentences when they are given to it by themselves,
together or, where it leaves them out again, one by one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from audiochat.jobs.ears import HeardWord

    Stretch = tuple[float, float]

_UNHEARD = 1.0
"""Seconds of speech without a word that are listened to again; between two sentences, the detector finds half of it."""
AROUND = 2.0
"""Seconds around a stretch that is listened to again: words that begin or end there are heard whole."""
SENTENCE = 3.0
"""Seconds of speech without a word that are listened to a third time, one stretch after the other."""
_LONGEST_STRETCH = 15.0
"""Seconds that are listened to at once then."""
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
    words: Sequence[HeardWord], speech: Sequence[Stretch], seconds: float, *, least: float = _UNHEARD
) -> list[Hole]:
    """Find the stretches between words that hold too much speech to be a pause, in order.

    Args:
        words: That were heard, in order.
        speech: Stretches of speech, in order.
        seconds: Of the whole.
        least: Seconds of speech in a stretch.
    """
    holes = []
    end, place = 0.0, 0
    for number, word in enumerate(words):
        if word.end - word.start > _LONGEST_WORD:
            continue
        if _spoken(speech, end, word.start) > least:
            holes.append(Hole(end, word.start, place, number))
        end, place = max(end, word.end), number + 1
    if _spoken(speech, end, seconds) > least:
        holes.append(Hole(end, seconds, place, len(words)))
    return holes


def one_by_one(hole: Hole, speech: Sequence[Stretch]) -> list[Stretch]:
    """The stretches of speech in a hole and a little around it, long ones in parts."""
    parts: list[Stretch] = []
    for first, last in speech:
        if min(last, hole.end) - max(first, hole.start) > _SAME_MOMENT:
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
    if end - start <= _UNHEARD:  # most pauses: nothing to add up
        return 0.0
    return sum(max(0.0, min(stop, end) - max(begin, start)) for begin, stop in speech)
