"""What was measured and heard in a recording, in sentences: nothing in them is made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audiochat.local.extracts import SHORT
from audiochat.local.language_names import NAMES
from audiochat.local.questions import Measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from audiochat.local.sounds import Sound
    from audiochat.local.stt import Heard

_SURE = 0.6
"""Probability of a language from which on it is told without doubt."""
_CLOCK = 120
"""Seconds from which on a length is told in minutes too."""


def measured(heard: Heard, measures: Iterable[Measure]) -> list[str]:
    """A sentence for each measurement."""
    return [_MEASURED[measure](heard) for measure in measures]


def description(heard: Heard) -> list[str]:
    """What there is to tell about a recording: its measurements, and its words or the first of them."""
    told = [_length(heard), _loudness(heard)]
    if not heard.text:
        return [_speech(heard), *told]
    return [
        f"Somebody speaks, in {language(heard)}, at {heard.words_a_minute:.0f} words per minute.",
        *told,
        *words(heard),
    ]


def words(heard: Heard, *, everything: bool = False) -> list[str]:
    """The words, verbatim; of a long recording the first ones, unless all are wanted."""
    if not heard.text:
        return [_speech(heard)]
    count = len(heard.text.split())
    if everything or count <= SHORT:
        return [heard_as(heard, [heard.text], whole=True)]
    first = " ".join(heard.text.split()[:SHORT])
    return [f"{_in_language(heard)}I heard {count} words, which begin: {quoted([first + ' …'])}"]


def heard_as(heard: Heard, sentences: Sequence[str], *, whole: bool) -> str:
    """Sentences of a recording, verbatim.

    Args:
        heard: The recording.
        sentences: Taken from it.
        whole: Whether they are all of it.
    """
    if whole:
        return f"{_in_language(heard)}I heard: {quoted([' '.join(sentences)])}"
    return f"{_in_language(heard)}Among other things, I heard: {quoted(sentences)}"


def quoted(sentences: Sequence[str]) -> str:
    """Sentences in quotation marks, each in its own: there may be others between them."""
    return " ".join(f"\u201c{one}\u201d" for one in sentences)


def language_name(code: str) -> str:
    """The English name of a language, by its code."""
    return NAMES.get(code, code).title()


def _in_language(heard: Heard) -> str:
    return "" if is_english(heard) else f"In {language(heard)}, "


def language(heard: Heard) -> str:
    """The name of the language that is spoken."""
    return language_name(heard.language)


def is_english(heard: Heard) -> bool:
    """Whether the recording is in the language of the small model."""
    return heard.language == "en" or not heard.text


def _length(heard: Heard) -> str:
    minutes, seconds = divmod(round(heard.seconds), 60)
    clock = f", that is {minutes}:{seconds:02d} minutes" if heard.seconds >= _CLOCK else ""
    return f"The recording is {heard.seconds:.1f} seconds long{clock}."


def _loudness(heard: Heard) -> str:
    if heard.sound == "silence":
        return "It is silent: there is nothing to hear."
    return f"The loudness is {heard.loudness:.0f} dBFS."


def _speed(heard: Heard) -> str:
    if not heard.text:
        return _speech(heard)
    return f"The person talks at {heard.words_a_minute:.0f} words per minute."


def _language(heard: Heard) -> str:
    if not heard.text:
        return _speech(heard)
    doubt = "" if heard.language_probability >= _SURE else "probably "
    return f"The language is {doubt}{language(heard)}."


def _speech(heard: Heard) -> str:
    if heard.text:
        return f"Yes, somebody speaks, for about {heard.speech_seconds:.1f} seconds."
    return _WORDLESS[heard.sound or "noise"]


_WORDLESS: Mapping[Sound, str] = {
    "silence": "Nobody speaks: the recording is silent.",
    "tones": "Nobody speaks: I hear tones, perhaps music, but no words.",
    "noise": "Nobody speaks: I hear noise, but no words.",
}
_MEASURED = {
    Measure.LENGTH: _length,
    Measure.SPEECH: _speech,
    Measure.LANGUAGE: _language,
    Measure.SPEED: _speed,
    Measure.LOUDNESS: _loudness,
}
