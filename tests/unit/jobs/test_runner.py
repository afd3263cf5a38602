"""The runner: what is asked, how much at once, what happens when a piece or everything fails."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.works import Scripted, Watched, piece

from audiochat import config
from audiochat.chat.reply import Usage
from audiochat.errors import (
    CancelledError,
    ConfigurationError,
    RefusedError,
    UnavailableError,
)
from audiochat.jobs.job import NotKeptError
from audiochat.jobs.piece import Failure, Result, key_of
from audiochat.jobs.runner import STREAK, Limits, Outcome, Shown, run
from audiochat.jobs.store import JobStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from audiochat.jobs.job import Job


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    """An empty folder of jobs."""
    return JobStore(tmp_path / "jobs")


@pytest.fixture
def job(store: JobStore) -> Iterator[Job]:
    """A new job."""
    with store.open("shout", "poem", title="poem.txt") as opened:
        yield opened


def asked(work: Scripted, job: Job, count: int = 10, **options: Any) -> Outcome:
    """Run so many pieces."""
    settings = config.load(config.Flags(provider="openai"))
    return run([piece(n) for n in range(count)], work, job, settings=settings, **options)


def test_every_piece_is_asked_for_once_and_in_order(job: Job) -> None:
    """The outcome has the keys in the order of the input; a second run asks nothing and opens nothing."""
    work = Scripted()
    outcome = asked(work, job)
    assert (sorted(work.asked), outcome.exit_code, outcome.asked) == (list(range(10)), 0, 10)
    results = [job.get(key) for key in outcome.keys]
    assert [result.data["words"] for result in results if result] == list(range(10))
    again = Scripted()
    assert asked(again, job).keys == outcome.keys
    assert (again.asked, again.opened) == ([], 0)


def test_equal_pieces_are_asked_for_once(job: Job) -> None:
    """The same content under the same settings has one key, and one result."""
    work = Scripted()
    settings = config.load(config.Flags(provider="openai"))
    outcome = run([piece("a"), piece("b"), piece("a")], work, job, settings=settings)
    assert sorted(work.asked) == ["a", "b"]
    assert outcome.keys == (key_of("a"), key_of("b"), key_of("a"))


def test_a_piece_that_fails_leaves_the_others_going(job: Job) -> None:
    """Its failure is kept with its reason; the next run asks for it alone."""

    def do(payload: int) -> Result:
        if payload == 3:
            raise RefusedError("Filtered.", code="content_filter", hint="Say it otherwise.", request_id="req_1")
        return Result({"words": payload})

    outcome = asked(Scripted(do), job)
    assert outcome.failures == {key_of(3): Failure("content_filter", "Filtered.", 4, "Say it otherwise.", "req_1")}
    assert (outcome.exit_code, job.get(key_of(3))) == (4, None)
    work = Scripted()
    assert asked(work, job).exit_code == 0
    assert work.asked == [3]


def test_a_flawed_result_is_used_and_asked_for_again(job: Job) -> None:
    """It counts as a failure until a better one comes."""
    flaw = Failure("unfaithful", "It lost a 'not'.", 4)
    outcome = asked(Scripted(lambda payload: Result({"words": payload}, b"sound", flaw=flaw)), job, 1)
    assert (outcome.exit_code, dict(outcome.failures)) == (4, {key_of(0): flaw})
    kept = job.get(key_of(0))
    assert kept is not None
    assert (kept.blob, kept.flaw) == (b"sound", flaw)
    work = Scripted()
    assert asked(work, job, 1).exit_code == 0
    assert work.asked == [0]


def test_so_many_at_once_and_no_more(job: Job) -> None:
    """`jobs` is how many pieces are worked on at once; payloads are made as they are needed."""
    made: list[int] = []

    def slowly(payload: int) -> Result:
        time.sleep(0.02)
        return Result({"words": payload, "made": len(made)})

    def pieces() -> Iterator[Any]:
        for n in range(40):
            made.append(n)
            yield piece(n)

    work = Scripted(slowly)
    settings = config.load(config.Flags(provider="openai"))
    run(pieces(), work, job, settings=settings, limits=Limits(jobs=4))
    assert work.most == 4
    first = job.get(key_of(0))
    assert first is not None
    assert first.data["made"] < 20


def test_limits_end_a_run_and_keep_what_is_done(job: Job) -> None:
    """What a limit left out is named, and the next run goes on there."""
    cost = Usage(input_tokens=60, output_tokens=40)
    settings = config.load(config.Flags(provider="openai"))
    pieces = [piece(n, tokens=100) for n in range(10)]
    work = Scripted(lambda payload: Result({"words": payload}, usage=cost))
    outcome = run(pieces, work, job, settings=settings, limits=Limits(jobs=2, max_tokens=450))
    assert (len(work.asked), len(outcome.unasked), outcome.exit_code) == (4, 6, 5)
    assert "450 tokens" in (outcome.stopped or "")
    assert run(pieces, Scripted(), job, settings=settings).asked == 6


def test_too_many_failures_end_a_run(job: Job) -> None:
    """After `max_failures` more, or after a streak, nothing more is asked: the service answers nothing any more."""

    def fail(_payload: int) -> Result:
        raise UnavailableError("No route.")

    work = Scripted(fail)
    outcome = asked(work, job, 100, limits=Limits(jobs=1, max_failures=2))
    assert (len(work.asked) in (3, 4), outcome.exit_code) == (True, 5)
    streak = Scripted(fail)
    outcome = asked(streak, job, 100, limits=Limits(jobs=1))
    assert STREAK <= len(streak.asked) < 20
    assert len(outcome.unasked) == 100 - len(streak.asked)
    assert "one after the other" in (outcome.stopped or "")


def test_what_every_piece_would_meet_is_raised(job: Job) -> None:
    """No sign-in, no model: one error, not a hundred."""

    def refuse(_payload: int) -> Result:
        raise ConfigurationError("No key.")

    work = Scripted(refuse)
    with pytest.raises(ConfigurationError):
        asked(work, job, 100, limits=Limits(jobs=1))
    assert len(work.asked) < 4


def test_what_cannot_be_kept_ends_the_run(job: Job) -> None:
    """Nothing more is asked when results would be lost."""
    work = Scripted(lambda payload: Result({"words": payload}))
    job.close()
    with pytest.raises(NotKeptError):
        asked(work, job, 100)
    assert work.asked == []


def test_cancelling_ends_what_is_under_way(job: Job) -> None:
    """The event reaches the work; what was done before is kept."""
    cancelled = threading.Event()
    work = Scripted()

    def do(payload: int) -> Result:
        if payload == 2:
            cancelled.set()
        if payload >= 2:
            assert work.place is not None
            assert work.place.cancelled.wait(10)
            raise CancelledError("The request was cancelled.")
        return Result({"words": payload})

    work.do = do
    with pytest.raises(CancelledError):
        asked(work, job, 10, cancelled=cancelled, limits=Limits(jobs=1))
    assert [n for n in range(10) if job.has(key_of(n))] == [0, 1]


def test_progress_tells_pieces_and_tokens(job: Job) -> None:
    """How far it is by weight, and what it took so far."""
    watched = Watched()
    usage = Usage(input_tokens=1000, output_tokens=500)
    asked(Scripted(lambda _: Result({}, usage=usage)), job, 3, shown=Shown(watched, "Shouting", 3.0))
    assert watched.tasks == [("Shouting", 3.0, "pieces")]
    assert watched.updates[-1] == (3.0, "3 pieces, 4,500 tokens")
