"""How a word, a number or a sign may be said, so that `1905` and "nineteen oh five" are known to be the same."""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from audiochat.jobs.narrate.abbreviations import in_full
from audiochat.jobs.narrate.numbers import forms, in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST = 256
"""Ways to say a run of words that are tried."""

# Scripts without spaces: each character is a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(
    r"(?P<fraction>(?<![\d/])\d{1,3}/\d{1,4}(?![\d/]))"
    r"|(?P<decade>\d+0'?s)(?![^\W_])"
    r"|(?P<number>\d+(?:[.,:]\d+)*(?:st|nd|rd|th)?)(?![^\W_]|[.,:]\d)|(?P<digits>\d+)"
    rf"|(?P<word>[{_UNSPACED}]|[^\W\d_{_UNSPACED}]+(?:'[^\W\d_]+)*)"
    r"|(?P<sign>[%&+=@#$€£/°]|(?<=\d)–(?=\d)|(?<![\w.)])-(?=\d))",
    re.IGNORECASE,
)
_NUMBER = r"\d[\d.,]*\d|\d"
_CURRENCY = re.compile(rf"([$€£])\s?({_NUMBER})(\s(?:hundred|thousand|million|billion|trillion)\b)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d.,]*\d)")
_OF_LETTERS = re.compile(r"\b([iez])\.\s?([egB])\.")
"""`i.e.`, `e.g.` and `z.B.`, which are spoken in full."""
_NUMERO = re.compile(r"\b[Nn]os?\.\s*(?=\d)")
_RANGE = re.compile(r"(?<=\d)\s?[\u2010-\u2014\u2212-]\s?(?=\d)")
# What Unicode's compatible form would put together: `10⁶` is not 106, `2½` not 21/2, and no `2` is said in `m²`.
_RAISED = re.compile(r"(?<=\d)(?=[⁰¹²³⁴-⁹¼-¾⅐-⅞])")
_SQUARED = {"²": " squared", "³": " cubed"}
_UNIT_RAISED = re.compile(r"(?<=[^\W\d_])[²³]")
_ROMAN = re.compile(r"(?=[IVXLCDM])M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}

_SIGNS: dict[str, tuple[str, ...]] = {
    "%": ("percent", "prozent", "pourcent", "porciento", "percento", "procent"),
    "&": ("and", "und", "et", "y", "e", "en"),
    "+": ("plus",),
    "=": ("equals", "isequalto", "is", "gleich", "égal", "igual"),
    "@": ("at",),
    "#": ("number", "numbers", "hash", "no", "nos", ""),
    "/": ("slash", "per", "over", "or", ""),
    "$": ("dollars", "dollar"),
    "€": ("euros", "euro"),
    "£": ("pounds", "pound"),
    "°": ("degrees", "degree", "grad", "degrés", "grados"),
    "–": ("", "to", "through", "until", "dash", "minus", "bis", "à", "a", "al", "tot", "até"),
}
# A dash between numbers is a range, one before a number a minus.
_SIGNS["-"] = ("", "minus", "negative", "dash")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a number or a sign."""

    text: str
    """As it is compared: in lower case."""
    raw: str
    """As it is written."""

    counts: bool = False
    """Whether it is the "one" of a number in words."""

    @property
    def is_number(self) -> bool:
        """Whether it is written in digits."""
        return self.text[0].isdigit()


def tokens(text: str) -> list[Token]:
    """The words, numbers and signs of a text; other punctuation and spacing do not count."""
    apart = _UNIT_RAISED.sub(lambda found: _SQUARED[found[0]], _RAISED.sub(" ", text))
    plain = unicodedata.normalize("NFKC", apart).replace("’", "'").replace("‘", "'").replace("\u2044", "/")
    plain = _OF_LETTERS.sub(r"\1\2", plain.replace("\u2212", "-"))
    plain = _CURRENCY.sub(r"\2\3 \1", _NUMERO.sub("# ", _RANGE.sub("–", plain)))
    plain = _SPACED_THOUSANDS.sub(lambda found: found[0].replace(" ", ""), _THOUSANDS.sub("", plain))
    return [Token(found[0].casefold(), found[0]) for found in _TOKEN.finditer(plain)]


def are_equal(one: Sequence[Token], other: Sequence[Token], language: str) -> bool:
    """Whether two runs of words are the same when they are said."""
    runs = [[readings(token, language) for token in run] for run in (one, other)]
    # How far in each, and the letters that the first (0) or the second (1) is ahead.
    todo, seen = [(0, 0, 0, "")], set()
    while todo:
        state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        places, ahead, rest = state[:2], state[2], state[3]
        if not rest and places == (len(runs[0]), len(runs[1])):
            return True
        # The one that is behind takes its next word; where neither is, or a word may be silent, either does.
        for side in (1 - ahead,) if rest else (0, 1):
            if places[side] == len(runs[side]):
                continue
            moved = (places[0] + (side == 0), places[1] + (side == 1))
            for form in runs[side][places[side]]:
                if rest.startswith(form):
                    todo.append((*moved, ahead, rest[len(form) :]))
                elif form.startswith(rest):
                    todo.append((*moved, side, form[len(rest) :]))
        if rest and places[ahead] < len(runs[ahead]) and "" in runs[ahead][places[ahead]]:
            todo.append((places[0] + (ahead == 0), places[1] + (ahead == 1), ahead, rest))
    return False


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
        return frozenset({text, *forms(text, language)})
    found = {text.replace("'", ""), *in_full(text, language)}
    if language == "en":  # English has no accents but those of loanwords, which are as good without
        found |= {_without_accents(form) for form in found}
    if _ROMAN.fullmatch(raw):
        ordinal = in_words(_roman(raw), language, "ordinal")
        found |= {*in_words(_roman(raw), language, "cardinal"), *ordinal, *(f"the{one}" for one in ordinal)}
    return frozenset(found)


def _without_accents(word: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFD", word) if not unicodedata.combining(one))


def _roman(raw: str) -> int:
    values = [_ROMAN_VALUES[letter] for letter in raw]
    pairs = itertools.zip_longest(values, values[1:], fillvalue=0)
    return sum(-value if value < following else value for value, following in pairs)
