"""The text of HTML and XHTML in blocks, as a reader's eyes meet it; notes and front matter known by their marks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audiochat.jobs.narrate.book import Block, LeftOut, is_speakable
from audiochat.jobs.narrate.formulas import formula
from audiochat.jobs.narrate.joints import Joint, is_parted, joint_of
from audiochat.jobs.narrate.lists import Numbering
from audiochat.jobs.narrate.markup import as_html

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

NOTE_REFERENCES = {"noteref", "backlink", "doc-noteref", "doc-backlink"}
NOTES = {"note", "footnote", "footnotes", "endnote", "endnotes", "rearnote", "rearnotes"} | {
    "doc-footnote",
    "doc-endnote",
    "doc-endnotes",
}
PAGE_BREAKS = {"pagebreak", "doc-pagebreak"}
FRONT = {
    *("frontmatter", "cover", "titlepage", "halftitlepage", "copyright-page", "dedication", "foreword", "preface"),
    *("acknowledgments", "toc", "loi", "lot", "loa", "lov", "landmarks", "page-list", "imprint", "imprimatur"),
    *("colophon", "contributors", "other-credits", "seriespage"),
    *("doc-cover", "doc-dedication", "doc-foreword", "doc-preface", "doc-acknowledgments", "doc-toc", "doc-pagelist"),
    *("doc-colophon", "doc-credits", "doc-credit"),
}
"""By epub:type, and by role: https://www.w3.org/TR/epub-ssv-11/ and https://www.w3.org/TR/dpub-aria-1.1/"""

