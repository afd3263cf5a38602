"""Who answers: each provider is one file that turns Settings into one ready SDK client, in two steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from audiochat import quickly
from audiochat.background import result, started
from audiochat.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future
    from ssl import SSLContext

    import httpx2
    from openai import OpenAI

    from audiochat.config import ProviderName, Settings
    from audiochat.endpoint import Endpoint
    from audiochat.progress import Progress


@dataclass(frozen=True, slots=True)
class Connection:
    """An SDK client that is ready to send, and what its provider has to say."""

    sdk: OpenAI = field(repr=False)
    provider: ProviderName
    model: str
    """Deployment (Azure) or model that requests name."""
    hints: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What to do about an error, by its code, in the words of this provider's settings."""
    sign_in: Callable[[], str] | None = None
    """Signs in, and tells with what; None where a key needs no sign-in."""


Connect: TypeAlias = "Callable[[], Connection]"
"""The second step: what makes the connection that was begun."""


def begin(settings: Settings, progress: Progress) -> Connect:
    """Check what can be checked, and start what takes a while: a sign-in runs while recordings are read.

    Raises:
        ConfigurationError: a setting is missing, or a credential would go astray.
    """
    import logging

    # What these libraries log is for their developers; what a person needs is in our errors.
    for library in ("azure", "openai", "httpx2", "httpcore2", "msal"):
        logging.getLogger(library).addHandler(logging.NullHandler())
    with quickly.importing():
        second = _beginning(settings.provider)(settings, progress)

    def connect() -> Connection:
        with quickly.importing():
            return second()

    return connect


def connect(settings: Settings, progress: Progress) -> Connection:
    """The connection that the settings ask for, both steps at once.

    Raises:
        ConfigurationError: a setting is missing, or a credential would go astray.
    """
    return begin(settings, progress)()


def _beginning(provider: ProviderName) -> Callable[[Settings, Progress], Connect]:
    if provider == "azure":
        from audiochat.providers import azure

        return azure.begin
    if provider == "openai":
        from audiochat.providers import openai

        return openai.begin
    from audiochat.providers import local

    return local.begin


@dataclass(frozen=True, slots=True)
class LocalPart:
    """A part of the local engine, as `doctor` finds it."""

    name: str
    works: bool
    what: str
    cure: str | None = None


def local_parts(settings: Settings) -> Iterator[LocalPart]:
    """The parts of the local engine: what is installed, what is fetched, and whether it is what it should be."""
    from audiochat.providers import local

    return local.parts(settings)


def without(*names: str) -> Callable[[httpx2.Request], httpx2.Request]:
    """Leaves out headers that the SDK adds by itself, from the environment or because it insists."""

    def auth(request: httpx2.Request) -> httpx2.Request:
        for name in names:
            request.headers.pop(name, None)
        return request

    return auth


ACCOUNT = ("OpenAI-Organization", "OpenAI-Project")
"""Headers that name the user's account, which is OpenAI's business alone."""


def certificates() -> Future[SSLContext]:
    """Whom to trust; the certificates are read while the SDK is imported."""
    import httpx2

    return started(httpx2.create_ssl_context, name="certificates")


def http_client(
    target: Endpoint, trusted: Future[SSLContext], *, auth: Callable[[httpx2.Request], httpx2.Request]
) -> httpx2.Client:
    """The SDK's own HTTP client, except that it follows no redirect, and asks no proxy for this machine.

    Otherwise a credential would follow a redirect, and one for loopback would go to the proxy in the clear.
    """
    import httpx2
    from openai import DefaultHttpxClient

    from audiochat import watch

    try:
        return DefaultHttpxClient(
            verify=result(trusted),
            follow_redirects=False,
            auth=auth,
            trust_env=not target.loopback,
            event_hooks={"request": [watch.hurry], "response": [watch.watch]},
        )
    except (ImportError, OSError, ValueError, httpx2.InvalidURL) as exc:
        raise ConfigurationError(
            f"The connection cannot be set up: {' '.join(str(exc).split())[:200]}",
            hint="Check the proxy variables (HTTPS_PROXY, ALL_PROXY) and SSL_CERT_FILE.",
        ) from exc
