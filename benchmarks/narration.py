"""Narrate 100,000 words in 300 chapters to the end, undisturbed and killed in between, and look at the audiobook.

    python benchmarks/narration.py                  # all of it; exit code 0 if everything holds
    python benchmarks/narration.py --words 5000 --chapters 15 --kills 3      # a look

First at -j 16 without a break: throughput, as a share of what a service with a fixed time for each piece allows. Then
again from nothing, killed with SIGKILL at random moments: which pieces were asked for twice, by the service's own
notes. Each time the m4b is joined to its end, its marks are compared with the sound, and ffprobe, mediainfo and PyAV
open it. Needs ffmpeg, ffprobe and numpy.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from players import RATE, decoded, look, marks
from scripted_reader import AUTHOR, BURST, HIGH, TITLE, WORD, Request, Service, book

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE, EXACT, MEGABYTES = 0.9, 0.05, 250
"""The least share of the ideal, seconds by which a mark may be off, and the most memory."""
KEPT_WITHIN = 2.0
"""Seconds after the last byte of an answer until it must be kept: a kill within them may lose it."""


@dataclass(slots=True)
class Verdict:
    """What was found, line by line."""

    failures: list[str] = field(default_factory=list)

    def tell(self, line: str, *, holds: bool = True) -> None:
        """Print a line, and remember whether it holds."""
        print(line if holds else f"{line}   <-- FAILS", flush=True)
        if not holds:
            self.failures.append(line)


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of the command."""

    code: int
    seconds: float
    megabytes: float
    """The most memory that it took."""
    ended: float


