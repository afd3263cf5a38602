"""Tell whether a mix to mono cancels itself: one channel is the other upside down, and their sum is silence.

Balanced lines that were wired wrongly record so, and "karaoke" effects. A player's two loudspeakers hide it.
"""

from __future__ import annotations

import array
import sys
from typing import TYPE_CHECKING

from audiochat.audio.resample import frames_to_pcm, mono_converter, packed_converter

if TYPE_CHECKING:
    from av import AudioFrame

    from audiochat.audio.resample import Convert

_DENSE, _SPARSE = 100, 8
"""Each of the first frames is looked at, later one of so many: enough to know, at a few seconds for a day of sound."""

_SAMPLES = 256
"""Of a frame that are looked at."""

_WINDOW = 10
"""Frames that are judged together."""

_CANCELLED = 0.1
"""A mix with less than this part of the power that channels independent of each other would give it has cancelled."""

_TOO_MUCH = 0.2
"""The part of a recording's energy that may cancel before the mix is not worth having."""


class MixMeter:
    """Looks at the frames of a recording, and judges their mix at the end."""

    def __init__(self) -> None:
        self._seen = 0
        self._looked_at = 0
        self._window: list[float] = []
        self._mix = 0.0
        self._total: list[float] = []
        self._cancelled = 0.0
        self._kind: tuple[object, ...] = ()
        self._converters: tuple[Convert, Convert] | None = None

    def show(self, frame: AudioFrame) -> None:
        """Look at the next frame."""
        self._seen += 1
        channels = frame.layout.nb_channels
        if channels > 1 and (self._seen <= _DENSE or self._seen % _SPARSE == 0):
            if len(self._window) != channels:
                self._judge()
            self._add(frame, channels)

    @property
    def cancels(self) -> bool:
        """Whether too much of the recording cannot be heard in its mix."""
        self._judge()
        return self._cancelled > _TOO_MUCH * sum(self._total)

    @property
    def loudest(self) -> int:
        """The channel with the most energy, from 0."""
        self._judge()
        return max(range(len(self._total)), key=self._total.__getitem__, default=0)

    def _add(self, frame: AudioFrame, channels: int) -> None:
        step = max(1, frame.samples // _SAMPLES)
        to_packed, to_mono = self._converters_for(frame)
        packed = _samples(to_packed(frame))
        self._window = self._window or [0.0] * channels
        for channel in range(channels):
            self._window[channel] += _power(packed[channel :: channels * step])
        self._mix += _power(_samples(to_mono(frame))[::step])
        self._looked_at += 1
        if self._looked_at == _WINDOW:
            self._judge()

    def _converters_for(self, frame: AudioFrame) -> tuple[Convert, Convert]:
        """What makes s16 of its channels and of their mix, at its own rate: without a delay from frame to frame."""
        kind = (frame.sample_rate, frame.layout.name, frame.format.name)
        if self._converters is None or kind != self._kind:
            self._kind = kind
            self._converters = packed_converter(frame, frame.sample_rate), mono_converter(frame, frame.sample_rate)
        return self._converters

    def _judge(self) -> None:
        """Judge the window, and begin another."""
        energy = sum(self._window)
        if self._mix < _CANCELLED * energy / max(1, len(self._window)) ** 2:
            self._cancelled += energy
        self._total += [0.0] * (len(self._window) - len(self._total))
        for channel, power in enumerate(self._window):
            self._total[channel] += power
        self._window, self._mix, self._looked_at = [], 0.0, 0


def _samples(frames: list[AudioFrame]) -> array.array[int]:
    samples = array.array("h", b"".join(frames_to_pcm(frames)))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _power(samples: array.array[int]) -> float:
    return float(sum(sample * sample for sample in samples))
