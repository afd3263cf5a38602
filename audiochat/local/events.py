"""The JSON of chat completions: whole ones, the events of streamed ones, and their usage."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from audiochat.audio import PCM_BYTES_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audiochat.local.api_errors import ApiError
    from audiochat.local.llm import Writing
    from audiochat.local.task import Task

TOKENS_PER_SECOND_IN = 10
TOKENS_PER_SECOND_OUT = 20
"""Of sound, as the service counts them."""

DONE = b"data: [DONE]\n\n"


def completion(
    task: Task, model: str, message: Mapping[str, Any], usage: Mapping[str, Any], finish_reason: str
) -> bytes:
    """A whole answer.

    Source: OpenAI's specification of CreateChatCompletionResponse, and recorded answers.
    """
    body = {
        "id": task.id,
        "object": "chat.completion",
        "created": task.created,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": usage,
        "service_tier": "default",
        "system_fingerprint": None,
    }
    return json.dumps(body).encode()


def chunk(
    task: Task,
    model: str,
    delta: Mapping[str, Any] | None,
    *,
    finish_reason: str | None = None,
    usage: Mapping[str, Any] | None = None,
) -> bytes:
    """One event of a stream; without a delta it has no choices."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
    return _event(
        {
            "id": task.id,
            "object": "chat.completion.chunk",
            "created": task.created,
            "model": model,
            "choices": choices,
            "usage": usage,
        }
    )


def failure(error: ApiError) -> bytes:
    """The event that ends a stream which has begun, and fails."""
    return _event(error.body)


def usage(*, heard_seconds: float, writing: Writing, pcm_bytes: int) -> dict[str, Any]:
    """The tokens of an answer, as the service counts them.

    Args:
        heard_seconds: Of the recordings in the request.
        writing: The answer's words, finished.
        pcm_bytes: Of the answer's sound, as pcm16.
    """
    audio_in = math.ceil(heard_seconds * TOKENS_PER_SECOND_IN)
    audio_out = math.ceil(pcm_bytes / PCM_BYTES_PER_SECOND * TOKENS_PER_SECOND_OUT)
    prompt, written = writing.prompt_tokens + audio_in, writing.completion_tokens + audio_out
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {
            "audio_tokens": audio_in,
            "text_tokens": writing.prompt_tokens,
            "cached_tokens": 0,
        },
        "completion_tokens_details": {"audio_tokens": audio_out, "text_tokens": writing.completion_tokens},
    }


def _event(body: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"
