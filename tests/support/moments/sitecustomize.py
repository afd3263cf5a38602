"""Sends this process signals at exact instants: as soon as Python is about to do something.

Environment: MOMENTS are such instants, `;` between them, each an audit event and a part of what it is about
("import openai", "os.rename .part"), or "thread" and a part of the name of one that is started; one signal is sent at
each, in this order. SIGNALS are their numbers, the last one for all that are left.
"""

from __future__ import annotations

import os
import sys
import threading

_moments = [moment.partition(" ") for moment in os.environ["MOMENTS"].split(";")]
_numbers = [int(number) for number in os.environ["SIGNALS"].split(",")]


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if not _moments or event != _moments[0][0]:
        return
    about = _moments[0][2]
    if arguments[0] == about if event == "import" else any(about in str(argument) for argument in arguments[:2]):
        del _moments[0]
        number = _numbers[0] if len(_numbers) == 1 else _numbers.pop(0)
        os.kill(os.getpid(), number)


def _start(thread: threading.Thread) -> None:
    _hear("thread", (thread.name,))
    _begin(thread)


_begin = threading.Thread.start
threading.Thread.start = _start  # type: ignore[assignment]  # audit hooks are not told of it by all versions of Python
sys.addaudithook(_hear)
