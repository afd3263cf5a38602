"""One request at a time: the engine works for one, a few wait, the rest are told to come back."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from audiochat.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLL = 0.1
"""Seconds between two looks at whether a request that waits was cancelled."""


class QueueFullError(Exception):
    """As many requests wait as may."""


class RequestQueue:
    """Lets requests through one after another, in the order in which they came.

    Args:
        waiting: How many may wait while one is answered.
    """

    def __init__(self, waiting: int) -> None:
        self._limit = waiting
        self._changed = threading.Condition()
        self._tickets: deque[object] = deque()

    @property
    def length(self) -> int:
        """How many requests are being answered or waiting."""
        return len(self._tickets)

    @contextmanager
    def turn(self, cancelled: threading.Event) -> Iterator[None]:
        """Wait for the turn, and have it for as long as the block lasts.

        Raises:
            QueueFullError: too many wait already.
            CancelledError: `cancelled` was set while it waited.
        """
        ticket = object()
        with self._changed:
            if len(self._tickets) > self._limit:
                raise QueueFullError
            self._tickets.append(ticket)
        try:
            with self._changed:
                while self._tickets[0] is not ticket:
                    if cancelled.is_set():
                        raise CancelledError("The request was cancelled.")
                    self._changed.wait(_POLL)
            yield
        finally:
            with self._changed:
                self._tickets.remove(ticket)
                self._changed.notify_all()
