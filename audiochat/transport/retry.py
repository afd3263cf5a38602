"""When a failed request is sent again: one policy, and one gate for all who ask the same service."""

from __future__ import annotations

import math
import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audiochat.errors import CancelledError, UnavailableError
from audiochat.transport import service_errors
from audiochat.transport.connection_errors import causes
from audiochat.transport.service_errors import LONGEST_WAIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 300.0
"""Seconds that are waited between all the tries of one request, at most."""

PROXY_PASSWORD, TOO_MANY = 407, 429

_FIRST_DELAY, _LONGEST_DELAY = 0.5, 8.0
_MOST = 10_000
"""Requests at once, where nothing was refused."""
_SLICE = 0.5
"""Seconds between two looks at the clock: on Windows, Ctrl-C is only heard between them."""
_SPREAD = 0.1
"""The part of a pause by which those who wait at the gate start later, so that they do not all start at once."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failed request is sent again, and how long is waited in all."""

    retries: int = 2
    patience: float = PATIENCE
    """Seconds."""
    pauses_count: bool = True
    """Whether a pause that the service asks for (429) counts as a try. Long work waits as long as `patience` allows."""

    def delay(self, exc: Exception, *, attempt: int, waited: float, pauses: int = 0) -> float | None:
        """Seconds until the request should be sent again; None where it should not.

        Args:
            exc: What the SDK or its HTTP library raised.
            attempt: How often the request was sent again already.
            waited: Seconds that were waited for it so far.
            pauses: How many of those times were pauses that do not count; see `is_pause`.
        """
        delay = _sensible_delay(exc, attempt)
        if delay is None:
            return None
        if self.is_pause(exc):
            delay = max(delay, _FIRST_DELAY)  # so that the patience of those who ask for none ends, too
        elif attempt - pauses >= self.retries:
            return None
        return delay if waited + delay <= self.patience else None

    def is_pause(self, exc: Exception) -> bool:
        """Whether a failure is a pause that the service asks for, and does not count as a try."""
        return not self.pauses_count and getattr(exc, "status_code", None) == TOO_MANY


def _sensible_delay(exc: Exception, attempt: int) -> float | None:
    """Seconds until another try makes sense, as the service asks or by exponential backoff; None if none does.

    A request that was sent whole and not answered in time is not sent again: its answer may be under way, and paid
    for. Nor is one whose answer has begun, whatever becomes of it: another one would be paid for too.
    """
    import httpx2
    import openai

    from audiochat.transport.deadlines import BrokenBodyError

    answered = (BrokenBodyError, httpx2.DecodingError, httpx2.SSEError)
    if any(isinstance(cause, answered) for cause in causes(exc)):
        return None
    backoff: float = min(_FIRST_DELAY * 2 ** min(attempt, 9), _LONGEST_DELAY) * random.uniform(0.75, 1.0)  # noqa: S311
    if not isinstance(exc, openai.APIStatusError):
        timed_out = any(isinstance(cause, httpx2.ReadTimeout) for cause in causes(exc))
        return backoff if isinstance(exc, openai.APIConnectionError | httpx2.RequestError) and not timed_out else None
    wanted = exc.response.headers.get("x-should-retry")
    error = service_errors.read_service_error(exc.response)
    passing = isinstance(service_errors.classify(error), UnavailableError) and exc.status_code != PROXY_PASSWORD
    if wanted == "false" or not (passing or wanted == "true"):
        return None
    if error.wait is None:
        return backoff
    return error.wait if error.wait <= LONGEST_WAIT else None


class Gate:
    """Holds requests back while a service asks for a pause; threads that ask the same service share one.

    After a refusal of too many, half as many as were under way are let through at once. Each answer lets a little more
    through, so that a round of them makes it one more: it recovers by itself, and does not overshoot at once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._opens_at = 0.0
        self._spread = 0.0
        self._inside = 0
        self._limit = math.inf
        self._halvings = 0

    @property
    def limit(self) -> float:
        """How many requests may be under way at once."""
        return self._limit

    @contextmanager
    def passage(self, cancelled: threading.Event | None = None) -> Iterator[Passage]:
        """Wait until the gate is open and there is room, and be inside for as long as the block lasts.

        Raises:
            CancelledError: `cancelled` was set meanwhile.
        """
        yet = self._enter(cancelled)
        try:
            yield Passage(self, yet)
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify()

    def _enter(self, cancelled: threading.Event | None) -> int:
        while True:
            with self._changed:
                seconds = self._opens_at - self._clock()
                if seconds <= 0:
                    if self._inside < max(1, int(min(self._limit, _MOST))):
                        self._inside += 1
                        return self._halvings
                    self._changed.wait(_SLICE)
                spread = self._spread
            # Waiting for nothing notices a cancellation.
            wait(seconds + random.uniform(0, spread) if seconds > 0 else 0.0, cancelled)  # noqa: S311

    def pause(self, seconds: float, *, halvings: int) -> None:
        """Let nobody through for so long, and fewer at once after that; see `Passage.pause`."""
        with self._changed:
            self._opens_at = max(self._opens_at, self._clock() + seconds)
            self._spread = seconds * _SPREAD
            # Those that were let in before the last halving tell nothing new: they were refused together.
            if halvings == self._halvings:
                self._halvings += 1
                self._limit = max(1.0, min(self._limit, self._inside) / 2)

    def widen(self) -> None:
        """Take note of an answer; see `Passage.answered`."""
        with self._changed:
            self._limit += 1 / self._limit
            self._changed.notify()


@dataclass(frozen=True, slots=True)
class Passage:
    """A request's stay behind the gate."""

    gate: Gate
    halvings: int
    """How often the limit had been halved when it was let in."""

    def pause(self, seconds: float) -> None:
        """Take note that the service refused too many, and asked for a pause."""
        self.gate.pause(seconds, halvings=self.halvings)

    def answered(self) -> None:
        """Take note that the service answered."""
        self.gate.widen()


def wait(seconds: float, cancelled: threading.Event | None = None) -> None:
    """Wait, unless it is cancelled.

    Raises:
        CancelledError: `cancelled` was set before the time was over.
    """
    event = cancelled or threading.Event()
    ends_at = time.monotonic() + seconds
    while (left := ends_at - time.monotonic()) > 0 and not event.is_set():
        event.wait(min(left, _SLICE))
    if event.is_set():
        raise CancelledError("The request was cancelled.")
