"""Text to speech, with Piper (ONNX) on the processor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from audiochat.audio import SAMPLE_RATE
from audiochat.audio.codec import blocks
from audiochat.errors import ConfigurationError
from audiochat.local import models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiochat.config import LocalSettings


class Synthesizer(Protocol):
    """Speaks."""

    def say(self, text: str) -> Iterator[bytes]:
        """Speak a text, a block of samples at a time: s16le, mono, 24,000 Hz."""


class Piper:
    """A Piper voice."""

    def __init__(self, settings: LocalSettings) -> None:
        from piper import PiperVoice

        path = settings.tts or models.JOE.folder / models.JOE.files[0].name
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

    def say(self, text: str) -> Iterator[bytes]:
        """Speak a text sentence by sentence; see `Synthesizer`."""
        import av

        resampler = None
        position = 0
        for chunk in self._voice.synthesize(text):
            if resampler is None:
                resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            samples = chunk.audio_int16_array
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = chunk.sample_rate
            frame.pts = position
            position += len(samples)
            yield from blocks(resampler.resample(frame))
        if resampler is not None:
            yield from blocks(resampler.resample(None))
