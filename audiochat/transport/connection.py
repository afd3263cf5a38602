"""A connection to a service: the SDK's client, over an HTTP client that leads no credential astray."""

from __future__ import annotations

import socket
import threading
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audiochat.background import run_in_thread, wait_for
from audiochat.errors import ConfigurationError
from audiochat.transport.endpoint import HEADER_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from ssl import SSLContext

    import httpx2
    from openai import OpenAI

    from audiochat.config import ProviderName
    from audiochat.transport.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class Connection:
    """An SDK client that is ready to send, and what its provider has to say."""

    sdk: OpenAI = field(repr=False)
    provider: ProviderName
    model: str
    """Deployment (Azure) or model that requests name."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """What to do about an error, by its code, in the words of this provider's settings."""
    sign_in: Callable[[], str] | None = None
    """Signs in, and tells with what; None where a key needs no sign-in."""
    audio_only: bool = False
    """Whether the service refuses a request that has audio neither in nor out."""


def without(*names: str) -> Callable[[httpx2.Request], httpx2.Request]:
    """Leaves out headers that the SDK adds by itself, from the environment or because it insists.

    Those that are none are left out too: the SDK makes them of quotes around OPENAI_CUSTOM_HEADERS.
    """

    def auth(request: httpx2.Request) -> httpx2.Request:
        for name in (*names, *(name for name in request.headers if not HEADER_NAME.fullmatch(name))):
            request.headers.pop(name, None)
        return request

    return auth


ACCOUNT = ("OpenAI-Organization", "OpenAI-Project")
"""Headers that name the user's account, which is OpenAI's business alone."""


def certificates() -> Future[SSLContext]:
    """Whom to trust; the certificates are read while the SDK is imported."""
    import httpx2

    return run_in_thread(httpx2.create_ssl_context, name="certificates")


class OpenSockets:
    """The sockets of an HTTP client: closing the client lets a thread that reads one of them wait for its service."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def watch(self, request: httpx2.Request) -> None:
        """Take note of the socket that a request opens, if it opens one: a hook of the HTTP client."""
        request.extensions["trace"] = self._note

    def shut_down(self) -> None:
        """End what is being read: its thread gets an error at once."""
        with self._lock:
            for one in self._sockets:
                with suppress(OSError):  # it is closed already
                    one.shutdown(socket.SHUT_RDWR)

    def _note(self, step: str, info: Mapping[str, Any]) -> None:
        if step.endswith((".connect_tcp.complete", ".start_tls.complete")):
            opened = info["return_value"].get_extra_info("socket")
            with self._lock:
                self._sockets.add(opened)


def http_client(
    target: Endpoint, trusted: Future[SSLContext], *, auth: Callable[[httpx2.Request], httpx2.Request]
) -> httpx2.Client:
    """The SDK's own HTTP client, except that it follows no redirect, and asks no proxy for this machine.

    Otherwise a credential would follow a redirect, and one for loopback would go to the proxy in the clear.
    """
    import httpx2
    from openai import DefaultHttpxClient

    from audiochat.transport import deadlines

    sockets = OpenSockets()

    class Client(DefaultHttpxClient):
        def close(self) -> None:
            sockets.shut_down()
            super().close()

    try:
        return Client(
            verify=wait_for(trusted),
            follow_redirects=False,
            auth=auth,
            trust_env=not target.loopback,
            event_hooks={"request": [sockets.watch], "response": [deadlines.set_deadline]},
        )
    except (ImportError, OSError, ValueError, httpx2.InvalidURL) as exc:
        raise ConfigurationError(
            f"The connection cannot be set up: {' '.join(str(exc).split())[:200]}",
            hint="Check the proxy variables (HTTPS_PROXY, ALL_PROXY) and SSL_CERT_FILE.",
        ) from exc
