"""How long work reports on itself, without knowing whether anybody watches."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager


class Progress(Protocol):
    """A watcher: the terminal in the program, a list in a test, nobody by default."""

    def note(self, text: str) -> None:
        """Tell a person something that is worth a line."""

    def waiting(self, text: str) -> AbstractContextManager[None]:
        """Show `text` for as long as the block lasts."""

    def transfer(self, text: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show a transfer of `total` bytes; the block calls what it is given with the bytes so far."""

    def exchange(self, title: str, headers: Mapping[str, str], body: Callable[[], object] | None) -> None:
        """Record one half of an HTTP exchange, secrets already left out (for `--debug`); `body` makes its JSON."""


class Silence:
    """The watcher that does nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:  # noqa: ARG002
        """Show nothing."""
        yield

    @contextmanager
    def transfer(self, text: str, total: int) -> Iterator[Callable[[int], None]]:  # noqa: ARG002
        """Count nothing."""
        yield lambda _done: None

    def exchange(self, title: str, headers: Mapping[str, str], body: Callable[[], object] | None) -> None:
        """Record nothing."""
