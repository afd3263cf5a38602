"""EPUBs for tests."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""


def page(body: str, *, title: str = "", attributes: str = "") -> str:
    """A file of XHTML."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f"<head><title>{title}</title></head><body {attributes}>{body}</body></html>"
    )


def nav(entries: Sequence[tuple[str, str]], more: str = "") -> str:
    """A table of contents of EPUB 3.

    Args:
        entries: Title and address.
        more: Further navigation.
    """
    items = "".join(f'<li><a href="{href}">{title}</a></li>' for title, href in entries)
    return page(f'<nav epub:type="toc"><ol>{items}</ol></nav>{more}')


def ncx(entries: Sequence[tuple[str, str]]) -> str:
    """A table of contents of EPUB 2."""
    points = "".join(
        f'<navPoint id="n{n}"><navLabel><text>{title}</text></navLabel><content src="{href}"/></navPoint>'
        for n, (title, href) in enumerate(entries)
    )
    return (
        '<?xml version="1.0"?><!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/x.dtd">'
        f'<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>{points}</navMap></ncx>'
    )


def package(
    spine: Sequence[str],
    *,
    others: Mapping[str, tuple[str, str]] | None = None,
    metadata: str = "<dc:title>The Book</dc:title><dc:creator>Ann Author</dc:creator><dc:language>en</dc:language>",
    toc: str = "",
    guide: str = "",
) -> str:
    """A package document.

    Args:
        spine: Files, in order.
        others: Further files: media type and properties by name.
        metadata: About the book.
        toc: The id of the NCX.
        guide: Of EPUB 2.
    """
    items = "".join(
        f'<item id="s{n}" href="{name}" media-type="application/xhtml+xml"/>' for n, name in enumerate(spine)
    )
    items += "".join(
        f'<item id="{name}" href="{name}" media-type="{kind}" properties="{properties}"/>'
        for name, (kind, properties) in (others or {}).items()
    )
    references = "".join(f'<itemref idref="s{n}"/>' for n in range(len(spine)))
    return (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">{metadata}</metadata>'
        f'<manifest>{items}</manifest><spine toc="{toc}">{references}</spine><guide>{guide}</guide></package>'
    )


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """A zip archive of files by their paths."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for path, content in files.items():
            book.writestr(path, content)
    return buffer.getvalue()


def epub(
    pages: Mapping[str, str], contents: Sequence[tuple[str, str]] = (), *, more: str = "", **described: str
) -> bytes:
    """A whole book of EPUB 3.

    Args:
        pages: The files of the spine: their XHTML by name.
        contents: Of the table of contents.
        more: Further navigation.
        described: See `package`.
    """
    others = {"nav.xhtml": ("application/xhtml+xml", "nav")}
    files = {f"OPS/{name}": content for name, content in pages.items()}
    return archive(
        {
            "META-INF/container.xml": CONTAINER,
            "OPS/book.opf": package(list(pages), others=others if contents else None, **described),
            **({"OPS/nav.xhtml": nav(contents, more)} if contents else {}),
            **files,
        }
    )
