"""Refuse settings that cannot be meant, before anything is sent, and say what a person should know of the others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audiochat.config import values
from audiochat.config.values import Source
from audiochat.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audiochat.config import Settings

LONGEST_TIMEOUT = 86_400.0
"""Seconds of a request, at most: a day."""

HEADER_VALUE = re.compile(r"[\x21-\x7e]+")
"""What a header can carry of a credential."""

_DATED = re.compile(r"[A-Za-z0-9.-]+")

_ON_THE_COMMAND_LINE = {"AUDIOCHAT_MODEL": "model", "AUDIOCHAT_VOICE": "voice", "AUDIOCHAT_SERVE_KEY": "key"}
"""What an option gives, by the variable that gives it too."""

TO_FILL_IN = {
    "AZURE_OPENAI_ENDPOINT": "Put your resource's own address there; the portal shows it under 'Keys and Endpoint'.",
    "AZURE_OPENAI_API_KEY": "Put the key itself there, or unset it to sign in with Microsoft Entra ID ('az login').",
    "AZURE_OPENAI_DEPLOYMENT_NAME": "Put the name of your deployment there; the portal lists it under 'Deployments'.",
    "OPENAI_BASE_URL": "Put the server's own address there.",
    "OPENAI_API_KEY": "Put the key itself there, or unset it.",
}
"""What to do about a placeholder, by the variable that holds it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A setting that cannot be meant."""

    variable: str
    error: ConfigurationError


def check(settings: Settings) -> None:
    """Refuse settings that cannot be meant.

    Raises:
        ConfigurationError: a variable that the provider uses holds a placeholder, or what cannot be its value.
        UsageError: a number is out of bounds.
    """
    check_limits(settings)
    for problem in problems(settings):
        raise problem.error


def check_limits(settings: Settings) -> None:
    """Refuse numbers out of bounds.

    Raises:
        UsageError: there is one.
    """
    if not 0 < settings.timeout <= LONGEST_TIMEOUT:
        raise UsageError(
            f"A request cannot have {settings.timeout:g} seconds.",
            hint=f"Give it more than 0, and at most {LONGEST_TIMEOUT:.0f}.",
            code="no_such_timeout",
        )
    if settings.retries < 0:
        raise UsageError(
            f"A request cannot be sent again {settings.retries} times.",
            hint="Give a number from 0 on.",
            code="no_such_retries",
        )


def problems(settings: Settings) -> Iterator[Problem]:
    """The settings that cannot be meant, each once, with what is wrong with it."""
    keys = _keys(settings)
    for variable, value in _used(settings):
        try:
            _check_filled_in(settings, variable, value)
            if variable in keys:
                _check_key(settings, variable, value)
        except ConfigurationError as error:
            yield Problem(variable, error)
    if settings.provider == "azure" and not _DATED.fullmatch(settings.azure_api_version):
        what = f"OPENAI_API_VERSION is no version of the API ({settings.azure_api_version})."
        hint = "It looks like 2025-01-01-preview."
        yield Problem("OPENAI_API_VERSION", ConfigurationError(what, hint=hint))
    elif settings.provider == "azure" and _is_of_v1(settings):
        what = f"OPENAI_API_VERSION is {settings.azure_api_version}, which is of Azure's v1 API."
        hint = "Unset it; for the v1 API let AZURE_OPENAI_ENDPOINT end in /openai/v1."
        yield Problem("OPENAI_API_VERSION", ConfigurationError(what, hint=hint))


def notices(settings: Settings, is_set: Callable[[str], object]) -> Iterator[str]:
    """What a person should know: settings that were meant, while the local engine answers because of a missing one.

    Args:
        settings: All of them.
        is_set: Whether a variable is set.
    """
    if settings.provider != "local" or "AUDIOCHAT_PROVIDER" in settings.sources:
        return
    meant = [name for name in ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_DEPLOYMENT_NAME") if is_set(name)]
    if meant:
        verb = "is" if len(meant) == 1 else "are"
        yield f"{' and '.join(meant)} {verb} set, but AZURE_OPENAI_ENDPOINT is not, so the local engine answers."
    chooses = ("AZURE_OPENAI_ENDPOINT", "OPENAI_API_KEY", "OPENAI_BASE_URL")
    for unread in settings.unread:
        if unread.instead in chooses and unread.matters:
            yield f"{unread.told} The local engine answers."


def _used(settings: Settings) -> Iterator[tuple[str, str]]:
    """The settings that the provider uses, but for addresses, which `transport.endpoint` reads."""
    entra = settings.entra
    candidates: dict[str, str | None] = {"AUDIOCHAT_VOICE": settings.voice, "AUDIOCHAT_MODEL": settings.model}
    if settings.provider == "azure":
        candidates |= {
            "AZURE_OPENAI_DEPLOYMENT_NAME": settings.model,
            "OPENAI_API_VERSION": settings.azure_api_version,
            "AZURE_OPENAI_ENDPOINT": settings.azure_endpoint,
        }
        if settings.azure_api_key is None:
            candidates |= {
                "AZURE_TENANT_ID": entra.tenant_id,
                "AZURE_CLIENT_ID": entra.client_id,
                "AZURE_CLIENT_SECRET": entra.client_secret,
            }
    elif settings.provider == "openai":
        candidates |= {
            "OPENAI_BASE_URL": settings.openai_base_url,
            "OPENAI_ORG_ID": settings.openai_organization,
            "OPENAI_PROJECT_ID": settings.openai_project,
        }
    else:
        local = settings.local
        candidates |= {
            "AUDIOCHAT_LOCAL_LLM": local.llm,
            "AUDIOCHAT_LOCAL_LLM_MODEL": local.llm_model,
            "AUDIOCHAT_LOCAL_STT": local.stt,
        }
    keys = _keys(settings)
    candidates |= keys
    for variable, value in candidates.items():
        if value and settings.source(variable) is not Source.DEFAULT:
            yield variable, value


def _is_of_v1(settings: Settings) -> bool:
    """Whether the version is one that only the v1 API has, while the endpoint is that of the dated API."""
    endpoint = (settings.azure_endpoint or "").lower()
    dated = not any(path in endpoint for path in ("/openai/v1", "/api/projects"))
    return dated and settings.azure_api_version.lower() in ("v1", "preview", "latest")


def _keys(settings: Settings) -> dict[str, str]:
    """The key that the provider uses, and that of our own server."""
    used = {
        "azure": ("AZURE_OPENAI_API_KEY", settings.azure_api_key),
        "openai": ("OPENAI_API_KEY", settings.openai_api_key),
        "local": ("AUDIOCHAT_LOCAL_LLM_KEY", settings.local.llm_key),
    }
    keys = (used[settings.provider], ("AUDIOCHAT_SERVE_KEY", settings.serve_key))
    return {variable: key for variable, key in keys if key}


def _check_filled_in(settings: Settings, variable: str, value: str) -> None:
    where = settings.source(variable).value
    found = values.UNEXPANDED.search(value)
    if found:
        raise ConfigurationError(
            f"{variable} holds {found[0]}, which is not filled in here ({where}).",
            hint="Write the value itself: variables in .env are not expanded, because a file that came with a "
            "repository could send your secrets along.",
            code="placeholder",
        )
    if values.is_placeholder(value) and "://" not in value:  # of addresses, `transport.addresses` says more
        raise _placeholder(settings, variable, value)


def _placeholder(settings: Settings, variable: str, value: str) -> ConfigurationError:
    source = settings.source(variable)
    what = f"{variable} holds a placeholder"
    if source is Source.FLAG:
        what = f"The {_ON_THE_COMMAND_LINE.get(variable, 'value')} is a placeholder"
    hint = TO_FILL_IN.get(variable, "Replace it with a value of your own, or unset it.")
    return ConfigurationError(f"{what}, {value} ({source.value}).", hint=hint, code="placeholder")


def _check_key(settings: Settings, variable: str, key: str) -> None:
    base = settings.openai_base_url.lower()
    openai = variable == "OPENAI_API_KEY" and "openai.com" in base
    vendor = openai or variable == "AZURE_OPENAI_API_KEY"
    if vendor and values.is_no_vendors_key(key):
        raise _placeholder(settings, variable, key)
    if not HEADER_VALUE.fullmatch(key):
        hint = "Copy it again, whole."
        if key.lower().startswith(("bearer ", "api-key", "authorization")):
            hint = "Set it to the key alone, without what stands before it in a header."
        raise ConfigurationError(f"{variable} is no key: it holds spaces or characters that no key has.", hint=hint)
