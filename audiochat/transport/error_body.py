"""What the body of an error says, in the many shapes that services and gateways give it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_MESSAGES = (
    "message",
    "Message",
    "detail",
    "error_description",
    "msg",
    "title",
    "description",
    "faultstring",
    "reason",
)
"""Fields that hold the message, the most telling first."""

_VAGUE = re.compile(
    r"(invalid input error|provider returned error|validation error|bad request|invalid request)\W*", re.IGNORECASE
)
"""Messages that say nothing: what is wrong stands beside them."""

_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """An error as its body tells it."""

    message: str = ""
    code: str = ""
    """The service's own word or number; empty where there is none."""
    type: str = ""
    param: str | None = None
    hint: str | None = None
    """What to do, where the server is our own engine."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The object that holds the message."""

    @property
    def status(self) -> int | None:
        """The HTTP status that the code is, where it is one; gateways answer 200 and say it in the body."""
        return int(self.code) if re.fullmatch(r"[45][0-9][0-9]", self.code) else None


def read_error_body(body: object) -> ErrorBody:
    """The error that a body tells of: `{"error": {…}}`, a list of one, `{"detail": …}`, text, and what they hold.

    Args:
        body: The body's JSON, or its text.
    """
    found = _innermost(body)
    if not isinstance(found, Mapping):
        return ErrorBody(message=_text(found))
    message = next((text for name in _MESSAGES if (text := _text(found.get(name)))), "")
    details = [text for text in _details(found, 0) if text and text not in message]
    if details:
        whole = "; ".join(dict.fromkeys(details))
        message = whole if not message or _VAGUE.fullmatch(message) else f"{message}: {whole}"
    param, hint = found.get("param"), found.get("hint")
    return ErrorBody(
        message=message,
        code=_word(found.get("code")) or _word(found.get("statusCode")) or _word(found.get("status")),
        type=_word(found.get("type")),
        param=param if isinstance(param, str) else None,
        hint=hint if isinstance(hint, str) else None,
        fields=found,
    )


def _innermost(body: object) -> object:
    """The object that holds the message: below `error`, `errors`, `fault`, in a list of one, in JSON as text."""
    for _ in range(_DEEPEST):
        if isinstance(body, list) and body:
            body = body[0] if len(body) == 1 else {"errors": body}
            continue
        if not isinstance(body, Mapping):
            return body
        inner = next((body[name] for name in ("error", "fault", "Error") if body.get(name)), None)
        if inner is None and isinstance(body.get("message"), Mapping | list):  # Mistral
            inner = body["message"]
        if inner is None:
            return body
        if not isinstance(inner, Mapping | list):
            return {**body, "message": body.get("message") or _text(inner), "error": None}
        body = inner
    return body


def _details(found: Mapping[str, Any], depth: int) -> Iterator[str]:
    """What stands beside a message and says more: `details[]`, `errors[]`, `metadata.raw`, `innererror`."""
    if depth > _DEEPEST:
        return
    for name in ("detail", "details", "errors", "issues", "invalid_params"):
        listed = found.get(name)
        for detail in listed if isinstance(listed, list) else ():
            yield _detail(detail)
    metadata = found.get("metadata")
    if isinstance(metadata, Mapping) and metadata.get("raw"):
        yield _raw(metadata["raw"])
    inner = found.get("innererror")
    if isinstance(inner, Mapping):
        yield _text(inner.get("message"))
        yield from _details(inner, depth + 1)


def _detail(detail: object) -> str:
    """One of several details: `messages.0.content: Input should be a valid string`."""
    if not isinstance(detail, Mapping):
        return _text(detail)
    message = next((text for name in _MESSAGES if (text := _text(detail.get(name)))), "")
    where = (
        detail.get("loc") or detail.get("path") or detail.get("field") or detail.get("target") or detail.get("param")
    )
    if isinstance(where, list):
        where = ".".join(str(part) for part in where if part != "body")
    return f"{where}: {message}" if where and message else message or _text(where)


def _raw(raw: object) -> str:
    """What a provider behind a gateway said: JSON as text, or plain text."""
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            return _text(raw)
    return read_error_body(raw).message


def _text(value: object) -> str:
    """A text on one line; empty for anything else, and for a web page."""
    if not isinstance(value, str) or "<html" in value[:1000].lower() or value.lstrip()[:9].lower() == "<!doctype":
        return ""
    return " ".join(value.split())


def _word(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
