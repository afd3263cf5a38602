"""The HTTP exchange in the log `audiochat.http`, at level DEBUG: without credentials, without sound.

`--debug` shows it on stderr; a Python program switches it on as any other log.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audiochat.spool import SpooledBytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOGGER = "audiochat.http"

_log = logging.getLogger(LOGGER)

_SECRET_HEADERS = frozenset({"authorization", "api-key", "set-cookie", "cookie", "www-authenticate"})
_LONGEST_TEXT = 2_000
"""Characters of one text that are worth reading in a log."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One half of an exchange; it becomes text only where the log is read."""

    title: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[], object] | None = None

    def __str__(self) -> str:
        lines = [self.title]
        for name, value in self.headers.items():
            lines.append(f"  {name}: {'[left out]' if name.lower() in _SECRET_HEADERS else value}")
        if self.body is not None:
            try:
                lines.append("  " + json.dumps(without_sound(self.body()), ensure_ascii=False))
            except RecursionError:
                lines.append("  [nested too deeply to be shown]")
        return "\n".join(lines).encode("utf-8", "backslashreplace").decode()


def log_exchange(
    title: str, headers: Mapping[str, str] | None = None, body: Callable[[], object] | None = None
) -> None:
    """Log one half of an exchange.

    Args:
        title: What it is: `> POST https://…`, `< 200 after 0.40 s`.
        headers: With credentials left out already, but for those that every service names alike.
        body: Makes the body's JSON, with credentials left out; only called where the log is read.
    """
    if _log.isEnabledFor(logging.DEBUG):
        _log.debug("%s", _Entry(title, headers or {}, body))


def without_sound(body: object) -> object:
    """JSON fit to be read: each base64 `data` is replaced by its length, long texts are cut."""
    if isinstance(body, dict):
        return {key: _sound(value) if key == "data" else without_sound(value) for key, value in body.items()}
    if isinstance(body, list):
        return [without_sound(item) for item in body]
    if isinstance(body, str) and len(body) > _LONGEST_TEXT:
        return f"{body[:_LONGEST_TEXT]}… ({len(body)} characters)"
    return body


def _sound(value: object) -> object:
    if isinstance(value, str):
        return f"<{len(value)} characters of base64>"
    return f"<{len(value)} bytes of sound>" if isinstance(value, SpooledBytes) else without_sound(value)
