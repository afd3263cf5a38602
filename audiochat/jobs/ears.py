"""The engine's recogniser as long work uses it: words with their times, and how sure it was."""

from __future__ import annotations

import importlib.util
import threading
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiochat.errors import ConfigurationError
from audiochat.extras import install_command
from audiochat.jobs.other_languages import Mixture, Passage, Utterance, find_mixtures, possible_languages
from audiochat.jobs.unheard import AROUND, SENTENCE, UNHEARD, filled, one_by_one, unheard
from audiochat.jobs.without_silence import PAD, Times, clipped, joined, parts_with_speech
from audiochat.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from audiochat.config import LocalSettings
    from audiochat.jobs.unheard import Hole
    from audiochat.jobs.without_silence import Stretch
    from audiochat.progress import Progress

RATE = 16_000
"""Samples a second that the recogniser wants."""

_SURE = -0.9
"""Mean log probability of the words above which the recogniser knew what it heard."""
_GUESSED, _REPEATED = -1.0, 2.4
"""Mean log probability and compression ratio of words that are made up: Whisper's own bounds."""
_BEGINNING = 60
"""Seconds by which it is judged whether another language is spoken than before: two of the recogniser's windows."""
_CLEAR = 0.5
"""How sure the recogniser is of the language of a stretch, where that is believed."""
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
        """Write down what is said, each language as it is spoken.

        Args:
            pcm: Samples: s16le, mono, 16,000 Hz.
            speech: Stretches of speech, in seconds; the rest is not listened to. None: all of it.
            language: That is spoken, all the time; None finds out, also where it changes.
            expected: The language that was spoken before: another one is believed only if it makes likelier words.
            prompt: Names and spellings.
        """
        recording = _recording(pcm, speech, language, prompt)
        if not recording.kept:
            return Listened((), None, sure=False)
        heard = self._hear(recording, recording.kept, language, expected)
        mixtures = list(self._mixtures(recording, heard))
        runs = list(self._runs(recording, heard, mixtures))
        words = [word for run in runs for word in run.words]
        # What it does not know (noise, a language that it never learned) it knows no better the second time.
        sure = 2 * sum(len(run.words) for run in runs if run.sure) > len(words)
        if sure:
            passages = [one for mixture in mixtures for one in mixture.passages]
            words = self._filled(recording, words, heard.language, passages)
        counts = Counter[str]()
        for run in runs:
            counts[run.language] += len(run.words)
        return Listened(tuple(words), counts.most_common(1)[0][0] if words else None, sure)

    def _mixtures(self, recording: _Recording, heard: _Heard) -> Iterator[Mixture]:
        """Where the language changes, as far as that is believed."""

        def identify(stretch: Stretch, possible: Sequence[str]) -> str:
            start, end = max(0.0, stretch[0] - PAD), stretch[1] + PAD
            shares = self._languages(recording.samples[int(start * RATE) : int(end * RATE)])
            return max(possible, key=lambda language: shares.get(language, 0.0))

        own, utterances = heard.language, heard.utterances
        for mixture in find_mixtures(utterances, own, identify, speech=recording.speech, seconds=recording.seconds):
            believed = set()
            # All passages in a language together: a few seconds tell little.
            for language in {one.language for one in mixture.passages} - {own}:
                spans = [one.span for one in mixture.passages if one.language == language]
                parts = [part for span in spans for part in clipped(recording.kept, *span)]
                if self._is_in(language, joined(recording.samples, parts, RATE), own):
                    believed.add(language)
            if believed:
                yield mixture.only(believed, own)

    def _runs(self, recording: _Recording, heard: _Heard, mixtures: Sequence[Mixture]) -> Iterator[_Heard]:
        """What was heard; in a mixture passage by passage, those in the language of the whole, too."""
        done = 0
        for mixture in mixtures:
            yield replace(heard, utterances=heard.utterances[done : mixture.first])
            before = [word for one in heard.utterances[mixture.first : mixture.end] for word in one.words]
            for passage, words in zip(mixture.passages, mixture.shares(before), strict=True):
                by_itself = self._hear(recording, clipped(recording.kept, *passage.span), passage.language)
                as_before = (Utterance(tuple(words), ()),) if words else ()
                yield by_itself if by_itself.sure else replace(heard, utterances=as_before)
            done = mixture.end
        yield replace(heard, utterances=heard.utterances[done:])

    def _filled(
        self, recording: _Recording, words: list[HeardWord], language: str, passages: Sequence[Passage]
    ) -> list[HeardWord]:
        """The words, with those of stretches that were left out: each is listened to again, then part by part."""
        whole = Passage(0.0, recording.seconds, language)
        borders = [edge for one in passages for edge in one.span]

        def around(hole: Hole) -> list[list[Stretch]]:
            there = clipped(recording.kept, hole.start - AROUND, hole.end + AROUND)
            return [] if there == recording.kept and not passages else [there]  # all of it was just listened to

        def each(hole: Hole) -> list[list[Stretch]]:
            return [[part] for part in one_by_one(hole, recording.speech)]

        for least, places in ((UNHEARD, around), (SENTENCE, each)):
            # From the last to the first: what is put in moves the words behind it.
            for hole in reversed(unheard(words, recording.speech, whole.end, least=least, borders=borders)):
                inside = next((one for one in passages if one.start <= hole.start and hole.end <= one.end), whole)
                again: list[HeardWord] = []
                for place in places(hole):
                    parts = clipped(place, *inside.span)
                    again += self._hear(recording, parts, self._spoken(recording, hole, parts, inside)).believed
                words = filled(words, hole, again)
        return words

    def _spoken(self, recording: _Recording, hole: Hole, parts: Sequence[Stretch], inside: Passage) -> str:
        """The language of a stretch without words: Whisper leaves out what is in another one than it listens in."""
        sound = joined(recording.samples, clipped(parts, hole.start, hole.end), RATE)
        if recording.language is not None or not self.multilingual or not len(sound):
            return inside.language
        shares = self._languages(sound)
        language = max(shares, key=shares.__getitem__)
        is_other = shares[language] > _CLEAR and language != inside.language
        return language if is_other and self._is_in(language, sound, inside.language) else inside.language

    def _hear(
        self, recording: _Recording, parts: Sequence[Stretch], language: str | None, expected: str | None = None
    ) -> _Heard:
        """Listen to some parts of a recording, as if they were all."""
        sound = joined(recording.samples, parts, RATE)
        # No word is made before the segments are asked for: which language it seems to be is known at no cost.
        segments, info = self._segments(sound, language, recording.prompt)
        if expected is not None and language is None and info.language != expected:
            is_other = self._is_in(info.language, sound, expected)
            segments, info = self._segments(sound, info.language if is_other else expected, recording.prompt)
        detects = language is None and self.multilingual
        return _heard(segments, info.language, Times(parts), self._loaded().window_languages if detects else None)

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

    def _languages(self, sound: Any) -> dict[str, float]:
        """The languages that a sound may be in, with their probabilities."""
        _, _, probabilities = self._loaded().detect_language(audio=sound)
        return dict(probabilities)

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
class _Recording:
    """What is listened to."""

    samples: Any
    """Floats, mono, 16,000 Hz."""
    kept: list[Stretch]
    """What of it may hold words; empty where it holds no sound."""
    speech: Sequence[Stretch]
    language: str | None
    """As it was told."""
    prompt: str | None

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / RATE


