"""Measures audiochat against its peers and its targets.

python benchmarks/run.py --engine        everything; the table goes to docs/performance.md
python benchmarks/run.py                 the same without the local engine, whose models may have to be fetched
python benchmarks/run.py --quick         three rounds, printed alone
python benchmarks/run.py --only start    one measurement, printed alone; repeatable
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from harness import ROOT, Failed, Room, room
from measurements import MEASUREMENTS, PEER_BIN, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS, QUICK = 9, 3
PAGE = ROOT / "docs" / "performance.md"
_TABLE = re.compile(r"(?<=<!-- bench -->\n).*(?=<!-- /bench -->)", re.DOTALL)


def fetch_peers() -> None:
    """Install the peers that are Python tools in an environment of their own; without network they are left out."""
    if not PEER_BIN.exists():
        subprocess.run([sys.executable, "-m", "venv", PEER_BIN.parent], check=True)
        wanted = [str(PEER_BIN / "python"), "-m", "pip", "install", "--quiet", "--retries", "1", "llm", "edge-tts"]
        subprocess.run(wanted, check=False, capture_output=True)


def machine() -> str:
    """Where and when."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("audiochat", "openai", "azure-identity")
    )
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, CPython {platform.python_version()}"
    return f"{system}; {versions}; {time.strftime('%Y-%m-%d')}"


def _rows(name: str, space: Room) -> Iterator[Row]:
    """The rows of a measurement; one that fails does not take the others with it."""
    try:
        yield from MEASUREMENTS[name](space)
    except Failed as exc:
        yield Row(name, f"failed: {exc}", met=False)


def main() -> None:
    """Measure, print, and write what is whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} rounds instead of {ROUNDS}")
    parser.add_argument("--engine", action="store_true", help="the local engine too")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="measure this alone")
    chosen = parser.parse_args()
    fetch_peers()
    rounds = QUICK if chosen.quick else ROUNDS
    told = f"{machine()}; {rounds} rounds."
    lines = [told, "", "| what | figure | target | met |", "|---|---|---|---|"]
    print("\n".join(lines))
    with room(rounds=rounds) as space:
        for name in chosen.only or [name for name in MEASUREMENTS if name != "engine" or chosen.engine]:
            for row in _rows(name, space):
                lines.append(str(row))
                print(row, flush=True)
    if any("**no**" in line for line in lines):
        print("\nWhere a target is missed, and why the limit lies elsewhere: docs/performance.md")
    if not chosen.quick and not chosen.only:
        text = "\n".join(lines) + "\n"
        PAGE.write_text(_TABLE.sub(lambda _: text, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
