"""A process whose memory is measured."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BETWEEN = """
import os, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
with open(sys.argv[1], "w") as file:
    print(os.waitstatus_to_exitcode(status), used.ru_maxrss, file=file)
"""
"""A process between: a child begins with the peak of its parent's memory as its own, and pytest is large."""


@dataclass(frozen=True)
class Measured:
    """What a process did, and what it took."""

    code: int
    out: bytes
    err: str
    megabytes: float
    """Its memory at most, in millions of bytes; 0 where the system does not tell (Windows)."""


def measured(arguments: Sequence[str], *, stdin: bytes | IO[bytes] = b"", timeout: float = 300) -> Measured:
    """Run this Python with these arguments."""
    command = [sys.executable, *arguments]
    with TemporaryDirectory() as folder, ExitStack() as opened:
        told, given = Path(folder) / "told", Path(folder) / "given"
        if isinstance(stdin, bytes):
            given.write_bytes(stdin)
            stdin = opened.enter_context(given.open("rb"))
        if sys.platform != "win32":
            command = [sys.executable, "-S", "-c", _BETWEEN, str(told), *command]
        done = subprocess.run(command, stdin=stdin, capture_output=True, check=False, timeout=timeout)
        code, peak = map(int, told.read_text().split()) if told.exists() else (done.returncode, 0)
    megabytes = peak * (1 if sys.platform == "darwin" else 1024) / 1_000_000
    return Measured(code, done.stdout, done.stderr.decode("utf-8", "replace"), megabytes)
