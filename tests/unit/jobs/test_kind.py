"""A whole kind of job against a service: what the package's own page shows."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.service import completion, error

from audiochat import Assistant, config
from audiochat.jobs.piece import Piece, Result, Tokens, key_of
from audiochat.jobs.plan import Plan
from audiochat.jobs.runner import Limits, run
from audiochat.jobs.store import JobStore, name_for
from audiochat.jobs.work import long_work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.service import Answer, Received, Service

    from audiochat.jobs.work import Workplace


@dataclass(frozen=True, slots=True)
class Shout:
    """Reads lines aloud."""

    style: str

    @contextmanager
    def open(self, place: Workplace) -> Iterator[Callable[[str], Result]]:
        """Connect."""
        with Assistant(place.settings, progress=place.progress, policy=long_work(place.settings)) as assistant:

            def shout(text: str) -> Result:
                reply = assistant.ask(text, system=self.style, cancelled=place.cancelled)
                return Result({"words": reply.transcript}, usage=reply.usage)

            yield shout


def test_a_kind_of_job_against_a_service_that_refuses_too_many(openai: Service) -> None:
    """Many at once, some refused for a while, one for good: only that one is asked for by the next run."""
    lock, seen = threading.Lock(), set[str]()

    def answer(received: Received) -> Answer:
        text = received.json["messages"][-1]["content"]
        with lock:
            first = text not in seen
            seen.add(text)
        if text == "line 7":
            return error(400, "content_filter", "Filtered.")
        if first and int(text.split()[1]) % 5 == 0:
            return error(429, "rate_limit_exceeded", "Too many.", headers={"retry-after-ms": "20"})
        return completion(content=text.upper())

    openai.answer_with(answer)
    settings = config.load(config.Flags(retries=0))
    work = Shout("Loudly.")
    texts = [f"line {n}" for n in range(30)]
    pieces = [Piece(key_of("shout", work.style, text), text, text, tokens=Tokens(text_in=10)) for text in texts]
    store = JobStore()
    with store.open("shout", name_for("poem", "here"), title="poem.txt") as job:
        assert Plan.of(pieces, job).tokens == Tokens(text_in=300)
        outcome = run(pieces, work, job, settings=settings, limits=Limits(jobs=8))
        results = [job.get(key) for key in outcome.keys]
    assert [result and result.data["words"] for result in results] == [
        None if text == "line 7" else text.upper() for text in texts
    ]
    assert (outcome.exit_code, [one.code for one in outcome.failures.values()]) == (4, ["content_filter"])
    before = len(openai.requests)
    openai.answer(completion(content="LINE 7"))
    with store.open("shout", name_for("poem", "there"), title="a copy") as job:
        assert store.borrow(job, [piece.key for piece in pieces]) == 29
        assert Plan.of(pieces, job).done == 29
        assert run(pieces, work, job, settings=settings).exit_code == 0
    assert len(openai.requests) == before + 1
