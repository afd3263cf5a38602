"""Work in threads that nobody has to wait for at the end, as the interpreter waits for those of a pool."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def started(work: Callable[[], T], *, name: str, native: bool = False) -> Future[T]:
    """Begin `work` in a thread of its own; its result, or what it raised, is in the future.

    Args:
        work: What to do.
        name: Of the thread.
        native: Whether it runs in libraries that crash when the interpreter is taken down beneath them. An ordinary
            end of Python waits for it then; the program itself leaves without one.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as exc:  # noqa: BLE001 - carried over to who waits
            future.set_exception(exc)

    threading.Thread(target=run, name=f"audiochat-{name}", daemon=not native).start()
    return future


def result(future: Future[T]) -> T:
    """What came of it; Ctrl-C ends the wait, which on Windows it does only between two looks."""
    while True:
        try:
            return future.result(timeout=0.5)
        except FutureTimeoutError:
            if future.done():  # it has ended just now, or raised this itself
                return future.result()
