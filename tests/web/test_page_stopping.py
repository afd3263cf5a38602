"""A turn that its user gives up: the engine stops, whatever it is at, and the next question need not wait."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("faster_whisper", reason="the extra local is not installed")
pytest.importorskip("cyllama", reason="the extra local is not installed")
pytest.importorskip("kokoro_onnx", reason="the extra local is not installed")

from support.page import playing
from support.scripted_engine import ScriptedEngine, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.page import Playground


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """The engine that the playground asks: it thinks for a minute before it says a word."""
    made = ScriptedEngine(language_model=Writer(pace=60))
    monkeypatch.setattr("audiochat.local.engine.Engine", lambda *_given, **_options: made)
    monkeypatch.setenv("AUDIOCHAT_PROVIDER", "local")
    return made


@pytest.fixture
def playground(engine: ScriptedEngine) -> Iterator[Playground]:  # noqa: ARG001 - it is configured
    """A playground over it."""
    with playing() as running:
        yield running


def test_an_answer_that_is_given_up_before_its_first_word_ends_the_engines_work(
    playground: Playground, engine: ScriptedEngine
) -> None:
    """Within half a second; and nobody waits in the line before it any more."""
    server = playground.server
    signed_in = server.ask("POST", "/page/sign-in", {"token": playground.tokens.issue()})
    cookie = signed_in.headers["set-cookie"].partition(";")[0]
    body = json.dumps({"text": "Is a golden retriever a good family dog?", "session": None}).encode()
    with server.opened() as sock:
        head = f"POST /page/turns HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nCookie: {cookie}\r\n"
        sock.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        deadline = time.monotonic() + 10
        while not engine.language_model.said:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert engine.language_model.stopped.wait(0.5)
    ticket = playground.studio.line.join()
    assert next(playground.studio.line.places(ticket, engine.language_model.stopped), 0) == 0
