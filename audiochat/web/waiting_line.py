"""The line before a model: a few are answered at once, the others know their place."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from audiochat.web import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLL = 0.1
"""Seconds between two checks whether a waiting client has left."""


class WaitingLine:
    """Lets so many through at once, in the order in which they came.

    Args:
        at_once: How many are answered at a time.
        limit: How many may wait; the rest are told to come back.
    """

    def __init__(self, at_once: int, limit: int) -> None:
        self._at_once = at_once
        self._limit = limit
        self._changed = threading.Condition()
        self._tickets: deque[object] = deque()

    def join(self) -> object:
        """Take a ticket.

        Raises:
            ApiError: too many wait already.
        """
        ticket = object()
        with self._changed:
            if len(self._tickets) >= self._at_once + self._limit:
                raise errors.busy(retry_after=5)
            self._tickets.append(ticket)
        return ticket

    def places(self, ticket: object, cancelled: threading.Event) -> Iterator[int]:
        """Each new place of a ticket, from the first one that has to wait down to 1; ends when it is let through.

        Args:
            ticket: From `join`.
            cancelled: Ends it as well.
        """
        told = 0
        while not cancelled.is_set():
            with self._changed:
                place = self._tickets.index(ticket) - self._at_once + 1
                if place > 0 and place == told:
                    self._changed.wait(_POLL)
                    continue
            if place <= 0:
                return
            told = place
            yield place

    def leave(self, ticket: object) -> None:
        """Give a ticket back; nothing happens where that was done."""
        with self._changed, suppress(ValueError):
            self._tickets.remove(ticket)
            self._changed.notify_all()
