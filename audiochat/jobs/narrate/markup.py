"""XHTML as a parser of HTML understands it."""

from __future__ import annotations

import re

_ATTRIBUTES = r"""(?:[^<>=]|=\s*"[^"]*"|=\s*'[^']*'|=(?!\s*["'])){0,9999}?"""
_RAW = rf"<(?P<raw>script|style|textarea|title)(?![\w:.-]){_ATTRIBUTES}(?<!/)>.*?(?=</(?P=raw)|\Z)"
_MARKUP = re.compile(
    "|".join(
        (
            r"(?P<comment><!--(?:-?>|.*?(?:--!?>|(?P<unclosed>\Z))))",
            r"<!\[CDATA\[(?P<cdata>.*?)(?:\]\]>|(?P<open>\Z))",
            r"(?P<prologue><\?[^>]*\?>|<!DOCTYPE[^\[>]*(?:\[[^\]]{0,9999}\]\s*)?>)",
            _RAW,
            rf"<(?P<name>[A-Za-z][\w:.-]*)(?![\w:.-])(?P<attributes>{_ATTRIBUTES})(?P<slash>/?)>",
        )
    ),
    re.DOTALL | re.IGNORECASE,
)
"""What has to be told to a parser of HTML, in one pass: in `title="<!--"` no comment begins, nor in a script."""
_IN_TITLE = re.compile(r"<!--.*?-->|<!\[CDATA\[(?P<cdata>.*?)\]\]>", re.DOTALL)
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}


def as_html(source: str) -> str:
    """XHTML as a parser of HTML understands it: no comments, CDATA, entities of its own or self-closed elements.

    In HTML `<a id="x"/>` opens a link that holds the rest of the book, and `<title/>` swallows it. A comment without
    an end stays: it holds the rest of the document, which is told.
    """
    return f"<!DOCTYPE html>{_MARKUP.sub(_in_html, source)}"


def _in_html(found: re.Match[str]) -> str:
    if found["comment"]:
        return "" if found["unclosed"] is None else found[0]
    if found["cdata"] is not None:
        return _escaped(found) if found["open"] is None else found[0]
    if found["raw"]:
        return _IN_TITLE.sub(_escaped, found[0]) if found["raw"].lower() == "title" else found[0]
    if not found["slash"] or found["name"].lower() in _VOID:
        return "" if found["prologue"] else found[0]
    return f"<{found['name']}{found['attributes']}></{found['name']}>"


def _escaped(cdata: re.Match[str]) -> str:
    return (cdata["cdata"] or "").replace("&", "&amp;").replace("<", "&lt;")
