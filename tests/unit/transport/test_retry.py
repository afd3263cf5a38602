"""The policy and the gate: who may be sent when, and how many at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from support.service import Answer, Received, completion, error

from audiochat import config, providers
from audiochat.chat.client import Client
from audiochat.chat.request import Request, UserTurn
from audiochat.errors import CancelledError
from audiochat.progress import NoProgress
from audiochat.transport.retry import Gate, RetryPolicy

if TYPE_CHECKING:
    from support.service import Service

REQUEST = Request(model="gpt-audio", turns=(UserTurn("Is rain wet?"),), format=None)


def test_a_refusal_of_too_many_halves_once() -> None:
    """Eight that were refused together are one refusal; each round of answers lets one more through."""
    gate = Gate(clock=lambda: 0.0)
    with ExitStack() as inside:
        passages = [inside.enter_context(gate.passage()) for _ in range(8)]
        for passage in passages:
            passage.pause(0)
        assert gate.limit == 4
    for _ in range(4):
        with gate.passage() as passage:
            passage.answered()
    assert 4.9 < gate.limit < 5
    with gate.passage() as passage:
        passage.pause(0)
    assert gate.limit == 1  # one alone was too many: there is no less


def test_no_more_than_the_limit_are_inside() -> None:
    """Others wait until one leaves, and a wait can be cancelled."""
    gate = Gate()
    with gate.passage() as first:
        first.pause(0)
        cancelled = threading.Event()
        threading.Timer(0.05, cancelled.set).start()
        with pytest.raises(CancelledError), gate.passage(cancelled):
            pass
    with gate.passage():
        pass


def test_the_gate_is_closed_during_a_pause() -> None:
    """Nobody is let in before it is over."""
    gate = Gate()
    with gate.passage() as passage:
        passage.pause(0.2)
    began = time.monotonic()
    with gate.passage():
        assert time.monotonic() - began >= 0.19


def test_fewer_at_once_while_a_service_refuses_too_many(openai: Service) -> None:
    """A service that takes four at once gets all of 60 requests from 16 threads, and few of them refused."""
    inside, lock = 0, threading.Lock()
    refused = 0

    def answer(_received: Received) -> Answer:
        nonlocal inside, refused
        with lock:
            inside += 1
            too_many = inside > 4
            refused += too_many
        time.sleep(0.0 if too_many else 0.03)
        with lock:
            inside -= 1
        if too_many:
            return error(429, "rate_limit_exceeded", "Too many.", headers={"retry-after-ms": "50"})
        return completion(content="Yes.")

    openai.answer_with(answer)
    connection = providers.connect(config.load(config.Flags()), NoProgress())
    policy = RetryPolicy(retries=0, patience=60, pauses_count=False)
    client = Client(connection, timeout=10, policy=policy)
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: client.ask(REQUEST), range(60)))
    assert [reply.transcript for reply in replies] == ["Yes."] * 60
    assert refused < 60


def test_pauses_that_do_not_count_end_with_patience() -> None:
    """A service that refuses for ever, and asks for no wait, is given up after so many seconds."""
    import httpx2
    import openai

    response = httpx2.Response(429, headers={"retry-after": "0"}, request=httpx2.Request("POST", "http://x"))
    exc = openai.RateLimitError("Too many.", response=response, body=None)
    policy = RetryPolicy(retries=0, patience=10, pauses_count=False)
    waited, attempts = 0.0, 0
    while (delay := policy.delay(exc, attempt=attempts, waited=waited, pauses=attempts)) is not None:
        waited, attempts = waited + delay, attempts + 1
    assert 5 < waited <= 10
    assert RetryPolicy(retries=0).delay(exc, attempt=0, waited=0) is None
    assert RetryPolicy(patience=1e9, pauses_count=False).delay(exc, attempt=5000, waited=0, pauses=5000) is not None
