"""The server's own key: what an API asks of its clients where more than this machine can reach it."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from audiochat.web import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send

_PLAIN = (b"api-key", b"ocp-apim-subscription-key", b"x-api-key")
"""Headers that hold a key as it is: Azure's clients send these."""


class KeyRequired:
    """Lets requests through to an app that carry the key: `Authorization: Bearer KEY`, or Azure's `api-key: KEY`.

    A cookie opens nothing here: a browser sends it by itself, also for a page elsewhere.

    Args:
        app: What answers.
        key: The key; None lets everybody through, on a server that only this machine reaches.
    """

    def __init__(self, app: ASGIApp, key: str | None) -> None:
        self._app = app
        self._key = None if key is None else key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see the ASGI specification."""
        if not self._fits(scope):
            await errors.error_response(errors.wrong_key(scope["path"]))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _fits(self, scope: Scope) -> bool:
        key = self._key
        # In constant time: how long it takes tells nothing about the key.
        return key is None or any(hmac.compare_digest(given, key) for given in _given(scope))


def _given(scope: Scope) -> Iterator[bytes]:
    for name, value in scope["headers"]:
        if name in _PLAIN:
            yield value.strip()
        elif name == b"authorization":
            scheme, _, given = value.partition(b" ")
            if scheme.lower() == b"bearer":
                yield given.strip()
