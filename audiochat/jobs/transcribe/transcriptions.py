"""Asking a model of `/audio/transcriptions`: a quarter of the price, and, of some, times."""

from __future__ import annotations

import json
import math
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
_SLIP = 1.0
"""Seconds that a word may seem to begin before the one before it."""


def is_transcriber(model: str) -> bool:
    """Whether a model is one of `/audio/transcriptions`, by its name: `whisper-1`, `gpt-4o-transcribe`."""
    return _NAMES.search(model) is not None


@dataclass(frozen=True, slots=True)
class Transcription:
    """What a model of `/audio/transcriptions` wrote."""

    text: str
    words: tuple[tuple[str, float, float], ...] = ()
    """Each with its start and end in seconds, where the model tells them."""
    segments: tuple[tuple[str, float, float], ...] = ()
    """The same of sentences, where it tells no more."""
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
        self._refused: set[str] = set()
        """Fields that this server does not take, and that can be left out."""

    def ask(
        self, wav: bytes, *, language: str | None, prompt: str | None, cancelled: threading.Event | None = None
    ) -> Transcription:
        """Have a recording written down.

        Raises:
            AudiochatError: of the kind that the failure is.
        """
        wanted: dict[str, Any] = {"temperature": 0, "language": language, "prompt": prompt}
        while True:
            format_ = _WITH_TIMES if self._timed else {"response_format": "json"}
            fields = {name: value for name, value in {**wanted, **format_}.items() if value not in (None, "")}
            kept = {name: value for name, value in fields.items() if name not in self._refused}
            try:
                return self._attempts(wav, kept, cancelled)
            except RefusedError as refusal:
                self._without(refusal, kept)

    def _without(self, refusal: RefusedError, fields: dict[str, Any]) -> None:
        """Do without a field that the server refuses; raises the refusal if there is none.

        A language and a prompt were given by the user: these are not left out.
        """
        told = f"{refusal.param} {refusal.message}"
        if refusal.status in _BAD_REQUEST:
            if self._timed and "response_format" in told:  # a deployment that is only called so
                self._timed = False
                return
            for name in _OPTIONAL:
                if name in fields and name.partition("[")[0] in told:
                    self._refused.add(name)
                    return
        raise refusal

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
        body = response.content
        if response.headers.get("content-type", "").startswith("text/plain"):  # some servers know no other form
            body = json.dumps({"text": body.decode("utf-8", "replace").strip()}).encode()
        return read_answer(body, service_errors.request_id(response))


_BAD_REQUEST = (400, 422)
_OPTIONAL = ("timestamp_granularities[]", "temperature", "response_format")
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
            f"The answer is no transcription{_told_in(body)}.",
            hint="Check that the model is one that transcribes.",
            request_id=request_id,
        ) from exc
    words, segments = _times(answer.get("words"), "word"), _times(answer.get("segments"), "text")
    return Transcription(text, words, segments, _code(answer.get("language")), _usage(answer))


def _told_in(body: bytes) -> str:
    """What an answer says about an error, though it came as if it were none."""
    try:
        error = json.loads(body)["error"]
        told = error if isinstance(error, str) else str(error["message"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return f": {' '.join(told.split())[:200].rstrip('.')}"


def _times(told: object, name: str) -> tuple[tuple[str, float, float], ...]:
    """Words or segments with their times; none where one of them has none, or one that is no time."""
    found: list[tuple[str, float, float]] = []
    for one in told if isinstance(told, list) else ():
        try:
            text, start, end = str(one[name]), float(one["start"]), float(one["end"])
        except (TypeError, KeyError, ValueError):
            return ()
        earliest = found[-1][1] if found else 0.0
        # Whisper's times overlap by a little; what goes back, or is no number, is no time.
        if not (max(0.0, earliest - _SLIP) <= start <= end < math.inf):
            return ()
        found.append((text, start, end))
    return tuple(found)


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
