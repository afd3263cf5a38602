"""When a failed request is sent again: one policy, and one gate for all who ask the same service."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audiochat.errors import CancelledError, UnavailableError
from audiochat.transport import service_errors
from audiochat.transport.connection_errors import causes
from audiochat.transport.service_errors import LONGEST_WAIT

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 300.0
"""Seconds that are waited between all the tries of one request, at most."""

PROXY_PASSWORD = 407

_FIRST_DELAY, _LONGEST_DELAY = 0.5, 8.0
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

    def delay(self, exc: Exception, *, attempt: int, waited: float) -> float | None:
        """Seconds until the request should be sent again; None where it should not.

        Args:
            exc: What the SDK or its HTTP library raised.
            attempt: How often the request was sent again already.
            waited: Seconds that were waited for it so far.
        """
        delay = _sensible_delay(exc, attempt)
        if delay is None or attempt >= self.retries or waited + delay > self.patience:
            return None
        return delay


def _sensible_delay(exc: Exception, attempt: int) -> float | None:
    """Seconds until another try makes sense, as the service asks or by exponential backoff; None if none does.

    A request that was sent whole and not answered in time is not sent again: its answer may be under way, and paid
    for. What cannot be decoded is not either: the service has answered.
    """
    import httpx2
    import openai

    if isinstance(exc, httpx2.DecodingError | httpx2.SSEError):
        return None
    backoff: float = min(_FIRST_DELAY * 2**attempt, _LONGEST_DELAY) * random.uniform(0.75, 1.0)  # noqa: S311
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
    """Holds requests back while a service asks for a pause; threads that ask the same service share one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._opens_at = 0.0
        self._spread = 0.0

    def pause(self, seconds: float) -> None:
        """Let nobody through for so long."""
        with self._lock:
            self._opens_at = max(self._opens_at, self._clock() + seconds)
            self._spread = seconds * _SPREAD

    def wait(self, cancelled: threading.Event | None = None) -> None:
        """Wait until the gate is open.

        Raises:
            CancelledError: `cancelled` was set meanwhile.
        """
        with self._lock:
            seconds = self._opens_at - self._clock()
        if seconds > 0:
            wait(seconds + random.uniform(0, self._spread), cancelled)  # noqa: S311


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
