"""The engine behind the API that clients already speak: addresses, errors and streams as the service has them."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")

from support.scripted_engine import HEARD, MODEL, SENTENCES, Ear, ScriptedEngine, Voice, Writer, tone
from support.web import Server, serving_api

from audiochat.audio import wav
from audiochat.local.audio_ids import AudioIds
from audiochat.local.request_queue import RequestQueue
from audiochat.local.stt import RecordingTooLongError
from audiochat.web.engine_service import EngineService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECORDING = base64.b64encode(wav.wrap(tone(0.3))).decode()
CHAT_PATHS = [
    "/v1/chat/completions",
    "/openai/v1/chat/completions",
    "/openai/v1/chat/completions?api-version=preview",
    "/openai/deployments/any-name/chat/completions?api-version=2025-01-01-preview",
    "/openai/chat/completions?api-version=preview",
    "//v1//chat/completions/",
    "/v1/chat/completions//",
]


def ask(text: str = "Is a golden retriever a good family dog?", **changes: Any) -> dict[str, Any]:
    """A request for a spoken answer."""
    body = {
        "model": "gpt-audio",
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
        "messages": [{"role": "user", "content": text}],
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


def hear(data: str = RECORDING, format_: str = "wav", **changes: Any) -> dict[str, Any]:
    """A request about a recording, answered in text."""
    content = [
        {"type": "text", "text": "What is said?"},
        {"type": "input_audio", "input_audio": {"data": data, "format": format_}},
    ]
    return ask(modalities=["text"], audio=None, messages=[{"role": "user", "content": content}], **changes)


def events(body: bytes) -> list[Any]:
    """The events of a stream; `[DONE]` stays text."""
    lines = body.decode().split("\n\n")
    assert lines.pop() == ""
    assert all(line.startswith("data: ") and "\n" not in line for line in lines)
    data = [line.removeprefix("data: ") for line in lines]
    return [one if one == "[DONE]" else json.loads(one) for one in data]


@pytest.fixture
def engine() -> ScriptedEngine:
    """The engine of the server."""
    return ScriptedEngine()


@pytest.fixture
def server(engine: ScriptedEngine, tmp_path: Path) -> Iterator[Server]:
    """A server over it."""
    with serving_api(EngineService(engine, AudioIds(tmp_path / "answers"))) as running:
        yield running


@pytest.mark.parametrize("path", CHAT_PATHS)
def test_a_spoken_answer_comes_at_every_address_that_clients_use(server: Server, path: str) -> None:
    """OpenAI's, Azure's v1, its dated and preview API, slashes repeated and trailing, without a redirect."""
    got = server.ask("POST", path, ask())
    assert got.status == 200
    message = got.json["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (None, None)
    assert message["audio"]["transcript"] == " ".join(SENTENCES)
    sound = base64.b64decode(message["audio"]["data"])
    # True sizes: nothing was streamed.
    assert int.from_bytes(sound[4:8], "little") == len(sound) - 8
    assert got.headers["content-length"] == str(len(got.body))
    assert got.headers["x-request-id"].startswith("req_")


def test_a_recording_is_answered_in_text(server: Server, engine: ScriptedEngine) -> None:
    """Without sound the answer is `content`, and the usage counts what was heard."""
    got = server.ask("POST", "/v1/chat/completions", hear()).json
    assert got["choices"][0]["message"]["content"] == " ".join(SENTENCES)
    assert got["usage"]["prompt_tokens_details"]["audio_tokens"] == 3
    assert [one.text for one in engine.language_model.said[0][0].heard] == [HEARD]


@pytest.mark.parametrize("format_", ["wav", "mp3", "mpeg", "x-wav", "mp4", "webm", "flac"])
def test_any_recording_that_decodes_is_taken(server: Server, format_: str) -> None:
    """Whatever its format is called: LangChain sends subtypes of media types."""
    assert server.ask("POST", "/v1/chat/completions", hear(format_=format_)).status == 200


@pytest.mark.parametrize(
    "data", [base64.b64encode(b"no sound").decode(), f"data:audio/wav;base64,{RECORDING}", "", "%%%"]
)
def test_what_is_no_recording_is_refused(server: Server, engine: ScriptedEngine, data: str) -> None:
    """400 and never an answer; a data URI too, as the service has it."""
    got = server.ask("POST", "/v1/chat/completions", hear(data))
    assert (got.status, got.error["code"]) == (400, "invalid_value")
    assert got.error["message"] == "The data provided for 'input_audio' is not of valid wav format."
    assert engine.language_model.written == 0


def test_a_recording_that_is_too_long_is_refused(server: Server, engine: ScriptedEngine) -> None:
    """400 that names the recording: the same request can never succeed."""
    engine.recognizer = Ear(failure=RecordingTooLongError("The recording is longer than 120 minutes."))
    got = server.ask("POST", "/v1/chat/completions", hear())
    assert (got.status, got.error["code"]) == (400, "audio_too_long")
    assert got.error["param"] == "messages[0].content[1]"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"n": 2}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"audio": {"voice": "alloy", "format": "vinyl"}}, "audio.format"),
        ({"stream": True}, "audio.format"),
        ({"messages": []}, "messages"),
        ({"modalities": ["smell"]}, "modalities"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_a_wrong_request_is_400_and_names_its_parameter(server: Server, changes: dict[str, Any], param: str) -> None:
    """In the service's shape."""
    got = server.ask("POST", "/v1/chat/completions", ask(**changes))
    assert (got.status, got.error["type"], got.error["param"]) == (400, "invalid_request_error", param)


