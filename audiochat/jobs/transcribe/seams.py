"""Joining the words of two pieces that overlap: none lost, none doubled, also where they were heard differently.

Two lists of words are laid beside each other so that the end of the first lies on the beginning of the second. A pair
of equal words speaks for it the more, the rarer the word is thereabouts: "no no no" fits anywhere. How many words the
overlap should hold, by the speaker's pace, decides between ways that are as good. Losing is worse than doubling: a word
that one of the two has alone is kept, and where they do not fit together both are kept whole.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from audiochat.jobs.transcribe.aligning import SIMILAR, likeness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

_FASTEST = 6.0
"""Words a second in very fast speech."""
_SLACK = 4
"""Words beyond that which are looked at."""
_UNLIKE, _ALONE = -2.0, -1.5
"""What two words that are not alike say against an overlap, and a word that one of the two has alone."""
_ENOUGH = 2.0
"""The least that has to speak for an overlap: one word that is not everywhere."""
_FRAGMENTS = 1
"""Words at the edge of a piece that may be half a word, cut by its end: the other piece has it whole."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A step along both lists: a word of each, or of one alone (the other index is None)."""

    left: int | None
    right: int | None


@dataclass(frozen=True, slots=True)
class _Path:
    """How good it is to lie so, and how it goes."""

    score: float
    evidence: float
    """The score without what was expected."""
    steps: tuple[_Step, ...] = ()

    def and_(self, change: float, step: _Step) -> _Path:
        return _Path(self.score + change, self.evidence + change, (*self.steps, step))


def joined(left: Sequence[T], right: Sequence[T], word: Callable[[T], str], *, seconds: float, pace: float) -> list[T]:
    """The words of two overlapping pieces as one list.

    Args:
        left: Words of the first piece.
        right: Of the second.
        word: Gives a word as `words.plain` does.
        seconds: That both pieces have in common.
        pace: Words a second of the speaker.
    """
    most = int(seconds * _FASTEST) + _SLACK
    first = max(0, len(left) - most)
    tail, head = [word(one) for one in left[first:]], [word(one) for one in right[:most]]
    path = _best(tail, head, expected=seconds * pace)
    if path is None:
        return [*left, *right]
    steps = _without_fragments(path.steps)
    begin = next((step.left for step in path.steps if step.left is not None), len(tail))
    end = 1 + max((step.right for step in path.steps if step.right is not None), default=-1)
    merged: list[T] = []
    for number, step in enumerate(steps):
        # Each piece is surer of what lies farther from its own edge.
        if step.left is not None and (step.right is None or number < len(steps) / 2):
            merged.append(left[first + step.left])
        elif step.right is not None:
            merged.append(right[step.right])
    return [*left[: first + begin], *merged, *right[end:]]


def _without_fragments(steps: tuple[_Step, ...]) -> list[_Step]:
    """The steps without a word alone at the end of the first piece or at the beginning of the second."""
    kept = list(steps)
    for _ in range(_FRAGMENTS):
        if kept and kept[-1].right is None:
            kept.pop()
        if kept and kept[0].left is None:
            kept.pop(0)
    return kept


def _best(tail: Sequence[str], head: Sequence[str], *, expected: float) -> _Path | None:
    """The best way for the whole of `tail`, from some word on, to lie on the beginning of `head`; None if none fits."""
    weights = _Weights(tail, head)
    spread = 1 + 0.3 * expected

    def start(i: int) -> _Path:
        return _Path(-((len(tail) - i - expected) ** 2) / (2 * spread**2), 0.0)

    # row[j]: the best path whose next words are tail[i] and head[j]; all rows from the first word of `tail` on.
    row = [start(0)]
    for j in range(len(head)):
        row.append(row[-1].and_(weights.alone(head[j]), _Step(None, j)))
    for i in range(len(tail)):
        following = [max(start(i + 1), row[0].and_(weights.alone(tail[i]), _Step(i, None)), key=_score)]
        for j in range(len(head)):
            ways = (
                row[j].and_(weights.pair(tail[i], head[j]), _Step(i, j)),
                row[j + 1].and_(weights.alone(tail[i]), _Step(i, None)),
                following[j].and_(weights.alone(head[j]), _Step(None, j)),
            )
            following.append(max(ways, key=_score))
        row = following
    best = max(row, key=_score)
    return best if _is_believed(best, tail, head, expected) else None


def _score(path: _Path) -> float:
    return path.score


def _is_believed(path: _Path, tail: Sequence[str], head: Sequence[str], expected: float) -> bool:
    """Whether enough speaks for it; of words that are all the same, that they are as many as there should be."""
    if path.evidence >= _ENOUGH:
        return True
    same = [
        step.left is not None and step.right is not None and tail[step.left] == head[step.right] for step in path.steps
    ]
    return bool(same) and all(same) and abs(len(same) - expected) <= 1.5


class _Weights:
    """What words say for and against an overlap, by how often they occur thereabouts."""

    def __init__(self, tail: Sequence[str], head: Sequence[str]) -> None:
        self._counts = Counter([*tail, *head])
        self._all = 1 + (len(tail) + len(head)) / 2

    def pair(self, one: str, other: str) -> float:
        """What two words say that would be the same one."""
        if one == other:
            return self._rarity(one)
        alike = likeness(one, other) if one and other else 0.0
        return (alike - 0.2) * min(self._rarity(one), self._rarity(other)) if alike >= SIMILAR else _UNLIKE

    def alone(self, word: str) -> float:
        """What a word says that one of the two has alone."""
        return _ALONE if word else 0.0

    def _rarity(self, word: str) -> float:
        return math.log(self._all / max(1.0, self._counts[word] / 2)) if word else 0.0
