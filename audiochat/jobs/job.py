"""One job on disk, open for one run: its results, its failures, what it wrote."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audiochat import storage
from audiochat.chat.reply import Usage
from audiochat.errors import FileError, UsageError
from audiochat.jobs.piece import Failure, Result, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from audiochat.jobs.piece import Piece

DATABASE = "job.sqlite"


class NotKeptError(FileError):
    """Results cannot be kept: whatever else is asked for would be lost."""


class ClosedError(NotKeptError):
    """The job's run has ended, and something came late."""


VERSION = 1
"""Of the tables' shape."""

_TABLES = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (
    key TEXT PRIMARY KEY, data TEXT NOT NULL, usage TEXT NOT NULL, flaw TEXT, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (key TEXT PRIMARY KEY, blob BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS failures (key TEXT PRIMARY KEY, failure TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS asked (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, key TEXT NOT NULL, ended REAL);
CREATE INDEX IF NOT EXISTS unended ON asked (key) WHERE ended IS NULL;
CREATE TABLE IF NOT EXISTS plan (
    position INTEGER PRIMARY KEY, key TEXT NOT NULL, label TEXT NOT NULL, weight REAL NOT NULL);
CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, began REAL NOT NULL, ended REAL, outcome TEXT);
CREATE TABLE IF NOT EXISTS written (path TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (path, hash)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS origins (
    path TEXT NOT NULL, hash TEXT NOT NULL, origin TEXT NOT NULL, PRIMARY KEY (path, hash, origin)) WITHOUT ROWID;
"""


class Job:
    """A job that this run alone works on; safe to use from many threads.

    Made by `JobStore.open`.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self.folder = folder
        self._database = database
        self._lock = threading.RLock()
        self._closed = False
        with self._told():
            rows = database.execute("SELECT key, flaw IS NOT NULL FROM results")
            self._kept = {key: bool(flawed) for key, flawed in rows}
        self._run: int | None = None

    @classmethod
    def begin(cls, folder: Path, *, kind: str, title: str) -> Job:
        """The job of a folder, new where there is none.

        Raises:
            UsageError: it is of another kind, or a newer audiochat's.
            FileError: it is damaged.
        """
        try:
            database = _connect(folder / DATABASE)
            with database:
                database.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
                about = dict(database.execute("SELECT name, value FROM about"))
                new = {"version": str(VERSION), "kind": kind, "title": title, "began": str(time.time())}
                for name, value in new.items():
                    database.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (name, value))
            _check(folder.name, about, kind)
            return cls(folder, database)
        except sqlite3.Error as exc:
            raise damaged(folder.name, exc) from exc

    @property
    def name(self) -> str:
        """Of the job."""
        return self.folder.name

    def close(self) -> None:
        """Let go of the file; what was kept is on disk since it was kept."""
        with self._lock:
            self._closed = True
            self._database.close()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was planned, asked for or written."""
        with self._lock:
            if self._closed:
                return False
            tables = ("results", "failures", "asked", "plan", "runs", "written")
            return not any(self._database.execute(f"SELECT 1 FROM {one} LIMIT 1").fetchone() for one in tables)  # noqa: S608

    # --- what is kept

    def has(self, key: str) -> bool:
        """Whether there is a result that need not be asked for again."""
        return self._kept.get(key) is False

    def get(self, key: str) -> Result | None:
        """The result of a piece, flawed or not; None where there is none."""
        if key not in self._kept:
            return None
        with self._told():
            row = self._database.execute(
                "SELECT data, usage, flaw, blob FROM results LEFT JOIN blobs USING (key) WHERE key = ?", (key,)
            ).fetchone()
        data, usage, flaw, blob = row
        return Result(
            json.loads(data), blob, Usage(**json.loads(usage)), None if flaw is None else Failure(**json.loads(flaw))
        )

    def put(self, key: str, result: Result) -> None:
        """Keep a result: on disk when this returns.

        Raises:
            FileError: it cannot be kept.
        """
        flaw = None if result.flaw is None else json.dumps(asdict(result.flaw))
        row = (key, json.dumps(result.data), json.dumps(asdict(result.usage)), flaw, time.time())
        with self._writing() as database:
            database.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?)", row)
            database.execute("DELETE FROM blobs WHERE key = ?", (key,))
            if result.blob is not None:
                database.execute("INSERT INTO blobs VALUES (?, ?)", (key, result.blob))
            database.execute("DELETE FROM failures WHERE key = ?", (key,))
            self._end_of(database, key)
            self._kept[key] = result.flaw is not None

    def fail(self, key: str, failure: Failure) -> None:
        """Remember why there is no result."""
        with self._writing() as database:
            row = (key, json.dumps(asdict(failure)), time.time())
            database.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?)", row)
            self._end_of(database, key)

    def forget(self) -> None:
        """Forget all results and failures, for `--fresh`."""
        with self._writing() as database:
            for table in ("results", "blobs", "failures", "plan"):
                database.execute(f"DELETE FROM {table}")  # noqa: S608 - no input
            self._kept.clear()

    def copy_from(self, folder: Path, keys: list[str]) -> int:
        """Copy another job's results for these keys, if it is of the same kind; how many there were."""
        with self._beside(folder) as same_kind:
            return self._copy(keys) if same_kind else 0

    def adopt_from(self, folder: Path, outputs: Mapping[Path, str]) -> None:
        """Take over the files that another job of the same kind wrote.

        Args:
            folder: Of the other job.
            outputs: Paths, and the origin that a file must have been made from to be this job's, too.
        """
        wanted = [(_as_text(path), key_of(origin)) for path, origin in outputs.items()]
        with self._beside(folder) as same_kind:
            if same_kind:
                sql = "INSERT OR IGNORE INTO main.written SELECT path, hash FROM other.origins"
                with self._writing() as database:
                    database.executemany(f"{sql} WHERE path = ? AND origin = ?", wanted)

    @contextmanager
    def _beside(self, folder: Path) -> Iterator[bool]:
        """Open another job's file as `other`; whether that is of the same kind."""
        with self._lock:
            address = f"{(folder / DATABASE).absolute().as_uri()}?mode=ro"
            self._database.execute("ATTACH DATABASE ? AS other", (address,))
            try:
                mine, its = (
                    self._database.execute(f"SELECT value FROM {one}.about WHERE name = 'kind'").fetchone()  # noqa: S608
                    for one in ("main", "other")
                )
                yield mine == its
            finally:
                self._database.execute("DETACH DATABASE other")

    def _copy(self, keys: list[str]) -> int:
        found = []
        for key in keys:
            row = self._database.execute("SELECT 1 FROM other.results WHERE key = ? AND flaw IS NULL", (key,))
            if key not in self._kept and row.fetchone():
                found.append((key,))
        if found:
            with self._writing() as database:
                for table in ("results", "blobs"):
                    sql = f"INSERT OR REPLACE INTO main.{table} SELECT * FROM other.{table} WHERE key = ?"  # noqa: S608
                    database.executemany(sql, found)
                self._kept.update((key, False) for (key,) in found)
        return len(found)

    # --- a run

    def begin_run(self) -> None:
        """Note that a run has begun."""
        with self._writing() as database:
            self._run = database.execute("INSERT INTO runs (began) VALUES (?)", (time.time(),)).lastrowid

    def plan(self, first: int, pieces: Iterable[Piece[Any]]) -> None:
        """Note what there is to do.

        Args:
            first: The position of the first of the pieces.
            pieces: In order.
        """
        rows = [(first + n, one.key, one.label, one.weight) for n, one in enumerate(pieces)]
        with self._writing(durable=False) as database:
            database.executemany("INSERT OR REPLACE INTO plan VALUES (?, ?, ?, ?)", rows)

    def progress(self) -> tuple[int, int]:
        """How many pieces are done, and how many are planned."""
        with self._told():
            rows = self._database.execute("SELECT key FROM plan").fetchall()
        return sum(self.has(key) for (key,) in rows), len(rows)

    def ask(self, key: str) -> None:
        """Note that a piece is asked for now: if the run is killed, it may have been paid for."""
        with self._writing(durable=False) as database:
            database.execute("INSERT INTO asked (run, key) VALUES (?, ?)", (self._run or 0, key))

    def end_run(self, outcome: Mapping[str, Any], *, pieces: int) -> None:
        """Note how a run ended.

        Args:
            outcome: Plain data.
            pieces: How many there are in all.
        """
        with self._writing() as database:
            database.execute("DELETE FROM plan WHERE position >= ?", (pieces,))
            database.execute(
                "UPDATE runs SET ended = ?, outcome = ? WHERE id = ?", (time.time(), json.dumps(outcome), self._run)
            )

    # --- notes of the kind of job, and the files that it wrote

    def note(self, name: str, value: Any) -> None:
        """Keep plain data about the job: its sources and options, say."""
        with self._writing(durable=False) as database:
            database.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (f"note:{name}", json.dumps(value)))

    def noted(self, name: str) -> Any:
        """What was kept by `note`; None without."""
        with self._told():
            row = self._database.execute("SELECT value FROM about WHERE name = ?", (f"note:{name}",)).fetchone()
        return None if row is None else json.loads(row[0])

    def wrote(self, path: Path, hash_: str) -> bool:
        """Whether this job wrote that content to that path."""
        with self._told():
            row = self._database.execute("SELECT 1 FROM written WHERE path = ? AND hash = ?", (_as_text(path), hash_))
            return row.fetchone() is not None

    def writes(self, path: Path, hash_: str, origin: str | None = None) -> None:
        """Note that the content is about to be written to the path.

        Args:
            path: Absolute.
            hash_: Of the content.
            origin: What it is made from, where other jobs can make it from the same: they may replace it.
        """
        with self._writing() as database:
            database.execute("INSERT OR IGNORE INTO written VALUES (?, ?)", (_as_text(path), hash_))
            if origin is not None:
                row = (_as_text(path), hash_, key_of(origin))
                database.execute("INSERT OR IGNORE INTO origins VALUES (?, ?, ?)", row)

    def _end_of(self, database: sqlite3.Connection, key: str) -> None:
        database.execute("UPDATE asked SET ended = ? WHERE key = ? AND ended IS NULL", (time.time(), key))

    @contextmanager
    def _writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction; with `durable` it is on the disk at the end, not only with the system."""
        with self._told() as database:
            database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            database.execute("BEGIN IMMEDIATE")
            with database:  # it commits, or rolls back
                yield database

    @contextmanager
    def _told(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise ClosedError(f"The run of the job {self.name} has ended.", hint="Run it again.")
            try:
                yield self._database
            except sqlite3.Error as exc:
                raise damaged(self.name, exc) from exc


def _as_text(path: Path) -> str:
    """A path for the database, also one that is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _connect(path: Path) -> sqlite3.Connection:
    if not path.exists():
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, storage.FILE_MODE))
    database = sqlite3.connect(
        path.absolute().as_uri(), isolation_level=None, check_same_thread=False, timeout=30, uri=True
    )
    # A file system that knows no shared memory keeps its usual journal, which is as safe and slower.
    database.execute("PRAGMA journal_mode = WAL")
    return database


def _check(name: str, about: Mapping[str, str], kind: str) -> None:
    if about.get("kind", kind) != kind:
        raise UsageError(f"The job {name} is one of {about['kind']}, not of {kind}.", hint="Choose another name.")
    if int(about.get("version", VERSION)) > VERSION:
        raise UsageError(f"The job {name} was made by a newer audiochat.", hint="Update audiochat.")


def damaged(name: str, exc: sqlite3.Error) -> NotKeptError:
    """The error of a job whose file is not as it was written, or finds no room."""
    why = str(exc).rstrip(".")
    if isinstance(exc, sqlite3.OperationalError):
        return NotKeptError(f"The job {name} cannot be kept: {why}.", hint="Make room or mend its permissions.")
    return NotKeptError(
        f"The job {name} is damaged: {why}.", hint=f"Remove it: audiochat jobs remove {name}", code="job_damaged"
    )
