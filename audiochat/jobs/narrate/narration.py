"""A narration as a whole: its pieces, its plan, its run, its sound in order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audiochat.errors import UsageError
from audiochat.jobs.narrate.report import Report
from audiochat.jobs.runner import Shown, run

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping

    from audiochat.config import Settings
    from audiochat.jobs.job import Job
    from audiochat.jobs.narrate.joining import Spoken, SpokenChapter
    from audiochat.jobs.narrate.script import Act, Line
    from audiochat.jobs.narrate.speaking import Passage, Speak
    from audiochat.jobs.piece import Failure, Piece
    from audiochat.jobs.runner import Limits, Outcome
    from audiochat.jobs.threads import Pool
    from audiochat.progress import Progress

PREVIEW = 60.0
"""Seconds of a preview, about."""


@dataclass(frozen=True, slots=True)
class Narration:
    """Chapters to be spoken, and how."""

    acts: tuple[Act, ...]
    work: Speak
    settings: Settings

    @property
    def seconds(self) -> float:
        """How long it will be, about."""
        return sum(line.seconds for act in self.acts for line in act.lines)

    def pieces(self) -> Iterator[Piece[Passage]]:
        """The pieces, in order."""
        for _, label, line in self._lines():
            yield self.work.piece(line, label, self.settings)

    def run(
        self,
        job: Job,
        *,
        limits: Limits,
        progress: Progress,
        cancelled: threading.Event | None = None,
        pool: Pool | None = None,
    ) -> Outcome:
        """Have all pieces spoken that are not yet; see `audiochat.jobs.runner.run`."""
        shown = Shown(progress, "Narrating", self.seconds, "seconds")
        job.plan(0, self.pieces())  # all of it, so that a run that is stopped knows how much there is
        return run(
            self.pieces(),
            self.work,
            job,
            settings=self.settings,
            limits=limits,
            shown=shown,
            cancelled=cancelled,
            pool=pool,
        )

    def spoken(
        self, job: Job, failures: Mapping[str, Failure], report: Report | None = None
    ) -> Iterator[SpokenChapter]:
        """The sound in order, for `joining`: a piece at a time, taken when it is written.

        Args:
            job: Where it is kept.
            failures: By key: why a piece has none.
            report: Told about each piece.
        """
        from audiochat.jobs.narrate.joining import SpokenChapter

        for position, act in enumerate(self.acts):
            yield SpokenChapter(act.number, act.title, self._spoken(position, job, failures, report))

    def _spoken(
        self, position: int, job: Job, failures: Mapping[str, Failure], report: Report | None
    ) -> Iterator[Spoken]:
        from audiochat.jobs.narrate.joining import Spoken

        for label, line in _labelled(self.acts[position]):
            key = self.work.piece(line, label, self.settings).key
            result = job.get(key)
            if report is not None:
                report.add(position, label, line.text, result, failures.get(key))
            if result is not None and result.blob is not None:
                yield Spoken(result.blob, line.pause, encoded=True)

    def has_sound(self, job: Job) -> bool:
        """Whether anything of it was spoken."""
        results = (job.get(piece.key) for piece in self.pieces())
        return any(result is not None and result.blob is not None for result in results)

    def report(self, job: Job, failures: Mapping[str, Failure]) -> Report:
        """How faithful it is; `spoken` tells the same on the way."""
        report = Report.of(self.acts)
        for position, label, line in self._lines():
            key = self.work.piece(line, label, self.settings).key
            report.add(position, label, line.text, job.get(key), failures.get(key))
        return report

    def preview(self) -> Narration:
        """The first minute of it."""
        acts, seconds = [], 0.0
        for act in self.acts:
            lines = []
            for line in act.lines:
                if seconds < PREVIEW:
                    lines.append(line)
                    seconds += line.seconds
            if lines:
                acts.append(replace(act, lines=tuple(lines)))
        return replace(self, acts=tuple(acts))

    def _lines(self) -> Iterator[tuple[int, str, Line]]:
        for position, act in enumerate(self.acts):
            for label, line in _labelled(act):
                yield position, label, line


def _labelled(act: Act) -> Iterator[tuple[str, Line]]:
    for number, line in enumerate(act.lines, 1):
        yield f"chapter {act.number}, piece {number}", line


def choose_chapters(acts: tuple[Act, ...], wanted: str | None) -> tuple[Act, ...]:
    """The chapters that are wanted: `1,3-5`, `7-` or all.

    Raises:
        UsageError: there are none of those numbers.
    """
    if wanted is None:
        return acts
    numbers: set[int] = set()
    for part in wanted.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        try:
            start = int(first or 1)
            end = int(last or len(acts)) if dash else start
        except ValueError:
            start = end = 0
        if not first and not last:  # "", "1,,3" and "-" name no number
            start = end = 0
        if not 1 <= start <= end <= len(acts):
            raise UsageError(
                f"--chapters {part or repr(part)}: there are the chapters 1 to {len(acts)}.",
                hint="--list shows them; 1,3-5 is a choice.",
            )
        numbers |= set(range(start, end + 1))
    return tuple(act for act in acts if act.number in numbers)
