"""A transcript on a terminal, word by word, wrapped at the terminal's width."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audiochat.cli.sanitize import escape_control_chars

if TYPE_CHECKING:
    from rich.console import Console

_LONGEST_WORD = 80
"""Characters of what is shown although no space has come."""
_UNSPACED = re.compile(".*[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff]", re.DOTALL)
"""Text up to its last character of a script that is written without spaces, which a selector may still follow."""


class LiveText:
    """Shows a transcript while it comes; nothing where `console` is None."""

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._column = 0
        self._pending = ""
        self.begun = False
        """Whether some of it was shown."""

    def add(self, text: str) -> None:
        """Show more of it; a word is shown when it is known to have ended."""
        if self._console is None:
            return
        self.begun = self.begun or bool(text)
        self._pending += text
        *whole, self._pending = re.split(r"(?<=\s)(?=\S)", self._pending)
        if (last := _UNSPACED.match(self._pending)) or len(self._pending) > _LONGEST_WORD:
            end = last.end() - 1 if last else len(self._pending)
            whole, self._pending = [*whole, self._pending[:end]], self._pending[end:]
        for word in whole:
            self._show(word)

    def end(self) -> None:
        """Show the rest, and end the line."""
        if self._console is None:
            return
        self._show(self._pending)
        if self._column:
            self._print("\n")
        self._pending, self._column = "", 0

    def _show(self, word: str) -> None:
        from rich.cells import cell_len

        word = escape_control_chars(word)  # as a whole: a sequence may have come in pieces
        width = 0 if self._console is None else self._console.width
        if self._column and self._column + cell_len(word.rstrip()) > width:
            self._print("\n")
            self._column = 0
        self._print(word)
        self._column = 0 if word.endswith("\n") else self._column + cell_len(word)

    def _print(self, text: str) -> None:
        if self._console is None:
            return
        try:
            self._console.print(text, end="", markup=False, highlight=False, emoji=False, soft_wrap=True)
        except OSError:  # the terminal has gone, and the sound may have a file
            self._console = None
