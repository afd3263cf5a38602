"""Words of a transcript: cut out of its text without losing any of it, compared, and weighed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Scripts that are written without spaces: each character is a word here, so that times and cues can fall between them.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana and ideographs
)
_WORD = re.compile(
    rf"(\s*)((?:[{_UNSPACED}](?:[^\w\s]|[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u3099\u309a\u30fc])*)|[^\s{_UNSPACED}]+)"
)
_VOWELS = re.compile(r"[aeiouyäöüæœøåàáâãèéêëìíîïòóôõùúûýāēīōūаеёиоуыэюяіїєαεηιουωάέήίόύώ]+")
_IDEOGRAPH = re.compile(rf"[{_UNSPACED}]")
_SYLLABLE = re.compile(rf"[{_UNSPACED}\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its time in the recording."""

    text: str
    """As it was written, with its punctuation."""
    start: float
    """Seconds from the start of the recording."""
    end: float
    spaced: bool = True
    """Whether a space stands before it."""
    estimated: bool = False
    """Whether its times are worked out, not heard."""
    piece: int = 0
    """The number of the piece that it was written in, from 0."""


def split(text: str) -> list[tuple[str, bool]]:
    """The words of a text, each with its punctuation, and whether a space stands before it."""
    return [(found[2], bool(found[1])) for found in _WORD.finditer(text)]


def is_spaced(text: str) -> bool:
    """Whether a word is of a script that puts spaces between words."""
    return _IDEOGRAPH.match(text) is None


def join(words: Iterable[tuple[str, bool]]) -> str:
    """The text of words; the first one's space is left out."""
    return "".join(f" {text}" if spaced else text for text, spaced in words).lstrip()


def text_of(words: Iterable[Word]) -> str:
    """The text of words with times."""
    return join((word.text, word.spaced) for word in words)


def plain(text: str) -> str:
    """A word as it is compared: without case, punctuation and the width of letters; empty where nothing is left."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum() or unicodedata.combining(character))


def plain_words(text: str) -> list[str]:
    """The words of a text as they are compared, those of punctuation alone left out."""
    return [word for one, _ in split(text) if (word := plain(one))]


def weight(text: str) -> float:
    """How long a word takes to say, in syllables, roughly."""
    folded = text.casefold()
    syllables = len(_VOWELS.findall(folded)) + len(_SYLLABLE.findall(folded))
    digits = sum(character.isdigit() for character in folded)
    return max(syllables + 1.5 * digits, 0.5) if plain(text) else 0.1
