"""Join a long book of synthetic speech, and look at it with other programs: `python benchmarks/audiobook.py FOLDER`.

Needs ffmpeg and ffprobe; mediainfo is asked where it is installed. Exit code 0 if all holds.
"""

from __future__ import annotations

import argparse
import array
import math
import random
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from players import COVER, RATE, decoded, look

from audiochat.audio.chapters import Tags
from audiochat.jobs.narrate.joining import PAUSES, BookFile, Spoken, SpokenChapter, join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from audiochat.jobs.narrate.script import Pause

EXACT = 0.05
"""Seconds by which a mark may miss the first sound of its chapter."""
MEGABYTES = 250
_BETWEEN: tuple[Pause, ...] = ("sentence", "sentence", "sentence", "paragraph", "paragraph", "break")
_SILENCE, _LOUD = 2.3, 300
"""Seconds without a sample as loud as this are the pause before a chapter: longer than any other."""


def pieces(count: int, seed: int = 1) -> list[bytes]:
    """Pieces of 2 to 12 s in the rhythm of syllables, at any level, with any silence around them."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        peak = 32_767 * 10 ** (chance.uniform(-24, -3) / 20)
        samples = array.array("h")
        for index in range(round(chance.uniform(2, 12) * RATE)):
            shape = 0.15 + 0.85 * math.sin(index * math.pi / 5_000) ** 2
            samples.append(int(peak * shape * (0.7 * math.sin(index / 23) + 0.3 * chance.uniform(-1, 1))))
        before, after = (bytes(2 * round(chance.uniform(0, 0.8) * RATE)) for _ in range(2))
        made.append(before + samples.tobytes() + after)
    return made


def chapters(count: int, hours: float, bank: Sequence[bytes]) -> Iterator[SpokenChapter]:
    """A book of so many chapters, of unequal length."""
    chance = random.Random(2)
    each = hours * 3_600 / count
    for number in range(1, count + 1):
        wanted = each * chance.uniform(0.5, 1.5)
        yield SpokenChapter(number, f"{number}. Über den Fluß, 第{number}章", chapter(wanted, bank, chance))


def chapter(seconds: float, bank: Sequence[bytes], chance: random.Random) -> Iterator[Spoken]:
    """The pieces of a chapter; the first is its heading."""
    spoken = 0.0
    pause: Pause = "heading"
    while True:
        sound = chance.choice(bank)
        spoken += len(sound) / 2 / RATE + 0.5
        if spoken >= seconds:
            yield Spoken(sound, "chapter")
            return
        yield Spoken(sound, pause)
        pause = chance.choice(_BETWEEN)


def beginnings(path: Path) -> list[float]:
    """When each chapter's first sound is heard, in what ffmpeg decodes."""
    found, last, position, width = [], -_SILENCE * RATE, 0, 24
    for data in decoded(path):
        samples = array.array("h", data)
        for start in range(0, len(samples), width):
            window = samples[start : start + width]
            if max(window) > _LOUD or min(window) < -_LOUD:
                if position + start - last >= _SILENCE * RATE:
                    found.append((position + start) / RATE)
                last = position + start
        position += len(samples)
    return found


def report(book: BookFile, format_: str, took: float, count: int) -> bool:
    """Print what was found; whether all of it holds."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    size = book.path.stat().st_size / 1e6
    print(
        f"{format_}: {len(book.chapters)} chapters, {book.seconds / 3_600:.2f} h, {size:.0f} MB in {took:.0f} s "
        f"({time.process_time():.0f} s of one core), peak {peak:.0f} MB"
    )
    heard = beginnings(book.path)
    off = [abs(mark.seconds - start) for mark, start in zip(book.chapters, heard, strict=False)]
    print(
        f"marks: {len(heard)} beginnings heard, worst {1_000 * max(off):.1f} ms off, the last {1_000 * off[-1]:.1f} ms"
    )
    found = look(book.path)
    for one in found:
        print(one)
    # mediainfo does not read the chapters of ID3.
    counted = {one.chapters for one in found if one.program != "mediainfo" or format_ == "m4b"}
    right = len(heard) == len(book.chapters) == count and counted == {count} and all(one.cover for one in found)
    return right and max(off) <= EXACT and peak <= MEGABYTES


def main() -> int:
    """Make the books that are asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chapters", type=int, default=300)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--format", default="m4b")
    options = parser.parse_args()
    assert max(PAUSES["break"], PAUSES["heading"]) < _SILENCE < PAUSES["chapter"]
    bank = pieces(24)
    tags = Tags(title="Ein langes Buch", author="A. Autor", narrator="Eine Stimme", language="deu", cover=COVER)
    path = options.folder / f"book.{options.format}"
    started = time.perf_counter()
    book = join(chapters(options.chapters, options.hours, bank), path, options.format, tags)
    return not report(book, options.format, time.perf_counter() - started, options.chapters)


if __name__ == "__main__":
    sys.exit(main())
