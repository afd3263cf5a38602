"""Where what stands beside a word is not a part of it: a note's number, a power, a button."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

APART = {"option", "optgroup", "select", "button", "textarea", "label", "text", "title", "desc"}
"""Elements that no browser writes on a line with their neighbours as one word; the last three are those of SVG."""

_NUMBER = re.compile(r"\W{0,2}\d+\W{0,2}")
_MARK = re.compile(r"[\[({]?\s*(\d{1,4}|[*†‡§¶#]+)\s*[\])}]?|[\[({]\s*\w\s*[\])}]")
_POWER = re.compile(r"((?<![\d.,])\d{1,3}|\b[^\W\d_])\Z")
"""What is raised to a power: hardly a year, which has a note."""


@dataclass(frozen=True, slots=True)
class Joint:
    """How an element hangs together with what stands around it."""

    node: Any
    apart: bool
    """Whether words end before it and after it."""
    sign: str = ""
    """What stands between it and what is before it."""


def joint_of(name: str, node: Any, reference: Collection[str], before: str) -> Joint | None:
    """How an element hangs together with what stands around it; None where it is like any other text.

    Args:
        name: Of the element.
        node: The element.
        reference: What marks it as a reference to a note, if anything does.
        before: The end of the text before it.
    """
    if name in APART or reference:
        return Joint(node, apart=True)
    if name == "a" and node.attributes.get("href") and _MARK.fullmatch(node.text().strip()):
        return Joint(node, apart=True)
    if name != "sup" or _NUMBER.fullmatch(text := node.text().strip()) is None:
        return None
    # `10<sup>6</sup>` is a power, and no hundred and six; `word<sup>6</sup>` is a note.
    is_note = node.css_first("a") is not None or node.parent is None or node.parent.tag == "a" or not text[-1].isdigit()
    if not is_note and _POWER.search(before):
        return Joint(node, apart=False, sign="^")
    return Joint(node, apart=True)


def is_parted(before: str, after: str) -> bool:
    """Whether a space belongs between two characters of which each ends or begins a word."""
    return (before.isalnum() or before in ".,;:!?…)]}”’»\"'*†‡") and (after.isalnum() or after in "[({“‘«*†‡§")
