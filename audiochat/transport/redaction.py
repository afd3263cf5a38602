"""Redact credentials that a server may echo: an error, a header or a log line can quote the key that was sent.

They are found as they are, escaped as in JSON, and percent-encoded as in an address.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

_KEY = "audiochat.secrets"

REDACTED = "[credential left out]"

PUBLIC_HEADERS = frozenset(
    [
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
    ]
)
"""Headers of a request that hold no secret. Those of the SDK about itself (x-stainless-…) do not either."""

_LEVELS = 100
"""Of JSON that are looked at: more than any answer has, and fewer than Python's own limit."""

_GUESSABLE = 4
"""Characters of what is no secret: `none`, `test`, and the 1 of a header that switches something on."""

_SHORT = 7
"""Characters of a secret that may stand in an innocent word: it is only found as a whole word."""


def is_public(header: str) -> bool:
    """Whether the value of a request's header may be shown."""
    return header.lower() in PUBLIC_HEADERS or header.lower().startswith("x-stainless-")


def redact(text: str, request: httpx2.Request) -> str:
    """The text without the credentials that went with the request."""
    if _KEY not in request.extensions:  # a stream asks for each of its events
        request.extensions[_KEY] = frozenset(secret for secret in _secrets(request) if len(secret) > _GUESSABLE)
    secrets: frozenset[str] = request.extensions[_KEY]
    return _pattern(secrets).sub(REDACTED, text) if _may_quote(text, secrets) else text


def redact_json(value: Any, request: httpx2.Request, *, levels: int = _LEVELS) -> Any:
    """The same for every text in JSON.

    Args:
        value: The JSON.
        request: What it answers.
        levels: How deep to go; what lies deeper is left out.
    """
    if isinstance(value, str):
        return redact(value, request)
    if not isinstance(value, Mapping | list):
        return value
    if not levels:
        return "[nested too deeply]"
    deeper = partial(redact_json, request=request, levels=levels - 1)
    if isinstance(value, list):
        return [deeper(item) for item in value]
    return {redact(str(name), request): deeper(item) for name, item in value.items()}


def _secrets(request: httpx2.Request) -> Iterator[str]:
    """The credentials of a request, and the passwords of the proxies on its way."""
    for name, value in request.headers.items():
        if not is_public(name):
            yield from _secrets_in(value)
    for address in getproxies().values():  # which the HTTP library reads by itself
        with suppress(ValueError):
            password = urlsplit(address if "://" in address else f"//{address}").password or ""
            yield from {password, unquote(password)}


def _secrets_in(value: str) -> Iterator[str]:
    """What is secret by itself within a header: behind its scheme, in a cookie, in `Basic`."""
    scheme, _, rest = value.partition(" ")
    yield rest.strip() or value
    words = re.split(r"[\s;,]+", value)
    words += [word.partition("=")[2].strip('"') for word in words]
    if scheme.lower() == "basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            words += base64.b64decode(rest, validate=True).decode().partition(":")
    yield from (word for word in words if len(word) > _SHORT)


def _may_quote(text: str, secrets: frozenset[str]) -> bool:
    """Whether a pattern is worth its making: a token has thousands of characters, and few texts quote it."""
    if "%" in text or "\\" in text:
        return True
    lower = text.lower()
    return any(secret[:_GUESSABLE].lower() in lower for secret in secrets)


@lru_cache(maxsize=16)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str]:
    """Finds each of the secrets; the longest first, for one may be a part of another."""
    ordered = sorted(secrets, key=lambda one: (-len(one), one))
    return re.compile("|".join(map(_spelled, ordered)) or r"(?!)", re.IGNORECASE)


def _spelled(secret: str) -> str:
    if len(secret) <= _SHORT:
        return rf"(?<!\w){re.escape(secret)}(?!\w)"
    return "".join(map(_character, secret))


def _character(character: str) -> str:
    """A character as it is, percent-encoded, or escaped as in JSON."""
    percent = "".join(f"%{byte:02x}" for byte in character.encode())
    return rf"(?:\\?{re.escape(character)}|{percent}|\\u{ord(character):04x})"
