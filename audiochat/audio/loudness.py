"""How loud speech is for a listener (EBU R128), and how it is brought to another loudness without clipping.

FFmpeg's own `loudnorm` is not used: it works at 192,000 Hz, which takes an hour for a long book, rides the gain within
a sentence, and tells its measurements only in a log that all threads share. What is here is its linear way.
"""

from __future__ import annotations

import array
import math
from operator import mul
from typing import TYPE_CHECKING

from audiochat.audio import SAMPLE_RATE
from audiochat.audio.resample import pulled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from av import AudioFrame

AUDIOBOOK = -19.0
"""LUFS of an audiobook in mono: as loud as -16 in stereo, which is usual for speech, and within what shops accept
(ACX: -23 to -18 dB RMS)."""

PEAK = -3.5
"""dBFS that no sample exceeds: half a decibel below what ACX accepts, because lossy formats overshoot."""

_STEP = 0.1  # seconds; four of them are a block. Source: ITU-R BS.1770-5, annex 1
_STEPS = 4
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
_OFFSET = -0.691


def loudness(pcm: bytes, sample_rate: int = SAMPLE_RATE) -> float | None:
    """The integrated loudness of s16le mono samples, in LUFS; None where it is silence, or shorter than 0.4 s."""
    if len(pcm) < 2 * sample_rate * _STEP * _STEPS:
        return None
    return integrated(list(_step_powers(pcm, sample_rate)))


def integrated(powers: Sequence[float]) -> float | None:
    """The integrated loudness of consecutive steps of 0.1 s, of each of which the weighted mean square is given."""
    blocks = [sum(powers[start : start + _STEPS]) / _STEPS for start in range(len(powers) - _STEPS + 1)]
    loud = [power for power in blocks if _lufs(power) > _ABSOLUTE_GATE]
    if not loud:
        return None
    gate = _lufs(sum(loud) / len(loud)) + _RELATIVE_GATE
    louder = [power for power in loud if _lufs(power) > gate]
    return _lufs(sum(louder) / len(louder))


def _lufs(power: float) -> float:
    return _OFFSET + 10 * math.log10(power) if power > 0 else -math.inf


def _step_powers(pcm: bytes, sample_rate: int) -> Iterator[float]:
    """The mean square of each whole step, weighted as ears weight it."""
    import av

    graph = av.filter.Graph()
    nodes = [graph.add_abuffer(sample_rate=sample_rate, format="s16", layout="mono")]
    nodes += [graph.add("aformat", "sample_fmts=dbl"), *(graph.add("biquad", one) for one in _weighting(sample_rate))]
    nodes.append(graph.add("abuffersink"))
    graph.link_nodes(*nodes).configure()
    graph.push(frame_of(pcm, sample_rate=sample_rate))
    graph.push(None)
    step = round(_STEP * sample_rate)
    samples = array.array("d")
    for frame in pulled(graph):
        samples.frombytes(bytes(frame.planes[0])[: 8 * frame.samples])
        start = 0
        while start + step <= len(samples):
            block = samples[start : start + step]
            yield sum(map(mul, block, block)) / step
            start += step
        del samples[:start]


def _weighting(rate: int) -> tuple[str, str]:
    """BS.1770's two filters for a sample rate, made of their analogue models as libebur128 does."""
    gain, quality, tangent = 3.999843853973347, 0.7071752369554196, math.tan(math.pi * 1681.974450955533 / rate)
    high = 10 ** (gain / 20)
    middle = high**0.4996667741545416
    scale = 1 + tangent / quality + tangent**2
    shelf = (
        (high + middle * tangent / quality + tangent**2) / scale,
        2 * (tangent**2 - high) / scale,
        (high - middle * tangent / quality + tangent**2) / scale,
        2 * (tangent**2 - 1) / scale,
        (1 - tangent / quality + tangent**2) / scale,
    )
    quality, tangent = 0.5003270373238773, math.tan(math.pi * 38.13547087602444 / rate)
    scale = 1 + tangent / quality + tangent**2
    high_pass = (1.0, -2.0, 1.0, 2 * (tangent**2 - 1) / scale, (1 - tangent / quality + tangent**2) / scale)
    names = ("b0", "b1", "b2", "a1", "a2")
    shelf_told, pass_told = (
        ":".join(f"{name}={value!r}" for name, value in zip(names, one, strict=True)) for one in (shelf, high_pass)
    )
    return f"a0=1:{shelf_told}", f"a0=1:{pass_told}"


def frame_of(pcm: bytes, *, sample_rate: int = SAMPLE_RATE, start: int = 0) -> AudioFrame:
    """A frame of s16le mono samples, the first of which is number `start`."""
    from fractions import Fraction

    import av

    frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
    frame.planes[0].update(pcm.ljust(frame.planes[0].buffer_size, b"\0"))
    frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
    return frame


class Limiter:
    """Keeps the peaks of a stream of s16le mono samples at 24,000 Hz below `PEAK`, before which they may be amplified.

    As many samples come out as went in.
    """

    def __init__(self) -> None:
        import av

        self._graph = av.filter.Graph()
        limit = 10 ** (PEAK / 20)
        self._volume = self._graph.add("volume", "volume=0dB:precision=float")
        nodes = (
            self._graph.add_abuffer(sample_rate=SAMPLE_RATE, format="s16", layout="mono"),
            self._graph.add("aformat", "sample_fmts=flt"),
            self._volume,
            self._graph.add("alimiter", f"limit={limit!r}:attack=5:release=80:level=false:latency=true"),
            self._graph.add("aformat", "sample_fmts=s16"),
            self._graph.add("abuffersink"),
        )
        self._graph.link_nodes(*nodes).configure()
        self._gain = 0.0
        self._samples = 0

    def limit(self, pcm: bytes, *, gain: float = 0.0) -> Iterator[bytes]:
        """Take samples, to be amplified by `gain` in dB; give what is ready."""
        if not pcm:
            return
        if gain != self._gain:
            self._volume.process_command("volume", f"{gain:.3f}dB")
            self._gain = gain
        self._graph.push(frame_of(pcm, start=self._samples))
        self._samples += len(pcm) // 2
        yield from self._ready()

    def finish(self) -> Iterator[bytes]:
        """Give the rest."""
        if self._samples:
            self._graph.push(None)
            yield from self._ready()

    def _ready(self) -> Iterator[bytes]:
        for frame in pulled(self._graph):
            yield bytes(frame.planes[0])[: 2 * frame.samples]
