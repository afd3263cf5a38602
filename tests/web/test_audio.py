"""Transcriptions, speech, voices: the engine's ear and voice behind the API that clients already speak."""

from __future__ import annotations

import base64
import io
import json
import logging
import secrets
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")

from support.scripted_engine import HEARD, ScriptedEngine, tone
from support.web import Got, Server, serving_api

from audiochat.audio import wav
from audiochat.audio.decoder import decode
from audiochat.audio.sniff import sniff
from audiochat.local.audio_ids import AudioIds
from audiochat.web.engine_service import EngineService
from audiochat.web.transcriptions import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

RECORDING = wav.wrap(tone(1.0))


@pytest.fixture
def engine() -> ScriptedEngine:
    """The engine of the server."""
    return ScriptedEngine()


@pytest.fixture
def server(engine: ScriptedEngine, tmp_path: Path) -> Iterator[Server]:
    """A server over it."""
    with serving_api(EngineService(engine, AudioIds(tmp_path))) as running:
        yield running


def form(fields: Sequence[tuple[str, str]], audio: bytes | None = RECORDING, name: str = "a.wav") -> tuple[bytes, str]:
    """A multipart form, and its content type."""
    boundary = secrets.token_hex(8)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields
    ]
    body = "".join(parts).encode()
    if audio is not None:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        body += f"{head}Content-Type: audio/wav\r\n\r\n".encode() + audio + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def transcribe(server: Server, *fields: tuple[str, str], path: str = "/v1/audio/transcriptions", **more: Any) -> Got:
    """Ask for a transcription."""
    body, type_ = form([("model", "whisper-1"), *fields], **more)
    return server.ask("POST", path, body, {"Content-Type": type_})


@pytest.mark.parametrize(
    "path",
    [
        "/v1/audio/transcriptions",
        "/openai/v1/audio/transcriptions",
        "/openai/deployments/any/audio/transcriptions?api-version=2024-06-01",
    ],
)
def test_a_recording_is_written_down(server: Server, path: str) -> None:
    """As json, where nothing else is asked for."""
    got = transcribe(server, path=path)
    assert got.json == {"text": HEARD, "usage": {"type": "duration", "seconds": 1}}


def test_the_plain_forms(server: Server) -> None:
    """Text, and two kinds of subtitles."""
    assert transcribe(server, ("response_format", "text")).body.decode() == f"{HEARD}\n"
    srt = transcribe(server, ("response_format", "srt")).body.decode()
    assert srt.startswith("1\n00:00:00,000 --> 00:00:03,500\nwhat is the name\n\n2\n00:00:04,000 -->")
    vtt = transcribe(server, ("response_format", "vtt"))
    assert vtt.body.decode().startswith("WEBVTT\n\n00:00:00.000 --> 00:00:03.500\nwhat is the name\n\n")
    assert vtt.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("name", ["timestamp_granularities[]", "timestamp_granularities", "timestamp_granularities[0]"])
def test_times_are_told_as_they_are_asked_for(server: Server, name: str) -> None:
    """Of segments unless only words are wanted; however a client spells the list."""
    usual = transcribe(server, ("response_format", "verbose_json")).json
    assert [(one["id"], one["start"], one["end"]) for one in usual["segments"]] == [(0, 0.0, 3.5), (1, 4.0, 6.5)]
    assert (usual["language"], usual["duration"], usual["task"], usual["text"]) == ("english", 1.0, "transcribe", HEARD)
    assert "words" not in usual
    words = transcribe(server, ("response_format", "verbose_json"), (name, "word")).json
    assert "segments" not in words
    assert words["words"][1] == {"word": "is", "start": 1.0, "end": 1.5}
    both = transcribe(server, ("response_format", "verbose_json"), (name, "word"), (name, "segment")).json
    assert both["words"]
    assert both["segments"]


def test_language_and_prompt_reach_the_ear(server: Server, engine: ScriptedEngine) -> None:
    """A language that there is not is refused in the service's words."""
    got = transcribe(server, ("language", "de"), ("prompt", "Rex"), ("response_format", "verbose_json")).json
    assert got["language"] == "german"
    assert (engine.recognizer.languages, engine.recognizer.prompts) == (["de"], ["Rex"])
    assert transcribe(server, ("language", "klingon")).error["param"] == "language"


