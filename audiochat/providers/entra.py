"""Sign in with Microsoft Entra ID, and say why it fails in one line."""

from __future__ import annotations

import logging
import re
import threading
from typing import TYPE_CHECKING, Any

from audiochat.background import run_in_thread, wait_for
from audiochat.config import HEADER_VALUE, Source
from audiochat.errors import AudiochatError, ConfigurationError, SignInError, UnavailableError
from audiochat.transport.connection_errors import shorten
from audiochat.transport.redaction import REDACTED

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from audiochat.config import Settings
    from audiochat.transport.endpoint import Endpoint

SCOPE = "https://cognitiveservices.azure.com/.default"
SCOPE_V1 = "https://ai.azure.com/.default"
SCOPE_US_GOVERNMENT = "https://cognitiveservices.azure.us/.default"
SCOPE_CHINA = "https://cognitiveservices.azure.cn/.default"

_CLOUDS = {  # the end of a host: the scope of its tokens, and azure-identity's name of the authority
    ".azure.us": (SCOPE_US_GOVERNMENT, "AZURE_GOVERNMENT"),
    ".azure.cn": (SCOPE_CHINA, "AZURE_CHINA"),
}

CLI_PATIENCE = 60
"""Seconds that `az` may take: its first start takes longer than the ten that azure-identity gives it."""

_COMMAND = re.compile(r"\b((?:az login|azd auth login|Connect-AzAccount)\b[^\n]*)")
_CODE = re.compile(r"AADSTS\d+")
_TRACE = re.compile(r"\s*(Trace ID|Correlation ID|Timestamp|To mitigate this issue).*", re.DOTALL)
_ATTEMPT = re.compile(r"^\s*(\w+)Credential: ", re.MULTILINE)
_NOT_TRIED = re.compile(
    r"unavailable|not (installed|found|configured|set)|no response|environment variables|needs|isn't|is not",
    re.IGNORECASE,
)
_NO_NETWORK = re.compile(
    r"max retries exceeded|failed to (establish|resolve)|name resolution|getaddrinfo|connection (refused|reset|aborted)"
    r"|cannot connect|name or service not known|network is unreachable|timed out",
    re.IGNORECASE,
)
_PROXY = re.compile(r"tunnel connection failed|proxyerror|proxy authentication", re.IGNORECASE)
_OUTPUT = re.compile(r"(Unexpected output from \w+( \w+)?).*", re.DOTALL)
"""What `az` printed instead of a token may be a token."""
_TOKEN = re.compile(r"\beyJ[\w.-]+|(?<=token )(?=\S*[._\d-])[\w.-]{12,}", re.IGNORECASE)
_HOST = re.compile(r"host='([^']+)'|https://([A-Za-z0-9.-]+)")


def scope(target: Endpoint) -> str:
    """The audience of the token that an endpoint accepts."""
    for end, (audience, _) in _CLOUDS.items():
        if target.host.endswith(end):
            return audience
    if target.ends_with("/openai/v1") or target.host.endswith(".services.ai.azure.com"):
        return SCOPE_V1
    return SCOPE


