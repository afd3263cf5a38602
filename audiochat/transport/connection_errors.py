"""Why there was no answer, or only a part of one: names, proxies, TLS, connections that break."""

from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING

from audiochat.errors import AudiochatError, BrokenAnswerError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

_LONGEST = 400
"""Characters of a library's own message that are worth a person's time."""


def causes(exc: BaseException | None) -> Iterator[BaseException]:
    """An exception and what led to it, outermost first."""
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def connection_error(exc: Exception) -> AudiochatError:
    """The error for an exception of the HTTP library, told by the chain of its causes."""
    import httpx2

    request: httpx2.Request | None = getattr(exc, "_request", None) or getattr(exc, "request", None)
    host = request.url.host if request is not None else "the service"
    chain = list(causes(exc))
    told = next((cause for cause in chain if isinstance(cause, AudiochatError)), None)
    if told is not None:  # a part of the local engine, or a sign-in, said what is wrong already
        return told
    through = _proxy_of(request)
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        if through is not None:
            return _no_proxy(through, host, "there is no such name")
        return UnavailableError(
            f"{host} cannot be found.", hint="Check the endpoint's name and the network.", code="no_such_host"
        )
    proxy = _proxy_error(chain, host)
    if proxy is not None:
        return proxy
    for cause in chain:
        if isinstance(cause, ssl.SSLError):
            return _tls_error(cause, host, request)
    if any(isinstance(cause, httpx2.ConnectTimeout | httpx2.ConnectError) for cause in chain):
        why = next((_reason(cause) for cause in chain if isinstance(cause, OSError) and str(cause)), "no connection")
        if through is not None:
            return _no_proxy(through, host, why)
        refused = any(isinstance(cause, ConnectionRefusedError) for cause in chain)
        port = request.url.port if request is not None else None
        return UnavailableError(
            f"{host if port is None else f'{host}:{port}'} cannot be reached: {shorten(why)}.",
            hint="Start the server, or correct its address."
            if refused
            else "Check the address, the network and the proxy.",
            code="not_reachable",
        )
    return _unfinished(exc, chain, host)


def shorten(text: str) -> str:
    """A text on one line, of a length that a person reads."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"


def _reason(exc: BaseException) -> str:
    """What an OSError says, without its number: `Connection refused`."""
    return getattr(exc, "strerror", None) or re.sub(r"^\[Errno -?\d+\] ", "", str(exc))


def _proxy_error(chain: list[BaseException], host: str) -> AudiochatError | None:
    """The error of a proxy that lets nobody through; the service was never reached then."""
    import httpx2

    refused = next((cause for cause in chain if isinstance(cause, httpx2.ProxyError)), None)
    if refused is None:
        return None
    said = shorten(str(refused)) or "no reason given"
    if "407" in said:
        hint = "Put user and password into the proxy's address: http://USER:PASSWORD@PROXY:PORT."
        return UnavailableError(f"The proxy on the way to {host} wants a password: {said}", hint=hint, code="proxy")
    return UnavailableError(
        f"The proxy on the way to {host} does not let the request through: {said}",
        hint="Ask for the host to be allowed, or leave the proxy out for it with NO_PROXY.",
        code="proxy",
    )


def _no_proxy(proxy: str, host: str, why: str) -> UnavailableError:
    return UnavailableError(
        f"The proxy {proxy}, on the way to {host}, cannot be reached: {shorten(why)}",
        hint="Check HTTPS_PROXY and ALL_PROXY, or leave the proxy out for this host with NO_PROXY.",
        code="proxy",
    )


def _tls_error(exc: ssl.SSLError, host: str, request: httpx2.Request | None) -> AudiochatError:
    proxies = _proxy_of(request, scheme="https")
    if "WRONG_VERSION_NUMBER" in str(exc) and proxies:
        return UnavailableError(
            f"The proxy at {proxies} speaks plain http, not https.",
            hint="Write its address as http://… in HTTPS_PROXY; what goes through it is encrypted all the same.",
            code="proxy",
        )
    if "WRONG_VERSION_NUMBER" in str(exc) and _proxy_of(request) is None:
        return UnavailableError(
            f"{host} speaks plain http, not https.",
            hint="Let its address begin with http://; credentials go there on this machine alone.",
            code="tls",
        )
    why = shorten(re.sub(r"\s*\(_ssl\.c:\d+\)", "", str(exc)))
    return UnavailableError(
        f"No secure connection to {host}: {why}",
        hint="Behind a proxy that inspects TLS, point SSL_CERT_FILE at its certificate.",
        code="tls",
    )


def _proxy_of(request: httpx2.Request | None, *, scheme: str = "") -> str | None:
    """The host and port of the proxy on the way of a request; None where there is none.

    Args:
        request: The request; None takes one over https.
        scheme: How the proxy's address has to begin.
    """
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    from audiochat.transport.endpoint import is_loopback

    host = request.url.host if request is not None else ""
    if is_loopback(host) or (host and proxy_bypass(host)):
        return None
    proxies = getproxies()
    address = proxies.get(request.url.scheme if request is not None else "https") or proxies.get("all") or ""
    if not address.startswith(f"{scheme}:" if scheme else ""):
        return None
    parts = urlsplit(address if "://" in address else f"http://{address}")
    if not parts.hostname:
        return None
    return parts.hostname if scheme or parts.port is None else f"{parts.hostname}:{parts.port}"


def _unfinished(exc: Exception, chain: list[BaseException], host: str) -> AudiochatError:
    """Why an answer from a service that was reached did not become whole."""
    import httpx2

    from audiochat.transport.deadlines import BrokenBodyError

    if any(isinstance(cause, BrokenBodyError) for cause in chain):
        return UnavailableError(
            f"The connection to {host} broke in the middle of the answer.",
            hint="The answer was made, and probably counts, so it was not asked for twice.",
            code="connection_broken",
        )
    if any(isinstance(cause, httpx2.DecodingError | httpx2.SSEError) for cause in chain):
        return BrokenAnswerError(
            f"What {host} answered cannot be decoded: {shorten(str(exc))}",
            hint="The service, or something between, is at fault; try again, and report it if it lasts.",
        )
    if any(isinstance(cause, httpx2.TimeoutException) for cause in chain):
        return UnavailableError(
            f"{host} did not answer in time.",
            hint="It may be at work all the same, so it was not asked twice.",
            code="timeout",
        )
    return UnavailableError(
        f"The connection to {host} broke before the answer began.",
        hint="Try again; if it lasts, look at proxies and firewalls on the way.",
        code="connection_broken",
    )
