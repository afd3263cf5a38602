"""`POST /audio/transcriptions`: a recording in, its words out, in five forms, with their times.

Source: OpenAI's specification of CreateTranscriptionRequest and its responses.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audiochat.local.api import EVENT_STREAM, perform
from audiochat.local.api_errors import ApiError
from audiochat.local.language_names import NAMES
from audiochat.local.stt import NotAudioError, RecordingTooLongError, UnknownLanguageError
from audiochat.subtitles import Cue, srt, vtt
from audiochat.web import errors
from audiochat.web.bodies import iter_body
from audiochat.web.work import WorkResponse, event, of_engine

if TYPE_CHECKING:
    import threading
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping

    from starlette.datastructures import FormData
    from starlette.requests import Request

    from audiochat.local.engine import Parts
    from audiochat.local.stopping import StopSignal
    from audiochat.local.stt import Heard
    from audiochat.web.api import Slots
    from audiochat.web.work import Outcome

MODELS = ("whisper-1",)
"""What the ear is called; every name is answered."""

LARGEST = 26_214_400
"""Bytes of a recording, as the service has it."""

_FIELDS_BYTES = 1_000_000
_MOST_FIELDS = 30
_LARGEST_FIELD = 64_000

_FORMATS = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "srt": "text/plain; charset=utf-8",
    "verbose_json": "application/json",
    "vtt": "text/plain; charset=utf-8",
}
_GRANULARITIES = ("segment", "word")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A transcription request, understood."""

    audio: bytes = field(repr=False)
    format: str
    language: str | None
    prompt: str | None
    segments: bool
    words: bool
    streamed: bool


def routes(engine: Parts, slots: Slots) -> Mapping[str, Callable[[Request], Awaitable[Any]]]:
    """The endpoint for transcriptions, over an engine."""

    async def transcriptions(request: Request) -> WorkResponse:
        with slots.take() as slot:
            wanted = await _read(request)
        return WorkResponse(lambda cancelled: _answer(engine, wanted, cancelled), done=slot.give_back)

    return {"/audio/transcriptions": transcriptions}


async def _read(request: Request) -> Wanted:
    form = await _form(request)
    try:
        file = form.get("file")
        if file is None or isinstance(file, str):
            raise ApiError("Missing required parameter: 'file'.", code="missing_required_parameter", param="file")
        audio = await file.read()
    finally:
        await form.close()
    return _understand(form, audio)


async def _form(request: Request) -> FormData:
    """The parts of a form, in memory; the name of the file in it is not looked at."""
    from starlette.formparsers import MultiPartException, MultiPartParser

    class Parser(MultiPartParser):
        spool_max_size = LARGEST + _FIELDS_BYTES  # a recording is not written to a disk that others may read

    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != "multipart/form-data":
        raise errors.content_type(given, "multipart/form-data")
    body = iter_body(request, LARGEST + _FIELDS_BYTES)
    parser = Parser(request.headers, _ending(body), max_files=1, max_fields=_MOST_FIELDS, max_part_size=_LARGEST_FIELD)
    try:
        return await parser.parse()
    except MultiPartException as exc:
        raise ApiError(f"Could not parse multipart form: {exc.message}", code=None) from exc
    except KeyError as exc:  # no boundary
        raise ApiError("Could not parse multipart form: it has no boundary.", code=None) from exc


