"""What `narrate` reads and writes: the book, the plan, the audiobook, the report."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiochat.errors import AudiochatError, UsageError

if TYPE_CHECKING:
    from audiochat.cli.narrate import NarrateOptions
    from audiochat.cli.narration_outputs import AudioFile
    from audiochat.cli.terminal import Terminal
    from audiochat.jobs.narrate.book import Book
    from audiochat.jobs.narrate.narration import Narration
    from audiochat.jobs.narrate.report import Report
    from audiochat.jobs.runner import Outcome

KIND = "narrate"
_SHOWN = 20
"""Pieces that differ, and things left out, that are shown to a person; `--json` has all."""


@dataclass(frozen=True, slots=True)
class BookSource:
    """A book, and where it came from."""

    book: Book
    stem: str
    """Of the files that are made of it."""
    identity: str
    """What makes a job this book's: its path, or a hash of what stdin held."""
    folder: Path | None = field(default=None)
    """Where it lies, and where a cover may lie; None for stdin."""


def read(name: str | None, options: NarrateOptions, screen: Terminal) -> BookSource:
    """Read the book.

    Raises:
        UsageError: none was named.
        FileError: it is none.
    """
    from audiochat import files
    from audiochat.jobs.narrate.html import Skip
    from audiochat.jobs.narrate.reading import read_book
    from audiochat.jobs.piece import key_of

    skip = Skip(options.skip_notes, options.skip_front)
    stdin = screen.streams.stdin
    if name is None and (stdin is None or screen.streams.stdin_is_terminal):
        raise UsageError("There is no book to narrate.", hint="audiochat narrate BOOK, or - for stdin.")
    if name in (None, "-"):
        if stdin is None or screen.streams.stdin_is_terminal:
            raise UsageError("There is no book on stdin.", hint="audiochat narrate - < BOOK")
        with files.spooled(stdin, name="stdin") as source:
            book = read_book(source, name="stdin", skip=skip)
        return BookSource(book, "book", key_of(*(chapter.text for chapter in book.chapters)))
    path = files.user_path(str(name), command="narrate")
    with files.reading(path, wanted="a book") as source:
        book = read_book(source, name=str(path), skip=skip)
    return BookSource(book, path.stem, str(path.absolute()), path.parent)


def show_list(source: BookSource, screen: Terminal) -> None:
    """Show the chapters and what is left out."""
    from audiochat.cli.progress_lines import clock_time
    from audiochat.jobs.narrate.script import write_script

    acts = write_script(source.book)
    seconds = [sum(line.seconds for line in act.lines) for act in acts]
    if screen.as_json:
        chapters = [
            {"number": act.number, "title": act.title, "pieces": len(act.lines), "seconds": round(length, 1)}
            for act, length in zip(acts, seconds, strict=True)
        ]
        screen.envelope({**_head(source), "status": "listed", "chapters": chapters, **_left_out(source)})
        return
    lines = [
        f"{act.number:>4}  {clock_time(length):>8}  {act.title}" for act, length in zip(acts, seconds, strict=True)
    ]
    screen.transcript("\n".join(lines))
    _note_left_out(source, screen)


def _head(source: BookSource) -> dict[str, Any]:
    return {"version": 1, "command": KIND, "title": source.book.title, "author": source.book.author}


def _left_out(source: BookSource) -> dict[str, Any]:
    return {"left_out": [asdict(one) for one in source.book.left_out]}


def _note_left_out(source: BookSource, screen: Terminal) -> None:
    found = source.book.left_out
    for one in found[:_SHOWN]:
        screen.note(f"left out ({one.kind}, {one.where}): {one.text}")
    if len(found) > _SHOWN:
        screen.note(f"… and {len(found) - _SHOWN} more; --json has all.")


def _verdict(report: Report) -> str:
    """How faithful a narration is, in words for a person."""
    if not report.errors and (short := len(report.of_kind("unfaithful"))):
        return f"Not all words were read: pieces whose sound cannot hold them: {short}."
    if not report.errors:
        how = "heard" if report.by_ear else "read"
        if report.words == 1:
            return f"The one word was {how} as it is written."
        return f"All {report.words:,} words were {how} as they are written."
    told = f"{report.errors:,} of {report.words:,} words"
    if report.by_ear:
        return f"Not heard as they are written: {told}; a recogniser mishears some."
    return f"Not read as they are written: {told}."


