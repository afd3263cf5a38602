"""The command line as tests run it, in this process or in one of its own."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

REAL_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or platformdirs.user_cache_path())
CANARY = "sk-canary-4f1d9c2b7e"
"""A key that must never be seen again."""


@dataclass(frozen=True)
class Ran:
    """What a command line did."""

    code: int
    out: bytes
    err: str

    def __post_init__(self) -> None:
        for stream in (self.out.decode("utf-8", "replace"), self.err):
            assert CANARY not in stream
            assert "Traceback" not in stream
            assert "A bug in audiochat" not in stream


class CommandLine(Protocol):
    """Runs audiochat."""

    def __call__(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ran:
        """Run it with these arguments; stdin is a pipe, and so are stdout and stderr."""


class _Pipe(io.TextIOWrapper):
    terminal = False

    def isatty(self) -> bool:
        return self.terminal


class _Terminal(_Pipe):
    terminal = True


def in_process(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> CommandLine:
    """The command line in this process; `terminal` makes stdout one."""

    def run(*arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ran:
        from audiochat.__main__ import run as run_audiochat

        streams = {"stdin": io.BytesIO(stdin), "stdout": io.BytesIO(), "stderr": io.BytesIO()}
        with monkeypatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            for name, raw in streams.items():
                kind = _Terminal if terminal and name == "stdout" else _Pipe
                patch.setattr(sys, name, kind(raw, encoding="utf-8", errors="backslashreplace", write_through=True))
            code = run_audiochat(list(arguments))
            return Ran(code, streams["stdout"].getvalue(), streams["stderr"].getvalue().decode())

    return run
