"""A connection to a service: the SDK's client, over an HTTP client that leads no credential astray."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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


def http_client(
    target: Endpoint, trusted: Future[SSLContext], *, auth: Callable[[httpx2.Request], httpx2.Request]
) -> httpx2.Client:
    """The SDK's own HTTP client, except that it follows no redirect, and asks no proxy for this machine.

    Otherwise a credential would follow a redirect, and one for loopback would go to the proxy in the clear.
    """
    import httpx2
    from openai import DefaultHttpxClient

    from audiochat.transport import deadlines

    try:
        return DefaultHttpxClient(
            verify=wait_for(trusted),
            follow_redirects=False,
            auth=auth,
            trust_env=not target.loopback,
            event_hooks={"response": [deadlines.set_deadline]},
        )
    except (ImportError, OSError, ValueError, httpx2.InvalidURL) as exc:
        raise ConfigurationError(
            f"The connection cannot be set up: {' '.join(str(exc).split())[:200]}",
            hint="Check the proxy variables (HTTPS_PROXY, ALL_PROXY) and SSL_CERT_FILE.",
        ) from exc
