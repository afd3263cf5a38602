"""Why a sign-in with Microsoft Entra ID failed: azure-identity's own reason in one line, and the command that helps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audiochat.errors import AudiochatError, SignInError, UnavailableError
from audiochat.transport.connection_errors import shorten

if TYPE_CHECKING:
    from audiochat.config import Settings
    from audiochat.providers.entra import Cloud

_ATTEMPT = re.compile(r"^\s*(\w+)Credential: ", re.MULTILINE)
_CODE = re.compile(r"AADSTS(\d+)")
_COMMAND = re.compile(r"((?:az (?:login|account set|cloud set)|azd auth login|Connect-AzAccount)\b[^\n'`]*)")
_AFTER_THE_REASON = re.compile(
    r"\s*(Trace ID|Correlation ID|Timestamp|To mitigate this issue|See the troubleshooting guide|Visit https?:|For more"
    r" (details|information)).*",
    re.DOTALL,
)

_ABSENT = re.compile(
    r"authentication unavailable|not found on path|could not be found|azure-identity-broker|is not installed"
    r"|module >= |no accounts were found|configuration not found|cache unavailable|not fully configured",
    re.IGNORECASE,
)
"""What a credential says that is not set up here at all."""
_NOT_SIGNED_IN = re.compile(r"please run .?(az login|azd auth login|Connect-AzAccount)", re.IGNORECASE)
_WAS_THERE = re.compile(r"has not been assigned|multiple user assigned|identity not found", re.IGNORECASE)
_NO_NETWORK = re.compile(
    r"max retries exceeded|failed to (establish|resolve)|name resolution|getaddrinfo|connection (refused|reset|aborted)"
    r"|cannot connect|unable to connect|name or service not known|network is unreachable|timed out|tunnel connection",
    re.IGNORECASE,
)
_TLS = re.compile(r"certificate.verify.failed|SSLError|\[SSL\b", re.IGNORECASE)
_TLS_REASON = re.compile(r"certificate verify failed: ([^\(\)'\"]+)", re.IGNORECASE)
_UNAVAILABLE = re.compile(r"^\w+Credential authentication unavailable[.,]?\s*")

_BY_CODE = {
    "7000215": "Check AZURE_CLIENT_SECRET: it has to be the secret's value, not its id.",
    "7000222": "The secret has expired: make a new one for the application, and set AZURE_CLIENT_SECRET to it.",
    "700016": "Check AZURE_CLIENT_ID and AZURE_TENANT_ID: the application has to be one of that tenant.",
    "90002": "Check the tenant's id (AZURE_TENANT_ID), and that the sign-in is to the right cloud ('az cloud show').",
    "900023": "Check the tenant's id (AZURE_TENANT_ID).",
    "50020": "Sign in to the tenant of the resource: az login --tenant TENANT.",
    "500011": "Sign in to the tenant of the resource: az login --tenant TENANT.",
    "50057": "Have an administrator of the tenant enable the account, or sign in with another one: az login",
    "65001": "Have an administrator of the tenant consent to it.",
    "530": "The organization's rules allow it from other devices or places only: ask its administrator.",
    "7002": "Check the application's federated credential: its issuer, subject and audience.",
    "700024": "The token of the workload has expired: check that AZURE_FEDERATED_TOKEN_FILE is renewed.",
}
"""What to do, by Microsoft's own code or the first digits of it; the longest counts."""

_BY_CREDENTIAL = {
    "Environment": "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, all three.",
    "WorkloadIdentity": "The cluster has to set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE.",
    "ManagedIdentity": "A managed identity exists on Azure's own machines: assign one to this machine, and set "
    "AZURE_CLIENT_ID where there are several.",
    "AzureDeveloperCli": "Run: azd auth login",
    "AzurePowerShell": "Run in PowerShell: Connect-AzAccount",
    "AzureCli": "Install the Azure CLI and run 'az login'",
}
"""What to do where a credential gives no command of its own."""


_TOLD_INSTEAD = {
    "Failed to invoke the Azure CLI": "the Azure CLI did not end in time, or could not be started",
    "Unexpected output from Azure CLI": "the Azure CLI gave no token",  # it may be one, in an odd shape
}
_MAYBE_A_TOKEN = re.compile(
    r"(?<![\w./-])(?![\w.-]+\.(?:com|net|org|us|cn|de|io|ms|py)\b)(?:[\w-]+\.){2,}[\w-]*[A-Za-z][\w-]*|[\w~+=-]{41,}"
)
"""Words with dots that are no host's name, and very long ones: `az` may fail with the token in its hand."""

_NOTHING = {"ManagedIdentity": "no managed identity answers on this machine"}
"""What is said of a credential that says nothing itself."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What one credential of the chain said."""

    name: str
    """AzureCli, Environment; empty where there is no chain."""
    text: str

    @property
    def rank(self) -> int:
        """How much it tells: Microsoft's own code most, that there is no such credential here least."""
        tests = (
            _CODE.search(self.text),
            _NO_NETWORK.search(self.text) or _TLS.search(self.text),
            _WAS_THERE.search(self.text) or not (_ABSENT.search(self.text) or _NOT_SIGNED_IN.search(self.text)),
            _NOT_SIGNED_IN.search(self.text) and not _ABSENT.search(self.text),
        )
        return next((number for number, test in enumerate(tests) if test), len(tests))

    @property
    def absent(self) -> bool:
        return self.rank == 4


