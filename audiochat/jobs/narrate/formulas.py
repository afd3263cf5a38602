"""Formulas in MathML as one line: a fraction is no number of two digits."""

from __future__ import annotations

from typing import Any

_SILENT = {"annotation", "annotation-xml", "-comment"}
_BETWEEN = {"mfrac": "/", "msup": "^"}
_TOKENS = {"mi", "mn", "mo", "ms", "mtext", "-text"}
_DEEPEST = 50


def formula(node: Any, *, depth: int = 0) -> str:
    """A formula as one line.

    Args:
        node: A `math` element, or one in it.
        depth: How deep in the formula; beyond reason its text is taken as it is.
    """
    name = str(node.tag).rpartition(":")[2]
    if name == "-text":
        return " ".join((node.text_content or "").split())
    if name in _SILENT:
        return ""
    if depth > _DEEPEST:
        return " ".join(node.text(separator=" ").split())
    parts = [part for child in node.iter(include_text=True) if (part := formula(child, depth=depth + 1))]
    if name in ("msqrt", "mroot"):
        return f"√{_grouped(' '.join(parts[:1] if name == 'mroot' else parts))}"
    if name == "msubsup" and len(parts) == 3:
        return f"{parts[0]} {parts[1]}^{_grouped(parts[2])}"
    if name in _BETWEEN and len(parts) == 2:
        return _BETWEEN[name].join(map(_grouped, parts))
    return ("" if name in _TOKENS else " ").join(parts)


def _grouped(part: str) -> str:
    """A part that is more than one number or name in brackets, so that it is clear what belongs together."""
    return part if " " not in part else f"({part})"
