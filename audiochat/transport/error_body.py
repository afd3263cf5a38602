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
    "errorMessage",
    "error_message",
    "error_msg",
    "errmsg",
    "msg",
    "error",
    "title",
    "description",
    "faultstring",
    "reason",
)
"""Fields that hold the message, the most telling first."""

_WRAPPERS = ("error", "fault", "Error", "detail", "message")
"""Fields below which the object with the message may lie."""

_DETAILS = ("detail", "details", "errors", "issues", "invalid_params", "fieldViolations")
"""Fields that list what is wrong in particular."""

_VAGUE = re.compile(
    r"(invalid input error|provider returned error|validation errors?|bad request|invalid request|internal error"
    r"|one or more validation errors occurred|request contains an invalid argument|unprocessable( entity)?)\W*",
    re.IGNORECASE,
)
"""Messages that say nothing: what is wrong stands beside them."""

_MARKUP = re.compile(r"\s*<(!doctype|\?xml|[a-z])", re.IGNORECASE)
_TITLE = re.compile(r"<(title|message)\b[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_LONGEST_PAGE = 20_000
"""Characters of a page in which its title is looked for."""

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
    page: bool = False
    """Whether it is a web page; the message is its title then."""

    @property
    def status(self) -> int | None:
        """The HTTP status that the code is, where it is one; gateways answer 200 and say it in the body."""
        return int(self.code) if re.fullmatch(r"[45][0-9][0-9]", self.code) else None


def read_error_body(body: object) -> ErrorBody:
    """The error that a body tells of: `{"error": {…}}`, a list of one, `{"detail": …}`, text, and what they hold.

    Args:
        body: The body's JSON, or its text.
    """
    if isinstance(body, str) and _MARKUP.match(body):
        from html import unescape

        title = _TITLE.search(body[:_LONGEST_PAGE])
        page = title is None or title[1].lower() != "message"
        return ErrorBody(message=_text(unescape(title[2])) if title else "", page=page)
    found = _innermost(body)
    if not isinstance(found, Mapping):
        return ErrorBody(message=_text(found))
    message = _message(found)
    details = [text for text in _details(found, 0) if text and text not in message]
    if details:
        whole = "; ".join(dict.fromkeys(details))
        message = whole if not message or _VAGUE.fullmatch(message) else f"{message.rstrip('.:')}: {whole}"
    param, hint = found.get("param"), found.get("hint")
    words = (_word(found.get(name)) for name in ("code", "error_code", "errorCode", "statusCode", "status"))
    return ErrorBody(
        message=message or "; ".join(_sentences(found)),
        code=next(filter(None, words), ""),
        type=_word(found.get("type")),
        param=param if isinstance(param, str) else None,
        hint=hint if isinstance(hint, str) else None,
        fields=found,
    )


def _innermost(body: object) -> object:
    """The object that holds the message: below `error`, `detail`, in a list of one, in JSON that stands as text."""
    for _ in range(_DEEPEST):
        if isinstance(body, list) and body:
            body = body[0] if len(body) == 1 else {"errors": body}
            continue
        if not isinstance(body, Mapping):
            return body
        inner = next((body[name] for name in _WRAPPERS if isinstance(body.get(name), Mapping)), None)
        if inner is None:
            inner = _json_in(body.get("message")) or _json_in(body.get("error"))
        if inner is None:
            wrapped = body.get("error")
            if isinstance(wrapped, list):
                return {**body, "error": None, "errors": wrapped}
            return body
        body = inner
    return body


def _json_in(text: object) -> Mapping[str, Any] | None:
    """The object that stands as text in a field."""
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, Mapping) else None


def _message(found: Mapping[str, Any]) -> str:
    return next((text for name in _MESSAGES if (text := _text(found.get(name)))), "")


def _sentences(found: Mapping[str, Any]) -> Iterator[str]:
    """The texts of an object whose fields are not known: those of more than one word."""
    for value in found.values():
        text = _text(value)
        if " " in text:
            yield text


def _details(found: Mapping[str, Any], depth: int) -> Iterator[str]:
    """What stands beside a message and says more: `details[]`, `errors[]`, `metadata.raw`, `innererror`."""
    if depth > _DEEPEST:
        return
    for name in _DETAILS:
        listed = found.get(name)
        if isinstance(listed, Mapping):  # Rails: the messages by their fields
            listed = [{"field": key, "message": value} for key, value in listed.items()]
        for detail in listed if isinstance(listed, list) else ():
            yield _detail(detail)
            if isinstance(detail, Mapping):
                yield from _details(detail, depth + 1)
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
    message = _message(detail)
    where = (
        detail.get("loc") or detail.get("path") or detail.get("field") or detail.get("target") or detail.get("param")
    )
    if isinstance(where, list):
        where = ".".join(str(part) for part in where if part != "body")
    if not message and isinstance(listed := detail.get("message"), list):
        message = ", ".join(_text(one) for one in listed)
    return f"{where}: {message}" if where and message else message


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
    if not isinstance(value, str) or "<html" in value[:1000].lower() or _MARKUP.match(value):
        return ""
    return " ".join(value.split())


def _word(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
