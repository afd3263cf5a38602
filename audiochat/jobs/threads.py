"""Where pieces are worked on: threads of this process, or whatever else is a `Pool`."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from audiochat.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from types import TracebackType

    from typing_extensions import Self

    from audiochat.jobs.job import Job
    from audiochat.jobs.piece import Piece, Result
    from audiochat.jobs.work import Work, Workplace


class Pool(Protocol):
    """Works on pieces, several at once. A context manager: its end waits for what is under way."""

    @property
    def room(self) -> int:
        """How many pieces may be under way, those that wait for their turn included."""

    def submit(self, piece: Piece[Any], job: Job) -> Future[Result]:
        """Begin a piece. Its result is kept before the future has it, without its blob."""

    def abandon(self) -> None:
        """Begin nothing more, and do not wait for what is under way."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class Threads:
    """Threads of this process.

    Args:
        work: What is done. It is opened when the first piece comes: often there is none left to ask for.
        place: Where it is opened.
        jobs: How many threads.
    """

    def __init__(self, work: Work, place: Workplace, jobs: int) -> None:
        self._work = work
        self._place = place
        self._jobs = jobs
        self._opened = ExitStack()
        self._ask: Callable[[Any], Result] | None = None
        self._executor = ThreadPoolExecutor(jobs, thread_name_prefix="audiochat-piece")
        self._abandoned = threading.Event()

    @property
    def room(self) -> int:
        """A quarter more than there are threads: the next payload is made while they work."""
        return self._jobs + max(1, self._jobs // 4)

    def submit(self, piece: Piece[Any], job: Job) -> Future[Result]:
        """Begin a piece; see `Pool`."""
        if self._ask is None:
            self._ask = self._opened.enter_context(self._work.open(self._place))
        return self._executor.submit(self._do, self._ask, piece, job)

    def _do(self, ask: Callable[[Any], Result], piece: Piece[Any], job: Job) -> Result:
        if self._abandoned.is_set() or self._place.cancelled.is_set():
            raise CancelledError("The run was cancelled.")
        job.ask(piece.key)
        result = ask(piece.payload)
        job.put(piece.key, result)
        return replace(result, blob=None)

    def abandon(self) -> None:
        """Begin nothing more; see `Pool`."""
        self._abandoned.set()
        self._place.cancelled.set()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=not self._abandoned.is_set())
        self._opened.close()
