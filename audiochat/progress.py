"""Reporting on long work, without knowing who watches."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

Unit: TypeAlias = Literal["bytes", "seconds", "pieces"]
"""What the total of a task counts; seconds are seconds of sound."""


class Update(Protocol):
    """Tells how far a task is."""

    def __call__(self, done: float, detail: str = "", /) -> None:
        """Take note.

        Args:
            done: How much of the total is done.
            detail: What else is worth telling, in a few words: `12 pieces, 3,400 tokens`.
        """


class Progress(Protocol):
    """A watcher of long work: the terminal in the command line, a recorder in a test."""

    def note(self, text: str) -> None:
        """Tell a person something that is worth a line."""

    def task(self, label: str, *, total: float | None = None, unit: Unit = "bytes") -> AbstractContextManager[Update]:
        """Show a task for as long as the block lasts.

        Args:
            label: What is being done, in a few words.
            total: How much there is to do; None where nobody knows.
            unit: What `total` counts.

        Returns:
            A context manager. Its value is called with how much of `total` is done so far.
        """


class NoProgress:
    """The watcher that shows nothing."""

    def note(self, text: str) -> None:
        """Drop the note."""

    @contextmanager
    def task(
        self,
        label: str,  # noqa: ARG002
        *,
        total: float | None = None,  # noqa: ARG002
        unit: Unit = "bytes",  # noqa: ARG002
    ) -> Iterator[Update]:
        """Show nothing."""
        yield lambda _done, _detail="": None
