"""One piece of a book: spoken, compared with its text, spoken again where it differs, the best kept."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from audiochat.chat.reply import Usage
from audiochat.errors import AudiochatError, BrokenAnswerError, CancelledError, RefusedError
from audiochat.jobs.narrate.fidelity import Comparison, compare, compare_heard
from audiochat.jobs.narrate.hearing import heard_text
from audiochat.jobs.narrate.pace import SILENCE, Pace
from audiochat.jobs.narrate.readers import (
    INSTRUCTIONS,
    ChatReader,
    EngineReader,
    Reading,
    SpeechReader,
    is_speech_model,
    system_message,
)
from audiochat.jobs.piece import Failure, Piece, Result, Tokens, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audiochat.config import Settings
    from audiochat.jobs.narrate.readers import Reader
    from audiochat.jobs.narrate.script import Line
    from audiochat.jobs.work import Workplace
    from audiochat.local.engine import Engine

Check = Literal["words", "ear", "none"]

TRIES = 3
"""Readings of a piece, at most: two more where its meaning or a sentence is lost; one more for another word."""
NOT_READ = 0.7
"""The part of wrong words from which a reading is no reading, but an answer: it is left out of the book."""

_CHARACTERS_A_TOKEN = 4
_SPOKEN_TOKENS = 20


@dataclass(frozen=True, slots=True)
class Passage:
    """What a piece's reader is given."""

    text: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Speak:
    """The `Work` of a narration."""

    style: str | None = None
    language: str = "en"
    check: Check = "words"
    spoken: str | None = None
    """The language that the engine's voice is told; None lets it go by the text of each piece."""

    def piece(self, line: Line, label: str, settings: Settings) -> Piece[Passage]:
        """The piece that a line of the script is."""
        local = settings.provider == "local"
        voice = f"{settings.local.tts or ''}" if local else settings.model
        told_language = [self.spoken] if local and self.spoken else []
        key = key_of(
            "narrate", settings.provider, voice, settings.voice, self.style, INSTRUCTIONS, line.text, *told_language
        )
        words = len(line.text) // _CHARACTERS_A_TOKEN + 1
        told = len(system_message(self.style)) // _CHARACTERS_A_TOKEN
        tokens = Tokens(told + words, 0, words, round(line.seconds * _SPOKEN_TOKENS))
        return Piece(
            key, Passage(line.text, tuple(sorted(line.names))), label, line.seconds, tokens if not local else Tokens()
        )

    @contextmanager
    def open(self, place: Workplace) -> Iterator[Callable[[Passage], Result]]:
        """Connect; see `Work`."""
        from audiochat.assistant import Assistant
        from audiochat.jobs.work import long_work
        from audiochat.local.engine import Engine

        local = place.settings.provider == "local"
        engine = Engine(place.settings.local, progress=place.progress) if local or self.check == "ear" else None
        ear = engine if self.check == "ear" else None
        if local:
            assert engine is not None  # noqa: S101 - made above
            yield _Speaker(self, EngineReader(engine, place.settings.voice, self.spoken), ear).speak
            return
        policy = long_work(place.settings)
        with Assistant(place.settings, progress=place.progress, policy=policy) as assistant:
            speech = SpeechReader(assistant, place, self.style)
            if is_speech_model(assistant.connection.model):
                yield _Speaker(self, speech, ear).speak
            else:
                yield _Speaker(self, ChatReader(assistant, place, self.style), ear, instead=speech).speak


@dataclass(frozen=True, slots=True)
class Attempt:
    """A reading, and what was found about it."""

    reading: Reading = field(repr=False)
    words: Comparison | None = None
    """Of the words that the service says that it spoke."""
    heard: Comparison | None = None
    """Of the words that the recogniser hears."""
    heard_text: str | None = None
    cut: str | None = None
    """Why its sound cannot hold all of the words."""

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """What was compared."""
        return tuple(one for one in (self.words, self.heard) if one is not None)

    @property
    def is_unfaithful(self) -> bool:
        """Whether it must not stay so."""
        return not self.reading.pcm or self.cut is not None or any(one.is_unfaithful for one in self.comparisons)

    @property
    def is_perfect(self) -> bool:
        """Whether nothing is left to mend; a recogniser mishears some words of any reading."""
        return not self.is_unfaithful and (self.words is None or self.words.errors == 0)

    @property
    def is_no_reading(self) -> bool:
        """Whether it is an answer, not a reading."""
        no_words = any(one.is_other and one.rate >= NOT_READ for one in self.comparisons)
        return not self.reading.pcm or no_words

    @property
    def rank(self) -> tuple[Any, ...]:
        """The less, the better."""
        return (not self.reading.pcm, self.cut is not None, *(part for one in self.comparisons for part in one.rank))


