"""Progress where nothing can move: a line on a pipe every ten seconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from audiochat.progress import Unit

INTERVAL = 10.0
"""Seconds between two lines."""

_MINUTE, _HOUR = 60, 3600

_FEW, _MANY = 3, 10
"""Steps without which the pace is not known, and with which it is known, whatever part of the whole they are."""
_ENOUGH = 0.05
"""The part of what is to be done that tells the pace by fewer steps."""


class ProgressLines:
    """Tells how far a task is, at most every ten seconds.

    Args:
        label: Of the task.
        total: How much there is to do; None where nobody knows.
        unit: What it counts.
        say: Prints a line.
        clock: Seconds.
    """

    def __init__(
        self,
        label: str,
        total: float | None,
        unit: Unit,
        *,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label, self._total, self._unit = label, total, unit
        self._say, self._clock = say, clock
        self._said_at = clock()
        self._time_left = None if total is None else TimeLeft(total)

    def update(self, done: float, detail: str = "", /) -> None:
        """Take note of how far it is; see `progress.Update`."""
        now = self._clock()
        left = "" if self._time_left is None else self._time_left.told(now, done)
        if now - self._said_at >= INTERVAL:
            self._said_at = now
            parts = [part for part in (amount(done, self._total, self._unit), detail, left) if part]
            self._say(f"{self._label}: {', '.join(parts)}")


class TimeLeft:
    """Estimates how long a task will take, by the pace of this run; says nothing until enough is done to know.

    Args:
        total: How much there is to do.
    """

    def __init__(self, total: float) -> None:
        self._total = total
        self._first: tuple[float, float] | None = None
        """When something was told for the first time, and how much was done then: by an earlier run, say."""
        self._last = 0.0, 0.0
        """When more was done for the last time, and how much."""
        self._steps = 0

    def told(self, now: float, done: float) -> str:
        """Take note of how far it is; `about 12 min left`, or nothing.

        Args:
            now: Seconds of any clock.
            done: Of the total.
        """
        if self._first is None:
            self._first = self._last = now, done
        if done > self._last[1]:
            self._last = now, done
            self._steps += 1
        (began, before), (at, reached) = self._first, self._last
        part = _ENOUGH * (self._total - before)
        if self._steps < _FEW or (self._steps < _MANY and reached - before < part) or at <= began:
            return ""
        pace = (reached - before) / (at - began)
        # It counts down between two steps, for as long as a step takes: a run that stands still promises no end.
        waited = min(now - at, (at - began) / self._steps)
        return f"about {duration(max(0.0, (self._total - reached) / pace - waited))} left"


def amount(done: float, total: float | None, unit: Unit) -> str:
    """The amount that is done: `58 MB`, `3:10 of 12:41`, `4 of 17`; the total alone once it is reached."""
    if unit == "bytes":
        return f"{(done if total is None else total) / 1e6:.0f} MB"

    def written(value: float) -> str:
        return f"{value:.0f}" if unit == "pieces" else clock_time(value)

    if total is None:
        return written(done)
    return written(total) if done >= total else f"{written(done)} of {written(total)}"


def clock_time(seconds: float) -> str:
    """A time of a recording, as players show it: `3:10`, `1:03:10`."""
    whole = int(seconds)
    minutes = f"{whole // _MINUTE % _MINUTE}:{whole % _MINUTE:02d}"
    return f"{whole // _HOUR}:{minutes:0>5}" if whole >= _HOUR else minutes


def duration(seconds: float) -> str:
    """How long something takes, roughly: `40 s`, `12 min`, `3 h 20 min`."""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
