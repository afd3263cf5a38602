"""How fast the engine narrates, and how evenly loud its voices come out: `python benchmarks/engine_narration.py`.

Speed is seconds of sound in a second, with the check by ear and without it; seconds of processor are told beside it,
since they hold on a busy machine, too. Loudness is measured twice: by audiochat's own measure of ITU-R BS.1770, and by
ffmpeg's ebur128. The engine's models have to be there.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from players import decoded

from audiochat.audio.loudness import loudness

ROOT = Path(__file__).resolve().parent.parent
VOICES = ("alloy", "onyx", "nova", "ash")
EVEN = 1.0
"""LU by which two voices may differ."""


def narrate(book: Path, output: Path, *more: str) -> dict[str, Any]:
    """Narrate from nothing; what the command tells of it."""
    with tempfile.TemporaryDirectory(prefix="jobs-") as store:
        command = [sys.executable, "-m", "audiochat", "narrate", str(book), "-o", str(output), "--store", store]
        command += ["--provider", "local", "-q", "--json", *more]
        told: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
        return told


def speed(book: Path, folder: Path, *more: str) -> None:
    """Print how fast a book is narrated."""
    before, began = os.times(), time.monotonic()
    told = narrate(book, folder / "book.m4b", *more)
    took, after = time.monotonic() - began, os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    seconds = told["audio"]["seconds"]
    fidelity = told["fidelity"]
    print(
        f"{' '.join(more)}: {seconds:.0f} s of sound in {took:.0f} s, {seconds / took:.2f} a second; "
        f"{processor / seconds:.2f} s of processor each; {fidelity['errors']} of {fidelity['words']} words misheard; "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def by_ffmpeg(path: Path) -> float:
    """The integrated loudness of a file, in LUFS, by ffmpeg's ebur128."""
    command = ["ffmpeg", "-nostats", "-i", str(path), "-map", "0:a", "-af", "ebur128", "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    found = re.search(r"I:\s+(-?[\d.]+) LUFS", told[told.rindex("Summary:") :])
    assert found is not None
    return float(found[1])


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("book", nargs="?", type=Path, default=ROOT / "README.md")
    parser.add_argument("--chapters", default="1", help="those of the book that are narrated")
    options = parser.parse_args()
    chapters = ("--chapters", options.chapters)
    with tempfile.TemporaryDirectory(prefix="narration-") as name:
        folder = Path(name)
        speed(options.book, folder, *chapters, "--check", "ear")
        speed(options.book, folder, *chapters, "--check", "none")
        levels = []
        for voice in VOICES:
            path = folder / f"{voice}.m4b"
            narrate(options.book, path, *chapters, "--check", "none", "-v", voice)
            own = loudness(b"".join(decoded(path)))
            assert own is not None
            levels += [own, by_ffmpeg(path)]
            print(f"{voice}: {own:.2f} LUFS, by ffmpeg {levels[-1]:.1f}", flush=True)
    return 0 if max(levels) - min(levels) <= EVEN else 1


if __name__ == "__main__":
    sys.exit(main())
