"""The chat completions API over the three parts of the engine: the service's shapes, ids, usage and errors."""

from __future__ import annotations

import base64
import json
import math
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from audiochat.audio import PCM_BYTES_PER_SECOND, codec
from audiochat.chat.request import VOICES
from audiochat.local.audio_ids import new_id
from audiochat.local.llm import Limits, TooLongError, Writing
from audiochat.local.prefetch import written_ahead
from audiochat.local.prompts import Said

if TYPE_CHECKING:
    from audiochat.local.audio_ids import Answers
    from audiochat.local.llm import LanguageModel
    from audiochat.local.stt import Heard, Recognizer
    from audiochat.local.tts import Synthesizer

T = TypeVar("T")

TOKENS_PER_SECOND_IN = 10
TOKENS_PER_SECOND_OUT = 20
"""Of sound, as the service counts them."""

DELTA_BYTES = 9_600
"""Sound in one event of a stream: a fifth of a second."""

_FORMATS = ("wav", "aac", "mp3", "flac", "opus", "pcm16")
_ROLES = ("system", "developer", "user", "assistant")


class ApiError(Exception):
    """A request that is refused, in the service's words."""

    def __init__(self, message: str, *, code: str, param: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "error": {"message": message, "type": "invalid_request_error", "param": param, "code": code},
        }


class Parts(Protocol):
    """The three parts, each loaded when it is first asked for."""

    def expect(self, *, recognizer: bool, synthesizer: bool) -> None:
        """Start loading what the next request will need, beside each other."""

    @property
    def recognizer(self) -> Recognizer:
        """What hears."""

    @property
    def model(self) -> LanguageModel:
        """What thinks."""

    @property
    def synthesizer(self) -> Synthesizer:
        """What speaks."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response, whoever carries it."""

    status: int
    content_type: str
    chunks: Iterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Task:
    """A request, understood."""

    said: list[Said]
    format: str | None
    stream: bool
    include_usage: bool
    limits: Limits
    heard_seconds: float
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(14)}")
    created: int = field(default_factory=lambda: int(time.time()))


class ChatCompletions:
    """`POST /chat/completions`, answered here."""

    def __init__(self, parts: Parts, answers: Answers) -> None:
        self._parts = parts
        self._answers = answers

    def respond(self, body: bytes) -> Response:
        """Answer a request's body; a refusal is a response too."""
        request_id = {"x-request-id": f"req_{secrets.token_hex(16)}"}
        try:
            task = self._understand(_json(body))
            if task.stream:
                # The first event is made before the status is sent: a refusal has to come instead of it.
                events = _started(self._events(task))
                return Response(200, "text/event-stream; charset=utf-8", events, request_id)
            whole = json.dumps(self._whole(task)).encode()
        except ApiError as refused:
            body = json.dumps(refused.body).encode()
            return Response(refused.status, "application/json", iter([body]), request_id)
        return Response(200, "application/json", iter([whole]), request_id)

    # --- understanding

    def _understand(self, payload: Mapping[str, Any]) -> Task:
        modalities = payload.get("modalities") or ["text"]
        if not isinstance(modalities, list) or not all(one in ("text", "audio") for one in modalities):
            raise ApiError("Invalid value for 'modalities'.", code="invalid_value", param="modalities")
        stream = payload.get("stream") is True
        format_ = _audio_format(payload.get("audio"), stream=stream) if "audio" in modalities else None
        messages = payload.get("messages")
        if not isinstance(messages, list) or not messages:
            raise ApiError(
                "Missing required parameter: 'messages'.", code="missing_required_parameter", param="messages"
            )
        audible = any(_has_audio(message) for message in messages)
        if format_ is None and not audible:
            raise ApiError(
                "This model requires that either input content or output modality contain audio.",
                code="invalid_value",
            )
        self._parts.expect(recognizer=audible, synthesizer=format_ is not None)
        said = [self._said(message, f"messages[{index}]") for index, message in enumerate(messages)]
        options = payload.get("stream_options")
        return Task(
            said=said,
            format=format_,
            stream=stream,
            include_usage=isinstance(options, Mapping) and options.get("include_usage") is True,
            limits=_limits(payload),
            heard_seconds=sum(heard.seconds for one in said for heard in one.heard),
        )

    def _said(self, message: object, where: str) -> Said:
        if not isinstance(message, Mapping) or message.get("role") not in _ROLES:
            raise ApiError(f"Invalid value for '{where}'.", code="invalid_value", param=where)
        role = "system" if message["role"] == "developer" else str(message["role"])
        spoken = message.get("audio")
        if role == "assistant" and isinstance(spoken, Mapping):
            return Said(role, self._recalled(str(spoken.get("id")), f"content.{where}.audio.id"))
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
                heard.append(self._heard(part.get("input_audio"), at))
            else:
                raise ApiError(
                    f"Invalid '{at}'. Content blocks are expected to be either text or input_audio type.",
                    code="invalid_value",
                    param=at,
                )
        return Said(role, "\n".join(texts), tuple(heard))

    def _recalled(self, id_: str, where: str) -> str:
        transcript = self._answers.recall(id_)
        if transcript is None:
            raise ApiError(f"Assistant audio {id_} not found.", code="audio_not_found", param=where)
        return transcript

    def _heard(self, audio: object, where: str) -> Heard:
        format_ = audio.get("format") if isinstance(audio, Mapping) else None
        data = audio.get("data") if isinstance(audio, Mapping) else None
        if format_ not in ("wav", "mp3"):
            raise ApiError(
                f"Invalid value: {format_!r}. Supported values are: 'wav' and 'mp3'.",
                code="unsupported_format",
                param=f"{where}.input_audio.format",
            )
        try:
            return self._parts.recognizer.hear(base64.b64decode(str(data), validate=True))
        except ValueError:  # binascii.Error among them
            raise ApiError(
                f"The data provided for 'input_audio' is not of valid {format_} format.",
                code="invalid_value",
                param=where,
            ) from None

    # --- answering

    def _write(self, task: Task) -> Writing:
        try:
            return self._parts.model.write(task.said, task.limits)
        except TooLongError as exc:
            raise ApiError(str(exc), code="context_length_exceeded", param="messages") from None

    def _whole(self, task: Task) -> dict[str, Any]:
        writing = self._write(task)
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
        pcm, sentences = bytearray(), []
        with written_ahead(writing.sentences) as written:
            for sentence in written:
                sentences.append(sentence)
                if task.format is not None:
                    pcm += b"".join(self._parts.synthesizer.say(sentence))
        transcript = " ".join(sentences)
        if task.format is None:
            message["content"] = transcript
        else:
            id_, expires_at = self._answers.keep(transcript)
            data = base64.b64encode(codec.encode(bytes(pcm), task.format)).decode("ascii")
            message["audio"] = {"id": id_, "data": data, "expires_at": expires_at, "transcript": transcript}
        return {
            "id": task.id,
            "object": "chat.completion",
            "created": task.created,
            "model": self._parts.model.name,
            "choices": [{"index": 0, "message": message, "finish_reason": writing.finish_reason}],
            "usage": _usage(task, writing, len(pcm)),
            "service_tier": "default",
            "system_fingerprint": None,
        }

    def _events(self, task: Task) -> Iterator[bytes]:
        """The stream's events, in the order that the service sends them."""
        writing = self._write(task)
        sent, transcript = 0, ""
        id_ = new_id()
        yield self._event(task, {"role": "assistant", "refusal": None})
        with written_ahead(writing.sentences) as written:
            for sentence in written:
                words = f" {sentence}" if transcript else sentence
                transcript += words
                if task.format is None:
                    yield self._event(task, {"content": words})
                    continue
                yield self._event(task, {"audio": {"id": id_, "transcript": words}})
                for pcm in _pieces(self._parts.synthesizer.say(sentence)):
                    sent += len(pcm)
                    yield self._event(task, {"audio": {"data": base64.b64encode(pcm).decode("ascii")}})
        if task.format is None:
            yield self._event(task, {}, finish_reason=writing.finish_reason)
        if task.include_usage:
            yield self._event(task, None, usage=_usage(task, writing, sent))
        if task.format is not None:
            _, expires_at = self._answers.keep(transcript, id_=id_)
            yield self._event(task, {"audio": {"expires_at": expires_at}})
        yield b"data: [DONE]\n\n"

    def _event(
        self,
        task: Task,
        delta: Mapping[str, Any] | None,
        *,
        finish_reason: str | None = None,
        usage: Mapping[str, Any] | None = None,
    ) -> bytes:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
        event = {
            "id": task.id,
            "object": "chat.completion.chunk",
            "created": task.created,
            "model": self._parts.model.name,
            "choices": choices,
            "usage": usage,
        }
        return b"data: " + json.dumps(event).encode() + b"\n\n"


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, Mapping):
        raise ApiError("We could not parse the JSON body of your request.", code="invalid_json")
    return payload


