"""A chat completions request, understood: what is said, what is to be heard, and how the answer is wanted."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audiochat.audio import formats
from audiochat.chat import voices
from audiochat.local.api_errors import ApiError
from audiochat.local.llm import Limits
from audiochat.local.request_json import decimal, read_object, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable

_ROLES = ("system", "developer", "user", "assistant")

_MOST_TOKENS = 2**31 - 1
_SEEDS = 2**63
_HOTTEST = 2.0
_MOST_STOPS = 4


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
    stop: tuple[str, ...]
    """Phrases before which the answer ends."""
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
    payload = read_object(body)
    _check_supported(payload)
    stream = _stream(payload)
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
        stop=_stop_phrases(payload.get("stop")),
        limits=_limits(payload),
    )


def _check_supported(payload: Mapping[str, Any]) -> None:
    """Refuse what would change the answer's form: a program that relies on it must not get prose instead.

    Tools that are merely offered are no such thing: a model need not call any.

    Raises:
        ApiError: the request wants JSON, a call of a function, or several answers.
    """
    form = payload.get("response_format")
    kind = form.get("type") if isinstance(form, Mapping) else form
    if kind not in (None, "text"):
        raise ApiError(
            f"Invalid parameter: 'response_format' of type {str(kind)[:50]!r} is not supported with this model.",
            code=None,
            param="response_format",
        )
    if payload.get("tool_choice") not in (None, "auto", "none"):
        raise ApiError(
            "Invalid 'tool_choice': this model calls no functions.", code="unsupported_value", param="tool_choice"
        )
    if whole_number(payload, "n", least=1, most=128) not in (None, 1):
        raise ApiError("Invalid 'n': this model gives one answer.", code="unsupported_value", param="n")


def _stream(payload: Mapping[str, Any]) -> bool:
    stream = payload.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise ApiError("Invalid type for 'stream': expected a boolean.", code="invalid_type", param="stream")
    return stream is True


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


def _stop_phrases(value: object) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else value or []
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ApiError(
            "Invalid type for 'stop': expected a string or an array of strings.", code="invalid_type", param="stop"
        )
    if len(given) > _MOST_STOPS:
        raise ApiError(
            f"Invalid 'stop': array too long. Expected an array with maximum length {_MOST_STOPS}, "
            f"but got an array with length {len(given)} instead.",
            code="array_above_max_length",
            param="stop",
        )
    return tuple(one for one in given if one)


def _language(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ApiError("Invalid type for 'language': expected a string.", code="invalid_type", param="language")
    return value or None


def _has_audio(message: object) -> bool:
    content = message.get("content") if isinstance(message, Mapping) else None
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, Mapping) and part.get("type") == "input_audio" for part in parts)


def _message(message: object, where: str, recall: Callable[[str], str | None]) -> Message:
    if not isinstance(message, Mapping):
        raise ApiError(f"Invalid type for '{where}': expected an object.", code="invalid_value", param=where)
    role = _role(message, where)
    spoken = message.get("audio")
    if role == "assistant" and isinstance(spoken, Mapping):
        return Message(role, _recalled(str(spoken.get("id")), f"content.{where}.audio.id", recall))
    return _with_content(role, message.get("content"), where)


def _role(message: Mapping[str, Any], where: str) -> str:
    role = message.get("role")
    if role in ("tool", "function") or message.get("tool_calls"):
        raise ApiError(
            f"Invalid '{where}': it is about a function, and this model calls none.",
            code="unsupported_value",
            param=where,
        )
    if role not in _ROLES:
        known = ", ".join(repr(one) for one in _ROLES)
        raise ApiError(
            f"Invalid value for '{where}': {str(role)[:50]!r} is no role. Supported values are: {known}.",
            code="invalid_value",
            param=where,
        )
    return "system" if role == "developer" else str(role)


def _with_content(role: str, content: object, where: str) -> Message:
    if isinstance(content, str):
        return Message(role, content)
    if not isinstance(content, list):
        raise ApiError(f"Invalid type for '{where}.content'.", code="invalid_type", param=f"{where}.content")
    texts: list[str] = []
    recordings: list[Recording] = []
    for index, part in enumerate(content):
        at = f"{where}.content[{index}]"
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind in ("text", "refusal") and isinstance(part.get(kind), str):
            texts.append(part[kind])
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
    older, newer = (
        whole_number(payload, name, least=1, most=_MOST_TOKENS) for name in ("max_tokens", "max_completion_tokens")
    )
    return Limits(
        tokens=older if newer is None else newer,
        temperature=decimal(payload, "temperature", least=0, most=_HOTTEST),
        seed=whole_number(payload, "seed", least=-_SEEDS, most=_SEEDS - 1),
    )
