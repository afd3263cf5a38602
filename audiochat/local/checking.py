"""Check what a small model writes against what is known: the words heard, the question and the conversation.

A small model invents. So a sentence about a recording or a text is let through only where it says no more than its
source: its telling words stand in the source, in the same order, with the same negations and conditions. A sentence
that answers a plain question has no such source; it may not hold figures and quotations that nobody gave.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?")
_QUOTED = re.compile('["\u201c\u201e\u00ab]([^"\u201c\u201d\u201e\u00ab\u00bb]{2,})["\u201d\u00bb]')


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FIGURES = """
zero 0, one 1, two 2, three 3, four 4, five 5, six 6, seven 7, eight 8, nine 9, ten 10, eleven 11, twelve 12,
thirteen 13, fourteen 14, fifteen 15, sixteen 16, seventeen 17, eighteen 18, nineteen 19, twenty 20, thirty 30,
forty 40, fifty 50, sixty 60, seventy 70, eighty 80, ninety 90, hundred 100, thousand 1000, million 1000000,
billion 1000000000, dozen 12, half 1/2, twice 2x, double 2x, thrice 3x, triple 3x, third 1/3, quarter 1/4
"""
_NUMBERS = dict(pair.split() for pair in _FIGURES.split(","))

QUALIFIERS = _set(
    "not no never nobody nothing none neither nor without hardly cannot if unless except until only maybe perhaps "
    "probably possibly might may could would should almost nearly about rather instead but either or"
)
"""Words that turn or bound what is said: one more or one less makes another statement."""
_LOOSE = _set("about rather but either or")
"""Qualifiers that a shorter sentence may leave out, or use otherwise."""
CONNECTIVES = _set("because since so therefore although though after before while when whereas until unless if")
"""Words that say how two statements hang together; what follows them must be what follows them in the source."""
_GENDERED = _set("he she him her his hers himself herself")

_FUNCTION = _set(
    "a an the this that these those it its i me my mine we us our you your he she him her his hers they them their "
    "there here who which whom whose what where when is am are was were be been being do does did done has have had "
    "having will shall can to of in on at by for from with as into over than then so and because also too very just "
    "again himself herself myself yourself s t re ve ll d m going gonna"
)
_FRAME = _set(
    "speaker person people recording message voice audio clip text says say said saying saying tells talks mentions "
    "asks wants about short summary"
)
"""Words that tell whose words they are; they state nothing else."""


def tokens(text: str) -> list[str]:
    """The words and figures of a text, in small letters, contractions written out, numbers as figures."""
    plain = text.lower().replace("\u2019", "'").replace("won't", "will not").replace("can't", "can not")
    plain = re.sub(r"n't\b", " not", plain).replace("cannot", "can not")
    return [_NUMBERS.get(word, word) for word in _TOKEN.findall(plain)]


def stem(word: str) -> str:
    """A word without the commonest endings."""
    word = word.removesuffix("'s").split("'", maxsplit=1)[0]
    for ending in ("ingly", "edly", "ing", "ies", "ied", "est", "ed", "es", "ly", "er", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def telling(text: str) -> list[str]:
    """The stems of the words that carry a text's meaning, in order."""
    return [
        stem(word)
        for word in tokens(text)
        if word not in _FUNCTION and word not in _FRAME and word not in QUALIFIERS and not word.startswith("'")
    ]


def figures(text: str) -> set[str]:
    """The numbers in a text, "one" left out: that is an article as often as a number."""
    return {word for word in tokens(text) if word[0].isdigit() or word in _NUMBERS.values()} - {"1"}


def stated(sentence: str, source: Sequence[str]) -> bool:
    """Whether a sentence says no more than up to three sentences of its source in a row.

    Args:
        sentence: What a model wrote.
        source: The sentences that it may repeat or shorten.
    """
    wanted = telling(sentence)
    if not wanted or sentence.count('"') % 2:
        return False
    # What stands on one side of a "but" is a statement by itself, with or without a "not" of its own.
    sides = [side for one in source for side in re.split(r"[,;]\s+but\b", one)]
    return any(_same_statement(sentence, wanted, side) for side in sides) or any(
        _same_statement(sentence, wanted, " ".join(source[start : start + count]))
        for count in (1, 2, 3)
        for start in range(len(source) - count + 1)
    )


def _linked(text: str) -> list[str]:
    """The telling words of a text, and its connectives, in order."""
    return [found for word in tokens(text) for found in ([f"<{word}>"] if word in CONNECTIVES else telling(word))]


def _links_hold(sentence: str, source: str) -> bool:
    """Whether the sentence hangs together as its source does: a reason left out would make another reason."""
    there = _linked(source)
    pairs = set(pairwise(there))
    said = _linked(sentence)
    return all(pair in pairs for pair in pairwise(said) if pair[0].startswith("<"))


def _same_statement(sentence: str, wanted: Sequence[str], source: str) -> bool:
    if len(wanted) < min(2, len(telling(source))) or not _in_order(wanted, telling(source)):
        return False
    if not _links_hold(sentence, source):
        return False
    said, there = set(tokens(sentence)), set(tokens(source))
    if (said ^ there) & (QUALIFIERS - _LOOSE):
        return False
    return (said & _GENDERED) <= there and set(figures(sentence)) <= figures(source) | {"1"} & there


def _in_order(wanted: Iterable[str], there: Iterable[str]) -> bool:
    rest = iter(there)
    return all(one in rest for one in wanted)


def sayable(sentence: str, known: str) -> bool:
    """Whether a sentence that answers a plain question holds no figure and no quotation that nobody gave.

    Args:
        sentence: What a model wrote.
        known: What the user wrote and what was answered before.
    """
    if not figures(sentence) <= figures(known):
        return False
    place = " ".join(tokens(known))
    return all(" ".join(tokens(quoted)) in place for quoted in _QUOTED.findall(sentence))


def likeness(one: str, other: str) -> float:
    """How alike two texts are, from 0 to 1, by their telling words."""
    first, second = set(telling(one)), set(telling(other))
    return len(first & second) / max(1, min(len(first), len(second)))
