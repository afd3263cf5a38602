"""Books that are plain text: paragraphs between empty lines or line by line, chapters at lines that say so."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from audiochat.jobs.narrate.book import Block, Book
from audiochat.jobs.narrate.headings import chapters_by_headings, with_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*?(?=[ \t\u3000]*\S)")
_NUMBER = r"(?P<number>[0-9]+|[IVXLC]+|(?:the\s+)?[^\W\d_]+(?:[- ][^\W\d_]+)?)"
_NAME = (
    r"(?:chapter|part|book|volume|kapitel|teil|chapitre|partie|cap[ií]tulo|parte|capitolo|hoofdstuk|deel"
    r"|глава|часть|розділ|rozdział|część|kapitola|bölüm|luku|fejezet)"
)
_TITLE = r"(?P<title>\s*[.:–—-].{0,80}|\s+\S.{0,60}|)"
_CHAPTER = re.compile(rf"(?:{_NAME}\s+{_NUMBER}{_TITLE})", re.IGNORECASE)
_COUNTED = re.compile(
    rf"(?P<number>[0-9]+)\.\s*(?:kapitel|teil|fejezet|bölüm|luku){_TITLE}"
    r"|第\s*(?P<han>[0-9\uff10-\uff19一二三四五六七八九十百千零\u3007两兩]+)\s*[章回節节部卷編话話](?P<after>\s*.{0,40})"
    r"|제\s*[0-9]+\s*[장부편](?P<korean>\s*.{0,40})",
    re.IGNORECASE,
)
_ALONE = re.compile(
    r"(prologue|epilogue|preface|foreword|introduction|prolog|epilog|vorwort|nachwort|préface|пролог|эпилог"
    r"|楔子|序章|序言|尾声|尾聲|あとがき|まえがき)\.?",
    re.IGNORECASE,
)
_MOST_LINES = 3
_ENDS = re.compile(r"[.!?…。！？：:][\"'”’»\uff09)」』]*$|[」』]$")
_INDENTED = re.compile(r"[ ]{2,}|\t|\u3000")
_A_LINE_EACH = 0.7
"""The part of lines that end with a sentence from which each line is a paragraph: where lines are wrapped, few do."""


def read_plain_text(text: str, *, title: str) -> Book:
    """Read a text.

    Args:
        text: All of it.
        title: What to call it.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")
    parts = (part.split("\n") for part in _PARAGRAPHS.split(text.rstrip().lstrip("\n")) if part.strip())
    blocks = [_block(paragraph) for part in parts for paragraph in _paragraphs(part)]
    return Book(title, with_words(chapters_by_headings(blocks, title=title)))


def _paragraphs(lines: Sequence[str]) -> Iterator[list[str]]:
    """The paragraphs in lines without an empty one between."""
    each = len(lines) > _MOST_LINES and _ending(lines[:-1]) >= _A_LINE_EACH * (len(lines) - 1)
    indented = [_INDENTED.match(line) is not None for line in lines]
    # Where all lines are indented it is a quotation; but Chinese and Japanese paragraphs all begin so.
    begins = any(indented) and (not all(indented) or all(line.startswith("\u3000") for line in lines))
    paragraph: list[str] = []
    for line, is_indented in zip(lines, indented, strict=True):
        alone = len(lines) > _MOST_LINES and _is_chapter(line.strip(), titled=each)
        if paragraph and (each or alone or (begins and is_indented)):
            yield paragraph
            paragraph = []
        paragraph.append(line)
        if alone:
            yield paragraph
            paragraph = []
    if paragraph:
        yield paragraph


def _ending(lines: Sequence[str]) -> int:
    return sum(1 for line in lines if _ENDS.search(line.rstrip()) or _is_chapter(line.strip(), titled=True))


def _block(lines: Sequence[str]) -> Block:
    """A paragraph, its lines joined: they end where the page did."""
    lines = [line.strip() for line in lines if line.strip()]
    is_heading = len(lines) <= _MOST_LINES and _is_chapter(lines[0], titled=True)
    return Block(_joined(lines), 1 if is_heading else 0)


def _joined(lines: Sequence[str]) -> str:
    joined = lines[0]
    for line in lines[1:]:
        # Scripts without spaces have none at the end of a line either.
        joined += line if "\u2e80" <= joined[-1] <= "\uffef" and "\u2e80" <= line[0] <= "\uffef" else f" {line}"
    return joined


def _is_chapter(line: str, *, titled: bool) -> bool:
    """Whether a line begins a chapter.

    Args:
        line: The line.
        titled: Whether the chapter's title may follow its number.
    """
    if _ALONE.fullmatch(line):
        return True
    if counted := _COUNTED.fullmatch(line):
        return titled or not any(filter(None, (counted["title"], counted["after"], counted["korean"])))
    found = _CHAPTER.fullmatch(line)
    if found is None or not _is_number(found["number"]):
        return False
    title = found["title"]
    if title[:1].isspace() and title.strip()[0].isalnum():
        # `Chapter 2 The House`, but no sentence that happens to begin so.
        is_name = title.strip()[0].isupper() and not title.rstrip().endswith((".", ",", ";", ":"))
        return titled and is_name and not found["number"].islower()
    return titled or not title.strip(" .:")


def _is_number(told: str) -> bool:
    """Whether a word is a number: `Part of me` begins none."""
    word = "-".join(told.casefold().removeprefix("the ").split())
    return word.isdigit() or set(told.upper()) <= set("IVXLC") or word in _numbers()


@cache
def _numbers() -> frozenset[str]:
    """The numbers to a hundred in words, by which chapters are counted."""
    from num2words import num2words

    kinds = [(language, kind) for language in ("en", "de", "fr", "es", "it", "nl", "ru") for kind in _KINDS]
    return frozenset(
        str(num2words(value, lang=language, to=kind)) for language, kind in kinds for value in range(1, 100)
    )


_KINDS = ("cardinal", "ordinal")
