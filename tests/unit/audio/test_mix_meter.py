"""Whether a mix to mono cancels itself: judged over a whole recording."""

from __future__ import annotations

import array
import io
import random

import pytest
from support import odd_recordings as odd
from support.corpus import RATE, tone

from audiochat.audio.decoder import decode
from audiochat.audio.mix_meter import MixMeter


def measured(*channels: bytes) -> MixMeter:
    """A meter that has seen all of a recording."""
    meter = MixMeter()
    assert sum(map(len, decode(io.BytesIO(odd.wav_of(*channels)), name="x", meter=meter)))
    return meter


def noise(seconds: float, seed: int) -> bytes:
    """Noise, each seed's independent of the others'."""
    rnd = random.Random(seed)
    return array.array("h", (round(rnd.gauss(0, 3000)) for _ in range(round(seconds * RATE)))).tobytes()


def mixed(*parts: tuple[bytes, float]) -> bytes:
    """A sum of sounds, each times its factor."""
    sounds = [[sample * factor for sample in array.array("h", pcm)] for pcm, factor in parts]
    return array.array("h", map(round, map(sum, zip(*sounds, strict=True)))).tobytes()


SILENCE = bytes(2 * 2 * RATE)
TONE = tone(2)


@pytest.mark.parametrize(
    "channels",
    [
        (TONE,),
        (TONE, TONE),
        (TONE, SILENCE),
        (SILENCE, SILENCE),
        (noise(2, 1), noise(2, 2)),
        (TONE, noise(2, 1)),
        (TONE, mixed((TONE, -0.3))),
        (noise(2, 1), mixed((noise(2, 1), -0.5), (noise(2, 2), 0.8))),
        (TONE, SILENCE, SILENCE, SILENCE, SILENCE),
        tuple(noise(2, seed) for seed in range(12)),
    ],
    ids=[
        "mono",
        "the same twice",
        "one silent",
        "all silent",
        "independent",
        "two people",
        "weakly upside down",
        "wide stereo",
        "one of five",
        "twelve",
    ],
)
def test_what_can_be_heard_in_the_mix_does_not_cancel(channels: tuple[bytes, ...]) -> None:
    """Ordinary recordings are mixed, also wide ones and those with silent channels."""
    assert not measured(*channels).cancels


@pytest.mark.parametrize(
    ("channels", "loudest"),
    [
        ((TONE, odd.upside_down(TONE)), None),
        ((mixed((TONE, 0.9)), odd.upside_down(TONE)), 1),
        ((TONE, mixed((TONE, -0.95), (noise(2, 1), 0.1))), 0),
        ((TONE + noise(2, 1), odd.upside_down(TONE) + noise(2, 2)), None),
        ((TONE + SILENCE * 3, odd.upside_down(TONE) + SILENCE * 3), None),
    ],
    ids=["upside down", "and quieter", "and noisy", "half of the time", "among silence"],
)
def test_a_mix_that_cancels_is_found(channels: tuple[bytes, ...], loudest: int | None) -> None:
    """Exactly or nearly, all of the time or half of it; the loudest channel is named."""
    meter = measured(*channels)
    assert meter.cancels
    assert loudest in (None, meter.loudest)


def test_a_recording_without_sound_has_a_first_channel() -> None:
    """Nothing was seen: nothing cancels."""
    meter = MixMeter()
    assert (meter.cancels, meter.loudest) == (False, 0)
