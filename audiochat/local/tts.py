"""Text to speech, with Piper (ONNX) on the processor."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from audiochat.audio import SAMPLE_RATE
from audiochat.audio.resample import frames_to_pcm
from audiochat.errors import ConfigurationError
from audiochat.local import models

if TYPE_CHECKING:
    from collections.abc import Iterator


class Synthesizer(Protocol):
    """Speaks."""

    def say(
        self,
        text: str,
        *,
        voice: str | None = None,
        speed: float = 1.0,
        language: str | None = None,
        context: str = "",
        early: bool = False,
    ) -> Iterator[bytes]:
        """Speak a text.

        Args:
            text: A sentence, or several.
            voice: The voice's name; None takes the synthesizer's own.
            speed: 2.0 is twice as fast.
            language: Of the text, as a BCP 47 tag; None finds it out.
            context: What was said before it, which tells the language of a short sentence.
            early: Begin with a short piece, because the first sound is waited for.

        Yields:
            Blocks of samples: s16le, mono, 24,000 Hz.
        """


class Piper:
    """A Piper voice."""

    def __init__(self, chosen: Path | None) -> None:
        from piper import PiperVoice

        path = chosen or models.JOE.folder / models.JOE.files[0].name
        if not path.is_file() or not Path(f"{path}.json").is_file():
            raise ConfigurationError(
                f"{path} is not a Piper voice: the file, or its .json beside it, is not there.",
                hint="Set AUDIOCHAT_LOCAL_TTS to the .onnx file of a voice, or unset it.",
            )
        try:
            self._voice: Any = PiperVoice.load(path)
        except Exception as exc:  # onnxruntime has its own exceptions, which it does not make public
            raise ConfigurationError(
                f"The Piper voice {path} cannot be loaded: {' '.join(str(exc).split())[:200]}",
                hint="Set AUDIOCHAT_LOCAL_TTS to the .onnx file of a voice, or unset it.",
            ) from exc
        self._lock = threading.Lock()

    def say(
        self,
        text: str,
        *,
        voice: str | None = None,  # noqa: ARG002
        speed: float = 1.0,
        language: str | None = None,  # noqa: ARG002
        context: str = "",  # noqa: ARG002
        early: bool = False,  # noqa: ARG002
    ) -> Iterator[bytes]:
        """Speak a text sentence by sentence; see `Synthesizer`. There is one voice."""
        import av
        from piper import SynthesisConfig

        usual = self._voice.config.length_scale
        chunks = self._voice.synthesize(text, SynthesisConfig(length_scale=usual / speed))
        resampler = None
        position = 0
        while True:
            with self._lock:  # espeak-ng, which finds the phonemes, has one state for the whole process
                chunk = next(chunks, None)
            if chunk is None:
                break
            if resampler is None:
                resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            samples = chunk.audio_int16_array
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = chunk.sample_rate
            frame.pts = position
            position += len(samples)
            yield from frames_to_pcm(resampler.resample(frame))
        if resampler is not None:
            yield from frames_to_pcm(resampler.resample(None))
