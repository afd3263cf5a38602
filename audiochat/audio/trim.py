"""Taking the silence off both ends of speech, without cutting into it and without a click."""

from __future__ import annotations

import array
import sys
from operator import mul

from audiochat.audio import SAMPLE_RATE

HEAD, TAIL = 0.02, 0.08
"""Seconds that are left before the first sound and behind the last one: a voice rises fast and dies away slowly."""

_WINDOW = 0.01  # seconds
_FADE = 0.005  # seconds
_BELOW_SPEECH = -34.0  # dB: breath and the room; the softest consonants are louder
_QUIETEST = -60.0  # dBFS
_SUSTAINED = 2
"""Windows one after the other that are speech; one alone is a click."""


def trim(pcm: bytes, level: float | None) -> bytes:
    """Take the silence off both ends, and fade what is left in and out within 5 ms.

    Args:
        pcm: Speech: s16le, mono, 24,000 Hz.
        level: How loud it is in LUFS; None where that is not known.

    Returns:
        Samples in the same form; none where all is silence.
    """
    samples = array.array("h", pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    threshold = max(_QUIETEST, (-20.0 if level is None else level) + _BELOW_SPEECH)
    power = 32_768**2 * 10 ** (threshold / 10)
    start = _first_sound(samples, power)
    if start is None:
        return b""
    end = len(samples) - (_first_sound(samples[::-1], power) or 0)
    start, end = max(0, start - round(HEAD * SAMPLE_RATE)), min(len(samples), end + round(TAIL * SAMPLE_RATE))
    return _faded(samples[start:end])


def _first_sound(samples: array.array[int], power: float) -> int | None:
    """The first sample of the first two windows in a row that are loud enough."""
    width = round(_WINDOW * SAMPLE_RATE)
    loud = 0
    for start in range(0, len(samples), width):
        window = samples[start : start + width]
        loud = loud + 1 if sum(map(mul, window, window)) > power * len(window) else 0
        if loud == _SUSTAINED:
            return start - (_SUSTAINED - 1) * width
    return None


def _faded(samples: array.array[int]) -> bytes:
    count = min(round(_FADE * SAMPLE_RATE), len(samples) // 2)
    for index in range(count):
        samples[index] = samples[index] * index // count
        samples[-1 - index] = samples[-1 - index] * index // count
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
