"""Counts what tests tried, for the table of docs/reliability.md: `make reliability` prints it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

PROPERTY = "tried"


def rows(reports: Iterable[pytest.TestReport]) -> list[str]:
    """The table: what was tried, how often, and how often the promise was broken."""
    tried: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for report in reports:
        for name, value in report.user_properties:
            if name == PROPERTY:
                assert isinstance(value, tuple | list)  # as it comes back from a worker of xdist
                tried[value[0]] += value[1]
                broken[value[0]] += value[1] if report.failed else 0
    width = max(map(len, tried), default=0)
    lines = [f"| {what:{width}} | {tried[what]:>6,} | {broken[what]:>6,} |" for what in sorted(tried)]
    return [f"| {'tried':{width}} |  times | broken |", f"|{'-' * (width + 2)}|-------:|-------:|", *lines]
