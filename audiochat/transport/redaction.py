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
from urllib.parse import unquote

from audiochat import config

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

_KEY = "audiochat.transport.redaction"

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

_TIMES = 3
"""How often an address may be escaped."""
_JSON_ESCAPE = re.compile(r"\\{1,4}u([0-9a-fA-F]{4})")
_HTML_ESCAPE = re.compile(r"&#(?:x0*([0-9a-fA-F]{1,5})|0*([0-9]{1,6}));", re.IGNORECASE)
_ONE_BASE64 = str.maketrans("-_", "+/")

_GUESSED = 4
"""Characters of what is no secret: `none`, `test`, and the 1 of a header that switches something on."""

_SHORT = 7
"""Characters of a secret that may stand in an innocent word, so it is looked for as a whole one."""


def is_public(header: str) -> bool:
    """Whether the value of a request's header may be shown."""
    return header.lower() in PUBLIC_HEADERS or header.lower().startswith("x-stainless-")


def without_secrets(text: str, request: httpx2.Request) -> str:
    """The text, without what went with the request in confidence, however it is spelled."""
    if _KEY not in request.extensions:  # looked at for every text
        request.extensions[_KEY] = frozenset(secret for secret in _secrets(request) if len(secret) > _GUESSED)
    secrets: frozenset[str] = request.extensions[_KEY]
    return _pattern(secrets).sub(LEFT_OUT, text) if _quotes(text, secrets) else text


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
            yield from _parts(value)
    yield from config.proxy_passwords()


def _parts(value: str) -> Iterator[str]:
    """What is secret by itself within a header: behind its scheme, in a cookie, in base64 (`Basic`)."""
    scheme, _, rest = value.partition(" ")
    yield rest.strip() or value
    words = re.split(r"[\s;,]+", value)
    words += [word.partition("=")[2].strip('"') for word in words]
    if scheme.lower() == "basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            words += base64.b64decode(rest, validate=True).decode().partition(":")
    yield from (word for word in words if len(word) > _SHORT)


def _quotes(text: str, secrets: frozenset[str]) -> bool:
    """Whether it is worth the making of a pattern, which takes its time: a token has thousands of characters."""
    plain = _plain(text)
    return any(needle in plain for needle in _needles(secrets))


@lru_cache(maxsize=16)
def _needles(secrets: frozenset[str]) -> tuple[str, ...]:
    """What a plain text has in it that quotes one of the secrets."""
    return tuple(
        _plain(needle) for secret in secrets for needle in (secret, secret.encode().hex(), *_in_base64(secret))
    )


def _plain(text: str) -> str:
    """The text without the escapes of addresses, JSON and HTML, in lower case, in one alphabet of base64."""
    for _ in range(_TIMES):
        if "%" in text:
            text = unquote(text)
    if "\\" in text:
        text = _JSON_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text).replace("\\", "")
    if "&#" in text:
        text = _HTML_ESCAPE.sub(lambda found: chr(int(found[1], 16) if found[1] else int(found[2])), text)
    return text.lower().translate(_ONE_BASE64)


@lru_cache(maxsize=16)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str]:
    """Finds each of the secrets, the longest first: one may be a part of another."""
    ordered = sorted(secrets, key=lambda one: (-len(one), one))
    return re.compile("|".join(spelling for secret in ordered for spelling in _spellings(secret)), re.IGNORECASE)


def _spellings(secret: str) -> Iterator[str]:
    if len(secret) <= _SHORT:
        yield rf"(?<!\w){re.escape(secret)}(?!\w)"
        return
    yield "".join(map(_character, secret))
    yield secret.encode().hex()
    for encoded in _in_base64(secret):
        yield re.escape(encoded).replace(r"\+", "[+-]").replace("/", "[/_]")


def _in_base64(secret: str) -> Iterator[str]:
    """The three ways in which base64 writes what stands within something else."""
    data = secret.encode()
    for before in range(3):
        yield base64.b64encode(bytes(before) + data).decode()[-(-before * 4 // 3) : (before + len(data)) * 4 // 3]


def _character(character: str) -> str:
    """A character as it is, or in the escapes of addresses, JSON and HTML; few backslashes keep the search quick."""
    number = ord(character)
    percent = "".join(f"%(?:25){{0,2}}{byte:02x}" for byte in character.encode())
    return rf"(?:\\{{0,4}}{re.escape(character)}|{percent}|\\{{1,4}}u{number:04x}|&#(?:0*{number}|x0*{number:x});)"
