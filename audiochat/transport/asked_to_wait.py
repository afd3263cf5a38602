"""How long a service asks to be left alone: in a header, or in its words."""

from __future__ import annotations

import email.utils
import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADERS = (
    ("retry-after-ms", 0.001),
    ("x-ms-retry-after-ms", 0.001),
    ("retry-after", 1.0),
    ("x-retry-after", 1.0),
)
"""Headers that hold a number, and the seconds of one; the most exact first."""

_RESETS = ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-reset", "ratelimit-reset")
"""When a limit counts anew: seconds, `1s`, `6m0s`, `20ms`, or a moment in seconds or milliseconds since 1970."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(?:[0-9.]+(?:ms|[smhd]))+")
_PART = re.compile(r"([0-9.]+)(ms|[smhd])")
_WORDS = re.compile(
    r"(?:retry|try(?:ing)?|again|wait)\D{0,40}?(?:after|in|for)?\s*"
    r"([0-9]+(?:\.[0-9]+)?)\s*(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|h|days?)\b",
    re.IGNORECASE,
)
_THIS_CENTURY = 1e9
"""A number of seconds that is a moment, not a wait."""


def asked_to_wait(headers: Mapping[str, str], message: str = "") -> float | None:
    """Seconds that a service asks to be left alone; None where it does not say.

    Args:
        headers: Of its answer.
        message: Its words: "Please retry after 3 seconds".
    """
    for header, unit in _HEADERS:
        value = headers.get(header, "").strip()
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
            return float(value) * unit
    date = _until_date(headers.get("retry-after", ""))
    if date is not None:
        return date
    found = _WORDS.search(message)
    if found:
        return float(found[1]) * _unit(found[2])
    resets = [seconds for name in _RESETS if (seconds := _reset(headers.get(name, "").strip())) is not None]
    return max(resets) if resets else None


def _until_date(date: str) -> float | None:
    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _reset(value: str) -> float | None:
    """Seconds until a limit counts anew."""
    if _DURATION.fullmatch(value):
        try:
            return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
        except ValueError:
            return None
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return None
    number = float(value)
    if number > _THIS_CENTURY * 1000:
        number /= 1000
    return max(0.0, number - time.time()) if number > _THIS_CENTURY else number


def _unit(word: str) -> float:
    word = word.lower()
    if word.startswith("milli") or word == "ms":
        return _UNITS["ms"]
    return _UNITS[word[0]]
