"""Draws how cost grows: time and memory against the length of recordings, deltas, turns and pieces.

python benchmarks/growth.py              all drawings, and the table of docs/performance.md
python benchmarks/growth.py --only turns     one drawing alone
"""

from __future__ import annotations

import argparse
import functools
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import AUDIOCHAT, ROOT, Room, Sample, apart, in_turns, room, run, spread, write_recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MEGABYTE = 1_000_000
DOCS = ROOT / "docs"
PAGE = DOCS / "performance.md"
ROUNDS = 3
LEAST = 0.2
"""What must be added to the fixed cost, as a share of it, for a point to tell how fast the cost grows."""
_TABLE = re.compile(r"(?<=<!-- growth -->\n).*(?=<!-- /growth -->)", re.DOTALL)
_TWENTIETH = 2_400
"""Bytes of sound in a twentieth of a second."""
_STREAM = [AUDIOCHAT, "speak", "Tell me about rain.", "-o", "-", "-f", "pcm16"]


@dataclass(frozen=True)
class Law:
    """How something grows: `fixed + each * amount`, if `exponent` is about 1."""

    fixed: float
    """The cost of the smallest amount."""
    exponent: float | None
    """Of the cost beyond that; None where there is none to speak of."""
    each: float
    """The cost of one more, from the smallest amount to the largest."""


@dataclass(frozen=True)
class Axis:
    """Something that grows."""

    name: str
    label: str
    """Of the axis, with its unit."""
    amounts: tuple[float, ...]
    contestant: Callable[[Room, float], Callable[[], Sample]]


def _analyze(space: Room, megabytes: float) -> Callable[[], Sample]:
    size = int(megabytes * MEGABYTE) // 2 * 2
    name = f"{size}.wav"
    apart(write_recording, name, size)
    return functools.partial(run, [AUDIOCHAT, "analyze", name, "-o", "answer.wav"], space.azure(f"sound-{size}"))


def _deltas(space: Room, count: float) -> Callable[[], Sample]:
    return functools.partial(run, _STREAM, space.azure(f"deltas-{count:.0f}-{_TWENTIETH}-0"))


def _turns(space: Room, count: float) -> Callable[[], Sample]:
    turns = [argument for number in range(int(count)) for argument in ("-t", f"Question {number}: how do dogs sleep?")]

    def conversed() -> Sample:
        sample = run([AUDIOCHAT, "converse", *turns], space.azure("sound-48044"))
        shutil.rmtree(space.folder / "home")  # with the sessions, which all later ones would look at
        for file in Path().glob("turn-*.wav"):
            file.unlink()
        return sample

    return conversed


def _pieces(space: Room, count: float) -> Callable[[], Sample]:
    size = 5 * MEGABYTE // int(count) // 2 * 2
    return functools.partial(run, _STREAM, space.azure(f"deltas-{count:.0f}-{size}-0"))


AXES = (
    Axis("length", "recording in, answer out: MB each", (0.048, 0.1, 0.3, 1, 3, 10, 20), _analyze),
    Axis("deltas", "deltas of 0.05 s in a stream", (10, 100, 1000, 10_000, 100_000), _deltas),
    Axis("turns", "turns of a conversation", (1, 2, 5, 10, 20, 50, 100, 200), _turns),
    Axis("pieces", "pieces of a streamed answer of 5 MB", (1, 10, 100, 1000, 10_000), _pieces),
)


def measure(axis: Axis, space: Room) -> Mapping[str, Sequence[float]]:
    """Seconds and megabytes for each amount."""
    contestants = {str(amount): axis.contestant(space, amount) for amount in axis.amounts}
    taken = in_turns(contestants, space.rounds).values()
    return {
        "seconds": [spread(samples).median for samples in taken],
        "MB": [spread(samples, "peak", 1 / MEGABYTE).median for samples in taken],
    }


def law(amounts: Sequence[float], costs: Sequence[float]) -> Law:
    """The law that the costs follow: the slope of what comes on top of the fixed cost, both logarithmic."""
    import numpy as np

    fixed = costs[0]
    each = (costs[-1] - fixed) / (amounts[-1] - amounts[0])
    grown = [
        (amount - amounts[0], cost - fixed)
        for amount, cost in zip(amounts, costs, strict=True)
        if cost - fixed > LEAST * fixed
    ]
    if len(grown) < 2:
        return Law(fixed, None, each)
    x, y = np.log([amount for amount, _ in grown]), np.log([cost for _, cost in grown])
    return Law(fixed, float(np.polyfit(x, y, 1)[0]), each)


def draw(axis: Axis, costs: Mapping[str, Sequence[float]]) -> None:
    """Draw time and memory side by side, with what they would be if each unit cost the same."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    mpl.rcParams.update(
        {"svg.fonttype": "none", "svg.hashsalt": "audiochat", "font.family": "sans-serif", "font.size": 10}
    )
    figure, panels = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    for panel, (unit, values), color in zip(panels, costs.items(), ("#1f5fa8", "#a8481f"), strict=True):
        found = law(axis.amounts, values)
        dense = [axis.amounts[0] * (axis.amounts[-1] / axis.amounts[0]) ** (step / 100) for step in range(101)]
        straight = [found.fixed + found.each * (amount - axis.amounts[0]) for amount in dense]
        panel.plot(
            dense, straight, color="#999999", linewidth=1, linestyle="--", label="fixed cost + the same for each"
        )
        panel.plot(axis.amounts, values, "o-", color=color, linewidth=1.5, markersize=4, label="measured")
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_ylim(min(values) / 2, max(*values, min(values) * 5) * 2)
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter("{x:g}")
        panel.xaxis.set_major_formatter("{x:,g}")
        panel.set_xlabel(axis.label)
        panel.set_ylabel({"seconds": "time, seconds", "MB": "peak memory, MB"}[unit])
        panel.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False, loc="upper left", fontsize=8)
    figure.savefig(DOCS / f"growth-{axis.name}.svg", metadata={"Date": None})
    plt.close(figure)


def rows(axis: Axis, costs: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """The rows of the table."""
    for unit, values in costs.items():
        found = law(axis.amounts, values)
        power = "does not grow" if found.exponent is None else f"{found.exponent:.2f}"
        yield f"| {axis.label} | {unit} | {values[0]:.3g} | {values[-1]:.3g} | {found.each:.3g} | {power} |"


def main() -> None:
    """Measure all, then draw: the library that draws is large, and would be inherited by what is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=[axis.name for axis in AXES], help="this alone")
    chosen = parser.parse_args().only
    axes = [axis for axis in AXES if not chosen or axis.name in chosen]
    with room(rounds=ROUNDS) as space:
        measured = [(axis, measure(axis, space)) for axis in axes]
    lines = ["| what grows | in | at the least | at the most | each more | exponent |", "|---|---|---|---|---|---|"]
    for axis, costs in measured:
        draw(axis, costs)
        lines += rows(axis, costs)
    print("\n".join(lines))
    if not chosen:
        text = "\n".join(lines) + "\n"
        PAGE.write_text(_TABLE.sub(lambda _: text, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
