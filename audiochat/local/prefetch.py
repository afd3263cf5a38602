"""Items made ahead in a thread of their own: the next sentence is written while one is spoken."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType

    from typing_extensions import Self

    from audiochat.local.stopping import StopSignal

T = TypeVar("T")

_POLL = 0.05
"""Seconds between two looks at whether the items are still wanted."""
_PATIENCE = 1.0
"""Seconds to wait for the step that is under way when the items are no longer wanted."""


class Prefetch(Generic[T]):
    """Makes the items of a generator ahead of their taker, who may be slow or go away.

    Closing it before its end stops the work. So does dropping it: the thread keeps no reference to it.

    Args:
        items: The generator; it is closed in the thread that runs it.
        stop: Set when the items are no longer wanted, by whomever.
        name: Of the thread, for debuggers.
    """

    def __init__(self, items: Generator[T, None, None], stop: StopSignal, *, name: str) -> None:
        self._stop = stop
        self._ended = False
        self._first: _Made[T] | None = None
        self._ready: queue.SimpleQueue[_Made[T]] = queue.SimpleQueue()
        # Not a daemon: Python must not be taken down beneath native code. It ends soon after `stop` is set.
        self._maker = threading.Thread(
            target=_make, args=(items, stop, self._ready), name=f"audiochat-{name}", daemon=False
        )
        self._maker.start()

    def __iter__(self) -> Self:
        return self

    def wait(self) -> None:
        """Wait for the first item, which is given all the same.

        Raises:
            CancelledError: the items are no longer wanted.
            Exception: what the generator raised instead.
        """
        made = self._take()
        if made.failure is not None:
            raise made.failure
        self._first = made

    def __next__(self) -> T:
        """The next item.

        Raises:
            CancelledError: the items are no longer wanted.
            Exception: what the generator raised.
        """
        made, self._first = self._first or self._take(), None
        if made.failure is not None:
            raise made.failure
        if made.ended:
            raise StopIteration
        return made.item[0]

    def ready(self) -> Iterator[T]:
        """The items that are there by now, without waiting for more."""
        while self._first is None and not self._ended:
            try:
                made = self._ready.get_nowait()
            except queue.Empty:
                return
            if made.ended or made.failure is not None:
                self._ended = True
                self._ready.put(made)  # for the next call
                return
            yield made.item[0]

    def _take(self) -> _Made[T]:
        while True:
            try:
                made = self._ready.get(timeout=_POLL)
            except queue.Empty:
                self._stop.check()  # the step that is under way may take longer than anybody wants to wait
                continue
            if made.ended or made.failure is not None:
                self._ended = True
                self._ready.put(made)  # for those who ask again
            return made

    def close(self) -> None:
        """Stop the work unless it is done, and wait a moment for it."""
        if not self._ended:
            self._stop.set()
        if self._maker is not threading.current_thread():
            self._maker.join(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not self._ended:
            self._stop.set()


class _Made(Generic[T]):
    """What the thread hands over: an item, a failure, or the end."""

    __slots__ = ("ended", "failure", "item")

    def __init__(self, *item: T, failure: BaseException | None = None, ended: bool = False) -> None:
        self.item, self.failure, self.ended = item, failure, ended


def _make(items: Generator[T, None, None], stop: StopSignal, ready: queue.SimpleQueue[_Made[T]]) -> None:
    try:
        with contextlib.closing(items):
            for item in items:
                ready.put(_Made(item))
                stop.check()
    except BaseException as exc:  # noqa: BLE001 - raised again in the thread that takes the items
        ready.put(_Made(failure=exc))
    else:
        ready.put(_Made(ended=True))
