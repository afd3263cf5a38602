"""A kind of job for tests: what is done with a piece is what the test says."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audiochat.jobs.piece import Piece, Result, Tokens, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audiochat.jobs.work import Workplace
    from audiochat.progress import Unit, Update


@dataclass
class Scripted:
    """Work that does as the test says, and counts."""

    do: Callable[[Any], Result] = lambda payload: Result({"words": payload})
    asked: list[Any] = field(default_factory=list)
    opened: int = 0
    most: int = 0
    """How many pieces were worked on at once, at most."""
    place: Workplace | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0

    @contextmanager
    def open(self, place: Workplace) -> Iterator[Callable[[Any], Result]]:
        """Count, and give the function."""
        self.opened += 1
        self.place = place
        yield self._ask

    def _ask(self, payload: Any) -> Result:
        with self._lock:
            self.asked.append(payload)
            self._inside += 1
            self.most = max(self.most, self._inside)
        try:
            return self.do(payload)
        finally:
            with self._lock:
                self._inside -= 1


@dataclass
class Watched:
    """Progress that is written down."""

    notes: list[str] = field(default_factory=list)
    tasks: list[tuple[str, float | None, str]] = field(default_factory=list)
    updates: list[tuple[float, str]] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Write a note down."""
        self.notes.append(text)

    @contextmanager
    def task(self, label: str, *, total: float | None = None, unit: Unit = "bytes") -> Iterator[Update]:
        """Write a task down."""
        self.tasks.append((label, total, unit))
        yield lambda done, detail="": self.updates.append((done, detail))


def piece(payload: Any, *, tokens: int = 0) -> Piece[Any]:
    """A piece whose key is its payload's."""
    return Piece(key_of(payload), payload, label=f"piece {payload}", tokens=Tokens(text_in=tokens))