def run(command: list[str], env: dict[str, str], killed: Callable[[], object] | None = None) -> Ran:
    """Run a command.

    Args:
        command: What to run.
        env: Its environment.
        killed: Returns when it is to be killed.
    """
    began = time.monotonic()
    process = subprocess.Popen(command, env=env)
    if killed is not None:
        killed()
        process.send_signal(signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    ended = time.monotonic()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ran(process.returncode, ended - began, usage.ru_maxrss / 1024, ended)


def onsets(path: Path) -> list[float]:
    """When the high tone begins, each time, in seconds: by counting its turns of sign in blocks of 5 ms."""
    width = RATE // 200
    least = 0.7 * 2 * HIGH / 200
    found: list[float] = []
    last, position = -10.0, 0
    for data in decoded(path):
        samples = np.frombuffer(data, "<i2")
        blocks = samples[: len(samples) // width * width].reshape(-1, width)
        turns = np.count_nonzero(np.diff(blocks < 0, axis=1), axis=1)
        loud = np.abs(blocks.astype(np.int32)).max(axis=1) > 1500
        for index in np.flatnonzero(loud & (turns > least)):
            at = (position + int(index) * width) / RATE
            if at - last > 2 * BURST:
                found.append(at)
            last = at
        position += len(samples)
    return found


def inspect(path: Path, chapters: int, verdict: Verdict) -> None:
    """Compare the marks with the sound, and have other programs open the file."""
    heard, told = onsets(path), marks(path)
    right = len(heard) == len(told) == chapters
    off = max((abs(a - b) for a, b in zip(heard, told, strict=False)), default=math.inf)
    last = abs(heard[-1] - told[-1]) if right else math.inf
    size = path.stat().st_size / 1e6
    verdict.tell(
        f"{len(told)} marks, {len(heard)} beginnings heard; the worst {1000 * off:.0f} ms off, the last "
        f"{1000 * last:.0f} ms; {size:.0f} MB",
        holds=right and off <= EXACT,
    )
    for one in look(path):
        verdict.tell(
            str(one), holds=(one.chapters, one.title, one.author, one.cover) == (chapters, TITLE, AUTHOR, True)
        )


def undisturbed(options: Any, folder: Path, verdict: Verdict) -> None:
    """Measure the throughput of a run from nothing to the end."""
    service = Service(options.latency, options.word)
    command, env = prepared(options, folder, service)
    dry = subprocess.run([*command, "--dry-run", "--json"], env=env, capture_output=True, check=True)
    pieces = json.loads(dry.stdout)["pieces"]
    ran = run(command, env)
    requests = [one for each in service.asked.values() for one in each]
    first, last = min(one.began for one in requests), max(one.answered or one.began for one in requests)
    asking = last - first
    # What is written twice is asked for once.
    ideal = math.ceil(len(service.asked) / options.jobs) * options.latency
    verdict.tell(
        f"{pieces} pieces, {len(service.asked)} of them different, at -j {options.jobs}: {len(requests)} requests, "
        f"exit {ran.code}",
        holds=len(requests) == len(service.asked) and ran.code == 0,
    )
    verdict.tell(
        f"asked for in {asking:.1f} s, ideal {ideal:.1f} s: {ideal / asking:.1%} of the ideal",
        holds=ideal / asking >= SHARE,
    )
    verdict.tell(f"joined {ran.ended - last:.0f} s later; {ran.seconds:.0f} s in all, from the start of the process")
    verdict.tell(f"peak memory {ran.megabytes:.0f} MB", holds=ran.megabytes <= MEGABYTES)
    inspect(folder / "book.m4b", options.chapters, verdict)


def killed(options: Any, folder: Path, verdict: Verdict) -> None:
    """Kill it at random moments, let it end, and count what was asked for twice."""
    service = Service(options.latency, options.word)
    command, env = prepared(options, folder, service)
    chance = random.Random(11)
    most = 0.8 * options.words / 27.5 / options.jobs * options.latency / options.kills
    runs = [run(command, env, lambda: service.wait(chance.uniform(0, 2 * most))) for _ in range(options.kills)]
    ends = [one.ended for one in runs]
    runs.append(run(command, env))
    verdict.tell(
        f"killed {sum(one.code == -signal.SIGKILL for one in runs)} times, then exit {runs[-1].code}",
        holds=[one.code for one in runs] == [-signal.SIGKILL] * options.kills + [0],
    )
    again = [(one, after) for each in service.asked.values() for one, after in itertools.pairwise(each)]
    lost = [lost_at(one, after, ends) for one, after in again]
    verdict.tell(
        f"{len(service.asked)} pieces, {len(again)} asked for again: {lost.count('under way')} under way at a kill, "
        f"{lost.count('just answered')} answered less than {KEPT_WITHIN:.0f} s before one, {lost.count('kept')} others",
        holds="kept" not in lost and len(again) <= options.kills * options.jobs,
    )
    peak = max(one.megabytes for one in runs)
    verdict.tell(f"peak memory {peak:.0f} MB", holds=peak <= MEGABYTES)
    inspect(folder / "book.m4b", options.chapters, verdict)


def lost_at(one: Request, after: Request, kills: list[float]) -> str:
    """What became of a request that was followed by another one for the same piece, by the service's clock."""
    between = [kill for kill in kills if one.began <= kill <= after.began]
    if not between:
        return "kept"
    if one.answered is None or one.answered >= between[0]:
        return "under way"
    return "just answered" if between[0] - one.answered < KEPT_WITHIN else "kept"


def prepared(options: Any, folder: Path, service: Service) -> tuple[list[str], dict[str, str]]:
    """The book in a folder, and the command and the environment that narrate it there."""
    folder.mkdir()
    book(folder / "book.epub", options.words, options.chapters)
    foreign = ("OPENAI_", "AZURE_", "AUDIOCHAT_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    env |= {"OPENAI_BASE_URL": service.url, "OPENAI_API_KEY": "none", "XDG_DATA_HOME": str(folder)}
    command = [sys.executable, "-m", "audiochat", "narrate", str(folder / "book.epub"), "-o", str(folder / "book.m4b")]
    return [*command, "--provider", "openai", "-j", str(options.jobs), "--check", "words", "-q"], env


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--chapters", type=int, default=300)
    parser.add_argument("--latency", type=float, default=1.0, help="seconds that the service takes for a piece")
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--kills", type=int, default=20, help="0: only the run without a break")
    parser.add_argument("--word", type=float, default=WORD, help="seconds of sound for a word")
    parser.add_argument("--keep", type=Path, help="where to copy the audiobook")
    options = parser.parse_args()
    verdict = Verdict()
    folder = Path(tempfile.mkdtemp(prefix="narration-"))
    try:
        undisturbed(options, folder / "undisturbed", verdict)
        if options.keep:
            shutil.copy(folder / "undisturbed" / "book.m4b", options.keep)
        if options.kills:
            killed(options, folder / "killed", verdict)
    finally:
        shutil.rmtree(folder)
    print("all of it holds" if not verdict.failures else f"{len(verdict.failures)} do not hold")
    return 1 if verdict.failures else 0


if __name__ == "__main__":
    sys.exit(main())
