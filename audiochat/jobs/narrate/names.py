"""The names in a book: words with a capital where no sentence begins, and never without one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audiochat.jobs.narrate.book import Book

WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_BEGINS_SENTENCE = re.compile(r"(?:^|[.!?…:;“”\"„«»‘(\[—–-]['’]?)\s*$")
_NO_NAMES = {"i", "i'm", "i'll", "i've", "i'd"}


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a text, in lower case."""

    words: frozenset[str]

    def among(self, text: str) -> frozenset[str]:
        """Those of them that are in a text."""
        found = (name_of(one[0]) for one in WORD.finditer(text) if one[0][0].isupper())
        return self.words.intersection(found)


def names_in(book: Book) -> Names:
    """The names in a book; headings do not tell, since all of their words may have a capital."""
    return names_of(block.text for chapter in book.chapters for block in chapter.blocks if not block.level)


def names_of(texts: Iterable[str]) -> Names:
    """The names in texts.

    Args:
        texts: Paragraphs.
    """
    capital: set[str] = set()
    lower: set[str] = set()
    for text in texts:
        if text.isupper():
            continue
        for found in WORD.finditer(text):
            word = found[0]
            if word[0].islower():
                lower.add(name_of(word))
            elif word[0].isupper() and not _BEGINS_SENTENCE.search(text, max(0, found.start() - 8), found.start()):
                capital.add(name_of(word))
    return Names(frozenset(capital - lower - _NO_NAMES))


def name_of(word: str) -> str:
    """A name as it is compared: in lower case, without a genitive's ending."""
    folded = word.casefold().replace("’", "'")
    return folded.removesuffix("'s").removesuffix("'")
