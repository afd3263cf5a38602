"""Recordings in which each word is a tone: the sound alone of any part tells which words are in it."""

from __future__ import annotations

import array
import base64
import math
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from audiochat.audio import wav

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from support.service import Received

RATE = 16_000
WORD, BETWEEN = 0.26, 0.06
"""Seconds of a word, and of the moment after it."""
_LOWEST, _STEP = 300, 25
"""Hertz of the first word, and between two."""
_LOUD = 9000
_NOISE = 12
_FRAME = 160
_WHOLE = 0.5
"""The part of a word that has to be there to be understood."""

_WORDS = """
harbour lantern copper meadow violin granite feather compass orchard thunder velvet anchor pepper glacier
mirror canyon ribbon saddle walnut beacon cactus marble pigeon timber voyage whistle amber bottle candle
dragon engine falcon garden hammer island jungle kettle ladder magnet needle oyster puzzle quartz rocket
silver tunnel umbrella vessel window yellow zephyr almond bridge cherry dancer
"""
WORDS = _WORDS.split()


@dataclass(frozen=True)
class Recorded:
    """A recording, and when each of its words begins and ends."""

    pcm: bytes
    words: list[tuple[str, float, float]]

    @property
    def text(self) -> str:
        """The words."""
        return " ".join(word for word, _, _ in self.words)

    @property
    def wav(self) -> bytes:
        """As a file."""
        return wav.wrap(self.pcm, sample_rate=RATE)


@lru_cache(maxsize=200)
def tone(word: str, seconds: float = WORD, loud: float = 1.0) -> array.array[int]:
    """The sound of a word."""
    step = 2 * math.pi * (_LOWEST + _STEP * WORDS.index(word)) / RATE
    count = int(seconds * RATE)
    fade = RATE // 100
    return array.array(
        "h", (int(loud * _LOUD * math.sin(step * i) * min(1, i / fade, (count - i) / fade)) for i in range(count))
    )


def record(parts: Sequence[str | float], *, seed: int = 1, loud: float = 1.0) -> Recorded:
    """A recording of words and of pauses, in seconds, in a room that is not quite still."""
    noise = random.Random(seed)
    room = array.array("h", (noise.randrange(-_NOISE, _NOISE + 1) for _ in range(RATE)))
    samples = array.array("h")
    words = []
    for part in parts:
        if isinstance(part, str):
            start = len(samples) / RATE
            samples.extend(tone(part, loud=loud))
            words.append((part, start, len(samples) / RATE))
        still = int((BETWEEN if isinstance(part, str) else part) * RATE)
        samples.extend((room * (still // RATE + 1))[:still])
    return Recorded(samples.tobytes(), words)


def sentences(count: int, *, length: int = 8, pause: float = 0.7, seed: int = 7) -> list[str | float]:
    """Words at random in sentences with pauses between them; a word never comes twice in a row."""
    choice = random.Random(seed)
    parts: list[str | float] = []
    before = ""
    for _ in range(count):
        for _ in range(length):
            before = choice.choice([word for word in WORDS if word != before])
            parts.append(before)
        parts.append(pause)
    return parts


@lru_cache(maxsize=200)
def understood(pcm: bytes) -> tuple[str, ...]:
    """The words in some samples, at least half of each of which is there."""
    samples = array.array("h", pcm)
    found: list[str] = []
    run: list[str] = []
    for word in [*_heard(samples), None]:
        if run and word != run[-1]:
            if len(run) * _FRAME / RATE >= _WHOLE * WORD:
                found.append(run[0])
            run = []
        if word is not None:
            run.append(word)
    return tuple(found)


def _heard(samples: array.array[int]) -> Iterator[str | None]:
    """What sounds in each frame, by how often the sound crosses zero around it."""
    for start in range(0, len(samples) - _FRAME, _FRAME):
        if max(samples[start : start + _FRAME]) < 0.05 * _LOUD:
            yield None
            continue
        around = samples[max(0, start - _FRAME) : start + 2 * _FRAME]
        loud = [one for one in around if abs(one) > 40]
        yield _nearest(loud, around)


def _nearest(loud: list[int], around: array.array[int]) -> str | None:
    crossings = [i for i in range(1, len(around)) if around[i - 1] < 0 <= around[i]]
    if len(loud) < _FRAME or len(crossings) < 3:
        return None
    first, last = crossings[0], crossings[-1]

    def exact(i: int) -> float:
        return i - around[i] / (around[i] - around[i - 1])

    frequency = (len(crossings) - 1) * RATE / (exact(last) - exact(first))
    index = round((frequency - _LOWEST) / _STEP)
    return WORDS[index] if 0 <= index < len(WORDS) else None


def sent(received: Received) -> bytes:
    """The samples of the recording in a request for a chat completion."""
    for message in received.json["messages"]:
        if isinstance(message["content"], list):
            for part in message["content"]:
                if part["type"] == "input_audio":
                    data = base64.b64decode(part["input_audio"]["data"])
                    found = wav.read(data)
                    assert found is not None
                    return data[found.offset : found.offset + found.size]
    raise AssertionError("no recording was sent")