def _audio_format(audio: object, *, stream: bool) -> str:
    if not isinstance(audio, Mapping):
        raise ApiError("Missing required parameter: 'audio'.", code="missing_required_parameter", param="audio")
    voice, format_ = audio.get("voice"), audio.get("format")
    if voice not in VOICES:
        known = ", ".join(repr(name) for name in VOICES)
        raise ApiError(
            f"Invalid value: {voice!r}. Supported values are: {known}.",
            code="invalid_value",
            param="audio.voice",
        )
    supported = ("pcm16",) if stream else _FORMATS
    if format_ not in supported:
        code = "unsupported_value" if stream else "invalid_value"
        raise ApiError(
            f"Unsupported value: 'audio.format' does not support {format_!r} with stream={str(stream).lower()}. "
            f"Supported values are: {', '.join(repr(name) for name in supported)}.",
            code=code,
            param="audio.format",
        )
    return str(format_)


def _has_audio(message: object) -> bool:
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


def _usage(task: Task, writing: Writing, pcm_bytes: int) -> dict[str, Any]:
    audio_in = math.ceil(task.heard_seconds * TOKENS_PER_SECOND_IN)
    audio_out = math.ceil(pcm_bytes / PCM_BYTES_PER_SECOND * TOKENS_PER_SECOND_OUT)
    prompt, completion = writing.prompt_tokens + audio_in, writing.completion_tokens + audio_out
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {
            "audio_tokens": audio_in,
            "text_tokens": writing.prompt_tokens,
            "cached_tokens": 0,
        },
        "completion_tokens_details": {"audio_tokens": audio_out, "text_tokens": writing.completion_tokens},
    }


def _pieces(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Sound in pieces of the size of an event."""
    for block in blocks:
        for start in range(0, len(block), DELTA_BYTES):
            yield block[start : start + DELTA_BYTES]


def _started(events: Iterator[bytes]) -> Iterator[bytes]:
    """The same events, the first of them made already."""
    first = next(events)

    def all_of_them() -> Iterator[bytes]:
        yield first
        yield from events

    return all_of_them()
