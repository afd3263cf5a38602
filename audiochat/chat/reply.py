"""What is answered: from the wire's dictionaries to audio bytes and a transcript."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audiochat.errors import BrokenAnswerError, RefusedError
from audiochat.spool import Data, SpooledBytes

_HALF = re.compile("[\ud800-\udfff]")
"""Half a character: JSON can hold one, and servers that cut text anywhere send them; UTF-8 cannot."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the service counted them; None where it did not say."""

    input_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_tokens: int | None = None
    output_audio_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class SpokenAudio:
    """The spoken half of an answer."""

    data: Data = field(repr=False)
    """Encoded in the format that was asked for; pcm16 is s16le, mono, 24,000 Hz."""
    id: str | None = None
    """What a later turn refers to."""
    expires_at: int | None = None
    """When the service forgets the id, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    transcript: str
    """The words, exactly as the service sent them."""
    audio: SpokenAudio | None = None
    """None where the model answered in text alone."""
    usage: Usage = field(default_factory=Usage)
    finish_reason: str | None = None
    model: str | None = None
    """The model that says that it answered."""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer that is under way."""

    text: str = ""
    """Words to add to the transcript."""
    pcm: bytes = field(default=b"", repr=False)
    """Sound to add: s16le, mono, 24,000 Hz; a sample may be split between two deltas."""


class Assembly:
    """Puts an answer together from the events of its stream."""

    def __init__(self, *, request_id: str | None = None) -> None:
        self._request_id = request_id
        self._texts: list[str] = []
        self._half = ""
        self._rest = ""
        self._audio_id: str | None = None
        self._expires_at: int | None = None
        self._sounded = False
        self._ended = False
        self._usage = Usage()
        self._finish_reason: str | None = None
        self._model: str | None = None
        self.begun = False
        """Whether there was an event."""

    @property
    def transcript(self) -> str:
        """The words so far."""
        return "".join(self._texts) + _whole(self._half)

    def add(self, event: object) -> Delta:
        """Take an event's JSON; what it adds to the answer, which may be nothing.

        Raises:
            BrokenAnswerError: it is no event, or its sound is not base64.
        """
        self.begun = True
        if not isinstance(event, dict):
            raise _broken("The stream holds what is no event.", self._request_id)
        if self._model is None:
            self._model = _text(event.get("model"))
        if event.get("usage"):  # it comes before the last sound
            self._usage = parse_usage(event["usage"])
        choices = event.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return Delta()  # events without choices are normal in audio streams
        if choices[0].get("index"):  # another answer, which nobody asked for
            return Delta()
        self._finish_reason = _text(choices[0].get("finish_reason")) or self._finish_reason
        delta = choices[0].get("delta")  # Azure can send null
        if not isinstance(delta, dict):
            return Delta()
        given = delta.get("audio")
        audio: dict[str, Any] = given if isinstance(given, dict) else {}
        self._audio_id = _text(audio.get("id")) or self._audio_id
        self._expires_at = _count(audio.get("expires_at")) or self._expires_at
        parts = (audio.get("transcript"), delta.get("content"), delta.get("refusal"))
        text = self._with_halves("".join([part for part in parts if isinstance(part, str)]))
        if text:
            self._texts.append(text)
        return Delta(text, self._decode(audio.get("data")))

    def end(self) -> None:
        """Take note that the stream said that it is at its end."""
        self._ended = True

    def whole(self) -> Reply:
        """The answer, its sound handed out already.

        Raises:
            BrokenAnswerError: the stream was cut; or there is no sound, or nothing at all.
        """
        transcript = self.transcript
        if not self._ended or (self._sounded and self._expires_at is None) or self._rest:
            raise cut(self._request_id)
        if not transcript and not self._sounded:
            raise _nothing(self._finish_reason, self._request_id)
        spoken = SpokenAudio(b"", self._audio_id, self._expires_at) if self._sounded else None
        return Reply(transcript, spoken, self._usage, self._finish_reason, self._model, self._request_id)

    def _with_halves(self, text: str) -> str:
        """The text, with the half of a character that the last event ended with; the half at its end is kept."""
        if not text and not self._half:  # most events have sound alone
            return ""
        text = self._half + text
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return _whole(text.removesuffix(self._half))

    def _decode(self, data: object) -> bytes:
        """Decode base64 that may be split at any character, each piece padded or not."""
        if not isinstance(data, str) or not data:
            return b""
        text = self._rest + data
        try:
            if len(text) % 4 == 0 and text.find("=", 0, -2) < 0:  # nearly always: a whole one
                pcm, self._rest = base64.b64decode(text, validate=True), ""
            else:
                pcm, self._rest = _decoded(text)
        except ValueError as exc:
            raise _broken("The sound of the stream cannot be decoded: it is not base64.", self._request_id) from exc
        self._sounded = self._sounded or bool(pcm)
        return pcm


