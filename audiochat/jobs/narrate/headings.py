"""Chapters by headings, where no table of contents tells them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from audiochat.jobs.narrate.book import Chapter, is_speakable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from audiochat.jobs.narrate.book import Block

_TITLE = 80
"""Characters of a title that is taken from the text."""


def chapters_by_headings(blocks: Sequence[Block], *, title: str) -> list[Chapter]:
    """Chapters that begin at the headings of the highest level that there is more than one of, and at those above.

    Args:
        blocks: Of the text.
        title: Of the text before the first heading.
    """
    levels = Counter(block.level for block in blocks if block.level)
    several = [level for level, count in levels.items() if count > 1]
    deepest = min(several) if several else max(levels, default=0)
    starts = [index for index, block in enumerate(blocks) if 0 < block.level <= deepest]
    return chapters_at([(index, blocks[index].text) for index in starts], blocks, title=title)


def chapters_at(starts: Sequence[tuple[int, str]], blocks: Sequence[Block], *, title: str) -> list[Chapter]:
    """Chapters that begin at these blocks; text before the first is a chapter too.

    Args:
        starts: The number of a block and the chapter's title, in order.
        blocks: Of the text.
        title: Of the text before the first.
    """
    bounds = [*([] if starts and starts[0][0] == 0 else [(0, title)]), *starts]
    ends = [*(start for start, _ in bounds[1:]), len(blocks)]
    return [Chapter(title_of(told), tuple(blocks[start:end])) for (start, told), end in zip(bounds, ends, strict=True)]


def title_by_headings(blocks: Iterable[Block]) -> str | None:
    """The title of a book that has no other: the only heading of the highest level; None where there is none."""
    headings = [block for block in blocks if block.level]
    highest = min((block.level for block in headings), default=0)
    found = [block.text for block in headings if block.level == highest]
    return found[0] if len(found) == 1 else None


def with_words(chapters: Iterable[Chapter]) -> tuple[Chapter, ...]:
    """The chapters in which there is something to read."""
    return tuple(chapter for chapter in chapters if any(is_speakable(block.text) for block in chapter.blocks))


def title_of(text: str) -> str:
    """A title on one line, of a readable length."""
    told = " ".join(text.split())
    return told if len(told) <= _TITLE else f"{told[: _TITLE - 1].rstrip()}…"
