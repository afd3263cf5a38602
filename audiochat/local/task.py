"""A request's payload, understood; what the service would refuse is refused in its words."""

from __future__ import annotations

import base64
import json
import math
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audiochat.audio import codec
from audiochat.chat.request import VOICES
from audiochat.local.api_errors import ApiError
from audiochat.local.llm import Limits
from audiochat.local.prompts import Said

if TYPE_CHECKING:
    from collections.abc import Callable

    from audiochat.local.stt import Heard

_ROLES = ("system", "developer", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request wants, as far as that can be told before its recordings are heard."""

    messages: list[Any]
    format: str | None
    """Of the spoken answer; None is text alone."""
    stream: bool
    include_usage: bool
    limits: Limits
    has_recordings: bool


@dataclass(frozen=True, slots=True)
class Task:
    """A request, its recordings heard."""

    wanted: Wanted
    said: list[Said]
    stop: threading.Event
    """Set when the answer is no longer wanted."""
    begun: threading.Event = field(default_factory=threading.Event)
    """Set once a part of the answer was given: an error has to be an event then."""
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(14)}")
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def heard_seconds(self) -> float:
        """Of all recordings together."""
        return sum(heard.seconds for one in self.said for heard in one.heard)


def parse_json(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a body.

    Raises:
        ApiError: it is none.
    """
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, Mapping):
        raise ApiError("We could not parse the JSON body of your request.", code="invalid_json")
    return payload


def understand(payload: Mapping[str, Any]) -> Wanted:
    """What a payload wants.

    Raises:
        ApiError: the service would refuse it.
    """
    modalities = payload.get("modalities") or ["text"]
    if not isinstance(modalities, list) or not all(one in ("text", "audio") for one in modalities):
        raise ApiError("Invalid value for 'modalities'.", code="invalid_value", param="modalities")
    stream = payload.get("stream") is True
    format_ = _audio_format(payload.get("audio"), stream=stream) if "audio" in modalities else None
    messages = payload.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ApiError("Missing required parameter: 'messages'.", code="missing_required_parameter", param="messages")
    has_recordings = any(_has_recording(message) for message in messages)
    if format_ is None and not has_recordings:
        raise ApiError(
            "This model requires that either input content or output modality contain audio.", code="invalid_value"
        )
    options = payload.get("stream_options")
    include_usage = isinstance(options, Mapping) and options.get("include_usage") is True
    return Wanted(messages, format_, stream, include_usage, _limits(payload), has_recordings)


def read_messages(
    messages: list[Any], *, hear: Callable[[bytes], Heard], recall: Callable[[str], str | None]
) -> list[Said]:
    """The messages of a request, their recordings heard and their audio ids looked up.

    Args:
        messages: Their JSON.
        hear: Hears a recording; raises ValueError where it is none.
        recall: The words of an earlier answer, by its audio id.

    Raises:
        ApiError: a message cannot be understood.
    """
    return [_said(message, f"messages[{index}]", hear, recall) for index, message in enumerate(messages)]


def _said(message: object, where: str, hear: Callable[[bytes], Heard], recall: Callable[[str], str | None]) -> Said:
    if not isinstance(message, Mapping) or message.get("role") not in _ROLES:
        raise ApiError(f"Invalid value for '{where}'.", code="invalid_value", param=where)
    role = "system" if message["role"] == "developer" else str(message["role"])
    spoken = message.get("audio")
    if role == "assistant" and isinstance(spoken, Mapping):
        id_ = str(spoken.get("id"))
        transcript = recall(id_)
        if transcript is None:
            where = f"content.{where}.audio.id"
            raise ApiError(f"Assistant audio {id_} not found.", code="audio_not_found", param=where)
        return Said(role, transcript)
    content = message.get("content")
    if isinstance(content, str):
        return Said(role, content)
    if not isinstance(content, list):
        raise ApiError(f"Invalid type for '{where}.content'.", code="invalid_type", param=f"{where}.content")
    texts: list[str] = []
    heard: list[Heard] = []
    for index, part in enumerate(content):
        at = f"{where}.content[{index}]"
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "input_audio":
            heard.append(_heard(part.get("input_audio"), at, hear))
        else:
            raise ApiError(
                f"Invalid '{at}'. Content blocks are expected to be either text or input_audio type.",
                code="invalid_value",
                param=at,
            )
    return Said(role, "\n".join(texts), tuple(heard))


def _heard(audio: object, where: str, hear: Callable[[bytes], Heard]) -> Heard:
    format_ = audio.get("format") if isinstance(audio, Mapping) else None
    data = audio.get("data") if isinstance(audio, Mapping) else None
    if format_ not in ("wav", "mp3"):
        raise ApiError(
            f"Invalid value: {format_!r}. Supported values are: 'wav' and 'mp3'.",
            code="unsupported_format",
            param=f"{where}.input_audio.format",
        )
    try:
        return hear(base64.b64decode(str(data), validate=True))
    except ValueError:  # binascii.Error among them
        message = f"The data provided for 'input_audio' is not of valid {format_} format."
        raise ApiError(message, code="invalid_value", param=where) from None


def _audio_format(audio: object, *, stream: bool) -> str:
    if not isinstance(audio, Mapping):
        raise ApiError("Missing required parameter: 'audio'.", code="missing_required_parameter", param="audio")
    voice, format_ = audio.get("voice"), audio.get("format")
    if voice not in VOICES:
        known = ", ".join(repr(name) for name in VOICES)
        message = f"Invalid value: {voice!r}. Supported values are: {known}."
        raise ApiError(message, code="invalid_value", param="audio.voice")
    supported = ("pcm16",) if stream else codec.FORMATS
    if format_ not in supported:
        code = "unsupported_value" if stream else "invalid_value"
        raise ApiError(
            f"Unsupported value: 'audio.format' does not support {format_!r} with stream={str(stream).lower()}. "
            f"Supported values are: {', '.join(repr(name) for name in supported)}.",
            code=code,
            param="audio.format",
        )
    return str(format_)


def _has_recording(message: object) -> bool:
    content = message.get("content") if isinstance(message, Mapping) else None
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, Mapping) and part.get("type") == "input_audio" for part in parts)


def _limits(payload: Mapping[str, Any]) -> Limits:
    def number(name: str) -> Any:
        value = payload.get(name)
        wrong = isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf
        if value is not None and wrong:
            raise ApiError(f"Invalid type for '{name}': expected a number.", code="invalid_type", param=name)
        return value

    tokens = number("max_completion_tokens") or number("max_tokens")
    return Limits(
        tokens=None if tokens is None else max(1, int(tokens)),
        temperature=number("temperature"),
        seed=None if number("seed") is None else int(number("seed")),
    )
