"""How a run ends that somebody wants to end: by Ctrl-C or a signal, at any moment, and tidily.

A signal raises an exception where the program stands; what it has begun is tidied up on the way out, which a second
signal does not disturb, unless it comes from somebody who has waited.
"""

from __future__ import annotations

import os
import sys
from time import monotonic, sleep

TYPE_CHECKING = False  # typing's own takes longer to import than this
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, NoReturn

GRACE = 1.0
"""Seconds that the program may stand in somebody's C code, such as a name's look-up, before it is ended anyhow."""

_IMPATIENCE = 1.0
"""Seconds after which a second signal means that the tidying up takes too long."""

_AGAIN = 0.01
_NUDGE = 0.05
_ENDS = ("SIGTERM", "SIGHUP")
"""Signals that end the process, where the system has them; with SIGHUP its terminal has gone."""


class Terminated(SystemExit):
    """Somebody wants the process to end; libraries leave it alone as they do the interpreter's own end."""


class _State:
    heeding = False
    number: int | None = None
    """The signal that ends this run."""
    heard = 0.0
    """When the last signal was heard, in Python."""
    over = False
    main = 0
    """The main thread."""
    wakeup: int | None = None
    """Where Python notes the number of a signal at once, wherever the program stands."""


def heed() -> None:
    """End on signals from now on, in the main thread."""
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell can want a job to ignore it
        signal.signal(signal.SIGINT, _end)
    for number in (getattr(signal, name) for name in _ENDS if hasattr(signal, name)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # which nohup wants to last
            signal.signal(number, _end)
    sys.unraisablehook, sys.excepthook = _lost, _shown
    _State.heeding = True
    if sys.platform != "win32":
        import _thread

        _State.main = _thread.get_ident()
        reader, _State.wakeup = os.pipe()
        os.set_blocking(_State.wakeup, False)
        signal.set_wakeup_fd(_State.wakeup, warn_on_full_buffer=False)
        _thread.start_new_thread(_watch, (reader,))


def number() -> int | None:
    """The signal that ends this run."""
    return _State.number


def go_on() -> None:
    """Whoever has interrupted has only stopped something, and may do so again."""
    if not _State.heeding:
        return
    import signal

    _State.number = None
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    if _State.wakeup is not None:  # a loop of its own, such as a prompt's, takes it away
        signal.set_wakeup_fd(_State.wakeup, warn_on_full_buffer=False)


def over() -> None:
    """The run has ended by itself: signals change nothing any more."""
    _State.over = True


def leave(code: int) -> NoReturn:
    """End the process, and what it has started: to take the interpreter down would take a while longer."""
    try:
        if code:
            _end_processes()
    finally:
        os._exit(code)


def _end(number: int, _frame: FrameType | None) -> None:
    before, _State.heard = _State.heard, monotonic()
    if _State.over:
        return
    if _State.number is not None:
        if _State.heard - before > _IMPATIENCE:
            leave(128 + _State.number)
        return
    _State.number = number
    if number == 2:  # SIGINT everywhere
        raise KeyboardInterrupt
    raise Terminated(128 + number)


def _lost(told: Any) -> None:
    """Python drops what is raised in a finalizer, where a signal can come as well: let it come again."""
    if told.exc_type not in (KeyboardInterrupt, Terminated):
        sys.__unraisablehook__(told)
        return
    import _thread

    number, _State.number = _State.number, None
    if number is not None:
        _thread.start_new_thread(_come_again, (number,))


def _shown(kind: type[BaseException], *rest: Any) -> None:
    """Libraries in C show what they are about to drop."""
    if kind is not KeyboardInterrupt:
        sys.__excepthook__(kind, *rest)


def _come_again(number: int) -> None:
    sleep(_AGAIN)
    if sys.platform == "win32":  # where os.kill ends a process at once
        import signal

        signal.raise_signal(number)
    else:
        os.kill(os.getpid(), number)


def _watch(reader: int) -> None:
    """End the process where the main thread does not come back to Python to hear a signal."""
    ends = {getattr(sys.modules["signal"], name) for name in ("SIGINT", *_ENDS)}
    while True:
        for number in ends.intersection(os.read(reader, 64)):
            if not _heard(number):
                if os.isatty(2):
                    os.write(2, b"\x1b[?25h")  # a spinner hides the cursor
                leave(128 + number)


def _heard(number: int) -> bool:
    """Whether the main thread hears a signal that has just come."""
    import signal

    told = monotonic()
    while _State.heard < told - _IMPATIENCE:
        if monotonic() > told + GRACE:
            return False
        sleep(_NUDGE)
        if _State.heard < told - _IMPATIENCE:  # another thread got it, while the main one waits for a lock
            signal.pthread_kill(_State.main, number)
    return True


def _end_processes() -> None:
    """End programs that a thread of ours waits for, such as `az`, and theirs: nobody hears them any more."""
    subprocess = sys.modules.get("subprocess")
    if subprocess is None:
        return
    import gc

    gc.unfreeze()  # where `audiochat.transport.sdk_imports` has put everything
    for found in gc.get_objects():
        if type(found) is subprocess.Popen and found.pid and found.returncode is None:
            for descendant in _descendants(found.pid):
                _terminate(descendant)
            _terminate(found.pid)


def _descendants(pid: int) -> list[int]:
    """The processes that a process has started, where the system tells."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:  # noqa: PTH123 - pathlib would be an import
            children = [int(child) for child in file.read().split()]
    except OSError:
        return []
    return [each for child in children for each in (*_descendants(child), child)]


def _terminate(pid: int) -> None:
    try:
        os.kill(pid, 15)  # SIGTERM; on Windows any number ends it
    except OSError:  # it has just ended
        return
