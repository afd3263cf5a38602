"""`POST /audio/speech`: text in, sound out, whole or while it is made; and the lists of voices and models."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audiochat.audio import PCM_BYTES_PER_SECOND
from audiochat.audio.encoder import Encoder, encode
from audiochat.chat.voices import API_NAMES, known_names, table
from audiochat.local.api import EVENT_STREAM, perform
from audiochat.local.api_errors import ApiError
from audiochat.local.events import TOKENS_PER_SECOND_OUT
from audiochat.local.request_json import decimal, read_object
from audiochat.web import errors
from audiochat.web.bodies import read_json_body
from audiochat.web.work import WorkResponse, event, of_engine

if TYPE_CHECKING:
    import threading
    from collections.abc import Awaitable, Callable, Generator

    from starlette.requests import Request
    from starlette.responses import Response

    from audiochat.local.engine import Parts
    from audiochat.local.stopping import StopSignal
    from audiochat.web.api import Slots
    from audiochat.web.work import Outcome

MODELS = ("tts-1",)
"""What the voice is called; every name is answered."""

LARGEST = 1_000_000
"""Bytes of a request."""

LONGEST = 4096
"""Characters of a text, as the service has it."""

VOICE_NAMES = known_names()

_FORMATS = {  # the API's name: ours, and the type of the response
    "mp3": ("mp3", "audio/mpeg"),
    "opus": ("opus", "audio/opus"),
    "aac": ("aac", "audio/aac"),
    "flac": ("flac", "audio/flac"),
    "wav": ("wav", "audio/wav"),
    "pcm": ("pcm16", "audio/pcm"),
}

_TELL_THEIR_LENGTH = ("wav", "flac")
"""Formats whose header has the length: they are sent whole, unless a client asks for a stream."""

_PIECE = 24_000
"""Bytes of sound in one event: half a second of pcm at most, so that no line is longer than clients read."""

_PAUSE = PCM_BYTES_PER_SECOND // 4
"""Bytes of silence for a text in which there is nothing to pronounce: a quarter of a second."""

_CHARACTERS_PER_TOKEN = 4
"""Of English text, by and large; the service counts with its model's own tokens."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A speech request, understood."""

    text: str
    voice: str
    format: str
    """One of the API's names."""
    speed: float
    streamed: bool
    """Whether the sound is sent while it is made."""
    events: bool
    """Whether it is sent as server-sent events."""

    @property
    def usage(self) -> int:
        """Tokens of the text, roughly."""
        return math.ceil(len(self.text) / _CHARACTERS_PER_TOKEN)


def routes(engine: Parts, slots: Slots) -> Mapping[str, Callable[[Request], Awaitable[Any]]]:
    """The endpoints for speech, over an engine."""
    from starlette.responses import JSONResponse

    async def speech(request: Request) -> WorkResponse:
        with slots.take() as slot:
            body = await read_json_body(request, LARGEST)
            wanted = understand(body)
        return WorkResponse(lambda cancelled: _answer(engine, wanted, cancelled), done=slot.give_back)

    async def voices(_request: Request) -> Response:
        own = [{"id": one["name"], **one, "object": "voice"} for one in table()]
        api = [{"id": name, "name": name, "object": "voice"} for name in API_NAMES]
        return JSONResponse({"voices": [*api, *own]})

    async def models(_request: Request) -> Response:
        return JSONResponse({"models": [{"id": name, "name": name, "object": "model"} for name in MODELS]})

    return {"/audio/speech": speech, "/audio/voices": voices, "/audio/models": models}


def understand(body: bytes) -> Wanted:
    """Read a speech request.

    Raises:
        ApiError: the service would refuse it.
    """
    payload = read_object(body)
    stream_format = _one_of(payload, "stream_format", ("audio", "sse"), None)
    format_ = _one_of(payload, "response_format", tuple(_FORMATS), "mp3")
    assert format_ is not None  # noqa: S101 - it has a default
    asked = stream_format is not None or payload.get("stream") is True
    return Wanted(
        text=_text(payload.get("input")),
        voice=_voice(payload.get("voice")),
        format=format_,
        speed=decimal(payload, "speed", least=0.25, most=4.0) or 1.0,
        streamed=asked or format_ not in _TELL_THEIR_LENGTH,
        events=stream_format == "sse",
    )


