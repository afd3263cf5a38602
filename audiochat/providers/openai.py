"""OpenAI, and any other server that speaks its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audiochat.errors import ConfigurationError
from audiochat.transport import addresses, endpoint
from audiochat.transport.connection import ACCOUNT, Connection, certificates, http_client, without
from audiochat.transport.endpoint import AZURE_HOSTS, OPENAI_HOSTS, Credential

if TYPE_CHECKING:
    from audiochat.config import Settings
    from audiochat.progress import Progress
    from audiochat.providers import Connect
    from audiochat.transport.endpoint import Endpoint

BASE_URL = "OPENAI_BASE_URL"
KEY = "OPENAI_API_KEY"

_HINTS = {
    "not_found": f"Check {BASE_URL}: it usually ends in /v1.",
    "no_such_host": f"Check {BASE_URL} and the network.",
    "not_an_audio_model": "Name an audio model that the server has (gpt-audio, gpt-audio-mini).",
    "web_page": f"A gateway or firewall refuses the request, or {BASE_URL} is not the API's address.",
}
_KEY_HINTS = {
    "wrong_credential": f"Check {KEY}, and that it belongs to the server at {BASE_URL} if that is set.",
    "permission_denied": f"Give the key in {KEY} that right, or use another.",
}
_KEYLESS_HINTS = {"wrong_credential": f"The server wants a key: set {KEY}."}


def begin(settings: Settings, _progress: Progress) -> Connect:
    """Begin the SDK client for OpenAI, or for the server that OPENAI_BASE_URL names.

    Raises:
        ConfigurationError: OpenAI's own host needs a key, or the key must not go to the server.
    """
    target = _target(settings)
    openai = target.within(OPENAI_HOSTS)
    key = settings.openai_api_key
    if key is None and openai:
        unread = [variable.told for variable in settings.unread if variable.instead == KEY]
        hint = " ".join(["Set it in the environment or in .env.", *unread])
        raise ConfigurationError(f"{KEY} is not set.", hint=hint, code="not_configured")
    sent = [] if key is None else [Credential(KEY, settings.source(KEY))]
    for credential in (*sent, *endpoint.header_credentials(settings)):
        endpoint.check(target, credential, settings=settings, variable=BASE_URL, vendor_hosts=OPENAI_HOSTS)
    headers = endpoint.custom_headers(settings)

    def connect() -> Connection:
        trusted = certificates()
        from openai import OpenAI

        # A server of one's own often has no keys; then none is sent, not even a made-up one.
        left_out = (*(() if key else ("Authorization",)), *(() if openai else ACCOUNT))
        sdk = OpenAI(
            base_url=target.url,
            api_key=key or "none",  # the SDK insists on one
            organization=settings.openai_organization,
            project=settings.openai_project,
            http_client=http_client(target, trusted, auth=without(*left_out)),
            default_headers=headers,
            max_retries=0,
        )
        hints = {**_HINTS, **(_KEY_HINTS if key else _KEYLESS_HINTS)}
        return Connection(sdk=sdk, provider="openai", model=settings.model or "", hints=hints, audio_only=openai)

    return connect


def _target(settings: Settings) -> Endpoint:
    """The address that requests start from.

    Raises:
        ConfigurationError: it is none, or one of Azure's dated API.
    """
    target = addresses.parse(settings.openai_base_url, variable=BASE_URL)
    if target.within(OPENAI_HOSTS) and not target.path:
        return target.below("/v1")
    dated = target.deployment is not None or target.api_version is not None
    if dated or (target.within(AZURE_HOSTS) and not target.ends_with("/openai/v1")):
        raise ConfigurationError(
            f"{BASE_URL} is an address of Azure's own API ({target.url}).",
            hint="Set AZURE_OPENAI_ENDPOINT to it instead, and the key as AZURE_OPENAI_API_KEY.",
            code="address",
        )
    return target
