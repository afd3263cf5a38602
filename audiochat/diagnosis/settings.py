"""The settings in use, each with its origin, and what is set without being read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audiochat.chat import voices
from audiochat.config import SECRETS, Source, checks
from audiochat.diagnosis.finding import Finding, failed
from audiochat.errors import AudiochatError
from audiochat.transport import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiochat.config import Settings

_USED = {
    "azure": ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_DEPLOYMENT_NAME", "OPENAI_API_VERSION"),
    "openai": ("OPENAI_BASE_URL", "OPENAI_API_KEY", "AUDIOCHAT_MODEL"),
    "local": (),
}
"""What a provider is told, also where it is the default."""

_ALONE = {
    "azure": ("AZURE_", "OPENAI_API_VERSION", "OPENAI_CUSTOM_HEADERS"),
    "openai": ("OPENAI_",),
    "local": ("AUDIOCHAT_LOCAL_",),
}
"""The beginnings of the names that only one provider reads."""

_UNSET = {
    "AZURE_OPENAI_API_KEY": "is not set: you sign in with Microsoft Entra ID",
    "OPENAI_API_KEY": "is not set: no key is sent",
}


def examine(settings: Settings) -> Iterator[Finding]:
    """Each setting as the commands would use it."""
    pasted = _of_target_uri(settings)
    model = pasted.get("AZURE_OPENAI_DEPLOYMENT_NAME") or settings.model
    named = f"model {model}" if model else "with the engine's own model"
    yield Finding("provider", "ok", f"{settings.provider}, {named}{_why_local(settings)}")
    faulty: dict[str, AudiochatError] = {problem.variable: problem.error for problem in checks.problems(settings)}
    lacking = voices.not_of_the_engine(settings)
    if lacking is not None:
        faulty.setdefault("AUDIOCHAT_VOICE", lacking)
    for variable in dict.fromkeys((*_shown(settings), *settings.sources)):
        if variable in faulty or not _is_understood(settings, variable):  # said where the way to it is examined
            continue
        source, value = settings.source(variable), _values(settings).get(variable)
        if variable in pasted:
            what = f"is {pasted[variable]}, from the target URI in AZURE_OPENAI_ENDPOINT"
        elif source is Source.DEFAULT:
            what = _UNSET.get(variable) or f"is {value}, the default"
        else:
            what = f"is {value}, from {source.value}" if value is not None else f"is set, from {source.value}"
        yield Finding("setting", "ok", f"{variable} {what}", used=_is_used(settings, variable))
    for error in faulty.values():
        yield failed("placeholder" if error.code == "placeholder" else "setting", error)
    for notice in settings.notices:
        yield Finding("notice", "warning", notice)
    for unread in settings.unread:
        if any(unread.told in notice for notice in settings.notices):
            continue
        wanted = unread.instead if unread.matters and unread.instead else None
        cure = f"Set {wanted}." if wanted and _is_used(settings, wanted) else None
        yield Finding("unread", "warning", unread.told, cure)


def _is_understood(settings: Settings, variable: str) -> bool:
    """Whether the address in a variable is one, or what it holds is no address at all."""
    given = {"AZURE_OPENAI_ENDPOINT": settings.azure_endpoint, "OPENAI_BASE_URL": settings.openai_base_url}
    try:
        addresses.parse(given.get(variable) or "https://none", variable=variable)
    except AudiochatError:
        return False
    return True


def _why_local(settings: Settings) -> str:
    """Why the local engine answers, where nothing has chosen it: what is not set, and where it was looked for."""
    if settings.provider != "local" or "AUDIOCHAT_PROVIDER" in settings.sources:
        return ""
    return (
        ", because none of AZURE_OPENAI_ENDPOINT, OPENAI_API_KEY and OPENAI_BASE_URL is set. Looked for in "
        f"{', '.join(settings.searched)}"
    )


def _of_target_uri(settings: Settings) -> dict[str, str]:
    """What the portal's target URI says, where it stands for the endpoint and nothing else says it."""
    from audiochat.providers.azure import from_target_uri

    if settings.provider != "azure" or not settings.azure_endpoint:
        return {}
    try:
        target = addresses.parse(settings.azure_endpoint, variable="AZURE_OPENAI_ENDPOINT")
    except AudiochatError:  # another check says so
        return {}
    deployment, version = from_target_uri(target, settings)
    found = {"AZURE_OPENAI_DEPLOYMENT_NAME": deployment, "OPENAI_API_VERSION": version}
    return {variable: value for variable, value in found.items() if value}


def _shown(settings: Settings) -> Iterator[str]:
    for variable in _USED[settings.provider]:
        if variable == "AZURE_OPENAI_DEPLOYMENT_NAME" and "AUDIOCHAT_MODEL" in settings.sources:
            continue  # -m and AUDIOCHAT_MODEL come before it
        yield variable
    yield "AUDIOCHAT_VOICE"


def _is_used(settings: Settings, variable: str) -> bool:
    """Whether a setting has to do with what answers."""
    others = [names for provider, names in _ALONE.items() if provider != settings.provider]
    own = _ALONE[settings.provider]
    return variable.startswith(own) or not any(variable.startswith(names) for names in others)


def _values(settings: Settings) -> dict[str, str | None]:
    """The values that may be shown; never that of a secret."""
    local = settings.local
    values = {
        "AUDIOCHAT_PROVIDER": settings.provider,
        "AZURE_OPENAI_ENDPOINT": addresses.shown(settings.azure_endpoint),
        "AZURE_OPENAI_DEPLOYMENT_NAME": settings.model,
        "OPENAI_API_VERSION": settings.azure_api_version,
        "OPENAI_BASE_URL": addresses.shown(settings.openai_base_url),
        "AUDIOCHAT_MODEL": settings.model,
        "AUDIOCHAT_VOICE": settings.voice,
        "AUDIOCHAT_LOCAL_LLM": addresses.shown(local.llm),
        "AUDIOCHAT_LOCAL_STT": addresses.shown(local.stt),
        "AUDIOCHAT_LOCAL_TTS": addresses.shown(local.tts),
    }
    return {variable: value for variable, value in values.items() if variable not in SECRETS}