def _text(given: object) -> str:
    if given is None:
        raise ApiError("Missing required parameter: 'input'.", code="missing_required_parameter", param="input")
    if not isinstance(given, str):
        raise ApiError("Invalid type for 'input': expected a string.", code="invalid_type", param="input")
    if not given.strip():
        raise ApiError(
            "Invalid 'input': empty string. Expected a string with minimum length 1.",
            code="empty_string",
            param="input",
        )
    if len(given) > LONGEST:
        raise ApiError(
            f"Invalid 'input': string too long. Expected a string with maximum length {LONGEST}, "
            f"but got a string with length {len(given)} instead.",
            code="string_above_max_length",
            param="input",
        )
    return given


def _voice(given: object) -> str:
    if isinstance(given, Mapping):  # a custom voice
        given = given.get("id")
    if given is None:
        raise ApiError("Missing required parameter: 'voice'.", code="missing_required_parameter", param="voice")
    if given not in VOICE_NAMES:
        raise errors.unknown_value("voice", given, VOICE_NAMES)
    return str(given)


def _one_of(payload: Mapping[str, Any], name: str, known: tuple[str, ...], default: str | None) -> str | None:
    given = payload.get(name)
    if given is None:
        return default
    if given not in known:
        raise errors.unknown_value(name, given, known)
    return str(given)


def _answer(engine: Parts, wanted: Wanted, cancelled: threading.Event) -> Outcome:
    def work(stop: StopSignal) -> Generator[bytes, None, None]:
        engine.prepare(stop, recognizer=False, language_model=False, synthesizer=True)
        spoken = _spoken(engine, wanted, stop)
        if wanted.events:
            return _events(wanted, spoken)
        return _encoded(wanted, spoken) if wanted.streamed else _file(wanted, spoken)

    type_ = EVENT_STREAM if wanted.events else _FORMATS[wanted.format][1]
    response = perform(engine, work, content_type=type_, cancelled=cancelled)
    return of_engine(response, whole=not wanted.streamed)


def _spoken(engine: Parts, wanted: Wanted, stop: StopSignal) -> Generator[bytes, None, None]:
    silent = True
    for pcm in engine.synthesizer.say(wanted.text, voice=wanted.voice, speed=wanted.speed, early=wanted.streamed):
        stop.check()
        silent = False
        yield pcm
    # A reader that sends a page piece by piece sends "---" as well: players take a pause, but no file without sound.
    if silent:
        yield bytes(_PAUSE)


def _file(wanted: Wanted, spoken: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    yield encode(b"".join(spoken), _FORMATS[wanted.format][0])


def _encoded(wanted: Wanted, spoken: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    encoder = Encoder(_FORMATS[wanted.format][0])
    for pcm in spoken:
        if made := encoder.encode(pcm):
            yield made
    if made := encoder.finish():
        yield made


def _events(wanted: Wanted, spoken: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    pcm_bytes = 0

    def counted() -> Generator[bytes, None, None]:
        nonlocal pcm_bytes
        for pcm in spoken:
            pcm_bytes += len(pcm)
            yield pcm

    for made in _encoded(wanted, counted()):
        for start in range(0, len(made), _PIECE):
            data = base64.b64encode(made[start : start + _PIECE]).decode("ascii")
            yield event({"type": "speech.audio.delta", "audio": data})
    spoken_tokens = math.ceil(pcm_bytes / PCM_BYTES_PER_SECOND * TOKENS_PER_SECOND_OUT)
    usage = {
        "input_tokens": wanted.usage,
        "output_tokens": spoken_tokens,
        "total_tokens": wanted.usage + spoken_tokens,
    }
    yield event({"type": "speech.audio.done", "usage": usage})
