"""Books in Markdown, rendered to HTML and read as that, and pages of HTML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from audiochat.jobs.narrate.book import Book, LeftOut
from audiochat.jobs.narrate.headings import chapters_by_headings, title_by_headings, title_of, with_words
from audiochat.jobs.narrate.html import Skip, extract
from audiochat.jobs.narrate.languages import language_code

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_markdown(text: str, *, title: str, skip: Skip) -> Book:
    """Read a text in CommonMark with tables, footnotes and a head of metadata.

    Args:
        text: All of it.
        title: What to call it if it has no heading of its own.
        skip: What to leave out.
    """
    toml = _TOML.match(text)
    html, head = _rendered(text if toml is None else text[toml.end() :])
    head = head if toml is None else toml[1]
    found = extract(html, where=title, skip=skip)
    metadata = _metadata(head)
    name = metadata.get("title") or title_by_headings(found.blocks) or title
    return Book(
        title_of(name),
        with_words(chapters_by_headings(found.blocks, title=name)),
        author=metadata.get("author"),
        language=language_code(metadata.get("lang") or metadata.get("language")),
        left_out=(*([LeftOut.of("metadata", title, head)] if head.strip() else []), *found.left_out),
    )


def read_html(text: str, *, title: str, skip: Skip) -> Book:
    """Read a page of HTML.

    Args:
        text: All of it.
        title: What to call it if it has neither a title nor a heading.
        skip: What to leave out.
    """
    found = extract(text, where=title, skip=skip)
    told = re.search(r"<html\b[^>]*?\s(?:xml:)?lang\s*=\s*[\"']?([\w-]+)", text[:5000], re.IGNORECASE)
    name = found.title or title_by_headings(found.blocks) or title
    return Book(
        title_of(name),
        with_words(chapters_by_headings(found.blocks, title=name)),
        language=language_code(told[1] if told else None),
        left_out=tuple(found.left_out),
    )


def _rendered(text: str) -> tuple[str, str]:
    """The HTML of a text, with marks on its notes as EPUB has them, and its metadata."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.footnote import footnote_plugin
    from mdit_py_plugins.front_matter import front_matter_plugin

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(front_matter_plugin).use(footnote_plugin)
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


_TOML = re.compile(r"\ufeff?\+\+\+[ \t]*\r?\n(.*?\n)\+\+\+[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_PAIR = re.compile(r"([A-Za-z][\w -]*?)\s*[:=]\s*(.*)")
_ITEM = re.compile(r"\s*-\s+(.+)")
_QUOTED = re.compile(r"""(["'])(.*)\1\s*(?:#.*)?""")


def _metadata(head: str) -> Mapping[str, str]:
    """The plain values of a head of metadata, and lists of them; what is nested more deeply is of no use here."""
    found: dict[str, str] = {}
    key = ""
    for line in head.splitlines():
        if item := _ITEM.fullmatch(line):
            found[key] = ", ".join([*filter(None, [found.get(key)]), _value(item[1])])
        elif pair := _PAIR.fullmatch(line.rstrip()):
            key = pair[1].lower()
            found[key] = _value(pair[2])
        elif not line.startswith((" ", "\t")):
            key = ""
    return {key: value for key, value in found.items() if key and value}


def _value(told: str) -> str:
    """A value without its quotation marks and the comment after it."""
    if told.startswith("[") and "]" in told:
        return ", ".join(filter(None, (_value(one.strip()) for one in told[1 : told.rindex("]")].split(","))))
    quoted = _QUOTED.fullmatch(told)
    return (quoted[2] if quoted else re.sub(r"(?:^|\s)#.*", "", told)).strip()
