"""Memory of a process with many threads."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

_M_ARENA_MAX = -8
_ARENAS = 2


def share_heaps() -> None:
    """Let all threads of this process share two heaps, where the C library is glibc.

    It gives each of them one of its own, which keeps what pieces of sound once needed: of 16 threads that narrate,
    284 MB in place of 133 MB.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