def test_a_transcription_can_be_streamed(server: Server) -> None:
    """Deltas, and at the end the whole text."""
    got = transcribe(server, ("stream", "true"))
    told = [json.loads(line.removeprefix("data: ")) for line in got.body.decode().split("\n\n")[:-1]]
    assert "".join(one["delta"] for one in told[:-1]) == HEARD == told[-1]["text"]
    assert [one["type"] for one in told] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]


@pytest.mark.parametrize("audio", [b"", b"no sound", RECORDING[:30]])
def test_what_is_no_recording_is_refused(server: Server, audio: bytes) -> None:
    """400, never an answer."""
    got = transcribe(server, audio=audio)
    assert (got.status, got.error["param"]) == (400, "file")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ([("response_format", "docx")], "response_format"),
        ([("response_format", "verbose_json"), ("timestamp_granularities[]", "letter")], "timestamp_granularities"),
        ([("timestamp_granularities[]", "word")], "timestamp_granularities"),
    ],
)
def test_a_wrong_field_is_named(server: Server, fields: list[tuple[str, str]], param: str) -> None:
    """400 in the service's shape."""
    got = transcribe(server, *fields)
    assert (got.status, got.error["param"]) == (400, param)


def test_a_form_has_bounds(server: Server) -> None:
    """Its bytes, its fields, and the length of each; a form without a file, or without a boundary, is refused."""
    assert transcribe(server, audio=bytes(LARGEST + 1)).status == 413
    assert transcribe(server, *[("a", "b")] * 40).status == 400
    assert transcribe(server, ("prompt", "x" * 100_000)).status == 400
    assert transcribe(server, audio=None).error["param"] == "file"
    for kind in ("multipart/form-data", "application/json", ""):
        got = server.ask("POST", "/v1/audio/transcriptions", b"--x--", {"Content-Type": kind})
        assert got.status in (400, 415)
        assert got.error


