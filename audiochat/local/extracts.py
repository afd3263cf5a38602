"""The sentences of a text that matter for a question, verbatim and in their order."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from audiochat.local.checking import telling
from audiochat.local.sentences import split_sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORT = 60
"""Words up to which a text is quoted whole."""

_KINDS = (
    (re.compile(r"\b(?:when|what (?:time|day|date|year)|how (?:late|early|often|long))\b", re.IGNORECASE), re.compile(
        r"\d|\b(?:o'clock|noon|midnight|today|tomorrow|yesterday|tonight|morning|evening|afternoon|week|month|year|"
        r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september|"
        r"october|november|december|daily)", re.IGNORECASE)),
    (re.compile(r"\b(?:how (?:many|much|old|far|big)|number|price|cost|code|phone|telephone"
    r"|amount)\b", re.IGNORECASE), re.compile(
        r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty|hundred|thousand|million"
        r"|dozen|half)\b",
        re.IGNORECASE)),
    (re.compile(r"\b(?:who|whom|whose|name|names)\b", re.IGNORECASE), re.compile(
        r"\b(?:this is|my name|I am|I'm|name is)\b|(?<=[\w,] )[A-Z][a-z]+")),
    (re.compile(r"\b(?:where|address|place|city|street|room)\b", re.IGNORECASE), re.compile(
        r"\b(?:in|at|on|near|behind|next to|from|to) (?:the |a |our |my )?\w+", re.IGNORECASE)),
    (re.compile(r"\bwhy\b", re.IGNORECASE), re.compile(r"\b(?:because|since|so that|due to|reason"
    r"|therefore)\b", re.IGNORECASE)),
)  # fmt: skip
"""What a question asks for, and what sentences that answer it hold."""


def relevant(text: str, question: str, *, most: int = 3) -> list[str]:
    """The sentences that fit a question best; none where none fits.

    Args:
        text: Where they are taken from.
        question: What is asked.
        most: How many at most.
    """
    found = split_sentences(text)
    asked = set(telling(question))
    wanted = [kind for words, kind in _KINDS if words.search(question)]
    scores = []
    for sentence in found:
        common = len(asked & set(telling(sentence)))
        scores.append(2.0 * common + sum(1.0 for kind in wanted if kind.search(sentence)) if common else 0.0)
    if not any(scores):
        scores = [float(any(kind.search(sentence) for kind in wanted)) for sentence in found]
    return _best(found, scores, most)


def telling_most(text: str, *, most: int = 3) -> list[str]:
    """The sentences whose words come back most in the whole text."""
    found = split_sentences(text)
    counts = Counter(telling(text))
    scores = []
    for index, sentence in enumerate(found):
        words = set(telling(sentence))
        # Words that come back are what it is about; who speaks says early what that is.
        scores.append(sum(counts[word] - 1 for word in words) / (len(words) + 4) ** 0.5 + 0.5 / (index + 1))
    return _best(found, scores, most)


def _best(found: Sequence[str], scores: Sequence[float], most: int) -> list[str]:
    """The highest scores that are not zero, in the order of the text."""
    ranked = sorted(range(len(found)), key=lambda index: (-scores[index], index))[:most]
    return [found[index] for index in sorted(ranked) if scores[index] > 0]