_BLOCKS = {
    *(
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
    ),
    *("dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "legend", "li", "main"),
    *("menu", "nav", "ol", "p", "pre", "search", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul"),
}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_UNSEEN = {"head", "script", "style", "template", "-comment", "-doctype", "rp", "rt", "datalist", "metadata"}
_FALLBACKS = {"audio", "video", "canvas", "iframe"}

_SPACE = re.compile(r"[ \t\r\f\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_NEW_LINE = re.compile(r" ?\n[ \n]*")
_INVISIBLE = re.compile(r"[\u00ad\u200b\u2060\ufeff\x00-\x08\x0e-\x1f\x7f]")
_EMPTY_BRACKETS = re.compile(r" ?(\[\s*\]|\(\s*\))")
_TAGS = re.compile(r"<!--|-->|<[^>]*>")
_LINE_BREAK = "\x0b"
"""Stands for `<br>` until white space is collapsed: no text of HTML has it."""


@dataclass(frozen=True, slots=True)
class Skip:
    """What is left out of a book."""

    notes: bool = False
    front: bool = False


@dataclass(slots=True)
class Extracted:
    """What a document holds."""

    title: str
    blocks: list[Block]
    anchors: dict[str, tuple[int, int]]
    """By id: the block that it is in, and how many characters stand before it there."""
    left_out: list[LeftOut]


def extract(source: str, *, where: str, skip: Skip, anchors: Collection[str] = ()) -> Extracted:
    """Extract the text of a document.

    Args:
        source: HTML, or XHTML however broken.
        where: What to call it in the list of what was left out.
        skip: What to leave out.
        anchors: Ids whose places are wanted.
    """
    from selectolax.lexbor import LexborHTMLParser

    root = LexborHTMLParser(as_html(source)).root
    reader = _Reader(where, skip, frozenset(anchors))
    if root is not None:
        reader.read(root)
    return reader.end()


def collapse(text: str) -> str:
    """Text with white space as a browser shows it: one space, or one new line."""
    text = _SPACE.sub(" ", _INVISIBLE.sub("", text).replace("\n", " "))
    return _NEW_LINE.sub("\n", text.replace(_LINE_BREAK, "\n")).strip()


def types_of(attributes: Mapping[str, str | None]) -> set[str]:
    """The epub:type and the role of an element."""
    # The name space of EPUB has another prefix in some books.
    told = [value or "" for name, value in attributes.items() if name == "role" or name.endswith(":type")]
    return set(" ".join(told).lower().split())


def _style(attributes: Mapping[str, str | None]) -> str:
    return (attributes.get("style") or "").replace(" ", "").lower()


def text_of(node: Any) -> str:
    """All text in an element, on one line: a space where a block or a line ends, and none where letters change."""
    reader = _Reader("", Skip(), frozenset())
    for child in node.iter(include_text=True):
        reader.read(child)
    return " ".join(" ".join(block.text for block in reader.end().blocks).split())


def _name(node: Any) -> str:
    """An element's name, without the prefix of its name space."""
    return str(node.tag).rpartition(":")[2] if not str(node.tag).startswith("-") else str(node.tag)


@dataclass(slots=True)
class _Reader:
    """Walks a document."""

    where: str
    skip: Skip
    wanted: frozenset[str]
    title: str = ""
    blocks: list[Block] = field(default_factory=list)
    pictures: set[int] = field(default_factory=set)
    """Blocks that are the text of a picture alone."""
    anchors: dict[str, tuple[int, int]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    lists: Numbering = field(default_factory=Numbering)
    _parts: list[str] = field(default_factory=list)
    _levels: list[int] = field(default_factory=list)
    _only_pictures: bool = True
    _preformatted: int = 0
    _emptied: bool = False
    """Whether something was left out of the block: brackets around it would be left."""
    _joints: list[Joint] = field(default_factory=list)
    """Of the open elements that are not written on a line with their neighbours."""
    _is_due: bool = False
    """Whether what comes next is not of the same word."""

    def read(self, root: Any) -> None:
        """Read an element and all in it; not by recursion, since documents can be nested more deeply than Python."""
        open_elements: list[tuple[Any, Iterator[Any]]] = []
        following: Iterator[Any] = iter([root])
        while True:
            node = next(following, None)
            if node is not None:
                if self._enter(node):
                    open_elements.append((node, following))
                    following = node.iter(include_text=True)
            elif open_elements:
                node, following = open_elements.pop()
                self._leave(node)
            else:
                return

    def end(self) -> Extracted:
        """What was read."""
        self._flush()
        kept = [index for index in range(len(self.blocks)) if not self._is_doubled(index)]
        place = {index: new for new, index in enumerate(kept)}
        # What pointed to a block that is gone points to the one after it.
        following = {index: len([one for one in kept if one < index]) for index, _ in self.anchors.values()}
        anchors = {
            id_: (place[index], offset) if index in place else (following[index], 0)
            for id_, (index, offset) in self.anchors.items()
        }
        return Extracted(self.title, [self.blocks[index] for index in kept], anchors, self.left_out)

    def _enter(self, node: Any) -> bool:
        """Take what an element says by itself; whether to go on into it."""
        name = _name(node)
        if name == "-text":
            self._add(node.text_content or "")
            return False
        if name in _UNSEEN:
            self._unseen(name, node)
            return False
        attributes = node.attributes
        if self._is_block(name, node):
            self._flush()
        self._anchor(attributes)
        reason = self._reason_to_skip(name, attributes)
        if reason is not None:
            if text := text_of(node):
                self.left_out.append(LeftOut.of(reason, self.where, text))
                self._emptied = True
            return False
        if name in ("img", "svg", "math"):
            return self._picture(name, node, attributes)
        self._begin(name, node, attributes)
        return True

    def _begin(self, name: str, node: Any, attributes: Mapping[str, str | None]) -> None:
        joint = joint_of(name, node, types_of(attributes) & NOTE_REFERENCES, "".join(self._parts[-3:]))
        if joint is not None:
            self._joints.append(joint)
            self._is_due = self._is_due or joint.apart
            self._parts += [joint.sign] if joint.sign else []
        if name in _HEADINGS:
            self._levels.append(_HEADINGS[name])
        elif name == "br":
            self._parts.append(_LINE_BREAK)
        elif name == "hr":
            self._flush()
            self.blocks.append(Block(""))
        elif name in ("td", "th"):
            row = "".join(self._parts).rstrip()
            self._parts = [row if row.endswith(",") else f"{row},", " "] if row else []
        elif name == "pre":
            self._preformatted += 1
        elif name in ("ol", "ul", "menu"):
            self.lists.begin(ordered=name == "ol", attributes=attributes, items=node)
        elif name == "li":
            self.lists.item(attributes)

    def _leave(self, node: Any) -> None:
        name = _name(node)
        if self._joints and self._joints[-1].node == node:
            self._is_due = self._joints.pop().apart or self._is_due
        if self._is_block(name, node):
            self._flush()
        if name in _HEADINGS and self._levels:
            self._levels.pop()
        elif name == "pre":
            self._preformatted -= 1
        elif name in ("ol", "ul", "menu"):
            self.lists.end()
        elif name == "li":
            self.lists.end_item()

    def _unseen(self, name: str, node: Any) -> None:
        if name == "head":
            title = node.css_first("title")
            self.title = "" if title is None else text_of(title)
        elif name == "-comment" and is_speakable(text := _TAGS.sub(" ", node.html or "")):
            self.left_out.append(LeftOut.of("comment without an end", self.where, text))
        elif name == "rt" and (text := text_of(node)):
            self.left_out.append(LeftOut.of("ruby", self.where, text))

    def _reason_to_skip(self, name: str, attributes: Mapping[str, str | None]) -> str | None:
        """Why an element is left out; None if it is read."""
        style = _style(attributes)
        if "hidden" in attributes or "display:none" in style or "visibility:hidden" in style:
            return "hidden"
        if name in _FALLBACKS:
            return "fallback"
        types = types_of(attributes)
        if self.skip.notes and types & (NOTES | NOTE_REFERENCES):
            return "note"
        if self.skip.notes and types & PAGE_BREAKS:
            return "page number"
        return "front" if self.skip.front and types & FRONT else None

    def _picture(self, name: str, node: Any, attributes: Mapping[str, str | None]) -> bool:
        """Take the words that stand for a picture or a formula; whether to go on into it."""
        spoken = attributes.get("alttext") or attributes.get("alt") or attributes.get("aria-label") or ""
        if name == "math":
            spoken = spoken or formula(node)
        if name == "svg" and not spoken:
            return True
        if spoken and not self._in_caption(node, spoken):
            only = self._only_pictures
            # A letter alone is an initial: the rest of its word follows.
            apart = sum(character.isalnum() for character in spoken) > 1
            self._is_due = self._is_due or apart
            self._add(spoken)
            self._is_due = apart
            self._only_pictures = only
        return False

    def _in_caption(self, node: Any, spoken: str) -> bool:
        """Whether the caption of a picture says what stands for it: it is read once."""
        parent = node.parent
        while parent is not None and _name(parent) != "figure":
            parent = parent.parent
        caption = None if parent is None else parent.css_first("figcaption")
        return caption is not None and _plain(spoken) in _plain(caption.text())

    def _anchor(self, attributes: Mapping[str, str | None]) -> None:
        for id_ in {attributes.get("id"), attributes.get("name")}:
            if id_ is not None and id_ in self.wanted and id_ not in self.anchors:
                self.anchors[id_] = (len(self.blocks), len(collapse("".join(self._parts))))

    def _is_block(self, name: str, node: Any) -> bool:
        """Whether an element begins a block and ends one; a cell's only paragraph is in the row."""
        if name in ("p", "div") and _name(node.parent) in ("td", "th"):
            siblings = [one for one in node.parent.iter(include_text=False) if one != node]
            return bool(siblings) or any(_name(one) in _BLOCKS for one in node.iter())
        return name in _HEADINGS or name in _BLOCKS or "display:block" in _style(node.attributes)

    def _add(self, text: str) -> None:
        if self._is_due and text:
            before = next((part[-1] for part in reversed(self._parts) if part), "")
            self._parts += [" "] if is_parted(before, text[0]) else []
            self._is_due = False
        self._parts.append(text.replace("\n", _LINE_BREAK) if self._preformatted else text.replace(_LINE_BREAK, " "))
        if text.strip():
            self._only_pictures = False

    def _flush(self) -> None:
        """End a block."""
        text = collapse("".join(self._parts))
        self._parts.clear()
        self._is_due = False
        if self._emptied:
            text = _EMPTY_BRACKETS.sub("", text)
            self._emptied = False
        if text:
            marker = self.lists.take_marker()
            if self._only_pictures:
                self.pictures.add(len(self.blocks))
            for id_, (block, offset) in self.anchors.items():
                if block == len(self.blocks) and offset:
                    self.anchors[id_] = (block, offset + len(marker))
            self.blocks.append(Block(f"{marker}{text}", self._levels[-1] if self._levels else 0))
        self._only_pictures = True

    def _is_doubled(self, index: int) -> bool:
        """Whether a block is the words for a picture, and the text beside it says the same: it is read once."""
        if index not in self.pictures or not is_speakable(self.blocks[index].text):
            return False
        beside = [self.blocks[one].text for one in (index - 1, index + 1) if 0 <= one < len(self.blocks)]
        return _plain(self.blocks[index].text) in map(_plain, beside)


def _plain(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
