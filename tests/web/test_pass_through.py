"""A cloud behind the API: passed on with the server's credentials, and answered as it answers."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")

from support.command_line import CANARY
from support.service import PCM, Service, completion, error, sound_events, stream
from support.web import Server, serving_api

from audiochat.assistant import Assistant
from audiochat.config import Flags, load
from audiochat.web.pass_through import PassThrough

if TYPE_CHECKING:
    from collections.abc import Iterator

ASK = {"model": "other", "messages": [{"role": "user", "content": "Hi."}], "tools": [{"of": "tomorrow"}]}


@pytest.fixture(params=["openai", "azure"])
def server(request: pytest.FixtureRequest, service: Service) -> Iterator[Server]:
    """A server that passes on to the scripted service."""
    environment = {
        "openai": {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": f"{service.url}/v1"},
        "azure": {"AZURE_OPENAI_ENDPOINT": service.url, "AZURE_OPENAI_API_KEY": CANARY},
    }[request.param]
    settings = load(Flags(provider=request.param, model="my-model", retries=0), environment=environment)
    with Assistant(settings) as assistant, serving_api(PassThrough(assistant)) as running:
        yield running


def ask(server: Server, **more: Any) -> Any:
    """Post a chat completions request."""
    return server.ask("POST", "/v1/chat/completions", {**ASK, **more}, {"Authorization": "Bearer of-the-client"})


def test_a_request_is_passed_on_with_the_servers_credentials(server: Server, service: Service) -> None:
    """All of it but the model, which the owner of the credentials chooses; and the answer comes back as it was sent."""
    answer = completion("Yes.", b"RIFF")
    service.answer(replace(answer, headers={"x-request-id": "req_1", "set-cookie": "a=b"}))
    got = ask(server)
    assert got.status == 200
    assert got.json == json.loads(answer.body)
    assert (got.headers["x-request-id"], got.headers.get("set-cookie")) == ("req_1", None)
    assert service.last.json == {**ASK, "model": "my-model"}
    told = f"{service.last.headers}"
    assert CANARY in told
    assert "of-the-client" not in told
    assert "/openai/deployments/my-model/" in service.last.path or service.last.path == "/v1/chat/completions"


def test_a_stream_is_passed_on_while_it_comes(server: Server, service: Service) -> None:
    """Event by event, to the byte."""
    events = sound_events(PCM)
    service.answer(stream(events, pause=0.05))
    got = ask(server, stream=True)
    assert got.headers["content-type"].startswith("text/event-stream")
    assert got.body == b"".join(events)


def test_a_refusal_is_passed_on(server: Server, service: Service) -> None:
    """Its status, its words and its wait."""
    service.answer(error(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": "7"}))
    got = ask(server)
    assert (got.status, got.error["code"], got.headers["retry-after"]) == (429, "rate_limit_exceeded", "7")


@pytest.mark.parametrize("status", [401, 403])
def test_the_servers_own_credentials_are_not_the_clients_fault(server: Server, service: Service, status: int) -> None:
    """502, and no word of the key: the client's own key would be changed in vain."""
    service.answer(error(status, "401", f"Access denied due to invalid subscription key {CANARY}."))
    got = ask(server)
    assert got.status == 502
    assert CANARY.encode() not in got.body


def test_a_cloud_that_is_not_there_is_502(server: Server, service: Service) -> None:
    """In the service's shape."""
    service.stop()
    got = ask(server)
    assert got.status in (502, 503)
    assert got.error["message"]


def test_a_stream_that_breaks_is_not_ended_falsely(server: Server, service: Service) -> None:
    """No `[DONE]`, and the connection breaks too."""
    service.answer(stream(sound_events(PCM), cut=2))
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        ask(server, stream=True)


def test_a_client_that_leaves_ends_the_clouds_answer(server: Server, service: Service) -> None:
    """Within half a second: what nobody hears is not paid for."""
    service.answer(stream([sound_events(PCM)[0]] * 1000, pause=0.02))
    body = json.dumps({**ASK, "stream": True}).encode()
    with server.opened() as sock:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
        sock.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        time.sleep(0.3)
    time.sleep(0.5)
    before = service.sent_pieces
    time.sleep(0.3)
    assert before == service.sent_pieces < 60


def test_a_wrong_address_names_only_what_is_answered(server: Server) -> None:
    """No address that would be 404 in its turn."""
    told = server.ask("POST", "/v1/responses", {}).error["message"]
    assert "/v1/chat/completions" in told
    assert "/v1/models" in told
    assert "audio/" not in told


def test_speech_is_the_engines(server: Server) -> None:
    """What is not passed on says so; the one model is listed."""
    got = server.ask("POST", "/v1/audio/speech", {"input": "x"})
    assert (got.status, got.error["code"]) == (404, "not_found")
    assert [one["id"] for one in server.ask("GET", "/v1/models").json["data"]] == ["my-model"]
