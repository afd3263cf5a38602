"""Pieces on other machines, with a pool of threads in a cluster's place."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from support.works import piece

from audiochat import config
from audiochat.errors import CancelledError
from audiochat.jobs.cluster import Cluster, Shared
from audiochat.jobs.job import ClosedError
from audiochat.jobs.piece import Result
from audiochat.jobs.runner import Limits, Outcome, run
from audiochat.jobs.store import JobStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from audiochat.jobs.work import Workplace


@dataclass(frozen=True)
class Reading:
    """Work whose results have a sound or have none; it pickles, as tasks do."""

    sound: bytes | None

    @contextmanager
    def open(self, _: Workplace) -> Iterator[Callable[[Any], Result]]:
        """Give the function."""
        yield lambda payload: Result({"words": payload}, self.sound)


class Elsewhere(ThreadPoolExecutor):
    """A cluster whose storage this machine does not see: what a worker keeps is not here."""

    def __init__(self, folder: Path) -> None:
        super().__init__(2)
        self._folder = folder

    def submit(self, task: Any, /, *_: Any, **__: Any) -> Future[Any]:
        """Run a task, and hide what it kept."""

        def hidden() -> Any:
            result = task()
            shutil.rmtree(self._folder, ignore_errors=True)
            return result

        return super().submit(hidden)


def _done(executor: ThreadPoolExecutor, sound: bytes | None, folder: Path) -> tuple[Outcome, list[Result | None]]:
    settings = config.load(config.Flags(provider="openai"))
    work = Reading(sound)
    pool = Cluster(executor, work, settings, Shared(folder), room=2)
    with JobStore(folder.parent / "jobs").open("shout", "poem", title="poem") as job:
        outcome = run([piece(1)], work, job, settings=settings, limits=Limits(1), pool=pool)
        return outcome, [job.get(key) for key in outcome.keys]


@pytest.mark.parametrize("sound", [None, b"", b"sound"])
def test_results_come_back_as_they_were(sound: bytes | None, tmp_path: Path) -> None:
    """With their sound, through the shared storage."""
    outcome, results = _done(ThreadPoolExecutor(2), sound, tmp_path / "shared")
    assert (outcome.exit_code, results) == (0, [Result({"words": 1}, sound)])


def test_a_sound_that_this_machine_does_not_see_is_a_failure(tmp_path: Path) -> None:
    """It is not taken for a piece without one, which would be missing from the book unnoticed."""
    outcome, _ = _done(Elsewhere(tmp_path / "shared"), b"sound", tmp_path / "shared")
    assert [failure.code for failure in outcome.failures.values()] == ["store_not_shared"]
    outcome, results = _done(Elsewhere(tmp_path / "shared"), None, tmp_path / "shared")
    assert (outcome.exit_code, results) == (0, [Result({"words": 1})])


class Slow(ThreadPoolExecutor):
    """A cluster that answers when the test says so."""

    def __init__(self) -> None:
        super().__init__(1)
        self.wanted = threading.Event()

    def submit(self, task: Any, /, *_: Any, **__: Any) -> Future[Any]:
        """Run a task once its result is wanted."""
        return super().submit(lambda: self.wanted.wait(30) and task())


def test_a_result_that_comes_after_the_run_is_kept_for_the_next(tmp_path: Path) -> None:
    """The job is not called damaged: the piece counts as cancelled, and lies in the shared storage."""
    executor, shared = Slow(), Shared(tmp_path / "shared")
    pool = Cluster(executor, Reading(b"sound"), config.load(config.Flags(provider="openai")), shared, room=2)
    store = JobStore(tmp_path / "jobs")
    with store.open("shout", "poem", title="poem") as job:
        late = pool.submit(piece(1), job)
    executor.wanted.set()
    assert isinstance(late.exception(30), CancelledError)
    assert shared.get(piece(1).key) == Result({"words": 1}, b"sound")


def test_a_job_that_has_ended_says_so(tmp_path: Path) -> None:
    """Not that it is damaged and to be removed."""
    with JobStore(tmp_path / "jobs").open("shout", "poem", title="poem") as job:
        pass
    with pytest.raises(ClosedError, match=r"^The run of the job poem has ended\.$"):
        job.put("key", Result({"words": 1}))