def _recording(pcm: bytes, speech: Sequence[Stretch] | None, language: str | None, prompt: str | None) -> _Recording:
    import numpy as np

    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32_768
    kept = parts_with_speech(speech, len(samples) / RATE)
    return _Recording(samples, kept, speech or (), language, prompt)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What one listening heard, or a part of it."""

    utterances: tuple[Utterance, ...]
    language: str
    sure: bool
    """Whether it knew what it heard."""

    @property
    def words(self) -> list[HeardWord]:
        """Those of all utterances."""
        return [word for one in self.utterances for word in one.words]

    @property
    def believed(self) -> list[HeardWord]:
        """Those of the utterances that are believed."""
        return [word for one in self.utterances if one.believed for word in one.words]


def _heard(
    segments: Iterable[Any], language: str, times: Times, window_languages: Callable[[], Mapping[str, float]] | None
) -> _Heard:
    """What faster-whisper found, with times of the whole.

    Args:
        segments: As it finds them; no window is listened to before its first segment is asked for.
        language: In which it listens.
        times: Of the samples.
        window_languages: Tells which languages the window of the latest segment may be in; None where that is known.
    """
    utterances: list[Utterance] = []
    log_probabilities = 0.0
    window = -1
    languages: tuple[str, ...] = ()
    for segment in segments:
        if window_languages is not None and segment.seek != window:
            window, languages = segment.seek, possible_languages(window_languages())
        words = [HeardWord(word.word, *times.original(float(word.start), float(word.end))) for word in segment.words]
        believed = segment.avg_logprob > _GUESSED and segment.compression_ratio < _REPEATED
        log_probabilities += float(segment.avg_logprob) * len(words)
        if words:
            utterances.append(Utterance(tuple(words), languages, bool(believed)))
    count = sum(len(one.words) for one in utterances)
    return _Heard(tuple(utterances), language, count > 0 and log_probabilities / count > _SURE)


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
