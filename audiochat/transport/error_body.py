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
    "status_msg",
)
"""Fields that hold the message, the most telling first."""

_WRAPPERS = ("error", "fault", "Error", "detail", "message", "base_resp")
"""Fields below which the object with the message may lie."""

_CODES = ("code", "error_code", "errorCode", "statusCode", "status_code", "status")

_QUOTING = ("message", "error", "detail")
"""Fields whose text may quote another error."""

_DETAILS = ("detail", "details", "errors", "issues", "invalid_params", "fieldViolations")
"""Fields that list what is wrong in particular."""

_VAGUE = re.compile(
    r"(invalid input error|provider returned error|validation errors?|bad request|invalid request|internal error"
    r"|one or more validation errors occurred|request contains an invalid argument|unprocessable( entity)?"
    r"|the request is invalid)\W*",
    re.IGNORECASE,
)
"""Messages that say nothing: what is wrong stands beside them."""

_MARKUP = re.compile(r"\s*<(!doctype|\?xml|[a-z])", re.IGNORECASE)
_TITLE = re.compile(r"<(title|message)\b[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_OBJECT = re.compile(r"\{(?:\s|\\n)*['\"].*\}", re.DOTALL)
"""An object that stands in a text, as JSON or as Python prints it."""
_MARKS_OF_ERRORS = frozenset({"error", "errors", "detail", "fault", "code", "type", "status", "statusCode"})
_WHOLE_FORM = ("non_field_errors", "__all__")
"""What Django calls the errors of no field in particular."""
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
    found = _innermost(body.removeprefix("\ufeff") if isinstance(body, str) else body)
    if not isinstance(found, Mapping):
        return ErrorBody(message=_text(found))
    message = _message(found)
    details = [text for text in _details(found, 0) if text and text not in message]
    if details:
        whole = "; ".join(dict.fromkeys(details))
        message = whole if not message or _VAGUE.fullmatch(message) else f"{message.rstrip('.:')}: {whole}"
    param, hint = found.get("param"), found.get("hint")
    code = next(filter(None, (_word(found.get(name)) for name in _CODES)), "")
    kind = _word(found.get("type"))
    return ErrorBody(
        # A word alone still says more than the status does.
        message=message
        or "; ".join(_sentences(found))
        or next((one for one in (code, kind) if one.isidentifier()), ""),
        code=code,
        type=kind,
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
            return _json_in(body) or body
        inner = next((body[name] for name in _WRAPPERS if isinstance(body.get(name), Mapping)), None)
        if inner is None:
            inner = next(filter(None, (_json_in(body.get(name)) for name in _QUOTING)), None)
        if inner is None:
            wrapped = body.get("error")
            if isinstance(wrapped, list):
                return {**body, "error": None, "errors": wrapped}
            return body
        body = inner
    return body


def _json_in(text: object) -> Mapping[str, Any] | None:
    """The error that a text quotes as an object: gateways put what a provider answered behind words of their own."""
    found = _OBJECT.search(text) if isinstance(text, str) else None
    if found is None:
        return None
    quoted = _read(found[0])
    if not isinstance(quoted, Mapping) or not _message(_as_mapping(_innermost(quoted))):
        return None
    whole = found[0] == str(text).strip()
    return quoted if whole or _MARKS_OF_ERRORS & quoted.keys() else None  # else it may be what was sent


def _read(text: str) -> object:
    """The object that a text is: JSON, JSON with Python's escapes, or as Python prints it; None where it is none."""
    for spelled in (text, text.replace("\\n", " ")):
        try:
            return json.loads(spelled)
        except (ValueError, RecursionError):
            continue
    return _python_in(text)


def _python_in(text: str) -> object:
    """The object that Python printed, None where it is none: `{'error': {'message': …, 'param': None}}`."""
    import ast

    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _as_mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {"message": value}


def _message(found: Mapping[str, Any]) -> str:
    return next((text for name in _MESSAGES if (text := _texts(found.get(name)))), "")


def _sentences(found: Mapping[str, Any]) -> Iterator[str]:
    """The texts of an object whose fields are not known: those of more than one word, and lists by their fields."""
    for name, value in found.items():
        text = _texts(value)
        if " " in text:
            yield f"{name}: {text}" if isinstance(value, list) and name not in _WHOLE_FORM else text


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
    inner = found.get("innererror") or found.get("innerError")
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
    return f"{where}: {message}" if where and message else message


def _raw(raw: object) -> str:
    """What a provider behind a gateway said: JSON as text, or plain text."""
    return read_error_body(raw).message


def _texts(value: object) -> str:
    """A text, or several of them, on one line."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value)))
    return _text(value)


def _text(value: object) -> str:
    """A text on one line; empty for anything else, and for a web page."""
    if not isinstance(value, str) or "<html" in value[:1000].lower() or _MARKUP.match(value):
        return ""
    return " ".join(value.split())


def _word(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