def test_fields_that_are_not_known_are_tolerated(server: Server, engine: ScriptedEngine) -> None:
    """And max_completion_tokens is obeyed."""
    more: dict[str, Any] = {
        "store": True,
        "metadata": {"a": "b"},
        "user": "u",
        "n": 1,
        "tomorrow": 1,
        "max_completion_tokens": 9,
    }
    assert server.ask("POST", "/v1/chat/completions", ask(**more)).status == 200
    assert engine.language_model.limits[0].tokens == 9


def test_an_audio_id_works_for_an_hour_also_across_restarts(engine: ScriptedEngine, tmp_path: Path) -> None:
    """Another server, the same cache; an id that is unknown is refused in the service's words."""
    with serving_api(EngineService(engine, AudioIds(tmp_path))) as first:
        audio = first.ask("POST", "/v1/chat/completions", ask()).json["choices"][0]["message"]["audio"]
    assert 3590 <= audio["expires_at"] - time.time() <= 3600

    def next_turn(id_: str) -> dict[str, Any]:
        messages = [
            {"role": "user", "content": "Hello."},
            {"role": "assistant", "audio": {"id": id_}},
            {"role": "user", "content": "Why?"},
        ]
        return ask(messages=messages)

    with serving_api(EngineService(engine, AudioIds(tmp_path))) as second:
        assert second.ask("POST", "/v1/chat/completions", next_turn(audio["id"])).status == 200
        assert engine.language_model.said[-1][1].text == audio["transcript"]
        got = second.ask("POST", "/v1/chat/completions", next_turn("audio_00"))
        assert (got.status, got.error["code"]) == (400, "audio_not_found")
        assert got.error["param"] == "content.messages[1].audio.id"
    later = AudioIds(tmp_path, clock=lambda: time.time() + 3700)
    with serving_api(EngineService(engine, later)) as third:
        assert third.ask("POST", "/v1/chat/completions", next_turn(audio["id"])).error["code"] == "audio_not_found"


def streamed(**more: Any) -> dict[str, Any]:
    """A request for a stream."""
    return ask(stream=True, audio={"voice": "alloy", "format": "pcm16"}, **more)


def test_a_stream_has_the_services_order(server: Server) -> None:
    """Id and words, words and sound, expires_at, `[DONE]`; no usage that nobody asked for."""
    got = server.ask("POST", "/v1/chat/completions", streamed())
    assert got.headers["content-type"].startswith("text/event-stream")
    assert (got.headers["x-accel-buffering"], got.headers["cache-control"]) == ("no", "no-cache")
    told = events(got.body)
    assert told.pop() == "[DONE]"
    assert all(one["object"] == "chat.completion.chunk" and one["choices"] for one in told)
    assert all(one.get("usage") is None for one in told)
    audio = [one["choices"][0]["delta"].get("audio", {}) for one in told]
    assert "".join(one.get("transcript", "") for one in audio) == " ".join(SENTENCES)
    sound = b"".join(base64.b64decode(one["data"]) for one in audio if "data" in one)
    assert sound == tone(0.5) * 2
    assert set(audio[-1]) == {"expires_at"}
    assert len({one["id"] for one in audio if "id" in one}) == 1