@dataclass(slots=True)
class _Speaker:
    """Speaks pieces, from many threads."""

    work: Speak
    reader: Reader
    ear: Engine | None
    pace: Pace = field(default_factory=Pace)
    instead: Reader | None = None
    """Takes over where the service says that the model is for speech, and not for chat."""

    def speak(self, passage: Passage) -> Result:
        """Speak a piece until it is as it should be, or was tried often enough."""
        usage = Usage()
        best: Attempt | None = None
        tries = 0
        while tries < TRIES:
            try:
                attempt = self._judge(passage, self._read(passage.text, again=tries > 0))
            except CancelledError:
                raise
            except AudiochatError:
                if best is None:
                    raise
                break  # what there is was paid for
            tries += 1
            usage += attempt.reading.usage
            best = attempt if best is None or attempt.rank < best.rank else best
            if best.is_perfect or (tries > 1 and not best.is_unfaithful):
                break
        assert best is not None  # noqa: S101 - the first try raises, or gives one
        return _result(passage, best, usage, tries, self.work.check)

    def _read(self, text: str, *, again: bool) -> Reading:
        reader = self.reader
        try:
            return reader.read(text, again=again)
        except RefusedError as refusal:
            if self.instead is None or reader is self.instead or refusal.code != "not_an_audio_model":
                raise
            # Several pieces may learn it at once, each from a refusal of its own.
            self.reader = self.instead
            return self.reader.read(text, again=again)

    def _judge(self, passage: Passage, reading: Reading) -> Attempt:
        if self.work.check == "none":
            return Attempt(reading)
        language = self.work.language
        words = heard = text = cut = None
        if reading.words is not None:
            words = compare(passage.text, reading.words, language=language, names=passage.names)
        if reading.pcm and not isinstance(self.reader, EngineReader):
            cut = self.pace.why_cut(passage.text, reading.pcm)
            reading = replace(reading, pcm=b"") if cut == SILENCE else reading
        if self.ear is not None and reading.pcm and not (words is not None and words.is_unfaithful):
            text = heard_text(self.ear.recognizer, reading.pcm, passage.text, self.work.spoken)
            heard = compare_heard(passage.text, text, language=language)
            if isinstance(self.reader, EngineReader):
                # This voice reads whatever is there: what seems to be lost was misheard. Only a cut sound is not.
                heard = replace(heard, lost=())
        attempt = Attempt(reading, words, heard, text, cut)
        if not attempt.is_unfaithful:
            self.pace.learn(passage.text, reading.pcm)
        return attempt


def _result(passage: Passage, best: Attempt, usage: Usage, tries: int, check: Check) -> Result:
    """What is kept of a piece: its sound, losslessly, and both texts."""
    from audiochat.audio.encoder import encode

    if not best.reading.pcm and best.words is None:
        raise BrokenAnswerError("The service sent no sound.", hint="Try again.", code="no_audio")
    data = {
        "text": passage.text,
        "words": best.reading.words,
        "heard": best.heard_text,
        "seconds": round(best.reading.seconds, 3),
        "tries": tries,
        "check": check,
        "compared": None if best.words is None else best.words.as_json(),
        "compared_heard": None if best.heard is None else best.heard.as_json(),
    }
    blob = None if best.is_no_reading else encode(best.reading.pcm, "flac")
    return Result(data, blob, usage, _flaw(best) if best.is_unfaithful else None)


def _flaw(best: Attempt) -> Failure:
    lost = list(dict.fromkeys(one for comparison in best.comparisons for one in comparison.lost))
    if not best.reading.pcm:
        what, code = best.cut or "The model answered in text, and did not read.", "no_audio"
    elif best.is_no_reading:
        what, code = "The model answered, and did not read.", "not_read"
    elif best.cut is not None:
        what, code = best.cut, "cut"
    elif lost:
        what, code = f"The reading loses or changes {', '.join(map(repr, lost[:5]))}.", "unfaithful"
    else:
        what, code = "The reading leaves words out, adds some, or is another text.", "unfaithful"
    return Failure(code, what, RefusedError.exit_code, "Run it again to have this piece read anew.")
