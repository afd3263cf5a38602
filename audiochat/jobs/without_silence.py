"""A recording without its silences, as the recogniser hears it, and the times of its words in the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Stretch: TypeAlias = "tuple[float, float]"
"""Start and end, in seconds."""

PAD = 0.2
"""Seconds that are kept around speech."""
_SILENCE = 2.0
"""Seconds of silence that are cut out before listening: the recogniser makes up words in longer ones."""


def parts_with_speech(speech: Sequence[Stretch] | None, seconds: float) -> list[Stretch]:
    """What is listened to: the speech, and the silences between that are short.

    Args:
        speech: Stretches of it, in order; None keeps everything.
        seconds: Of the whole.
    """
    parts: list[Stretch] = []
    for start, end in [(0.0, seconds)] if speech is None else speech:
        padded = max(0.0, start - PAD), min(seconds, end + PAD)
        if parts and padded[0] - parts[-1][1] < _SILENCE:
            parts[-1] = parts[-1][0], max(parts[-1][1], padded[1])
        else:
            parts.append(padded)
    return [(start, end) for start, end in parts if end > start]


def clipped(parts: Sequence[Stretch], start: float, end: float) -> list[Stretch]:
    """What of some parts lies between two moments."""
    return [(max(first, start), min(last, end)) for first, last in parts if first < end and last > start]


def joined(samples: Any, parts: Sequence[Stretch], rate: int) -> Any:
    """The samples of some parts, one after the other; `rate` of them are a second."""
    import numpy as np

    cut = [samples[int(start * rate) : int(end * rate)] for start, end in parts]
    return cut[0] if len(cut) == 1 else np.concatenate([samples[:0], *cut])


class Times:
    """Finds the moments in the whole that moments in some parts of it are.

    Args:
        parts: Of the whole, as they were joined.
    """

    def __init__(self, parts: Sequence[Stretch]) -> None:
        self._parts: list[tuple[float, float, float]] = []
        before = 0.0
        for start, end in parts:
            self._parts.append((before, start, end))
            before += end - start

    def original(self, start: float, end: float) -> Stretch:
        """When a word was said; one that lies across a cut is in the part that holds most of its speech."""

        def voiced(part: tuple[float, float, float]) -> float:
            """Seconds of the word in the speech of a part; below 0 how far away it is."""
            before, first, last = part
            return min(end, before + last - first - PAD) - max(start, before + PAD)

        before, first, last = max(self._parts, key=voiced)
        left = min(max(first, start - before + first), last)
        return left, max(left, min(last, end - before + first))
