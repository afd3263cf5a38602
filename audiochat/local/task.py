"""A chat completions request, understood: what is said, what is to be heard, and how the answer is wanted."""

from __future__ import annotations

import base64
import json
import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audiochat.audio import formats
from audiochat.chat import voices
from audiochat.local.api_errors import ApiError
from audiochat.local.llm import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

_ROLES = ("system", "developer", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording in a request, not listened to yet."""

    data: bytes = field(repr=False)
    """A file, as it was sent."""
    format: str
    """What the request calls it."""
    where: str
    """Its place in the request, as the service names places."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: str
    """system, user or assistant."""
    text: str
    recordings: tuple[Recording, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A request, understood."""

    messages: tuple[Message, ...]
    format: str | None
    """Of the spoken answer; None asks for text alone."""
    voice: str | None
    language: str | None
    """Of the spoken answer, as a BCP 47 tag: an addition to the API; None detects it."""
    stream: bool
    include_usage: bool
    limits: Limits
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(14)}")
    created: int = field(default_factory=lambda: int(time.time()))


def understand(body: bytes, recall: Callable[[str], str | None]) -> Task:
    """Read a request.

    Args:
        body: Of `POST /chat/completions`.
        recall: The words of an earlier spoken answer, by its audio id.

    Raises:
        ApiError: it is refused, in the service's words.
    """
    payload = _json(body)
    stream = payload.get("stream") is True
    spoken = "audio" in _modalities(payload)
    format_ = _audio_format(payload.get("audio"), stream=stream) if spoken else None
    messages = payload.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ApiError("Missing required parameter: 'messages'.", code="missing_required_parameter", param="messages")
    if format_ is None and not any(_has_audio(message) for message in messages):
        raise ApiError(
            "This model requires that either input content or output modality contain audio.", code="invalid_value"
        )
    options = payload.get("stream_options")
    return Task(
        messages=tuple(_message(one, f"messages[{index}]", recall) for index, one in enumerate(messages)),
        format=format_,
        voice=str(payload["audio"]["voice"]) if spoken else None,
        language=_language(payload.get("language")),
        stream=stream,
        include_usage=isinstance(options, Mapping) and options.get("include_usage") is True,
        limits=_limits(payload),
    )


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, Mapping):
        raise ApiError("We could not parse the JSON body of your request.", code="invalid_json")
    return payload


def _modalities(payload: Mapping[str, Any]) -> list[str]:
    modalities = payload.get("modalities") or ["text"]
    if not isinstance(modalities, list) or not all(one in ("text", "audio") for one in modalities):
        raise ApiError("Invalid value for 'modalities'.", code="invalid_value", param="modalities")
    return modalities


def _audio_format(audio: object, *, stream: bool) -> str:
    if not isinstance(audio, Mapping):
        raise ApiError("Missing required parameter: 'audio'.", code="missing_required_parameter", param="audio")
    voice, format_ = audio.get("voice"), audio.get("format")
    if not isinstance(voice, str) or voices.find(voice) is None:
        raise ApiError(
            f"Invalid value: {voice!r}. Supported values are: {', '.join(repr(name) for name in voices.API_NAMES)}, "
            f"and the engine's own names. {voices.suggestion(str(voice))}",
            code="invalid_value",
            param="audio.voice",
        )
    supported = ("pcm16",) if stream else formats.API_FORMATS
    if format_ not in supported:
        raise ApiError(
            f"Unsupported value: 'audio.format' does not support {format_!r} with stream={str(stream).lower()}. "
            f"Supported values are: {', '.join(repr(name) for name in supported)}.",
            code="unsupported_value" if stream else "invalid_value",
            param="audio.format",
        )
    return str(format_)


def _language(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ApiError("Invalid type for 'language': expected a string.", code="invalid_type", param="language")
    return value or None


def _has_audio(message: object) -> bool:
    content = message.get("content") if isinstance(message, Mapping) else None
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, Mapping) and part.get("type") == "input_audio" for part in parts)


def _message(message: object, where: str, recall: Callable[[str], str | None]) -> Message:
    if not isinstance(message, Mapping) or message.get("role") not in _ROLES:
        raise ApiError(f"Invalid value for '{where}'.", code="invalid_value", param=where)
    role = "system" if message["role"] == "developer" else str(message["role"])
    spoken = message.get("audio")
    if role == "assistant" and isinstance(spoken, Mapping):
        return Message(role, _recalled(str(spoken.get("id")), f"content.{where}.audio.id", recall))
    content = message.get("content")
    if isinstance(content, str):
        return Message(role, content)
    if not isinstance(content, list):
        raise ApiError(f"Invalid type for '{where}.content'.", code="invalid_type", param=f"{where}.content")
    texts: list[str] = []
    recordings: list[Recording] = []
    for index, part in enumerate(content):
        at = f"{where}.content[{index}]"
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "input_audio":
            recordings.append(_recording(part.get("input_audio"), at))
        else:
            raise ApiError(
                f"Invalid '{at}'. Content blocks are expected to be either text or input_audio type.",
                code="invalid_value",
                param=at,
            )
    return Message(role, "\n".join(texts), tuple(recordings))


def _recalled(id_: str, where: str, recall: Callable[[str], str | None]) -> str:
    transcript = recall(id_)
    if transcript is None:
        raise ApiError(f"Assistant audio {id_} not found.", code="audio_not_found", param=where)
    return transcript


def _recording(audio: object, where: str) -> Recording:
    format_ = audio.get("format") if isinstance(audio, Mapping) else None
    data = audio.get("data") if isinstance(audio, Mapping) else None
    if not isinstance(format_, str):
        at = f"{where}.input_audio.format"
        raise ApiError(f"Missing required parameter: '{at}'.", code="missing_required_parameter", param=at)
    # Any format is taken, whatever it is called: LangChain sends the subtypes of media types, `mpeg` and `x-wav`.
    try:
        return Recording(base64.b64decode(str(data), validate=True), format_[:20], where)
    except ValueError:  # binascii.Error among them; the `data:` of a data URI too, as the service has it
        raise not_audio(format_[:20], where) from None


def not_audio(format_: str, where: str) -> ApiError:
    """The refusal of a recording that cannot be read.

    Args:
        format_: What the request calls it.
        where: Its place in the request.
    """
    message = f"The data provided for 'input_audio' is not of valid {format_} format."
    return ApiError(message, code="invalid_value", param=where)


def _limits(payload: Mapping[str, Any]) -> Limits:
    def number(name: str) -> Any:
        value = payload.get(name)
        wrong = isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf
        if value is not None and wrong:
            raise ApiError(f"Invalid type for '{name}': expected a number.", code="invalid_type", param=name)
        return value

    tokens = None
    for name in ("max_tokens", "max_completion_tokens"):
        given = number(name)
        if given is not None and given < 1:
            raise ApiError(
                f"Invalid '{name}': integer below minimum value. Expected a value >= 1, but got {given} instead.",
                code="integer_below_min_value",
                param=name,
            )
        tokens = tokens if given is None else given
    if number("n") not in (None, 1):
        raise ApiError("Invalid 'n': this model gives one answer.", code="unsupported_value", param="n")
    return Limits(
        tokens=None if tokens is None else int(tokens),
        temperature=number("temperature"),
        seed=None if number("seed") is None else int(number("seed")),
    )