async def _ending(body: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The chunks as Starlette gives them to its parser: an empty one at the end."""
    async for chunk in body:
        yield chunk
    yield b""


def _understand(form: FormData, audio: bytes) -> Wanted:
    """Read a request.

    Raises:
        ApiError: the service would refuse it.
    """
    if len(audio) > LARGEST:
        raise errors.too_large(LARGEST)
    granularities = _all_of(form, "timestamp_granularities")
    for given in granularities:
        if given not in _GRANULARITIES:
            raise errors.unknown_value("timestamp_granularities", given, _GRANULARITIES)
    format_ = _text(form, "response_format") or "json"
    if format_ not in _FORMATS:
        raise errors.unknown_value("response_format", format_, tuple(_FORMATS))
    words = "word" in granularities
    if granularities and format_ != "verbose_json":
        raise ApiError(
            "timestamp_granularities need response_format verbose_json.",
            code="invalid_value",
            param="timestamp_granularities",
        )
    return Wanted(
        audio=audio,
        format=format_,
        language=_text(form, "language"),
        prompt=_text(form, "prompt"),
        segments="segment" in granularities or not words,
        words=words,
        streamed=(_text(form, "stream") or "").lower() in ("true", "1"),
    )


def _text(form: FormData, name: str) -> str | None:
    found = form.get(name)
    return found if isinstance(found, str) and found.strip() else None


def _all_of(form: FormData, name: str) -> list[str]:
    """A field that may be there several times; clients write `name`, `name[]` or `name[0]`."""
    return [
        value for key, value in form.multi_items() if isinstance(value, str) and value and key.partition("[")[0] == name
    ]


def _answer(engine: Parts, wanted: Wanted, cancelled: threading.Event) -> Outcome:
    streamed = wanted.streamed and wanted.format == "json"  # the service streams no other form

    def work(stop: StopSignal) -> Generator[bytes, None, None]:
        engine.prepare(stop, recognizer=True, language_model=False, synthesizer=False)
        heard = _hear(engine, wanted, stop)
        if streamed:
            yield from _events(heard)
        else:
            yield _WRITERS[wanted.format](heard, wanted).encode()

    type_ = EVENT_STREAM if streamed else _FORMATS[wanted.format]
    return of_engine(perform(engine, work, content_type=type_, cancelled=cancelled))


def _hear(engine: Parts, wanted: Wanted, stop: StopSignal) -> Heard:
    try:
        return engine.recognizer.hear(
            wanted.audio, stop=stop, words=wanted.words, language=wanted.language, prompt=wanted.prompt
        )
    except NotAudioError as exc:
        raise ApiError("Audio file might be corrupted or unsupported", code="invalid_value", param="file") from exc
    except RecordingTooLongError as exc:
        raise ApiError(str(exc), code="audio_too_long", param="file") from exc
    except UnknownLanguageError as exc:
        raise ApiError(
            f"Invalid language {(wanted.language or '')[:50]!r}. Language parameter must be specified in ISO-639-1 "
            "format.",
            code="invalid_language_format",
            param="language",
        ) from exc


def _json(heard: Heard, _wanted: Wanted) -> str:
    return json.dumps({"text": heard.text, "usage": _usage(heard)}, ensure_ascii=False)


def _verbose(heard: Heard, wanted: Wanted) -> str:
    told: dict[str, Any] = {
        "task": "transcribe",
        "language": NAMES.get(heard.language, heard.language),
        "duration": round(heard.seconds, 3),
        "text": heard.text,
    }
    if wanted.segments:
        told["segments"] = [
            {
                "id": index,
                "seek": int(segment.start * 100),
                "start": segment.start,
                "end": segment.end,
                "text": segment.text,
                "tokens": list(segment.tokens),
                "temperature": segment.temperature,
                "avg_logprob": segment.avg_logprob,
                "compression_ratio": segment.compression_ratio,
                "no_speech_prob": segment.no_speech_prob,
            }
            for index, segment in enumerate(heard.segments)
        ]
    if wanted.words:
        told["words"] = [{"word": word.text.strip(), "start": word.start, "end": word.end} for word in heard.words]
    return json.dumps({**told, "usage": _usage(heard)}, ensure_ascii=False)


def _cues(heard: Heard) -> list[Cue]:
    """A cue for each segment, as the service gives them."""
    return [Cue(one.start, one.end, (" ".join(one.text.split()),)) for one in heard.segments]


def _events(heard: Heard) -> Generator[bytes, None, None]:
    for index, segment in enumerate(heard.segments):
        words = segment.text.strip()
        yield event({"type": "transcript.text.delta", "delta": f" {words}" if index else words})
    yield event({"type": "transcript.text.done", "text": heard.text, "usage": _usage(heard)})


def _usage(heard: Heard) -> dict[str, Any]:
    return {"type": "duration", "seconds": math.ceil(heard.seconds)}


_WRITERS: Mapping[str, Callable[[Heard, Wanted], str]] = {
    "json": _json,
    "verbose_json": _verbose,
    "text": lambda heard, _wanted: f"{heard.text}\n",
    "srt": lambda heard, _wanted: srt(_cues(heard)),
    "vtt": lambda heard, _wanted: vtt(_cues(heard)),
}
