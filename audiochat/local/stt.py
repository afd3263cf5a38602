"""Speech to text, with faster-whisper (CTranslate2) on the processor."""

from __future__ import annotations

import io
import math
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from audiochat.audio.codec import decode
from audiochat.errors import ConfigurationError, FileError
from audiochat.local import models

if TYPE_CHECKING:
    from audiochat.local.stopping import StopSignal

_RATE = 16_000
"""Samples a second that Whisper wants."""

_SILENCE_DBFS = -120.0
"""Stands for the loudness of digital silence, which has none."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recording holds, as far as it was measured."""

    text: str
    """The words; empty where no speech was recognised."""
    seconds: float
    """Of the whole recording."""
    speech_seconds: float
    """Of the parts in which somebody speaks."""
    loudness: float
    """Root mean square of the samples, in dBFS."""

    @property
    def words_a_minute(self) -> float:
        """How fast is spoken, pauses left out; 0 without speech."""
        return 60 * len(self.text.split()) / self.speech_seconds if self.speech_seconds else 0.0


class NotAudioError(Exception):
    """What should be a recording is none."""


class Recognizer(Protocol):
    """Hears what is said."""

    def hear(self, audio: bytes, *, stop: StopSignal | None = None) -> Heard:
        """Listen to a recording.

        Args:
            audio: A file of any format.
            stop: Ends the listening.

        Raises:
            NotAudioError: it is no recording.
            CancelledError: `stop` was set.
        """


class Whisper:
    """A Whisper model in CTranslate2's format."""

    def __init__(self, chosen: str | None) -> None:
        from faster_whisper import WhisperModel

        folder = models.WHISPER.folder if chosen is None else Path(chosen).expanduser()
        own = chosen is not None
        if own and not folder.is_dir() and ("/" in (chosen or "") and (chosen or "").count("/") != 1):
            raise ConfigurationError(f"AUDIOCHAT_LOCAL_STT: there is no folder {chosen}.", hint="See .env.example.")
        name = str(folder) if folder.is_dir() else str(chosen)
        try:
            self._model: Any = WhisperModel(name, device="cpu", compute_type="int8")
        except (OSError, RuntimeError, ValueError) as exc:
            raise ConfigurationError(
                f"The Whisper model {name} cannot be loaded: {' '.join(str(exc).split())[:200]}",
                hint="Set AUDIOCHAT_LOCAL_STT to a folder with a CTranslate2 model, or unset it.",
            ) from exc
        self._lock = threading.Lock()

    def hear(self, audio: bytes, *, stop: StopSignal | None = None) -> Heard:
        """Listen to a recording; see `Recognizer`."""
        import numpy as np

        # Our own decoding, not faster_whisper.decode_audio, which PyAV 19 breaks.
        try:
            pcm = b"".join(decode(io.BytesIO(audio), name="the recording", sample_rate=_RATE))
        except FileError as exc:
            raise NotAudioError(exc.message) from exc
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32_768
        power = float(np.mean(np.square(samples, dtype=np.float64)))
        # Without the detector of voices, Whisper hears "You" in silence.
        with self._lock:
            segments, info = self._model.transcribe(
                samples, vad_filter=True, beam_size=1, condition_on_previous_text=False
            )
            texts = []
            for segment in segments:
                texts.append(segment.text.strip())
                if stop is not None:
                    stop.check()
        return Heard(
            text=" ".join(texts).strip(),
            seconds=len(samples) / _RATE,
            speech_seconds=float(info.duration_after_vad),
            loudness=10 * math.log10(power) if power > 0 else _SILENCE_DBFS,
        )
