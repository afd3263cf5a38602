"""Names of variables: those that other tools read and audiochat does not, and values that were never filled in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INSTEAD = {
    "AZURE_OPENAI_KEY": "AZURE_OPENAI_API_KEY",
    "AZURE_API_KEY": "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_APIKEY": "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_SUBSCRIPTION_KEY": "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_TOKEN": "AZURE_OPENAI_API_KEY",
    "AZURE_AI_API_KEY": "AZURE_OPENAI_API_KEY",
    "AZURE_INFERENCE_CREDENTIAL": "AZURE_OPENAI_API_KEY",
    "AZURE_API_BASE": "AZURE_OPENAI_ENDPOINT",
    "AZURE_ENDPOINT": "AZURE_OPENAI_ENDPOINT",
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
    "AZURE_OPENAI_MODEL": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_MODEL_NAME": "AZURE_OPENAI_DEPLOYMENT_NAME",
    "AZURE_OPENAI_API_VERSION": "OPENAI_API_VERSION",
    "AZURE_OPENAI_VERSION": "OPENAI_API_VERSION",
    "AZURE_API_VERSION": "OPENAI_API_VERSION",
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
    "OPENAI_ORGANIZATION": "OPENAI_ORG_ID",
    "OPENAI_ORG": "OPENAI_ORG_ID",
    "OPENAI_ORGANIZATION_ID": "OPENAI_ORG_ID",
    "OPENAI_PROJECT": "OPENAI_PROJECT_ID",
    "OPENAI_MODEL": "AUDIOCHAT_MODEL",
    "OPENAI_MODEL_NAME": "AUDIOCHAT_MODEL",
    "OPENAI_VOICE": "AUDIOCHAT_VOICE",
    "AZURE_OPENAI_VOICE": "AUDIOCHAT_VOICE",
}
"""Names that other tools read, and what is read here."""

_PREFIXES = ("AUDIOCHAT_",)

_PLACEHOLDER = re.compile(
    r"<[^<>]*>|\{\{?[^{}]*\}?\}|\$\{?\w+\}?|\[[\w -]+\]|\.{3,}|…|x{3,}|\*{3,}"
    r"|(?:sk|key|pk)-(?:\.{2,}|…|x{2,}|\*{2,}|your.*|proj-x+|test-key)"
    r"|(?:(?:your|my|insert|enter|put|paste|replace|add)[-_ ].*|.*[-_ ](?:here|goes[-_ ]here))"
    r"|(?:change[-_ ]?me|replace[-_ ]?me|placeholder|api[-_ ]?key)",
    re.IGNORECASE,
)


def is_placeholder(value: str) -> bool:
    """Whether a secret was never filled in: `<your-key>`, `YOUR_API_KEY`, `sk-...`, `${KEY}`."""
    return _PLACEHOLDER.fullmatch(value.strip()) is not None


def unread(values: Mapping[str, str], known: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The variables that are set and not read, each with the one that is read in its place.

    Args:
        values: Everything that is set.
        known: What is read.
    """
    for name in sorted(values):
        if not values[name].strip() or name in known:
            continue
        if name in INSTEAD and not values.get(INSTEAD[name], "").strip():
            yield name, INSTEAD[name]
        elif name.startswith(_PREFIXES):
            near = _nearest(name, known)
            if near is not None:
                yield name, near


def _nearest(name: str, known: frozenset[str]) -> str | None:
    """The known name that a name of ours was meant to be."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, sorted(known), n=1, cutoff=0.75)), None)


def unquoted(value: str) -> str:
    """A value without one matching pair of quotes: `docker --env-file` leaves them on."""
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].strip()
    return value
