"""Sound in the rhythm of speech, as loud as a test wants it."""

from __future__ import annotations

import array
import math
import random


def amplified(pcm: bytes, decibels: float) -> bytes:
    """The same sound, louder or softer."""
    factor = 10 ** (decibels / 20)
    return array.array("h", (round(factor * sample) for sample in array.array("h", pcm))).tobytes()


def like_speech(seconds: float, decibels: float = -12.0, *, seed: int = 1) -> bytes:
    """Noise and a tone in syllables, a quarter of a second each."""
    chance = random.Random(seed)
    peak = 32_767 * 10 ** (decibels / 20)
    samples = array.array("h")
    for index in range(round(seconds * 24_000)):
        shape = math.sin(index * math.pi / 6_000) ** 2
        samples.append(int(peak * shape * (0.7 * math.sin(index / 20) + 0.3 * chance.uniform(-1, 1))))
    return samples.tobytes()
