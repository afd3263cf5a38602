"""Azure OpenAI: keyless with Microsoft Entra ID unless a key is set; the dated API and the v1 API."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from audiochat.config import Source
from audiochat.errors import ConfigurationError
from audiochat.providers.entra import SignIn
from audiochat.transport import endpoint
from audiochat.transport.connection import ACCOUNT, Connection, certificates, http_client, without
from audiochat.transport.endpoint import AZURE_HOSTS, REGIONAL_HOSTS, Credential, Endpoint

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
DEPLOYMENT = "AZURE_OPENAI_DEPLOYMENT_NAME"
VERSION = "OPENAI_API_VERSION"

_V1 = "/openai/v1"
_PATHS = (_V1, "/openai", "/api/projects")

_HINTS = {
    "DeploymentNotFound": f"Give the deployment's exact name with -m or {DEPLOYMENT} (a new one takes five minutes).",
    "not_found": f"Check {ENDPOINT} (https://NAME.openai.azure.com, or ending in {_V1}) and {VERSION}.",
    "not_an_audio_model": "Name a deployment of an audio model (gpt-audio, gpt-audio-mini) with -m.",
    "model_retired": "Deploy a model that is offered (gpt-audio, gpt-audio-mini), and name the deployment with -m.",
    "api_version": f"Set {VERSION} to a version that the resource knows (2025-01-01-preview), "
    f"or let {ENDPOINT} end in {_V1}.",
    "no_such_host": f"Check the name in {ENDPOINT}, and the network.",
    "keys_disabled": f"Unset {KEY} to sign in with Microsoft Entra ID ('az login').",
}
_KEY_HINTS = {
    "wrong_credential": f"Check that {ENDPOINT} and {KEY} belong to one resource; "
    "or unset the key to sign in with 'az login'.",
}
_SIGN_IN_HINTS = {
    "wrong_credential": "Sign in again ('az login') to the tenant of the resource, and check that "
    f"{ENDPOINT} is the resource's own address.",
    "permission_denied": "Have the role 'Cognitive Services OpenAI User' assigned to you on the resource; "
    "it takes some minutes to work.",
    "tenant_mismatch": "Sign in to the resource's tenant: az login --tenant TENANT, or set AZURE_TENANT_ID.",
}


def begin(settings: Settings, progress: Progress) -> Connect:
    """Begin the sign-in to the resource that AZURE_OPENAI_ENDPOINT names; then make the SDK client for it.

    Raises:
        ConfigurationError: there is no endpoint, or the credential must not go to it.
    """
    if settings.azure_endpoint is None:
        hint = "See .env.example, or choose another --provider."
        raise ConfigurationError(f"{ENDPOINT} is not set.", hint=hint)
    target = _resource(endpoint.parse(settings.azure_endpoint, variable=ENDPOINT))
    key = settings.azure_api_key
    if key is None and target.within(REGIONAL_HOSTS):
        raise ConfigurationError(
            f"{target.host} is a regional endpoint, which takes keys and no sign-in.",
            hint=f"Set {ENDPOINT} to the resource's own address (https://NAME.openai.azure.com), or set {KEY}.",
        )
    credential = (
        Credential(KEY, settings.source(KEY))
        if key
        else Credential("the sign-in with Microsoft Entra ID", Source.ENVIRONMENT, token=True)
    )
    for sent in (credential, *endpoint.header_credentials(settings)):
        endpoint.check(target, sent, settings=settings, variable=ENDPOINT, vendor_hosts=AZURE_HOSTS)
    headers = endpoint.custom_headers(settings)
    deployment = _deployment(target, settings, progress)
    sign_in = None if key else SignIn(target, settings)

    def connect() -> Connection:
        trusted = certificates()
        secret = key or _signed_in(sign_in)
        if target.ends_with(_V1):
            sdk = _v1(target, secret, trusted, headers)
        else:
            version = target.api_version if _is_default(settings, VERSION) else None
            sdk = _dated(target, secret, trusted, headers, deployment, version or settings.azure_api_version)
        hints = {**_HINTS, **(_KEY_HINTS if key else _SIGN_IN_HINTS)}
        signs = None if sign_in is None else sign_in.credential
        return Connection(sdk=sdk, provider="azure", model=deployment, hints=hints, sign_in=signs, audio_only=True)

    return connect


def _resource(target: Endpoint) -> Endpoint:
    """The address that requests start from: the v1 API's, or the resource's with nothing of ours behind it."""
    path = target.path.lower()
    start = min((path.find(one) for one in _PATHS if one in path), default=-1)
    if start < 0:
        return target
    before = target.path[:start]
    v1 = path.endswith(_V1) or "/api/projects" in path
    return target.below(before + _V1 if v1 else before)


def _deployment(target: Endpoint, settings: Settings, progress: Progress) -> str:
    """The deployment to ask: as the user names it, else as the target URI does."""
    if target.deployment is None or not (
        _is_default(settings, DEPLOYMENT) and _is_default(settings, "AUDIOCHAT_MODEL")
    ):
        return settings.model or ""
    progress.note(f"The deployment is {target.deployment}, as {ENDPOINT} says.")
    return target.deployment


def _is_default(settings: Settings, variable: str) -> bool:
    return settings.source(variable) is Source.DEFAULT


def _signed_in(sign_in: SignIn | None) -> Callable[[], str]:
    assert sign_in is not None  # noqa: S101 - there is a key or a sign-in
    return sign_in.token


def _v1(
    target: Endpoint, credential: str | Callable[[], str], trusted: Future[SSLContext], headers: dict[str, str]
) -> OpenAI:
    from openai import OpenAI

    client = http_client(target, trusted, auth=without(*ACCOUNT))
    return OpenAI(base_url=target.url, api_key=credential, http_client=client, default_headers=headers, max_retries=0)


def _dated(  # noqa: PLR0917 - one call, of which each argument is one of the SDK's
    target: Endpoint,
    credential: str | Callable[[], str],
    trusted: Future[SSLContext],
    headers: dict[str, str],
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
        default_headers=headers,
        max_retries=0,
    )
