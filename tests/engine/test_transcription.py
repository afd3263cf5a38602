"""Transcription by the engine's recogniser: what it leaves out is heard again, once."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rapidfuzz.distance import Levenshtein

from audiochat.audio import wav
from audiochat.audio.codec import decode
from audiochat.config import LocalSettings
from audiochat.jobs.ears import RATE, Ears, voice_detector
from audiochat.jobs.transcribe.sound import Sound
from audiochat.jobs.transcribe.speech import find_speech
from audiochat.jobs.transcribe.words import plain_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.command_line import CommandLine

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

TEXT = (
    "The captain collected the heavy suitcase while the children were asleep. "
    "My neighbour borrowed a map of the coast near the railway station. "
    "The young teacher opened the window in the second week of October."
)


class Forgetful:
    """The real model, whose first listening leaves out a stretch, as it does now and then; and perhaps the second."""

    def __init__(self, model: Any, start: float, end: float, *, again: bool) -> None:
        self._model, self._start, self._end, self._again = model, start, end, again
        self.listened: list[float] = []

    def transcribe(self, samples: Any, **options: Any) -> tuple[Iterator[Any], Any]:
        """What the model hears, the first time with a gap."""
        self.listened.append(len(samples) / RATE)
        segments, info = self._model.transcribe(samples, **options)
        if len(self.listened) == 1:
            return self._thinned(segments, self._start, self._end), info
        return (self._thinned(segments, 0, 30) if self._again and len(self.listened) == 2 else segments), info

    def _thinned(self, segments: Iterator[Any], start: float, end: float) -> Iterator[Any]:
        for segment in segments:
            segment.words = [word for word in segment.words if not start <= word.start < end]
            yield segment


@pytest.mark.parametrize("again", [False, True])
def test_what_is_left_out_is_heard_again_and_nothing_twice(*, again: bool) -> None:
    """Four seconds of words that were skipped are there, in their place; only they are listened to again."""
    from audiochat.local.engine import Engine

    spoken = wav.wrap(b"".join(Engine(LocalSettings()).synthesizer.say(TEXT)))
    pcm = b"".join(decode(io.BytesIO(spoken), name="speech", sample_rate=RATE))
    speech = find_speech(Sound(io.BytesIO(pcm), len(pcm), 0.0), detector=voice_detector()).speech
    ears = Ears(LocalSettings())
    whole = plain_words(ears.listen(pcm, speech, language="en").text)
    assert {"captain", "suitcase", "railway", "teacher"} <= set(whole)

    forgetful = Forgetful(ears._loaded(), 3.0, 7.0, again=again)  # noqa: SLF001
    ears._model = forgetful  # noqa: SLF001
    assert plain_words(ears.listen(pcm, speech, language="en").text) == whole
    first, *others = forgetful.listened
    assert max(others) < 9 < first
    assert (len(others) > 1) is again


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Le petit chat dort dans la cuisine depuis ce matin, et personne ne veut le réveiller.", "fr"),
        ("El tren sale mañana por la mañana desde Madrid, y llega a Barcelona por la tarde.", "es"),
        (TEXT, "en"),
    ],
)
def test_another_language_is_heard_where_it_is_spoken(text: str, language: str) -> None:
    """A recording that was English before; what the user says about the language holds."""
    pytest.importorskip("kokoro_onnx")
    from audiochat.local.engine import Engine

    spoken = wav.wrap(b"".join(Engine(LocalSettings()).synthesizer.say(text)))
    pcm = b"".join(decode(io.BytesIO(spoken), name="speech", sample_rate=RATE))
    ears = Ears(LocalSettings())
    assert ears.listen(pcm, expected="en").language == language
    assert ears.listen(pcm, expected="de").language == language
    assert ears.listen(pcm, language="en").language == "en"


def test_each_language_is_written_as_it_is_spoken(cli: CommandLine) -> None:
    """An interview whose answer is in another language: neither it nor what is said around it is translated."""
    pytest.importorskip("kokoro_onnx")
    from audiochat.local.engine import Engine

    say = Engine(LocalSettings()).synthesizer.say
    question = "Our guest has worked in the harbour for twenty years. What do you remember of your first day?"
    answer = "Recuerdo que llovía mucho. El capitán olvidó la maleta pesada cerca de la estación."
    pause = bytes(48_000)
    Path("talk.wav").write_bytes(wav.wrap(pause.join(b"".join(say(text)) for text in (question, answer, TEXT))))
    ran = cli("transcribe", "talk.wav", "-o", "talk.json", "-q")
    assert ran.code == 0, ran.err
    told = json.loads(Path("talk.json").read_text())
    assert told["language"] == "en"
    said, written = (plain_words(text) for text in (f"{question} {answer} {TEXT}", told["text"]))
    # Names of numbers and a word or two may differ; a sentence that is doubled, lost or translated is far more.
    assert Levenshtein.distance(said, written) <= 0.12 * len(said), told["text"]
