"""Signals that come where Python drops what is raised."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

PROGRAM = """
import ctypes, os, signal, sys, time
from audiochat.cli.signals import ending_on_signals

def come():
    os.kill(os.getpid(), getattr(signal, sys.argv[2]))
    time.sleep(0.01)

class Finalized:
    def __del__(self):
        come()

def called_from_c():
    ctypes.CFUNCTYPE(None)(come)()

with ending_on_signals():
    try:
        {"finalizer": Finalized, "callback": called_from_c}[sys.argv[1]]()
        time.sleep(20)
    except BaseException as exc:
        print("tidied up after", type(exc).__name__)
"""


@pytest.mark.parametrize(("name", "raised"), [("SIGINT", "KeyboardInterrupt"), ("SIGTERM", "Terminated")])
@pytest.mark.parametrize("where", ["finalizer", "callback"])
def test_a_signal_that_python_dropped_comes_again(where: str, name: str, raised: str) -> None:
    """The run ends in order: nothing that it was about to show is lost."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, where, name], capture_output=True, text=True, timeout=15, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"tidied up after {raised}\n", "")
