"""Read the address of a service as people paste it: from portals, examples, logs and other tools."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote, urlsplit

from audiochat.config.checks import TO_FILL_IN
from audiochat.errors import ConfigurationError
from audiochat.transport.endpoint import Endpoint

NOT_SHOWN = "no address that can be used"
"""Instead of an address that may hold a password."""

# Stricter than any URL parser, so that no two of them can disagree about where the host ends.
_PLAIN = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%/-]*)?", re.IGNORECASE
)
_HOST_ALONE = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]{1,5})?(/[A-Za-z0-9._~%/-]*)?")
_THIS_MACHINE = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])([:/]|$)", re.IGNORECASE)
_PARTS = re.compile(r"[@=?#:]")
"""What stands before a part of an address that may be a secret; also before a port."""
_MAYBE_A_KEY = re.compile(r"[A-Za-z0-9_-]{25,}")
"""No dot, no slash, and long: pasted into the wrong setting."""
_USER = re.compile(r"//[^/@]*@")
_VALUE = re.compile(r"([?&](?!(?:api-version|deployment|model)=)[^=&#]*=)[^&#]*", re.IGNORECASE)
"""A parameter whose value may be a secret."""
_FRAGMENT = re.compile(r"#.*", re.DOTALL)
_SHOWABLE = re.compile(
    r"(?:[a-z]{2,6}:/{0,3}(?:…@)?)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%/-]*)?"
    r"(?:\?[A-Za-z0-9._~%&=…-]*)?(?:#…)?",
    re.IGNORECASE,
)
"""An address whose parts are where they seem to be."""

_HOST_AND_PATH = r"([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]{1,5})?)((?:/[A-Za-z0-9._~-]+)*)"
_LINK = re.compile(r"\[[^\]]*\]\(([^)]+)\)")
"""A link in Markdown."""
_VERSION = re.compile(r"\?api-version=([A-Za-z0-9.-]+)", re.IGNORECASE)
_OPERATION = re.compile(
    r"/(chat/completions|completions|responses|embeddings|models|audio/(speech|transcriptions|translations)"
    r"|realtime|images/generations)$",
    re.IGNORECASE,
)
"""What portals and examples put behind the part of an address that is wanted."""
_DEPLOYMENT = re.compile(r"/deployments(/([^/]+))?$", re.IGNORECASE)
_UNFILLED = re.compile(
    r"[<>{}]|\[(?![0-9a-f:.]*\])|//(NAME|RESOURCE|HOST|ENDPOINT|GATEWAY|SERVER|x{3,}|\.{3})(?![\w-])"
    r"|(?i:resource[-_]?name)|(?i://yours?(?=[.:/]|$))|//(docs-test-001|aoai-docs|aoairesource)\."
    r"|(?i:(?<![a-z0-9])your[-_ ]?(own|api|resource|azure|openai|endpoint|service|instance|account|name|host|deployment"
    r"|project|foundry|hub|custom|domain|gateway|server|region))"
    r"|/(DEPLOYMENT|MODEL|PROJECT|PATH)(?=/|$)"
)
"""What stands in examples and documents for a name of one's own; Azure's own pages write `docs-test-001` and others."""
_PORTALS = {
    "portal.azure.com": "Azure's portal",
    "ai.azure.com": "Azure's portal",
    "oai.azure.com": "Azure's portal",
    "portal.azure.us": "Azure's portal",
    "portal.azure.cn": "Azure's portal",
    "learn.microsoft.com": "the documentation",
    "platform.openai.com": "OpenAI's site",
    "chatgpt.com": "OpenAI's site",
    "chat.openai.com": "OpenAI's site",
    "login.microsoftonline.com": "the sign-in",
    "management.azure.com": "Azure's management",
}
"""Hosts of pages for people, which are no API."""
_PAGE = "That is a page of {}: copy the endpoint that it shows, not its address."


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
    pasted = _unwrapped(text)
    version = _VERSION.search(pasted)
    whole = version is not None and version.end() == len(pasted)
    address = _with_scheme(pasted[: version.start()] if version is not None and whole else pasted)
    if _UNFILLED.search(address):
        raise _not_filled_in(pasted, variable)
    if not _PLAIN.fullmatch(address) or not _is_host(address):
        raise _not_understood(pasted, variable, _advice(address))
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    if host in _PORTALS:
        raise _not_understood(pasted, variable, _PAGE.format(_PORTALS[host]))
    path = _OPERATION.sub("", re.sub("/{2,}", "/", parts.path).rstrip("/")).rstrip("/")
    deployment = _DEPLOYMENT.search(path)
    if deployment:
        path = path[: deployment.start()]
    scheme = parts.scheme.lower()
    return Endpoint(
        f"{scheme}://{parts.netloc.lower()}{path}",
        host,
        scheme == "https",
        path,
        unquote(deployment[2]) if deployment and deployment[2] else None,
        version[1] if version and whole else None,
    )


def shown(text: object) -> str:
    """An address (or a file) as it may be shown: a user, a password and the values of parameters left out."""
    if text is None:
        return "nothing"
    told = str(text).strip()
    if _MAYBE_A_KEY.fullmatch(told):
        return NOT_SHOWN
    if not _PARTS.search(told[8:]):  # behind the scheme
        return told
    masked = _FRAGMENT.sub("#…", _VALUE.sub(r"\1…", _USER.sub("//…@", told)))
    return masked if _SHOWABLE.fullmatch(masked) else NOT_SHOWN


def _unwrapped(text: str) -> str:
    """An address without what texts put around it: a link's brackets, a comma behind it."""
    trimmed = text.strip()
    link = _LINK.fullmatch(trimmed)
    if link:
        trimmed = link[1]
    if re.match(r"<https?://[^<>]+>$", trimmed, re.IGNORECASE):
        trimmed = trimmed[1:-1]
    return trimmed.rstrip(",;")


