"""An EPUB's package document: what the book is called, its files in order, its cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from audiochat.errors import FileError
from audiochat.jobs.narrate.archive import damaged, local_name, protected, resolve
from audiochat.jobs.narrate.languages import language_code

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET

    from audiochat.jobs.narrate.archive import Archive

CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_DOCUMENTS = {
    *("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document", "image/svg+xml"),
}
_RIGHTS = ("META-INF/rights.xml", "META-INF/sinf.xml")
_OTHERS = {
    "word/document.xml": "a Word document",
    "content.xml": "an OpenDocument text",
    ".fb2": "FictionBook in a zip",
}
_PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_PROPERTIES = "properties"


@dataclass(frozen=True, slots=True)
class Package:
    """What the package document says; paths are those in the archive."""

    title: str | None
    author: str | None
    language: str
    spine: tuple[str, ...]
    nav: str | None
    """The table of contents of EPUB 3."""
    ncx: str | None
    """That of EPUB 2."""
    cover: tuple[str, str] | None
    """A picture's path and media type."""
    missing: tuple[str, ...]
    """What the spine names, and what is not in the archive, or no text."""
    types: dict[str, frozenset[str]]
    """By path: what the guide of EPUB 2 says that a file is, in the words of EPUB 3."""


@dataclass(frozen=True, slots=True)
class _Item:
    path: str
    media_type: str
    properties: frozenset[str]


def read_package(archive: Archive) -> Package:
    """Read the package document.

    Raises:
        FileError: the book is damaged or protected.
    """
    path = _package_path(archive)
    root = archive.read_xml(path)
    items = _items(root, path)
    spine_element = next((one for one in root.iter() if local_name(one) == "spine"), None)
    references = [] if spine_element is None else [one.get("idref", "") for one in spine_element]
    # A file that the spine names again and again is read once.
    spine = dict.fromkeys(items[id_].path for id_ in references if id_ in items and _is_document(items[id_]))
    readable = tuple(one for one in spine if archive.find(one) is not None)
    if not readable:
        raise damaged(archive.name, "its spine names no text")
    _check_encryption(archive, readable)
    named = dict.fromkeys(items[id_].path if id_ in items else id_ for id_ in references)
    ncx = "" if spine_element is None else spine_element.get("toc", "")
    return Package(
        title=_title(root),
        author=_author(root),
        language=language_code(_metadata(root, "language")),
        spine=readable,
        nav=next((item.path for item in items.values() if "nav" in item.properties), None),
        ncx=items[ncx].path if ncx in items else _of_type(items, "application/x-dtbncx+xml"),
        cover=_cover(root, items),
        missing=tuple(one for one in named if one and one not in readable),
        types=_guide(root, path),
    )


def _package_path(archive: Archive) -> str:
    paths: list[str] = []
    if archive.find(CONTAINER) is not None:
        found = archive.read_xml(CONTAINER)
        told = [one.get("full-path", "") for one in found.iter() if local_name(one) == "rootfile"]
        paths = [path for one in told for path in (one, unquote(one)) if one]
    # Where the container is lost or wrong, a book's only package is meant.
    packages = archive.of_suffix(".opf")
    paths += packages if len(packages) == 1 else []
    path = next((one for one in paths if archive.find(one) is not None), None)
    if path is None:
        raise damaged(archive.name, _without_package(archive, paths))
    return path.lstrip("/")


def _without_package(archive: Archive, named: list[str]) -> str:
    for suffix, what in _OTHERS.items():
        if archive.of_suffix(suffix):
            return f"it is {what}"
    return f"there is no {named[0]} in it" if named else f"no {CONTAINER} names its package"


def _items(root: ET.Element, package: str) -> dict[str, _Item]:
    items = {}
    for one in root.iter():
        if local_name(one) == "item" and one.get("href"):
            path, _ = resolve(package, one.get("href", ""))
            properties = frozenset(one.get(_PROPERTIES, "").split())
            items[one.get("id", "")] = _Item(path, one.get("media-type", "").lower(), properties)
    return items


def _is_document(item: _Item) -> bool:
    return item.media_type in _DOCUMENTS or item.path.lower().endswith((".xhtml", ".html", ".htm"))


def _of_type(items: dict[str, _Item], media_type: str) -> str | None:
    return next((item.path for item in items.values() if item.media_type == media_type), None)


def _metadata(root: ET.Element, name: str) -> str | None:
    for one in root.iter():
        if local_name(one) == name and (text := " ".join("".join(one.itertext()).split())):
            return text
    return None


def _title(root: ET.Element) -> str | None:
    """The main title; a subtitle or the name of a series can stand before it."""
    kinds = {
        one.get("refines", "").lstrip("#"): (one.text or "").strip().lower()
        for one in root.iter()
        if local_name(one) == "meta" and one.get("property") == "title-type"
    }
    rank = {"main": 0, "": 1}
    titles = [
        (rank.get(kinds.get(one.get("id", ""), ""), 2), text)
        for one in root.iter()
        if local_name(one) == "title" and (text := " ".join("".join(one.itertext()).split()))
    ]
    return min(titles, key=lambda title: title[0])[1] if titles else None


def _author(root: ET.Element) -> str | None:
    """All who wrote the book; a creator with another role, an illustrator say, did not."""
    roles = {
        one.get("refines", "").lstrip("#"): (one.text or "").strip()
        for one in root.iter()
        if local_name(one) == "meta" and one.get("property") == "role"
    }
    names = []
    for one in root.iter():
        if local_name(one) == "creator":
            own = next((value for key, value in one.attrib.items() if key.rpartition("}")[2] == "role"), None)
            role = (own or roles.get(one.get("id", "")) or "aut").lower()
            name = " ".join("".join(one.itertext()).split())
            names += [name] if role in ("aut", "author") and name else []
    return ", ".join(dict.fromkeys(names)) or None


def _cover(root: ET.Element, items: dict[str, _Item]) -> tuple[str, str] | None:
    named = next((one.get("content", "") for one in root.iter() if one.get("name") == "cover"), "")
    candidates = [*(item for item in items.values() if "cover-image" in item.properties)]
    candidates += [items[named]] if named in items else []
    return next(((item.path, item.media_type) for item in candidates if item.media_type in _PICTURES), None)


def _guide(root: ET.Element, package: str) -> dict[str, frozenset[str]]:
    """What the guide says of whole files."""
    words = {"title-page": "titlepage", "acknowledgements": "acknowledgments"}
    types: dict[str, set[str]] = {}
    for one in root.iter():
        if local_name(one) == "reference":
            path, fragment = resolve(package, one.get("href", ""))
            kind = one.get("type", "").lower()
            if path and not fragment:
                types.setdefault(path, set()).add(words.get(kind, kind))
    # A book in one file: where it begins to be read is not its front.
    return {path: frozenset(kinds) for path, kinds in types.items() if not kinds & {"text", "start", "bodymatter"}}


def _check_encryption(archive: Archive, spine: tuple[str, ...]) -> None:
    """Refuse a book whose text is encrypted; fonts often are, which is no matter here."""
    if archive.find(_ENCRYPTION) is None:
        # Some sellers tell by their rights alone that what is there is no text.
        told = any(archive.find(path) is not None for path in _RIGHTS)
        if told and b"<" not in archive.read(spine[0]).lstrip()[:4]:
            raise protected(archive.name)
        return
    try:
        root = archive.read_xml(_ENCRYPTION)
    except FileError:
        return
    encrypted = {resolve("", one.get("URI", ""))[0] for one in root.iter() if local_name(one) == "CipherReference"}
    if encrypted & set(spine):
        raise protected(archive.name)
