"""Jobs on disk: what survives, who may have one, what is told about it."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import stat
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.works import Scripted, piece

from audiochat import config
from audiochat.chat.reply import Usage
from audiochat.errors import AudiochatError, FileError, UsageError
from audiochat.jobs.job import DATABASE
from audiochat.jobs.outputs import check_output, write_output
from audiochat.jobs.piece import Failure, Result, key_of
from audiochat.jobs.runner import run
from audiochat.jobs.store import JobStore, name_for

if TYPE_CHECKING:
    from pathlib import Path

FAILED = AudiochatError("No.")
RESULT = Result({"words": ["a", "b"], "at": 1.5}, b"\x00sound", Usage(input_tokens=3))


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    """An empty folder of jobs."""
    return JobStore(tmp_path / "jobs")


def test_a_result_is_as_it_was_put(store: JobStore) -> None:
    """Data, bytes, usage and flaw, also for the next run."""
    with store.open("shout", "poem", title="p") as job:
        job.put("k", RESULT)
        assert job.get("k") == RESULT
        assert job.get("other") is None
    with store.open("shout", "poem", title="p") as job:
        assert job.get("k") == RESULT
        job.forget()
        assert (job.has("k"), job.get("k")) == (False, None)


def test_a_job_is_for_one_run_at_a_time(store: JobStore) -> None:
    """The second is told so, with exit code 6; another job is free."""
    with store.open("shout", "poem", title="p"):
        with pytest.raises(FileError, match="running already") as caught, store.open("shout", "poem", title="p"):
            pass
        assert caught.value.exit_code == 6
        assert store.running("poem")
        with store.open("shout", "other", title="p"):
            pass
    assert not store.running("poem")


def test_a_job_is_private(store: JobStore, tmp_path: Path) -> None:
    """Recordings are people's own: nobody else may read what was said in them."""
    with store.open("shout", "poem", title="p") as job:
        job.put("k", RESULT)
        if os.name != "nt":
            modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "jobs").rglob("*")}
            assert [path for path, mode in modes.items() if mode & 0o077] == []


def test_a_job_can_be_moved_to_another_machine(store: JobStore, tmp_path: Path) -> None:
    """Its folder is all there is of it."""
    with store.open("shout", "poem", title="p") as job:
        job.put("k", RESULT)
    other = JobStore(tmp_path / "elsewhere")
    shutil.copytree(tmp_path / "jobs" / "poem", tmp_path / "elsewhere" / "poem")
    with other.open("shout", "poem", title="p") as job:
        assert job.get("k") == RESULT


def test_what_another_job_has_is_borrowed(store: JobStore) -> None:
    """The same pieces under another name cost nothing; another kind's results are not looked at."""
    with store.open("shout", "poem", title="p") as job:
        job.put("k", RESULT)
        job.put("flawed", Result({}, flaw=Failure("x", "x", 4)))
    with store.open("whisper", "soft", title="p") as job:
        assert store.borrow(job, ["k"]) == 0
    with store.open("shout", "again", title="p") as job:
        assert store.borrow(job, ["k", "flawed", "unknown"]) == 1
        assert job.get("k") == RESULT
        assert store.borrow(job, ["k"]) == 0


def test_names_are_checked(store: JobStore) -> None:
    """No job is outside of the folder, and one kind's job is not another's."""
    for name in ("", "../x", "a/b", ".lock", "x" * 65):
        with pytest.raises(UsageError), store.open("shout", name, title="p"):
            pass
    with store.open("shout", "poem", title="p"):
        pass
    with pytest.raises(UsageError, match="shout"), store.open("whisper", "poem", title="p"):
        pass


@given(st.text(max_size=80), st.text(max_size=5))
def test_every_title_makes_a_name(stem: str, identity: str) -> None:
    """Readable where it can be, always a valid one, the same for the same identity and another for another."""
    name = name_for(stem, identity)
    assert len(name) <= 49
    assert name.isascii()
    assert name == name_for(stem, identity)
    assert name != name_for(stem, identity, "more")


def test_a_damaged_job_says_how_to_go_on(store: JobStore, tmp_path: Path) -> None:
    """The error names the command that removes it."""
    with store.open("shout", "poem", title="p"):
        pass
    (tmp_path / "jobs" / "poem" / DATABASE).write_bytes(b"no database" * 1000)
    with pytest.raises(FileError, match="damaged") as caught, store.open("shout", "poem", title="p"):
        pass
    assert "audiochat jobs remove poem" in (caught.value.hint or "")
    with pytest.raises(AudiochatError):
        store.summary("poem")
    store.remove("poem")
    assert store.names() == []


