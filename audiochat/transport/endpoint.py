"""Where a request goes, and whether a credential may go with it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from audiochat.config import Settings, Source
from audiochat.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection

AZURE_HOSTS = (
    ".openai.azure.com",
    ".cognitiveservices.azure.com",
    ".services.ai.azure.com",
    ".openai.azure.us",
    ".cognitiveservices.azure.us",
)
"""Suffixes of the hosts at which Microsoft itself answers. API gateways of customers are not among them."""

OPENAI_HOSTS = ("api.openai.com", ".api.openai.com")
"""OpenAI's host, and its regional ones."""

# Stricter than any URL parser, so that no two of them can disagree about where the host ends.
_PLAIN = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,4}|:[1-5][0-9]{4}|:6[0-4][0-9]{3}|:65[0-4][0-9]{2}|:655[0-2][0-9]|:6553[0-5])?(?:/[A-Za-z0-9._~%/-]*)?"
)

_MAYBE_SECRET = re.compile(r"[A-Za-z]{2}:/|:[^/]*@|[?&#][^/]*=", re.DOTALL)
"""Looks like an address, a user with a password, a parameter: also where there is no scheme before it."""


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

    @property
    def port(self) -> int:
        """As given, or that of the scheme."""
        return urlsplit(self.url).port or (443 if self.secure else 80)

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine by its very name: nothing is looked up."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def within(self, hosts: Collection[str]) -> bool:
        """Whether the host is one of `hosts`, or below one that starts with a dot."""
        return any(self.host == name or (name.startswith(".") and self.host.endswith(name)) for name in hosts)


def parse(text: str, *, variable: str) -> Endpoint:
    """The endpoint that `text`, the value of `variable`, names.

    Raises:
        ConfigurationError: it is no plain http or https URL.
    """
    trimmed = text.strip().rstrip("/")
    if not _PLAIN.fullmatch(trimmed) or not _is_host(trimmed):
        raise ConfigurationError(
            f"{variable} is not an address that can be used.",  # which may hold a password, so it is not shown
            hint="It looks like https://NAME.openai.azure.com or https://HOST/v1, without user, query or spaces.",
        )
    parts = urlsplit(trimmed)
    return Endpoint(trimmed, (parts.hostname or "").lower(), parts.scheme == "https", parts.path)


def shown(text: object) -> str:
    """An address (or a file) as it may be shown: a password in it is none of anybody's business."""
    if text is None:
        return "nothing"
    told = str(text)
    if _MAYBE_SECRET.search(told) and not _PLAIN.fullmatch(told.strip().rstrip("/")):
        return "no address that can be used"
    return told


def _is_host(url: str) -> bool:
    """Whether what looks like an IP address is one."""
    try:
        host = urlsplit(url).hostname or ""
        if "[" in url:
            ipaddress.IPv6Address(host)
        elif host.rpartition(".")[2].isdigit():
            ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


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
        raise _refusal(f"{credential.name} would go to {endpoint.host} unencrypted.", f"Use https. {allow}")
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


def custom_headers(settings: Settings) -> tuple[Credential, ...]:
    """The headers that the SDK adds by itself, from OPENAI_CUSTOM_HEADERS: they may well be credentials."""
    name = "OPENAI_CUSTOM_HEADERS"
    return (Credential(name, Source.ENVIRONMENT),) if settings.sdk_headers else ()


def _refusal(message: str, hint: str) -> ConfigurationError:
    return ConfigurationError(message, hint=hint, code="credential_withheld")
