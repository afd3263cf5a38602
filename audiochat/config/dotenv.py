"""Read a file of settings: `.env` in UTF-8 or UTF-16, a file or a named pipe."""

from __future__ import annotations

import codecs
import io
import os
import re
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audiochat.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LARGEST = 100_000
"""Bytes of a file of settings; one that came with a repository may have no end."""

PIPE_PATIENCE = 10.0
"""Seconds to wait for what writes to a named pipe: a password manager may ask its user first."""

_LOOK = 4
"""Characters at the start by which UTF-16 without a mark is known: every second one is zero."""
_POLL = 0.02
_SET = re.compile(
    r"(?:-\s+)?(?:(?i:setx|set|env|arg|declare|typeset)\s+(?:-\w+\s+)*|(?i:\$env:))?"
    r"[\"']?([A-Z][A-Z0-9]*_[A-Z0-9_]+)[\"']?(?:\s*[=:]\s*|\s+)(\S.*?)[,;]?"
)
"""A variable that is set in cmd, PowerShell, fish, a Dockerfile, JSON or YAML."""
_CALLED = re.compile(r"SetEnvironmentVariable\(\s*[\"'](\w+)[\"']\s*,\s*[\"']([^\"']*)[\"']", re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"))


def is_there(path: Path, *, named: bool = False) -> bool:
    """Whether there is something to read: a file or a named pipe; of any kind but a folder, where the user names it."""
    try:
        mode = path.stat().st_mode
    except OSError:  # nothing, or a folder that may not be entered
        return _is_broken_link(path)
    return not stat.S_ISDIR(mode) if named else stat.S_ISREG(mode) or stat.S_ISFIFO(mode)


def _is_broken_link(path: Path) -> bool:
    """Whether there is a link that leads nowhere: settings were meant to be there."""
    try:
        return path.is_symlink()
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class DotenvFile:
    """What a file of settings says."""

    values: Mapping[str, str]
    notice: str | None = None
    """What a person should know about it."""


def read_dotenv(path: Path) -> DotenvFile:
    """Read a file of settings.

    Variables in values (`${OTHER}`) are not filled in: a file that came with a repository could send the user's key
    along in its endpoint.

    Raises:
        FileError: it cannot be read, is too large, or is no text.
    """
    from dotenv.parser import parse_stream

    try:
        data = _read_pipe(path) if stat.S_ISFIFO(path.stat().st_mode) else _read_file(path)
        if len(data) > LARGEST:
            raise FileError(f"{path} is too large to be settings.", hint=f"At most {LARGEST} bytes are read.")
        text = _decoded(data)
    except (OSError, UnicodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        raise FileError(f"{path}: the settings in it cannot be read ({why}).", hint="See .env.example.") from exc
    values: dict[str, str] = {}
    wrong = None
    for binding in parse_stream(io.StringIO(text)):
        plain = binding.key is not None and not binding.error and not binding.key.startswith("$")
        name, value = (binding.key, binding.value) if plain else _spelled_otherwise(binding.original.string)
        if name and value:
            values[name] = value
        elif binding.error and wrong is None:
            wrong = binding.original.line
    notice = None if wrong is None else f"{path}: line {wrong} is no setting; such lines are left out."
    return DotenvFile(values, notice)


def _spelled_otherwise(line: str) -> tuple[str | None, str | None]:
    """The name and the value of a line that sets a variable in another shell, or in JSON or YAML.

    Quickstarts show such lines, and people paste them: `setx NAME "value"`, `$env:NAME = "value"`, `NAME: value`.
    """
    found = _CALLED.search(line) or _SET.fullmatch(line.strip())
    if found is None:
        return None, None
    value = re.sub(r"\s+(#.*|/[mM])$", "", found[2]).strip()
    if value[:1] in ("'", '"') and value.count(value[0]) == 1:  # the closing quote was not copied
        value = value[1:]
    return found[1], value


def _decoded(data: bytes) -> str:
    """The text of a file, in UTF-8 or in UTF-16 with a mark.

    Raises:
        UnicodeError: it is in another encoding, or no text.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as exc:
        raise UnicodeError(f"it is not {encoding.upper()}; save it as UTF-8") from exc
    if "\0\0" in (text[:_LOOK:2], text[1:_LOOK:2]):
        raise UnicodeError("it is in UTF-16 without a mark, or no text; save it as UTF-8")
    return text


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _read_pipe(path: Path) -> bytes:
    """All that is written to a named pipe.

    Raises:
        OSError: nobody writes to it in time.
    """
    data = b""
    deadline = time.monotonic() + PIPE_PATIENCE
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        while len(data) <= LARGEST:
            try:
                block = os.read(descriptor, LARGEST)
            except BlockingIOError:  # its writer has more to say
                block = None
            if block:
                data += block
            elif block is not None and data:
                break
            elif time.monotonic() > deadline:
                raise OSError(0, "it is a pipe, and nothing writes to it")
            else:
                time.sleep(_POLL)
    finally:
        os.close(descriptor)
    return data
