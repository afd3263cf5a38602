"""Threads that do not keep the interpreter alive."""

from __future__ import annotations

import math
import threading
import time
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_POLL = 0.5
"""Seconds that one wait takes at most: a signal that comes just before it is heard after it; on Windows, every one."""

_LOOK = 0.05
"""Seconds between two looks at several events: no wait serves them all."""


def run_in_thread(work: Callable[[], T], *, name: str, daemon: bool = True) -> Future[T]:
    """Run `work` in a thread of its own.

    Args:
        work: The function to run.
        name: Of the thread, for debuggers.
        daemon: False lets Python wait for the thread when it exits. Native libraries that are still loading crash
            when the interpreter is taken down beneath them.

    Returns:
        A future with the result, or with the exception that `work` raised.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as exc:  # noqa: BLE001 - passed on to the thread that waits
            future.set_exception(exc)

    threading.Thread(target=run, name=f"audiochat-{name}", daemon=daemon).start()
    return future


def wait_for(future: Future[T], timeout: float | None = None) -> T:
    """The result of a future; unlike `future.result()`, Ctrl-C always ends the wait.

    Args:
        future: Of work in another thread.
        timeout: Seconds to wait at most; None for as long as it takes.

    Raises:
        concurrent.futures.TimeoutError: there is no result yet. What the work raised is raised again, too.
    """
    ends_at = math.inf if timeout is None else time.monotonic() + timeout
    while not future.done() and (left := ends_at - time.monotonic()) > 0:
        wait([future], timeout=min(left, _POLL))
    return future.result(timeout=0)


class EitherEvent(threading.Event):
    """Is set when one of several events is: a request ends when its user or its assistant wants that.

    Args:
        events: Those that count.
    """

    def __init__(self, *events: threading.Event) -> None:
        super().__init__()
        self._events = events

    def is_set(self) -> bool:
        """Whether one of them is."""
        return super().is_set() or any(event.is_set() for event in self._events)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until one of them is set, for so many seconds at most; whether it is."""
        ends_at = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = _LOOK if ends_at is None else min(_LOOK, ends_at - time.monotonic())
            if left <= 0:
                return False
            self._events[0].wait(left)
        return True
