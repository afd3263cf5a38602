"""A text that is to be summed up, and the words that ask for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from audiochat.local.questions import Wish

_LEAST = 8
"""Words that a text has at least; fewer belong to the question."""


@dataclass(frozen=True, slots=True)
class TextToSumUp:
    """A request to sum up a text."""

    request: str
    material: str


def split_text(text: str) -> TextToSumUp | None:
    """Take a request to sum something up apart; None where it is no such request, or nothing is given with it."""
    for pattern in (r"(?P<request>[^\n:]{1,200}):\s+(?P<material>.+)", r"(?P<request>[^\n]{1,200})\n+(?P<material>.+)"):
        found = re.match(pattern, text.strip(), re.DOTALL)
        if found and _asks(found["request"]) and len(found["material"].split()) >= _LEAST:
            return TextToSumUp(found["request"], found["material"])
    found = re.match(r"(?P<material>.+)(?:\n+|(?<=[.!?])\s+)(?P<request>[^\n]{1,200})$", text.strip(), re.DOTALL)
    if found and _asks(found["request"]) and len(found["material"].split()) >= _LEAST:
        return TextToSumUp(found["request"], found["material"])
    return None


def _asks(request: str) -> bool:
    return Wish.SUMMARY.value.search(request.lower()) is not None
