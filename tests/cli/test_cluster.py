"""`--on`: the pieces of a job on a Dask cluster: a scheduler and two workers, each a process of its own."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest
from support import tones
from support.narrators import Narrator
from support.service import Answer, completion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.command_line import CommandLine
    from support.service import Received, Service

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

WORKER = ["--no-dashboard", "--nthreads", "2", "--no-nanny", "--host", "127.0.0.1", "--death-timeout", "30"]


class Processes:
    """A scheduler and its workers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.started: list[subprocess.Popen[bytes]] = []
        self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", "scheduler")
        file = folder / "scheduler"
        _wait_for(lambda: file.exists() and file.stat().st_size > 0)
        import json

        self.address: str = json.loads(file.read_text())["address"]

    def start(self, what: str, *options: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start one of Dask's programs."""
        begun = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + what, *options],
            cwd=self._folder,
            env={**os.environ, **(env or {})},
            stderr=subprocess.DEVNULL,
        )
        self.started.append(begun)
        return begun

    def worker(self, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a worker."""
        return self.start("worker", self.address, *WORKER, env=env)

    def wait_for_workers(self, count: int) -> None:
        """Wait until so many have joined."""
        with distributed.Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)


def _wait_for(what: object) -> None:
    ends = time.monotonic() + 60
    while not what():  # type: ignore[operator]
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """A scheduler; its processes end with the test."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(one for one in sys.path if one))
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL", "20s")
    folder = tmp_path / "dask"
    folder.mkdir()
    processes = Processes(folder)
    yield processes
    for one in reversed(processes.started):
        one.kill()
        one.wait()


def test_a_worker_is_killed_half_way(cli: CommandLine, openai: Service, cluster: Processes) -> None:
    """Nothing is lost, and what a worker has kept is not asked for again; what was under way on the dead one is."""
    talk = tones.record(tones.sentences(40))
    Path("talk.wav").write_bytes(talk.wav)
    first, _ = cluster.worker(), cluster.worker()
    half, lock = threading.Event(), threading.Lock()

    def answers(received: Received) -> Answer:
        with lock:
            if len(openai.requests) >= 5 and not half.is_set():
                half.set()
        return Answer(completion(content=" ".join(tones.understood(tones.sent(received)))).body, hold=0.3)

    openai.answer_with(answers)

    def kill() -> None:
        half.wait(90)
        first.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    cluster.wait_for_workers(2)
    ran = cli("transcribe", "talk.wav", "--piece", "10", "--on", cluster.address, "--store", "shared", "-o", "talk.txt")
    killer.join()
    assert (ran.code, Path("talk.txt").read_text().split()) == (0, talk.text.split()), ran.err
    sounds = [tones.sent(received) for received in openai.requests]
    assert first.wait(10) == -signal.SIGKILL
    assert len(sounds) - len(set(sounds)) <= 2
    asked = len(sounds)
    assert cli("transcribe", "talk.wav", "--piece", "10", "--store", "shared").code == 0
    assert len(openai.requests) == asked


def _kept(store: Path) -> set[str]:
    """The words of the readings that workers have kept in the storage that all share."""
    texts = set()
    for path in store.glob(".results/*/*"):
        # One that is written at this moment is not kept yet.
        with suppress(OSError, EOFError, pickle.UnpicklingError):
            texts.add(str(pickle.loads(path.read_bytes()).data["text"]))  # noqa: S301
    return texts


def test_a_worker_is_killed_half_way_through_a_book(cli: CommandLine, openai: Service, cluster: Processes) -> None:
    """The book is whole, and no reading that a worker has kept is asked for again."""
    paragraphs = [f"Day {number} was cold, and the captain did not leave the ship." for number in range(40)]
    Path("log.md").write_text(
        "\n\n".join(f"# Week {n // 10 + 1}\n\n{one}" if n % 10 == 0 else one for n, one in enumerate(paragraphs))
    )
    first, _ = cluster.worker(), cluster.worker()
    narrator, half, repaid = Narrator(), threading.Event(), []

    def answers(received: Received) -> Answer:
        text = received.json["messages"][-1]["content"]
        if narrator.asked[text] and text in _kept(Path("shared")):
            repaid.append(text)
        if narrator.asked.total() == 15:
            half.set()
        return Answer(narrator(received).body, hold=0.2)

    def kill() -> None:
        half.wait(90)
        first.send_signal(signal.SIGKILL)

    openai.answer_with(answers)
    killer = threading.Thread(target=kill)
    killer.start()
    cluster.wait_for_workers(2)
    command = ("narrate", "log.md", "--check", "words", "-o", "log.m4b", "--store", "shared")
    ran = cli(*command, "--on", cluster.address)
    killer.join()
    assert ran.code == 0, ran.err
    assert first.wait(10) == -signal.SIGKILL
    spoken = " ".join(narrator.asked)
    assert all(paragraph in spoken for paragraph in paragraphs)
    with av.open("log.m4b") as book:
        assert [one["metadata"]["title"] for one in book.chapters()] == [f"Week {number}" for number in range(1, 5)]
    asked = narrator.asked.total()
    # The dead worker had two threads.
    assert (repaid, asked - len(narrator.asked) <= 2) == ([], True)
    Path("log.m4b").unlink()
    assert cli(*command).code == 0
    assert narrator.asked.total() == asked


def test_a_worker_without_a_key_is_named(cli: CommandLine, openai: Service, cluster: Processes) -> None:
    """The key does not travel in a task; the worker that lacks it says so."""
    Path("talk.wav").write_bytes(tones.record(tones.sentences(2)).wav)
    cluster.worker(env={"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""})
    cluster.wait_for_workers(1)
    ran = cli("transcribe", "talk.wav", "--on", cluster.address, "--store", "shared")
    assert ran.code == 3
    assert "The worker at " in ran.err
    assert "OPENAI_API_KEY" in ran.err
    assert openai.requests == []


def test_a_cluster_that_is_not_there(cli: CommandLine, openai: Service) -> None:
    """It is said where none answers; an address of another kind is refused."""
    Path("talk.wav").write_bytes(tones.record(tones.sentences(1)).wav)
    assert cli("transcribe", "talk.wav", "--on", "http://127.0.0.1:1").code == 2
    assert cli("transcribe", "talk.wav", "--tls-ca", "ca.pem").code == 2
    assert openai.requests == []
