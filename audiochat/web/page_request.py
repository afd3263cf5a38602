"""The request that a turn would be, as a person can send it: with curl, with Python, as JSON. Never with a key."""

from __future__ import annotations

import json
import pprint
import time
from typing import TYPE_CHECKING, Any

from audiochat.chat.conversation import Recall, next_request
from audiochat.chat.request import Request, in_base64
from audiochat.transport.addresses import shown

if TYPE_CHECKING:
    from audiochat.assistant import Assistant
    from audiochat.chat.conversation import AnsweredTurn
    from audiochat.config import Settings
    from audiochat.spool import Data
    from audiochat.web.page_turns import PageTurn

_SERVED = "http://127.0.0.1:8642/v1"
"""Where `audiochat serve` answers, if nothing else is said."""

_KEYLESS = "$(az account get-access-token --resource https://cognitiveservices.azure.com --query accessToken -o tsv)"

_READING = (
    "def encoded(name):",
    '    with open(name, "rb") as file:',
    "        return base64.b64encode(file.read()).decode()",
    "",
)

_SAVE = '| jq -r ".choices[0].message.audio.data" | base64 -d > answer.wav'


def describe_request(assistant: Assistant, turns: list[AnsweredTurn], turn: PageTurn) -> dict[str, str]:
    """The request as `curl`, `python`, and as the whole `json` that curl sends.

    Args:
        assistant: Would send it.
        turns: What was said before.
        turn: What would be said now.
    """
    sent = next_request(turns, turn.asked, Recall(), origin=assistant.origin, now=time.time())
    request = Request(
        model=assistant.connection.model,
        turns=sent.turns,
        voice=turn.options.voice or assistant.settings.voice,
        format=turn.options.format,
        system=turn.options.system or None,
    )
    files: list[str] = []

    def named(_data: Data) -> str:
        files.append(f"recording-{len(files) + 1}.wav")
        return f"<<{files[-1]}>>"

    payload = request.payload(encoded=named)
    return {
        "curl": _curl(assistant, payload, files, spoken=request.format is not None),
        "python": _python(assistant, payload, files, spoken=request.format is not None),
        "json": json.dumps(request.payload(encoded=in_base64), ensure_ascii=False),
    }


def _curl(assistant: Assistant, payload: dict[str, Any], files: list[str], *, spoken: bool) -> str:
    lines = [f"curl {_quoted(_url(assistant))}", *(f"-H {header}" for header in _headers(assistant.settings))]
    save = f" {_SAVE}" if spoken else ""
    if files:  # the sound is too long for a command: it is in the file that the page offers
        return " \\\n  ".join([*lines, f"-d @request.json{save}"])
    body = json.dumps(payload, ensure_ascii=False, indent=2)
    return " \\\n  ".join([*lines, f"-d {_quoted(body)}{save}"])


def _quoted(text: str) -> str:
    """For a shell: nothing in it is looked at."""
    return "'" + text.replace("'", "'\\''") + "'"


def _headers(settings: Settings) -> list[str]:
    json_type = "'Content-Type: application/json'"
    if settings.provider == "local":
        return [json_type]
    if settings.provider == "openai":
        return [json_type, *(['"Authorization: Bearer $OPENAI_API_KEY"'] if settings.openai_api_key else [])]
    if settings.azure_api_key:
        return [json_type, '"api-key: $AZURE_OPENAI_API_KEY"']
    return [json_type, f'"Authorization: Bearer {_KEYLESS}"']


def _version(assistant: Assistant) -> str | None:
    """The version of Azure's dated API; None for the others."""
    return getattr(assistant.connection.sdk, "_api_version", None)


def _base(assistant: Assistant) -> str:
    if assistant.settings.provider == "local":
        return _SERVED
    return shown(str(assistant.connection.sdk.base_url)).rstrip("/")


def _url(assistant: Assistant) -> str:
    version = _version(assistant)
    return f"{_base(assistant)}/chat/completions" + (f"?api-version={version}" if version else "")


def _python(assistant: Assistant, payload: dict[str, Any], files: list[str], *, spoken: bool) -> str:
    call = pprint.pformat(payload, width=100, sort_dicts=False)
    for name in files:
        call = call.replace(f"'<<{name}>>'", f'encoded("{name}")')
    lines = [
        "import base64",
        "",
        *_client(assistant),
        "",
        *(_READING if files else []),
        f"completion = client.chat.completions.create(**{call})",
        "message = completion.choices[0].message",
        "print(message.audio.transcript)" if spoken else "print(message.content)",
    ]
    if spoken:
        lines += ['with open("answer.wav", "wb") as file:', "    file.write(base64.b64decode(message.audio.data))"]
    return "\n".join(lines) + "\n"


def _client(assistant: Assistant) -> list[str]:
    """The lines that make the SDK's client; it reads the key from where it always does."""
    settings, version, base = assistant.settings, _version(assistant), _base(assistant)
    if settings.provider == "local":
        return ["from openai import OpenAI", "", "# 'audiochat serve' answers here", _openai(base, '"none"')]
    if settings.provider == "openai":
        key = None if settings.openai_api_key else '"none"'
        return ["from openai import OpenAI", "", _openai(base, key)]
    if version is None and settings.azure_api_key:
        lines = ["from os import environ", "", "from openai import OpenAI", ""]
        return [*lines, _openai(base, 'environ["AZURE_OPENAI_API_KEY"]')]
    address = f'base_url="{base}", api_version="{version}"'
    if settings.azure_api_key:
        return ["from openai import AzureOpenAI", "", f"client = AzureOpenAI({address})"]
    sdk = "AzureOpenAI" if version else "OpenAI"
    return [
        "from azure.identity import DefaultAzureCredential, get_bearer_token_provider",
        f"from openai import {sdk}",
        "",
        "sign_in = get_bearer_token_provider(",
        '    DefaultAzureCredential(), "https://cognitiveservices.azure.com/.default"',
        ")",
        f"client = AzureOpenAI({address}, azure_ad_token_provider=sign_in)" if version else _openai(base, "sign_in"),
    ]


def _openai(base: str, key: str | None) -> str:
    return f'client = OpenAI(base_url="{base}"' + (f", api_key={key})" if key else ")")
