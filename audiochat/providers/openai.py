"""OpenAI, and any other server that speaks its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audiochat.errors import ConfigurationError
from audiochat.transport import endpoint
from audiochat.transport.connection import ACCOUNT, Connection, certificates, http_client, without
from audiochat.transport.endpoint import OPENAI_HOSTS, Credential

if TYPE_CHECKING:
    from audiochat.config import Settings
    from audiochat.progress import Progress
    from audiochat.providers import Connect

BASE_URL = "OPENAI_BASE_URL"
KEY = "OPENAI_API_KEY"

_HINTS = {
    "wrong_credential": f"Check {KEY}, and that it belongs to the server at {BASE_URL} if that is set.",
    "not_found": f"Check {BASE_URL}: it usually ends in /v1.",
    "no_such_host": f"Check {BASE_URL} and the network.",
}


def begin(settings: Settings, _progress: Progress) -> Connect:
    """Begin the SDK client for OpenAI, or for the server that OPENAI_BASE_URL names.

    Raises:
        ConfigurationError: OpenAI's own host needs a key, or the key must not go to the server.
    """
    target = endpoint.parse(settings.openai_base_url, variable=BASE_URL)
    key = settings.openai_api_key
    if key is None and target.within(OPENAI_HOSTS):
        raise ConfigurationError(f"{KEY} is not set.", hint="See .env.example, or choose another --provider.")
    sent = [] if key is None else [Credential(KEY, settings.source(KEY))]
    for credential in (*sent, *endpoint.custom_headers(settings)):
        endpoint.check(target, credential, settings=settings, variable=BASE_URL, vendor_hosts=OPENAI_HOSTS)

    def connect() -> Connection:
        trusted = certificates()
        from openai import OpenAI

        # A server of one's own often has no keys; then none is sent, not even a made-up one.
        left_out = (*(() if key else ("Authorization",)), *(() if target.within(OPENAI_HOSTS) else ACCOUNT))
        sdk = OpenAI(
            base_url=target.url,
            api_key=key or "none",  # the SDK insists on one
            http_client=http_client(target, trusted, auth=without(*left_out)),
            max_retries=0,
        )
        return Connection(sdk=sdk, provider="openai", model=settings.model or "", hints=_HINTS)

    return connect