def test_usage_is_one_event_without_choices_after_the_last_sound(server: Server) -> None:
    """Where it is asked for: once, and before `expires_at`."""
    told = events(server.ask("POST", "/v1/chat/completions", streamed(stream_options={"include_usage": True})).body)
    counted = [index for index, one in enumerate(told[:-1]) if one.get("usage")]
    assert counted == [len(told) - 3]
    assert told[counted[0]]["choices"] == []
    assert told[counted[0]]["usage"]["completion_tokens_details"]["audio_tokens"] == 20
    assert "expires_at" in told[-2]["choices"][0]["delta"]["audio"]


def test_no_line_of_a_stream_is_longer_than_clients_read(server: Server, engine: ScriptedEngine) -> None:
    """64 KiB at most, also where the voice gives ten seconds in one block: aiohttp dies at 128."""
    engine.synthesizer = Voice(pcm=tone(10), blocks=1)
    got = server.ask("POST", "/v1/chat/completions", streamed())
    assert max(map(len, got.body.split(b"\n"))) <= 65_536
    speech = server.ask("POST", "/v1/audio/speech", {**SPEECH, "stream_format": "sse", "response_format": "pcm"})
    assert max(map(len, speech.body.split(b"\n"))) <= 65_536


SPEECH = {"model": "tts-1", "voice": "alloy", "input": "Hello."}


def test_the_first_words_leave_before_the_rest_is_made(server: Server, engine: ScriptedEngine) -> None:
    """The first delta comes while the second sentence is being written."""
    engine.language_model = Writer(pace=0.4)
    with server.opened() as sock:
        body = json.dumps(streamed()).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
        sock.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        got = b""
        while b'"data"' not in got:
            got += sock.recv(10_000)
        assert engine.language_model.written == 1


def test_a_failure_in_the_middle_of_a_stream_is_its_last_event(server: Server, engine: ScriptedEngine) -> None:
    """An error and no `[DONE]`, no finish_reason: nobody takes half for whole."""
    engine.language_model = Writer(failure=RuntimeError("the model broke"))
    told = events(server.ask("POST", "/v1/chat/completions", streamed()).body)
    assert told[-1]["error"]["type"] == "server_error"
    assert "[DONE]" not in told
    assert not any(choice["finish_reason"] for one in told[:-1] for choice in one["choices"])


def test_a_failure_before_anything_is_a_status(server: Server, engine: ScriptedEngine) -> None:
    """500 in the service's shape, streamed or not; and nothing is said to be worth another try."""
    engine.language_model = Writer(sentences=(), failure=RuntimeError("the model broke"))
    for body in (ask(), streamed()):
        got = server.ask("POST", "/v1/chat/completions", body)
        assert (got.status, got.error["type"], got.headers["x-should-retry"]) == (500, "server_error", "false")


@pytest.mark.parametrize(
    ("path", "status", "code", "meant"),
    [
        ("/v1/v1/chat/completions", 404, None, "/v1/chat/completions"),
        ("/chat/completions", 404, None, "/v1/chat/completions"),
        ("/v1/completions", 404, None, "/v1/chat/completions"),
        ("/v1/v1/audio/models", 404, None, "/v1/audio/models?"),
        ("/openai/deployments/x/chat", 404, "404", "/openai/v1/chat/completions"),
        (
            "/openai/deployments/x/chat/completions",
            404,
            "404",
            "/openai/deployments/NAME/chat/completions?api-version=2025-01-01-preview",
        ),
        ("/openai/deployments//chat/completions", 404, "DeploymentNotFound", "/openai/deployments/NAME/"),
        ("/openai/v1/openai/v1/chat/completions", 404, "404", "/openai/v1/chat/completions"),
    ],
)
def test_a_wrong_address_is_answered_with_the_right_one(
    server: Server, path: str, status: int, code: str | None, meant: str
) -> None:
    """In OpenAI's words, or Azure's on Azure's paths."""
    got = server.ask("POST", path, ask())
    assert (got.status, got.error["code"]) == (status, code)
    assert meant in got.error["message"]
    if path.startswith("/openai") and code == "404":
        assert got.error["message"].startswith("Resource not found")


def test_another_method_is_405(server: Server) -> None:
    """And says which one is meant."""
    got = server.ask("GET", "/v1/chat/completions")
    assert (got.status, got.headers["allow"]) == (405, "POST")
    assert "POST" in got.error["message"]


@pytest.mark.parametrize("path", ["/v1/models", "/openai/v1/models", "/openai/models?api-version=2024-10-21"])
def test_models_are_listed(server: Server, path: str) -> None:
    """The engine, its ear and its voice."""
    got = server.ask("GET", path).json
    assert [one["id"] for one in got["data"]] == [MODEL, "whisper-1", "tts-1"]
    assert server.ask("GET", f"/v1/models/{MODEL}").json["id"] == MODEL
    assert server.ask("GET", "/v1/models/other").error["code"] == "model_not_found"


