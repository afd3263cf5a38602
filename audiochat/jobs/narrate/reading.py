"""A file becomes a book: plain text, Markdown, HTML or EPUB, by its name and by its first bytes."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO

from audiochat import files
from audiochat.errors import FileError
from audiochat.jobs.narrate.archive import LARGEST_FILE, utf_16
from audiochat.jobs.narrate.html import Skip

if TYPE_CHECKING:
    from audiochat.jobs.narrate.book import Book

_ZIP = b"PK\x03\x04"
_KINDLE = (b"BOOKMOBI", b"TEXtREAd")
_MARKDOWN = (".md", ".markdown", ".mdown", ".mkd")
_ODD_ONES = 20
"""One zero among so many bytes is no slip in a text."""
_HTML = (".html", ".htm", ".xhtml")
_HTML_BEGINS = re.compile(r"\s*(<\?xml[^>]*\?>\s*)?(<!DOCTYPE html|<html\b)", re.IGNORECASE)
_OTHERS = {
    b"%PDF": "a PDF, which has no text in order",
    b"{\\rtf": "RTF",
    b"\xd0\xcf\x11\xe0": "an old Word document",
}


def read_book(source: BinaryIO, *, name: str, skip: Skip | None = None) -> Book:
    """Read a book.

    Args:
        source: A seekable file, at its start.
        name: What to call it; its suffix tells Markdown from plain text.
        skip: What to leave out; by default everything is read.

    Raises:
        FileError: it is no book, damaged, protected, or has no words.
    """
    skip = skip or Skip()
    path = PurePath(name)
    title = files.name_as_text(path.stem)
    head = source.read(68)
    source.seek(0)
    if head.startswith(_ZIP):
        from audiochat.jobs.narrate.epub import read_epub

        book = read_epub(source, name=name, title=title, skip=skip)
    else:
        _refuse_others(head, name)
        text = _text(source, name)
        if path.suffix.lower() in _MARKDOWN:
            from audiochat.jobs.narrate.markdown import read_markdown

            book = read_markdown(text, title=title, skip=skip)
        elif path.suffix.lower() in _HTML or _HTML_BEGINS.match(text):
            from audiochat.jobs.narrate.markdown import read_html

            book = read_html(text, title=title, skip=skip)
        else:
            from audiochat.jobs.narrate.plain_text import read_plain_text

            book = read_plain_text(text, title=title)
    if not any(character.isalnum() for chapter in book.chapters for character in chapter.text):
        raise FileError(f"{name} has no words to read.", hint="Is it a book of pictures?", code="no_words")
    return book


def _text(source: BinaryIO, name: str) -> str:
    data = source.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise FileError(f"{name} is more than a book can be.", hint=f"At most {LARGEST_FILE} bytes are read.")
    wide = utf_16(data)
    if wide is not None:
        return data.decode(wide, "replace").removeprefix("\ufeff")
    if data[:4096].count(0) * _ODD_ONES > len(data[:4096]):
        raise _no_book(name, "no text")
    return files.decode_text(data, name=name)


def _no_book(name: str, what: str) -> FileError:
    return FileError(
        f"{name} is {what}; text, Markdown, HTML and EPUB are read.",
        hint="Convert it to EPUB, with Calibre say.",
        code="not_a_book",
    )


def _refuse_others(head: bytes, name: str) -> None:
    for mark, what in _OTHERS.items():
        if head.startswith(mark):
            raise _no_book(name, what)
    if head[60:68] in _KINDLE:
        raise _no_book(name, "a book for Kindle")
    if PurePath(name).suffix.lower() == ".epub":
        from audiochat.jobs.narrate.archive import damaged

        raise damaged(name, "it is no zip archive")
