"""A whole chat completion: from its JSON to a `Reply`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audiochat.audio.sniff import HEAD, is_plainly_pcm16, sniff
from audiochat.chat.parts import (
    broken,
    check_ending,
    ending_of,
    filtered_categories,
    int_or_none,
    join_surrogates,
    read_parts,
    text_or_none,
)
from audiochat.chat.reply import Reply, SpokenAudio, Usage
from audiochat.spool import SpooledBytes
from audiochat.transport.lenient_base64 import decode_base64

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audiochat.chat.parts import Parts
    from audiochat.spool import Data


_OF_ERRORS = ("message", "msg", "detail", "errors", "code", "error_code", "error_msg", "base_resp")
"""Fields that gateways answer with instead of choices where something is wrong."""


_SUCCESSES = frozenset({"none", "", "0", "200", "ok", "success"})
"""What they say as a code where nothing is."""


def parse_completion(body: object, *, format: str | None, request_id: str | None = None) -> Reply:
    """Read a whole chat completion.

    Some servers give the words in one choice and the sound in another: together they are the answer.

    Args:
        body: The answer's JSON; long sound may be decoded already.
        format: The format that was asked for; the sound's first bytes have the last word.
        request_id: The service's id of the request.

    Raises:
        BrokenAnswerError: it has not the shape of a chat completion, it is empty, or its sound is not base64.
        RefusedError: the content filter ended it, the model refuses, or it is nothing but a function call.
    """
    if not isinstance(body, dict):
        raise broken("The answer is JSON, but no chat completion.", request_id)
    found = _choices(body, request_id)
    parts = _parts(found, text_or_none(body.get("modality")), request_id)
    transcript = join_surrogates(next((part.text for part in parts if part.text), ""))
    spoken = next((part for part in parts if part.sound), None) or next((part for part in parts if part.spoken), None)
    finish_reason = _finish_reason(found)
    check_ending(
        transcript=transcript,
        refused=any(part.refused for part in parts),
        has_sound=spoken is not None,
        finish_reason=finish_reason,
        functions=tuple(name for part in parts for name in part.functions),
        categories=[name for choice in found for name in filtered_categories(choice)],
        request_id=request_id,
    )
    return Reply(
        transcript=transcript,
        audio=None if spoken is None else _spoken(spoken, transcript, format, request_id),
        usage=parse_usage(body.get("usage")),
        finish_reason=finish_reason,
        model=text_or_none(body.get("model")),
        request_id=request_id,
    )


def _choices(body: Mapping[str, Any], request_id: str | None) -> list[Mapping[str, Any]]:
    choices = body.get("choices")
    found: list[Mapping[str, Any]] = (
        [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []
    )
    if not found:
        raise broken("The answer holds no choices.", request_id)
    return found


def _parts(choices: list[Mapping[str, Any]], modality: str | None, request_id: str | None) -> list[Parts]:
    """The contents of the messages in the choices."""
    told = (choice.get("message") or choice.get("delta") for choice in choices)  # some servers call it so here, too
    messages = [message for message in told if isinstance(message, dict)]
    if not messages:
        raise broken("The answer holds no message.", request_id)
    return [read_parts(message, modality=text_or_none(message.get("modality")) or modality) for message in messages]


def parse_usage(usage: object) -> Usage:
    """Read the wire's `usage`; a service that sends none, or half of it, is no error."""
    if not isinstance(usage, dict):
        return Usage()
    return Usage(
        input_tokens=int_or_none(usage.get("prompt_tokens")),
        input_audio_tokens=int_or_none(_audio_tokens(usage.get("prompt_tokens_details"))),
        output_tokens=int_or_none(usage.get("completion_tokens")),
        output_audio_tokens=int_or_none(_audio_tokens(usage.get("completion_tokens_details"))),
    )


def unwrapped(body: object) -> object:
    """The completion itself, where a gateway puts it into a field of its own answer."""
    if isinstance(body, dict) and not body.get("choices"):
        for name in ("data", "result", "output"):
            inner = body.get(name)
            if isinstance(inner, dict) and inner.get("choices"):
                return inner
    return body


def _tells_error(body: Mapping[str, Any], *, event: bool) -> bool:
    """Whether a body without choices is an error, which a gateway gave instead."""
    if body.get("object", "error") != "error":
        return False
    if "object" in body or body.get("success") is False:
        return True
    if not event:
        return any(name in body for name in _OF_ERRORS)
    told = body.get("base_resp")
    codes = (body.get("code"), body.get("error_code"), told.get("status_code") if isinstance(told, dict) else None)
    failed = any(str(code).lower() not in _SUCCESSES for code in codes)
    return failed or str(body.get("status"))[:1] in ("4", "5") or any(body.get(name) for name in ("errors", "detail"))


def error_of(body: object, *, event: bool = False) -> object:
    """The error that stands in a body or an event of a success, at its top or inside a choice; None without one.

    Args:
        body: The JSON.
        event: Whether it is an event of a stream: one may well say something else between two others.
    """
    if not isinstance(body, dict):
        return None
    if body.get("error"):
        return body["error"]
    if not body.get("choices") and _tells_error(body, event=event):
        return body
    choices = body.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("error"):
            return choice["error"]
    return None


def _finish_reason(choices: list[Mapping[str, Any]]) -> str | None:
    """Why the answer ended; that a filter ended one of the choices outweighs how the others did."""
    reasons = [reason for choice in choices if (reason := ending_of(choice))]
    return "content_filter" if "content_filter" in reasons else next(iter(reasons), None)


def _spoken(parts: Parts, transcript: str, asked: str | None, request_id: str | None) -> SpokenAudio:
    data: Data
    if isinstance(parts.sound, SpooledBytes):
        data = parts.sound
    elif not parts.sound:
        raise broken("The spoken answer holds no sound.", request_id, transcript)
    else:
        try:
            data = decode_base64(parts.sound)
        except ValueError as exc:
            message = "The spoken answer cannot be decoded: it is not base64."
            raise broken(message, request_id, transcript) from exc
    format_ = sniff(data[:HEAD]) or ("pcm16" if asked == "pcm16" or is_plainly_pcm16(data[:HEAD]) else "unknown")
    return SpokenAudio(data=data, format=format_, id=parts.audio_id, expires_at=parts.expires_at)


def _audio_tokens(details: object) -> object:
    return details.get("audio_tokens") if isinstance(details, dict) else None
