"""Answer a question about recordings by what was measured and heard in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audiochat.local import facts
from audiochat.local.checking import telling
from audiochat.local.extracts import SHORT, relevant, telling_most
from audiochat.local.questions import Measure, Wish, is_english, understand_question
from audiochat.local.sentences import split_sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audiochat.local.questions import Question
    from audiochat.local.stt import Heard

_CANNOT_TELL = "I cannot tell that: I know the words and how long, how fast and how loud it is, not who speaks or how."
_NOTHING_MORE = "I am a small model, and I cannot tell more than I heard."
_ALL_WORDS = re.compile(r"transcri|verbatim|word (?:for|by) word|exact|write|dictat|repeat|read", re.IGNORECASE)
_REFERS = re.compile(
    r"\b(?:it|its|that|this|these|those|they|them|their|he|she|him|her|his|speaker|person|recording|audio|clip|said|say"
    r"|says|heard|hear|message|caller|voice|spoken|mention\w*|sound)\b",
    re.IGNORECASE,
)
_WORTH_SHORTENING = 15
"""Words from which on a model is asked for a summary; fewer are quoted."""
_MOST_READ = 150
"""Words up to which a small model is asked; it loses itself in more."""


@dataclass(frozen=True, slots=True)
class AboutRecording:
    """An answer to a question about recordings."""

    sentences: tuple[str, ...]
    """The answer without a language model."""
    source: str | None = None
    """The words that a language model may be asked about instead."""
    before: tuple[str, ...] = ()
    """What is said before the model's words."""


def needs_writing(question: Question) -> bool:
    """Whether a language model is asked about a recording."""
    return question.wish in (Wish.SUMMARY, Wish.OPEN)


def about(text: str, question: Question, recordings: Sequence[Heard]) -> bool:
    """Whether a question that comes after a recording is about it."""
    if question.measures or question.wish in (Wish.VOICE, Wish.SUMMARY) or _REFERS.search(text):
        return True
    asked = set(telling(text))
    return not asked or any(asked & set(telling(heard.text)) for heard in recordings)


def answer_about(recordings: Sequence[Heard], text: str, earlier: Sequence[str]) -> AboutRecording:
    """Answer a question about recordings.

    Args:
        recordings: What was heard and measured.
        text: The question.
        earlier: The answers that were given before.
    """
    question = understand_question(text)
    if len(recordings) == 1:
        return _about_one(recordings[0], text, question, earlier)
    told: list[str] = []
    for number, heard in enumerate(recordings, start=1):
        told += [f"Recording {number}:", *_about_one(heard, text, question, earlier).sentences]
    return AboutRecording(tuple(told))


def _about_one(heard: Heard, text: str, question: Question, earlier: Sequence[str]) -> AboutRecording:
    measured = tuple(facts.measured(heard, question.measures))
    if not heard.text:
        usual = facts.description(heard) if question.wish is Wish.DESCRIBE else facts.measured(heard, _WITHOUT_WORDS)
        return AboutRecording(measured if question.wish is None else _merged(usual, measured))
    if question.wish is None:
        return AboutRecording(measured)
    if question.wish is Wish.DESCRIBE:
        return AboutRecording(_merged(facts.description(heard), ()))
    if question.wish in (Wish.WORDS, Wish.AGAIN):
        return AboutRecording((*measured, *facts.words(heard, everything=_ALL_WORDS.search(text) is not None)))
    quote = tuple(_quote(heard, text, question, earlier))
    if question.wish is Wish.VOICE:
        return AboutRecording((*measured, _CANNOT_TELL, *(() if earlier else facts.words(heard))))
    count = len(heard.text.split())
    # A single sentence about the words needs no summary; other languages than English the model does not speak.
    asked = needs_writing(question) and _WORTH_SHORTENING <= count <= _MOST_READ and is_english(text)
    if not asked or not facts.is_english(heard):
        return AboutRecording((*measured, *quote))
    return AboutRecording(quote, heard.text, measured)


def _quote(heard: Heard, text: str, question: Question, earlier: Sequence[str]) -> list[str]:
    """The words that fit the question: all of a short recording, some sentences of a long one."""
    found = split_sentences(heard.text)
    short = len(heard.text.split()) <= SHORT
    if question.wish in (Wish.SUMMARY, Wish.SHORTER):
        chosen = found if short and not earlier else telling_most(heard.text, most=1 if short else 3)
    elif short and not earlier:
        chosen = found
    else:
        chosen = relevant(heard.text, text)
    if earlier and not chosen:  # the same words again would answer nothing
        return [_NOTHING_MORE]
    return [facts.heard_as(heard, chosen or found[:2], whole=len(chosen) == len(found))]


def _merged(told: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*told, *more]))


_WITHOUT_WORDS = (Measure.SPEECH, Measure.LENGTH)
