"""Books in Markdown: rendered to HTML, and read as that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audiochat.jobs.narrate.book import Book, LeftOut
from audiochat.jobs.narrate.headings import chapters_by_headings, title_by_headings, title_of, with_words
from audiochat.jobs.narrate.html import Skip, extract

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_markdown(text: str, *, title: str, skip: Skip) -> Book:
    """Read a text in CommonMark with tables, footnotes and a head of metadata.

    Args:
        text: All of it.
        title: What to call it if it has no heading of its own.
        skip: What to leave out.
    """
    html, head = _rendered(text)
    found = extract(html, where=title, skip=skip)
    metadata = _metadata(head)
    name = metadata.get("title") or title_by_headings(found.blocks) or title
    return Book(
        title_of(name),
        with_words(chapters_by_headings(found.blocks, title=name)),
        author=metadata.get("author"),
        language=(metadata.get("lang") or metadata.get("language") or "en")[:2].lower(),
        left_out=(*([LeftOut.of("metadata", title, head)] if head.strip() else []), *found.left_out),
    )


def _rendered(text: str) -> tuple[str, str]:
    """The HTML of a text, with marks on its notes as EPUB has them, and its metadata."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.footnote import footnote_plugin
    from mdit_py_plugins.front_matter import front_matter_plugin

    parser = MarkdownIt("commonmark").enable("table").use(front_matter_plugin).use(footnote_plugin)
    renderer: Any = parser.renderer
    rules = renderer.rules
    rules["footnote_ref"] = lambda tokens, index, *_: f'<a epub:type="noteref">{_number(tokens[index])}</a>'
    rules["footnote_block_open"] = lambda *_: '<section epub:type="footnotes"><ol>'
    rules["footnote_block_close"] = lambda *_: "</ol></section>"
    rules["footnote_open"] = lambda tokens, index, *_: f'<li value="{_number(tokens[index])}">'
    rules["footnote_anchor"] = lambda *_: ""
    tokens = parser.parse(text)
    head = next((token.content for token in tokens if token.type == "front_matter"), "")
    return str(renderer.render(tokens, parser.options, {})), head


def _number(token: Any) -> int:
    return int(token.meta["id"]) + 1


def _metadata(head: str) -> Mapping[str, str]:
    """The plain values of a head of metadata; what is nested in it is of no use here."""
    found = {}
    for line in head.splitlines():
        key, colon, value = line.partition(":")
        value = value.strip().strip("\"'").strip()
        if colon and value and not key.startswith((" ", "\t", "#", "-")):
            found[key.strip().lower()] = value
    return found
