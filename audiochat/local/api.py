"""The chat completions API over the three parts of the engine: the service's shapes, ids, usage and errors."""

from __future__ import annotations

import base64
import json
import math
import secrets
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from audiochat.audio import PCM_BYTES_PER_SECOND, codec
from audiochat.errors import CancelledError
from audiochat.local.api_errors import ApiError, api_error
from audiochat.local.audio_ids import new_id
from audiochat.local.llm import TooLongError, Writing
from audiochat.local.prefetch import prefetch
from audiochat.local.request_queue import QueueFullError, RequestQueue
from audiochat.local.task import Task, parse_json, read_messages, understand

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from audiochat.local.audio_ids import AudioIds
    from audiochat.local.llm import LanguageModel
    from audiochat.local.stt import Recognizer
    from audiochat.local.tts import Synthesizer

TOKENS_PER_SECOND_IN = 10
TOKENS_PER_SECOND_OUT = 20
"""Of sound, as the service counts them."""

DELTA_BYTES = 9_600
"""Sound in one event of a stream: a fifth of a second."""

WAITING = 64
"""Requests that may wait while one is answered, in a program that asks by itself."""

_CLIENT_CLOSED = 499
"""The status of a request that its client gave up; nobody reads it."""


class Parts(Protocol):
    """The three parts, each loaded when it is first asked for."""

    def expect(self, *, recognizer: bool, synthesizer: bool) -> None:
        """Begin to load what the next request will need."""

    @property
    def recognizer(self) -> Recognizer:
        """Speech to text."""

    @property
    def model(self) -> LanguageModel:
        """The language model."""

    @property
    def synthesizer(self) -> Synthesizer:
        """Text to speech."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response, whatever carries it."""

    status: int
    content_type: str
    chunks: Iterator[bytes]
    """The body. A stream's are made while they are taken; closing them ends the work."""
    headers: Mapping[str, str] = field(default_factory=dict)


class ChatCompletions:
    """`POST /chat/completions`, answered here; requests of many threads are answered one after another.

    Args:
        parts: What hears, thinks and speaks.
        audio_ids: Remembers spoken answers.
        waiting: How many requests may wait while one is answered; more are told to come back.
    """

    def __init__(self, parts: Parts, audio_ids: AudioIds, *, waiting: int = WAITING) -> None:
        self._parts = parts
        self._audio_ids = audio_ids
        self.queue = RequestQueue(waiting)

    def respond(self, body: bytes, *, cancelled: threading.Event | None = None) -> Response:
        """Answer a request's body; an error is a response too.

        Args:
            body: JSON.
            cancelled: Set it from another thread when the answer is no longer wanted.
        """
        request_id = {"x-request-id": f"req_{secrets.token_hex(16)}"}
        stop = cancelled or threading.Event()
        with ExitStack() as turn:
            try:
                wanted = understand(parse_json(body))
                turn.enter_context(self.queue.turn(stop))
                self._parts.expect(recognizer=wanted.has_recordings, synthesizer=wanted.format is not None)
                said = read_messages(wanted.messages, hear=self._hear, recall=self._audio_ids.recall)
                task = Task(wanted, said, stop)
                if wanted.stream:
                    # The first event is made before the status is sent: an error has to come in its place.
                    events = self._events(task, turn.pop_all())
                    return _stream(next(events), events, request_id)
                whole = json.dumps(self._whole(task)).encode()
            except CancelledError:
                return Response(_CLIENT_CLOSED, "application/json", iter([b""]), request_id)
            except QueueFullError:
                full = ApiError(
                    "The engine is busy: too many requests wait already.",
                    code="rate_limit_exceeded",
                    type="requests",
                    status=429,
                    retry_after=1 + self.queue.length,
                )
                return _refused(full, request_id)
            except Exception as exc:  # noqa: BLE001 - native libraries raise what they like; the API promises an error
                return _refused(api_error(exc), request_id)
        return Response(200, "application/json", iter([whole]), request_id)

    def _hear(self, audio: bytes) -> Any:
        return self._parts.recognizer.hear(audio)

    def _write(self, task: Task) -> Writing:
        try:
            return self._parts.model.write(task.said, task.wanted.limits, task.stop)
        except TooLongError as exc:
            raise ApiError(str(exc), code="context_length_exceeded", param="messages") from None

    def _whole(self, task: Task) -> dict[str, Any]:
        writing = self._write(task)
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
        pcm, sentences = bytearray(), []
        format_ = task.wanted.format
        with prefetch(writing.sentences, task.stop) as written:
            for sentence in written:
                sentences.append(sentence)
                for block in self._parts.synthesizer.say(sentence) if format_ is not None else ():
                    pcm += block
                    if task.stop.is_set():
                        raise CancelledError("The request was cancelled.")
        transcript = " ".join(sentences)
        if format_ is None:
            message["content"] = transcript
        else:
            id_, expires_at = self._audio_ids.keep(transcript)
            data = base64.b64encode(codec.encode(bytes(pcm), format_)).decode("ascii")
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

    def _events(self, task: Task, turn: ExitStack) -> Generator[bytes, None, None]:
        """The stream's events; an error in the middle is an event, and then nothing comes, not even `[DONE]`."""
        with turn:
            try:
                yield from self._answer_events(task)
                yield b"data: [DONE]\n\n"
            except CancelledError:
                return
            except Exception as exc:
                if not task.begun.is_set():
                    raise
                yield b"data: " + json.dumps(api_error(exc).body).encode() + b"\n\n"

    def _answer_events(self, task: Task) -> Iterator[bytes]:
        """The events of an answer, in the order in which the service sends them."""
        writing = self._write(task)
        sent, transcript, id_ = 0, "", new_id()
        spoken = task.wanted.format is not None
        yield self._event(task, {"role": "assistant", "refusal": None})
        task.begun.set()
        with prefetch(writing.sentences, task.stop) as written:
            for sentence in written:
                words = f" {sentence}" if transcript else sentence
                transcript += words
                yield self._event(task, {"audio": {"id": id_, "transcript": words}} if spoken else {"content": words})
                for pcm in _pieces(self._parts.synthesizer.say(sentence)) if spoken else ():
                    sent += len(pcm)
                    yield self._event(task, {"audio": {"data": base64.b64encode(pcm).decode("ascii")}})
                    if task.stop.is_set():
                        raise CancelledError("The request was cancelled.")
        if not spoken:
            yield self._event(task, {}, finish_reason=writing.finish_reason)
        if task.wanted.include_usage:
            yield self._event(task, None, usage=_usage(task, writing, sent))
        if spoken:
            _, expires_at = self._audio_ids.keep(transcript, id_=id_)
            yield self._event(task, {"audio": {"expires_at": expires_at}})

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


def _refused(error: ApiError, request_id: Mapping[str, str]) -> Response:
    body = json.dumps(error.body).encode()
    return Response(error.status, "application/json", iter([body]), {**request_id, **error.headers})


def _stream(first: bytes, events: Generator[bytes, None, None], request_id: Mapping[str, str]) -> Response:
    def chunks() -> Generator[bytes, None, None]:
        try:
            yield first
            yield from events
        finally:
            events.close()

    return Response(200, "text/event-stream; charset=utf-8", chunks(), request_id)


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
