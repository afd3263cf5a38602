"""Waiting for threads: Ctrl-C ends it, whatever the moment at which it comes."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

WAITING = """
import os, signal, sys, threading, time
from concurrent.futures import Future
from audiochat.background import wait_for

def interrupt():
    # In this thread: the one that waits is not woken, just as by a signal that comes right before it waits.
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
try:
    wait_for(Future(), timeout={timeout})
except KeyboardInterrupt:
    os._exit(130)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no thread can be sent a signal there")
@pytest.mark.parametrize("timeout", [None, 20])
def test_a_signal_that_comes_right_before_a_wait_ends_it(timeout: float | None) -> None:
    """Python only looks for it when the wait is over: no single wait may last."""
    started = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", WAITING.format(timeout=timeout)], timeout=30, check=False)
    assert ended.returncode == 130
    assert time.monotonic() - started < 10
