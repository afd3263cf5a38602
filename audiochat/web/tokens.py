"""Sign a browser in to the playground: a one-time token in the address becomes a cookie."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections import deque
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

from audiochat.local.api_errors import ApiError
from audiochat.web import errors

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_BYTES = 16
"""Of randomness: 128 bits cannot be guessed."""

_TOKENS = 8
_COOKIES = 32
"""So many are known at once; the oldest make room."""


class PageTokens:
    """One-time tokens and the cookies that they are exchanged for; they live as long as the server.

    The token stands in the fragment of the address (`http://127.0.0.1:PORT/#TOKEN`), which browsers do not send:
    it is in no log, and in no Referer. The page's script posts it once, to a route that answers with the header that
    `exchange` gives, and removes it from the address bar.

        tokens = PageTokens(port)
        address = f"http://127.0.0.1:{port}/#{tokens.issue()}"

        async def sign_in(request):  # POST /page/sign-in, open to browsers without a cookie
            token = (await read_json(request, 1000)).get("token", "")
            cookie = tokens.exchange(token)
            if cookie is None:
                raise ApiError("This address was used already.", code="token_used", status=401)
            return Response(status_code=204, headers={"set-cookie": cookie})

        routes = [
            Route("/", page), Route("/page/sign-in", sign_in, methods=["POST"]),
            Mount("/page", app=CookieRequired(Starlette(routes=page_routes), tokens)),
        ]

    Args:
        port: The server's own; it stands in the cookie's name, since browsers keep the cookies of all ports together.
    """

    def __init__(self, port: int) -> None:
        self.cookie_name = f"audiochat-{port}"
        self._lock = threading.Lock()
        self._tokens: deque[bytes] = deque(maxlen=_TOKENS)
        self._cookies: deque[bytes] = deque(maxlen=_COOKIES)

    def issue(self) -> str:
        """A new token."""
        token = secrets.token_urlsafe(_BYTES)
        with self._lock:
            self._tokens.append(token.encode())
        return token

    def knows(self, token: str) -> bool:
        """Whether a token can still be exchanged."""
        with self._lock:
            return _find(self._tokens, token.encode("utf-8", "replace")) is not None

    def exchange(self, token: str) -> str | None:
        """The value of the Set-Cookie header that a token buys; None where it is unknown, or was used."""
        with self._lock:
            found = _find(self._tokens, token.encode("utf-8", "replace"))
            if found is None:
                return None
            self._tokens.remove(found)
            cookie = secrets.token_urlsafe(_BYTES)
            self._cookies.append(cookie.encode())
        return f"{self.cookie_name}={cookie}; Path=/; HttpOnly; SameSite=Strict"

    def admits(self, scope: Scope) -> bool:
        """Whether a request carries a valid session cookie."""
        for name, value in scope["headers"]:
            if name != b"cookie":
                continue
            try:
                cookie = SimpleCookie(value.decode("latin-1")).get(self.cookie_name)
            except CookieError:
                continue
            if cookie is not None:
                with self._lock:
                    if _find(self._cookies, cookie.value.encode("utf-8", "replace")) is not None:
                        return True
        return False


class CookieRequired:
    """Lets requests through to an app that carry the page's cookie.

    Args:
        app: What answers: the routes of a page, never the API for programs.
        tokens: Gave out the cookies.
    """

    def __init__(self, app: ASGIApp, tokens: PageTokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see the ASGI specification."""
        if not self._tokens.admits(scope):
            told = ApiError(
                "This page is not signed in. Open the address that the command line shows, whole.",
                code="not_signed_in",
                status=401,
            )
            await errors.error_response(told)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _find(known: deque[bytes], given: bytes) -> bytes | None:
    """The one that is the same; how long it takes tells nothing about any."""
    same = [one for one in known if hmac.compare_digest(one, given)]
    return same[0] if same else None
