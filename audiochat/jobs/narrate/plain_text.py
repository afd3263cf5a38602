"""Books that are plain text: paragraphs between empty lines, chapters at lines that say so."""

from __future__ import annotations

import re

from audiochat.jobs.narrate.book import Block, Book
from audiochat.jobs.narrate.headings import chapters_by_headings, with_words

_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
_LINES = re.compile(r"[ \t]*\n[ \t]*")
_NUMBER = r"([0-9]+|[IVXLC]+|[A-Za-zéèü]+(-[A-Za-z]+)?)"
_CHAPTER = re.compile(
    rf"(chapter|part|book|volume|kapitel|teil|chapitre|partie|cap[ií]tulo|parte|capitolo|hoofdstuk)\s+{_NUMBER}"
    r"(\s*[.:–—-].{0,80}|)",
    re.IGNORECASE,
)
_ALONE = re.compile(
    r"(prologue|epilogue|preface|foreword|introduction|prolog|epilog|vorwort|nachwort|préface)\.?", re.IGNORECASE
)
_MOST_LINES = 3


def read_plain_text(text: str, *, title: str) -> Book:
    """Read a text.

    Args:
        text: All of it.
        title: What to call it.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")
    blocks = [_block(part) for part in _PARAGRAPHS.split(text.strip()) if part.strip()]
    return Book(title, with_words(chapters_by_headings(blocks, title=title)))


def _block(part: str) -> Block:
    """A paragraph, its lines joined: they end where the page did."""
    lines = _LINES.split(part.strip())
    joined = " ".join(lines)
    first = lines[0].strip()
    is_heading = len(lines) <= _MOST_LINES and (_CHAPTER.fullmatch(first) or _ALONE.fullmatch(first))
    return Block(joined, 1 if is_heading else 0)
