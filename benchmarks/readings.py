"""Find readings that are none: `python benchmarks/readings.py BOOK...`, by default this project's own pages.

A scripted service reads the books. One piece in ten each it puts in other words, ends before the last sentence, reads
without its "not", or answers; the rest it reads truly, spelled as such services spell: numbers in words, other
quotation marks, capitals. First each fault happens once: it must be repaired. Then it happens for good: it must be
listed. Exit code 0 if all faults were found and no true reading was doubted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from num2words import num2words
from scripted_reader import Service

ROOT = Path(__file__).resolve().parent.parent
_NOT = re.compile(r"\b(not|never|no|nothing|nobody|none) ", re.IGNORECASE)
_WORDS = {
    "the": "that", "is": "seems", "are": "seem", "which": "what", "with": "using", "all": "every", "file": "document",
    "for": "towards", "one": "a single", "say": "tell", "says": "tells", "it": "this", "its": "their", "have": "own",
    "has": "owns", "a": "some", "of": "from", "to": "towards", "in": "inside", "and": "as well as",
}  # fmt: skip


def in_other_words(text: str) -> str | None:
    """The same in other words, every third of those that have another."""
    found = [one for one in re.finditer(r"[A-Za-z]+", text) if one[0] in _WORDS]
    for one in reversed(found[::3]):
        text = f"{text[: one.start()]}{_WORDS[one[0]]}{text[one.end() :]}"
    return text if found else None


def without_the_last_sentence(text: str) -> str | None:
    """All but the last sentence; None of a single one."""
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z])", text)
    return " ".join(sentences[:-1]) if len(sentences) > 1 else None


def without_not(text: str) -> str | None:
    """Without its first negation; None where there is none."""
    found = _NOT.search(text)
    return None if found is None else text[: found.start()] + text[found.end() :]


def answered(text: str) -> str | None:
    """What a model says that takes a text for a message."""
    first = " ".join(text.split()[:6])
    return f"Sure! You mention “{first}”. Would you like me to explain it, or to give an example of how it is used?"


FAULTS = {0: in_other_words, 1: without_the_last_sentence, 2: without_not, 3: answered}


def spelled(text: str) -> str:
    """The same words as a service spells them: small numbers in words, quotation marks, capitals, no line breaks."""
    text = re.sub(r"(?<![\w.,:/-])\d{1,2}(?![\w.,:/%-])", lambda found: num2words(int(found[0])), text)
    text = text.replace("“", '"').replace("”", '"').replace("’", "'").replace("–", "-").replace("\n", " ")
    return text[:1].upper() + text[1:]


def fault_of(text: str) -> tuple[str, str] | None:
    """The name of a text's fault and what is read instead; None for a true reading."""
    fault = FAULTS.get(hashlib.blake2b(text.encode()).digest()[0] % 10)
    read = None if fault is None else fault(text)
    return None if fault is None or read is None or read.split() == text.split() else (fault.__name__, read)


def narrate(book: Path, folder: Path, *, for_good: bool) -> tuple[Service, dict[str, Any]]:
    """Have a book narrated; the service, and what the command says of it."""

    def says(text: str, before: int) -> str:
        fault = fault_of(text)
        return spelled(text) if fault is None or (before and not for_good) else fault[1]

    service = Service(0.0, says=says)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "AZURE_"))}
    env |= {"OPENAI_BASE_URL": service.url, "OPENAI_API_KEY": "none"}
    command = [sys.executable, "-m", "audiochat", "narrate", str(book), "-o", str(folder / "a.m4b")]
    command += ["--store", str(folder / f"jobs-{for_good}"), "--provider", "openai", "-j", "8", "--check", "words"]
    ran = subprocess.run([*command, "-q", "--json"], env=env, capture_output=True, check=False)
    return service, {**json.loads(ran.stdout), "code": ran.returncode}


def main() -> int:
    """Count."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/guide/*.md")]
    parser.add_argument("books", nargs="*", type=Path, default=sorted(pages))
    counts: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="readings-") as name:
        for number, book in enumerate(parser.parse_args().books):
            folder = Path(name, str(number))
            folder.mkdir()
            count(book, folder, counts)
    faults = [fault.__name__ for fault in FAULTS.values()]
    for fault in faults:
        told = (f"{counts[fault, what]} {what}" for what in ("faults", "found", "repaired", "listed"))
        print(f"{fault.replace('_', ' ')}: {', '.join(told)}")
    print(f"true readings: {counts['true', 'all']}, {counts['true', 'doubted']} doubted")
    found = all(counts[fault, "faults"] == counts[fault, what] for fault in faults for what in ("found", "listed"))
    return 0 if found and not counts["true", "doubted"] else 1


def count(book: Path, folder: Path, counts: Counter[tuple[str, str]]) -> None:
    """Count the faults of a book, and what became of them."""
    once, told_once = narrate(book, folder, for_good=False)
    _, told = narrate(book, folder, for_good=True)
    pieces = {"once": told_once["fidelity"]["pieces"], "good": told["fidelity"]["pieces"]}
    listed = {run: {one["written"] for one in found} for run, found in pieces.items()}
    for text, asked in once.asked.items():
        fault = fault_of(text)
        if fault is None:
            counts["true", "all"] += 1
            doubted = len(asked) > 1 or text in listed["once"] | listed["good"]
            counts["true", "doubted"] += doubted
            if doubted:
                print(f"doubted: {text!r}, read as {spelled(text)!r}")
            continue
        counts[fault[0], "faults"] += 1
        counts[fault[0], "found"] += len(asked) > 1
        counts[fault[0], "repaired"] += len(asked) > 1 and text not in listed["once"]
        counts[fault[0], "listed"] += text in listed["good"]
        if len(asked) == 1 or text not in listed["good"]:
            print(f"missed ({fault[0]}): {text!r}, read as {fault[1]!r}")


if __name__ == "__main__":
    sys.exit(main())
