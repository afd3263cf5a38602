"""One request at a time, a bounded number of others waiting: two at once would each take twice as long."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiochat.local.stopping import StopSignal

_POLL = 0.05
"""Seconds between two looks at whether a request that waits was cancelled."""
_FIRST_GUESS = 2.0
"""Seconds that a request takes, as long as none was timed."""
_LONGEST_PAUSE = 60


class QueueFullError(Exception):
    """As many requests wait as may.

    Args:
        retry_after: Seconds after which there may be room.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"The engine is busy: too many requests wait already. Retry after {retry_after} seconds.")
        self.retry_after = retry_after


class RequestQueue:
    """Lets requests through one after another, in the order in which they came.

    Args:
        waiting: How many may wait while one is answered.
    """

    def __init__(self, waiting: int) -> None:
        self._limit = waiting
        self._changed = threading.Condition()
        self._tickets: deque[object] = deque()
        self._seconds = _FIRST_GUESS

    @property
    def length(self) -> int:
        """How many requests are being answered or waiting."""
        return len(self._tickets)

    @contextmanager
    def turn(self, stop: StopSignal) -> Iterator[None]:
        """Wait for the turn, and have it for as long as the block lasts.

        Raises:
            QueueFullError: too many wait already.
            CancelledError: `stop` was set while it waited.
        """
        ticket = object()
        with self._changed:
            if len(self._tickets) > self._limit:
                raise QueueFullError(min(_LONGEST_PAUSE, math.ceil(self._seconds * len(self._tickets))))
            self._tickets.append(ticket)
        try:
            with self._changed:
                while self._tickets[0] is not ticket:
                    self._changed.wait(_POLL)
                    stop.check()
            started = time.monotonic()
            yield
            self._seconds += (time.monotonic() - started - self._seconds) / 4
        finally:
            with self._changed:
                self._tickets.remove(ticket)
                self._changed.notify_all()
