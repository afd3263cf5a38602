"""What is spoken of a book, piece by piece, and the pause after each."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from audiochat.errors import FileError
from audiochat.jobs.narrate.book import SEPARATOR, is_speakable
from audiochat.jobs.narrate.sentences import LONGEST, is_tiny, size, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from audiochat.jobs.narrate.book import Book, Chapter

Pause = Literal["sentence", "paragraph", "heading", "break", "chapter"]
"""What follows a piece: another sentence of the paragraph, a new paragraph, what a heading announces, a break
between scenes, the next chapter."""

_CHARACTERS_A_SECOND = 15.0
"""Of speech at some 150 words a minute."""


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of a chapter: what is spoken, and the text around it that is not."""

    text: str
    """What is spoken."""
    pause: Pause
    """What follows."""
    before: str = ""
    after: str = ""
    names: frozenset[str] = frozenset()
    """The names in it, as far as the book tells them from other words."""

    @property
    def whole(self) -> str:
        """All of the chapter's text that it stands for: those of a chapter, joined, are its text."""
        return f"{self.before}{self.text}{self.after}"

    @property
    def seconds(self) -> float:
        """How long it will take, about."""
        return size(self.text) / _CHARACTERS_A_SECOND


@dataclass(frozen=True, slots=True)
class Act:
    """A chapter in pieces."""

    number: int
    """As `--list` prints it, from 1."""
    title: str
    lines: tuple[Line, ...]


def write_script(book: Book, replacements: Mapping[str, str] | None = None) -> tuple[Act, ...]:
    """Cut a book into pieces.

    Args:
        book: The book.
        replacements: What is spoken instead of a word. The cuts are those without, so that another table changes
            the pieces alone that have the words.
    """
    from audiochat.jobs.narrate.names import names_in

    names = names_in(book)
    spoken = _Replacer(replacements or {})
    acts = []
    for number, chapter in enumerate(book.chapters, 1):
        lines = chapter_lines(chapter, book.language)
        told = (replace(line, text=spoken(line.text), names=names.among(line.text)) for line in lines)
        acts.append(Act(number, chapter.title, tuple(told)))
    return tuple(acts)


def chapter_lines(chapter: Chapter, language: str) -> list[Line]:
    """The pieces of a chapter; their `whole`, joined, is its text."""
    lines: list[Line] = []
    pending = ""
    for part, pause in _parts(chapter, language):
        text = part.strip()
        lead, _, tail = part.partition(text) if text else (part, "", "")
        if not is_speakable(text):
            if lines:
                lines[-1] = replace(lines[-1], after=lines[-1].after + part, pause=_longer(lines[-1].pause, pause))
            else:
                pending += part
        elif lines and _joins(lines[-1], text):
            last = lines[-1]
            lines[-1] = replace(last, text=f"{last.text}{last.after}{lead}{text}", after=tail, pause=pause)
        else:
            lines.append(Line(text, pause, before=pending + lead, after=tail))
            pending = ""
    if lines:
        lines[-1] = replace(lines[-1], pause="chapter")
    return lines


def _parts(chapter: Chapter, language: str) -> Iterator[tuple[str, Pause]]:
    """All of a chapter's text in parts, with what follows each."""
    last = len(chapter.blocks) - 1
    for index, block in enumerate(chapter.blocks):
        end = SEPARATOR if index < last else ""
        if not is_speakable(block.text):
            yield block.text + end, "break"
            continue
        parts = split(block.text, language)
        for number, part in enumerate(parts, 1):
            is_end = number == len(parts)
            pause: Pause = "sentence" if not is_end else "heading" if block.level else "paragraph"
            yield part + (end if is_end else ""), pause


def _joins(before: Line, text: str) -> bool:
    """Whether two paragraphs are read together, because one of them is tiny; never over a break."""
    fits = size(before.text) + size(text) <= LONGEST
    return fits and before.pause != "break" and (is_tiny(before.text) or is_tiny(text))


def _longer(one: Pause, other: Pause) -> Pause:
    return "break" if "break" in (one, other) else one


def read_replacements(text: str, *, name: str) -> dict[str, str]:
    """The table of `--replace`: a line each, `word==spoken`; empty lines and those that begin with # are skipped.

    Raises:
        FileError: a line is none of these.
    """
    table = {}
    for number, line in enumerate(text.splitlines(), 1):
        word, equals, spoken = line.partition("==")
        if not line.strip() or line.startswith("#"):
            continue
        if not equals or not word.strip():
            raise FileError(
                f"{name}, line {number}: {line[:60]!r} is not WORD==SPOKEN.", hint="For example: Siobhan==Shivawn"
            )
        table[word.strip()] = spoken.strip()
    return table


class _Replacer:
    """Puts what is spoken in the place of words."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = table
        longest_first = sorted(table, key=len, reverse=True)
        words = "|".join(
            (r"(?<!\w)" if word[0].isalnum() else "") + re.escape(word) + (r"(?!\w)" if word[-1].isalnum() else "")
            for word in longest_first
        )
        self._pattern = re.compile(words) if words else None

    def __call__(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._table[found[0]], text)