def sign_in_error(message: str, settings: Settings, cloud: Cloud) -> AudiochatError:
    """The error for what azure-identity says in some twenty lines.

    Args:
        message: What it says.
        settings: For the tenant, and for variables that were meant and are not read.
        cloud: Where the sign-in happens.
    """
    attempts = _attempts(message)
    telling = min(attempts, key=lambda attempt: attempt.rank)
    if not _CODE.search(telling.text) and telling.name != "ManagedIdentity":  # which asks a host of its own
        unreachable = _unreachable(telling.text, cloud)
        if unreachable is not None:
            return unreachable
    if telling.absent and len(attempts) > 1:
        reason = f"nothing to sign in with was found (tried {', '.join(attempt.name for attempt in attempts)})"
    else:
        reason = _reason(telling)
    hint = _hint(telling, attempts, settings, cloud)
    return SignInError(
        f"Keyless sign-in with Microsoft Entra ID failed: {reason.rstrip('.')}.",
        hint=" ".join([*_meant(settings), hint]),
        code="sign_in_failed",
    )


def _attempts(message: str) -> list[_Attempt]:
    parts = _ATTEMPT.split(message)
    found = [_Attempt(name, text.strip()) for name, text in zip(parts[1::2], parts[2::2], strict=True)]
    return found or [_Attempt("", message.strip())]


def _unreachable(text: str, cloud: Cloud) -> UnavailableError | None:
    """The error of a sign-in whose host cannot be reached; it is no wrong credential."""
    if _TLS.search(text):
        told = _TLS_REASON.search(text)
        why = told[1].strip(" .") if told else "the certificate is not accepted"
        return UnavailableError(
            f"No secure connection to {cloud.authority}, where the sign-in happens: {why}",
            hint="Behind a proxy that inspects TLS, point REQUESTS_CA_BUNDLE at its certificate.",
            code="sign_in_tls",
        )
    if "proxy" in text.lower():
        what = "wants a password (407)" if "407" in text else "cannot be used"
        return UnavailableError(
            f"The proxy on the way to {cloud.authority}, where the sign-in happens, {what}.",
            hint="Check HTTPS_PROXY; a password goes into it: http://USER:PASSWORD@PROXY:PORT.",
            code="sign_in_unreachable",
        )
    if not _NO_NETWORK.search(text):
        return None
    return UnavailableError(
        f"{cloud.authority}, where the sign-in with Microsoft Entra ID happens, cannot be reached from here.",
        hint="Check the network and the proxy settings; the sign-in needs it also where the service is near.",
        code="sign_in_unreachable",
    )


def _reason(attempt: _Attempt) -> str:
    """A credential's own reason in one sentence, without ids, commands and links."""
    text = _UNAVAILABLE.sub("", _AFTER_THE_REASON.sub("", attempt.text))
    stripped = (line.strip() for line in text.splitlines())
    lines = [line for line in stripped if line and not line.startswith("WARNING:")] or [
        _NOTHING.get(attempt.name, "no reason")
    ]
    line = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    for what, told in _TOLD_INSTEAD.items():
        line = told if what in line else line
    line = _MAYBE_A_TOKEN.sub("[left out]", line)
    line = re.sub(r"^((ERROR|Error|Authentication failed): ?)+|\[Errno \d+\] ", "", line)
    code = _CODE.search(line)
    start = line[code.start() :] if code else line
    sentence = re.split(r"(?<=[a-z)'\"])\. (?=[A-Z])", start, maxsplit=1)[0]
    prefix = f"{attempt.name}Credential"
    sentence = sentence.removeprefix(f"{prefix} ").removeprefix(f"{prefix}: ")
    return shorten(f"{attempt.name}: {sentence}" if attempt.name else sentence)


def _hint(telling: _Attempt, attempts: list[_Attempt], settings: Settings, cloud: Cloud) -> str:
    """What to do: the command that the reason names, else what its code or its credential wants."""
    command = _COMMAND.search(telling.text)
    if command and not telling.absent and command[1].strip(" .") != "az login":
        return f"Run: {_completed(command[1].strip().rstrip('.'), settings, cloud)}"
    code = _CODE.search(telling.text)
    found = [end for end in _BY_CODE if code and code[1].startswith(end)]
    if found:
        return f"{cloud.choose}{_BY_CODE[max(found, key=len)]}"
    if len(attempts) == 1 and telling.name in _BY_CREDENTIAL and telling.name != "AzureCli":
        return f"{_BY_CREDENTIAL[telling.name]} (AZURE_TOKEN_CREDENTIALS allows no other way.)"
    install = "Install the Azure CLI, then run" if "not found on path" in attempts[-1].text else "Run"
    login = _completed("az login", settings, cloud)
    return f"{install} '{login}' (and 'az account set' for the right subscription), or set AZURE_OPENAI_API_KEY."


def _completed(command: str, settings: Settings, cloud: Cloud) -> str:
    """A command of the Azure CLI, with the cloud and the tenant that are configured."""
    if command == "az login":
        tenant = settings.entra.tenant_id
        return f"{cloud.choose_command}az login{f' --tenant {tenant}' if tenant else ''}"
    return command


def _meant(settings: Settings) -> list[str]:
    """Variables that were set for this, and are not read."""
    meant = [unread.told for unread in settings.unread if unread.matters and unread.name.startswith("AZURE")]
    if settings.openai_api_key and not settings.azure_api_key:
        meant.append("OPENAI_API_KEY is for OpenAI; Azure's key goes into AZURE_OPENAI_API_KEY.")
    return meant
