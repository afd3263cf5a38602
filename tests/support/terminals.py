"""Real terminals: a command line in one, and a person who types at its prompt."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

AUDIOCHAT = [sys.executable, "-m", "audiochat"]


def in_a_terminal(arguments: Sequence[str], **variables: str) -> tuple[int, str]:
    """Run with a terminal as stdin, stdout and stderr; exit code and what the terminal got."""
    import pty

    main, side = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "60", **variables}
    process = subprocess.Popen([*AUDIOCHAT, *arguments], stdin=side, stdout=side, stderr=side, env=env)
    os.close(side)
    return _end_of(process, main)


def in_a_terminal_of(columns: int, arguments: Sequence[str], *, stdout_too: bool) -> str:
    """What a dumb terminal of so many columns gets, its size told by itself alone.

    Args:
        columns: Of the terminal.
        arguments: Of the command.
        stdout_too: Whether stdout leads there, as stderr does.
    """
    import fcntl
    import pty
    import struct
    import termios

    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {**os.environ, "TERM": "dumb", "COLUMNS": ""}
    out = side if stdout_too else subprocess.DEVNULL
    process = subprocess.Popen([*AUDIOCHAT, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=side, env=env)
    os.close(side)
    return _end_of(process, main)[1].replace("\r\n", "\n")


def _end_of(process: subprocess.Popen[bytes], main: int) -> tuple[int, str]:
    """The exit code of a process, and what its terminal got."""
    seen = b""
    while True:
        try:
            block = os.read(main, 4096)
        except OSError:  # how Linux tells that the other side is closed
            break
        if not block:
            break
        seen += block
    os.close(main)
    return process.wait(timeout=30), seen.decode("utf-8", "replace")


class Typist:
    """Types into a program in a terminal, and waits for what is to be seen.

    Args:
        command: The program and its arguments.
        variables: Of its environment, besides the usual ones.
    """

    def __init__(self, command: Sequence[str], **variables: str) -> None:
        import pty

        self._main, side = pty.openpty()
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1", **variables}
        env["PROMPT_TOOLKIT_NO_CPR"] = "1"  # nobody here tells where the cursor is
        # Ctrl-C that is typed there is a signal only to a session whose terminal it is.
        start = (
            "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
        )
        command = [sys.executable, "-c", start, *command]
        self.process = subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env=env, start_new_session=True)
        os.close(side)
        os.set_blocking(self._main, False)
        self._seen = ""

    def see(self, text: str, *, within: float = 15.0) -> str:
        """Wait until `text` is on the screen, after what was seen before; everything up to it."""
        deadline = time.monotonic() + within
        while text not in self._seen:
            assert time.monotonic() < deadline, f"{text!r} did not come; seen: {self._seen!r}"
            self._read()
        before, _, self._seen = self._seen.partition(text)
        return before + text

    def type(self, text: str) -> None:
        """Type, Enter included unless the text is a control character."""
        self.keys(text if text in ("\x03", "\x04") else f"{text}\r")

    def keys(self, text: str) -> None:
        """Type just that."""
        os.write(self._main, text.encode())

    def leave(self) -> int:
        """The exit code, when the program has ended."""
        deadline = time.monotonic() + 10
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end; seen: {self._seen!r}"
            self._read()
        os.close(self._main)
        return self.process.returncode

    def close(self) -> None:
        """End the program, whatever it does."""
        self.process.kill()
        self.process.wait()
        os.close(self._main)

    def _read(self) -> None:
        try:
            block = os.read(self._main, 4096).decode("utf-8", "replace")
        except (BlockingIOError, OSError):
            time.sleep(0.01)
            return
        self._seen += re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>78]|\][^\x07]*\x07)", "", block)


class Person(Typist):
    """Sits at the prompt of `audiochat converse`."""

    def __init__(self, *arguments: str, **variables: str) -> None:
        super().__init__([*AUDIOCHAT, "converse", *arguments], **variables)
