"""Where the language changes: Whisper writes all that it is given in one, and translates what is said in another.

For each of its windows of half a minute it tells which languages that may be. Where it may be another one, it is looked
at sentence by sentence, and what lies between two changes is listened to by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from audiochat.jobs.ears import HeardWord

    Stretch = tuple[float, float]

_POSSIBLE = 0.1
"""The share of a language in a window from which on it is looked for: one sentence has 0.4, an accent 0.01."""
_TELLING = 1.0
"""Seconds of speech whose language can be told; what is shorter is taken with what comes before it."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A sentence or so, as it was heard."""

    start: float
    """Seconds from the start of the samples."""
    end: float
    languages: tuple[str, ...]
    """That are spoken, perhaps, in the window in which it was heard."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What is said in one language until it changes."""

    start: float
    end: float
    language: str

    @property
    def place(self) -> Stretch:
        """Where it lies."""
        return self.start, self.end


def possible_languages(shares: Mapping[str, float]) -> tuple[str, ...]:
    """The languages that may be spoken in a window, by their shares in it."""
    return tuple(language for language, share in shares.items() if share > _POSSIBLE)


def mixtures(
    utterances: Sequence[Utterance],
    language: str,
    tell: Callable[[Stretch, Sequence[str]], str],
    *,
    speech: Sequence[Stretch],
    seconds: float,
) -> Iterator[list[Passage]]:
    """Find where other languages are spoken, too: the passages of one such place after the other, in order.

    Args:
        utterances: As they were heard, in order.
        language: In which they were heard.
        tell: Tells which of some languages is spoken in a stretch.
        speech: Stretches of speech, in order.
        seconds: Of the whole.
    """
    for is_mixed, group in groupby(range(len(utterances)), key=lambda n: bool({*utterances[n].languages} - {language})):
        places = list(group)
        if not is_mixed:
            continue
        possible = sorted({language}.union(*(utterances[n].languages for n in places)))
        start = utterances[places[0] - 1].end if places[0] else 0.0
        end = utterances[places[-1] + 1].start if places[-1] + 1 < len(utterances) else seconds
        sentences = list(_sentences(utterances, speech, start, end))
        told: list[str] = []
        for first, last in sentences:
            is_short = last - first < _TELLING and told
            told.append(told[-1] if is_short else tell((first, last), possible))
        if set(told) - {language}:
            yield _passages(sentences, told, start, end)


def _sentences(
    utterances: Sequence[Utterance], speech: Sequence[Stretch], start: float, end: float
) -> Iterator[Stretch]:
    """The stretches of speech between two moments; two sentences without a pause are parted where they were heard."""
    for first, last in speech or [(start, end)]:
        begin, stop = max(first, start), min(last, end)
        moments = [begin]
        for moment in sorted(moment for one in utterances for moment in (one.start, one.end)):
            if moments[-1] + _TELLING <= moment <= stop - _TELLING:
                moments.append(moment)
        if begin < stop:
            yield from pairwise([*moments, stop])


def _passages(sentences: Sequence[Stretch], told: Sequence[str], start: float, end: float) -> list[Passage]:
    """Sentences in a row in the same language; they change in the middle of a pause."""
    changes = [n for n in range(1, len(told)) if told[n] != told[n - 1]]
    moments = [start, *((sentences[n - 1][1] + sentences[n][0]) / 2 for n in changes), end]
    return [Passage(*pair, told[n]) for pair, n in zip(pairwise(moments), (0, *changes), strict=True)]


def replaced(words: Sequence[HeardWord], passage: Passage, other: Iterable[HeardWord]) -> list[HeardWord]:
    """Put the words of another listening in the place of those of a passage."""
    before = [word for word in words if (word.start + word.end) / 2 < passage.start]
    after = [word for word in words if (word.start + word.end) / 2 >= passage.end]
    return [*before, *other, *after]
