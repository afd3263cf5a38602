"""Figures about streams: the first sound, and the memory of a long one.

    python benchmarks/streaming.py            the scripted service alone
    python benchmarks/streaming.py --engine   the local engine too, its models in the cache

Prints a table; asserts nothing.
"""

from __future__ import annotations

import base64
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from service import DONE, PCM, Service, event, running, stream

AUDIOCHAT = [sys.executable, "-m", "audiochat", "speak", "Tell me about rain.", "-q", "-o", "-"]
START = event({"audio": {"id": "audio_abc", "transcript": "Yes."}})
END = [event({"audio": {"expires_at": 1}}), DONE]
DELTA = event({"audio": {"data": base64.b64encode(PCM).decode()}})


def _environment(service: Service | None) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "OPENAI_", "AUDIOCHAT_"))
    }
    return kept if service is None else {**kept, "OPENAI_BASE_URL": f"{service.url}/v1", "OPENAI_API_KEY": "sk-none"}


def first_sound(service: Service | None, format_: str) -> tuple[float, float, int]:
    """Seconds from the command to its first byte and to its end, and the pieces that had left by the first."""
    started = time.perf_counter()
    process = subprocess.Popen([*AUDIOCHAT, "-f", format_], stdout=subprocess.PIPE, env=_environment(service))
    assert process.stdout is not None
    os.read(process.stdout.fileno(), 1)
    first = time.perf_counter() - started
    sent = service.sent_pieces if service else 0
    process.stdout.read()
    process.wait()
    return first, time.perf_counter() - started, sent


def peak_memory(arguments: list[str], service: Service | None) -> float:
    """Megabytes that a process had at most, its output thrown away through a pipe."""
    program = (
        "import resource, subprocess, sys; "
        "p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE); "
        "n = sum(map(len, iter(lambda: p.stdout.read(65536), b''))); p.wait(); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, n)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=_environment(service),
    )
    peak, size = map(int, done.stdout.split())
    assert size or arguments[-1] == "--version"
    return peak / (1 if sys.platform == "darwin" else 1024)


def report(what: str, figure: str) -> None:
    """A row."""
    print(f"| {what} | {figure} |")


def main() -> None:
    """Measure."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, CPython {platform.python_version()}"
    print(f"{machine}, {time.strftime('%Y-%m-%d')}\n")
    print("| what | figure |\n|---|---|")
    with tempfile.TemporaryDirectory() as folder, running() as service:
        os.chdir(folder)
        for format_ in ("pcm16", "wav", "mp3", "flac", "opus", "aac"):
            service.answer(stream([START, *[DELTA] * 100, *END], pause=0.02))
            runs = [first_sound(service, format_) for _ in range(3)]
            seconds, sent = statistics.median(run[0] for run in runs), max(run[2] for run in runs)
            report(f"100 deltas, 20 ms apart, {format_}: first byte", f"{seconds:.2f} s, {sent} of 103 pieces sent")
        service.answer(stream([START, DELTA, *END]))
        base = peak_memory([*AUDIOCHAT, "-f", "pcm16"], service)
        report("peak memory, a fifth of a second of sound", f"{base:.0f} MB")
        for format_ in ("pcm16", "wav", "mp3"):
            service.answer(stream([START, *[DELTA] * (30 * 60 * 5), *END]))
            peak = peak_memory([*AUDIOCHAT, "-f", format_], service)
            report(
                f"peak memory, 30 minutes of sound through a pipe, {format_}", f"{peak:.0f} MB, {peak - base:+.0f} MB"
            )
        if "--engine" in sys.argv:
            runs = [first_sound(None, "wav") for _ in range(5)]
            report("local engine, cold process: first sound", f"{statistics.median(run[0] for run in runs):.2f} s")
            report("local engine, cold process: whole answer", f"{statistics.median(run[1] for run in runs):.2f} s")


if __name__ == "__main__":
    main()
