"""Jobs on disk: a folder each, whose results survive the end of the process at any instant.

The results are in SQLite, with a write-ahead log that reaches the disk before a piece counts as done. Measured with
10,000 results of 1 kB: 0.8 ms each (a journal of our own, 0.2 ms, would need its own recovery and index; a file each,
0.6 ms, leaves 10,000 files behind). A second of waiting for a service buys a thousand of them.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING

from audiochat import storage
from audiochat.errors import FileError, UsageError
from audiochat.jobs.job import DATABASE, Job, NotKeptError, damaged
from audiochat.jobs.piece import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from filelock import FileLock

    from audiochat.jobs.summary import Summary

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_READABLE = 40
"""Characters of a job's name that are its title's."""


def name_for(stem: str, *identity: object) -> str:
    """The name of a job: readable, and the same whenever the identity is.

    Args:
        stem: What a person calls it: a file's name without its suffix.
        identity: What makes it this job and no other; see `key_of`.
    """
    readable = re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:_READABLE].strip("-")
    return f"{readable or 'job'}-{key_of(*identity)[:8]}"


class JobStore:
    """The folder of all jobs.

    Args:
        folder: Another folder than the user's own.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or storage.data_folder() / "jobs"

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self._folder

    def names(self) -> list[str]:
        """All jobs, the one that was worked on last first."""
        with suppress(OSError):
            found = [path / DATABASE for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
            written = [(max(_written(page)), page.parent.name) for page in found if page.is_file()]
            return [name for _, name in sorted(written, reverse=True)]
        return []

    @contextmanager
    def open(self, kind: str, name: str, *, title: str) -> Iterator[Job]:
        """A job for one run alone; it begins where there is none of that name.

        Args:
            kind: Of the job: `transcribe`, `narrate`.
            name: See `name_for`.
            title: What a person calls it.

        Raises:
            UsageError: no job can have that name, or it is of another kind.
            FileError: another run has it, or it is damaged.
        """
        folder = self._path(name)
        with self._locked(name):
            is_new = not folder.exists()
            with _as_file_error(name):
                storage.make_folder(folder)
            with closing(Job.begin(folder, kind=kind, title=title)) as job, ExitStack() as undo:
                if is_new:
                    undo.callback(_remove_if_empty, job, folder)
                yield job
                undo.pop_all()

    def find(self, part: str) -> str:
        """The name of a job, by a part of it that no other job's name has.

        Raises:
            UsageError: there is none, or there are several.
        """
        names = self.names()
        if part in names:
            return part
        found = [name for name in names if part.casefold() in name.casefold()]
        if not found:
            raise _no_job(part)
        if len(found) > 1:
            raise UsageError(f"{part!r} is in the names of several jobs: {', '.join(found)}.", hint="Give more of it.")
        return found[0]

    def summary(self, name: str) -> Summary:
        """What can be told about a job, also while it runs.

        Raises:
            UsageError: there is none of that name.
            FileError: it is damaged.
        """
        from audiochat.jobs.summary import read_summary

        folder = self._existing(name)
        try:
            return read_summary(folder, running=self.running(name))
        except sqlite3.Error as exc:
            raise damaged(name, exc) from exc

    def running(self, name: str) -> bool:
        """Whether a run has the job."""
        try:
            with self._locked(name):
                return False
        except FileError as exc:
            if exc.code != "job_in_use":
                raise
            return True

    def check(self, name: str) -> None:
        """Find out whether there is a job of that name.

        Raises:
            UsageError: there is none.
        """
        self._existing(name)

    def remove(self, name: str) -> None:
        """Remove a job and all that is kept of it; files that it wrote for the user stay.

        Raises:
            UsageError: there is none of that name.
            FileError: a run has it, or it cannot be removed.
        """
        folder = self._existing(name)
        with self._locked(name), _as_file_error(name):
            shutil.rmtree(folder)

    def borrow(self, job: Job, keys: list[str]) -> int:
        """Copy results that other jobs of the same kind have for these keys: they are paid for already.

        Returns:
            How many there were.
        """
        found = 0
        for name in self.names():
            if name != job.name:
                with suppress(sqlite3.Error):  # a damaged job is its own user's concern
                    found += job.copy_from(self._folder / name, keys)
        return found

    def adopt(self, job: Job, outputs: Mapping[Path, str]) -> None:
        """Let a job replace what other jobs of its kind made from the same: a folder that grows is another job.

        Args:
            job: That will write the files.
            outputs: Absolute paths, and what each is made from.
        """
        for name in self.names():
            if name != job.name:
                # A job that is damaged, or older than this table, is its own user's concern.
                with suppress(sqlite3.Error, NotKeptError):
                    job.adopt_from(self._folder / name, outputs)

    def _existing(self, name: str) -> Path:
        folder = self._path(name)
        if not (folder / DATABASE).is_file():
            raise _no_job(name)
        return folder

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} cannot be a job's name.", hint="'audiochat jobs list' shows them.")
        return self._folder / name

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """A job for nobody else, for as long as the block lasts."""
        from filelock import Timeout

        with _as_file_error(name):
            storage.make_folder(self._folder)
            lock = self._lock(name)
            try:
                lock.acquire()
            except Timeout as exc:
                raise FileError(
                    f"The job {name} is running already.",
                    hint="Wait for that run, or end it; what it has done is kept.",
                    code="job_in_use",
                ) from exc
        try:
            yield
        finally:
            lock.release()  # its file stays: removing it would let two others have a lock each

    def _lock(self, name: str) -> FileLock:
        from filelock import FileLock

        return FileLock(self._folder / f".{name}.lock", timeout=0, mode=storage.FILE_MODE, thread_local=False)


def _remove_if_empty(job: Job, folder: Path) -> None:
    """Remove a job that was refused before anything began: it is no long work to list."""
    if job.is_empty:
        job.close()
        shutil.rmtree(folder, ignore_errors=True)


def _no_job(name: str) -> UsageError:
    return UsageError(f"There is no job {name!r}.", hint="'audiochat jobs list' shows them.")


def _written(database: Path) -> Iterator[int]:
    """When a database was written: its log counts, which is merged into it later."""
    for path in (database, database.with_name(f"{DATABASE}-wal")):
        with suppress(OSError):
            yield path.stat().st_mtime_ns
    yield 0


@contextmanager
def _as_file_error(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise FileError(
            f"The job {name} cannot be kept: {exc.strerror or exc}.", hint="Make room or mend its permissions."
        ) from exc
