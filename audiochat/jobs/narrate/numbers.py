"""How a number in digits may be said: `1905`, `3/4`, `5:00`, `1990s`, `1.500` in Spanish; letters alone."""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

_MOST = 256
"""Ways to say a number of several parts that are tried."""
_LARGEST = 15
"""Digits of a number that has words; longer ones are said digit by digit."""
_LAST_DAY = 31
_FRACTION = re.compile(r"(\d+)/(\d+)")
_TIME = re.compile(r"(\d{1,2}):00")
_GROUPED = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_ENDINGS = {
    "de": (
        *(("eins", ending) for ending in ("ein", "eine", "einem", "einen", "einer")),
        *(("te", ending) for ending in ("ten", "ter", "tes", "tem")),
    ),
    "es": (("uno", "un"), ("uno", "ún"), ("uno", "una"), ("cientos", "cientas"), ("primero", "primer")),
    "fr": (("un", "une"), ("premier", "première")),
    "it": (("uno", "un"), ("uno", "una"), ("o", "a")),
    "pt": (("um", "uma"), ("dois", "duas"), ("centos", "centas"), ("o", "a")),
}
"""Endings of a number that change with the word after it."""
_JOINTS = {"en": "point", "de": "komma", "fr": "virgule", "es": "coma", "it": "virgola", "pt": "vírgula", "nl": "komma"}
_WRITTEN_LIKE = {"zh": "ja"}
"""A language whose numbers are written alike, up to a hundred, where this one's are not known."""


def forms(number: str, language: str) -> set[str]:
    """The ways to say a number.

    Args:
        number: Digits, with what belongs to them: `21st`, `3.5`, `10:30`, `1/2`, `1990s`.
        language: An ISO 639 code.
    """
    if fraction := _FRACTION.fullmatch(number):
        return _of_fraction(int(fraction[1]), int(fraction[2]), language) | _of_parts(number, "/", language)
    if number.endswith("s"):
        return _of_decade(number, language)
    if language != "en" and _GROUPED.fullmatch(number):
        return _plain(number.replace(".", ""), language) | _of_parts(number, ".,", language)
    return _plain(number, language)


def _plain(number: str, language: str) -> set[str]:
    digits = re.sub(r"(st|nd|rd|th)$", "", number)
    found = {_one_by_one(digits, language)}
    if digits.isdigit():
        return found | {digits, *_of_integer(digits, language)}
    found |= _of_parts(digits, ".,:", language)
    if language == "en" and (hour := _TIME.fullmatch(digits)):
        found |= {f"{form}{after}" for form in _of_integer(hour[1], language) for after in ("", "oclock", "hundred")}
    if language == "en" and re.fullmatch(r"\d+\.5", digits):
        found |= {f"{form}andahalf" for form in _of_integer(digits[:-2], language)}
    return found


