"""Threads that do not keep the interpreter alive."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_POLL = 0.5
"""Seconds between two looks at a future: on Windows, Ctrl-C is only heard between them."""


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


def wait_for(future: Future[T]) -> T:
    """The result of a future; unlike `future.result()`, Ctrl-C ends the wait on Windows too."""
    while True:
        try:
            return future.result(timeout=_POLL)
        except FutureTimeoutError:
            if future.done():  # it ended just now, or its work raised TimeoutError itself
                return future.result()
