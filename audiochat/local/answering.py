"""Answer a conversation: by what was measured and heard where that is enough, else by the language model.

The engine's own model is tiny and invents. It is asked only where nothing else can answer, and what it writes is
checked (`checking`); where nothing of it holds, the answer is what was heard, verbatim, or that the model cannot tell.
A model that the user brings writes all answers but those that are measurements.
"""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from audiochat.local import facts
from audiochat.local.about_recording import about, answer_about, needs_writing
from audiochat.local.checking import likeness, sayable, stated, telling
from audiochat.local.extracts import telling_most
from audiochat.local.llm import TooLongError, Writing
from audiochat.local.prompts import EXAMPLES, Said
from audiochat.local.questions import (
    Wish,
    asks_who_answers,
    is_english,
    risky_subject,
    understand_question,
    wants_figure,
)
from audiochat.local.sentences import split_sentences
from audiochat.local.texts import split_text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from audiochat.local.engine import Parts
    from audiochat.local.llm import Limits
    from audiochat.local.stopping import StopSignal
    from audiochat.local.stt import Heard
    from audiochat.local.task import Message

CANNOT = "I am a small model, and I cannot answer that reliably."
_CANNOT_ON = "I am a small model, and I cannot say more about that."
_ENGLISH_ONLY = "I am a small model, and I understand English alone."
_CANNOT_SHORTEN = "I am a small model, and I cannot make that shorter."
_RISKY = {
    "health": "Please ask a doctor or a pharmacist, and call the emergency number if it is urgent.",
    "safety": "Please ask a trained person, and call the emergency number if there is danger.",
    "law": "Please ask a lawyer or an advice centre.",
    "money": "Please ask an adviser whom you trust.",
}
_ALIKE = 0.8
"""Likeness from which on an answer is an earlier one again, or an example of the prompt."""
_CHARACTERS = 4
"""Of a token, on average, for answers that no model wrote."""


class Answering:
    """Answers conversations with the parts of an engine.

    Args:
        engine: Its parts.
    """

    def __init__(self, engine: Parts) -> None:
        self._engine = engine
        self._foreign: set[str] = set()

    def may_need_model(self, messages: Sequence[Message]) -> bool:
        """Whether the language model may be needed, as far as can be told before the recordings are heard."""
        last = next((one for one in reversed(messages) if one.role == "user"), None)
        if last is None or not last.recordings or not last.text.strip():
            return True
        question = understand_question(last.text)
        return needs_writing(question) if self._engine.small_model else question.wish is not None

    def write(self, said: Sequence[Said], limits: Limits, stop: StopSignal) -> Writing:
        """Answer a conversation whose recordings were heard.

        Raises:
            TooLongError: it does not fit into the model's context.
        """
        said = [_as_text(one) for one in said]
        at = max((index for index, one in enumerate(said) if one.role == "user"), default=None)
        if at is None:
            return self._model(said, limits, stop)
        last = said[at]
        recordings = last.heard or next((one.heard for one in reversed(said[:at]) if one.heard), ())
        question = understand_question(last.text)
        if recordings and not all(map(facts.is_english, recordings)):
            self._note_language(next(one for one in recordings if not facts.is_english(one)).language)
        if not self._engine.small_model:
            if last.heard and question.wish is None:
                return fixed([one for heard in last.heard for one in facts.measured(heard, question.measures)], limits)
            return self._model(said, limits, stop)
        earlier = [one.text for one in said[:at] if one.role == "assistant"]
        if earlier and not last.heard and question.wish in (Wish.AGAIN, Wish.SHORTER):
            return fixed([earlier[-1]] if question.wish is Wish.AGAIN else _shorter(earlier[-1]), limits)
        if recordings and (last.heard or about(last.text, question, recordings)):
            return self._about_recording(said, at, recordings, limits, stop)
        return self._plain([replace(one, heard=()) for one in said], earlier, limits, stop)

    def _model(self, said: Sequence[Said], limits: Limits, stop: StopSignal) -> Writing:
        return self._engine.language_model.write(said, limits, stop)

    def _about_recording(
        self, said: Sequence[Said], at: int, recordings: Sequence[Heard], limits: Limits, stop: StopSignal
    ) -> Writing:
        last = said[at]
        answer = answer_about(recordings, last.text, [one.text for one in said[:at] if one.role == "assistant"])
        if answer.source is None or risky_subject(last.text):
            return fixed([*answer.before, *answer.sentences], limits)
        source = split_sentences(answer.source)
        subjects = set(telling(last.text))
        # A true sentence is no answer where it has nothing to do with the question.
        anything = not subjects or understand_question(last.text).wish is Wish.SUMMARY

        def holds(sentence: str) -> bool:
            return stated(sentence, source) and (anything or bool(subjects & set(telling(sentence))))

        asked = [one for one in said[:at] if one.role == "system"]
        asked.append(Said("user", last.text, tuple(recordings)))
        return self._checked(asked, holds, answer.sentences, limits, stop, first=answer.before)

    def _plain(self, said: Sequence[Said], earlier: Sequence[str], limits: Limits, stop: StopSignal) -> Writing:
        """A question without a recording."""
        last = next(one for one in reversed(said) if one.role == "user")
        text = split_text(last.text)
        if text is not None:
            source = split_sentences(text.material)
            otherwise = [f"It says: {facts.quoted(telling_most(text.material, most=2) or source[:2])}"]
            return self._checked(said, lambda sentence: stated(sentence, source), otherwise, limits, stop)
        known_answer = self._without_model(last.text)
        if known_answer:
            return fixed(known_answer, limits)
        known = "\n".join(one.text for one in said)
        follows = bool(earlier) and len(telling(last.text)) <= 1  # "Why that one?"
        asked = telling(last.text)
        subjects = set(telling("\n".join(one.text for one in said if one is not last)))

        def holds(sentence: str) -> bool:
            again = any(likeness(sentence, one) >= _ALIKE for one in earlier)
            strange = follows and not subjects & set(telling(sentence))
            echo = sentence.endswith("?") and telling(sentence) == asked
            return not (again or strange or echo or _leaked(sentence, known)) and sayable(sentence, known)

        return self._checked(said, holds, [_CANNOT_ON if earlier else CANNOT], limits, stop)

    def _without_model(self, question: str) -> list[str]:
        """The answer to a question that the small model is not asked; empty where it is."""
        subject = risky_subject(question)
        if subject is not None:
            refusal = f"I am a small model, and not fit to answer questions of {subject}: a wrong answer could hurt."
            return [refusal, _RISKY[subject]]
        if not is_english(question):
            return [_ENGLISH_ONLY]
        if asks_who_answers(question):
            return [f"I am {self._engine.model_name}, a small language model that runs on this computer."]
        return [CANNOT] if wants_figure(question) else []

    def _checked(
        self,
        said: Sequence[Said],
        holds: Callable[[str], bool],
        otherwise: Sequence[str],
        limits: Limits,
        stop: StopSignal,
        *,
        first: Sequence[str] = (),
    ) -> Writing:
        """What the model writes, as long as it holds; if nothing of it does, something else.

        Args:
            said: What the model is asked.
            holds: Whether a sentence of it does.
            otherwise: What is said instead.
            limits: What the request says about the writing.
            stop: Ends the writing.
            first: What is said before it in any case.
        """
        try:
            written = self._model(said, limits, stop)
        except TooLongError:
            if not any(one.heard for one in said):
                raise
            return fixed([*first, *otherwise], limits)
        return _filtered(written, holds, first, otherwise)

    def _note_language(self, code: str) -> None:
        if code not in self._foreign:
            self._foreign.add(code)
            name = facts.language_name(code)
            self._engine.progress.note(
                f"The recording is in {name}, which the engine hears; its own sentences are English."
            )


