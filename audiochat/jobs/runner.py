"""The runner: asks for the pieces of a job that are missing, several at once, and keeps what comes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audiochat.chat.reply import Usage
from audiochat.errors import AudiochatError, CancelledError
from audiochat.jobs.job import NotKeptError
from audiochat.jobs.piece import Failure
from audiochat.jobs.threads import Threads
from audiochat.jobs.work import Workplace
from audiochat.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Future

    from audiochat.config import Settings
    from audiochat.jobs.job import Job
    from audiochat.jobs.piece import Piece, Result
    from audiochat.jobs.threads import Pool
    from audiochat.jobs.work import Work
    from audiochat.progress import Progress, Unit, Update

STREAK = 10
"""Failures in a row, beside those that were under way together, at which a service is given up."""

_TICK = 0.5
"""Seconds between two looks at the clock: Ctrl-C is heard between them, and progress told."""
_CONFIGURATION = 3
"""The exit code of an error that every piece would meet."""
_PLANNED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is asked, at once and in all."""

    jobs: int = 4
    """Pieces at once."""
    max_tokens: int | None = None
    """Of this run; what is under way counts as it is expected."""
    max_failures: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    keys: tuple[str, ...]
    """Of the pieces, in the order of the input; equal ones as often as they are in it."""
    failures: Mapping[str, Failure]
    """By key: why there is no result, or one with a flaw."""
    unasked: tuple[str, ...]
    """Keys of pieces that a limit left out."""
    asked: int
    """Pieces that this run asked for."""
    usage: Usage
    """Of this run."""
    elapsed: float
    """Seconds."""
    stopped: str | None = None
    """Why it ended early."""

    @property
    def exit_code(self) -> int:
        """0, or 4 where the service refused something, or 5."""
        codes = {failure.exit_code for failure in self.failures.values()}
        if not codes and not self.unasked:
            return 0
        return 4 if 4 in codes else 5

    def as_json(self) -> dict[str, Any]:
        """Plain data for the job's history."""
        return {
            "pieces": len(self.keys),
            "asked": self.asked,
            "failed": len(self.failures),
            "unasked": len(self.unasked),
            "input_tokens": self.usage.input_tokens,
            "output_tokens": self.usage.output_tokens,
            "elapsed": round(self.elapsed, 3),
            "stopped": self.stopped,
        }


@dataclass(frozen=True, slots=True)
class Shown:
    """How a run is shown while it goes on."""

    progress: Progress = field(default_factory=NoProgress)
    label: str = "Working"
    total: float | None = None
    """The weight of all pieces, where it is known."""
    unit: Unit = "pieces"
    """What the weight counts."""


def run(
    pieces: Iterable[Piece[Any]],
    work: Work,
    job: Job,
    *,
    settings: Settings,
    limits: Limits | None = None,
    shown: Shown | None = None,
    cancelled: threading.Event | None = None,
    pool: Pool | None = None,
) -> Outcome:
    """Ask for all pieces of a job that have no result yet; the results are in the job then.

    Args:
        pieces: In order. They are taken when there is room for them, so that their payloads may be made on the way.
        work: What is done with each.
        job: Where results are kept.
        settings: Whom to ask.
        limits: How much, at once and in all.
        shown: How it is shown meanwhile.
        cancelled: Set it from another thread to end the run; what was done is kept.
        pool: Where the pieces are worked on, other than in threads of this process.

    Raises:
        AudiochatError: every piece would fail in the same way: no sign-in, say; or results cannot be kept.
    """
    limits, shown = limits or Limits(), shown or Shown()
    job.begin_run()
    place = Workplace(settings, shown.progress)  # with an event of its own: an error ends what is under way, too
    task = shown.progress.task(shown.label, total=shown.total, unit=shown.unit)
    with pool or Threads(work, place, limits.jobs) as where, task as update:
        state = _Run(job, limits, where, update, cancelled or threading.Event())
        with ExitStack() as on_failure:
            on_failure.callback(where.abandon)
            state.take(pieces)
            state.drain(until=0)
            on_failure.pop_all()
    return state.end()


