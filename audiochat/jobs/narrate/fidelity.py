"""Whether what was read is what is written: words compared, and what was lost that turns the meaning."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from audiochat.jobs.narrate.names import name_of
from audiochat.jobs.narrate.negations import negations
from audiochat.jobs.narrate.numbers import in_words, number_words
from audiochat.jobs.narrate.readings import Token, are_equal, readings, tokens, ways

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

MISSING_RUN = 4
"""Words lost, or added, one after the other, that are no slip: a sentence left out, an answer, a preamble."""
OTHER_TEXT = 0.25
"""The part of wrong words from which it is another text."""
MISHEARD = 0.5
"""The same for what a recogniser hears, which mishears one word in ten by itself."""
HEARD_RUN = 6
"""Words that are not heard, one after the other, from which a part is missing."""
ALIKE = 50.0
"""Per cent of the letters. Measured: what is misheard, code too, has 60 and more, another text less than 40."""
_FEWEST = 3

_INFLECTED = {"ru", "uk", "be", "pl", "cs", "sk", "sl", "hr", "sr", "bg", "lt", "lv", "fi", "et", "hu", "tr"}
"""Languages in which the last letters of a number change with its place in the sentence."""
_ENDING, _LONG_WORD = 2, 8


@dataclass(frozen=True, slots=True)
class Difference:
    """A run of words that was read otherwise."""

    written: str
    read: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """How what was read differs from what is written."""

    words: int
    """Of the text."""
    errors: int
    """Words that were lost, added or changed."""
    lost: tuple[str, ...] = ()
    """What turns the meaning: negations, numbers and names that are not read, or negations that are not written."""
    is_other: bool = False
    """Whether a sentence or more is missing, or it is another text: an answer, a paraphrase."""
    differences: tuple[Difference, ...] = ()

    @property
    def rate(self) -> float:
        """Errors a word."""
        return self.errors / max(self.words, 1)

    @property
    def is_unfaithful(self) -> bool:
        """Whether it must not stay so."""
        return bool(self.lost) or self.is_other

    @property
    def rank(self) -> tuple[int, int, int]:
        """The less, the better."""
        return int(self.is_other), len(self.lost), self.errors

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> Comparison:
        """What `as_json` gave."""
        differences = tuple(Difference(**one) for one in data["differences"])
        return cls(data["words"], data["errors"], tuple(data["lost"]), data["is_other"], differences)


def compare(text: str, read: str, *, language: str = "en", names: Collection[str] = ()) -> Comparison:
    """Compare what was read with what is written.

    Case, punctuation, spacing, and whether numbers are in digits or in words do not count; all else does.

    Args:
        text: What is written.
        read: The words that came.
        language: An ISO 639 code.
        names: In lower case: losing one is worse than losing another word.
    """
    regions, words = _regions(text, read, language)
    lost = [one for region in regions for one in _lost(*region, language, frozenset(names))]
    return _comparison(words, regions, lost, OTHER_TEXT)


def compare_heard(text: str, heard: str, *, language: str = "en") -> Comparison:
    """Compare what a recogniser hears with what is written.

    It mishears names and much else; so only what is missing between two words that were heard counts as lost.
    """
    regions, words = _regions(text, heard, language)
    lost: list[str] = []
    for written, read in regions:
        if not read and len(written) < _FEWEST:
            lost += _lost(written, read, language, frozenset())
        elif len(written) == len(read) == 1 and negations(read, language) < negations(written, language):
            lost += [written[0].raw]
    found = _comparison(words, regions, lost, MISHEARD)
    # What it mishears, code and addresses say, still sounds like what is written; an answer does not.
    missing = any(len(written) - len(read) >= HEARD_RUN and not _alike(written, read) for written, read in regions)
    is_other = missing or (found.is_other and not _alike(tokens(text), tokens(heard)))
    return replace(found, is_other=is_other)


_Region = tuple[list[Token], list[Token]]


def _comparison(words: int, regions: Sequence[_Region], lost: Sequence[str], most: float) -> Comparison:
    errors = sum(max(len(written), len(read)) for written, read in regions)
    runs = [abs(len(written) - len(read)) for written, read in regions]
    run = MISSING_RUN if most == OTHER_TEXT else HEARD_RUN
    many = errors >= _FEWEST and errors >= most * max(words, 1)
    is_other = many or max(runs, default=0) >= run or errors * 2 > words
    told = tuple(Difference(_raw(written), _raw(read)) for written, read in regions)
    return Comparison(words, errors, tuple(lost), is_other, told)


def _alike(written: Sequence[Token], read: Sequence[Token]) -> bool:
    """Whether two runs of words sound alike, by their letters."""
    from rapidfuzz import fuzz

    one, other = ("".join(token.text for token in run) for run in (written, read))
    return fuzz.ratio(one, other) >= ALIKE


def _raw(run: Sequence[Token]) -> str:
    return " ".join(token.raw for token in run)


def _regions(text: str, read: str, language: str) -> tuple[list[_Region], int]:
    """The runs of words that differ, and how many words are written."""
    written, said = _with_ones(tokens(text), language), tokens(read)
    if [token.text for token in written] == [token.text for token in said]:
        return [], len(written)
    return list(_differing(written, said, language)), len(written)


def _with_ones(found: list[Token], language: str) -> list[Token]:
    """The same words, the "one" of "twenty-one" marked: it is no article."""
    one = in_words(1, language, "cardinal")[:1]
    numbers = number_words(language)
    return [
        replace(token, counts=True) if index and token.text in one and found[index - 1].text in numbers else token
        for index, token in enumerate(found)
    ]


def _differing(written: list[Token], said: list[Token], language: str) -> Iterator[_Region]:
    matcher = SequenceMatcher(None, [one.text for one in written], [one.text for one in said], autojunk=False)
    spans = [(a, b, c, d) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]
    index = 0
    while index < len(spans):
        # A number in words can share a word with what follows it: two runs that are close may be one.
        for end in range(min(len(spans), index + 3), index, -1):
            a, c = spans[index][0], spans[index][2]
            b, d = spans[end - 1][1], spans[end - 1][3]
            if b - a <= 12 and d - c <= 24 and are_equal(written[a:b], said[c:d], language):
                index = end
                break
        else:
            a, b, c, d = spans[index]
            yield written[a:b], said[c:d]
            index += 1


def _lost(written: list[Token], read: list[Token], language: str, names: frozenset[str]) -> Iterator[str]:
    """What turns the meaning, of a run of words that was read otherwise."""
    before, after = negations(written, language), negations(read, language)
    if before != after:
        yield next((token.raw for token in (*written, *read) if negations([token], language)), "not")
    spoken = ways(read, language)
    words = {token.text for token in read}
    for token in written:
        name = name_of(token.raw)
        if token.is_number:
            forms = readings(token, language)
        elif token.counts or token.text in number_words(language):
            forms = frozenset({token.text})
        elif name in names and name not in {name_of(word) for word in words}:
            forms = readings(token, language) | {name}
        else:
            continue
        if language in _INFLECTED:
            forms |= {form[:-_ENDING] for form in forms if len(form) >= _LONG_WORD}
        if not any(form in way for form in forms for way in spoken):
            yield token.raw
