"""Where the language changes: Whisper writes all that it is given in one, and translates what is said in another.

For each of its windows of half a minute it tells which languages that may be. Where it may be another one, each
sentence is looked at, and what lies between two changes is listened to by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from audiochat.jobs.ears import HeardWord
    from audiochat.jobs.without_silence import Stretch

_POSSIBLE = 0.1
"""The share of a language in a window from which on it is looked for: one sentence has 0.4, an accent 0.01."""
_TELLING = 1.0
"""Seconds of speech whose language can be told; what is shorter is taken with what comes before it."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A sentence or so, as it was heard."""

    words: tuple[HeardWord, ...]
    """At least one."""
    languages: tuple[str, ...]
    """That may be spoken in the window in which it was heard."""
    believed: bool = True
    """Whether the recogniser itself would not try it again."""

    @property
    def start(self) -> float:
        """Seconds from the start of the samples."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """Seconds from the start of the samples."""
        return self.words[-1].end


@dataclass(frozen=True, slots=True)
class Passage:
    """What is said in one language until it changes."""

    start: float
    end: float
    language: str

    @property
    def span(self) -> Stretch:
        """Its start and end."""
        return self.start, self.end


@dataclass(frozen=True, slots=True)
class Mixture:
    """Utterances in a row among which the language changes."""

    first: int
    """The number of the first."""
    end: int
    """The number behind the last."""
    passages: tuple[Passage, ...]
    """They follow each other without a gap."""

    def only(self, languages: Collection[str], otherwise: str) -> Mixture:
        """The same, if no more than some languages are spoken: what seemed to be another one is in `otherwise`."""
        told = [one.language if one.language in languages else otherwise for one in self.passages]
        merged: list[Passage] = []
        for one, language in zip(self.passages, told, strict=True):
            if merged and merged[-1].language == language:
                merged[-1] = replace(merged[-1], end=one.end)
            else:
                merged.append(replace(one, language=language))
        return replace(self, passages=tuple(merged))

    def shares(self, words: Sequence[HeardWord]) -> list[list[HeardWord]]:
        """The words of the utterances, passage by passage."""
        shares: list[list[HeardWord]] = [[] for _ in self.passages]
        for word in words:
            begun = [n for n, one in enumerate(self.passages) if one.start <= (word.start + word.end) / 2]
            shares[begun[-1] if begun else 0].append(word)
        return shares


def possible_languages(probabilities: Mapping[str, float]) -> tuple[str, ...]:
    """The languages that may be spoken in a window."""
    return tuple(language for language, share in probabilities.items() if share > _POSSIBLE)


def find_mixtures(
    utterances: Sequence[Utterance],
    language: str,
    identify: Callable[[Stretch, Sequence[str]], str],
    *,
    speech: Sequence[Stretch],
    seconds: float,
) -> Iterator[Mixture]:
    """Find where other languages are spoken, too.

    Args:
        utterances: As they were heard, in order.
        language: In which they were heard.
        identify: Tells which of some languages is spoken in a stretch.
        speech: Stretches of speech, in order.
        seconds: Of the whole.
    """
    for is_mixed, group in groupby(range(len(utterances)), key=lambda n: bool({*utterances[n].languages} - {language})):
        numbers = list(group)
        if not is_mixed:
            continue
        first, end = numbers[0], numbers[-1] + 1
        possible = sorted({language}.union(*(one.languages for one in utterances[first:end])))
        span = (
            utterances[first - 1].end if first else 0.0,
            utterances[end].start if end < len(utterances) else seconds,
        )
        sentences = list(_sentences(utterances[first:end], speech, span))
        told = [identify(one, possible) if one[1] - one[0] >= _TELLING else None for one in sentences]
        spoken = _completed(told, language)
        if set(spoken) - {language}:
            yield Mixture(first, end, tuple(_passages(sentences, spoken, span)))


def _sentences(utterances: Sequence[Utterance], speech: Sequence[Stretch], span: Stretch) -> Iterator[Stretch]:
    """The stretches of speech in a span; two sentences without a pause are parted where they were heard."""
    edges = sorted(edge for one in utterances for edge in (one.start, one.end))
    for first, last in speech or [span]:
        start, end = max(first, span[0]), min(last, span[1])
        moments = [start]
        for edge in edges:
            if moments[-1] + _TELLING <= edge <= end - _TELLING:
                moments.append(edge)
        if start < end:
            yield from pairwise([*moments, end])


def _completed(told: Sequence[str | None], otherwise: str) -> list[str]:
    """The language of each sentence: a short one has that of the one before, or of the first that is known."""
    now = next((one for one in told if one is not None), otherwise)
    spoken = []
    for one in told:
        now = one or now
        spoken.append(now)
    return spoken


def _passages(sentences: Sequence[Stretch], spoken: Sequence[str], span: Stretch) -> Iterator[Passage]:
    """Sentences in a row in the same language; they change in the middle of a pause."""
    changes = [n for n in range(1, len(spoken)) if spoken[n] != spoken[n - 1]]
    moments = [span[0], *((sentences[n - 1][1] + sentences[n][0]) / 2 for n in changes), span[1]]
    for (start, end), n in zip(pairwise(moments), (0, *changes), strict=True):
        yield Passage(start, end, spoken[n])
