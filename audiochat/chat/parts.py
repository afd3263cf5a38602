"""What one message, or one delta of it, says: words, sound, function calls; in the shapes that servers use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from audiochat.errors import BrokenAnswerError, RefusedError
from audiochat.spool import SpooledBytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SURROGATE = re.compile("[\ud800-\udfff]")
"""JSON can hold half a character, and servers that cut text anywhere send them; UTF-8 cannot."""

_ENDINGS = {
    "content_filter": "content_filter content_filtered sensitive safety image_safety prohibited_content blocklist spii"
    " recitation guardrail_intervened guardrails moderation flagged risk_control",
    "refusal": "refusal refused",
    "length": "length max_tokens max_output_tokens max_length model_length model_context_window_exceeded token_limit",
    "error": "error network_error engine_error failed failure insufficient_system_resource abort aborted"
    " cancelled canceled timeout timed_out malformed_response disconnected",
}
"""The words in which vendors tell how an answer ended, by OpenAI's own; `error` and `refusal` are none of OpenAI's."""

_ENDING_OF = {word: ending for ending, words in _ENDINGS.items() for word in words.split()}

REPORT = "The service, or something between, is at fault; try again, and report the request id if it lasts."


@dataclass(frozen=True, slots=True)
class Parts:
    """The contents of a message or a delta; empty where it has none."""

    text: str = ""
    """The words, those of a refusal among them."""
    refused: bool = False
    """Whether the model refuses: servers say so in a field of its own."""
    sound: str | SpooledBytes = ""
    """Base64, or bytes that were decoded while they came."""
    audio_id: str | None = None
    expires_at: int | None = None
    spoken: bool = False
    """Whether there is an `audio` object, with sound in it or not."""
    functions: tuple[str, ...] = ()
    """The names of the functions that are to be called."""


def read_parts(message: Mapping[str, Any], *, modality: str | None = None) -> Parts:
    """Read a message or a delta.

    Args:
        message: Its JSON.
        modality: What its content is, where the server says so beside it: `audio` is sound in base64.
    """
    audio = _audio(message.get("audio"))
    content = message.get("content")
    if isinstance(content, str) and modality == "audio":
        content = [{"type": "audio", "data": content}]
    sound = _joined(audio.get("data"))
    text = _string(audio.get("transcript"))
    refusal = _string(message.get("refusal"))
    if isinstance(content, str):
        text = text or content
    elif isinstance(content, list):
        refusal = refusal or "".join(_texts(content, "refusal"))
        text = text or "".join(_texts(content, "text"))
        sound = sound or next(_sounds(content), "")
    return Parts(
        text=text if refusal in text else text + refusal,
        refused=bool(refusal),
        sound=sound if isinstance(sound, str | SpooledBytes) else "",
        audio_id=text_or_none(audio.get("id")),
        expires_at=int_or_none(audio.get("expires_at")),
        spoken=bool(audio),
        functions=tuple(_functions(message)),
    )


def _audio(given: object) -> Mapping[str, Any]:
    """The audio object, which some servers put into a list, and of which some give the sound alone."""
    if isinstance(given, list) and given:
        given = given[0]
    if isinstance(given, str | SpooledBytes) and given:
        return {"data": given}
    return given if isinstance(given, dict) else {}


def _joined(data: object) -> object:
    """The sound, also where it comes as a list of pieces."""
    return "".join(map(_string, data)) if isinstance(data, list) else data


def _texts(content: list[Any], kind: Literal["text", "refusal"]) -> Iterator[str]:
    """The words of a content that is a list of parts: of its texts, or of its refusals."""
    for part in content:
        if isinstance(part, str) and kind == "text":
            yield part
        elif isinstance(part, dict):
            value = part.get(kind)
            yield _string(value.get("value") if isinstance(value, dict) else value)


def _sounds(content: list[Any]) -> Iterator[str]:
    """The sound among the parts of a content: base64, or a data URI."""
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(kind, str) or "audio" not in kind:
            continue
        inner = part.get(kind) or part.get("audio") or part
        found = inner.get("data") or inner.get("url") if isinstance(inner, dict) else inner
        if isinstance(found, str) and found:
            yield found


def _functions(message: Mapping[str, Any]) -> Iterator[str]:
    calls = message.get("tool_calls")
    for call in [*(calls if isinstance(calls, list) else []), {"function": message.get("function_call")}]:
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if isinstance(name, str) and name:
            yield name


def ending_of(choice: Mapping[str, Any]) -> str | None:
    """How a choice ended, in OpenAI's words where they are known; `error` is an end that is none.

    Args:
        choice: Its JSON; `finish_reason` is a word, or an object that holds it as its type.
    """
    value = choice.get("finish_reason")
    word = text_or_none(value.get("type") if isinstance(value, dict) else value)
    return None if word is None else _ENDING_OF.get(word.lower(), word)


def filtered_categories(choice: Mapping[str, Any]) -> list[str]:
    """What the content filter found in an answer: Azure's `content_filter_results` name it."""
    results = choice.get("content_filter_results")
    return sorted(
        str(name)
        for name, verdict in (results.items() if isinstance(results, dict) else ())
        if isinstance(verdict, dict) and (verdict.get("filtered") or verdict.get("detected"))
    )


