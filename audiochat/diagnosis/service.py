"""The way to a service, step by step; the first that fails is the one to mend."""

from __future__ import annotations

import socket
import ssl
from itertools import chain
from typing import TYPE_CHECKING

from audiochat import providers
from audiochat.audio import wav
from audiochat.chat.recordings import Recording
from audiochat.chat.request import Request, UserTurn
from audiochat.config import Source, checks
from audiochat.diagnosis.finding import SECONDS, Finding, failed
from audiochat.errors import AudiochatError, RefusedError, SignInError, UnavailableError
from audiochat.progress import NoProgress
from audiochat.transport import addresses, service_errors
from audiochat.transport.endpoint import OPENAI_HOSTS
from audiochat.transport.model_list import model_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audiochat.config import Settings
    from audiochat.transport.connection import Connection
    from audiochat.transport.endpoint import Endpoint

COST = "about 20 tokens: a tenth of a second of silence, answered in one word of text"
"""Of the request that shows whether the deployment answers."""

_PATIENCE = 5.0
"""Seconds for a step that should take a fraction of one."""

_WRONG_ADDRESS = ("placeholder", "address", "not_configured", "credential_withheld")
"""Errors of an endpoint that say nothing of the sign-in."""

_OF_THE_SIGN_IN = frozenset({"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"})
_OF_THE_ANSWER = frozenset({"AZURE_OPENAI_DEPLOYMENT_NAME", "AUDIOCHAT_MODEL", "AUDIOCHAT_VOICE"})
"""Variables that the credential has nothing to do with."""

_NOT_ALLOWED_TO_LIST = ("missing_scope", "permission_denied")
"""Refusals that are about listing models, and say nothing of asking one."""


def examine(settings: Settings, *, send_request: bool) -> Iterator[Finding]:
    """The way to the provider's service.

    Args:
        settings: As the commands would use them.
        send_request: Whether the request that proves the deployment may be sent, and paid for.
    """
    if settings.provider == "local":
        yield from _text_server(settings)
        return
    faulty = frozenset(problem.variable for problem in checks.problems(settings))
    azure = settings.provider == "azure"
    variable = "AZURE_OPENAI_ENDPOINT" if azure else "OPENAI_BASE_URL"
    address = settings.azure_endpoint if azure else settings.openai_base_url
    if variable in faulty:  # as the settings' own check says
        yield from _signed_in(providers.sign_in(settings), faulty)
        return
    try:
        connection = providers.connect(settings, NoProgress())
        target = addresses.parse(address or "", variable=variable)
    except AudiochatError as error:
        yield failed("endpoint", error)
        # A repository can bring a .env with an address of its author's: nobody signs in on account of that.
        if error.code in _WRONG_ADDRESS and settings.source(variable) is not Source.PROJECT_FILE:
            yield from _signed_in(providers.sign_in(settings), faulty)
        return
    base_url = str(connection.sdk.base_url).rstrip("/")
    yield Finding("endpoint", "ok", f"the credential may go to {base_url}/chat/completions")
    well = True
    for finding in chain(_reached(target), _signed_in(connection.sign_in, faulty)):
        yield finding
        well = well and finding.status != "failure"
    if well and faulty <= _OF_THE_ANSWER:
        yield from _asked(connection, target, base_url, faulty, send_request=send_request)


def _asked(
    connection: Connection, target: Endpoint, base_url: str, faulty: frozenset[str], *, send_request: bool
) -> Iterator[Finding]:
    """What the service itself says: to a request, or to the question for its models, which costs nothing.

    Args:
        connection: To the service.
        target: Where it is.
        base_url: The address that its SDK client starts from.
        faulty: Variables whose values cannot be meant; nothing that costs is asked with them.
        send_request: Whether the request may be sent.
    """
    if send_request and not faulty:
        yield _answered(connection)
        return
    listed = _listed(connection, target, base_url, look_for_model=not faulty)
    yield listed
    if listed.status != "failure" and not faulty:
        yield Finding("request", "warning", f"{connection.model} was not asked.", f"Asking it costs {COST}.")


def _signed_in(sign_in: Callable[[], str] | None, faulty: frozenset[str]) -> Iterator[Finding]:
    """Whether the sign-in works, where there is one; it does so without the service."""
    if sign_in is None or faulty & _OF_THE_SIGN_IN:
        return
    try:
        yield Finding("sign-in", "ok", f"signed in with {sign_in()}")
    except AudiochatError as error:
        yield failed("sign-in", error)


def _text_server(settings: Settings) -> Iterator[Finding]:
    """The server that answers in text for the local engine, where the user brings one."""
    address = settings.local.llm
    if address is None or not address.startswith(("http://", "https://")):
        return
    try:
        target = addresses.parse(address, variable="AUDIOCHAT_LOCAL_LLM")
    except AudiochatError as error:
        yield failed("text-server", error)
        return
    for finding in _reached(target):
        if finding.status == "failure":
            yield Finding("text-server", "failure", finding.what, "Start the server, or correct AUDIOCHAT_LOCAL_LLM.")
            return
    yield Finding("text-server", "ok", f"{target.url} listens")