def test_the_key_is_asked_for_by_everything_but_health(engine: ScriptedEngine, tmp_path: Path) -> None:
    """401 in the words of the API that is asked."""
    with serving_api(EngineService(engine, AudioIds(tmp_path)), key="the-key") as server:
        assert server.ask("GET", "/health").json == {"status": "ok"}
        assert server.ask("POST", "/v1/chat/completions", ask()).error["code"] == "invalid_api_key"
        azure = "/openai/deployments/x/chat/completions?api-version=1"
        got = server.ask("POST", azure, ask(), {"api-key": "wrong"})
        assert (got.status, got.error["code"]) == (401, "401")
        assert server.ask("POST", azure, ask(), {"api-key": "the-key"}).status == 200
        assert server.ask("GET", "/v1/models", headers={"Authorization": "Bearer the-key"}).status == 200


def test_who_is_too_many_is_told_to_come_back(engine: ScriptedEngine, tmp_path: Path) -> None:
    """429 with retry-after in the service's shape; none is lost, and models and health answer meanwhile."""
    engine.queue = RequestQueue(4)
    engine.language_model = Writer(pace=0.1)
    with serving_api(EngineService(engine, AudioIds(tmp_path))) as server, ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(server.ask, "POST", "/v1/chat/completions", ask()) for _ in range(16)]
        time.sleep(0.2)
        started = time.perf_counter()
        assert server.ask("GET", "/health").status == 200
        assert server.ask("GET", "/v1/models").status == 200
        assert time.perf_counter() - started < 0.1
        got = [one.result() for one in asked]
    assert sorted({one.status for one in got}) == [200, 429]
    assert sum(one.status == 200 for one in got) == 5
    for one in got:
        if one.status == 429:
            assert (one.error["code"], one.error["type"]) == ("rate_limit_exceeded", "requests")
            assert 1 <= int(one.headers["retry-after"]) <= 60


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_stops_the_engine(server: Server, engine: ScriptedEngine, *, stream: bool) -> None:
    """Within half a second, streaming or not; and the next one is answered."""
    engine.language_model = Writer(sentences=["Again."] * 1000, pace=0.02)
    body = json.dumps(streamed() if stream else ask()).encode()
    with server.opened() as sock:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
        sock.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        time.sleep(0.3)
        assert engine.language_model.written
    assert engine.language_model.stopped.wait(0.5)
    engine.language_model = Writer()
    assert server.ask("POST", "/v1/chat/completions", ask()).status == 200


def test_who_leaves_the_queue_is_not_answered(server: Server, engine: ScriptedEngine) -> None:
    """The engine never begins with what nobody waits for."""
    engine.language_model = Writer(pace=0.3)
    body = json.dumps(ask()).encode()
    first = threading.Thread(target=server.ask, args=("POST", "/v1/chat/completions", ask()))
    first.start()
    time.sleep(0.1)
    with server.opened() as sock:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
        sock.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        time.sleep(0.1)
    first.join()
    time.sleep(0.2)
    assert len(engine.language_model.said) == 1


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_json_routes_want_json(server: Server, engine: ScriptedEngine, kind: str) -> None:
    """A form of a page elsewhere can send the others without asking first."""
    for path in ("/v1/chat/completions", "/v1/audio/speech"):
        got = server.ask("POST", path, json.dumps(ask()).encode(), {"Content-Type": kind})
        assert (got.status, got.error["code"]) == (415, "unsupported_content_type")
    assert not engine.language_model.said


def test_a_body_that_is_still_coming_when_the_server_ends_is_answered(engine: ScriptedEngine, tmp_path: Path) -> None:
    """In the service's shape, as what is being worked on."""
    with serving_api(EngineService(engine, AudioIds(tmp_path))) as server:
        sock = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        sock.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        time.sleep(0.2)
    with sock, http.client.HTTPResponse(sock) as response:
        response.begin()
        assert response.status == 503
        assert json.load(response)["error"]["code"] == "shutting_down"


def test_a_body_that_is_too_large_is_refused_before_it_comes(server: Server) -> None:
    """By its announced length."""
    with server.opened() as sock:
        sock.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
            "Content-Type: application/json\r\nContent-Length: 999999999999\r\n\r\n".encode()
        )
        assert sock.recv(1000).startswith(b"HTTP/1.1 413")
