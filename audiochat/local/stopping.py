"""Whether an answer is still wanted, for everything that works on it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from audiochat.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class StopSignal:
    """Set when an answer is no longer wanted; those who work on it look at it between two steps.

    Args:
        cancelled: An event of the caller's that stops the work too. It is looked at, never set.
    """

    def __init__(self, cancelled: threading.Event | None = None) -> None:
        self._cancelled = cancelled
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._interrupts: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        """Whether to stop."""
        if self._cancelled is not None and self._cancelled.is_set():
            self.set()
        return self._stopped.is_set()

    def set(self) -> None:
        """Stop the work, what runs in native code too."""
        with self._lock:
            if not self._stopped.is_set():
                self._stopped.set()
                for interrupt in self._interrupts:
                    interrupt()

    def check(self) -> None:
        """Go on only where the answer is still wanted.

        Raises:
            CancelledError: it is not.
        """
        if self.is_set():
            raise CancelledError("The request was cancelled.", code="cancelled")

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Call `interrupt` when the signal is set while the block lasts, and never after it.

        Args:
            interrupt: Makes native code or another process give up; called from any thread, at once where the signal
                is set already.
        """
        with self._lock:
            self._interrupts.append(interrupt)
            if self._stopped.is_set():
                interrupt()
        try:
            yield
        finally:
            with self._lock:
                self._interrupts.remove(interrupt)