class SignIn:
    """Gives tokens to many threads; the first is asked for at once, while the SDK is imported.

    Args:
        target: What the tokens are for.
        settings: For the tenant, the client and its secret.

    Raises:
        ConfigurationError: a variable of the sign-in has no possible value.
    """

    def __init__(self, target: Endpoint, settings: Settings) -> None:
        self._settings = settings
        self._scope = scope(target)
        self._credential = "Microsoft Entra ID"
        self._lock = threading.Lock()
        self._chain = _chain(target, settings)
        self._ask = _token_provider(self._chain, self._scope, settings.entra.tenant_id)
        self._first: Future[str] | None = run_in_thread(self._first_token, name="sign-in")

    def token(self) -> str:
        """A token that is valid for a while.

        Raises:
            SignInError: no credential of the chain gives one.
            UnavailableError: the sign-in's host cannot be reached.
        """
        from azure.core.exceptions import AzureError

        with self._lock:  # or sixteen threads would start `az` sixteen times
            first, self._first = self._first, None
            try:
                token = self._ask() if first is None else wait_for(first)
            except AzureError as exc:
                raise sign_in_error(str(exc.message), self._settings) from exc
        if not HEADER_VALUE.fullmatch(token):
            raise sign_in_error("what came as a token is none", self._settings)
        return token

    def credential(self) -> str:
        """Which credential of the chain answers."""
        self.token()
        return self._credential

    def _first_token(self) -> str:
        """The first token; only the library's log knows which credential gave it."""
        told: list[str] = []

        class Listener(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                told.extend(re.findall(r"acquired a token from (\w+)", record.getMessage()))

        logger = logging.getLogger("azure.identity")
        listener, level = Listener(logging.INFO), logger.level
        logger.addHandler(listener)
        logger.setLevel(logging.INFO)
        try:
            return self._ask()
        finally:
            logger.removeHandler(listener)
            logger.setLevel(level)
            self._credential = told[-1] if told else self._credential


def _chain(target: Endpoint, settings: Settings) -> Any:
    """The credentials to try: the client secret of `.env`, then all that azure-identity knows."""
    from azure.identity import (
        AzureAuthorityHosts,
        ChainedTokenCredential,
        ClientSecretCredential,
        DefaultAzureCredential,
    )

    authority = next((name for end, (_, name) in _CLOUDS.items() if target.host.endswith(end)), None)
    where = {} if authority is None else {"authority": getattr(AzureAuthorityHosts, authority)}
    entra = settings.entra
    try:
        usual = DefaultAzureCredential(process_timeout=CLI_PATIENCE, additionally_allowed_tenants=["*"], **where)
        from_file = settings.source("AZURE_CLIENT_SECRET") is not Source.ENVIRONMENT
        if from_file and entra.tenant_id and entra.client_id and entra.client_secret:
            secret = ClientSecretCredential(entra.tenant_id, entra.client_id, entra.client_secret, **where)
            return ChainedTokenCredential(secret, usual)
    except ValueError as exc:  # what it says may quote the value
        raise ConfigurationError(
            "The sign-in with Microsoft Entra ID cannot be set up: a variable of it has no possible value.",
            hint="Check AZURE_AUTHORITY_HOST, AZURE_TENANT_ID and AZURE_TOKEN_CREDENTIALS, or unset them.",
        ) from exc
    return usual


def _token_provider(chain: Any, audience: str, tenant: str | None) -> Callable[[], str]:
    """What gives a token that is kept for as long as it is valid; of a tenant, where the user names one."""
    from azure.identity import get_bearer_token_provider

    if tenant is None:
        return get_bearer_token_provider(chain, audience)

    class OfTenant:
        """A credential that asks for tokens of one tenant."""

        def get_token(self, *scopes: str, **options: Any) -> Any:
            return chain.get_token(*scopes, **{**options, "tenant_id": tenant})

        def get_token_info(self, *scopes: str, options: Any = None) -> Any:
            return chain.get_token_info(*scopes, options={**(options or {}), "tenant_id": tenant})

    return get_bearer_token_provider(OfTenant(), audience)


def sign_in_error(message: str, settings: Settings) -> AudiochatError:
    """Condense the some twenty lines of a failed sign-in to the reason that tells most, and the command that helps.

    Args:
        message: What azure-identity says.
        settings: For variables that were meant and are not read.
    """
    attempts = _attempts(message)
    name, reason = _most_telling(attempts) or ("", _first_sentence(message))
    if _PROXY.search(reason):
        return UnavailableError(
            "The proxy on the way to the sign-in with Microsoft Entra ID does not let it through (407 or 403).",
            hint="Put user and password into the proxy's address, or have login.microsoftonline.com allowed.",
            code="proxy",
        )
    if _NO_NETWORK.search(reason) and not _CODE.search(reason):
        found = _HOST.search(reason)
        host = (found[1] or found[2]) if found else "login.microsoftonline.com"
        return UnavailableError(
            f"{host}, where the sign-in with Microsoft Entra ID happens, cannot be reached from here.",
            hint="Check the network and the proxy settings; the sign-in needs it also where the service is near.",
            code="sign_in_unreachable",
        )
    command = _COMMAND.search(message)
    tried = "" if name else f" (tried {', '.join(attempts)})" if attempts else ""
    told = f"{name}: {_first_sentence(reason)}" if name else "no credential was found"
    if not attempts:
        told = _first_sentence(reason)
    hint = "Run 'az login' (and 'az account set' for the right subscription), or set AZURE_OPENAI_API_KEY."
    if command and name:
        hint = f"Run: {command[1].strip().rstrip('.')}"
    return SignInError(
        f"Keyless sign-in with Microsoft Entra ID failed: {told.rstrip('.')}{tried}.",
        hint=" ".join([hint, *_meant(settings)]),
        code="sign_in_failed",
    )


def _attempts(message: str) -> dict[str, str]:
    """What each credential of the chain said, by its name."""
    parts = _ATTEMPT.split(message)
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _most_telling(attempts: dict[str, str]) -> tuple[str, str] | None:
    """The credential that failed for a reason, rather than not being there; one with Microsoft's own code first."""
    failed = [(name, text) for name, text in attempts.items() if _CODE.search(text)]
    failed += [(name, text) for name, text in attempts.items() if _NO_NETWORK.search(text)]
    failed += [(name, text) for name, text in attempts.items() if not _NOT_TRIED.search(text)]
    return next(iter(failed), None)


def _first_sentence(text: str) -> str:
    """The reason itself, without trace ids and commands, and without what may be a token."""
    text = _OUTPUT.sub(r"\1", _TRACE.sub("", text.strip()))
    line = " ".join(next((line for line in text.splitlines() if line.strip()), "no reason given").split())
    line = re.sub(r"^(ERROR|Error): ?", "", line)
    code = _CODE.search(line)
    sentence = re.split(r"(?<=[a-z)'\"])\. (?=[A-Z])", line[code.start() :] if code else line, maxsplit=1)[0]
    if " " not in sentence:
        return "no reason given"
    return shorten(_TOKEN.sub(REDACTED, sentence))


def _meant(settings: Settings) -> list[str]:
    """Variables that were set for this, and are not read."""
    meant = [f"{name} is not read here; {read} is." for name, read in settings.unread if name.startswith("AZURE")]
    if settings.openai_api_key and not settings.azure_api_key:
        meant.append("OPENAI_API_KEY is for OpenAI; Azure's key goes into AZURE_OPENAI_API_KEY.")
    return meant
