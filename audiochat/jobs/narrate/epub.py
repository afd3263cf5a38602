"""Books in EPUB 2 and 3: the files in the order of the spine, chapters by the table of contents."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from audiochat.jobs.narrate.archive import Archive
from audiochat.jobs.narrate.book import Block, Book, Chapter, Cover, LeftOut, is_speakable
from audiochat.jobs.narrate.headings import chapters_at, chapters_by_headings, title_by_headings, title_of, with_words
from audiochat.jobs.narrate.html import FRONT, Extracted, Skip, extract
from audiochat.jobs.narrate.package import Package, read_package
from audiochat.jobs.narrate.toc import Entry, read_contents

if TYPE_CHECKING:
    from collections.abc import Sequence


def read_epub(source: BinaryIO, *, name: str, title: str, skip: Skip) -> Book:
    """Read a book.

    Args:
        source: A seekable file.
        name: What to call it in an error.
        title: What to call the book if it does not say.
        skip: What to leave out.

    Raises:
        FileError: it is damaged or protected.
    """
    with Archive(source, name) as archive:
        package = read_package(archive)
        contents = read_contents(archive, package)
        documents, left_out = _documents(archive, package, contents.entries, contents.front, skip)
        left_out += [
            LeftOut.of("missing", path, "The book names it, and does not have it as text.") for path in package.missing
        ]
        cover = _cover(archive, package)
    flat = _Flat.of(documents)
    name_of_book = package.title or title_by_headings(flat.blocks) or title
    if contents.entries:
        starts = flat.titled(flat.starts(contents.entries), name_of_book)
        before = _title_before(flat, starts, name_of_book)
        chapters = chapters_at(starts, flat.blocks, title=before)
    else:
        chapters = _without_contents(documents, name_of_book)
    left_out += [LeftOut.of("empty", chapter.title, chapter.title) for chapter in chapters if not _words(chapter)]
    return Book(
        title_of(name_of_book),
        with_words(chapters),
        author=package.author,
        language=package.language,
        left_out=tuple(left_out),
        cover=cover,
    )


@dataclass(frozen=True, slots=True)
class _Document:
    path: str
    content: Extracted


def _documents(
    archive: Archive, package: Package, entries: Sequence[Entry], front: frozenset[str], skip: Skip
) -> tuple[list[_Document], list[LeftOut]]:
    """The text of all files of the spine, and what was left out of them."""
    wanted: dict[str, set[str]] = {}
    for entry in entries:
        wanted.setdefault(entry.path, set()).add(entry.fragment)
    found, left_out = [], []
    for path in package.spine:
        content = extract(archive.read_text(path), where=path, skip=skip, anchors=wanted.get(path, ()))
        left_out += content.left_out
        if skip.front and (path in front or package.types.get(path, frozenset()) & FRONT):
            text = " ".join(block.text for block in content.blocks)
            left_out += [LeftOut.of("front", path, text)] if text else []
            content = replace(content, blocks=[], anchors={})
        found.append(_Document(path, content))
    return found, left_out


@dataclass(slots=True)
class _Flat:
    """All blocks of a book in one row."""

    blocks: list[Block]
    first: dict[str, int]
    """By path: the number of its first block."""
    documents: Sequence[_Document]

    @classmethod
    def of(cls, documents: Sequence[_Document]) -> _Flat:
        blocks: list[Block] = []
        first: dict[str, int] = {}
        for document in documents:
            first.setdefault(document.path, len(blocks))
            blocks += document.content.blocks
        return cls(blocks, first, documents)

    def starts(self, entries: Sequence[Entry]) -> list[tuple[int, str]]:
        """Where the chapters begin; a paragraph in whose middle one does is cut there."""
        anchors = {document.path: document.content.anchors for document in self.documents}
        marked = {entry.path for entry in entries if entry.fragment in anchors.get(entry.path, ())}
        order = {document.path: number for number, document in enumerate(self.documents)}
        # The file counts: one without text begins where the next one does.
        places: dict[tuple[int, int, int], list[str]] = {}
        for entry in entries:
            if entry.path in self.first:
                found = anchors[entry.path].get(entry.fragment) or (self._heading(entry) if entry.fragment else (0, 0))
                if found is None and entry.path in marked:
                    continue  # it leads nowhere, and would give its title to another's text
                block, offset = found or (0, 0)
                at, offset = self._place(self.first[entry.path] + block, offset)
                titles = places.setdefault((at, order[entry.path], offset), [])
                titles += [] if entry.title in titles else [entry.title]
        ordered = sorted(places)
        for block, _, offset in reversed(ordered):
            if offset:
                self._cut(block, offset)
        starts, cuts = [], 0
        for block, file, offset in ordered:
            cuts += bool(offset)
            title = ": ".join(title for title in places[block, file, offset] if title)
            starts.append((block + cuts, title))
        return starts

    def _heading(self, entry: Entry) -> tuple[int, int] | None:
        """The heading that a line of the contents means whose anchor is not there."""
        title = "".join(entry.title.casefold().split())
        content = next(one.content for one in self.documents if one.path == entry.path)
        for index, block in enumerate(content.blocks):
            if block.level and title and "".join(block.text.casefold().split()) == title:
                return index, 0
        return None

    def titled(self, starts: Sequence[tuple[int, str]], book: str) -> list[tuple[int, str]]:
        """Chapters with a title each: one that has none is called by its heading, else by its number."""
        ends = [*(start for start, _ in starts[1:]), len(self.blocks)]
        return [
            (start, title or next((one.text for one in self.blocks[start:end] if one.level), f"{book} {number}"))
            for number, ((start, title), end) in enumerate(zip(starts, ends, strict=True), 1)
        ]

    def _place(self, block: int, offset: int) -> tuple[int, int]:
        if block >= len(self.blocks):
            return len(self.blocks), 0
        one = self.blocks[block]
        if one.level or not is_speakable(one.text[:offset]):
            return block, 0
        return (block, offset) if is_speakable(one.text[offset:]) else (block + 1, 0)

    def _cut(self, index: int, offset: int) -> None:
        one = self.blocks[index]
        self.blocks[index : index + 1] = [
            replace(one, text=one.text[:offset].rstrip()),
            replace(one, text=one.text[offset:].lstrip()),
        ]

    def document_at(self, index: int) -> _Document | None:
        """The document that a block is in."""
        firsts = [self.first[document.path] for document in self.documents]
        at = bisect_right(firsts, index) - 1
        return self.documents[at] if self.documents else None


def _title_before(flat: _Flat, starts: Sequence[tuple[int, str]], book: str) -> str:
    """A title for what stands before the first chapter: its heading, or its document's title, or the book's."""
    end = starts[0][0] if starts else len(flat.blocks)
    heading = next((block.text for block in flat.blocks[:end] if block.level), "")
    document = flat.document_at(0)
    return heading or (document.content.title if document else "") or book


def _without_contents(documents: Sequence[_Document], book: str) -> list[Chapter]:
    """Chapters of a book without a table of contents: by its headings, else a file each."""
    blocks = [block for document in documents for block in document.content.blocks]
    if any(block.level for block in blocks):
        return chapters_by_headings(blocks, title=book)
    return [
        Chapter(title_of(one.content.title or f"{book} {number}"), tuple(one.content.blocks))
        for number, one in enumerate(documents, 1)
    ]


def _words(chapter: Chapter) -> bool:
    return any(is_speakable(block.text) for block in chapter.blocks)


def _cover(archive: Archive, package: Package) -> Cover | None:
    if package.cover is None or archive.find(package.cover[0]) is None:
        return None
    return Cover(archive.read(package.cover[0]), package.cover[1])
