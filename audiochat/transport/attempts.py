"""Send a request, and again where that makes sense: through the gate, by the policy, with a wait in between."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from audiochat.errors import CancelledError
from audiochat.transport import retry
from audiochat.transport.service_errors import translate

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from audiochat.errors import AudiochatError
    from audiochat.transport.retry import Gate, RetryPolicy

T = TypeVar("T")

_CANCELLED: ContextVar[threading.Event | None] = ContextVar("cancelled", default=None)


@dataclass(frozen=True, slots=True)
class Retrying:
    """The news that a request failed, and is about to be sent again."""

    error: AudiochatError
    delay: float
    """Seconds until then."""

    def __str__(self) -> str:
        when = f"in {self.delay:.0f} s" if self.delay >= 1 else "in a moment"
        return f"{self.error.message.rstrip('.')}; trying again {when}"


def attempts(
    attempt: Callable[[], Iterable[T]],
    *,
    gate: Gate,
    policy: RetryPolicy,
    hints: Mapping[str, str],
    cancelled: threading.Event | None = None,
) -> Iterator[T | Retrying]:
    """Make attempts until one succeeds or the policy says that another makes no sense.

    Args:
        attempt: Sends the request once. What the SDK and its HTTP library raise counts as a failure.
        gate: Shared by all who ask the same service.
        policy: When a failed request is sent again.
        hints: What to do about errors, by their codes; see `translate`.
        cancelled: Set it to end the waiting.

    Yields:
        What the attempt gives, and the news of each failure that is followed by another attempt.

    Raises:
        AudiochatError: what the last failure means.
    """
    waited, pauses = 0.0, 0
    for number in itertools.count():
        with gate.passage(cancelled) as passage:
            try:
                yield from attempt()
                passage.answered()
                return
            except _failures() as exc:
                error = _meaning(exc, hints, cancelled)
                if (delay := policy.delay(exc, attempt=number, waited=waited, pauses=pauses)) is None:
                    raise error from exc
                pauses += policy.is_pause(exc)
                if error.code == "rate_limited":
                    passage.pause(delay)
        waited += delay
        yield Retrying(error, delay)
        retry.wait(0.0 if error.code == "rate_limited" else delay, cancelled)  # then the gate waits


def send(
    call: Callable[[], T],
    *,
    gate: Gate,
    policy: RetryPolicy,
    hints: Mapping[str, str],
    note: Callable[[str], None],
    cancelled: threading.Event | None = None,
) -> T:
    """The result of a call that sends a request once; as `attempts`, and `note` is told before it is sent again."""
    for item in attempts(lambda: [call()], gate=gate, policy=policy, hints=hints, cancelled=cancelled):
        if not isinstance(item, Retrying):
            return item
        note(f"{item}.")
    raise AssertionError("attempts end with a result or an error")  # pragma: no cover


def _meaning(exc: Exception, hints: Mapping[str, str], cancelled: threading.Event | None) -> AudiochatError:
    """The error that a failure of a request means; a RuntimeError of something else is raised again.

    Raises:
        CancelledError: the request was cancelled.
    """
    if cancelled is not None and cancelled.is_set():
        raise CancelledError("The request was cancelled.") from exc
    if not isinstance(exc, http_errors()):
        raise exc
    return translate(exc, hints=hints)


def _failures() -> tuple[type[Exception], ...]:
    """What a request ends with: on a connection that was closed because it was cancelled, with a RuntimeError."""
    return (RuntimeError, *http_errors())


def http_errors() -> tuple[type[Exception], ...]:
    """What the SDK and its HTTP library raise when a request fails."""
    import httpx2
    import openai

    return openai.OpenAIError, httpx2.RequestError, httpx2.StreamError


@contextmanager
def cancelled_by(event: threading.Event | None) -> Iterator[None]:
    """Send a request that ends when an event is set, where its transport can end its work: see `cancellation`.

    Args:
        event: Looked at, never set; None where nothing ends it.
    """
    token = _CANCELLED.set(event)
    try:
        yield
    finally:
        _CANCELLED.reset(token)


def cancellation() -> threading.Event | None:
    """What ends the request that this thread sends, for a transport: the SDK hands nothing on to it.

    The engine in this process is one. Without this, a question that was given up would be heard and answered up to
    its first word, and the next one would wait.
    """
    return _CANCELLED.get()