def fixed(sentences: Sequence[str], limits: Limits) -> Writing:
    """An answer that no model wrote, cut where the request wants no more tokens."""
    writing = Writing(prompt_tokens=0)

    def lines() -> Iterator[str]:
        for sentence in sentences:
            tokens = math.ceil(len(sentence) / _CHARACTERS)
            if limits.tokens is not None and writing.completion_tokens + tokens > limits.tokens:
                writing.finish_reason = "length"
                left = (limits.tokens - writing.completion_tokens) * _CHARACTERS
                writing.completion_tokens = limits.tokens
                if left > 0:
                    yield sentence[:left].rstrip()
                return
            writing.completion_tokens += tokens
            yield sentence

    writing.sentences = (one for one in lines())
    return writing


def _filtered(
    written: Writing, holds: Callable[[str], bool], first: Sequence[str], otherwise: Sequence[str]
) -> Writing:
    """What a model writes, as long as it holds; see `Answering._checked`."""
    writing = Writing(prompt_tokens=written.prompt_tokens)

    def lines() -> Generator[str, None, None]:
        yield from first
        begun = False
        with closing(written.sentences) as found:
            for sentence in found:
                if holds(sentence):
                    begun = True
                    yield sentence
                elif begun:  # what follows may speak of what is left out
                    break
        writing.completion_tokens = written.completion_tokens
        writing.finish_reason = written.finish_reason
        if not begun:
            writing.finish_reason = "stop"
            yield from otherwise

    writing.sentences = lines()
    return writing


def _as_text(one: Said) -> Said:
    """A recording without a question beside it is a question that was spoken."""
    words = " ".join(heard.text for heard in one.heard)
    return Said(one.role, words) if one.role == "user" and words and not one.text.strip() else one


def _shorter(previous: str) -> list[str]:
    """The most telling sentence of an earlier answer."""
    opened, closed = previous.find("\u201c"), previous.rfind("\u201d")
    inner = previous[opened + 1 : closed] if 0 <= opened < closed else previous
    found = split_sentences(inner)
    if len(found) < 2:
        return [_CANNOT_SHORTEN]
    best = telling_most(inner, most=1) or found[:1]
    return [f"In short: {facts.quoted(best)}" if inner != previous else found[0]]


def _leaked(sentence: str, known: str) -> bool:
    """Whether a sentence is one of the prompt's examples that has nothing to do with the conversation."""
    subjects = set(telling(known))
    return any(
        likeness(sentence, answer) >= _ALIKE and not subjects & set(telling(f"{question} {answer}"))
        for question, answer in EXAMPLES
    )
