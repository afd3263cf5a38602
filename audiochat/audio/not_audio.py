"""Name files that are not recordings: what a download, a checkout or a share leaves in a recording's place."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

ENOUGH = 4096
"""Bytes from the start that are looked at."""

_QUOTED = 120
"""Characters of a server's words that are quoted."""


@dataclass(frozen=True, slots=True)
class NotAudio:
    """What a file is that is no recording."""

    what: str
    """With its article, as in "a web page"."""
    hint: str
    """What to do about it."""
    says: str | None = None
    """The words of a server in it."""


_UNPACK = "Unpack it, and name a recording in it."
_ANOTHER = "Name a recording."
_FETCH_AGAIN = "The download got this in the recording's place: check its address and the sign-in, and fetch it again."

_MAGIC = {
    b"PK\x03\x04": NotAudio("a zip archive", _UNPACK),
    b"\x1f\x8b": NotAudio("a gzip archive", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": NotAudio("a 7-Zip archive", _UNPACK),
    b"Rar!": NotAudio("a RAR archive", _UNPACK),
    b"%PDF": NotAudio("a PDF document", _ANOTHER),
    b"\x89PNG": NotAudio("a picture (PNG)", _ANOTHER),
    b"\xff\xd8\xff": NotAudio("a picture (JPEG)", _ANOTHER),
    b"GIF8": NotAudio("a picture (GIF)", _ANOTHER),
    b"MThd": NotAudio("MIDI, notes without sound", "Play it with a synthesizer into a recording first."),
    b"SQLite format 3": NotAudio("an SQLite database", _ANOTHER),
    b"bplist00": NotAudio(
        "a property list, as iCloud keeps for a file that is elsewhere", "Download the recording itself in the Finder."
    ),
}
_PROTECTED = NotAudio("a copy-protected audiobook (Audible)", "Its vendor's own player alone can open it.")
_PROTECTED_BRANDS = (b"ftypaax ", b"ftypaaxc")

_TEXT = (
    (
        re.compile(rb"version https://(?:git-lfs|hawser)\.github\.com/spec/"),
        NotAudio("a Git LFS pointer", "It stands for the recording; fetch that: git lfs pull"),
    ),
    (
        re.compile(rb"(?:\.\./|/)*(?:\.git/)?annex/objects/"),
        NotAudio("a git-annex pointer", "It stands for the recording; fetch that: git annex get"),
    ),
    (
        re.compile(rb"d\d+:(?:announce|comment|created|creation|encoding|info|nodes|publisher|url-list)"),
        NotAudio("a torrent", "Download the recording itself with a BitTorrent client."),
    ),
    (
        re.compile(rb"#EXTM3U|\[playlist\]|ffconcat|<asx|<MPD|<smil|v=0\r?\n|RTSPtext|;FFMETADATA", re.IGNORECASE),
        NotAudio("a playlist", "It names recordings and holds none: name one of them."),
    ),
    (
        re.compile(rb"\[InternetShortcut\]|\[Desktop Entry\]", re.IGNORECASE),
        NotAudio("a shortcut", "It names something elsewhere and holds no sound: name the recording itself."),
    ),
)

_PAGE = re.compile(
    rb"(?:<\?xml.*?\?>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_JSON = re.compile(rb"\{\s*[\"}]|\[\s*[\[{\"\]\d]")
_XML = re.compile(rb"<(?:\?xml|!--|[a-z][\w:.-]*[\s/>])", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")
"""What no text has: control characters, and what is no UTF-8."""


def identify(head: bytes) -> NotAudio | None:
    """Name what a file is that is no recording; None where its start does not tell.

    Args:
        head: Its first `ENOUGH` bytes, or all of it.
    """
    for mark, known in _MAGIC.items():
        if head.startswith(mark):
            return known
    if head[4:12] in _PROTECTED_BRANDS:
        return _PROTECTED
    text = _in_utf_8(head[:ENOUGH]).lstrip()
    for pattern, known in _TEXT:
        if pattern.match(text):
            return known
    if not text or not _is_text(head[:ENOUGH]):
        return None
    if _PAGE.match(text):
        return NotAudio("a web page (HTML)", _FETCH_AGAIN, _element(text, "title"))
    if _JSON.match(text):
        return NotAudio("JSON text", _FETCH_AGAIN, _reason_in(text))
    if _XML.match(text):
        return NotAudio("XML text", _FETCH_AGAIN, _element(text, "Message") or _element(text, "title"))
    return NotAudio("text", _ANOTHER)


def _element(text: bytes, name: str) -> str | None:
    """What stands in the first element of a name."""
    found = re.search(rf"<{name}[^>]*>(.*?)</{name}>".encode(), text, re.IGNORECASE | re.DOTALL)
    return _short(found[1].decode("utf-8", "replace")) if found else None


def _reason_in(text: bytes) -> str | None:
    try:
        return _reason(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _reason(body: Any) -> str | None:
    """The words in which services tell an error."""
    if isinstance(body, str):
        return _short(body)
    if isinstance(body, list):
        return _reason(body[0]) if body else None
    if isinstance(body, dict):
        for name in ("error", "errors", "message", "detail", "error_description", "msg", "title", "reason"):
            if name in body and (said := _reason(body[name])):
                return said
    return None


def _short(words: str) -> str:
    """Words on one line, cut where they are many."""
    words = " ".join(words.split())
    return words if len(words) <= _QUOTED else f"{words[:_QUOTED]}…"


def _in_utf_8(head: bytes) -> bytes:
    """Text as UTF-8 without a mark; Windows' own programs write UTF-16."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace").encode()
    return head.removeprefix(b"\xef\xbb\xbf")


def _is_text(head: bytes) -> bool:
    """Whether it is text in UTF-8 or, with its mark, in UTF-16."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        words = head[: len(head) // 2 * 2].decode("utf-16", "replace")
    else:
        # The last character may be cut at `ENOUGH`.
        words = head.decode("utf-8", "replace").removesuffix("\ufffd")
    return _CONTROL.search(words) is None
