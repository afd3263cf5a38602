"""What a sound without words is: silence, tones or noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Sound: TypeAlias = Literal["silence", "tones", "noise"]

NO_LOUDNESS = -120.0
"""Stands for the loudness of digital silence, which has none, in dBFS."""

_SILENT = -60.0
"""dBFS below which nobody hears anything."""
_TONAL = 0.05
"""Spectral flatness below which a sound is made of tones; noise has 0.3 and more, music a hundredth."""
_WINDOW = 2048


def loudness(samples: NDArray[np.floating[Any]]) -> float:
    """The root mean square of samples from -1 to 1, in dBFS."""
    import numpy as np

    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return 10 * math.log10(power) if power > 0 else NO_LOUDNESS


def kind_of(samples: NDArray[np.floating[Any]]) -> Sound:
    """What samples without speech are, by their loudness and the flatness of their spectrum."""
    import numpy as np

    if loudness(samples) < _SILENT:
        return "silence"
    frames = samples[: len(samples) // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
    if not len(frames):
        return "noise"
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1))[:, 4:] ** 2 + 1e-12
    loud = power[power.sum(axis=1) > 1e-3 * power.sum(axis=1).max()]
    flatness = np.exp(np.log(loud).mean(axis=1)) / loud.mean(axis=1)
    return "tones" if float(np.median(flatness)) < _TONAL else "noise"
