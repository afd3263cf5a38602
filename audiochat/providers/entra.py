"""Sign in with Microsoft Entra ID, in any of Azure's clouds."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audiochat.background import run_in_thread, wait_for
from audiochat.config import HEADER_VALUE, Source
from audiochat.errors import ConfigurationError
from audiochat.providers.sign_in_errors import sign_in_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from audiochat.config import Settings
    from audiochat.transport.endpoint import Endpoint

CLI_PATIENCE = 60
"""Seconds that `az` may take: its first start takes longer than the ten that azure-identity gives it."""

_SCOPE_V1 = "https://ai.azure.com/.default"


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Azure's clouds."""

    suffix: str
    """The end of its hosts."""
    scope: str
    """The audience of its tokens."""
    authority: str
    """The host where the sign-in happens."""
    cli_name: str | None = None
    """What the Azure CLI calls it; None for the one that it uses by itself."""

    @property
    def choose_command(self) -> str:
        """What has to be run before `az login`."""
        return f"az cloud set --name {self.cli_name} && " if self.cli_name else ""

    @property
    def choose(self) -> str:
        """The same as a sentence."""
        return f"Run 'az cloud set --name {self.cli_name}' first. " if self.cli_name else ""


PUBLIC = Cloud(".azure.com", "https://cognitiveservices.azure.com/.default", "login.microsoftonline.com")
_OTHERS = (
    Cloud(".azure.us", "https://cognitiveservices.azure.us/.default", "login.microsoftonline.us", "AzureUSGovernment"),
    Cloud(".azure.cn", "https://cognitiveservices.azure.cn/.default", "login.chinacloudapi.cn", "AzureChinaCloud"),
)


def cloud_of(target: Endpoint) -> Cloud:
    """The cloud that an endpoint belongs to; the public one where it is a gateway of a customer's."""
    return next((cloud for cloud in _OTHERS if target.host.endswith(cloud.suffix)), PUBLIC)


def scope(target: Endpoint) -> str:
    """The audience of the token that an endpoint accepts."""
    cloud = cloud_of(target)
    v1 = target.ends_with("/openai/v1") or target.host.endswith(".services.ai.azure.com")
    return _SCOPE_V1 if v1 and cloud is PUBLIC else cloud.scope


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
        self._cloud = cloud_of(target)
        self._credential = "Microsoft Entra ID"
        self._lock = threading.Lock()
        chain = _chain(self._cloud, settings)
        self._ask = _token_provider(chain, scope(target), settings.entra.tenant_id)
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
            except (AzureError, OSError, ValueError) as exc:
                raise sign_in_error(str(getattr(exc, "message", exc)), self._settings, self._cloud) from exc
        if not HEADER_VALUE.fullmatch(token):
            raise sign_in_error("what came as a token is none", self._settings, self._cloud)
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


def _chain(cloud: Cloud, settings: Settings) -> Any:
    """The credentials to try: the client secret of `.env`, then all that azure-identity knows.

    Raises:
        ConfigurationError: a variable has a value that azure-identity does not take.
    """
    from azure.identity import ChainedTokenCredential, ClientSecretCredential, DefaultAzureCredential

    entra = settings.entra
    options: dict[str, Any] = {"process_timeout": CLI_PATIENCE, "additionally_allowed_tenants": ["*"]}
    where = {} if entra.authority else {"authority": cloud.authority}
    if entra.client_id:  # azure-identity reads it from the environment alone
        options["managed_identity_client_id"] = entra.client_id
    try:
        usual = DefaultAzureCredential(**options, **where)
        names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
        in_environment = all(settings.source(name) is Source.ENVIRONMENT for name in names)
        if entra.tenant_id and entra.client_id and entra.client_secret and not in_environment:
            secret = ClientSecretCredential(entra.tenant_id, entra.client_id, entra.client_secret, **where)
            return ChainedTokenCredential(secret, usual)
    except (ValueError, OSError) as exc:
        raise _impossible(exc) from exc
    return usual


def _impossible(exc: Exception) -> ConfigurationError:
    """The error of a variable that azure-identity does not take; what it says may quote the value."""
    if isinstance(exc, OSError):
        return ConfigurationError(
            f"AZURE_CLIENT_CERTIFICATE_PATH cannot be read: {exc.strerror or 'no such file'}.",
            hint="Correct the path, or unset it.",
        )
    said = str(exc).lower()
    causes = {
        "azure_token_credentials": "AZURE_TOKEN_CREDENTIALS",
        "certificate": "AZURE_CLIENT_CERTIFICATE_PATH",
        "tenant": "AZURE_TENANT_ID",
        "authority": "AZURE_AUTHORITY_HOST",
    }
    variable = next((name for word, name in causes.items() if word in said), None)
    hints = {
        "AZURE_TOKEN_CREDENTIALS": "It takes dev, prod, or a credential's name such as AzureCliCredential.",
        "AZURE_CLIENT_CERTIFICATE_PATH": "It has to be a file in PEM or PKCS12, and its password right.",
        "AZURE_TENANT_ID": "It looks like 00000000-0000-0000-0000-000000000000 or contoso.onmicrosoft.com.",
        "AZURE_AUTHORITY_HOST": "It looks like https://login.microsoftonline.com.",
    }
    if variable is None:
        return ConfigurationError(
            "The sign-in with Microsoft Entra ID cannot be set up: a variable of it has no possible value.",
            hint=f"Check {', '.join(hints)}, or unset them.",
        )
    return ConfigurationError(f"{variable} has no possible value.", hint=f"{hints[variable]} Correct it, or unset it.")


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
