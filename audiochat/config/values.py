"""Where values come from, and what people paste: quotes around them, placeholders that were never filled in."""

from __future__ import annotations

import re
from enum import Enum

_PAIRS = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}
_INVISIBLE = " \t\r\n\u00a0\u200b\u200e\u2060\ufeff"
"""What web pages and editors leave around what is copied."""

UNEXPANDED = re.compile(r"\$\{\w+(:?[-+?=][^}]*)?\}|\$\(\w+\)|^\$[A-Z_][A-Z0-9_]+$|^%[A-Z_][A-Z0-9_]+%$")
"""A variable of a shell, of a pipeline, of Windows."""

_UNFILLED = re.compile(
    r"<[^<>]*>|\{\{?[^{}]*\}?\}|\[[\w -]+\]|\.{3,}|…|x{3,}|\*{3,}|_{3,}|-{3,}"
    r"|(?:sk|key|pk|org|proj)[-_](?:(?:proj|svcacct|ant|or-v1)-)?"
    r"(?:\.{2,}|…|x{2,}|\*{2,}|(?:api[-_ ]?)?key|your.*|<.*>)"
    r"|yours?[-_ .].*|your(?:api|azure|openai|key|deployment|resource|model)\w*"
    r"|(?:insert|enter|put|paste|replace|add|fill)[-_ ](?:in[-_ ])?(?:your|the|with|me|here|key|api)\b.*"
    r"|.*[-_ ](?:goes[-_ ])?here|change[-_ ]?me|replace[-_ ]?me|fill[-_ ]?me|fixme|todo|tbd"
    r"|(?:the[-_ ])?(?:deployment|resource|model|endpoint|tenant|client|project)[-_ ](?:name|id)"
    r"|x{8}(?:-x{4}){3}-x{12}|0{8}(?:-0{4}){3}-0{12}",
    re.IGNORECASE,
)
"""What stands in examples for a value of one's own."""

_ADDRESS = r"azure_endpoint|(?:api_)?endpoint|(?:api_)?base_url|api_base|target[ _]uri"
_KEY = r"(?:api[ _])?key ?[12]?"
"""What portals and programs call an address or a key before it."""

_CAPITALS = re.compile(r"KEY[12]?|DEPLOYMENT|MODEL|NAME|ENDPOINT|RESOURCE|VOICE|TENANT|PROJECT|ORGANIZATION|VALUE")
"""The same, as .env.example and docs/ write it; in small letters these may be real names."""

_NO_KEY = re.compile(
    r"none|null|undefined|n/?a|example|placeholder|dummy|fake|test|key|secret|token|(?:my[-_ ])?api[-_ ]?keys?"
    r"|my[-_ ](?:secret[-_ ])?(?:api[-_ ])?key"
    r"|(?:azure|openai)[-_ ](?:openai[-_ ])?(?:api[-_ ])?key|sk-(?:test|fake).*",
    re.IGNORECASE,
)
"""What no vendor gives out as a key; a server of one's own may well want it."""


class Source(Enum):
    """Where a value comes from, strongest first."""

    FLAG = "the command line"
    ENVIRONMENT = "the environment"
    NAMED_FILE = "the file that was named"
    PROJECT_FILE = ".env in the working directory"
    """It may have come with a repository, so its author may be a stranger."""
    USER_FILE = "the user's own .env"
    DEFAULT = "the default"


def unquoted(value: str) -> str:
    """A value without one matching pair of quotes, which docker's env files leave on, and without blanks around it."""
    value = value.strip(_INVISIBLE)
    if len(value) > 1 and _PAIRS.get(value[0]) == value[-1]:
        return value[1:-1].strip(_INVISIBLE)
    return value


def pasted(value: str, variable: str) -> str:
    """A value as it is meant: without its name before it, quotes around it, and a comma or semicolon behind it.

    Args:
        value: What was set, where a whole line may have been pasted: `export NAME=value`, `NAME: "value",`.
        variable: The name.
    """
    address, key = variable.endswith(("_ENDPOINT", "_BASE_URL")), variable.endswith("_API_KEY")
    names = "|".join((re.escape(variable), *([_ADDRESS] if address else [_KEY] if key else [])))
    value = re.sub(rf"^[\s\"']*(?:(?:export|setx?)\s+)?(?i:{names})[\"']?\s*[=:]\s*", "", value)
    trimmed = value.strip(_INVISIBLE)
    # Only an address or a key never ends in one.
    end = trimmed.rstrip(",;") if address or key else trimmed
    return unquoted(end)


def is_placeholder(value: str) -> bool:
    """Whether a value was never filled in: `<your-key>`, `YOUR_API_KEY`, `sk-...`, `xxx`, `DEPLOYMENT`."""
    return (_UNFILLED.fullmatch(value) or _CAPITALS.fullmatch(value)) is not None


def is_no_vendors_key(value: str) -> bool:
    """Whether a key is a word that stands for none: `dummy`, `my-api-key`."""
    return _NO_KEY.fullmatch(value) is not None


def api_version(value: str | None) -> str | None:
    """A version of the API without the name of the parameter before it: `?api-version=2025-01-01-preview`."""
    return re.sub(r"^[?&]?api-version=", "", value, flags=re.IGNORECASE) if value else None


def deployment(value: str | None) -> str | None:
    """The deployment's name, also where the address is given that holds it."""
    found = re.search(r"/deployments/([^/?#]+)", value or "")
    return found[1] if found else value
