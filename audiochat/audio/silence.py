"""Measure loudness, and notice when a speaker has stopped."""

from __future__ import annotations

import array
import math
import sys

from audiochat.audio import PCM_BYTES_PER_SECOND

SILENCE = -96.0
"""dBFS of the smallest step of 16 bits; stands for digital silence, too."""

_ABOVE_NOISE = 10.0  # dB that speech is louder than the room
_QUIETEST_SPEECH = -50.0  # dBFS
_LOUDEST_ROOM, _USUAL_ROOM = -35.0, -60.0  # dBFS
_SPOKEN = 0.2  # seconds that are speech, not a click
_RISE = 1.5  # dB a second by which the estimate of the room follows upwards


def level(pcm: bytes) -> float:
    """The loudness of s16le samples: root mean square, in dBFS."""
    samples = array.array("h", pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    if not samples:
        return SILENCE
    power = sum(sample * sample for sample in samples) / len(samples) / 32_768**2
    return max(SILENCE, 10 * math.log10(power)) if power else SILENCE


class EndOfSpeech:
    """Listens for the pause after speech; the room may be noisy."""

    def __init__(self, *, pause: float = 1.5) -> None:
        self._pause = pause
        self._room: float | None = None
        self._spoken = 0.0
        self._quiet = 0.0

    def hears(self, pcm: bytes) -> bool:
        """Take the next few milliseconds (s16le, mono, 24,000 Hz); whether the pause is over."""
        seconds = len(pcm) / PCM_BYTES_PER_SECOND
        loudness = level(pcm)
        if self._room is None:  # speech from the first moment is not taken for the room
            self._room = loudness if loudness < _LOUDEST_ROOM else _USUAL_ROOM
        self._room = min(loudness, self._room + _RISE * seconds)
        if loudness > max(self._room + _ABOVE_NOISE, _QUIETEST_SPEECH):
            self._spoken += seconds
            self._quiet = 0.0
        else:
            self._quiet += seconds
        return self._spoken >= _SPOKEN and self._quiet >= self._pause
