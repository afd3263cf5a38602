"""Make the next item while the last one is used: a sentence is written while the one before it is spoken."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

T = TypeVar("T")

_PATIENCE = 1.0
"""Seconds to wait, when the items are no longer wanted, for the one that is being made."""


@contextlib.contextmanager
def prefetch(items: Generator[T, None, None], stop: threading.Event) -> Iterator[Iterator[T]]:
    """Make items in a thread of their own, for as long as the block lasts.

    Args:
        items: What makes them.
        stop: Set when the block ends, also by an exception: what makes the items should look at it.
    """
    ready: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def make() -> None:
        try:
            with contextlib.closing(items):  # a model stays locked until its generator is closed
                for item in items:
                    ready.put((item, None))
                    if stop.is_set():
                        return
        except BaseException as exc:  # noqa: BLE001 - passed on to the thread that waits
            ready.put((None, exc))
        else:
            ready.put((None, None))

    def take() -> Iterator[T]:
        while True:
            item, failure = ready.get()
            if failure is not None:
                raise failure
            if item is None:
                return
            yield item

    maker = threading.Thread(target=make, name="audiochat-writing", daemon=True)
    maker.start()
    try:
        yield take()
    finally:
        stop.set()
        maker.join(_PATIENCE)
