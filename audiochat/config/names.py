"""Names of variables that are set and not read: other tools' names, misspelled ones, those of the environment alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

INSTEAD = {
    "AZURE_OPENAI_KEY": "AZURE_OPENAI_API_KEY",
    "AZURE_API_KEY": "AZURE_OPENAI_API_KEY",
    "AZURE_KEY": "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_KEY1": "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_SECRET": "AZURE_OPENAI_API_KEY",
    "AZURE_COGNITIVE_SERVICES_KEY": "AZURE_OPENAI_API_KEY",
    "AZURE_FOUNDRY_API_KEY": "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_APIKEY": "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_SUBSCRIPTION_KEY": "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_TOKEN": "AZURE_OPENAI_API_KEY",
    "AZURE_AI_API_KEY": "AZURE_OPENAI_API_KEY",
    "AZURE_INFERENCE_CREDENTIAL": "AZURE_OPENAI_API_KEY",
    "AZURE_API_BASE": "AZURE_OPENAI_ENDPOINT",
    "AZURE_ENDPOINT": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_HOST": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_TARGET_URI": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_API_INSTANCE_NAME": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_INSTANCE_NAME": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_API_HOST": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_API_URL": "AZURE_OPENAI_ENDPOINT",
    "AZURE_FOUNDRY_ENDPOINT": "AZURE_OPENAI_ENDPOINT",
    "AZURE_FOUNDRY_PROJECT_ENDPOINT": "AZURE_OPENAI_ENDPOINT",
    "AZURE_AI_PROJECT_ENDPOINT": "AZURE_OPENAI_ENDPOINT",
    "AZURE_EXISTING_AIPROJECT_ENDPOINT": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_BASE": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_API_BASE": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_BASE_URL": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_API_ENDPOINT": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_URL": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_SERVICE": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_RESOURCE": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_RESOURCE_NAME": "AZURE_OPENAI_ENDPOINT",
    "AZURE_AI_ENDPOINT": "AZURE_OPENAI_ENDPOINT",
    "AZURE_INFERENCE_ENDPOINT": "AZURE_OPENAI_ENDPOINT",
    "PROJECT_ENDPOINT": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_DEPLOYMENT": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_DEPLOYMENT_ID": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_CHAT_DEPLOYMENT": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_CHAT_DEPLOYMENT_NAME": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_CHATGPT_DEPLOYMENT": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_API_DEPLOYMENT_NAME": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_DEPLOYMENT": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_DEPLOYMENT_NAME": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_DEPLOYMENTNAME": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_CHAT_MODEL": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_AUDIO_DEPLOYMENT": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_API_DEPLOYMENT": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_AI_MODEL_DEPLOYMENT_NAME": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_MODEL": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_MODEL_NAME": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_API_VERSION": "OPENAI_API_VERSION",
    "AZURE_OPENAI_VERSION": "OPENAI_API_VERSION",
    "AZURE_API_VERSION": "OPENAI_API_VERSION",
    "AZURE_OPENAI_CHAT_API_VERSION": "OPENAI_API_VERSION",
    "AZURE_OPENAI_APIVERSION": "OPENAI_API_VERSION",
    "API_VERSION": "OPENAI_API_VERSION",
    "OPENAI_KEY": "OPENAI_API_KEY",
    "OPENAI_APIKEY": "OPENAI_API_KEY",
    "OPENAI_TOKEN": "OPENAI_API_KEY",
    "OPENAI_SECRET_KEY": "OPENAI_API_KEY",
    "OPENAI_API_TOKEN": "OPENAI_API_KEY",
    "OPENROUTER_API_KEY": "OPENAI_API_KEY",
    "DASHSCOPE_API_KEY": "OPENAI_API_KEY",
    "OPENAI_API_BASE": "OPENAI_BASE_URL",
    "OPENAI_BASE": "OPENAI_BASE_URL",
    "OPENAI_API_BASE_URL": "OPENAI_BASE_URL",
    "OPENAI_API_HOST": "OPENAI_BASE_URL",
    "OPENAI_HOST": "OPENAI_BASE_URL",
    "OPENAI_ENDPOINT": "OPENAI_BASE_URL",
    "OPENAI_API_ENDPOINT": "OPENAI_BASE_URL",
    "OPENAI_URL": "OPENAI_BASE_URL",
    "OPENAI_BASEURL": "OPENAI_BASE_URL",
    "OPENAI_SERVER": "OPENAI_BASE_URL",
    "OPENAI_PROXY_URL": "OPENAI_BASE_URL",
    "OLLAMA_HOST": "AUDIOCHAT_LOCAL_LLM",
    "OPENAI_ORGANIZATION": "OPENAI_ORG_ID",
    "OPENAI_ORG": "OPENAI_ORG_ID",
    "OPENAI_ORGANIZATION_ID": "OPENAI_ORG_ID",
    "OPENAI_PROJECT": "OPENAI_PROJECT_ID",
    "OPENAI_MODEL": "AUDIOCHAT_MODEL",
    "OPENAI_MODEL_NAME": "AUDIOCHAT_MODEL",
    "OPENAI_API_MODEL": "AUDIOCHAT_MODEL",
    "OPENAI_DEFAULT_MODEL": "AUDIOCHAT_MODEL",
    "OPENAI_CHAT_MODEL": "AUDIOCHAT_MODEL",
    "OPENAI_DEPLOYMENT_NAME": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "OPENAI_DEFAULT_HEADERS": "OPENAI_CUSTOM_HEADERS",
    "OPENAI_EXTRA_HEADERS": "OPENAI_CUSTOM_HEADERS",
    "OPENAI_HEADERS": "OPENAI_CUSTOM_HEADERS",
    "ARM_TENANT_ID": "AZURE_TENANT_ID",
    "ARM_CLIENT_ID": "AZURE_CLIENT_ID",
    "ARM_CLIENT_SECRET": "AZURE_CLIENT_SECRET",
    "OPENAI_VOICE": "AUDIOCHAT_VOICE",
    "AZURE_OPENAI_VOICE": "AUDIOCHAT_VOICE",
}
"""Names that other tools read, and what is read here."""

ENVIRONMENT_ONLY = frozenset(
    {
        "AUDIOCHAT_ALLOW_HOST",
        "AUDIOCHAT_ORDINARY_IMPORTS",
        "AUDIOCHAT_SERVE_KEY",
        "AZURE_AUTHORITY_HOST",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_CONFIG_DIR",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_PASSWORD",
        "AZURE_TOKEN_CREDENTIALS",
        "AZURE_USERNAME",
        "ALL_PROXY",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
    }
)
"""Names that libraries read from the environment, in capital or small letters; a file cannot set them."""

_NOT_AT_ALL = {
    "AZURE_OPENAI_AD_TOKEN": "a token is not taken; without AZURE_OPENAI_API_KEY the sign-in gets one",
    "AZURE_OPENAI_AUTH_TYPE": "without AZURE_OPENAI_API_KEY there is a sign-in",
    "OPENAI_API_TYPE": "AZURE_OPENAI_ENDPOINT, if it is set, chooses Azure",
}
"""Names that mean something to others, and what decides it here."""

_FAMILIES = ("AUDIOCHAT_", "AZURE_OPENAI_", "OPENAI_")
_NEAR = {"AUDIOCHAT_": 0.75, "AZURE_OPENAI_": 0.92, "OPENAI_": 0.92}
"""How much alike two names have to be for one to be the other misspelled, by their beginning."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A variable that is set and not read."""

    name: str
    told: str
    """A sentence about it, which names what is read in its place."""
    instead: str | None = None
    """The variable that is read in its place."""
    matters: bool = True
    """Whether that one is not set, so that this one was relied on."""


