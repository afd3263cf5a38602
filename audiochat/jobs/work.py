"""What a kind of job does with one piece."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from audiochat.progress import NoProgress
from audiochat.transport.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from audiochat.config import Settings
    from audiochat.jobs.piece import Result
    from audiochat.progress import Progress

PATIENCE = 1800.0
"""Seconds that a piece waits for a service that asks for pauses: long work is not in a hurry."""


def long_work(settings: Settings) -> RetryPolicy:
    """When long work sends a failed request again: a pause that the service asks for is no failed try."""
    return RetryPolicy(retries=settings.retries, patience=PATIENCE, pauses_count=False)


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where pieces are worked on: this process, or one of a cluster's."""

    settings: Settings
    """With the credentials of this place."""
    progress: Progress = field(default_factory=NoProgress)
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when the results are no longer wanted."""


class Work(Protocol):
    """What is done with each piece. It pickles, and holds no credential."""

    def open(self, place: Workplace) -> AbstractContextManager[Callable[[Any], Result]]:
        """Get ready at a place: connect, load models.

        Returns:
            A context manager; its value makes the result of a payload. It is called from many threads at once, and
            raises an `AudiochatError` where there is no result.
        """