def _of_parts(number: str, signs: str, language: str) -> set[str]:
    split = re.split(f"[{signs}]", number)
    parts = [sorted({part, *_of_integer(part, language)}) for part in split]
    parts[-1] = [*parts[-1], _one_by_one(split[-1], language)]
    joints = ("", _JOINTS.get(language, ""), "dot", "slash")
    choices = itertools.islice(itertools.product(*parts), _MOST // len(joints))
    return {joint.join(choice) for choice in choices for joint in joints}


def _of_fraction(above: int, below: int, language: str) -> set[str]:
    if language != "en":
        return set()
    counts = {form for form in _words(above, language, "cardinal") if form}
    names = {2: ("half", "halves"), 4: ("quarter", "quarters", "fourth", "fourths")}.get(below)
    names = names or tuple(f"{form}{end}" for form in set(_words(below, language, "ordinal")) for end in ("", "s"))
    said = {f"{count}{name}" for count in counts for name in names}
    said |= {
        f"{count}{over}{form}"
        for count in counts
        for over in ("over", "outof", "in", "of")
        for form in _words(below, language, "cardinal")
    }
    if above == 1:
        said |= {f"{article}{name}{of}" for article in ("", "a", "an") for name in names for of in ("", "a")}
    said |= {f"and{form}" for form in said}
    return said | {f"{form}{of}" for form in said for of in ("of", "ofa")}


def _of_decade(number: str, language: str) -> set[str]:
    digits = number.rstrip("s").rstrip("'")
    if language != "en":
        return {f"{form}{end}" for form in _plain(digits, language) for end in ("", "s")}
    return {f"{form[:-1]}ies" if form.endswith("y") else f"{form}s" for form in _plain(digits, language) if form}


@lru_cache(maxsize=4096)
def _of_integer(digits: str, language: str) -> frozenset[str]:
    found = {_one_by_one(digits, language), _one_by_one(digits, language).replace("zero", "oh")}
    if len(digits) <= _LARGEST and digits:
        value = int(digits)
        ordinals = {form for form in _words(value, language, "ordinal") if form}
        found |= {*_words(value, language, "cardinal"), *ordinals}
        if len(digits) == 4 and digits[0] != "0":
            found |= {*_words(value, language, "year"), *_pair(digits, language)}
        if language == "en":
            found |= _in_english(digits, value, found, ordinals)
        if language == "de":
            found |= {form[3:] for form in found if form.startswith(("einhundert", "eintausend"))}
        for ending, other in _ENDINGS.get(language, ()):
            found |= {form.removesuffix(ending) + other for form in found if form.endswith(ending)}
    return frozenset(found - {""})


def _in_english(digits: str, value: int, found: set[str], ordinals: set[str]) -> set[str]:
    """What people say beside the number: "a hundred", "the third of" May, "seven forty-seven"."""
    said = set()
    for form in found:
        if form.startswith(("onehundred", "onethousand")):
            said |= {f"a{form[3:]}", form[3:]}
    if 0 < value <= _LAST_DAY:
        said |= {f"{the}{form}{of}" for form in ordinals for the in ("", "the") for of in ("", "of")}
    if len(digits) == 3 and digits[1] != "0" and digits[0] != "0":
        said.add(_words(value // 100, "en", "cardinal")[-1] + _words(value % 100, "en", "cardinal")[-1])
    return said


def _pair(digits: str, language: str) -> set[str]:
    """Four digits as two numbers: a year, the number of a house."""
    first, last = (_words(int(half), language, "cardinal")[-1] for half in (digits[:2], digits[2:]))
    if digits[2:] != "00":
        return {first + last}
    return {first, f"{first}hundred"} if language == "en" else {first}


def _one_by_one(digits: str, language: str) -> str:
    return "".join(_words(int(digit), language, "cardinal")[-1] for digit in digits if digit.isdigit())


@lru_cache(maxsize=8192)
def _words(value: int, language: str, kind: str) -> tuple[str, str]:
    """A number in words, letters alone, with and without "and"; empty where the language has none here."""
    from num2words import num2words

    try:
        told = str(num2words(value, lang=_WRITTEN_LIKE.get(language, language), to=kind))
    except (NotImplementedError, OverflowError, ValueError, TypeError, KeyError, IndexError):
        return "", ""
    letters = "".join(character if character.isalnum() else " " for character in told.casefold()).split()
    return "".join(letters), "".join(word for word in letters if word != "and")


def in_words(value: int, language: str, kind: str) -> tuple[str, ...]:
    """A whole number in words, letters alone: `cardinal`, `ordinal` or `year`; nothing where none are known."""
    return tuple(form for form in _words(value, language, kind) if form)


@lru_cache(maxsize=32)
def number_words(language: str) -> frozenset[str]:
    """The words that numbers are made of, from two on: "one" is mostly no number."""
    from num2words import num2words

    found: set[str] = set()
    for value in (*range(2, 21), *range(30, 100, 10), 100, 1000, 1_000_000):
        try:
            told = str(num2words(value, lang=_WRITTEN_LIKE.get(language, language)))
            found |= set(told.casefold().replace("-", " ").split())
        except (NotImplementedError, OverflowError, ValueError, TypeError, KeyError, IndexError):
            continue
    return frozenset(found - {_words(1, language, "cardinal")[0], "a", "and"})