def unread(layers: Iterable[Mapping[str, str]], known: frozenset[str]) -> Iterator[Unread]:
    """The variables that are set and not read.

    Args:
        layers: What is set, by its source: the environment first, then the files.
        known: The names that are read.
    """
    environment, *files = layers
    merged = {name: value for values in (*reversed(files), environment) for name, value in values.items()}
    for name in sorted(merged):
        if not merged[name].strip() or name in known - ENVIRONMENT_ONLY:
            continue
        if name.upper() in ENVIRONMENT_ONLY:
            if not environment.get(name, "").strip():
                yield Unread(name, f"{name} is not read from a file: set it in the environment.")
        elif name in _NOT_AT_ALL:
            yield Unread(name, f"{name} is not read: {_NOT_AT_ALL[name]}.", matters=False)
        else:
            instead = _instead(name, known)
            if instead is not None:
                matters = not merged.get(instead, "").strip()
                yield Unread(name, f"{name} is not read; {instead} is.", instead, matters)


def _instead(name: str, known: frozenset[str]) -> str | None:
    """The known name that a name stands for, or was meant to be."""
    capitals = re.sub(r"[-. ]", "_", name.upper())
    if capitals in INSTEAD:
        return INSTEAD[capitals]
    if capitals in known:
        return capitals
    family = next((one for one in _FAMILIES if capitals.startswith(one)), None)
    if family is None:
        return None
    from difflib import get_close_matches

    return next(iter(get_close_matches(capitals, sorted(known), n=1, cutoff=_NEAR[family])), None)
