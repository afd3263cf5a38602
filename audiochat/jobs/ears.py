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
from audiochat.jobs.other_languages import Passage, Utterance, mixtures, possible_languages, replaced
from audiochat.jobs.unheard import AROUND, SENTENCE, filled, one_by_one, unheard
from audiochat.jobs.without_silence import PAD, Times, clipped, joined, parts_with_speech
from audiochat.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from audiochat.config import LocalSettings
    from audiochat.jobs.unheard import Hole
    from audiochat.progress import Progress

    Stretch = tuple[float, float]

RATE = 16_000
"""Samples a second that the recogniser wants."""

_SURE = -0.9
"""Mean log probability of the words above which the recogniser knew what it heard."""
_GUESSED, _REPEATED = -1.0, 2.4
"""Mean log probability and compression ratio of words that are made up: Whisper's own bounds."""
_BEGINNING = 60
"""Seconds by which it is judged whether another language is spoken than before: two of the recogniser's windows."""
_LIKELIER = 0.1
"""What the words of the other language have to be likelier: an accent is no language."""


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
    """The code of what is spoken for the most part, `en` say; None where nothing was heard."""
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
        speech: Sequence[Stretch] | None = None,
        *,
        language: str | None = None,
        expected: str | None = None,
        prompt: str | None = None,
    ) -> Listened:
        """Write down what is said, in the language in which it is said; where that changes, too.

        Args:
            pcm: Samples: s16le, mono, 16,000 Hz.
            speech: Stretches of speech, in seconds; the rest is not listened to. None: all of it.
            language: That is spoken, all the time; None finds out.
            expected: The language that was spoken before: another one is believed only if it makes likelier words.
            prompt: Names and spellings.
        """
        import numpy as np

        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32_768
        seconds = len(samples) / RATE
        kept = parts_with_speech(speech, seconds)
        if not kept or not len(samples):
            return Listened((), None, sure=False)
        heard = self._hear(samples, kept, language, prompt, expected)
        words, passages = list(heard.words), list(self._passages(samples, kept, heard, speech or ()))
        for passage in passages:
            by_itself = self._hear(samples, clipped(kept, *passage.place), passage.language, prompt)
            words = replaced(words, passage, by_itself.words)
        if not heard.sure:
            # What it does not know (noise, a language that it never learned) it knows no better the second time.
            return Listened(tuple(words), heard.language if words else None, sure=False)

        def again(place: Sequence[Stretch], hole: Hole) -> tuple[HeardWord, ...]:
            here = next((one.language for one in passages if one.start <= hole.start < one.end), heard.language)
            return self._hear(samples, place, language or here, prompt).believed

        # From the last to the first: what is put in moves the words behind it.
        for hole in reversed(unheard(words, speech or (), seconds)):
            around = clipped(kept, hole.start - AROUND, hole.end + AROUND)
            if around != kept:
                words = filled(words, hole, again(around, hole))
        for hole in reversed(unheard(words, speech or (), seconds, least=SENTENCE)):
            heard_now = [word for part in one_by_one(hole, speech or ()) for word in again([part], hole)]
            words = filled(words, hole, heard_now)
        return Listened(tuple(words), heard.language, sure=True)

    def _passages(
        self, samples: Any, kept: Sequence[Stretch], heard: _Heard, speech: Sequence[Stretch]
    ) -> Iterator[Passage]:
        """What has to be listened to by itself, because the language changes there."""

        def tell(stretch: Stretch, possible: Sequence[str]) -> str:
            start, end = max(0.0, stretch[0] - PAD), stretch[1] + PAD
            _, _, shares = self._loaded().detect_language(audio=samples[int(start * RATE) : int(end * RATE)])
            share = dict(shares)
            return max(possible, key=lambda language: share.get(language, 0.0))

        for passages in mixtures(heard.utterances, heard.language, tell, speech=speech, seconds=len(samples) / RATE):
            # All passages in a language together: a few seconds tell little.
            spoken = {heard.language}
            for language in {one.language for one in passages} - spoken:
                where = [part for one in passages if one.language == language for part in clipped(kept, *one.place)]
                if self._is_in(language, joined(samples, where, RATE), heard.language):
                    spoken.add(language)
            if len(spoken) > 1:  # between the others, the language of the whole was not heard well, either
                yield from (one for one in passages if one.language in spoken)

    def _hear(
        self,
        samples: Any,
        kept: Sequence[Stretch],
        language: str | None,
        prompt: str | None,
        expected: str | None = None,
    ) -> _Heard:
        """Listen to some stretches of the samples, as if they were all."""
        sound = joined(samples, kept, RATE)
        # No word is made before the segments are asked for: which language it seems to be is known at no cost.
        segments, info = self._segments(sound, language, prompt)
        if expected is not None and language is None and info.language != expected:
            is_other = self._is_in(info.language, sound, expected)
            segments, info = self._segments(sound, info.language if is_other else expected, prompt)
        told = info.language
        knows_one = language is not None or not self.multilingual
        tell = dict if knows_one else self._loaded().window_languages
        return _heard(segments, told, Times(kept), tell)

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

    def _is_in(self, language: str, sound: Any, expected: str) -> bool:
        """Whether words in a language are clearly likelier than in the one that is expected."""
        beginning = sound[: _BEGINNING * RATE]
        return self._likelihood(beginning, language) > self._likelihood(beginning, expected) + _LIKELIER

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
    utterances: tuple[Utterance, ...]


def _heard(segments: Iterable[Any], language: str, times: Times, tell: Callable[[], Mapping[str, float]]) -> _Heard:
    """What faster-whisper found, with times of the whole.

    Args:
        segments: As it finds them; no window is listened to before its first segment is asked for.
        language: In which it listens.
        times: Of the samples.
        tell: Tells which languages the window of the latest segment may be in.
    """
    words: list[HeardWord] = []
    believed: list[HeardWord] = []
    utterances: list[Utterance] = []
    log_probabilities = 0.0
    window = -1
    languages: tuple[str, ...] = ()
    for segment in segments:
        found = [HeardWord(word.word, *times.original(float(word.start), float(word.end))) for word in segment.words]
        words += found
        if segment.avg_logprob > _GUESSED and segment.compression_ratio < _REPEATED:
            believed += found
        log_probabilities += float(segment.avg_logprob) * len(found)
        if segment.seek != window:
            window, languages = segment.seek, possible_languages(tell())
        if found:
            utterances.append(Utterance(found[0].start, found[-1].end, languages))
    sure = bool(words) and log_probabilities / len(words) > _SURE
    return _Heard(tuple(words), tuple(believed), language, sure, tuple(utterances))


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
