"""Silence at the ends of speech."""

from __future__ import annotations

import array
import itertools

import pytest
from support.corpus import tone
from support.speechlike import amplified, like_speech

from audiochat.audio.loudness import loudness
from audiochat.audio.trim import HEAD, TAIL, trim

SPEECH = tone(1.0)


def room(seconds: float, decibels: float) -> bytes:
    """The noise of a room."""
    return amplified(like_speech(seconds, 0.0, seed=2), decibels)


@pytest.mark.parametrize("before", [0.0, 0.01, 0.4, 3.0])
@pytest.mark.parametrize("after", [0.0, 0.05, 2.0])
@pytest.mark.parametrize("noise", [-200.0, -58.0])
def test_what_is_left_around_speech_is_short(before: float, after: float, noise: float) -> None:
    """Silence, and the noise of a room, are cut to the same few hundredths of a second; the speech is all there."""
    pcm = room(before, noise) + SPEECH + room(after, noise)
    left = trim(pcm, loudness(pcm))
    expected = min(before, HEAD) + 1.0 + min(after, TAIL)
    assert len(left) / 48_000 == pytest.approx(expected, abs=0.025)


def test_the_ends_do_not_click() -> None:
    """A sound that begins at its loudest rises within 5 ms, and so it ends."""
    samples = array.array("h", trim(array.array("h", [20_000] * 24_000).tobytes(), -10.0))
    assert samples[0] == samples[-1] == 0
    steps = [abs(one - other) for one, other in itertools.pairwise(samples)]
    assert max(steps) < 200


def test_a_click_before_speech_is_not_speech() -> None:
    """One loud sample in the silence before is cut off with it."""
    click = array.array("h", [0] * 24_000)
    click[5_000] = 20_000
    assert len(trim(click.tobytes() + SPEECH, -15.0)) / 48_000 == pytest.approx(1.0 + HEAD, abs=0.02)


def test_pauses_within_speech_stay() -> None:
    """The ends alone are trimmed."""
    pcm = SPEECH + bytes(48_000) + SPEECH
    assert len(trim(pcm, loudness(pcm))) == len(pcm)


@pytest.mark.parametrize("pcm", [b"", b"\1", bytes(48_000), room(1.0, -75.0)])
def test_of_silence_nothing_is_left(pcm: bytes) -> None:
    """Nor of noise that no one hears."""
    assert trim(pcm, loudness(pcm)) == b""


def test_whispered_speech_is_kept() -> None:
    """What is speech goes by the piece's own loudness."""
    pcm = bytes(9_600) + amplified(SPEECH, -25.0) + bytes(9_600)
    assert len(trim(pcm, loudness(pcm))) / 48_000 == pytest.approx(1.0 + HEAD + TAIL, abs=0.02)
