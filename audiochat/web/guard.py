"""Middleware of both servers: refuse what a foreign web page could send, before anything reads it.

The docs name each threat and its test: docs/security.md.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audiochat.web import errors

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from audiochat.local.api_errors import ApiError
    from audiochat.web.rules import Rules

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
"""Sent with every response that does not set them itself."""

_EXPOSED = "x-request-id, retry-after, retry-after-ms"
_METHODS = "GET, POST, PUT, PATCH, DELETE"
_HEADER_NAMES = re.compile(r"[A-Za-z0-9, _-]{0,2000}")


class Guard:
    """Lets requests through that name this server and come from no foreign page.

    It checks the Host header on every route and method, then Origin and Sec-Fetch-Site; answers CORS preflights of
    the origins that were allowed; and adds security headers to what the app answers. It knows nothing of keys and
    cookies: `keys.KeyRequired` and `tokens.CookieRequired` stand before the parts of the app that want them.

    Args:
        app: What answers.
        rules: What the server answers to.
    """

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see the ASGI specification."""
        headers = _Headers(scope)
        origin = headers.one("origin")
        foreign = origin if origin in self._rules.foreign_origins else None
        send = _adding(send, {**HEADERS, **({} if foreign is None else _cors(foreign))})
        refusal = self._refusal(scope, headers, foreign=foreign is not None)
        if refusal is not None:
            await errors.error_response(refusal)(scope, receive, send)
        elif foreign is not None and scope["method"] == "OPTIONS":
            await _preflight(headers, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, headers: _Headers, *, foreign: bool) -> ApiError | None:
        arrived_at = scope["server"][0] if scope.get("server") else None
        host, origin, site = headers.one("host"), headers.one("origin"), headers.one("sec-fetch-site")
        if host is None or not self._rules.answers_to(host, arrived_at=arrived_at):
            return errors.forbidden(
                "This server does not go by that name.",
                "Use its own address, or start it with --allow-host NAME.",
                code="host_not_allowed",
            )
        if headers.count("origin") and not foreign:
            own = origin is not None and self._rules.is_own_page(origin, arrived_at=arrived_at)
            if not own:
                return errors.forbidden(
                    "A page elsewhere may not ask this server.",
                    "To let it, start the server with --allow-origin ORIGIN.",
                    code="origin_not_allowed",
                )
        if site == "cross-site" and not foreign:  # a link, an image or a form of a page elsewhere
            return errors.forbidden(
                "A page elsewhere led here.", "Type the address, or open it from a bookmark.", code="cross_site"
            )
        return None


class _Headers:
    """A request's headers by their names."""

    def __init__(self, scope: Scope) -> None:
        self._all: list[tuple[bytes, bytes]] = scope["headers"]

    def count(self, name: str) -> int:
        wanted = name.encode()
        return sum(key == wanted for key, _ in self._all)

    def one(self, name: str) -> str | None:
        """The value of a header that is there once; None where it is missing, or doubled."""
        wanted = name.encode()
        found = [value for key, value in self._all if key == wanted]
        return found[0].decode("latin-1") if len(found) == 1 else None


def _cors(origin: str) -> dict[str, str]:
    # No credentials: the cookie of our own page is not for pages elsewhere.
    return {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": _EXPOSED,
        "cross-origin-resource-policy": "cross-origin",
        "vary": "Origin",
    }


async def _preflight(headers: _Headers, scope: Scope, receive: Receive, send: Send) -> None:
    """Tell a browser what a page of an allowed origin may send. No key comes with the question."""
    from starlette.responses import Response

    wanted = headers.one("access-control-request-headers") or ""
    told = {"access-control-allow-methods": _METHODS, "access-control-max-age": "600"}
    if wanted and _HEADER_NAMES.fullmatch(wanted):  # the SDKs' own headers have no end
        told["access-control-allow-headers"] = wanted
    if headers.one("access-control-request-private-network") == "true":
        told["access-control-allow-private-network"] = "true"
    await Response(status_code=204, headers=told)(scope, receive, send)


def _adding(send: Send, headers: dict[str, str]) -> Send:
    """The same `send`, adding headers to the response where it does not have them."""

    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            added = [(name.encode(), value.encode()) for name, value in headers.items() if name.encode() not in there]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return send_with
