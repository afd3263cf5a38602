"""Speech to text, with faster-whisper (CTranslate2) on the processor."""

from __future__ import annotations

import io
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from audiochat.audio.codec import decode
from audiochat.errors import ConfigurationError, FileError
from audiochat.local import models, sounds
from audiochat.local.processors import set_switches, usable_processors
from audiochat.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from audiochat.local.sounds import Sound
    from audiochat.local.stopping import StopSignal
    from audiochat.progress import Progress

_RATE = 16_000
"""Samples a second that Whisper wants."""

LONGEST = 2 * 3600
"""Seconds that are listened to at once: a small file can hold days, which would not fit into memory."""

_SOUND_TAGS = re.compile(r"[\[(*][^\])*]*[\])*]|[^\w]")
"""What Whisper writes for sounds that are no words: `[Music]`, `(applause)`, notes."""

_LONG = 30.0
"""Seconds of a recording from which on listening takes so long that its progress is shown."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word, and when it was said: seconds from the start of the recording."""

    text: str
    """With the space before it, where there is one."""
    start: float
    end: float
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Segment:
    """What was said in one go, and when; with what Whisper tells about itself."""

    text: str
    """With the space before it, where there is one."""
    start: float
    end: float
    tokens: tuple[int, ...] = ()
    temperature: float = 0.0
    avg_logprob: float = 0.0
    compression_ratio: float = 1.0
    no_speech_prob: float = 0.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recording holds, as far as it was measured."""

    text: str
    """The words, verbatim; empty where no speech was recognised."""
    seconds: float
    """Of the whole recording."""
    speech_seconds: float
    """Of the stretches of speech."""
    loudness: float
    """Root mean square of the samples, in dBFS."""
    sound: Sound | None = None
    """What is there instead of words; None where there are words."""
    language: str = "en"
    """The code of the language, as it was told or found out."""
    language_probability: float = 1.0
    """How sure that is; 1 where it was told."""
    segments: tuple[Segment, ...] = ()
    words: tuple[Word, ...] = ()
    """Where they were asked for."""

    @property
    def words_a_minute(self) -> float:
        """How fast is spoken, pauses left out; 0 without speech."""
        return 60 * len(self.text.split()) / self.speech_seconds if self.speech_seconds else 0.0


class NotAudioError(Exception):
    """What should be a recording is none."""


class RecordingTooLongError(Exception):
    """More sound than is listened to at once."""


class UnknownLanguageError(Exception):
    """A language that the recognizer has not learned."""


class Recognizer(Protocol):
    """Hears what is said."""

    def hear(
        self,
        audio: bytes,
        *,
        stop: StopSignal | None = None,
        words: bool = False,
        language: str | None = None,
        prompt: str | None = None,
        progress: Progress | None = None,
    ) -> Heard:
        """Listen to a recording.

        Args:
            audio: A file of any format.
            stop: Ends the listening.
            words: Whether to find out when each word is said.
            language: Its code, where it is known: `de`.
            prompt: Names and spellings that may occur.
            progress: Shown how much of a long recording was heard.

        Raises:
            NotAudioError: it is no recording.
            RecordingTooLongError: it is longer than `LONGEST` seconds.
            UnknownLanguageError: there is no such language.
            CancelledError: `stop` was set.
        """


def load_model(chosen: str | None) -> Any:
    """Load a Whisper model: a `whisper_model.Model`.

    Args:
        chosen: A folder, or a name that faster-whisper fetches; None is the engine's own model, which is on disk.

    Raises:
        ConfigurationError: it cannot be loaded.
    """
    set_switches()
    from audiochat.local import whisper_model

    folder = models.WHISPER.folder if chosen is None else Path(chosen).expanduser()
    own = chosen is not None
    if own and not folder.is_dir() and ("/" in (chosen or "") and (chosen or "").count("/") != 1):
        raise ConfigurationError(f"AUDIOCHAT_LOCAL_STT: there is no folder {chosen}.", hint="See .env.example.")
    name = str(folder) if folder.is_dir() else str(chosen)
    try:
        return whisper_model.Model(name, device="cpu", compute_type="int8", cpu_threads=usable_processors())
    except (OSError, RuntimeError, ValueError) as exc:
        raise ConfigurationError(
            f"The Whisper model {name} cannot be loaded: {' '.join(str(exc).split())[:200]}",
            hint="Set AUDIOCHAT_LOCAL_STT to a folder with a CTranslate2 model, or unset it.",
        ) from exc


class Whisper:
    """A Whisper model in CTranslate2's format."""

    def __init__(self, chosen: str | None) -> None:
        self._model = load_model(chosen)
        self._lock = threading.Lock()

    def hear(
        self,
        audio: bytes,
        *,
        stop: StopSignal | None = None,
        words: bool = False,
        language: str | None = None,
        prompt: str | None = None,
        progress: Progress | None = None,
    ) -> Heard:
        """Listen to a recording; see `Recognizer`."""
        import numpy as np

        samples = np.frombuffer(_samples(audio, stop), dtype="<i2").astype(np.float32) / 32_768
        if language is not None and language not in self._model.supported_languages:
            raise UnknownLanguageError(language)
        with self._lock:
            # Without the detector of voices, Whisper hears "You" in silence.
            found, info = self._model.transcribe(
                samples,
                vad_filter=True,
                beam_size=1,
                condition_on_previous_text=False,
                word_timestamps=words,
                language=language,
                initial_prompt=prompt,
            )
            segments = list(_checked(found, len(samples) / _RATE, stop, progress))
        text = " ".join(segment.text.strip() for segment in segments).strip()
        return Heard(
            text=text,
            seconds=len(samples) / _RATE,
            speech_seconds=float(info.duration_after_vad),
            loudness=sounds.loudness(samples),
            sound=None if text else sounds.kind_of(samples),
            language=info.language,
            language_probability=float(info.language_probability),
            segments=tuple(_segment(one) for one in segments),
            words=tuple(_word(w) for one in segments for w in one.words or ()),
        )


def _checked(found: Iterable[Any], seconds: float, stop: StopSignal | None, progress: Progress | None) -> Iterator[Any]:
    """What is found, as long as it is wanted."""
    watcher = progress if progress is not None and seconds >= _LONG else NoProgress()
    with watcher.task("Listening", total=seconds, unit="seconds") as heard:
        for one in found:
            if not _SOUND_TAGS.sub("", one.text).strip():
                continue
            heard(min(one.end, seconds))
            yield one
            if stop is not None:
                stop.check()


def _samples(audio: bytes, stop: StopSignal | None) -> bytes:
    # Our own decoding, not faster_whisper.decode_audio, which PyAV 19 breaks.
    pcm = bytearray()
    try:
        for block in decode(io.BytesIO(audio), name="the recording", sample_rate=_RATE):
            pcm += block
            if len(pcm) > LONGEST * _RATE * 2:
                raise RecordingTooLongError(f"The recording is longer than {LONGEST // 60} minutes.")
            if stop is not None:
                stop.check()
    except FileError as exc:
        raise NotAudioError(exc.message) from exc
    return bytes(pcm)


def _segment(found: Any) -> Segment:
    return Segment(
        text=found.text,
        start=float(found.start),  # of numpy until here
        end=float(found.end),
        tokens=tuple(found.tokens),
        temperature=found.temperature or 0.0,
        avg_logprob=found.avg_logprob,
        compression_ratio=found.compression_ratio,
        no_speech_prob=found.no_speech_prob,
    )


def _word(found: Any) -> Word:
    return Word(found.word, float(found.start), float(found.end), float(found.probability))