@dataclass(slots=True)
class _Run:
    """A run under way."""

    job: Job
    limits: Limits
    pool: Pool
    update: Update
    cancelled: threading.Event
    keys: list[str] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    unasked: dict[str, None] = field(default_factory=dict)
    under_way: dict[Future[Result], Piece[Any]] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    usage: Usage = field(default_factory=Usage)
    done: float = 0.0
    """The weight of the pieces that are finished."""
    finished: int = 0
    """How many they are: done now or by an earlier run, or failed."""
    streak: int = 0
    stopped: str | None = None
    began: float = field(default_factory=time.monotonic)
    unplanned: list[Piece[Any]] = field(default_factory=list)

    def take(self, pieces: Iterable[Piece[Any]]) -> None:
        for piece in pieces:
            self._check_cancelled()
            self.keys.append(piece.key)
            self.unplanned.append(piece)
            if self.job.has(piece.key) or piece.key in self.begun:
                self.done += piece.weight  # told with the next one that is asked for: it says nothing about the pace
                self.finished += 1
            else:
                self.drain(until=self.pool.room - 1)
                self._ask(piece)
            if len(self.unplanned) >= _PLANNED_AT_ONCE:
                self._plan()
        self._plan()

    def _ask(self, piece: Piece[Any]) -> None:
        self.stopped = self.stopped or self._too_many_failures() or self._too_many_tokens(piece)
        if self.stopped is not None:
            self.unasked[piece.key] = None
            return
        self.begun.add(piece.key)
        self.under_way[self.pool.submit(piece, self.job)] = piece

    def _plan(self) -> None:
        self.job.plan(len(self.keys) - len(self.unplanned), self.unplanned)
        self.unplanned.clear()

    def _too_many_failures(self) -> str | None:
        """Why nothing more is asked, if that is so."""
        most = self.limits.max_failures
        if most is not None and len(self.failures) > most:
            return f"more than {most} pieces failed"
        if self.streak >= STREAK + self.pool.room:
            return f"{self.streak} pieces failed one after the other"
        return None

    def _too_many_tokens(self, piece: Piece[Any]) -> str | None:
        """Why the piece and all after it are not asked for, if that is so."""
        if self.limits.max_tokens is None:
            return None
        expected = sum(waiting.tokens.total for waiting in (piece, *self.under_way.values()))
        used = (self.usage.input_tokens or 0) + (self.usage.output_tokens or 0)
        if used + expected <= self.limits.max_tokens:
            return None
        return f"more would take more than {self.limits.max_tokens} tokens"

    def _stop_waiting(self) -> None:
        """Take back what waits for its turn, after too many failures."""
        self.stopped = self.stopped or self._too_many_failures()
        if self.stopped is not None:
            for future in [one for one in self.under_way if one.cancel()]:
                piece = self.under_way.pop(future)
                self.begun.remove(piece.key)
                self.unasked[piece.key] = None

    def drain(self, *, until: int) -> None:
        """Wait until at most so many pieces are under way."""
        while len(self.under_way) > until:
            finished, _ = wait(self.under_way, timeout=_TICK, return_when=FIRST_COMPLETED)
            self._check_cancelled()
            for future in finished:
                if future in self.under_way:  # not taken back meanwhile
                    self._finish(self.under_way.pop(future), future)
            self._tell()

    def _finish(self, piece: Piece[Any], future: Future[Result]) -> None:
        try:
            result = future.result()
        except AudiochatError as error:
            self._check_cancelled()
            if isinstance(error, NotKeptError):
                raise
            failure = Failure.of(error)
            self.job.fail(piece.key, failure)
            if error.exit_code == _CONFIGURATION:
                raise
            self.failures[piece.key] = failure
            self.streak += 1
            self._stop_waiting()
        else:
            self.usage += result.usage
            self.streak = 0
            if result.flaw is not None:
                self.failures[piece.key] = result.flaw
        self.done += piece.weight
        self.finished += 1

    def _check_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise CancelledError("The run was cancelled.", hint="What was done is kept.")

    def _tell(self) -> None:
        tokens = (self.usage.input_tokens or 0) + (self.usage.output_tokens or 0)
        parts = ["1 piece" if self.finished == 1 else f"{self.finished} pieces"]
        parts += [f"{len(self.failures)} failed"] if self.failures else []
        parts += [f"{tokens:,} tokens"] if tokens else []
        self.update(self.done, ", ".join(parts))

    def end(self) -> Outcome:
        outcome = Outcome(
            keys=tuple(self.keys),
            failures=self.failures,
            unasked=tuple(self.unasked),
            asked=len(self.begun),
            usage=self.usage,
            elapsed=time.monotonic() - self.began,
            stopped=self.stopped,
        )
        self.job.end_run(outcome.as_json(), pieces=len(self.keys))
        return outcome
