"""The engine's recogniser as long work uses it: words with their times, and how sure it was."""

from __future__ import annotations

import importlib.util
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiochat.errors import ConfigurationError
from audiochat.extras import install_command
from audiochat.jobs.unheard import filled, unheard
from audiochat.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from audiochat.config import LocalSettings
    from audiochat.progress import Progress

RATE = 16_000
"""Samples a second that the recogniser wants."""

_KEPT_SILENCE = 2.0
"""Seconds of silence that are cut out before listening: the recogniser makes up words in longer ones."""
_PAD = 0.2
"""Seconds that are kept around speech."""
_SURE = -0.9
"""Mean log probability of the words above which the recogniser knew what it heard."""
_GUESSED, _REPEATED = -1.0, 2.4
"""Mean log probability and compression ratio of words that are made up: Whisper's own bounds."""
_BEGINNING = 60
"""Seconds by which it is judged whether another language is spoken than before: two of the recogniser's windows."""
_LIKELIER = 0.1
"""What the words of the other language have to be likelier: an accent is no language."""
_AROUND = 2.0
"""Seconds around a stretch that is listened to again: words that begin or end there are heard whole."""


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word that the recogniser heard."""

    text: str
    """With its punctuation, and a space before it where there is one."""
    start: float
    """Seconds from the start of the samples."""
    end: float


@dataclass(frozen=True, slots=True)
class Listened:
    """What the recogniser heard in some samples."""

    words: tuple[HeardWord, ...]
    language: str | None
    """Its code, `en` say; None where nothing was heard."""
    sure: bool
    """Whether it knew what it heard: where it did not (another language, noise), its words judge nobody."""

    @property
    def text(self) -> str:
        """The words."""
        return "".join(word.text for word in self.words).strip()


def installed() -> bool:
    """Whether the extra `local` is installed, as far as listening needs it."""
    return all(importlib.util.find_spec(name) is not None for name in ("faster_whisper", "numpy"))


def ready(settings: LocalSettings) -> bool:
    """Whether the recogniser can be used at once: installed, and its model on disk."""
    if not installed():
        return False
    from audiochat.local import models

    return models.WHISPER.present if settings.stt is None else Path(settings.stt).expanduser().is_dir()


class Ears:
    """A Whisper model, loaded when it is first used; safe to use from many threads.

    Args:
        settings: The recogniser that the user brings, if any.
        progress: Told when the model is fetched.
    """

    def __init__(self, settings: LocalSettings, progress: Progress | None = None) -> None:
        self._chosen = settings.stt
        self._progress = progress or NoProgress()
        self._lock = threading.Lock()
        self._model: Any = None

    @property
    def multilingual(self) -> bool:
        """Whether it knows other languages than English."""
        return bool(self._loaded().model.is_multilingual)

    def listen(
        self,
        pcm: bytes,
        speech: Sequence[tuple[float, float]] | None = None,
        *,
        language: str | None = None,
        expected: str | None = None,
        prompt: str | None = None,
    ) -> Listened:
        """Write down what is said.

        Args:
            pcm: Samples: s16le, mono, 16,000 Hz.
            speech: Stretches of speech, in seconds; the rest is not listened to. None: all of it.
            language: That is spoken; None finds out.
            expected: The language that was spoken before: another one is believed only if it makes likelier words.
            prompt: Names and spellings.
        """
        import numpy as np

        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32_768
        seconds = len(samples) / RATE
        kept = _kept(speech, seconds)
        if not kept or not len(samples):
            return Listened((), None, sure=False)
        heard = self._hear(samples, kept, language, prompt, expected)
        words = list(heard.words)
        # What it does not know (noise, a language that it never learned) it knows no better the second time.
        holes = unheard(words, speech or (), seconds) if heard.sure else []
        # From the last to the first: what is put in moves the words behind it.
        for hole in reversed(holes):
            around = _clipped(kept, hole.start - _AROUND, hole.end + _AROUND)
            if around != kept:
                again = self._hear(samples, around, language or heard.language, prompt)
                words = filled(words, hole, again.believed)
        return Listened(tuple(words), heard.language if words else None, heard.sure)

    def _hear(
        self,
        samples: Any,
        kept: Sequence[tuple[float, float]],
        language: str | None,
        prompt: str | None,
        expected: str | None = None,
    ) -> _Heard:
        """Listen to some stretches of the samples, as if they were all."""
        import numpy as np

        cut = [samples[int(start * RATE) : int(end * RATE)] for start, end in kept]
        sound = cut[0] if len(cut) == 1 else np.concatenate(cut)
        # No word is made before the segments are asked for: which language it seems to be is known at no cost.
        segments, info = self._segments(sound, language, prompt)
        if expected is not None and language is None and info.language != expected:
            beginning = sound[: _BEGINNING * RATE]
            is_other = self._likelihood(beginning, info.language) > self._likelihood(beginning, expected) + _LIKELIER
            segments, info = self._segments(sound, info.language if is_other else expected, prompt)
        return _heard(segments, info.language, _Times(kept))

    def _segments(self, sound: Any, language: str | None, prompt: str | None) -> tuple[Iterable[Any], Any]:
        found: tuple[Iterable[Any], Any] = self._loaded().transcribe(
            sound,
            language=language,
            initial_prompt=prompt,
            beam_size=1,
            word_timestamps=True,
            # The detector has found a voice: half a minute is not to be dropped because the model took it for none.
            no_speech_threshold=None,
            condition_on_previous_text=False,
        )
        return found

    def _likelihood(self, sound: Any, language: str) -> float:
        """Mean log probability of the words in a language, at the first try."""
        segments, _ = self._loaded().transcribe(
            sound,
            language=language,
            beam_size=1,
            temperature=0.0,
            no_speech_threshold=None,
            condition_on_previous_text=False,
        )
        told = [(float(one.avg_logprob), one.end - one.start) for one in segments]
        seconds = sum(lasts for _, lasts in told)
        return sum(value * lasts for value, lasts in told) / seconds if seconds else float("-inf")

    def _loaded(self) -> Any:
        with self._lock:
            if self._model is None:
                self._model = _load(self._chosen, self._progress)
            return self._model


@dataclass(frozen=True, slots=True)
class _Heard:
    """What one listening heard."""

    words: tuple[HeardWord, ...]
    believed: tuple[HeardWord, ...]
    """Those of the segments that the recogniser itself would not try again."""
    language: str
    sure: bool


def _heard(segments: Iterable[Any], language: str, times: _Times) -> _Heard:
    """What faster-whisper found, with times of the whole."""
    words: list[HeardWord] = []
    believed: list[HeardWord] = []
    log_probabilities = 0.0
    for segment in segments:
        found = [HeardWord(word.word, *times.original(float(word.start), float(word.end))) for word in segment.words]
        words += found
        if segment.avg_logprob > _GUESSED and segment.compression_ratio < _REPEATED:
            believed += found
        log_probabilities += float(segment.avg_logprob) * len(found)
    sure = bool(words) and log_probabilities / len(words) > _SURE
    return _Heard(tuple(words), tuple(believed), language, sure)


def require() -> None:
    """Find out whether the recogniser is installed.

    Raises:
        ConfigurationError: it is not.
    """
    if not installed():
        raise ConfigurationError(
            "The engine's recogniser is not installed.", hint=install_command("local"), code="not_installed"
        )


def _load(chosen: str | None, progress: Progress) -> Any:
    require()
    from audiochat.local import models, stt

    if chosen is None and not models.WHISPER.present:
        from audiochat.local.fetch import ensure

        ensure([models.WHISPER], progress)
    return stt.load_model(chosen)


@lru_cache(maxsize=1)
def voice_detector() -> Any:
    """The detector of voices (silero) that comes with the recogniser: samples → how likely a voice is, each 32 ms."""
    from audiochat.local.processors import set_switches

    set_switches()
    from faster_whisper.vad import get_vad_model

    return get_vad_model()


def _kept(speech: Sequence[tuple[float, float]] | None, seconds: float) -> list[tuple[float, float]]:
    """What is listened to: the speech, and the silences between that are short."""
    if speech is None:
        return [(0.0, seconds)]
    kept: list[tuple[float, float]] = []
    for start, end in speech:
        padded = max(0.0, start - _PAD), min(seconds, end + _PAD)
        if kept and padded[0] - kept[-1][1] < _KEPT_SILENCE:
            kept[-1] = kept[-1][0], max(kept[-1][1], padded[1])
        else:
            kept.append(padded)
    return [(start, end) for start, end in kept if end > start]


def _clipped(kept: Sequence[tuple[float, float]], start: float, end: float) -> list[tuple[float, float]]:
    """The parts of stretches that lie between two moments."""
    return [(max(first, start), min(last, end)) for first, last in kept if first < end and last > start]


class _Times:
    """Finds the moment in the whole that a moment in what was kept of it is."""

    def __init__(self, kept: Sequence[tuple[float, float]]) -> None:
        self._kept: list[tuple[float, float, float]] = []
        before = 0.0
        for start, end in kept:
            self._kept.append((before, start, end))
            before += end - start

    def original(self, start: float, end: float) -> tuple[float, float]:
        """A word's time: both its ends in the same stretch."""
        here = next((one for one in reversed(self._kept) if one[0] <= (start + end) / 2), self._kept[0])
        before, first, last = here
        left = min(max(first, start - before + first), last)
        return left, max(left, min(last, end - before + first))
