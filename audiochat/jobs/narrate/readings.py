"""How a word, a number or a sign may be said, so that `1905` and "nineteen oh five" are known to be the same."""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST = 256
"""Ways to say a run of words that are tried."""
_LARGEST = 15
"""Digits of a number that has words; longer ones are said digit by digit."""

# Scripts without spaces: each character is a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(
    r"(?P<number>\d+(?:[.,:]\d+)*(?:st|nd|rd|th)?)(?![^\W\d_])|(?P<digits>\d+)"
    rf"|(?P<word>[{_UNSPACED}]|[^\W\d_{_UNSPACED}]+(?:'[^\W\d_]+)*)"
    r"|(?P<sign>[%&+=@#$€£/°])",
    re.IGNORECASE,
)
_CURRENCY = re.compile(r"([$€£])\s?(\d[\d.,]*\d|\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_ROMAN = re.compile(r"(?=[IVXLCDM])M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}

_SIGNS: dict[str, tuple[str, ...]] = {
    "%": ("percent", "prozent", "pourcent", "porciento", "percento", "procent"),
    "&": ("and", "und", "et", "y", "e", "en"),
    "+": ("plus",),
    "=": ("equals", "isequalto", "gleich", "égal", "igual"),
    "@": ("at",),
    "#": ("number", "hash", ""),
    "/": ("slash", ""),
    "$": ("dollars", "dollar"),
    "€": ("euros", "euro"),
    "£": ("pounds", "pound"),
    "°": ("degrees", "degree", "grad", "degrés", "grados"),
}


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a number or a sign."""

    text: str
    """As it is compared: in lower case."""
    raw: str
    """As it is written."""

    @property
    def is_number(self) -> bool:
        """Whether it is written in digits."""
        return self.text[0].isdigit()


def tokens(text: str) -> list[Token]:
    """The words, numbers and signs of a text; other punctuation and spacing do not count."""
    plain = unicodedata.normalize("NFKC", text).replace("’", "'").replace("‘", "'")
    plain = _THOUSANDS.sub("", _CURRENCY.sub(r"\2 \1", plain))
    return [Token(found[0].casefold(), found[0]) for found in _TOKEN.finditer(plain)]


def are_equal(one: Sequence[Token], other: Sequence[Token], language: str) -> bool:
    """Whether two runs of words are the same when they are said."""
    return not ways(one, language).isdisjoint(ways(other, language))


def ways(run: Iterable[Token], language: str) -> set[str]:
    """The ways to say a run of words, letters alone."""
    choices = itertools.product(*(sorted(readings(token, language)) for token in run))
    return {"".join(choice) for choice in itertools.islice(choices, _MOST)}


def readings(token: Token, language: str) -> frozenset[str]:
    """The ways to say a word, a number or a sign, letters alone."""
    return _readings(token.text, token.raw, language)


@lru_cache(maxsize=4096)
def _readings(text: str, raw: str, language: str) -> frozenset[str]:
    if text in _SIGNS:
        return frozenset({text, *_SIGNS[text]})
    if text[0].isdigit():
        return frozenset({text, *_of_number(text, language)})
    found = {text.replace("'", "")}
    if _ROMAN.fullmatch(raw):
        ordinal = _words(_roman(raw), language, "ordinal")
        found |= {*_words(_roman(raw), language, "cardinal"), *ordinal, *(f"the{one}" for one in ordinal)}
    return frozenset(found)


def _of_number(text: str, language: str) -> set[str]:
    digits = re.sub(r"(st|nd|rd|th)$", "", text)
    found = {_one_by_one(digits, language)}
    if digits.isdigit():
        found |= {digits, *_of_integer(digits, language)}
        return found
    parts = [sorted({part, *_of_integer(part, language)}) for part in re.split(r"[.,:]", digits)]
    last = _one_by_one(re.split(r"[.,:]", digits)[-1], language)
    parts[-1] = [*parts[-1], last]
    joints = ("", _point(language), "dot")
    for choice in itertools.islice(itertools.product(*parts), _MOST // len(joints)):
        found |= {joint.join(choice) for joint in joints}
    return found


@lru_cache(maxsize=4096)
def _of_integer(digits: str, language: str) -> frozenset[str]:
    found = {_one_by_one(digits, language), _one_by_one(digits, language).replace("zero", "oh")}
    if len(digits) <= _LARGEST:
        value = int(digits)
        found |= {*_words(value, language, "cardinal"), *_words(value, language, "ordinal")}
        if len(digits) == 4 and digits[0] != "0":
            found |= {*_words(value, language, "year"), *_pair(digits, language)}
        if language == "en":
            found |= {f"a{form[3:]}" for form in found if form.startswith(("onehundred", "onethousand"))}
    return frozenset(found - {""})


def _pair(digits: str, language: str) -> set[str]:
    """Four digits as two numbers: a year, the number of a house."""
    first, last = (_words(int(half), language, "cardinal")[-1] for half in (digits[:2], digits[2:]))
    if digits[2:] != "00":
        return {first + last}
    return {first, f"{first}hundred"} if language == "en" else {first}


def _one_by_one(digits: str, language: str) -> str:
    return "".join(_words(int(digit), language, "cardinal")[-1] for digit in digits if digit.isdigit())


def _point(language: str) -> str:
    return {"en": "point", "de": "komma", "fr": "virgule", "es": "coma", "it": "virgola"}.get(language, "")


@lru_cache(maxsize=8192)
def _words(value: int, language: str, kind: str) -> tuple[str, str]:
    """A number in words, letters alone, with and without "and"; empty where the language has none here."""
    from num2words import num2words

    try:
        told = str(num2words(value, lang=language, to=kind))
    except (NotImplementedError, OverflowError, ValueError, TypeError, KeyError, IndexError):
        return "", ""
    letters = "".join(character if character.isalnum() else " " for character in told.casefold()).split()
    return "".join(letters), "".join(word for word in letters if word != "and")


def _roman(raw: str) -> int:
    values = [_ROMAN_VALUES[letter] for letter in raw]
    pairs = itertools.zip_longest(values, values[1:], fillvalue=0)
    return sum(-value if value < following else value for value, following in pairs)


@lru_cache(maxsize=32)
def number_words(language: str) -> frozenset[str]:
    """The words that numbers are made of, from two on: "one" is mostly no number."""
    from num2words import num2words

    found: set[str] = set()
    for value in (*range(2, 21), *range(30, 100, 10), 100, 1000, 1_000_000):
        try:
            found |= set(str(num2words(value, lang=language)).casefold().replace("-", " ").split())
        except (NotImplementedError, OverflowError, ValueError, TypeError, KeyError, IndexError):
            continue
    return frozenset(found - {_words(1, language, "cardinal")[0], "a", "and"})
