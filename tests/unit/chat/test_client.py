"""The client as a library: what is waited in all, and one client for many requests at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.service import PCM, Answer, completion, error

from audiochat import config, providers
from audiochat.audio import wav
from audiochat.chat.client import Client
from audiochat.chat.request import Request, UserTurn
from audiochat.errors import AudiochatError
from audiochat.progress import NoProgress
from audiochat.transport.retry import RetryPolicy

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import CommandLine
    from support.service import Service

    from audiochat.transport.connection import Connection

REQUEST = Request(model="gpt-audio", turns=(UserTurn("Is rain wet?"),), format=None)


def connected() -> Connection:
    """A connection to the service that is configured."""
    return providers.connect(config.load(config.Flags()), NoProgress())


def test_all_the_waiting_is_bounded(openai: Service) -> None:
    """However often it may ask, and whatever the service asks for: after so many seconds it is enough."""
    openai.answer(error(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after-ms": "400"}))
    client = Client(connected(), timeout=10, policy=RetryPolicy(retries=1000, patience=1.0))
    started = time.monotonic()
    with pytest.raises(AudiochatError) as caught:
        client.ask(REQUEST)
    assert caught.value.exit_code == 5
    assert len(openai.requests) == 3  # 0, 0.4 and 0.8 seconds after the first
    assert time.monotonic() - started < 5


def test_one_client_serves_many_threads(openai: Service) -> None:
    """Sixty-four requests, sixteen at once, each gets an answer of its own."""
    openai.answer(Answer(completion(content="Yes.").body, hold=0.05))
    client = Client(connected(), timeout=10, policy=RetryPolicy(retries=0))
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: client.ask(REQUEST), range(64)))
    assert [reply.transcript for reply in replies] == ["Yes."] * 64
    assert len(openai.requests) == 64


def test_sign_in_is_asked_for_once_and_while_other_work_is_done(
    cli: CommandLine, service: Service, az: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first token serves the first request: one call of `az` for a run of two turns."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", service.url)
    service.answer(completion("Yes.", wav.wrap(PCM)))
    ran = cli("converse", "-t", "One?", "-t", "Two?", "--no-save")
    assert ran.code == 0
    assert {request.headers["authorization"].split()[0] for request in service.requests} == {"Bearer"}
    assert len((az / "asked").read_text().splitlines()) == 1
