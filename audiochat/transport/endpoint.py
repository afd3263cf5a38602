"""Addresses of services, and whether a credential may go there."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from audiochat.config import Settings, Source
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

OPENAI_HOSTS = ("api.openai.com", ".api.openai.com")
"""OpenAI's host, and its regional ones."""

# Stricter than any URL parser, so that no two of them can disagree about where the host ends.
_PLAIN = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%/-]*)?", re.IGNORECASE
)
_HOST_ALONE = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]{1,5})?(/[A-Za-z0-9._~%/-]*)?")
_MAYBE_SECRET = re.compile(r"[A-Za-z]{2}:/|:[^/]*@|[?&#][^/]*=", re.DOTALL)
"""Looks like an address, a user with a password, a parameter: also where there is no scheme before it."""

_VERSION = re.compile(r"\?api-version=([A-Za-z0-9.-]+)", re.IGNORECASE)
_OPERATION = re.compile(
    r"/(chat/completions|completions|responses|embeddings|models|audio/(speech|transcriptions|translations)"
    r"|realtime|images/generations)$",
    re.IGNORECASE,
)
"""What portals and examples put behind the part of an address that is wanted."""
_DEPLOYMENT = re.compile(r"/deployments(/([^/]+))?$", re.IGNORECASE)
_UNFILLED = re.compile(
    r"[<>{}]|//(NAME|RESOURCE|HOST)\b|(?i:resource[-_]?name)"
    r"|(?i:your[-_ ]?(resource|azure|openai|endpoint|service|instance|account|name|host))"
)


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
    """The endpoint that a pasted address means: portals and examples give more of it than is wanted.

    What stands behind the part that is wanted is taken off: `/chat/completions` and other operations, the deployment
    and the API version of a target URI (they are remembered), slashes.

    Args:
        text: The value of the setting.
        variable: Its name.

    Raises:
        ConfigurationError: it cannot be understood. Its value is shown unless it may hold a password.
    """
    trimmed = text.strip()
    version = _VERSION.search(trimmed)
    address = trimmed[: version.start()] if version and version.end() == len(trimmed) else trimmed
    if re.match(r"(localhost|127\.0\.0\.1)([:/]|$)", address):
        address = f"http://{address}"
    elif "://" not in address and _HOST_ALONE.fullmatch(address):
        address = f"https://{address}"
    if _UNFILLED.search(address):
        raise _not_understood(trimmed, variable, "It holds a placeholder: put the name of your resource there.")
    if not _PLAIN.fullmatch(address) or not _is_host(address):
        raise _not_understood(trimmed, variable, _advice(address))
    parts = urlsplit(address)
    path = re.sub("/{2,}", "/", parts.path).rstrip("/")
    path = _OPERATION.sub("", path)
    deployment = _DEPLOYMENT.search(path)
    if deployment:
        path = path[: deployment.start()]
    base = f"{parts.scheme.lower()}://{parts.netloc.lower()}"
    return Endpoint(
        base + path,
        (parts.hostname or "").lower(),
        parts.scheme.lower() == "https",
        path,
        unquote(deployment[2]) if deployment and deployment[2] else None,
        version[1] if version and address != trimmed else None,
    )


def _advice(address: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9-]{2,64}", address):
        return f"For a resource of that name: https://{address}.openai.azure.com"
    return "It looks like https://NAME.openai.azure.com or https://HOST/v1, without user, query or spaces."


def _not_understood(value: str, variable: str, hint: str) -> ConfigurationError:
    told = shown(value)
    what = "" if told == NOT_SHOWN else f" ({told})"
    return ConfigurationError(f"{variable} is not an address that can be used{what}.", hint=hint)


NOT_SHOWN = "no address that can be used"


def shown(text: object) -> str:
    """An address (or a file) as it may be shown: without one that may hold a password."""
    if text is None:
        return "nothing"
    told = str(text)
    without_version = _VERSION.sub("", told)
    if _MAYBE_SECRET.search(without_version) and not _PLAIN.fullmatch(without_version.strip().rstrip("/")):
        return NOT_SHOWN
    return told


def _is_host(url: str) -> bool:
    """Whether what looks like an IP address or a port is one."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - raises ValueError beyond 65535
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
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not value.isprintable():
            raise ConfigurationError(
                f"{CUSTOM_HEADERS} holds a line that is no header.", hint="A line each: Ocp-Apim-Subscription-Key: KEY"
            )
        headers[name] = value
    return headers


def header_credentials(settings: Settings) -> tuple[Credential, ...]:
    """The custom headers as what they may well be: credentials."""
    return (Credential(CUSTOM_HEADERS, settings.source(CUSTOM_HEADERS)),) if settings.custom_headers else ()


def _refusal(message: str, hint: str) -> ConfigurationError:
    return ConfigurationError(message, hint=hint, code="credential_withheld")