def test_a_broken_form_is_told_to_the_client_alone(server: Server) -> None:
    """What the parser thinks of it is not for the terminal of the one who serves."""
    logged: list[logging.LogRecord] = []

    class Terminal(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged.append(record)

    handler = Terminal()
    logging.getLogger().addHandler(handler)
    try:
        got = server.ask(
            "POST", "/v1/audio/transcriptions", b"no form", {"Content-Type": "multipart/form-data; boundary=a"}
        )
    finally:
        logging.getLogger().removeHandler(handler)
    assert (got.status, got.error["type"]) == (400, "invalid_request_error")
    assert not logged


def test_the_name_of_an_upload_is_not_looked_at(server: Server, tmp_path: Path) -> None:
    """Nothing is written by it, or chosen by it."""
    assert transcribe(server, name="../../../../tmp/x.exe").json["text"] == HEARD
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_playlist_opens_nothing(server: Server, tmp_path: Path) -> None:
    """FFmpeg's playlists would read other files and addresses: they are no recordings here."""
    other = tmp_path / "secret.wav"
    other.write_bytes(RECORDING)
    playlists = (
        f"ffconcat version 1.0\nfile '{other}'\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{other}\n#EXT-X-ENDLIST\n",
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio {server.port} RTP/AVP 0\n",
    )
    for playlist in playlists:
        assert transcribe(server, audio=playlist.encode()).status == 400


def speak(server: Server, path: str = "/v1/audio/speech", **changes: Any) -> Got:
    """Ask for speech."""
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello.", **changes}
    return server.ask("POST", path, {name: value for name, value in body.items() if value is not None})


@pytest.mark.parametrize(
    ("format_", "type_"),
    [
        ("mp3", "audio/mpeg"),
        ("opus", "audio/opus"),
        ("aac", "audio/aac"),
        ("flac", "audio/flac"),
        ("wav", "audio/wav"),
        (None, "audio/mpeg"),
    ],
)
def test_text_is_spoken_in_every_format(server: Server, format_: str | None, type_: str) -> None:
    """Half a second of sound, of the format that was asked for, mp3 without a word."""
    got = speak(server, response_format=format_)
    assert (got.status, got.headers["content-type"]) == (200, type_)
    assert sniff(got.body) == (format_ or "mp3")
    assert 24_000 <= len(_decoded(got.body)) <= 30_000


def _decoded(sound: bytes) -> bytes:
    return b"".join(decode(io.BytesIO(sound), name="it"))


def test_pcm_is_the_samples(server: Server) -> None:
    """As they are: 24,000 Hz, mono."""
    got = speak(server, response_format="pcm")
    assert (got.body, got.headers["content-type"]) == (tone(0.5), "audio/pcm")


def test_a_wav_has_true_sizes_only_when_it_is_whole(server: Server) -> None:
    """A whole file tells its length; a streamed one cannot, and says so."""
    whole = speak(server, response_format="wav")
    assert int.from_bytes(whole.body[4:8], "little") == len(whole.body) - 8
    assert whole.headers["content-length"] == str(len(whole.body))
    for more in ({"stream_format": "audio"}, {"stream": True}):
        streamed = speak(server, response_format="wav", **more)
        assert streamed.body[4:8] == b"\xff\xff\xff\xff"
        assert "content-length" not in streamed.headers


def test_speech_comes_as_events_where_they_are_asked_for(server: Server) -> None:
    """Deltas, and at the end the usage."""
    got = speak(server, response_format="pcm", stream_format="sse")
    assert got.headers["content-type"].startswith("text/event-stream")
    told = [json.loads(line.removeprefix("data: ")) for line in got.body.decode().split("\n\n")[:-1]]
    assert told[-1]["type"] == "speech.audio.done"
    assert told[-1]["usage"]["output_tokens"] == 10
    assert b"".join(base64.b64decode(one["audio"]) for one in told[:-1]) == tone(0.5)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"input": None}, "input"),
        ({"input": "  "}, "input"),
        ({"input": "x" * 4097}, "input"),
        ({"voice": None}, "voice"),
        ({"voice": "nobody"}, "voice"),
        ({"response_format": "ogg"}, "response_format"),
        ({"speed": 0.1}, "speed"),
        ({"speed": 5}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"speed": 10**400}, "speed"),
        ({"input": "An emoji cut in two: \ud83d"}, None),
        ({"stream_format": "smoke"}, "stream_format"),
    ],
    ids=str,
)
def test_a_wrong_speech_request_is_400(server: Server, changes: dict[str, Any], param: str | None) -> None:
    """And names the parameter."""
    got = speak(server, **changes)
    assert (got.status, got.error["param"]) == (400, param)


def test_speed_reaches_the_voice(server: Server, engine: ScriptedEngine) -> None:
    """And unknown fields, like `instructions`, are tolerated."""
    assert speak(server, speed=1.5, instructions="Cheerful.").status == 200
    assert list(engine.synthesizer.said) == [("Hello.", "alloy", 1.5)]


@pytest.mark.parametrize("format_", ["wav", "mp3", "opus"])
def test_a_text_without_words_is_a_pause(server: Server, engine: ScriptedEngine, format_: str) -> None:
    """As a reader sends it that goes through a page piece by piece; players take no file without sound."""
    engine.synthesizer.pcm = b""
    got = speak(server, input="---", response_format=format_)
    assert got.status == 200
    assert len(_decoded(got.body)) >= 12_000


def test_voices_and_models_are_listed(server: Server) -> None:
    """As Open WebUI asks for them."""
    assert {"id": "alloy", "name": "alloy"}.items() <= server.ask("GET", "/v1/audio/voices").json["voices"][0].items()
    assert server.ask("GET", "/v1/audio/models").json["models"][0]["id"] == "tts-1"


def test_the_engines_own_voices_are_listed_with_their_languages(server: Server) -> None:
    """The same table as `audiochat voices list` has."""
    listed = {one["id"]: one for one in server.ask("GET", "/v1/audio/voices").json["voices"]}
    assert (listed["ff_siwis"]["language"], listed["ff_siwis"]["sex"]) == ("fr", "female")
    assert "fable" in listed["bm_fable"]["aliases"]
    assert len(listed) == 54 + 13
