"""How long a service asks to be left alone: in a header, in its body, or in its words."""

from __future__ import annotations

import datetime as dt
import email.utils
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADERS = (
    ("retry-after-ms", 0.001),
    ("x-ms-retry-after-ms", 0.001),
    ("retry-after", 1.0),
    ("x-retry-after", 1.0),
    ("retry-after-seconds", 1.0),
    ("x-ratelimit-reset-after", 1.0),
)
"""Headers that hold a number, and the seconds of one; the most exact first."""

_FIELDS = {
    "retry_after_ms": 0.001,
    "retryAfterMs": 0.001,
    "retry_after": 1.0,
    "retryAfter": 1.0,
    "retry_after_seconds": 1.0,
    "retryDelay": 1.0,
    "estimated_time": 1.0,
}
"""Fields of a body that hold a number or a duration (Google: `retryDelay: "34s"`)."""

_LIMITS = ("requests", "tokens", "input-tokens", "output-tokens", "")
"""What `x-ratelimit-reset-…` and `x-ratelimit-remaining-…` count; the last is `x-ratelimit-reset`."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = re.compile(
    r"([0-9]+(?:\.[0-9]+)?)\s*(milliseconds?|ms|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|[smhd])"
    r"(?![a-z])[\s,]*(?:and\s+)?",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(?:([0-9]+)\.)?([0-9]{1,2}):([0-9]{2}):([0-9]{2})\b")
"""`00:30:00`, and `1.00:30:00` with days, as API Management says it."""
_ASKS = re.compile(
    r"(?:retry|try(?:ing)?(?: it)? again|again|wait|replenished|resets?|available)\b[^0-9\n]{0,40}", re.IGNORECASE
)
_BARE = re.compile(r"retry[- ]after\W{0,3}([0-9]+(?:\.[0-9]+)?)(?![\w:.-]*[\w:-])", re.IGNORECASE)
"""Seconds without their unit: `Retry-After: 3`."""
_RATELIMIT = re.compile(r"\b(?:reset|t)\s*=\s*([0-9]+)\b")
"""What the RateLimit header says, in the drafts of its standard: `limit=100, remaining=0, reset=30`, `"x";r=0;t=30`."""
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?\s?(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2})?"
)
_ISO_DURATION = re.compile(r"PT(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?", re.IGNORECASE)
_CHINESE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(秒|分)钟?[之以]?后")
"""`请在 2 秒后重试`, as Alibaba's, Zhipu's and others' services say it."""
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_THIS_CENTURY = 1e9
"""A number of seconds that is a moment, not a wait."""
_DEEPEST = 6


def asked_to_wait(
    headers: Mapping[str, str], message: str = "", *, body: object = None, limited: bool = True
) -> float | None:
    """Seconds that a service asks to be left alone; None where it does not say.

    Args:
        headers: Of its answer.
        message: Its words: "Please retry after 3 seconds".
        body: Its body's JSON.
        limited: Whether a limit was met. Services tell their limits with every answer, also with one that failed for
            another reason.
    """
    for header, unit in _HEADERS:
        told = _seconds(headers.get(header))
        if told is not None:
            return told * unit
    date = _until_date(headers.get("retry-after", ""))
    if date is not None:
        return date
    told = next(_in_body(body, 0), None)
    if told is not None:
        return told
    told = _in_words(message)
    return told if told is not None or not limited else _until_limits_reset(headers, body)


def _until_date(date: str) -> float | None:
    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _in_body(value: object, depth: int) -> Iterator[float]:
    """The waits that a body names, in whatever depth."""
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for name, unit in _FIELDS.items():
            told = _seconds(value.get(name))
            if told is not None:
                yield told * unit
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _in_body(inner, depth + 1)


def _in_words(message: str) -> float | None:
    """The wait that words name: `in 1h 2m`, `after 3 seconds`, `in 00:30:00`."""
    for asks in _ASKS.finditer(message):
        clock = _CLOCK.match(message, asks.end())
        if clock:
            days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds
        moment = _MOMENT.match(message, asks.end())
        if moment:
            return _until(moment[0])
        told = _duration(message, asks.end())
        if told is not None:
            return told
    chinese = _CHINESE.search(message)
    if chinese:
        return float(chinese[1]) * (60.0 if chinese[2] == "分" else 1.0)
    bare = _BARE.search(message)
    return float(bare[1]) if bare else None


def _duration(text: str, start: int = 0) -> float | None:
    """The seconds of `6m0s`, `1.5s`, `2 minutes and 3 seconds` at a place in a text."""
    total, position = 0.0, start
    while part := _PART.match(text, position):
        total += float(part[1]) * _unit(part[2])
        position = part.end()
    return total if position > start else None


def _iso_duration(text: str) -> float | None:
    """The seconds of `PT1M30S`."""
    found = _ISO_DURATION.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return (hours * 60 + minutes) * 60 + seconds


def _until(moment: str) -> float | None:
    """Seconds until a moment, in UTC where it says no zone."""
    told = re.sub(r"\s?(Z|UTC)$", "+00:00", moment.replace(" ", "T", 1))
    try:
        then = dt.datetime.fromisoformat(told)
    except ValueError:
        return None
    return max(0.0, (then if then.tzinfo else then.replace(tzinfo=dt.timezone.utc)).timestamp() - time.time())


def _unit(word: str) -> float:
    word = word.lower()
    return _UNITS["ms"] if word.startswith(("ms", "milli")) else _UNITS[word[0]]


def _until_limits_reset(headers: Mapping[str, str], body: object) -> float | None:
    """Seconds until the limit that was met counts anew; of several limits, those of which nothing remains."""
    inner = body
    for name in ("error", "metadata", "headers"):
        inner = inner.get(name) if isinstance(inner, Mapping) else None
    if isinstance(inner, Mapping):  # OpenRouter tells its limits in the body
        headers = {**{str(name).lower(): str(value) for name, value in inner.items()}, **headers}
    resets: dict[bool, list[float]] = {True: [], False: []}
    standard = _RATELIMIT.search(headers.get("ratelimit", ""))
    if standard:
        return float(standard[1])
    for limit in _LIMITS:
        end = f"-{limit}" if limit else ""
        for prefix in ("x-ratelimit", "ratelimit", "x-ms-ratelimit", "x-rate-limit"):
            told = _seconds(headers.get(f"{prefix}-reset{end}"))
            if told is not None:
                resets[headers.get(f"{prefix}-remaining{end}", "").strip() in ("0", "0.0")].append(told)
    return max(resets[True] or resets[False], default=None)


def _seconds(value: object) -> float | None:
    """The seconds of a number, of `1s`, or until a moment in seconds or milliseconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    if not _NUMBER.fullmatch(text):
        moment = _MOMENT.fullmatch(text)
        return _until(moment[0]) if moment else _iso_duration(text) or _duration(text)
    number = float(text)
    if number > _THIS_CENTURY * 1000:
        number /= 1000
    return max(0.0, number - time.time()) if number > _THIS_CENTURY else number