def _decoded(text: str) -> tuple[bytes, str]:
    """The bytes of base64 in pieces, each padded or not, one after the other; and what waits for the next."""
    pcm, start = bytearray(), 0
    while (padding := text.find("=", start)) >= 0:
        end = start + (padding - start) // 4 * 4 + 4
        if end > len(text):
            return bytes(pcm), text[start:]
        pcm += base64.b64decode(text[start:end], validate=True)
        start = end
    end = start + (len(text) - start) // 4 * 4
    pcm += base64.b64decode(text[start:end], validate=True)
    return bytes(pcm), text[end:]


def cut(request_id: str | None) -> BrokenAnswerError:
    """The error of a stream that ends before the answer does."""
    return BrokenAnswerError(
        "The answer was cut before its end.",
        hint="Ask again: another answer will be made. --keep-partial keeps what came of a file.",
        code="cut",
        request_id=request_id,
    )


def parse(body: object, *, request_id: str | None = None) -> Reply:
    """Read a whole chat completion.

    Args:
        body: The answer's JSON, as `json.loads` gives it; its sound may be decoded already.
        request_id: The service's id of the request.

    Raises:
        BrokenAnswerError: it has not the shape of a chat completion, or its audio is not base64.
        RefusedError: the content filter took the answer away.
    """
    if not isinstance(body, Mapping):
        raise _broken("The answer is JSON, but no chat completion.", request_id)
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise _broken("The answer holds no choices.", request_id)
    message = choices[0].get("message")
    if not isinstance(message, Mapping):
        raise _broken("The answer holds no message.", request_id)
    finish_reason = _text(choices[0].get("finish_reason"))
    audio = message.get("audio")
    spoken = audio if isinstance(audio, Mapping) else {}
    transcript = next(
        (text for text in (spoken.get("transcript"), message.get("content"), message.get("refusal")) if text),
        "",
    )
    if not isinstance(transcript, str):
        raise _broken("The answer's transcript is no text.", request_id)
    transcript = _whole(transcript)
    if not transcript and not spoken:
        raise _nothing(finish_reason, request_id)
    return Reply(
        transcript=transcript,
        audio=_spoken(spoken, transcript, request_id) if spoken else None,
        usage=parse_usage(body.get("usage")),
        finish_reason=finish_reason,
        model=_text(body.get("model")),
        request_id=request_id,
    )


def parse_usage(usage: object) -> Usage:
    """Read the wire's `usage`; a service that sends none, or half of it, is no error."""
    if not isinstance(usage, Mapping):
        return Usage()
    return Usage(
        input_tokens=_count(usage.get("prompt_tokens")),
        input_audio_tokens=_count(_get(usage.get("prompt_tokens_details"), "audio_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        output_audio_tokens=_count(_get(usage.get("completion_tokens_details"), "audio_tokens")),
    )


def _spoken(audio: Mapping[str, Any], transcript: str, request_id: str | None) -> SpokenAudio:
    encoded = audio.get("data")
    if isinstance(encoded, SpooledBytes):
        return SpokenAudio(data=encoded, id=_text(audio.get("id")), expires_at=_count(audio.get("expires_at")))
    if not isinstance(encoded, str) or not encoded:
        raise _broken("The spoken answer holds no sound.", request_id, transcript)
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _broken("The spoken answer cannot be decoded: it is not base64.", request_id, transcript) from exc
    return SpokenAudio(data=data, id=_text(audio.get("id")), expires_at=_count(audio.get("expires_at")))


def _nothing(finish_reason: str | None, request_id: str | None) -> BrokenAnswerError | RefusedError:
    if finish_reason == "content_filter":
        return RefusedError(
            "The content filter took the whole answer away.",
            hint="Say it differently, or have the deployment's content filter changed.",
            code="content_filter",
            request_id=request_id,
        )
    return _broken("The answer is empty: neither text nor sound.", request_id)


def _broken(message: str, request_id: str | None, transcript: str | None = None) -> BrokenAnswerError:
    return BrokenAnswerError(
        message,
        hint="The service, or something between, is at fault; try again, and report the request id if it lasts.",
        request_id=request_id,
        transcript=transcript,
    )


def _get(mapping: object, key: str) -> object:
    return mapping.get(key) if isinstance(mapping, Mapping) else None


def _count(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():  # neither NaN nor infinite, which Python's JSON lets in
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return _whole(value) if isinstance(value, str) else None


def _whole(text: str) -> str:
    """The text with its characters whole: halves that belong together joined, others replaced."""
    if _HALF.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
