r"""Text from anywhere made fit for a terminal: control characters are spelled out, as in `\x1b`.

Letters of every script stay, and so do the joiners, variation selectors and tags that belong to a letter or an emoji.
By themselves these are invisible, and could hide what a name or a message says.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ALWAYS = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"  # changes of the direction of text
    "\u115f\u1160\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"  # invisible
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
    "\ud800-\udfff]"  # surrogates
)
_INVISIBLE = "\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
# Joiners shape the letters of scripts beyond ASCII, and join emoji; selectors choose the look of what is before them.
_LONE_JOINER = f"(?<![^\x00-\x7f{_INVISIBLE}])[\u200c\u200d]"
_LONE_SELECTOR = f"(?<![^\\s\x00-\x1f\ufe00-\ufe0f{_INVISIBLE}])[\ufe00-\ufe0f]"
_LONE_VARIANT = "(?<![\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\U000e0100-\U000e01ef]"
_FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"  # of Scotland, say: made of tags

_CONTROL = re.compile(f"({_FLAG})|{_ALWAYS}|{_LONE_JOINER}|{_LONE_SELECTOR}|{_LONE_VARIANT}")


def escape_control_chars(text: str, *, lines: bool = True) -> str:
    r"""Text that does nothing to a terminal but show.

    Args:
        text: From anywhere.
        lines: Whether it may have more than one line; otherwise newlines become `\n`.
    """
    text = text.replace("\r\n", "\n") if lines else text.replace("\n", "\\n")
    return _escape(text, lambda character: character.encode("unicode_escape").decode("ascii"))


def escape_json(text: str) -> str:
    """The same for JSON, which stays JSON of the same meaning."""
    return _escape(text, lambda character: json.dumps(character)[1:-1])


def _escape(text: str, spell: Callable[[str], str]) -> str:
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub(lambda found: found[1] or spell(found[0]), text)
