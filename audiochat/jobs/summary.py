"""What can be told about a job, also while another process runs it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audiochat.chat.reply import Usage
from audiochat.jobs.job import DATABASE
from audiochat.jobs.piece import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job."""

    began: float
    """Seconds since 1970."""
    ended: float | None
    """None where it goes on, or was killed."""
    outcome: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known of a job."""

    name: str
    kind: str
    title: str
    folder: Path
    running: bool
    pieces: int
    """As many as the last run planned; fewer where it was killed while it did."""
    done: int
    weight: float
    """Of all pieces: seconds of sound, say."""
    usage: Usage
    """Of everything that was kept."""
    failures: tuple[tuple[str, Failure], ...]
    """What there is no result of, or one with a flaw: its label and why."""
    lost: int
    """Pieces that were under way when a run was killed: they may have been paid for, and are asked for again."""
    runs: tuple[Run, ...]
    files: tuple[str, ...]
    """That it wrote for the user, as far as they are there."""
    notes: Mapping[str, Any]

    @property
    def status(self) -> str:
        """`running`, `done`, `partial` (there are failures), or `stopped` (there is more to ask)."""
        if self.running:
            return "running"
        if self.failures:
            return "partial"
        whole = bool(self.runs) and self.runs[-1].ended is not None and self.done == self.pieces
        return "done" if whole else "stopped"

    @property
    def changed_at(self) -> float:
        """When it was worked on last, in seconds since 1970."""
        return max((run.ended or run.began for run in self.runs), default=0.0)


def read_summary(folder: Path, *, running: bool) -> Summary:
    """Read what is known of a job.

    Raises:
        sqlite3.Error: it is damaged.
    """
    database = sqlite3.connect(f"{(folder / DATABASE).absolute().as_uri()}?mode=ro", uri=True, timeout=30)
    try:
        about = dict(database.execute("SELECT name, value FROM about"))
        pieces, weight = database.execute("SELECT count(*), coalesce(sum(weight), 0) FROM plan").fetchone()
        usage = Usage()
        for (one,) in database.execute("SELECT usage FROM results"):
            usage += Usage(**json.loads(one))
        return Summary(
            name=folder.name,
            kind=about.get("kind", ""),
            title=about.get("title", ""),
            folder=folder,
            running=running,
            pieces=pieces,
            done=database.execute(_DONE).fetchone()[0],
            weight=weight,
            usage=usage,
            failures=tuple((label, Failure(**json.loads(why))) for label, why in database.execute(_FAILURES)),
            lost=0 if running else database.execute("SELECT count(*) FROM asked WHERE ended IS NULL").fetchone()[0],
            runs=tuple(_run(*row) for row in database.execute("SELECT began, ended, outcome FROM runs ORDER BY id")),
            files=tuple(path for (path,) in database.execute("SELECT DISTINCT path FROM written ORDER BY path")),
            notes={name[5:]: json.loads(value) for name, value in about.items() if name.startswith("note:")},
        )
    finally:
        database.close()


_DONE = "SELECT count(*) FROM plan JOIN results USING (key) WHERE flaw IS NULL"
_FAILURES = """
SELECT label, coalesce(failure, flaw) FROM plan LEFT JOIN results USING (key) LEFT JOIN failures USING (key)
WHERE coalesce(failure, flaw) IS NOT NULL ORDER BY position
"""


def _run(began: float, ended: float | None, outcome: str | None) -> Run:
    return Run(began, ended, None if outcome is None else json.loads(outcome))
