"""What ends the request that this thread sends, for a transport that can end its work: the SDK hands nothing on to it.

The engine in this process is one. Without this, a question that was given up would be heard and answered up to its
first word, and the next one would wait.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

_EVENT: ContextVar[threading.Event | None] = ContextVar("cancelled", default=None)


@contextmanager
def cancelled_by(event: threading.Event | None) -> Iterator[None]:
    """Send a request that ends when an event is set.

    Args:
        event: Looked at by the transport; None where nothing ends it.
    """
    token = _EVENT.set(event)
    try:
        yield
    finally:
        _EVENT.reset(token)


def current() -> threading.Event | None:
    """The event that ends the request which is being sent."""
    return _EVENT.get()
