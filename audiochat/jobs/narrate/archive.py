"""The files in an EPUB, which is a zip archive: never written to disk, and never more than a book can be."""

from __future__ import annotations

import html
import posixpath
import re
import unicodedata
import zipfile
import zlib
from html.entities import html5
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

from audiochat.errors import FileError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

LARGEST_FILE = 64_000_000
"""Bytes of one file in a book, unpacked: a longer one is a bomb, which would fill the memory of who opens it."""
LARGEST_BOOK = 512_000_000
"""Bytes of all that is read of a book."""

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_CHARSET = re.compile(rb"""<meta[^>]*charset\s*=\s*["']?\s*([A-Za-z0-9._-]+)""", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*(\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)(\w*;?)")


class Archive:
    """An EPUB's files, by their paths. A context manager.

    Args:
        source: A seekable file.
        name: What to call it.

    Raises:
        FileError: it is no zip archive.
    """

    def __init__(self, source: BinaryIO, name: str) -> None:
        self.name = name
        self._read = 0
        try:
            self._zip = zipfile.ZipFile(source)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as exc:
            raise damaged(name, str(exc)) from exc
        # A path that leads out of the book, `..` included, names nothing in it.
        self._members = {_path(member.filename): member for member in self._zip.infolist()}
        self._by_lower = {path.lower(): path for path in self._members}

    def find(self, path: str) -> str | None:
        """The path as the archive has it; some books differ in upper and lower case."""
        path = _path(path)
        return path if path in self._members else self._by_lower.get(path.lower())

    def of_suffix(self, suffix: str) -> list[str]:
        """The paths that end so."""
        return [path for path in self._members if path.lower().endswith(suffix)]

    def read(self, path: str) -> bytes:
        """A file's bytes.

        Raises:
            FileError: it is not there, damaged, protected or too large.
        """
        found = self.find(path)
        if found is None:
            raise damaged(self.name, f"there is no {path} in it")
        member = self._members[found]
        if member.flag_bits & 1:
            raise protected(self.name)
        try:
            with self._zip.open(member) as file:
                data = file.read(LARGEST_FILE + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as exc:
            raise damaged(self.name, f"{path}: {exc}") from exc
        self._read += len(data)
        if len(data) > LARGEST_FILE or self._read > LARGEST_BOOK:
            raise damaged(self.name, f"{path} unpacks to more than a book can be")
        return data

    def read_text(self, path: str) -> str:
        """A file's text; for the errors see `read`."""
        data = self.read(path)
        wide = utf_16(data)
        if wide is not None:
            return data.decode(wide, "replace")
        declared = _DECLARED.match(data[:200])
        in_html = _CHARSET.search(data[:2000])
        names = ["utf-8", "cp1252"]
        names[1:1] = [in_html[1].decode()] if in_html else []
        names[0:0] = [declared[1].decode()] if declared else []
        for encoding in names:
            # What could be read as letters of one byte is none of those, whatever it says.
            if encoding.lower().startswith(("utf-16", "utf16", "ucs-2", "iso-10646-ucs-2", "utf-32")):
                continue
            try:
                return data.decode("utf-8-sig" if encoding.lower() == "utf-8" else encoding)
            except (UnicodeDecodeError, LookupError):
                continue
        return data.decode("utf-8", "replace")

    def read_xml(self, path: str) -> ET.Element:
        """A file's XML; for the errors see `read`. Entities that it declares are not expanded."""
        text = _DOCTYPE.sub("", self.read_text(path))
        text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text.lstrip("\ufeff"))
        try:
            return ET.fromstring(_ENTITY.sub(_character, text).lstrip())  # noqa: S314 - it has no declarations left
        except ET.ParseError as exc:
            raise damaged(self.name, f"{path}: {exc}") from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._zip.close()


def resolve(base: str, href: str) -> tuple[str, str]:
    """The path and the fragment that an address in a file of the archive means.

    Args:
        base: The path of the file that it stands in.
        href: The address; one that leads elsewhere has no path.
    """
    try:
        parts = urlsplit(href.strip())
    except ValueError:
        return "", ""
    if parts.scheme or parts.netloc:
        return "", ""
    path = unicodedata.normalize("NFC", unquote(parts.path))
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(base), path)) if path else base
    return ("" if joined.startswith(("..", "/")) else joined), unquote(parts.fragment)


def utf_16(data: bytes) -> str | None:
    """The encoding of a text of two bytes a letter, with a mark or without; None for any other."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if len(data) % 2 == 0 and (zeros := data[:200].count(0)):
        for name, first in (("utf-16-le", 1), ("utf-16-be", 0)):
            if zeros == data[:200][first::2].count(0) >= len(data[:200]) // 4:
                return name
    return None


def _path(name: str) -> str:
    """A path as it is compared: some programs write backslashes, and take letters with accents apart."""
    return posixpath.normpath(unicodedata.normalize("NFC", name).replace("\\", "/").lstrip("/"))


def local_name(element: ET.Element) -> str:
    """An element's name without its name space."""
    return str(element.tag).rpartition("}")[2]


def damaged(name: str, why: str) -> FileError:
    """The error of a book that cannot be read."""
    return FileError(
        f"{name} is not a whole EPUB: {' '.join(why.split())[:200]}.",
        hint="Open it in a reader to see what is there, or convert it anew.",
        code="damaged_book",
    )


def protected(name: str) -> FileError:
    """The error of a book that only its seller's program may open."""
    return FileError(
        f"{name} is protected against copying (DRM): its text cannot be read.",
        hint="Ask for an edition without protection.",
        code="protected_book",
    )


def _character(found: re.Match[str]) -> str:
    """What a named entity of HTML stands for; any other stays as it is written."""
    return html.escape(html5[found[1]]) if found[1] in html5 else f"&amp;{found[1]}"