def test_a_summary_tells_what_is_done_and_what_failed(store: JobStore) -> None:
    """Also while it runs."""
    settings = config.load(config.Flags(provider="openai"))

    def do(payload: int) -> Result:
        if payload == 1:
            raise FAILED
        return Result({}, usage=Usage(input_tokens=5, output_tokens=2))

    with store.open("shout", "poem", title="poem.txt") as job:
        job.note("sources", ["/home/me/poem.txt"])
        run([piece(n) for n in range(3)], Scripted(do), job, settings=settings)
        running = store.summary("poem")
    assert (running.status, running.pieces, running.done) == ("running", 3, 2)
    summary = store.summary("poem")
    assert (summary.status, summary.kind, summary.title) == ("partial", "shout", "poem.txt")
    assert [(label, failure.code) for label, failure in summary.failures] == [("piece 1", "error")]
    assert (summary.usage.input_tokens, summary.usage.output_tokens) == (10, 4)
    assert summary.notes == {"sources": ["/home/me/poem.txt"]}
    assert summary.lost == 0
    with store.open("shout", "poem", title="poem.txt") as job:
        run([piece(n) for n in range(3)], Scripted(), job, settings=settings)
    assert store.summary("poem").status == "done"
    assert [run_.outcome["asked"] for run_ in store.summary("poem").runs if run_.outcome] == [3, 1]
    store.remove("poem")
    with pytest.raises(UsageError):
        store.summary("poem")


def test_a_file_that_the_job_did_not_write_stays(store: JobStore, tmp_path: Path) -> None:
    """Its own are replaced, also after a kill; another's, or one that was changed, only if the user names it."""
    path = tmp_path / "out.txt"
    with store.open("shout", "poem", title="p") as job:
        check_output(job, path, replace=False)
        write_output(job, path, [b"one"])
        check_output(job, path, replace=False)
        write_output(job, path, [b"two"])
        path.write_text("mine")
        for _ in range(2):
            with pytest.raises(FileError, match="did not write it") as caught:
                check_output(job, path, replace=False)
            assert f"-o {path}" in (caught.value.hint or "")
        with pytest.raises(FileError):
            write_output(job, path, [b"three"])
        assert path.read_text() == "mine"
        write_output(job, path, [b"four"], replace=True)
    with store.open("shout", "poem", title="p") as job:
        check_output(job, path, replace=False)
        path.write_bytes(b"two")  # as a kill between two writes leaves it
        write_output(job, path, [b"five"])
    assert path.read_bytes() == b"five"
    assert [one for one in tmp_path.iterdir() if one.name.startswith(".audiochat")] == []


# --- kill -9


def _put_forever(folder: str, told: str) -> None:
    """Keep results for ever, and tell which were kept, as a process that can be killed at any instant."""
    from pathlib import Path

    store = JobStore(Path(folder))
    with store.open("shout", "poem", title="p") as job, open(told, "a+", buffering=1) as file:  # noqa: PTH123
        file.seek(0)
        for n in range(sum(1 for _ in file), 1_000_000):
            key = key_of(n)
            if not job.has(key):
                job.ask(key)
                job.put(key, Result({"n": n}, os.urandom(random.randrange(60_000))))
            file.write(f"{n}\n")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_what_was_kept_survives_a_kill_at_any_instant(tmp_path: Path) -> None:
    """Twelve kills: every result that was told is there and whole; at most one a kill is counted as lost."""
    told = tmp_path / "told"
    told.touch()
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    for _ in range(12):
        process = context.Process(target=_put_forever, args=(str(tmp_path / "jobs"), str(told)))
        process.start()
        before = told.stat().st_size
        while told.stat().st_size == before and process.is_alive():
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.05))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    lines = [int(line) for line in told.read_text().split("\n")[:-1] if line]
    assert len(lines) > 12
    store = JobStore(tmp_path / "jobs")
    with store.open("shout", "poem", title="p") as job:
        for n in lines:
            result = job.get(key_of(n))
            assert result is not None
            assert result.data == {"n": n}
    assert store.summary("poem").lost <= 12
    database = sqlite3.connect(tmp_path / "jobs" / "poem" / DATABASE)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
