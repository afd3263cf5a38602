"""Cutting a recording into the pieces that are asked about: in silences, or with an overlap where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from audiochat.jobs.transcribe.speech import Activity
    from audiochat.jobs.without_silence import Stretch

OVERLAP = 4.0
"""Seconds that two pieces have in common where no silence parts them: a dozen words to join them on."""

_PAD = 0.25
"""Seconds of silence that a piece keeps at each end, where there are so many."""
_SEARCHED = 2.0
"""Seconds before the limit in which the least bad moment for a cut is looked for."""
_LONG_ENOUGH = 20.0
"""Seconds of a piece that need no more speech behind a pause."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long pieces may be."""

    longest: float
    """Seconds of a piece, its padding and overlap included."""
    pause: float = 3.0
    """Seconds of silence at which a piece ends that is long enough; it costs no request and no tokens then."""
    silence: float = 10.0
    """Seconds of silence at which every piece ends."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece of a recording."""

    start: float
    """Seconds from the first sample."""
    end: float
    overlap: float = 0.0
    """Seconds at its start that the piece before has too."""


def cut(activity: Activity, limits: Limits) -> list[Cut]:
    """Cut a recording into pieces that hold all of its speech, in order.

    Two pieces that follow each other are parted by silence, or the later one's `overlap` is in both.
    """
    found: list[Cut] = []
    speech = activity.speech
    first = 0
    while first < len(speech):
        last = _last(speech, first, limits)
        if speech[last][1] - speech[first][0] <= limits.longest:
            found.append(_padded(speech, first, last, activity.seconds, limits.longest))
        else:
            found += _without_pause(speech[first], limits.longest, activity.quietest)
        first = last + 1
    return found


def _last(speech: Sequence[Stretch], first: int, limits: Limits) -> int:
    """The last stretch of the piece that begins with `first`."""
    begin = speech[first][0]
    last = first
    while last + 1 < len(speech):
        pause = speech[last + 1][0] - speech[last][1]
        long_enough = speech[last][1] - begin >= min(_LONG_ENOUGH, limits.longest / 2)
        if pause >= limits.silence or (pause >= limits.pause and long_enough):
            return last
        if speech[last + 1][1] - begin > limits.longest:
            break
        last += 1
    else:
        return last
    # It is full. The longest pause of its second half is where a sentence most likely ends.
    later = [i for i in range(first, last + 1) if speech[i][1] - begin >= limits.longest / 2]
    return max(later, key=lambda i: speech[i + 1][0] - speech[i][1]) if later else last


def _padded(speech: Sequence[Stretch], first: int, last: int, seconds: float, longest: float) -> Cut:
    """A piece between two silences, with half of each, but not much, around it."""
    start, end = speech[first][0], speech[last][1]
    room = max(0.0, longest - (end - start)) / 2
    before = start - (speech[first - 1][1] if first else 0.0)
    after = (speech[last + 1][0] if last + 1 < len(speech) else seconds) - end
    return Cut(start - min(_PAD, before / 2, room), end + min(_PAD, after / 2, room))


def _without_pause(stretch: Stretch, longest: float, quietest: Callable[[float, float], float]) -> Iterator[Cut]:
    """Pieces of a stretch that is too long: each begins before the one before ends."""
    start, end = stretch
    overlap = min(OVERLAP, longest / 4)
    shared = 0.0
    while end - start > longest:
        stop = quietest(start + longest - min(_SEARCHED, longest / 8), start + longest)
        yield Cut(start, stop, shared)
        begin = quietest(stop - overlap, stop - overlap * 0.75)
        start, shared = begin, stop - begin
    yield Cut(start, end, shared)