def check_ending(
    *,
    transcript: str,
    refused: bool,
    has_sound: bool,
    finish_reason: str | None,
    functions: tuple[str, ...],
    categories: list[str],
    request_id: str | None,
) -> None:
    """Raise the error of an answer that ended otherwise than with words or sound.

    Raises:
        RefusedError: the content filter ended it, the model refuses, or it calls a function.
        BrokenAnswerError: it is empty, or a fault of the service ended it.
    """
    if finish_reason == "content_filter":
        found = f" ({', '.join(categories)})" if categories else ""
        raise RefusedError(
            f"The content filter ended the answer{found}.",
            hint="Say it differently, or have the deployment's content filter changed.",
            code="content_filter",
            request_id=request_id,
            transcript=transcript,
        )
    if refused or finish_reason == "refusal":
        raise _refused(transcript, request_id)
    if finish_reason == "error":
        raise cut(request_id, transcript)
    if transcript or has_sound:
        return
    if functions:
        raise RefusedError(
            f"The model does not answer, it calls a function: {', '.join(dict.fromkeys(functions))}.",
            hint="Functions are not run here: leave out the tools, or set tool_choice to none.",
            code="tool_calls",
            request_id=request_id,
        )
    raise _empty(finish_reason, request_id)


def _refused(transcript: str, request_id: str | None) -> RefusedError:
    return RefusedError(
        "The model refuses to answer.",
        hint="The same question would be paid for again: ask it in another way.",
        code="refused",
        request_id=request_id,
        transcript=transcript,
    )


def _empty(finish_reason: str | None, request_id: str | None) -> BrokenAnswerError:
    message, hint = "The answer is empty: neither text nor sound.", REPORT
    if finish_reason == "length":
        message = "The answer is empty: the limit of tokens left no room for it."
        hint = "Allow more tokens (max_completion_tokens)."
    return BrokenAnswerError(message, hint=hint, code="empty", request_id=request_id)


def cut(request_id: str | None, transcript: str | None = None) -> BrokenAnswerError:
    """The error of an answer that stops before its end."""
    return BrokenAnswerError(
        "The answer was cut before its end.",
        hint="Ask again: another answer will be made.",
        code="cut",
        request_id=request_id,
        transcript=transcript,
    )


def broken(message: str, request_id: str | None, transcript: str | None = None) -> BrokenAnswerError:
    """The error of an answer that has not the shape of a chat completion."""
    return BrokenAnswerError(message, hint=REPORT, request_id=request_id, transcript=transcript)


def text_or_none(value: object) -> str | None:
    """A text that is not empty, its surrogates joined."""
    return join_surrogates(value) if isinstance(value, str) and value else None


def int_or_none(value: object) -> int | None:
    """A whole number; neither a bool, nor NaN or infinity, which Python's JSON lets in."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def join_surrogates(text: str) -> str:
    """The text with the two halves of a character joined, and a half alone replaced by U+FFFD."""
    if _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
