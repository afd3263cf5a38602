"""A book as it is read aloud: chapters of blocks of text, and what was left out of it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

SEPARATOR = "\n\n"
"""What stands between two blocks of a chapter's text."""

_EXCERPT = 120
_SPOKEN_SYMBOLS = ("Sc", "Sm", "So")
_ORNAMENTS = range(0x2190, 0x2C00)
"""Arrows, frames, asterisms and the like, which nobody reads aloud."""


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph, an item of a list, a row of a table; without text, a break between scenes."""

    text: str
    level: int = 0
    """Of a heading, from 1; 0 is none."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not read."""

    kind: str
    """`note`, `front`, `hidden`, `metadata`, `empty`, …"""
    where: str
    """The file or the chapter."""
    text: str
    """Its beginning."""

    @classmethod
    def of(cls, kind: str, where: str, text: str) -> LeftOut:
        """With the beginning of the text alone."""
        told = " ".join(text.split())
        return cls(kind, where, told if len(told) <= _EXCERPT else f"{told[: _EXCERPT - 1]}…")


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter, as the table of contents has it."""

    title: str
    blocks: tuple[Block, ...] = field(repr=False)

    @property
    def text(self) -> str:
        """All of its text."""
        return SEPARATOR.join(block.text for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Cover:
    """The picture of a book."""

    data: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True)
class Book:
    """A book, ready to be cut into pieces."""

    title: str
    chapters: tuple[Chapter, ...]
    author: str | None = None
    language: str = "en"
    """An ISO 639 code, without region."""
    left_out: tuple[LeftOut, ...] = ()
    cover: Cover | None = None


def is_speakable(text: str) -> bool:
    """Whether there is anything to read aloud: punctuation and ornaments alone are a pause."""
    return any(
        character.isalnum()
        or (
            ord(character) > 0x7F
            and ord(character) not in _ORNAMENTS
            and unicodedata.category(character) in _SPOKEN_SYMBOLS
        )
        for character in text
    )
