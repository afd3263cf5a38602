"""Signals of the one-shot command line: the first ends the run cleanly, a later one at once.

Only `__main__` uses this. A server, a job or a program around audiochat has handlers of its own, which stay.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from time import monotonic

TYPE_CHECKING = False  # importing `typing` takes longer than everything else here
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

SIGNALLED = 128
"""What shells add to the number of the signal that ended a process."""

_SAME_PRESS = 0.5
"""Seconds in which more signals count as one: `uv run` and `npm` pass on a Ctrl-C that the terminal sent us already."""

_AGAIN = 0.01
"""Seconds after which a signal that Python dropped comes again."""

_ENDING = ("SIGTERM", "SIGHUP")
"""Signals that end the process, where the system has them; at SIGHUP its terminal is gone."""

_SHOW_CURSOR = b"\x1b[?25h"
"""A spinner hides the cursor."""


class Terminated(SystemExit):
    """A signal ends the process. A SystemExit, which libraries let through."""


class Interrupts:
    """The signals that this run got."""

    def __init__(self) -> None:
        self.number: int | None = None
        """The signal that is ending the run."""
        self._first = 0.0

    def reset(self) -> None:
        """Take note that the run goes on: Ctrl-C stopped an answer, not the prompt."""
        self.number = None

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """End the run: with an exception at first, so that what it began is tidied up; at once after that."""
        if self.number is not None:
            if monotonic() - self._first > _SAME_PRESS:
                _end_at_once()
            return
        self.number, self._first = number, monotonic()
        if number == 2:  # SIGINT everywhere
            raise KeyboardInterrupt
        raise Terminated(SIGNALLED + number)


interrupts = Interrupts()
"""Of this process."""


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Let signals end the block; a signal that the parent process wants ignored (`nohup`, `&`) stays ignored."""
    import signal

    numbers = [getattr(signal, name) for name in ("SIGINT", *_ENDING) if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    hooks = sys.unraisablehook, sys.excepthook
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, interrupts.handle)
    # Python drops what is raised in a finalizer or in a callback from C, where a signal can come as well.
    sys.unraisablehook = lambda told: _send_again() if _ends(told.exc_type) else hooks[0](told)
    sys.excepthook = lambda kind, *rest: _send_again() if _ends(kind) else hooks[1](kind, *rest)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook, sys.excepthook = hooks


def _send_again() -> None:
    """Let the signal come once more, when what it fell into is over: so that the run still ends in order."""
    import signal
    import threading
    from _thread import interrupt_main

    number, interrupts.number = interrupts.number or signal.SIGINT, None
    here = threading.get_ident()  # the main thread, in which Python runs what handles signals

    def send() -> None:
        if signal.getsignal(number) != interrupts.handle:  # the run is over
            return
        if sys.platform == "win32":
            interrupt_main(number)
        else:  # ends a wait, too
            signal.pthread_kill(here, number)

    threading.Timer(_AGAIN, send).start()


def _end_at_once() -> None:
    if os.isatty(2):
        os.write(2, _SHOW_CURSOR)
    os._exit(SIGNALLED + (interrupts.number or 2))


def _ends(kind: Any) -> bool:
    return kind in (KeyboardInterrupt, Terminated)