def _reached(target: Endpoint) -> Iterator[Finding]:
    """Whether the host has an address, and something listens there that may be trusted."""
    found = _found(target)
    yield found
    if found.status == "ok":
        yield _secured(target) if target.secure else _listening(target)


def _found(target: Endpoint) -> Finding:
    if _proxied(target):
        return Finding("dns", "ok", "left to the proxy")
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(target.host, None, type=socket.SOCK_STREAM)}
    except OSError as exc:
        why = exc.strerror or "no such name"
        return Finding("dns", "failure", f"{target.host} cannot be found: {why}.", "Check its name, and the network.")
    what = "an address, not a name" if target.host in found else f"{target.host} is {', '.join(sorted(found))}"
    return Finding("dns", "ok", what)


def _listening(target: Endpoint) -> Finding:
    if _proxied(target):
        return Finding("tls", "ok", "not used, as allowed; the connection is left to the proxy")
    try:
        socket.create_connection((target.host, target.port), timeout=_PATIENCE).close()
    except OSError as exc:
        return _no_connection("connection", target, exc)
    return Finding("tls", "ok", "not used, on this machine" if target.loopback else "not used, as allowed")


def _secured(target: Endpoint) -> Finding:
    if _proxied(target):
        return Finding("tls", "ok", "left to the proxy")
    import httpx2

    try:
        with (
            socket.create_connection((target.host, target.port), timeout=_PATIENCE) as plain,
            httpx2.create_ssl_context().wrap_socket(plain, server_hostname=target.host) as secure,
        ):
            return Finding("tls", "ok", f"{secure.version()}, certificate accepted")
    except ssl.SSLError as exc:
        cure = "Behind a proxy that inspects TLS, point SSL_CERT_FILE at its certificate."
        return Finding("tls", "failure", f"No secure connection: {exc.reason or exc}", cure)
    except OSError as exc:
        return _no_connection("tls", target, exc)


def _no_connection(check: str, target: Endpoint, exc: OSError) -> Finding:
    why = exc.strerror or ("no answer in time" if isinstance(exc, TimeoutError) else "no connection")
    if isinstance(exc, ConnectionRefusedError):
        what = f"Nothing listens at {target.host}:{target.port}."
        cure = "Start the server, or correct the address." if target.loopback else "Check the address and the firewall."
        return Finding(check, "failure", what, cure)
    what = f"{target.host}:{target.port} cannot be reached: {why}."
    return Finding(check, "failure", what, "Check the network, the firewall and the proxy settings.")


def _proxied(target: Endpoint) -> bool:
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    asked = ("https" if target.secure else "http") in proxies or "all" in proxies
    return asked and not target.loopback and not proxy_bypass(target.host)


def _listed(connection: Connection, target: Endpoint, base_url: str, *, look_for_model: bool) -> Finding:
    """What the list of models shows, which costs nothing: whether the credential is taken, and the model there."""
    import openai

    address = f"{base_url.partition('/deployments/')[0]}/models"
    try:
        models = model_names(connection.sdk, address, timeout=_PATIENCE)
    except openai.OpenAIError as exc:
        return _told(service_errors.translate(exc, hints=connection.hints))
    if models is None:
        return Finding("credential", "ok", f"{target.host} answers; it has no list of models")
    if look_for_model and target.within(OPENAI_HOSTS) and models and connection.model not in models:
        what = f"The credential is taken, but {connection.model} is not in the list of models."
        return Finding("credential", "warning", what, "Name a model that the account may use.")
    return Finding("credential", "ok", f"taken by {target.host}, as its list of models shows")


def _told(error: AudiochatError) -> Finding:
    """The finding about the credential after the list of models was refused."""
    about_it = isinstance(error, SignInError) and error.code not in _NOT_ALLOWED_TO_LIST
    if about_it or error.code in ("account_inactive", "proxy", "redirected"):
        return failed("credential", error)
    if isinstance(error, UnavailableError) and not error.code.startswith(("http_", "rate_")):
        return failed("credential", error)
    if isinstance(error, RefusedError | SignInError):
        return Finding("credential", "ok", "not refused; the service shows no list of models")
    return Finding("credential", "warning", error.message, error.hint)


def _answered(connection: Connection) -> Finding:
    """The cheapest request that an audio model takes: silence in, one token of text out."""
    from audiochat.chat.client import Client
    from audiochat.transport.retry import RetryPolicy

    silence = Recording(wav.wrap(bytes(4800)), "wav")
    request = Request(
        model=connection.model,
        turns=(UserTurn("Say ok.", (silence,)),),
        format=None,
        parameters={"max_completion_tokens": 1},
    )
    try:
        reply = Client(connection, timeout=SECONDS - 1, policy=RetryPolicy(retries=0)).ask(request)
    except AudiochatError as error:
        if error.code == "empty":  # one token can be nothing to see
            return Finding("request", "ok", f"{connection.model} answers")
        return failed("request", error)
    return Finding("request", "ok", f"{reply.model or connection.model} answers")
