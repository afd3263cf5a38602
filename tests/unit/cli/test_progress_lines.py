"""Progress on a pipe: a line every ten seconds, with what is done and how long it will take."""

from __future__ import annotations

import pytest

from audiochat.cli.progress_lines import ProgressLines, TimeLeft, amount, clock_time, duration


def test_a_line_every_ten_seconds() -> None:
    """How far, what else is told, and the time that is left at the rate of this run, not of an earlier one."""
    now, said = [0.0], list[str]()
    lines = ProgressLines("Transcribing", 3600.0, "seconds", say=said.append, clock=lambda: now[0])
    for second in range(25):
        now[0] = float(second)
        lines.update(1800.0 + second, f"{second} pieces")
    assert said == [
        "Transcribing: 30:10 of 1:00:00, 10 pieces, about 29 min left",
        "Transcribing: 30:20 of 1:00:00, 20 pieces, about 29 min left",
    ]


def test_the_time_left_is_told_when_enough_is_known() -> None:
    """Neither two pieces nor an earlier run tell the pace; between two pieces it counts down, and then waits."""
    left = TimeLeft(2000.0)
    assert [left.told(0.0, 1000.0), left.told(10.0, 1001.0), left.told(40.0, 1020.0)] == ["", "", ""]
    assert left.told(60.0, 1060.0) == "about 15 min left"  # 940 at 1 a second
    assert left.told(70.0, 1060.0) == "about 15 min left"
    assert left.told(80.0, 1060.0) == left.told(9000.0, 1060.0) == "about 15 min left"


def test_many_pieces_are_enough_whatever_part_they_are() -> None:
    """Of ten thousand pieces, nobody waits for the five-hundredth."""
    left = TimeLeft(10_000.0)
    told = [left.told(float(second), float(second)) for second in range(12)]
    assert [bool(one) for one in told] == [False] * 10 + [True] * 2
    assert told[-1] == "about 2 h 46 min left"


def test_without_a_total_there_is_no_time_left() -> None:
    """What is done is told alone."""
    now, said = [0.0], list[str]()
    lines = ProgressLines("Narrating", None, "pieces", say=said.append, clock=lambda: now[0])
    now[0] = 11.0
    lines.update(4)
    assert said == ["Narrating: 4"]


@pytest.mark.parametrize(
    ("seconds", "told", "lasts"),
    [(0, "0:00", "0 s"), (61.9, "1:01", "1 min"), (3599, "59:59", "59 min"), (3670, "1:01:10", "1 h 1 min")],
)
def test_times_are_told_as_players_do(seconds: float, told: str, lasts: str) -> None:
    """Hours only where there are some."""
    assert (clock_time(seconds), duration(seconds)) == (told, lasts)


def test_amounts_have_their_unit() -> None:
    """The total alone once it is reached."""
    assert amount(1e6, 58e6, "bytes") == "58 MB"
    assert (amount(4, 17, "pieces"), amount(17, 17, "pieces")) == ("4 of 17", "17")