class Writer:
    """Has a narration made, and writes it.

    Args:
        source: The book.
        narration: Of it.
        options: Of the command.
        screen: The terminal.
    """

    def __init__(self, source: BookSource, narration: Narration, options: NarrateOptions, screen: Terminal) -> None:
        from audiochat.cli.narration_outputs import Outputs
        from audiochat.jobs.store import name_for

        self._source = source
        self._narration = narration
        self._options = options
        self._screen = screen
        self._began = time.monotonic()
        self._store = options.job_store()
        self._name = name_for(source.stem, KIND, source.identity)
        self._outputs = Outputs.of(source, narration, options, screen)

    @property
    def _model(self) -> str:
        return self._narration.settings.model or "local engine"

    def show_plan(self) -> None:
        """Tell what would be asked for."""
        from audiochat.cli.job_options import price_of, told
        from audiochat.jobs.plan import Plan

        fresh = self._options.fresh or self._name not in self._store.names()
        if fresh:
            plan = Plan.of(self._narration.pieces(), None)
        else:
            with self._store.open(KIND, self._name, title=self._source.book.title) as job:
                plan = Plan.of(self._narration.pieces(), job)
        price = price_of(plan, self._model, self._narration.settings, self._screen)
        if self._screen.as_json:
            planned = {**plan.as_json(), "price": price, "job": self._name, **_left_out(self._source)}
            self._screen.envelope({**_head(self._source), "status": "planned", **planned})
            return
        self._screen.transcript(f"chapters: {len(self._narration.acts)}\n{told(plan, unit='speech', price=price)}")
        _note_left_out(self._source, self._screen)

    def run(self) -> int:
        """Have it spoken and write it; the exit code."""
        from audiochat.cli.job_options import note_when_stopped
        from audiochat.cli.memory import share_heaps

        share_heaps()
        settings = self._narration.settings
        limits = self._options.limits(settings)
        with self._store.open(KIND, self._name, title=self._source.book.title) as job:
            self._outputs.check(job)
            if self._options.fresh:
                job.forget()
            else:
                self._store.borrow(job, [piece.key for piece in self._narration.pieces()])
            pool = self._options.pool(self._narration.work, settings)
            with note_when_stopped(job, self._screen):
                outcome = self._narration.run(job, limits=limits, progress=self._screen, pool=pool)
            books, report = self._outputs.write(job, outcome.failures)
        self._tell(outcome, books, report)
        return outcome.exit_code

    def _tell(self, outcome: Outcome, books: list[AudioFile], report: Report) -> None:
        from audiochat.cli.job_options import failures_told

        _note_left_out(self._source, self._screen)
        for book in books:
            if book.path is not None:
                self._screen.note(f"{book.path}  {book.seconds:.1f} s")
        self._note_fidelity(report)
        for line in failures_told(outcome):
            self._screen.error(AudiochatError(line))
        if self._screen.as_json:
            self._screen.envelope(self._envelope(outcome, books, report))

    def _note_fidelity(self, report: Report) -> None:
        """Tell how faithful it is, and what stays, with both texts."""
        if report.words:
            self._screen.note(_verdict(report))
        worst = [chapter for chapter in report.chapters if chapter.errors or chapter.gaps]
        for chapter in worst[:_SHOWN]:
            words = f"{chapter.errors:,} of {chapter.words:,} words" if chapter.errors else ""
            gaps = f"missing pieces: {chapter.gaps}" if chapter.gaps else ""
            told = ", ".join(part for part in (words, gaps) if part)
            self._screen.note(f"  chapter {chapter.number}, {chapter.title}: {told}")
        # A piece without a reason was not asked for: how many there are is told, their texts are not needed.
        told_kinds = ("unfaithful", "different")
        remarks = [one for one in report.remarks if one.kind in told_kinds or (one.kind == "gap" and one.why)]
        for remark in remarks[:_SHOWN]:
            self._screen.note(f"{remark.label} ({remark.kind}): {remark.why or ''}".rstrip(": "))
            self._screen.note(f"  written: {remark.written}")
            self._screen.note(f"  read:    {remark.read if remark.read is not None else remark.heard or '–'}")
            if remark.kind == "unfaithful" and remark.read is not None and remark.heard is not None:
                self._screen.note(f"  heard:   {remark.heard}")
        if len(remarks) > _SHOWN:
            self._screen.note(f"… and {len(remarks) - _SHOWN} more; --json has all.")

    def _envelope(self, outcome: Outcome, books: list[AudioFile], report: Report) -> dict[str, Any]:
        whole = not outcome.failures and not outcome.unasked
        return {
            **_head(self._source),
            "status": "ok" if whole else "partial",
            "provider": self._narration.settings.provider,
            "model": self._model,
            "voice": self._narration.settings.voice,
            "audio": self._audio(books),
            "chapters": [
                {
                    "number": chapter.number,
                    "title": chapter.title,
                    "start": None if chapter.start is None else round(chapter.start, 3),
                    "pieces": chapter.pieces,
                    "words": chapter.words,
                    "errors": chapter.errors,
                    "gaps": chapter.gaps,
                    "fidelity": None if chapter.fidelity is None else round(chapter.fidelity, 5),
                }
                for chapter in report.chapters
            ],
            "fidelity": {"check": self._narration.work.check, **report.as_json()},
            "gaps": [asdict(one) for one in report.of_kind("gap")],
            **_left_out(self._source),
            "job": self._name,
            "asked": outcome.asked,
            "usage": asdict(outcome.usage),
            "elapsed": round(time.monotonic() - self._began, 3),
        }

    def _audio(self, books: list[AudioFile]) -> Any:
        """The file, for `--json`; with `--split` a list of them, None where nothing was spoken."""
        told = [self._outputs.described(book) for book in books]
        return told if self._options.split else next(iter(told), None)
