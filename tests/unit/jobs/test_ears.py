"""The recogniser as long work uses it, with a model that hears what a table says: what it is asked, what is kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from audiochat.config import LocalSettings
from audiochat.jobs.ears import RATE, Ears

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES = [(0.0, 4.0), (5.0, 9.0), (10.0, 14.0)]
"""When the speakers speak."""


class Model:
    """Hears a table of lines, `(language in which it listens, start) → words`, as far as they are in what it is given.

    A sample of the recording tells its own time, in hundredths of a second.
    """

    def __init__(self, heard: dict[tuple[str, float], str], spoken: dict[float, str]) -> None:
        self.heard = heard
        self.spoken = spoken
        self.listened: list[tuple[str, float, float]] = []
        """The language, start and end of each listening for words."""
        self.model = SimpleNamespace(is_multilingual=True)

    def transcribe(
        self, samples: Any, *, language: str | None = None, word_timestamps: bool = False, **_: Any
    ) -> tuple[Iterator[Any], Any]:
        """Hear; without `word_timestamps` only how likely it is matters."""
        times = np.round(samples * 32_768) / 100
        told = language or self.spoken[0.0]
        if word_timestamps:
            self.listened.append((told, float(times[0]), float(times[-1])))
        return self._segments(times, told), SimpleNamespace(language=told)

    def _segments(self, times: Any, language: str) -> Iterator[Any]:
        for start, end in LINES:
            inside = np.flatnonzero((times >= start) & (times < end))
            words = self.heard.get((language, start), "").split()
            if len(inside) < RATE or not words:
                continue
            first, step = inside[0] / RATE, len(inside) / RATE / len(words)
            yield SimpleNamespace(
                words=[
                    SimpleNamespace(word=f" {word}", start=first + n * step, end=first + (n + 1) * step)
                    for n, word in enumerate(words)
                ],
                avg_logprob=-0.2 if self.spoken[start] == language else -0.8,
                compression_ratio=1.0,
                seek=int(first),
                start=first,
                end=first + step * len(words),
            )

    def window_languages(self) -> dict[str, float]:
        """Each window may be in any language that is spoken."""
        return dict.fromkeys(self.spoken.values(), 0.5)

    def detect_language(self, audio: Any) -> tuple[str, float, list[tuple[str, float]]]:
        """The language of the line that most of the sound is of."""
        middle = float(np.round(np.median(audio) * 32_768)) / 100
        language = self.spoken[max(start for start, _ in LINES if start <= middle)]
        return language, 0.9, [(language, 0.9)]


def listen(model: Model, **options: Any) -> Any:
    """Listen to fifteen seconds."""
    ears = Ears(LocalSettings())
    ears._model = model  # noqa: SLF001
    pcm = (np.arange(15 * RATE) // (RATE // 100)).astype("<i2").tobytes()
    return ears.listen(pcm, LINES, **options)


ENGLISH = {("en", 0.0): "one two three four", ("en", 5.0): "five six", ("en", 10.0): "nine ten eleven"}
SPANISH = {("es", 5.0): "cinco seis siete"}
BETWEEN = {0.0: "en", 5.0: "es", 10.0: "en"}


def test_each_language_is_heard_as_it_is_spoken() -> None:
    """What lies between two changes is listened to by itself; the whole is in the language of most words."""
    heard = listen(Model(ENGLISH | SPANISH, BETWEEN))
    assert (heard.text, heard.language, heard.sure) == (
        "one two three four cinco seis siete nine ten eleven",
        "en",
        True,
    )


def test_the_language_of_most_words_is_that_of_the_whole() -> None:
    """The beginning does not decide, nor how sure the recogniser was while it listened in the wrong language."""
    spanish = {("es", 5.0): "cinco seis siete", ("es", 10.0): "nueve diez once doce"}
    heard = listen(Model({**ENGLISH, ("en", 0.0): "hello", **spanish}, {0.0: "en", 5.0: "es", 10.0: "es"}))
    assert (heard.text, heard.language, heard.sure) == ("hello cinco seis siete nueve diez once doce", "es", True)


def test_what_the_user_says_holds() -> None:
    """Nothing is detected, and nothing is listened to by itself."""
    model = Model(ENGLISH | SPANISH, BETWEEN)
    assert listen(model, language="en").text == "one two three four five six nine ten eleven"
    assert {language for language, _, _ in model.listened} == {"en"}


class Forgetful(Model):
    """Leaves out most of what is said in Spanish, the first times that it is to write it down."""

    def __init__(self, *told: Any, times: int, keeps: int) -> None:
        super().__init__(*told)
        self._times, self._keeps = times, keeps

    def transcribe(self, samples: Any, **options: Any) -> tuple[Iterator[Any], Any]:
        """Hear, with a gap."""
        segments, info = super().transcribe(samples, **options)
        listened = [language for language, _, _ in self.listened].count("es")
        forgets = options.get("word_timestamps") and info.language == "es" and listened <= self._times
        return (self._thinned(segments) if forgets else segments), info

    def _thinned(self, segments: Iterator[Any]) -> Iterator[Any]:
        for segment in segments:
            segment.words = segment.words[len(segment.words) - self._keeps :]
            yield segment


def test_a_passage_in_which_nothing_is_heard_keeps_its_words() -> None:
    """A doubtful word is better than none."""
    model = Forgetful(ENGLISH | SPANISH, BETWEEN, times=9, keeps=0)
    assert listen(model).text == "one two three four five six nine ten eleven"
    assert "es" in {language for language, _, _ in model.listened}


def test_a_hole_is_listened_to_in_the_language_around_it() -> None:
    """The beginning of a passage that was left out is in its language, although the last word before is not."""
    model = Forgetful(ENGLISH | {("es", 5.0): "cinco seis siete ocho"}, BETWEEN, times=1, keeps=1)
    assert listen(model).text == "one two three four cinco seis siete ocho nine ten eleven"
    assert model.listened[-1][0] == "es"


def test_a_sentence_that_is_left_out_is_heard_in_its_own_language() -> None:
    """A window does not always tell that a second language is in it; Whisper then writes nothing for that."""

    class Mistaken(Model):
        """Takes its windows for English."""

        def window_languages(self) -> dict[str, float]:
            """No word of Spanish."""
            return {"en": 0.99}

    lines = {key: text for key, text in ENGLISH.items() if key != ("en", 5.0)}
    model = Mistaken(lines | SPANISH, BETWEEN)
    assert listen(model).text == "one two three four cinco seis siete nine ten eleven"
    assert listen(Mistaken(lines | SPANISH, BETWEEN), language="en").text == "one two three four nine ten eleven"


def test_no_sound_and_no_speech() -> None:
    """Nothing is heard, and nobody is asked."""
    ears = Ears(LocalSettings())
    assert ears.listen(b"", None).words == ()
    assert ears.listen(bytes(2 * RATE), []).words == ()
