r"""Anybody's text, made fit for a terminal: whatever would do more than be seen is spelled out, as in `\x1b`.

Letters of every script stay, and so do the joiners, variation selectors and tags that belong to a letter or
an emoji; by themselves they are invisible, and hide what a name or a message says.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_HIGHEST = 8
"""Marks on one letter; no script has more, and a thousand would cover the lines above and below."""

_NEVER = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"  # what turns the direction of text
    "\u115f\u1160\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"  # what cannot be seen
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
    "\ud800-\udfff]"  # halves of characters
)
_INVISIBLE = "\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
# Joiners shape the letters of scripts beyond ASCII, and join emoji; selectors choose the look of what is before them.
_LONE_JOINER = f"(?<![^\x00-\x7f{_INVISIBLE}])[\u200c\u200d]"
_LONE_SELECTOR = f"(?<![^\\s\x00-\x1f\ufe00-\ufe0f{_INVISIBLE}])[\ufe00-\ufe0f]"
_LONE_VARIANT = "(?<![\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\U000e0100-\U000e01ef]"
_FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"  # of Scotland, say: it has tags

_HARMFUL = re.compile(f"({_FLAG})|{_NEVER}|{_LONE_JOINER}|{_LONE_SELECTOR}|{_LONE_VARIANT}")
_PILE = re.compile(rf"[^\w\s\x00-\x7f]{{{_HIGHEST + 1},}}")  # marks are no letters
_WEIGHTLESS = frozenset("\u200c\u200d") | frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))


def harmless(text: str, *, lines: bool = True) -> str:
    """Text that does nothing to a terminal: escape sequences and the like are spelled out.

    Args:
        text: Anybody's.
        lines: Whether it may have more than one line.
    """
    text = text.replace("\r\n", "\n") if lines else text.replace("\n", "\\n")
    return _spelled_out(text, lambda character: character.encode("unicode_escape").decode("ascii"))


def harmless_json(text: str) -> str:
    """The same for JSON, which stays JSON of the same meaning."""
    return _spelled_out(text, lambda character: json.dumps(character)[1:-1])


def _spelled_out(text: str, spell: Callable[[str], str]) -> str:
    if text.isascii() and text.isprintable():
        return text
    text = _HARMFUL.sub(lambda found: found[1] or spell(found[0]), text)
    return _PILE.sub(lambda found: _low(found[0], spell), text)


def _low(pile: str, spell: Callable[[str], str]) -> str:
    """The marks that letters can have, and the rest spelled out."""
    height = 0
    low = []
    for character in pile:
        weightless = character in _WEIGHTLESS or unicodedata.category(character).startswith("M")
        height = height + 1 if weightless else 0
        low.append(spell(character) if height > _HIGHEST else character)
    return "".join(low)
