"""Azure OpenAI: keyless with Microsoft Entra ID unless a key is set; the dated API and the v1 API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from audiochat.config import Source
from audiochat.errors import ConfigurationError
from audiochat.providers.entra import SignIn
from audiochat.transport import addresses, endpoint
from audiochat.transport.connection import ACCOUNT, Connection, certificates, http_client, without
from audiochat.transport.endpoint import AZURE_HOSTS, OPENAI_HOSTS, REGIONAL_HOSTS, Credential, Endpoint

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
_OF_THE_API = re.compile(r"/(openai(?P<v1>/v1)?|api/(?P<project>projects)|models)(?=/|$)", re.IGNORECASE)
"""What portals put behind the resource's address: of the API, of a Foundry project, of Azure's inference service."""

_HINTS = {
    "DeploymentNotFound": f"Set {DEPLOYMENT} to the deployment's exact name; a new one takes five minutes.",
    "not_found": f"Check {ENDPOINT} (https://NAME.openai.azure.com, or ending in {_V1}) and {VERSION}.",
    "not_an_audio_model": f"Set {DEPLOYMENT} to a deployment of an audio model (gpt-audio, gpt-audio-mini).",
    "unknown_modalities": f"Set {VERSION} to 2025-01-01-preview or later, "
    f"and {DEPLOYMENT} to a deployment of an audio model (gpt-audio, gpt-audio-mini).",
    "model_retired": f"Deploy a model that is offered (gpt-audio, gpt-audio-mini), and set {DEPLOYMENT} to it.",
    "model_not_found": f"Set {DEPLOYMENT} to the name of a deployment that the resource has.",
    "api_version": f"Set {VERSION} to a version that the resource knows (2025-01-01-preview), "
    f"or let {ENDPOINT} end in {_V1}.",
    "no_such_host": f"Check the name in {ENDPOINT}, and the network.",
    "permission_denied": "Have the role 'Cognitive Services OpenAI User' assigned to you on the resource; "
    "it takes some minutes to work.",
    "web_page": f"A gateway or firewall refuses the request, or {ENDPOINT} is not the resource's address.",
    "account_inactive": "Look at the subscription in Azure's portal: it has to be active.",
}
"""What to do, by the error's code, however we signed in."""

_KEY_HINTS = {
    "wrong_credential": f"Check that {ENDPOINT} and {KEY} belong to one resource; "
    "or unset the key to sign in with 'az login'.",
    "keys_disabled": f"Unset {KEY} to sign in with Microsoft Entra ID ('az login').",
}
"""The same, where a key is used."""

_SIGN_IN_HINTS = {
    "wrong_credential": "Sign in again ('az login') to the tenant of the resource, and check that "
    f"{ENDPOINT} is the resource's own address.",
    "tenant_mismatch": "Sign in to the resource's tenant: az login --tenant TENANT, or set AZURE_TENANT_ID.",
}
"""The same, where we signed in with Microsoft Entra ID."""


def begin(settings: Settings, progress: Progress) -> Connect:
    """Begin the sign-in to the resource that AZURE_OPENAI_ENDPOINT names; then make the SDK client for it.

    Raises:
        ConfigurationError: there is no endpoint, or the credential must not go to it.
    """
    target = _resource(settings)
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
    deployment, version = _taken_apart(target, settings, progress)
    sign_in = None if key else SignIn(target, settings)

    def connect() -> Connection:
        trusted = certificates()
        secret = key or _signed_in(sign_in)
        if target.ends_with(_V1):
            sdk = _v1(target, secret, trusted, headers)
        else:
            sdk = _dated(target, secret, trusted, headers, deployment, version)
        hints = {**_HINTS, **(_KEY_HINTS if key else _SIGN_IN_HINTS)}
        signs = None if sign_in is None else sign_in.credential
        return Connection(sdk=sdk, provider="azure", model=deployment, hints=hints, sign_in=signs, audio_only=True)

    return connect


def sign_in_alone(settings: Settings) -> Callable[[], str]:
    """What signs in to the cloud whose hosts the endpoint seems to name, and tells with what; nothing is sent to it."""
    found = re.search(r"\.azure\.(us|cn)\b", settings.azure_endpoint or "", re.IGNORECASE)
    host = f"name.openai.azure.{found[1].lower() if found else 'com'}"
    return lambda: SignIn(Endpoint(f"https://{host}", host, secure=True, path=""), settings).credential()


def _resource(settings: Settings) -> Endpoint:
    """The address that requests start from: the v1 API's, or the resource's with nothing of the API's behind it.

    Raises:
        ConfigurationError: there is none, or it is none of Azure's.
    """
    if settings.azure_endpoint is None:
        unread = [variable.told for variable in settings.unread if variable.instead == ENDPOINT]
        hint = " ".join(["Set it to https://NAME.openai.azure.com, in the environment or in .env.", *unread])
        raise ConfigurationError(f"{ENDPOINT} is not set.", hint=hint, code="not_configured")
    target = addresses.parse(settings.azure_endpoint, variable=ENDPOINT)
    if target.within(OPENAI_HOSTS):
        raise ConfigurationError(
            f"{ENDPOINT} is OpenAI's own address ({target.url}).",
            hint="Unset it, and set OPENAI_API_KEY to use OpenAI.",
            code="address",
        )
    found = _OF_THE_API.search(target.path)
    if found:
        before = target.path[: found.start()]
        return target.below(before + _V1 if found["v1"] or found["project"] else before)
    if target.path and target.within(AZURE_HOSTS):
        host = target.below("")
        raise ConfigurationError(
            f"{ENDPOINT} is not an address that can be used ({target.url}).",
            hint=f"Keep this part: {host.url} (or {host.url}{_V1} for the v1 API).",
            code="address",
        )
    return target


def from_target_uri(target: Endpoint, settings: Settings) -> tuple[str | None, str | None]:
    """The deployment and the version that a target URI names, where the user names none."""
    named = not (_is_default(settings, DEPLOYMENT) and _is_default(settings, "AUDIOCHAT_MODEL"))
    deployment = None if named else target.deployment
    version = target.api_version if target.deployment and _is_default(settings, VERSION) else None
    return deployment, version


def _taken_apart(target: Endpoint, settings: Settings, progress: Progress) -> tuple[str, str]:
    """The deployment and the version to ask: as the user names them, else as the target URI does."""
    deployment, version = from_target_uri(target, settings)
    newer = None if version == settings.azure_api_version else version
    told = {"deployment": deployment, "version of the API": newer}
    if any(told.values()):
        parts = " and ".join(f"{what} {value}" for what, value in told.items() if value)
        progress.note(f"{ENDPOINT} is a target URI: {parts} taken from it.")
    return deployment or settings.model or "", version or settings.azure_api_version


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
