"""Where a request goes, and whether a credential may go with it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from audiochat.config import Settings, Source
from audiochat.config.values import is_placeholder
from audiochat.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection

AZURE_HOSTS = (
    ".openai.azure.com",
    ".cognitiveservices.azure.com",
    ".services.ai.azure.com",
    ".api.cognitive.microsoft.com",
    ".openai.azure.us",
    ".cognitiveservices.azure.us",
    ".services.ai.azure.us",
    ".api.cognitive.microsoft.us",
    ".openai.azure.cn",
    ".cognitiveservices.azure.cn",
    ".api.cognitive.azure.cn",
)
"""Suffixes of the hosts at which Microsoft itself answers. API gateways of customers are not among them."""

REGIONAL_HOSTS = (".api.cognitive.microsoft.com", ".api.cognitive.microsoft.us", ".api.cognitive.azure.cn")
"""Azure's hosts that belong to a region, not to one resource: they take keys, and no sign-in."""

CUSTOM_HEADERS = "OPENAI_CUSTOM_HEADERS"

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

OPENAI_HOSTS = ("api.openai.com", ".api.openai.com")
"""OpenAI's host, and its regional ones."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An http(s) URL without query, credentials or anything ambiguous."""

    url: str
    """As given, without a slash at its end."""
    host: str
    """In lower case; an IPv6 address without brackets."""
    secure: bool
    """https, not http."""
    path: str
    """Starts with a slash, or is empty."""
    deployment: str | None = None
    """That a target URI names."""
    api_version: str | None = None
    """That a target URI names."""

    def ends_with(self, *paths: str) -> str | None:
        """The one of some paths that the address ends with, in whatever case."""
        return next((path for path in paths if self.path.lower().endswith(path)), None)

    def below(self, path: str) -> Endpoint:
        """The same endpoint with another path at its end: what stands before `path` stays."""
        return replace(self, url=self.url[: len(self.url) - len(self.path)] + path, path=path)

    @property
    def port(self) -> int:
        """As given, or that of the scheme."""
        return urlsplit(self.url).port or (443 if self.secure else 80)

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine by its very name: nothing is looked up."""
        return is_loopback(self.host)

    @property
    def unspecified(self) -> bool:
        """Whether the host is what servers call all addresses of their machine: 0.0.0.0."""
        return self.host in ("0.0.0.0", "::")  # noqa: S104 - nothing is bound to it

    def within(self, hosts: Collection[str]) -> bool:
        """Whether the host is one of `hosts`, or below one that starts with a dot."""
        return any(self.host == name or (name.startswith(".") and self.host.endswith(name)) for name in hosts)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name: nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Credential:
    """What is about to be sent, as far as the rules care."""

    name: str
    """How to call it in an error: the variable, or "the Entra sign-in"."""
    source: Source
    """Who gave it; a sign-in is the user's own."""
    token: bool = False
    """An Entra token, which only Azure's own hosts may see."""


def check(
    endpoint: Endpoint,
    credential: Credential,
    *,
    settings: Settings,
    variable: str,
    vendor_hosts: Collection[str],
) -> None:
    """Refuse to send a credential where its owner did not mean it to go.

    Args:
        endpoint: Where the request goes.
        credential: What would go with it.
        settings: For the source of the endpoint and for the hosts that the user allows.
        variable: The setting that named the endpoint.
        vendor_hosts: The hosts of the credential's own vendor.

    Raises:
        ConfigurationError: before anything is sent.
    """
    if endpoint.loopback or endpoint.host in settings.allowed_hosts:
        return
    allow = f"To allow it all the same, set AUDIOCHAT_ALLOW_HOST={endpoint.host} in the environment."
    if not endpoint.secure:
        here = f"Set {variable} to http://127.0.0.1:{endpoint.port}{endpoint.path} for a server on this machine."
        hint = here if endpoint.unspecified else f"Use https. {allow}"
        raise _refusal(f"{credential.name} would go to {endpoint.host} unencrypted.", hint)
    if endpoint.within(vendor_hosts):
        return
    if credential.token:
        raise _refusal(
            f"{credential.name} is for Azure's own hosts, and {endpoint.host} is none.",
            f"Correct {variable} or set AZURE_OPENAI_API_KEY. {allow}",
        )
    if settings.source(variable) is Source.PROJECT_FILE and credential.source is not Source.PROJECT_FILE:
        raise _refusal(
            f"{variable} comes from {Source.PROJECT_FILE.value} and names {endpoint.host}, "
            f"which would get {credential.name}, from {credential.source.value}.",
            allow,
        )


def custom_headers(settings: Settings) -> dict[str, str]:
    """The headers of OPENAI_CUSTOM_HEADERS.

    Raises:
        ConfigurationError: a line is none.
    """
    headers = {}
    for line in (settings.custom_headers or "").replace("\\n", "\n").splitlines():
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not line.strip():
            continue
        if not colon or not HEADER_NAME.fullmatch(name) or not value.isprintable():
            raise ConfigurationError(
                f"{CUSTOM_HEADERS} holds a line that is no header.", hint="A line each: Ocp-Apim-Subscription-Key: KEY"
            )
        if is_placeholder(value):
            raise ConfigurationError(
                f"{CUSTOM_HEADERS} holds a placeholder for {name}, {value}.",
                hint="Replace it with a value of your own.",
                code="placeholder",
            )
        headers[name] = value
    return headers


def header_credentials(settings: Settings) -> tuple[Credential, ...]:
    """The custom headers as what they may well be: credentials."""
    return (Credential(CUSTOM_HEADERS, settings.source(CUSTOM_HEADERS)),) if settings.custom_headers else ()


def _refusal(message: str, hint: str) -> ConfigurationError:
    return ConfigurationError(message, hint=hint, code="credential_withheld")
