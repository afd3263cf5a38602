"""Asking a model of `/audio/transcriptions`: a quarter of the price, and, of some, times."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from audiochat.chat.reply import Usage
from audiochat.errors import BrokenAnswerError, RefusedError
from audiochat.transport import service_errors
from audiochat.transport.attempts import send
from audiochat.transport.retry import Gate

if TYPE_CHECKING:
    import threading

    from audiochat.progress import Progress
    from audiochat.transport.connection import Connection
    from audiochat.transport.retry import RetryPolicy

_NAMES = re.compile(r"whisper|transcribe", re.IGNORECASE)
_TIMED = re.compile(r"whisper", re.IGNORECASE)

CONNECT_TIMEOUT = 20.0


def is_transcriber(model: str) -> bool:
    """Whether a model is one of `/audio/transcriptions`, by its name: `whisper-1`, `gpt-4o-transcribe`."""
    return _NAMES.search(model) is not None


@dataclass(frozen=True, slots=True)
class Transcription:
    """What a model of `/audio/transcriptions` wrote."""

    text: str
    words: tuple[tuple[str, float, float], ...] = ()
    """Each with its start and end in seconds, where the model tells them."""
    language: str | None = None
    usage: Usage = field(default_factory=Usage)


class Transcriptions:
    """Asks `/audio/transcriptions` over a connection; safe to use from many threads.

    Args:
        connection: The service; its model is asked.
        timeout: Seconds for one request.
        policy: When a failed request is sent again.
        progress: Told when one is.
    """

    def __init__(self, connection: Connection, *, timeout: float, policy: RetryPolicy, progress: Progress) -> None:
        self._connection = connection
        self._timeout = timeout
        self._policy = policy
        self._progress = progress
        self._gate = Gate()
        self._timed = _TIMED.search(connection.model) is not None

    def ask(
        self, wav: bytes, *, language: str | None, prompt: str | None, cancelled: threading.Event | None = None
    ) -> Transcription:
        """Have a recording written down.

        Raises:
            AudiochatError: of the kind that the failure is.
        """
        fields: dict[str, Any] = {"temperature": 0}
        if language:
            fields["language"] = language
        if prompt:
            fields["prompt"] = prompt
        if self._timed:
            try:
                return self._attempts(wav, {**fields, **_WITH_TIMES}, cancelled)
            except RefusedError as refusal:  # a deployment that is only called so
                if refusal.status != 400 or "response_format" not in f"{refusal.param} {refusal.message}":
                    raise
                self._timed = False
        return self._attempts(wav, {**fields, "response_format": "json"}, cancelled)

    def _attempts(self, wav: bytes, fields: dict[str, Any], cancelled: threading.Event | None) -> Transcription:
        return send(
            partial(self._post, wav, fields),
            gate=self._gate,
            policy=self._policy,
            hints=self._connection.hints,
            note=self._progress.note,
            cancelled=cancelled,
        )

    def _post(self, wav: bytes, fields: dict[str, Any]) -> Transcription:
        import httpx2

        response: Any = self._connection.sdk.post(
            "/audio/transcriptions",
            cast_to=httpx2.Response,
            body={"model": self._connection.model, **fields},
            files=[("file", ("piece.wav", wav, "audio/wav"))],
            options={
                "headers": {"Content-Type": "multipart/form-data"},
                "timeout": httpx2.Timeout(self._timeout, connect=min(self._timeout, CONNECT_TIMEOUT)),
                "max_retries": 0,
            },
        )
        return read_answer(response.content, service_errors.request_id(response))


_WITH_TIMES = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}


def read_answer(body: bytes, request_id: str | None = None) -> Transcription:
    """Read an answer, of `json` or `verbose_json`; other servers leave out what they do not know.

    Raises:
        BrokenAnswerError: it is neither.
    """
    try:
        answer = json.loads(body)
        text = "" + answer["text"]
    except (ValueError, TypeError, KeyError, RecursionError) as exc:
        raise BrokenAnswerError(
            "The answer is no transcription.",
            hint="Check that the model is one that transcribes.",
            request_id=request_id,
        ) from exc
    words = []
    for word in answer.get("words") or ():
        try:
            words.append((str(word["word"]), float(word["start"]), float(word["end"])))
        except (TypeError, KeyError, ValueError):
            words = []
            break
    return Transcription(text, tuple(words), _code(answer.get("language")), _usage(answer))


def _code(language: object) -> str | None:
    """The code of a language, which whisper-1 answers by its English name and wants as a code; None if unknown."""
    if not isinstance(language, str):
        return None
    told = language.strip().lower()
    return told if re.fullmatch("[a-z]{2,3}", told) else _CODES.get(told)


_LANGUAGES = """
afrikaans:af arabic:ar armenian:hy azerbaijani:az belarusian:be bosnian:bs bulgarian:bg catalan:ca chinese:zh
croatian:hr czech:cs danish:da dutch:nl english:en estonian:et finnish:fi french:fr galician:gl german:de
greek:el hebrew:he hindi:hi hungarian:hu icelandic:is indonesian:id italian:it japanese:ja kannada:kn
kazakh:kk korean:ko latvian:lv lithuanian:lt macedonian:mk malay:ms marathi:mr maori:mi nepali:ne norwegian:no
persian:fa polish:pl portuguese:pt romanian:ro russian:ru serbian:sr slovak:sk slovenian:sl spanish:es
swahili:sw swedish:sv tagalog:tl tamil:ta thai:th turkish:tr ukrainian:uk urdu:ur vietnamese:vi welsh:cy
"""
"""Source: the languages of OpenAI's guide to speech to text."""

_CODES = dict(pair.split(":") for pair in _LANGUAGES.split())


def _usage(answer: dict[str, Any]) -> Usage:
    told = answer.get("usage")
    if not isinstance(told, dict):
        return Usage()
    details = told.get("input_token_details")
    audio = details.get("audio_tokens") if isinstance(details, dict) else None

    def number(value: object) -> int | None:
        return value if isinstance(value, int) else None

    return Usage(number(told.get("input_tokens")), number(audio), number(told.get("output_tokens")), None)
