"""Whether a sound is long enough for its words: a service can tell all of them and send half of their sound."""

from __future__ import annotations

import statistics
import threading
from collections import deque
from dataclasses import dataclass, field

from audiochat.audio import PCM_BYTES_PER_SECOND
from audiochat.jobs.narrate.sentences import size

SILENCE = "The sound is silence."
FASTEST = 80.0
"""Letters and digits a second that nobody speaks: 16 words."""
_FASTER = 1.7
"""Times the usual pace of a voice; between its own pieces it differs by a quarter."""
_FEWEST, _LONG = 30, 60
"""Letters of a text that is long enough to judge by, alone and beside others."""
_ENOUGH, _MOST = 5, 99
"""Readings by which the usual pace is known."""


@dataclass(slots=True)
class Pace:
    """How fast a voice reads; used from many threads."""

    _known: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def why_cut(self, text: str, pcm: bytes) -> str | None:
        """Why a sound cannot hold all of a text; None where it can.

        Args:
            text: What is read.
            pcm: The reading: s16le, mono, 24,000 Hz.
        """
        from audiochat.audio.trim import trim

        seconds = len(trim(pcm, None)) / PCM_BYTES_PER_SECOND
        if not seconds:
            return SILENCE
        letters = _letters(text)
        with self._lock:
            usual = statistics.median(self._known) if len(self._known) >= _ENOUGH else None
        too_fast = letters >= _FEWEST and letters > FASTEST * seconds
        if too_fast or (usual is not None and letters >= _LONG and letters > _FASTER * usual * seconds):
            return f"The sound is too short: {seconds:.1f} s for {len(text.split())} words."
        return None

    def learn(self, text: str, pcm: bytes) -> None:
        """Take note of a reading that is whole."""
        from audiochat.audio.trim import trim

        letters = _letters(text)
        seconds = len(trim(pcm, None)) / PCM_BYTES_PER_SECOND
        if letters >= _LONG and seconds:
            with self._lock:
                self._known.append(letters / seconds)


def _letters(text: str) -> int:
    return size("".join(character for character in text if character.isalnum()))
