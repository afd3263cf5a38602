"""Text that is still being written, cut into whole sentences."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

_END = re.compile(r"[.!?]+[\"')\u201d]*(?=\s)")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|vs|etc|e\.g|i\.e|[A-HJ-Z])|(?:^|\s)\d{1,2})\.$")
_HALF_OF_DAY = re.compile(r"\b[ap]\.m\.$", re.IGNORECASE)


def sentences(pieces: Iterator[str], limit: int) -> Generator[str, None, None]:
    """Whole sentences out of pieces of text, at most `limit`.

    What is left unfinished at the end is dropped, unless nothing else was said.
    """
    text, given = "", 0
    for piece in pieces:
        text += piece
        while (end := _first_end(text)) is not None:
            yield text[:end].strip()
            text, given = text[end:], given + 1
            if given == limit:
                return
    rest = text.strip()
    if rest and (given == 0 or rest.rstrip("\"')\u201d").endswith((".", "!", "?"))):
        yield rest


def split_sentences(text: str) -> list[str]:
    """All the sentences of a text that is whole, the last one finished or not; a line break ends one too."""
    found = []
    for line in text.splitlines():
        rest = line
        while (end := _first_end(rest)) is not None:
            found.append(rest[:end].strip())
            rest = rest[end:]
        found.append(rest.strip())
    return [one for one in found if one]


def _first_end(text: str) -> int | None:
    """Where the first sentence ends that is known to: the next one has begun."""
    for found in _END.finditer(text):
        end = found.end()
        following = text[end:].lstrip()
        if not following or _ABBREVIATION.search(text[:end]):
            continue
        if _HALF_OF_DAY.search(text[:end]) and not following[0].isupper():
            continue
        return end
    return None


def until_phrase(written: Generator[str, None, None], phrases: Sequence[str]) -> Generator[str, None, None]:
    """The sentences up to the first of some phrases, which is left out; then the writing is ended.

    Args:
        written: The sentences of an answer.
        phrases: Looked for in each sentence; none of them is empty.
    """
    with closing(written):
        for sentence in written:
            found = [at for phrase in phrases if (at := sentence.find(phrase)) >= 0]
            if not found:
                yield sentence
                continue
            if kept := sentence[: min(found)].rstrip():
                yield kept
            return
