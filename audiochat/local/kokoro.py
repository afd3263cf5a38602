"""Text to speech, with Kokoro-82M (int8 ONNX) on the processor."""

from __future__ import annotations

import logging
import re
import threading
from typing import TYPE_CHECKING, Any

from audiochat.audio import SAMPLE_RATE
from audiochat.background import run_in_thread, wait_for
from audiochat.chat.voices import find, speaker_of
from audiochat.errors import RefusedError
from audiochat.local import languages, models, voice_files, voice_sources
from audiochat.local.processors import usable_processors
from audiochat.local.spoken_text import spoken_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiochat.chat.voices import Voice
    from audiochat.progress import Progress

DEFAULT_VOICE = "alloy"

_ESPEAK = {"en-US": "en-us", "en-GB": "en-gb", "es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}
"""What espeak-ng, which finds the phonemes, calls the languages."""

_LONGEST = 400
"""Phonemes that are spoken at once; the model takes 510, and hurries towards its end."""
_FIRST = 60
"""Phonemes of the first piece, where the first sound is waited for: about four seconds of sound."""
_SHORTEST = 15
"""Phonemes below which a piece is joined to the next one: alone it sounds clipped."""

_CLAUSE = re.compile(r"(?<=[,;:\u2014])\s+")
_SENTENCE = re.compile(r"(?<=[.!?\u2026])[\"')\u201d]*\s+")
_PAUSES = {".": 0.25, "!": 0.25, "?": 0.25, "\u2026": 0.25, ",": 0.1, ";": 0.15, ":": 0.15, "\u2014": 0.15}
"""Seconds of silence after a piece, by its last mark: what the model puts there is trimmed."""


class Kokoro:
    """The voices of Kokoro-82M. Several threads may speak at once; each takes a processor.

    Args:
        progress: Told what is fetched.
    """

    def __init__(self, progress: Progress) -> None:
        import onnxruntime  # noqa: F401 - by one thread: numpy, which it loads, fails when two load it at once

        session = run_in_thread(_session, name="loading-kokoro", daemon=False)
        from kokoro_onnx.tokenizer import Tokenizer  # a tenth of a second, beside the session

        logging.getLogger("phonemizer").setLevel(logging.ERROR)  # it counts words, and warns where espeak joins two
        self._tokenizer: Any = Tokenizer()
        self._session = wait_for(session)
        self._progress = progress
        self._styles: dict[str, Any] = {}
        self._lock = threading.Lock()

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
        """Speak a text clause by clause; see `Synthesizer`.

        Raises:
            RefusedError: there is no such voice, or the language cannot be spoken.
            AudiochatError: the voice cannot be fetched.
        """
        wanted = find(voice or DEFAULT_VOICE)
        if wanted is None:
            raise RefusedError(f"The local engine has no voice {voice!r}.", code="invalid_value")
        speaking = languages.spoken_language(f"{context} {text}", language)
        speaker = speaker_of(wanted, speaking)
        style = self._style(speaker)
        for phonemes in self._pieces(text, speaker, speaking, early=early):
            yield self._speak(phonemes, style, speed)

    def _pieces(self, text: str, speaker: Voice, language: str, *, early: bool) -> Iterator[str]:
        """The phonemes of a text, in pieces that the model takes."""
        british = speaker.language == "en-GB"
        said = spoken_text(text, language, british=british)
        espeak = _ESPEAK[{"en": "en-GB" if british else "en-US"}.get(language, language)]
        for sentence in _SENTENCE.split(said):
            phonemes = self._tokenizer.phonemize(sentence, espeak)
            for piece in _split(phonemes, _FIRST if early else _LONGEST):
                yield piece
                early = False

    def _style(self, voice: Voice) -> Any:
        """How a voice speaks, for every length of a piece; fetched if need be, else another voice that is here."""
        import numpy as np

        with self._lock:
            if voice.name in self._styles:
                return self._styles[voice.name]
            name = voice.name
            if not voice_files.present(name):
                voice_sources.ensure([name], self._progress)
            if not voice_files.present(name):  # its sources said why
                name = "jm_kumo" if voice.sex == "male" else "jf_alpha"
            style = np.fromfile(voice_files.path_of(name), dtype="<f4").reshape(-1, 1, 256)
            self._styles[voice.name] = style
            return style

    def _speak(self, phonemes: str, style: Any, speed: float) -> bytes:
        """The sound of a piece, its silences trimmed and the pause of its last mark put there."""
        import numpy as np
        from kokoro_onnx.trim import trim

        tokens = self._tokenizer.tokenize(phonemes)
        if not tokens:
            return b""
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": style[min(len(tokens), len(style)) - 1],
            "speed": np.array([speed], dtype=np.float32),
        }
        samples = trim(self._session.run(None, inputs)[0].ravel())[0]
        pause = np.zeros(int(_PAUSES.get(phonemes[-1], 0.0) / speed * SAMPLE_RATE), dtype=samples.dtype)
        pcm: bytes = (np.concatenate([samples, pause]).clip(-1, 1) * 32767).astype("<i2").tobytes()
        return pcm


def _session() -> Any:
    """The loaded model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_processors()
    # Threads that wait by turning in circles take the processor from whatever else runs here.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.dynamic_block_base", "4")
    # Rewriting the graph takes longer than it saves, and memory planned for one length of text fits no other.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_mem_pattern = False
    path = models.KOKORO.folder / models.KOKORO.files[0].name
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _split(phonemes: str, first: int) -> Iterator[str]:
    """Cut phonemes at clauses, else between words: the first piece short where asked, the others as long as allowed."""
    limit, rest = first, phonemes.strip()
    while len(rest) > limit:
        end = _cut(rest, limit)
        yield rest[:end].strip()
        rest, limit = rest[end:].strip(), _LONGEST
    if rest:
        yield rest


def _cut(phonemes: str, limit: int) -> int:
    ends = [found.end() for found in _CLAUSE.finditer(phonemes)]
    fitting = [end for end in ends if _SHORTEST <= end <= limit and len(phonemes) - end >= _SHORTEST]
    if fitting:
        return fitting[0] if limit < _LONGEST else fitting[-1]
    space = phonemes.rfind(" ", _SHORTEST, limit)
    return space + 1 if space > 0 else limit
