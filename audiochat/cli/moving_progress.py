"""Progress that moves, for terminals: a spinner, a bar, a level meter."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from audiochat.cli.progress_lines import TimeLeft, amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.progress import Task

    from audiochat.progress import Unit, Update

_SHORT = 2.0
"""Seconds after which a spinner says how long it has been turning."""


class _Elapsed(ProgressColumn):
    """Seconds so far, once they are worth telling."""

    def render(self, task: Task) -> Text:
        elapsed = task.elapsed or 0.0
        return Text(f"{elapsed:.0f} s" if elapsed >= _SHORT else "")


@contextmanager
def spinner(console: Console, label: str, unit: Unit) -> Iterator[Update]:
    """A spinner, where the total is not known; for the arguments see `progress.Progress.task`."""
    progress = Progress(
        SpinnerColumn(), TextColumn("{task.description}", markup=False), _Elapsed(), console=console, transient=True
    )
    task = progress.add_task(label, total=None)

    def update(done: float, detail: str = "", /) -> None:
        parts = [part for part in (amount(done, None, unit), detail) if part]
        progress.update(task, description=f"{label}: {', '.join(parts)}")

    try:  # a signal while it starts finds it started: it is stopped, and the cursor shown
        with suppress(OSError):  # a terminal that has gone is no reason to lose the answer
            progress.start()
        yield update
    finally:
        with suppress(OSError):
            progress.stop()


@contextmanager
def bar(console: Console, label: str, total: float, unit: Unit) -> Iterator[Update]:
    """A progress bar; for the arguments see `progress.Progress.task`."""
    amounts: list[ProgressColumn] = (
        [DownloadColumn(), TransferSpeedColumn()]
        if unit == "bytes"
        else [TextColumn("{task.fields[amount]}"), TextColumn("{task.fields[detail]}", markup=False)]
    )
    # Of bytes, many come in a second; a piece of long work can take minutes, which Rich's own estimate cannot span.
    left = TimeRemainingColumn() if unit == "bytes" else TextColumn("{task.fields[left]}")
    columns = [TextColumn("{task.description}", markup=False), BarColumn(bar_width=None), *amounts, left]
    time_left = TimeLeft(total)
    with Progress(*columns, console=console, expand=True, transient=True) as progress:  # data may follow
        task = progress.add_task(label, total=total, amount=amount(0, total, unit), detail="", left="")

        def update(done: float, detail: str = "", /) -> None:
            estimate = time_left.told(monotonic(), done)
            progress.update(task, completed=done, amount=amount(done, total, unit), detail=detail, left=estimate)

        yield update


@contextmanager
def meter(console: Console, text: str) -> Iterator[Callable[[float], None]]:
    """A meter of loudness, in dBFS."""
    with console.status(text) as status:
        yield lambda level: status.update(f"{text} [cyan]{'▮' * max(0, round((level + 60) / 3))}[/cyan]")
