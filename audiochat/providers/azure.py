"""Azure OpenAI: keyless with Microsoft Entra ID unless a key is set; the dated API and the v1 API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from audiochat.background import run_in_thread, wait_for
from audiochat.config import HEADER, Source
from audiochat.errors import ConfigurationError, SignInError
from audiochat.transport import endpoint
from audiochat.transport.connection import ACCOUNT, Connection, certificates, http_client, without
from audiochat.transport.endpoint import AZURE_HOSTS, Credential, Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from ssl import SSLContext

    from openai import OpenAI

    from audiochat.config import Settings
    from audiochat.progress import Progress
    from audiochat.providers import Connect

ENDPOINT = "AZURE_OPENAI_ENDPOINT"
KEY = "AZURE_OPENAI_API_KEY"

SCOPE = "https://cognitiveservices.azure.com/.default"
SCOPE_V1 = "https://ai.azure.com/.default"
SCOPE_US_GOVERNMENT = "https://cognitiveservices.azure.us/.default"

_V1 = "/openai/v1"
_HINTS = {
    "wrong_credential": f"Check that {ENDPOINT} and {KEY} belong to one resource; "
    "or unset the key to sign in with 'az login'.",
    "permission_denied": "Have the role 'Cognitive Services OpenAI User' assigned to you on the resource; "
    "it takes some minutes to work.",
    "DeploymentNotFound": "Give the deployment's exact name with -m or AZURE_OPENAI_DEPLOYMENT_NAME "
    "(a new one takes five minutes).",
    "not_found": f"Check {ENDPOINT} (https://NAME.openai.azure.com, or ending in {_V1}) and OPENAI_API_VERSION.",
    "not_an_audio_model": "Name a deployment of an audio model (gpt-audio, gpt-audio-mini) with -m.",
    "no_such_host": f"Check the name in {ENDPOINT}, and the network.",
}


def begin(settings: Settings, _progress: Progress) -> Connect:
    """Begin the sign-in to the resource that AZURE_OPENAI_ENDPOINT names; then make the SDK client for it.

    Raises:
        ConfigurationError: there is no endpoint, or the credential must not go to it.
    """
    if settings.azure_endpoint is None:
        raise ConfigurationError(f"{ENDPOINT} is not set.", hint="See .env.example, or choose another --provider.")
    target = endpoint.parse(settings.azure_endpoint, variable=ENDPOINT)
    key = settings.azure_api_key
    credential = (
        Credential(KEY, settings.source(KEY))
        if key
        else Credential("the sign-in with Microsoft Entra ID", Source.ENVIRONMENT, token=True)
    )
    for sent in (credential, *endpoint.custom_headers(settings)):
        endpoint.check(target, sent, settings=settings, variable=ENDPOINT, vendor_hosts=AZURE_HOSTS)
    sign_in = None if key else _SignIn(target)

    def connect() -> Connection:
        model = settings.model or ""
        trusted = certificates()
        sent_with = key or cast("_SignIn", sign_in).token
        if target.path.endswith(_V1):
            sdk = _v1(target, sent_with, trusted)
        else:
            sdk = _dated(target, sent_with, trusted, model, settings.azure_api_version)
        signed = None if sign_in is None else sign_in.credential
        return Connection(sdk=sdk, provider="azure", model=model, hints=_HINTS, sign_in=signed)

    return connect


def _v1(target: Endpoint, credential: str | Callable[[], str], trusted: Future[SSLContext]) -> OpenAI:
    from openai import OpenAI

    client = http_client(target, trusted, auth=without(*ACCOUNT))
    return OpenAI(base_url=target.url, api_key=credential, http_client=client, max_retries=0)


def _dated(
    target: Endpoint,
    credential: str | Callable[[], str],
    trusted: Future[SSLContext],
    deployment: str,
    api_version: str,
) -> OpenAI:
    from openai import AzureOpenAI

    return AzureOpenAI(
        azure_endpoint=target.url,
        azure_deployment=quote(deployment, safe=""),
        api_version=api_version,
        api_key=credential if isinstance(credential, str) else None,
        azure_ad_token_provider=None if isinstance(credential, str) else credential,
        http_client=http_client(target, trusted, auth=without(*ACCOUNT)),
        max_retries=0,
    )


def scope(target: Endpoint) -> str:
    """The audience of the token that `target` accepts."""
    if target.host.endswith(".azure.us"):
        return SCOPE_US_GOVERNMENT
    if target.path.endswith(_V1) or target.host.endswith(".services.ai.azure.com"):
        return SCOPE_V1
    return SCOPE


class _SignIn:
    """Gives tokens; the first is asked for at once, while the SDK is imported and recordings are read."""

    def __init__(self, target: Endpoint) -> None:
        from azure.identity import AzureAuthorityHosts, DefaultAzureCredential, get_bearer_token_provider

        government = target.host.endswith(".azure.us")
        try:
            chain = DefaultAzureCredential(**{"authority": AzureAuthorityHosts.AZURE_GOVERNMENT} if government else {})
        except ValueError as exc:  # what it says may quote the value
            raise ConfigurationError(
                "The sign-in with Microsoft Entra ID cannot be set up: a variable of it has no possible value.",
                hint="Check AZURE_AUTHORITY_HOST, AZURE_TENANT_ID and AZURE_TOKEN_CREDENTIALS, or unset them.",
            ) from exc
        self._ask = get_bearer_token_provider(chain, scope(target))
        self._credential = "Microsoft Entra ID"
        self._first: Future[str] | None = run_in_thread(self._heard, name="sign-in")

    def token(self) -> str:
        """A token that is valid for a while.

        Raises:
            SignInError: no credential of the chain gives one.
        """
        from azure.core.exceptions import AzureError

        first, self._first = self._first, None
        try:
            token = self._ask() if first is None else wait_for(first)
        except AzureError as exc:
            raise _sign_in_error(str(exc.message)) from exc
        if not HEADER.fullmatch(token):
            raise _sign_in_error("what came as a token is none")
        return token

    def credential(self) -> str:
        """Which credential of the chain answers."""
        self.token()
        return self._credential

    def _heard(self) -> str:
        """The first token; only the library's log knows which credential gave it."""
        import logging

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


def _sign_in_error(message: str) -> SignInError:
    """Condense the some twenty lines of DefaultAzureCredential to what was tried, and the way in."""
    tried = list(dict.fromkeys(re.findall(r"^\s*(\w+)Credential:", message, re.MULTILINE)))
    first = next((line.strip() for line in message.splitlines() if line.strip()), "no reason given")
    reason = f"tried {', '.join(tried)}" if tried else first[:200]
    return SignInError(
        f"Keyless sign-in with Microsoft Entra ID failed: {reason}.",
        hint=f"Run 'az login' (and 'az account set' for the right subscription), or set {KEY}.",
        code="sign_in_failed",
    )
