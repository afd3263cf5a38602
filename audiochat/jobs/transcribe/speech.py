"""Find the speech in a recording: by the recogniser's voice detector, or by loudness."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING, Any

from audiochat.jobs.ears import RATE

if TYPE_CHECKING:
    import array
    from collections.abc import Sequence

    from audiochat.jobs.transcribe.sound import Sound
    from audiochat.jobs.without_silence import Stretch

STEP = 512 / RATE
"""Seconds between two looks: what the detector of voices takes at once."""

_PAD, _SHORTEST_PAUSE, _SHORTEST_SOUND = 0.1, 0.25, 0.06
"""Seconds: kept around speech; a pause that separates; a sound that is more than a click."""

_VOICE, _STILL_VOICE = 0.4, 0.25
"""How likely a voice has to be for speech to begin, and to go on. Losing a word is worse than asking about a noise."""
_BELIEVED = 0.1
"""The part of what sounds in which the detector has to find a voice to be believed."""
_BLOCK = 1_000 * 512
"""Samples that the detector is given at once: half a minute takes 30 MB, five minutes 280, in the same time."""
_LEAD = 64 * 512
"""Samples before each block that it hears again, so that it knows what went before."""

_ABOVE_FLOOR = 8.0
"""dB by which speech is louder than the quietest moments around it."""
_LOUD, _QUIET = -42.0, -66.0
"""dBFS: whatever is louder may be speech, however loud the room; whatever is quieter is none."""
_AROUND = round(10 / STEP)
"""Looks before and after that count for the floor."""
_FLOOR = 0.1
"""The part of the looks around that are at most as loud as the floor."""
_SKIPPED = 4
"""Of so many samples one is measured: enough for loudness."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Finds the stretches of speech in a recording."""

    speech: tuple[Stretch, ...]
    """Rising, apart, within the recording."""
    scores: Sequence[float]
    """For each `STEP`: the higher, the likelier that it is speech."""
    seconds: float

    def quietest(self, start: float, end: float) -> float:
        """The moment between two others at which it is least likely that a word is cut."""
        first, last = max(0, math.ceil(start / STEP)), min(len(self.scores), int(end / STEP))
        if first >= last:
            return end
        # A pause is wider than one look: the neighbours count.
        around = range(first, last)
        best = min(
            around, key=lambda i: sum(self.scores[max(0, i - 2) : i + 3]) / len(self.scores[max(0, i - 2) : i + 3])
        )
        return (best + 0.5) * STEP


def find_speech(sound: Sound, *, detector: object | None = None) -> Activity:
    """Find the stretches of speech.

    Args:
        sound: The recording.
        detector: See `ears.voice_detector`; None judges by loudness.
    """
    loud = _by_loudness(sound)
    if detector is not None:
        voices = _by_voice(sound, detector)
        # Where it knows next to nothing for a voice (a whisper, a vocoder, a bad line), whatever sounds is asked about.
        if _length(voices.speech) >= _BELIEVED * _length(loud.speech):
            return voices
    return loud


def _length(speech: Sequence[Stretch]) -> float:
    return sum(end - start for start, end in speech)


def _by_voice(sound: Sound, detector: object) -> Activity:
    import numpy as np

    scores: list[float] = []
    before: Any = np.zeros(0, dtype=np.float32)
    for block in sound.blocks(_BLOCK):
        samples = np.frombuffer(block, dtype=np.int16).astype(np.float32) / 32_768
        padded = np.concatenate([before, samples, np.zeros(-len(samples) % 512, dtype=np.float32)])
        found = detector(padded)  # type: ignore[operator] # ships no types
        scores += [float(score) for score in found.reshape(-1)[len(before) // 512 :]]
        before = samples[-_LEAD:] if len(samples) >= _LEAD else np.zeros(0, dtype=np.float32)
    speaks, now = [], False
    for score in scores:
        now = score >= (_STILL_VOICE if now else _VOICE)
        speaks.append(now)
    return Activity(_stretches(speaks, sound.seconds), scores, sound.seconds)


def _by_loudness(sound: Sound) -> Activity:
    levels = [_level(block) for block in sound.blocks(512)]
    floors = _moving_floor(levels)
    speaks = [
        level > _QUIET and level > min(floor + _ABOVE_FLOOR, _LOUD) for level, floor in zip(levels, floors, strict=True)
    ]
    return Activity(_stretches(speaks, sound.seconds), levels, sound.seconds)


def _level(samples: array.array[int]) -> float:
    """Loudness in dBFS; a constant offset, which cheap microphones have, does not count."""
    few = samples[::_SKIPPED]
    mean = sum(few) / len(few)
    power = sum(map(mul, few, few)) / len(few) - mean * mean
    return 10 * math.log10(power / 32_768**2) if power > 1 else -96.0


def _moving_floor(levels: Sequence[float]) -> list[float]:
    """For each look, how loud the quietest moments around it are."""
    floors: list[float] = []
    window = sorted(levels[:_AROUND])
    for i in range(len(levels)):
        if i + _AROUND < len(levels):
            insort(window, levels[i + _AROUND])
        if i - _AROUND > 0:
            del window[bisect_left(window, levels[i - _AROUND - 1])]
        floors.append(window[int(len(window) * _FLOOR)])
    return floors


def _stretches(speaks: Sequence[bool], seconds: float) -> tuple[Stretch, ...]:
    """Looks as stretches: clicks left out, short pauses closed, a little kept around each."""
    found: list[Stretch] = []
    start: int | None = None
    for i, now in enumerate([*speaks, False]):
        if now and start is None:
            start = i
        elif not now and start is not None:
            if (i - start) * STEP >= _SHORTEST_SOUND:
                found.append((start * STEP, i * STEP))
            start = None
    joined: list[Stretch] = []
    for begin, end in found:
        if joined and begin - joined[-1][1] < _SHORTEST_PAUSE:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((begin, end))
    return tuple((max(0.0, begin - _PAD), min(seconds, end + _PAD)) for begin, end in joined if begin < seconds)


def within(speech: Sequence[Stretch], start: float, end: float) -> tuple[Stretch, ...]:
    """The stretches between two moments, counted from the first of them."""
    first = bisect_right([one[1] for one in speech], start)
    found: list[Stretch] = []
    for begin, stop in speech[first:]:
        if begin >= end:
            break
        found.append((max(begin, start) - start, min(stop, end) - start))
    return tuple(found)
