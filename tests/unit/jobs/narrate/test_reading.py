"""Everything in a book is read, in whose place it stands."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest
from support.books import CONTAINER, archive, epub, nav, ncx, package, page

from audiochat.errors import FileError
from audiochat.jobs.narrate.html import Skip
from audiochat.jobs.narrate.reading import read_book

if TYPE_CHECKING:
    from audiochat.jobs.narrate.book import Book


def _read(data: bytes, name: str = "book.epub", *, notes: bool = False, front: bool = False) -> Book:
    return read_book(io.BytesIO(data), name=name, skip=Skip(notes, front))


def _texts(book: Book) -> list[list[str]]:
    return [[block.text for block in chapter.blocks if block.text] for chapter in book.chapters]


def _one_page(body: str) -> list[str]:
    return [text for chapter in _texts(_read(epub({"a.xhtml": page(body)}))) for text in chapter]


def test_chapters_by_anchors_in_one_file_and_over_several_files() -> None:
    """Two chapters in one file are two, one over two files is one, and the text before the first is kept."""
    book = _read(
        epub(
            {
                "front.xhtml": page("<h1>The Book</h1><p>By Ann.</p>", title="Title page"),
                "a.xhtml": page(
                    '<h2 id="one">One</h2><p>First.</p><p id="two">Second <a id="mid"></a>begins here.</p>'
                ),
                "b.xhtml": page("<p>It goes on.</p>"),
                "c.xhtml": page("<h2>Three</h2><p>Third.</p>"),
            },
            [("I", "a.xhtml#one"), ("II", "a.xhtml#two"), ("III", "c.xhtml")],
        )
    )
    assert [chapter.title for chapter in book.chapters] == ["The Book", "I", "II", "III"]
    assert _texts(book) == [
        ["The Book", "By Ann."],
        ["One", "First."],
        ["Second begins here.", "It goes on."],
        ["Three", "Third."],
    ]
    assert (book.title, book.author, book.language) == ("The Book", "Ann Author", "en")


def test_a_chapter_may_begin_in_the_middle_of_a_paragraph() -> None:
    """Where anchors stand between sentences, the paragraph is cut there, each time, and nothing is lost."""
    body = '<p>Alpha. <a id="x"></a>Beta. <a id="y"></a>Gamma.</p>'
    book = _read(epub({"a.xhtml": page(body)}, [("X", "a.xhtml#x"), ("Y", "a.xhtml#y")]))
    assert _texts(book) == [["Alpha."], ["Beta."], ["Gamma."]]


def test_a_table_of_contents_of_epub_2() -> None:
    """NCX is read where there is no nav, its DOCTYPE and all, and its addresses may be escaped."""
    files = {
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": package(["a b.xhtml", "c.xhtml"], others={"toc": ("application/x-dtbncx+xml", "")}, toc="toc"),
        "OPS/toc": ncx([("Am&eacute;lie &amp; I", "a%20b.xhtml"), ("II", "C.XHTML")]),
        "OPS/a b.xhtml": page("<p>One.</p>"),
        "OPS/c.xhtml": page("<p>Two.</p>"),
    }
    book = _read(archive(files))
    assert [chapter.title for chapter in book.chapters] == ["Amélie & I", "II"]


def test_without_a_table_of_contents_headings_make_chapters() -> None:
    """Then those of the highest level of which there are several."""
    book = _read(epub({"a.xhtml": page("<h1>T</h1><h2>A</h2><p>a</p>"), "b.xhtml": page("<h2>B</h2><p>b</p>")}))
    assert [chapter.title for chapter in book.chapters] == ["T", "A", "B"]


def test_lists_have_their_numbers() -> None:
    """As a browser counts them: start, value, letters, Roman numbers, backwards; plain items have none."""
    body = (
        '<ol start="3"><li>c</li><li value="7"><p>g</p></li><li>h</li></ol>'
        '<ol type="i" reversed><li>x</li><li>y</li></ol>'
        "<ul><li>plain</li></ul><ol><li><ol type='a'><li>deep</li></ol></li><li> </li><li>third</li></ol>"
    )
    assert _one_page(body) == ["3. c", "7. g", "8. h", "ii. x", "i. y", "plain", "1. a. deep", "3. third"]


def test_the_words_for_a_picture_are_read_once() -> None:
    """Also where the caption, or the text beside it, says the same; different ones are both read."""
    body = (
        '<figure><img src="a.png" alt="A map"/><figcaption>Figure 1: A map.</figcaption></figure>'
        '<figure><img src="a.png" alt="Two cats"/><figcaption>On a mat</figcaption></figure>'
        '<p><img src="b.png" alt="The tower"/></p><p>The tower</p><p>See <img src="c.png" alt="this"/> here.</p>'
        '<p><img src="d.png" alt=""/></p><svg role="img" aria-label="A chart"><path/></svg>'
    )
    assert _one_page(body) == ["Figure 1: A map.", "Two cats", "On a mat", "The tower", "See this here.", "A chart"]


def test_notes_are_known_by_their_marks_alone() -> None:
    """With --skip-notes the marked references and notes go, and are listed; COVID19 and x² stay."""
    body = (
        '<p>COVID19 came<a epub:type="noteref" href="#n">1</a> in 2019<sup>2</sup>, '
        'they said [<a role="doc-noteref">3</a>].</p>'
        '<aside epub:type="footnote" id="n"><p>It did.</p></aside><p>x<sup>2</sup></p>'
    )
    assert _one_page(body) == ["COVID19 came 1 in 2019 2, they said [3].", "It did.", "x^2"]
    book = _read(epub({"a.xhtml": page(body)}), notes=True)
    assert _texts(book) == [["COVID19 came in 2019 2, they said.", "x^2"]]
    assert [(one.kind, one.text) for one in book.left_out] == [("note", "1"), ("note", "3"), ("note", "It did.")]


def test_front_matter_is_known_by_its_marks_alone() -> None:
    """With --skip-front what is marked so goes, in a section, a body, the landmarks or the guide; the rest stays."""
    pages = {
        "cover.xhtml": page("<p>Cover words</p>", attributes='epub:type="cover"'),
        "rights.xhtml": page("<p>All rights</p>"),
        "a.xhtml": page('<section role="doc-dedication"><p>For B.</p></section><p>Preface of the story.</p>'),
        "map.xhtml": page("<p>The map</p>"),
    }
    landmarks = '<nav epub:type="landmarks"><a epub:type="copyright-page" href="rights.xhtml">r</a></nav>'
    guide = '<reference type="title-page" href="map.xhtml"/>'
    data = epub(pages, [("All", "a.xhtml")], more=landmarks, guide=guide)
    everything = [text for chapter in _texts(_read(data)) for text in chapter]
    assert everything == ["Cover words", "All rights", "For B.", "Preface of the story.", "The map"]
    skipped = _read(data, front=True)
    assert _texts(skipped) == [["Preface of the story."]]
    assert {one.text for one in skipped.left_out} >= {"Cover words", "All rights", "For B.", "The map"}


def test_what_is_not_shown_is_left_out_and_listed() -> None:
    """Hidden elements, and what stands for a player that is missing."""
    book = _read(epub({"a.xhtml": page('<p hidden="hidden">No</p><p>Yes</p><video>Get a player</video>')}))
    assert _texts(book) == [["Yes"]]
    assert [(one.kind, one.text) for one in book.left_out] == [("hidden", "No"), ("fallback", "Get a player")]


@pytest.mark.parametrize(
    "body",
    [
        '<p>A</p><a id="x"/><p>B</p>',
        "<p>A<!-- <p>no</p> --></p><p><![CDATA[B]]></p>",
        "<div>A<div>B</div></div>",
        "<p>A<p>B",
        "<table><tr><td><p>A</p></td></tr><tr><td>B</td></tr></table>",
        "<section><p>A</p><title/><p>B</p></section>",
        "<p>A</p><blockquote>B</blockquote><script>no()</script>",
        '<p title="<!--">A</p><p title="-->">B</p>',
        '<p>A</p><script>let no = "<!--"</script><a id="x"/><p>B</p><!-- no -->',
        "<p>A</p><!-- <?php --><p>B</p>",
    ],
)
def test_broken_or_odd_markup_loses_nothing(body: str) -> None:
    """Self-closed elements, comments, CDATA, open paragraphs."""
    assert _one_page(body) == ["A", "B"]


def test_a_comment_without_an_end_is_listed() -> None:
    """It holds the rest of the document, as in a browser; the reader of the list sees that it is missing."""
    book = _read(epub({"a.xhtml": page("<p>Yes</p><!-- <p>No <b>words</b></p>")}))
    assert _texts(book) == [["Yes"]]
    assert [(one.kind, one.text) for one in book.left_out] == [("comment without an end", "No words")]


def test_line_breaks_drop_capitals_soft_hyphens_and_tables() -> None:
    """Words are put together as they are shown, rows keep their order."""
    body = (
        "<p><span>O</span>nce up\u00adon<br/>a  time</p>"
        "<table><tr><th>A</th><td>1</td></tr><tr><th>B</th><td>2</td></tr></table>"
        "<p><ruby>漢<rp>(</rp><rt>kan</rt></ruby></p>"
    )
    assert _one_page(body) == ["Once upon\na time", "A, 1", "B, 2", "漢"]


def test_entities_of_its_own_are_not_expanded() -> None:
    """A billion laughs stay a few characters, and named ones of HTML are what they mean."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    opf = package(["a.xhtml"], metadata="<dc:title>Caf&eacute; &l9; &</dc:title>").replace(
        "<package", f'<!DOCTYPE package [<!ENTITY l0 "ha">{laughs}]><package', 1
    )
    files = {"META-INF/container.xml": CONTAINER, "OPS/book.opf": opf, "OPS/a.xhtml": page("<p>Text</p>")}
    assert _read(archive(files)).title == "Café &l9; &"


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that unpacks to more than a book can be is not unpacked."""
    monkeypatch.setattr("audiochat.jobs.narrate.archive.LARGEST_FILE", 100_000)
    with pytest.raises(FileError, match="more than a book can be"):
        _read(epub({"a.xhtml": page("A" * 1_000_000)}))


def test_paths_that_lead_out_of_the_book_name_nothing() -> None:
    """`..` cannot reach a file of the disk, and the rest is read."""
    files = {
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": package(["../../etc/passwd", "/etc/passwd", "a.xhtml"]),
        "../../etc/passwd": "root",
        "OPS/a.xhtml": page("<p>Text</p>"),
    }
    assert _texts(_read(archive(files))) == [["Text"]]


def test_a_protected_book_is_refused_and_obfuscated_fonts_are_not() -> None:
    """DRM is named; a font that is encrypted has no words."""
    encryption = '<encryption xmlns="urn:x"><CipherReference URI="OPS/{}"/></encryption>'

    def book(uri: str) -> bytes:
        with zipfile.ZipFile(buffer := io.BytesIO(epub({"a.xhtml": page("<p>Text</p>")})), "a") as opened:
            opened.writestr("META-INF/encryption.xml", encryption.format(uri))
        return buffer.getvalue()

    with pytest.raises(FileError, match="DRM"):
        _read(book("a.xhtml"))
    assert _texts(_read(book("font.otf"))) == [["Text"]]


@pytest.mark.parametrize(
    ("data", "name", "told"),
    [
        (b"PK\x03\x04 no zip", "book.epub", "not a whole EPUB"),
        (archive({"a": "b"}), "book.docx", "container.xml"),
        (b"%PDF-1.7", "book.pdf", "a PDF"),
        (b"plain", "book.epub", "no zip archive"),
        (b"", "book.txt", "no words"),
        (b"* * *\n\n---", "book.txt", "no words"),
        (b"caf\xe9", "book.txt", "UTF-8"),
        (epub({"a.xhtml": page('<img src="a.png"/>')}), "book.epub", "no words"),
    ],
)
def test_what_is_no_book_is_refused_by_name(data: bytes, name: str, told: str) -> None:
    """The message says what it is, and its exit code is 6."""
    with pytest.raises(FileError, match=told) as refused:
        _read(data, name)
    assert refused.value.exit_code == 6


def test_plain_text_has_paragraphs_and_chapters() -> None:
    """Lines end where the page did; a line that says Chapter begins one, a sentence that begins so does not."""
    sentence = "Chapter two of my life was good, and long, and all of it was true."
    text = f"A Tale\n\nCHAPTER I. The Start\n\nIt was\nlate.\n\n* * *\n\n{sentence}\n\nChapter 2\n\nEnd."
    book = _read(text.replace("\n", "\r\n").encode(), "tale.txt")
    assert [chapter.title for chapter in book.chapters] == ["tale", "CHAPTER I. The Start", "Chapter 2"]
    assert _texts(book)[1][1:] == ["It was late.", "* * *", sentence]


def test_markdown_is_read_as_it_is_shown() -> None:
    """Links are their words, numbers are kept, metadata is listed, notes are read in their place."""
    text = (
        b"---\ntitle: Tales\nauthor: Bo\n---\nIntro.\n\n# One\n\nA [link](http://x) and `code` &amp; *more*[^n].\n\n"
        b"4. four\n5. five\n\n| a | b |\n|---|---|\n| c | d |\n\n"
        b"# Two\n\n![A map](m.png)\n\n<!-- no -->\n\n[^n]: A note."
    )
    book = _read(text, "tales.md")
    assert (book.title, book.author) == ("Tales", "Bo")
    assert _texts(book) == [
        ["Intro."],
        ["One", "A link and code & more 1.", "4. four", "5. five", "a, b", "c, d"],
        ["Two", "A map", "1. A note."],
    ]
    assert [one.kind for one in book.left_out] == ["metadata"]
    assert _texts(_read(text, "tales.md", notes=True))[1][1] == "A link and code & more."


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("fox.md", "Only a line.\n\n## The Fox\n\nText.", "The Fox"),
        ("fox.md", "Only a line.\n\n# The Fox\n\n## One\n\nText.\n\n## Two\n\nText.", "The Fox"),
        ("fox.md", "# One\n\nText.\n\n# Two\n\nText.", "fox"),
        ("fox.md", "Only a line.\n\nText.", "fox"),
        ("fox.txt", "Only a line.\n\nText.", "fox"),
    ],
)
def test_the_title_is_a_heading_or_the_name_of_the_file(name: str, text: str, title: str) -> None:
    """The only heading of the highest level, and never just the first line."""
    assert _read(text.encode(), name).title == title


def test_an_epub_without_a_title_is_called_by_its_heading() -> None:
    """A chapter without one in the table of contents too, else by its number; not by its first sentence."""
    files = {
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": package(
            ["a.xhtml", "b.xhtml"], others={"toc": ("application/x-dtbncx+xml", "")}, toc="toc", metadata=""
        ),
        "OPS/toc": ncx([("", "a.xhtml"), ("", "b.xhtml")]),
        "OPS/a.xhtml": page("<p>By way of an introduction.</p><h1>The Fox</h1><p>One.</p>"),
        "OPS/b.xhtml": page("<p>It was late. It was dark.</p>"),
    }
    book = _read(archive(files))
    assert (book.title, [chapter.title for chapter in book.chapters]) == ("The Fox", ["The Fox", "The Fox 2"])


def test_a_cover_is_found() -> None:
    """The picture that the package calls its cover."""
    files: dict[str, str | bytes] = {
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": package(["a.xhtml"], others={"c.jpg": ("image/jpeg", "cover-image")}),
        "OPS/a.xhtml": page("<p>Text</p>"),
        "OPS/c.jpg": b"\xff\xd8\xff",
    }
    cover = _read(archive(files)).cover
    assert cover is not None
    assert (cover.data, cover.media_type) == (b"\xff\xd8\xff", "image/jpeg")


def test_a_chapter_of_pictures_is_listed_and_not_made() -> None:
    """An entry of the table of contents with no words beneath it is no chapter."""
    pages = {"a.xhtml": page('<img src="x"/>'), "b.xhtml": page("<p>B</p>")}
    book = _read(epub(pages, [("Plates", "a.xhtml"), ("B", "b.xhtml")]))
    assert [chapter.title for chapter in book.chapters] == ["B"]
    assert [(one.kind, one.where) for one in book.left_out] == [("empty", "Plates")]


def test_entries_for_one_place_are_one_chapter() -> None:
    """A part and its first chapter that begin together share a mark."""
    assert nav([("a", "b")])
    book = _read(epub({"a.xhtml": page("<p>A</p>")}, [("Part I", "a.xhtml"), ("1", "a.xhtml#nowhere")]))
    assert [chapter.title for chapter in book.chapters] == ["Part I: 1"]
