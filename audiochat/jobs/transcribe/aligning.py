"""Which of the words that were written were heard when: two lists of words, laid beside each other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from audiochat.jobs.transcribe.words import Word, plain, split, weight

if TYPE_CHECKING:
    from collections.abc import Sequence

SIMILAR = 0.6
"""Of two words that are not equal, the least likeness (0 to 1) at which they may be one word, heard differently."""

_LARGEST = 250_000
"""Cells of a table for words that are only alike; beyond it, equal ones alone count."""


def pairs(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Lay two lists of words beside each other; equal words first, then those that are alike.

    Args:
        left: Words as `plain` gives them.
        right: The others.

    Returns:
        Indices of words that belong together, rising in both lists.
    """
    from rapidfuzz.distance import Levenshtein

    found: list[tuple[int, int]] = []
    for code in Levenshtein.opcodes(left, right):
        if code.tag == "equal":
            found += zip(range(code.src_start, code.src_end), range(code.dest_start, code.dest_end), strict=True)
        elif code.tag == "replace":
            alike = _alike(left[code.src_start : code.src_end], right[code.dest_start : code.dest_end])
            found += [(code.src_start + i, code.dest_start + j) for i, j in alike]
    return found


def likeness(one: str, other: str) -> float:
    """How alike two words are, from 0 to 1."""
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.normalized_similarity(one, other)


def _alike(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """The best way to lay alike words beside each other, where none are equal."""
    rows, columns = len(left), len(right)
    if rows * columns > _LARGEST:
        return []
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            same = likeness(left[i], right[j]) if left[i] and right[j] else 0.0
            paired = best[i + 1][j + 1] + same if same >= SIMILAR else 0.0
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    found, i, j = [], 0, 0
    while i < rows and j < columns:
        if best[i][j] in (best[i + 1][j], best[i][j + 1]):
            i, j = (i + 1, j) if best[i][j] == best[i + 1][j] else (i, j + 1)
        else:
            found.append((i, j))
            i, j = i + 1, j + 1
    return found


def timed(text: str, heard: Sequence[Word], speech: Sequence[tuple[float, float]]) -> list[Word]:
    """Give the words of a text the times at which they were heard.

    Every word of the text is in the result, in order. One that was not heard so gets a time between its neighbours.

    Args:
        text: What was written.
        heard: The words of another listener, with their times.
        speech: Stretches of speech, in seconds of the recording, rising: where words may be.
    """
    words = split(text)
    if not words:
        return []
    start, end = (speech[0][0], speech[-1][1]) if speech else (0.0, 0.0)
    together = pairs([plain(one) for one, _ in words], [plain(word.text) for word in heard])
    placed: list[Word | None] = [None] * len(words)
    for i, j in together:
        placed[i] = replace(heard[j], text=words[i][0], spaced=words[i][1])
    _fill(placed, words, start, max(end, start), speech)
    return rising([word for word in placed if word is not None])


def estimated(text: str, speech: Sequence[tuple[float, float]]) -> list[Word]:
    """Share out the time of the speech among the words of a text, by their syllables."""
    return timed(text, (), speech)


def _fill(
    placed: list[Word | None],
    words: list[tuple[str, bool]],
    start: float,
    end: float,
    speech: Sequence[tuple[float, float]],
) -> None:
    """Place the words that have no time: between their neighbours, where there is speech."""
    index = 0
    while index < len(placed):
        if placed[index] is not None:
            index += 1
            continue
        until = index
        while until < len(placed) and placed[until] is None:
            until += 1
        before, after = placed[index - 1] if index else None, placed[until] if until < len(placed) else None
        left = start if before is None else before.end
        right = end if after is None else after.start
        timeline = _Timeline(speech, min(left, right) if before is None else left, right)
        weights = [weight(text) for text, _ in words[index:until]]
        done, whole = 0.0, sum(weights)
        for offset, share in enumerate(weights):
            text, spaced = words[index + offset]
            word_start, word_end = timeline.at(done / whole), timeline.at((done + share) / whole)
            placed[index + offset] = Word(text, word_start, max(word_start, word_end), spaced, estimated=True)
            done += share
        index = until


class _Timeline:
    """The stretches of speech between two moments, as if there were nothing between them."""

    def __init__(self, speech: Sequence[tuple[float, float]], left: float, right: float) -> None:
        inside = [(max(left, one), min(right, other)) for one, other in speech if one < right and other > left]
        self._stretches = inside or [(left, max(left, right))]
        self._length = sum(end - start for start, end in self._stretches)

    def at(self, part: float) -> float:
        """The moment at which so much (0 to 1) of the speech is over."""
        left = part * self._length
        for start, end in self._stretches:
            if left <= end - start:
                return start + left
            left -= end - start
        return self._stretches[-1][1]


def rising(words: Sequence[Word]) -> list[Word]:
    """The same words with times that never go back."""
    found: list[Word] = []
    latest = 0.0
    for word in words:
        start = max(word.start, latest)
        found.append(replace(word, start=start, end=max(word.end, start)))
        latest = start
    # A word lasts no longer than to the next one's start.
    return (
        [
            replace(word, end=min(word.end, following.start)) if following.start > word.start else word
            for word, following in zip(found, [*found[1:], found[-1]], strict=True)
        ]
        if found
        else []
    )
