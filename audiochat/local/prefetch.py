"""One thing made while another is used: the next sentence is written while one is spoken."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

T = TypeVar("T")

_PATIENCE = 1.0
"""Seconds to wait for what is under way when it is no longer wanted: a large model reads a prompt in one go."""


@contextlib.contextmanager
def written_ahead(items: Generator[T, None, None]) -> Iterator[Iterator[T]]:
    """Let `items` be made in a thread of their own; leaving the block ends them."""
    ready: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()
    abandoned = threading.Event()

    def make() -> None:
        try:
            with contextlib.closing(items):  # the model is locked until its generator is closed
                for item in items:
                    ready.put((item, None))
                    if abandoned.is_set():
                        return
        except BaseException as exc:  # noqa: BLE001 - carried over to the thread that waits
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
        abandoned.set()
        maker.join(_PATIENCE)
