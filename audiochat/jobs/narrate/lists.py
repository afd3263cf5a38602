"""The numbers of lists, which HTML leaves to the browser, and which are read aloud."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_LARGEST_ROMAN = 3999
_STYLE = re.compile(r"list-style(?:-type)?\s*:[^;]*?\b(none|disc|circle|square|decimal|(?:lower|upper)-\w+)")
_WITHOUT_NUMBERS = ("none", "disc", "circle", "square")
_KINDS = {
    "decimal": "1",
    "lower-alpha": "a",
    "lower-latin": "a",
    "upper-alpha": "A",
    "upper-latin": "A",
    "lower-roman": "i",
    "upper-roman": "I",
}
"""By the name of a style: the type of a list that looks the same."""


@dataclass(slots=True)
class _List:
    ordered: bool
    kind: str
    next: int
    step: int


@dataclass(slots=True)
class Numbering:
    """Counts the items of lists within lists."""

    _lists: list[_List] = field(default_factory=list)
    _markers: list[str] = field(default_factory=list)

    def begin(self, *, ordered: bool, attributes: Mapping[str, str | None], items: Any) -> None:
        """A list begins.

        Args:
            ordered: Whether its items have numbers.
            attributes: Of its element.
            items: The element: a reversed list counts its items first.
        """
        found = _STYLE.search((attributes.get("style") or "").lower())
        styled = None if found is None else found[1]
        shown = ordered and styled not in _WITHOUT_NUMBERS
        kind = _KINDS.get(styled or "", attributes.get("type") or "1")
        reversed_ = "reversed" in attributes
        count = sum(1 for item in items.iter() if item.tag == "li") if reversed_ else 1
        first = _integer(attributes.get("start"))
        self._lists.append(_List(shown, kind, count if first is None else first, -1 if reversed_ else 1))

    def end(self) -> None:
        """The list ends."""
        if self._lists:
            self._lists.pop()

    def item(self, attributes: Mapping[str, str | None]) -> None:
        """An item begins; its number is given to the first text in it."""
        if not self._lists or not self._lists[-1].ordered:
            return
        current = self._lists[-1]
        value = _integer(attributes.get("value"))
        number = current.next if value is None else value
        current.next = number + current.step
        self._markers.append(f"{numeral(number, current.kind)}. ")

    def end_item(self) -> None:
        """The item ends; if there was no text in it, there is no number to read."""
        self._markers.clear()

    def take_marker(self) -> str:
        """The numbers that belong before the text that comes now; once."""
        marker = "".join(self._markers)
        self._markers.clear()
        return marker


def numeral(number: int, kind: str) -> str:
    """A number as a list of that type writes it: `1`, `a`, `A`, `i` or `I`."""
    if kind in ("a", "A") and number > 0:
        letters = ""
        while number:
            number, rest = divmod(number - 1, 26)
            letters = chr(ord("a") + rest) + letters
        return letters if kind == "a" else letters.upper()
    if kind in ("i", "I") and 0 < number <= _LARGEST_ROMAN:
        roman = ""
        for value, letters in _ROMAN:
            times, number = divmod(number, value)
            roman += letters * times
        return roman if kind == "i" else roman.upper()
    return str(number)


def _integer(value: str | None) -> int | None:
    try:
        return None if value is None or len(value) > 9 else int(value)
    except ValueError:
        return None
