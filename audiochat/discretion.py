"""What was sent in confidence, left out of what is shown: a server may quote the credential that it got.

An accident is meant, in any spelling that servers use by accident. Whoever wants to smuggle a credential
out in a spelling of their own has it already.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from audiochat import config

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

_KEY = "audiochat.discretion"

LEFT_OUT = "[credential left out]"

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
"""Of JSON that an answer has: more than any, and fewer than Python minds."""

_GUESSED = 4
"""Characters of what is no secret: `none`, `test`, and the 1 of a header that switches something on."""

_SHORT = 7
"""Characters of a secret that may stand in an innocent word, so it is looked for as a whole one."""


def is_public(header: str) -> bool:
    """Whether the value of a request's header may be shown."""
    return header.lower() in PUBLIC_HEADERS or header.lower().startswith("x-stainless-")


def without_secrets(text: str, request: httpx2.Request) -> str:
    """The text, without what went with the request in confidence, however it is spelled."""
    if _KEY not in request.extensions:  # looked at for every text of every event
        request.extensions[_KEY] = _pattern(frozenset(_secrets(request)))
    pattern: re.Pattern[str] | None = request.extensions[_KEY]
    return text if pattern is None else pattern.sub(LEFT_OUT, text)


def scrubbed(value: Any, request: httpx2.Request, *, levels: int = _LEVELS) -> Any:
    """The same for every text in JSON.

    Args:
        value: The JSON.
        request: What it answers.
        levels: How deep to go; what lies deeper is left out.
    """
    if isinstance(value, str):
        return without_secrets(value, request)
    if not isinstance(value, Mapping | list):
        return value
    if not levels:
        return "[nested too deeply]"
    deeper = partial(scrubbed, request=request, levels=levels - 1)
    if isinstance(value, list):
        return [deeper(item) for item in value]
    return {without_secrets(str(name), request): deeper(item) for name, item in value.items()}


def _secrets(request: httpx2.Request) -> Iterator[str]:
    for name, value in request.headers.items():
        if not is_public(name):
            yield value
            yield from _parts(value)
    yield from config.proxy_passwords()


def _parts(value: str) -> Iterator[str]:
    """What is secret by itself within a header: behind its scheme, in a cookie, in base64 (`Basic`)."""
    scheme, _, rest = value.partition(" ")
    yield rest.strip()
    words = re.split(r"[\s;,]+", value)
    words += [word.partition("=")[2].strip('"') for word in words]
    if scheme.lower() == "basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            words += base64.b64decode(rest, validate=True).decode().partition(":")
    yield from (word for word in words if len(word) > _SHORT)


@lru_cache(maxsize=16)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str] | None:
    """Finds each of the secrets, the longest first: one may be a part of another."""
    ordered = sorted((secret for secret in secrets if len(secret) > _GUESSED), key=lambda one: (-len(one), one))
    return re.compile("|".join(spelling for secret in ordered for spelling in _spellings(secret))) if ordered else None


def _spellings(secret: str) -> Iterator[str]:
    if len(secret) <= _SHORT:
        yield rf"(?<!\w){re.escape(secret)}(?!\w)"
        return
    yield "".join(map(_character, secret))
    data = secret.encode()
    yield f"(?i:{data.hex()})"
    for before in range(3):  # base64 has three ways to write what stands within something else
        encoded = base64.b64encode(bytes(before) + data).decode()[-(-before * 4 // 3) : (before + len(data)) * 4 // 3]
        yield re.escape(encoded).replace(r"\+", "[+-]").replace("/", "[/_]")


def _character(character: str) -> str:
    """A character as it is, or in the escapes of addresses, JSON and HTML; few backslashes keep the search quick."""
    number = ord(character)
    percent = "".join(f"%(?:25){{0,2}}{byte:02x}" for byte in character.encode())
    return rf"(?:\\{{0,4}}{re.escape(character)}|(?i:{percent}|\\{{1,4}}u{number:04x}|&#(?:{number}|x0?{number:x});))"
