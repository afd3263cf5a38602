"""How text for people looks on a terminal: coloured where the terminal has colours, wrapped between words."""

from __future__ import annotations

import os
from typing import IO, Any

_STYLES = {"dim": "\x1b[2m", "red": "\x1b[31m"}
_END = "\x1b[0m"
_USUAL = 80


def has_colours() -> bool:
    """Whether terminals of this process have colours, and their user wants them."""
    return "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def columns(stream: IO[Any] | None) -> int:
    """Columns of the terminal that a stream leads to; stdout may lead elsewhere, or nowhere."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL if stream is not None else _USUAL
    except (OSError, ValueError):  # a test's stream has no descriptor
        return _USUAL


def styled(text: str, style: str | None) -> str:
    """A text in a style, dim or red, where there are colours."""
    return f"{_STYLES[style]}{text}{_END}" if style and text.strip() and has_colours() else text


def wrapped(text: str, width: int) -> str:
    """A text whose lines fit a terminal; a word that does not, an address for one, stays whole.

    Args:
        text: Without escape sequences.
        width: Columns of the terminal.
    """
    if len(text) < width and text.isascii():
        return text
    from rich.cells import cell_len

    lines = []
    for line in text.split("\n"):
        shown, used = "", 0
        for word in line.split(" "):
            cells = cell_len(word)
            if used and used + 1 + cells > width:
                lines.append(shown)
                shown, used = word, cells
            else:
                shown, used = (f"{shown} {word}", used + 1 + cells) if shown or used else (word, cells)
        lines.append(shown)
    return "\n".join(lines)
