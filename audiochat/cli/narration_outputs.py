"""The files of an audiobook: one, one a chapter, or stdout."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiochat.errors import FileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from audiochat.audio.chapters import Tags
    from audiochat.cli.narrate import NarrateOptions
    from audiochat.cli.narrated import BookSource
    from audiochat.cli.terminal import Terminal
    from audiochat.jobs.job import Job
    from audiochat.jobs.narrate.joining import BookFile, SpokenChapter
    from audiochat.jobs.narrate.narration import Narration
    from audiochat.jobs.narrate.report import Report
    from audiochat.jobs.piece import Failure

_FORMATS = ("m4b", "mp3", "flac", "opus", "wav")
_COVERS = ("cover.jpg", "cover.jpeg", "cover.png", "cover.webp")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file that was written."""

    path: Path | None
    """None is stdout."""
    seconds: float
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where an audiobook goes, and what it says about itself."""

    narration: Narration
    paths: tuple[Path, ...]
    """One for all, or one a chapter; none is stdout."""
    format: str
    loudness: float
    tags: Tags
    named: bool
    """Whether the user named the file, so that it may be replaced."""
    folder: Path | None
    """To be made, if it is not there."""
    screen: Terminal

    @classmethod
    def of(cls, source: BookSource, narration: Narration, options: NarrateOptions, screen: Terminal) -> Outputs:
        """As the options say.

        Raises:
            UsageError: they cannot be meant.
            FileError: the cover cannot be read.
        """
        from audiochat.files import refuse_input

        format_ = options.book_format()
        paths, folder = _paths(source, narration, options, format_)
        if options.output == "-" and screen.streams.stdout_is_terminal and not options.dry_run:
            raise UsageError("Sound is not for a terminal.", hint="Name a file with -o, or pipe it.")
        if source.folder is not None:
            for path in paths:
                refuse_input(path, [Path(source.identity)])
        named = bool(options.output) and folder is None
        tags = _tags(source, narration, options, screen)
        return cls(narration, paths, format_, options.loudness, tags, named, folder, screen)

    def check(self, job: Job) -> None:
        """Find out, before anything is asked, whether the files can be written.

        Raises:
            FileError: one cannot, or is there and not this job's.
        """
        from audiochat.files import make_folder
        from audiochat.jobs.outputs import check_output

        if self.folder is not None and not self.folder.is_dir():
            make_folder(self.folder)
        for path in self.paths:
            check_output(job, path, replace=self.named)

    def write(self, job: Job, failures: Mapping[str, Failure]) -> tuple[list[AudioFile], Report]:
        """Write the audiobook, whole, and tell how faithful it is; no file where nothing was spoken."""
        from audiochat.jobs.narrate.report import Report

        narration = self.narration
        if not narration.has_sound(job):
            return [], narration.report(job, failures)
        report = Report.of(narration.acts)
        if len(self.paths) > 1:
            return self._write_chapters(job, failures, report), report
        path = self.paths[0] if self.paths else None
        return [self._write(job, path, narration, failures=failures, report=report, tags=self.tags)], report

    def _write_chapters(self, job: Job, failures: Mapping[str, Failure], report: Report) -> list[AudioFile]:
        from audiochat.jobs.narrate.report import Report

        written = []
        report.chapters.clear()
        for act, path in zip(self.narration.acts, self.paths, strict=True):
            one = replace(self.narration, acts=(act,))
            own = Report.of(one.acts)
            if one.has_sound(job):
                track = f"{act.number}/{len(self.narration.acts)}"
                tags = replace(self.tags, title=act.title, album=self.tags.title, track=track)
                written.append(self._write(job, path, one, failures=failures, report=own, tags=tags))
            else:
                own = one.report(job, failures)
            report.chapters += own.chapters
            report.remarks += own.remarks
            report.by_ear = report.by_ear or own.by_ear
        return written

    def _write(
        self,
        job: Job,
        path: Path | None,
        narration: Narration,
        *,
        failures: Mapping[str, Failure],
        report: Report,
        tags: Tags,
    ) -> AudioFile:
        from audiochat.jobs.outputs import beside, place_output

        def make(temporary: Path) -> BookFile:
            spoken = narration.spoken(job, failures, report)
            return self._join(spoken, temporary, tags, narration.seconds)

        try:
            if path is None:
                with tempfile.TemporaryDirectory() as folder:
                    book = make(Path(folder, "book"))
                    size = book.path.stat().st_size
                    self._print(book.path)
            else:
                with beside(path) as temporary:
                    book = make(temporary)
                    size = temporary.stat().st_size
                    place_output(job, temporary, path, replace=self.named, progress=self.screen)
        except OSError as exc:
            raise FileError(
                f"{path or 'The audiobook'} cannot be written: {exc.strerror or exc}.",
                hint="The job keeps what was spoken; run it again.",
            ) from exc
        for chapter in report.chapters:
            chapter.start = book.starts.get(chapter.number)
        return AudioFile(path, book.seconds, size)

    def _join(self, spoken: Iterator[SpokenChapter], path: Path, tags: Tags, seconds: float) -> BookFile:
        from audiochat.jobs.narrate.joining import join

        with self.screen.task("Joining", total=seconds, unit="seconds") as update:
            return join(spoken, path, self.format, tags, target=self.loudness, watch=update)

    def _print(self, path: Path) -> None:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                self.screen.write(block)

    def described(self, file: AudioFile) -> dict[str, Any]:
        """A file, for `--json`."""
        seconds = round(file.seconds, 3)
        return {"path": str(file.path), "format": self.format, "seconds": seconds, "bytes": file.size}


def _paths(
    source: BookSource, narration: Narration, options: NarrateOptions, format_: str
) -> tuple[tuple[Path, ...], Path | None]:
    """The files, and the folder that they are in where that is not named by itself."""
    from audiochat.audio.formats import named
    from audiochat.files import is_folder, user_path
    from audiochat.jobs.narrate.joining import file_name

    if options.output == "-":
        return (), None
    suffix = named(format_).suffix
    stem = f"{source.stem}-preview" if options.preview else source.stem
    given = None if options.output is None else user_path(options.output)
    is_named_folder = given is not None and (str(options.output).endswith(("/", "\\")) or is_folder(given))
    if options.split:
        if given is not None and not is_named_folder and given.suffix.lower().lstrip(".") in _FORMATS:
            raise UsageError(
                f"--split makes several files, and {options.output} is the name of one.",
                hint=f"Name a folder: -o {given.with_suffix('')}/ -f {given.suffix.lstrip('.')}",
            )
        folder = given if given is not None else Path(stem)
        numbers = max(act.number for act in narration.acts)
        return tuple(
            folder / file_name(act.number, act.title, format_, count=numbers) for act in narration.acts
        ), folder
    if given is None:
        return (Path(f"{stem}{suffix}"),), None
    return ((given / f"{stem}{suffix}",), given) if is_named_folder else ((given,), None)


def _tags(source: BookSource, narration: Narration, options: NarrateOptions, screen: Terminal) -> Tags:
    from audiochat.audio.chapters import Tags

    return Tags(
        title=options.title or source.book.title,
        author=options.author or source.book.author or "",
        narrator=options.narrator or narration.settings.voice,
        language=source.book.language,
        cover=_cover(source, options, screen),
    )


def _cover(source: BookSource, options: NarrateOptions, screen: Terminal) -> bytes | None:
    """The picture that is named, or that lies beside the book, or that is in it."""
    from audiochat.audio.pictures import as_cover
    from audiochat.files import user_path

    if options.cover is not None:
        path = user_path(str(options.cover))
        try:
            named = as_cover(path.read_bytes())
        except OSError as exc:
            raise FileError(f"The cover {path} cannot be read: {exc.strerror or exc}.", hint="Check its name.") from exc
        if named is None:
            raise FileError(f"The cover {path} is no picture that can be read.", hint="Name a JPEG or PNG.")
        return named
    for path in [] if source.folder is None else [source.folder / name for name in _COVERS]:
        if path.is_file():
            if (beside := _read_cover(path)) is not None:
                return beside
            # Nobody named it: a broken one is no reason not to narrate.
            screen.note(f"{path} is no picture that can be read: it is not taken for the cover.")
    own = source.book.cover
    return None if own is None else as_cover(own.data)


def _read_cover(path: Path) -> bytes | None:
    from audiochat.audio.pictures import as_cover

    try:
        return as_cover(path.read_bytes())
    except OSError:
        return None
