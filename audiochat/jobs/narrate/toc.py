"""An EPUB's table of contents, of EPUB 3 (nav) or EPUB 2 (NCX)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audiochat.errors import FileError
from audiochat.jobs.narrate.archive import local_name, resolve
from audiochat.jobs.narrate.html import FRONT, text_of, types_of
from audiochat.jobs.narrate.markup import as_html

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiochat.jobs.narrate.archive import Archive
    from audiochat.jobs.narrate.package import Package


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table of contents."""

    title: str
    path: str
    fragment: str


@dataclass(frozen=True, slots=True)
class Contents:
    """The table of contents, and what the landmarks say."""

    entries: tuple[Entry, ...]
    front: frozenset[str]
    """Files that are front matter as a whole."""


def read_contents(archive: Archive, package: Package) -> Contents:
    """Read the table of contents: that of EPUB 3, else that of EPUB 2, else none."""
    entries: tuple[Entry, ...] = ()
    front: frozenset[str] = frozenset()
    if package.nav is not None and archive.find(package.nav) is not None:
        navs = _navs(archive, package.nav)
        entries = _of_nav(navs, package.nav)
        front = _front(navs, package.nav)
    if not entries and package.ncx is not None and archive.find(package.ncx) is not None:
        try:
            entries = tuple(_of_ncx(archive, package.ncx))
        except FileError:  # its text can be read all the same
            entries = ()
    known = {path.lower(): path for path in package.spine}
    found = [Entry(one.title, known[one.path.lower()], one.fragment) for one in entries if one.path.lower() in known]
    return Contents(tuple(found), front)


def _navs(archive: Archive, path: str) -> list[Any]:
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser(as_html(archive.read_text(path))).css("nav")


def _of_nav(navs: list[Any], path: str) -> tuple[Entry, ...]:
    marked = [nav for nav in navs if types_of(nav.attributes) & {"toc", "doc-toc"}]
    plain = [nav for nav in navs if not types_of(nav.attributes)]
    for nav in [*marked, *plain][:1]:
        links = [(text_of(link), link.attributes.get("href") or "") for link in nav.css("a")]
        return tuple(Entry(title, *resolve(path, href)) for title, href in links if href)
    return ()


def _front(navs: list[Any], path: str) -> frozenset[str]:
    """Files that the landmarks call front matter, unless the book begins in them."""
    types: dict[str, set[str]] = {}
    for nav in navs:
        if "landmarks" in types_of(nav.attributes):
            for link in nav.css("a"):
                file, fragment = resolve(path, link.attributes.get("href") or "")
                told = types_of(link.attributes)
                if not fragment or "bodymatter" in told:
                    types.setdefault(file, set()).update(told)
    return frozenset(file for file, told in types.items() if told & FRONT and "bodymatter" not in told)


def _of_ncx(archive: Archive, path: str) -> Iterator[Entry]:
    for point in archive.read_xml(path).iter():
        if local_name(point) != "navPoint":
            continue
        label = next((one for one in point if local_name(one) == "navLabel"), None)
        content = next((one for one in point if local_name(one) == "content"), None)
        if content is not None:
            title = "" if label is None else " ".join("".join(label.itertext()).split())
            yield Entry(title, *resolve(path, content.get("src", "")))
