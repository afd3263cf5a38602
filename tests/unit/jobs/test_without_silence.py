"""A recording without its silences: what is kept, and the times of words in the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiochat.jobs.without_silence import PAD, Times, clipped, joined, parts_with_speech

SPEECH = [(1.0, 4.0), (4.5, 6.0), (20.0, 24.0)]
PARTS = [(1 - PAD, 6 + PAD), (20 - PAD, 24 + PAD)]


def test_short_pauses_stay_and_long_ones_go() -> None:
    """A little is kept around speech; without stretches of speech everything is."""
    assert parts_with_speech(SPEECH, 30.0) == PARTS
    assert parts_with_speech([(0.1, 29.9)], 30.0) == [(0.0, 30.0)]
    assert parts_with_speech(None, 30.0) == [(0.0, 30.0)]
    assert parts_with_speech([], 30.0) == []


def test_the_samples_of_what_is_kept() -> None:
    """One part after the other."""
    samples = np.arange(300)
    assert list(joined(samples, [(0.1, 0.2), (1.0, 1.1)], 100)) == [*range(10, 20), *range(100, 110)]
    assert clipped(PARTS, 5.0, 21.0) == [(5.0, 6 + PAD), (20 - PAD, 21.0)]


@pytest.mark.parametrize(
    ("word", "original"),
    [
        pytest.param((0.2, 0.6), (1.0, 1.4), id="in the first part"),
        pytest.param((5.8, 6.2), (20.2, 20.6), id="in the second"),
        pytest.param((5.1, 5.9), (19.8, 20.3), id="begun where the word before the music ended"),
        pytest.param((4.6, 5.5), (5.4, 6.2), id="that lasts into the silence"),
    ],
)
def test_a_word_is_where_it_is_said(word: tuple[float, float], original: tuple[float, float]) -> None:
    """The first part lasts 5.4 s. A word of two parts is in the one in whose speech most of it lies."""
    assert Times(PARTS).original(*word) == pytest.approx(original)


@given(st.floats(0, 9.7), st.floats(0, 1))
def test_times_lie_in_what_was_heard(start: float, lasts: float) -> None:
    """Whatever the recogniser tells: both ends lie in the same part, in their order."""
    left, right = Times(PARTS).original(start, start + lasts)
    assert left <= right
    assert any(first <= left and right <= last for first, last in PARTS)
