"""How figures are taken: a clean room, contestants in turns, medians."""

from __future__ import annotations

import compileall
import contextlib
import json
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = HERE / "peers"
BIN = Path(sys.executable).parent
"""Of the environment that this script runs in: all contestants run there."""
AUDIOCHAT = str(BIN / "audiochat")
ORDINARY = {"AUDIOCHAT_ORDINARY_IMPORTS": "1"}
"""Public means alone: no module is loaded on demand but those that say so themselves."""

_KEY = "4fJ9" * 21
_TOKEN = "eyJ0eXAi" * 250
"""As long as real ones."""
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
_COMPLAINT = "stderr"
_MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024
_SIGN_IN = """#!/bin/sh
sleep 1
echo '{"accessToken": "@TOKEN@", "expiresOn": "2099-01-01 00:00:00.000000", "expires_on": 4070908800,'
echo ' "subscription": "s", "tenant": "t", "tokenType": "Bearer"}'
"""


@dataclass(frozen=True)
class Sample:
    """What one process took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds, of the user and of the system, of the process and of those that it waited for."""
    peak: int
    """Bytes of memory at most."""
    first: float = 0.0
    """Seconds until the first byte, or what was watched for, was on its stdout."""
    answered: float = 0.0
    """Seconds until then from when the service had the whole request."""
    sent: int = 0
    """How many pieces of the answer had left by then."""


class Failed(Exception):  # noqa: N818 - what happened
    """A contestant did not do what it should."""


@dataclass
class Room:
    """Where contestants run: a folder of their own, an environment that says nothing, a service without latency."""

    folder: Path
    url: str
    rounds: int
    """Of every comparison."""

    @property
    def clean(self) -> dict[str, str]:
        """The environment of whoever starts this, without what would change what programs do."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {**kept, "HOME": str(self.folder / "home")}

    def azure(self, answer: str, *, key: bool = True) -> dict[str, str]:
        """The environment in which Azure's resource is the service, and its deployment gives `answer`."""
        signed = {"AZURE_OPENAI_API_KEY": _KEY} if key else self._sign_in()
        return {**self.clean, "AZURE_OPENAI_ENDPOINT": self.url, "AZURE_OPENAI_DEPLOYMENT_NAME": answer, **signed}

    def openai(self, answer: str) -> dict[str, str]:
        """The environment in which OpenAI's API is the service, which gives `answer`."""
        return {**self.clean, "OPENAI_BASE_URL": f"{self.url}/{answer}/v1", "OPENAI_API_KEY": _KEY}

    def last(self) -> dict[str, Any]:
        """What the service knows of the last request."""
        with urllib.request.urlopen(f"{self.url}/last") as response:  # noqa: S310 - our own
            told: dict[str, Any] = json.load(response)
        return told

    def _sign_in(self) -> dict[str, str]:
        """A command `az` that takes a second; no metadata service is asked, which would measure the network."""
        az = self.folder / "bin" / "az"
        if not az.exists():
            az.parent.mkdir()
            az.write_text(_SIGN_IN.replace("@TOKEN@", _TOKEN))
            az.chmod(0o755)
        path = f"{az.parent}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"}


@contextlib.contextmanager
def room(*, rounds: int) -> Iterator[Room]:
    """A room with its service, for as long as the block lasts."""
    compileall.compile_dir(ROOT / "audiochat", quiet=1)  # as pip does when it installs
    service = subprocess.Popen([sys.executable, HERE / "service.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert service.stdin is not None
    assert service.stdout is not None
    left = Path.cwd()
    try:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "home").mkdir()
            (Path(folder) / "work").mkdir()
            os.chdir(Path(folder) / "work")
            try:
                yield Room(Path(folder), f"http://127.0.0.1:{int(service.stdout.readline())}", rounds)
            finally:
                os.chdir(left)
    finally:
        service.stdin.close()
        service.wait()


def run(
    command: Sequence[str], env: Mapping[str, str], *, until: bytes | None = None, asks: Room | None = None
) -> Sample:
    """Run a command to its end, what it prints thrown away.

    Args:
        command: A program, with its path or without, and its arguments.
        env: The whole of its environment.
        until: What its stdout is watched for; b"" is the first byte. None leaves stdout to nobody.
        asks: The room whose service is asked how far it had got at that moment.
    """
    program = shutil.which(command[0], path=env["PATH"]) or command[0]
    ours, theirs = (-1, os.open(os.devnull, os.O_WRONLY)) if until is None else os.pipe()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, theirs, 1),
        (os.POSIX_SPAWN_OPEN, 2, _COMPLAINT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    started = time.monotonic()
    pid = os.posix_spawn(program, list(command), dict(env), file_actions=actions)
    os.close(theirs)
    seen, last = (started, {}) if until is None else _watch(ours, until, asks)
    _, status, used = os.wait4(pid, 0)
    wall = time.monotonic() - started
    if code := os.waitstatus_to_exitcode(status):
        said = Path(_COMPLAINT).read_text(encoding="utf-8", errors="replace").strip()
        raise Failed(f"`{' '.join(command)}` left with {code}: {said.splitlines()[-1] if said else 'no word'}")
    return Sample(
        wall=wall,
        cpu=used.ru_utime + used.ru_stime,
        peak=used.ru_maxrss * _MEMORY_UNIT,
        first=seen - started,
        answered=seen - last.get("received", seen),
        sent=last.get("sent", 0),
    )


def _watch(stdout: int, until: bytes, asks: Room | None) -> tuple[float, dict[str, Any]]:
    """When `until` was there, and what the service knew by then; the rest is read and thrown away."""
    begun, seen, last = b"", None, {}
    with open(stdout, "rb", buffering=0) as stream:
        while data := stream.read(1 << 16):
            if seen is None:
                now, begun = time.monotonic(), begun + data
                if until in begun:
                    seen, last = now, asks.last() if asks else {}
    if seen is None:
        raise Failed(f"{until!r} was never seen")
    return seen, last


def own_peak() -> int:
    """Bytes of memory that this process has had: a child inherits them as its own peak, so they have to be few."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MEMORY_UNIT


T = TypeVar("T")


def apart(work: Callable[..., T], *arguments: object) -> T:
    """What `work` gives, done in a process of its own: see `own_peak`."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def write_recording(name: str, size: int) -> None:
    """Write a WAV file of `size` bytes."""
    Path(name).write_bytes(service.wav(size))


NameT = TypeVar("NameT")


def in_turns(contestants: Mapping[NameT, Callable[[], Sample]], rounds: int) -> dict[NameT, list[Sample]]:
    """Their samples, taken in turns so that all meet the same weather; one round before to warm up."""
    taken: dict[NameT, list[Sample]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, contestant in contestants.items():
            sample = contestant()
            if number:
                taken[name].append(sample)
    return taken


@dataclass(frozen=True)
class Spread:
    """A median, and how far the middle half of the samples lies apart."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        """Three digits."""
        return f"{_short(self.median)} ({_short(self.low)} to {_short(self.high)})"


def spread(samples: Sequence[Sample], of: str = "wall", scale: float = 1.0) -> Spread:
    """The spread of one field of the samples."""
    values = sorted(getattr(sample, of) * scale for sample in samples)
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(statistics.median(values), low, high)


def ratio(of: Sequence[Sample], to: Sequence[Sample], what: str = "wall") -> float:
    """The ratio of two medians."""
    return spread(of, what).median / spread(to, what).median


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