def _with_scheme(address: str) -> str:
    """An address with http:// for this machine, https:// for any other, where it has none."""
    if _THIS_MACHINE.match(address):
        return f"http://{address}"
    if "://" not in address and _HOST_ALONE.fullmatch(address):
        return f"https://{address}"
    return address


def _advice(address: str) -> str:
    """What to do about an address that cannot be understood: which part of it to keep, where one can be seen."""
    if _MAYBE_A_KEY.fullmatch(address):
        return "It looks like a key, not like an address: https://NAME.openai.azure.com or https://HOST/v1."
    if re.fullmatch(r"[A-Za-z0-9-]{2,64}", address):
        return f"For a resource of that name: https://{address}.openai.azure.com"
    found = re.match(rf"(?:[a-z]{{2,6}}:/*|/+)*(?:[^/?#@\s]*@)?{_HOST_AND_PATH}", address, re.IGNORECASE)
    found = found or re.search(rf"https?://{_HOST_AND_PATH}", address, re.IGNORECASE)
    if found and _is_host(f"https://{found[1]}"):
        if found[1].lower() in _PORTALS:
            return _PAGE.format(_PORTALS[found[1].lower()])
        path = _DEPLOYMENT.sub("", _OPERATION.sub("", found[2]))
        path = "" if path.lower() == "/openai" else path
        scheme = "http" if address.lower().startswith("http:") else "https"
        return f"Keep this part: {scheme}://{found[1].lower()}{path}"
    return "It looks like https://NAME.openai.azure.com or https://HOST/v1, without user, query or spaces."


def _not_filled_in(value: str, variable: str) -> ConfigurationError:
    told = shown(value)
    what = "" if told == NOT_SHOWN else f", {told}"
    hint = TO_FILL_IN.get(variable, "Put the server's own address there.")
    return ConfigurationError(f"{variable} holds a placeholder{what}.", hint=hint, code="placeholder")


def _not_understood(value: str, variable: str, hint: str) -> ConfigurationError:
    told = shown(value)
    what = "" if told == NOT_SHOWN else f" ({told})"
    return ConfigurationError(f"{variable} is not an address that can be used{what}.", hint=hint, code="address")


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
