"""Books as programs and people make them: oddly, and still all of it is read as it is meant."""

from __future__ import annotations

import io
import unicodedata
from typing import TYPE_CHECKING

import pytest
from support.books import CONTAINER, archive, epub, package, page

from audiochat.errors import FileError
from audiochat.jobs.narrate.html import Skip
from audiochat.jobs.narrate.reading import read_book

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audiochat.jobs.narrate.book import Book


def _read(data: bytes | str, name: str = "book.epub") -> Book:
    return read_book(io.BytesIO(data.encode() if isinstance(data, str) else data), name=name, skip=Skip())


def _texts(book: Book) -> list[str]:
    return [block.text for chapter in book.chapters for block in chapter.blocks if block.text]


def _body(body: str) -> list[str]:
    return _texts(_read(epub({"a.xhtml": page(body)})))


def _epub_of(files: Mapping[str, str | bytes], spine: list[str], *, container: str = CONTAINER) -> bytes:
    return archive({"META-INF/container.xml": container, "OPS/book.opf": package(spine), **files})


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ('<p>He left.<sup><a href="#n">1</a></sup> Then</p>', "He left. 1 Then"),
        ('<p>a word<a epub:type="noteref" href="#n">3</a>, and</p>', "a word 3, and"),
        ('<p>a word<a href="#n"><sup>[4]</sup></a>next</p>', "a word [4] next"),
        ('<p>a word<a href="#n">*</a> and</p>', "a word * and"),
        ("<p>some 10<sup>6</sup> of x<sup>2</sup></p>", "some 10^6 of x^2"),
        ("<p>the word<sup>5</sup> here</p>", "the word 5 here"),
        ("<p>the 1<sup>st</sup> of H<sub>2</sub>O, M<sup>me</sup> B</p>", "the 1st of H2O, Mme B"),
        ('<p><a href="#a">A</a>LICE, in COVID19</p>', "ALICE, in COVID19"),
        ('<p>See<img src="m" alt="a map"/>there.</p>', "See a map there."),
        ('<p><img src="i" alt="I"/>T was <i>un</i>likely.</p>', "IT was unlikely."),
        ("<p><select><option>Yes</option><option>No</option></select></p>", "Yes No"),
        ("<svg><text>2019</text><text>2020</text></svg>", "2019 2020"),
    ],
)
def test_what_stands_beside_a_word_is_no_part_of_it(body: str, read: str) -> None:
    """Numbers of notes, powers, pictures and buttons are apart from words; initials and endings are not."""
    assert _body(body) == [read]


def test_a_formula_is_read_once_and_its_fractions_are_no_numbers() -> None:
    """MathML without words of its own is one line, without the source that stands beside it for programs."""
    formula = (
        "<math><semantics><mrow><mi>x</mi><mo>=</mo><mfrac><mn>1</mn><msup><mn>2</mn><mi>n</mi></msup></mfrac></mrow>"
        '<annotation encoding="application/x-tex">x=\\frac1{2^n}</annotation></semantics></math>'
    )
    assert _body(f"<p>So {formula} holds.</p>") == ["So x = 1/2^n holds."]
    assert _body("<p>So <math><msqrt><mi>a</mi><mo>+</mo><mn>1</mn></msqrt></math>.</p>") == ["So √(a + 1)."]


def test_a_title_in_the_table_of_contents_keeps_its_words_whole() -> None:
    """Small capitals and italics in a title cut no word, and a line break in it ends one."""
    title = "C<small>HAPTER</small> One:<br/>The <em>Titanic</em>’s end"
    book = _read(epub({"a.xhtml": page("<p>It sank.</p>")}, [(title, "a.xhtml")]))
    assert [chapter.title for chapter in book.chapters] == ["CHAPTER One: The Titanic’s end"]


def test_a_table_is_read_by_row_also_with_paragraphs_in_its_cells() -> None:
    """A cell's only paragraph is in the row, an empty cell is passed over, several paragraphs stay apart."""
    cells = "<tr><th>A</th><th/><th>C</th></tr><tr><td><p>1</p></td><td><div>2</div></td></tr>"
    assert _body(f"<table>{cells}</table>") == ["A, C", "1, 2"]
    assert _body("<table><tr><td><p>One.</p><p>Two.</p></td></tr></table>") == ["One.", "Two."]


def test_lists_are_numbered_as_their_style_says() -> None:
    """The style of a list counts like its type, and one of bullets has no numbers."""
    items = "<li>a</li><li>b</li>"
    assert _body(f'<ol style="list-style-type: upper-roman">{items}</ol>') == ["I. a", "II. b"]
    assert _body(f'<ol style="list-style:disc outside">{items}</ol>') == ["a", "b"]


def test_lines_that_a_style_makes_are_lines() -> None:
    """Verses in spans that are shown as blocks are not glued together."""
    line = '<span style="display: block">'
    assert _body(f"<p>{line}Line one</span>{line}Line two</span></p>") == ["Line one", "Line two"]


def test_what_the_spine_names_and_the_archive_lacks_is_listed() -> None:
    """A chapter that is not there is told: nobody would hear that it is missing."""
    book = _read(_epub_of({"OPS/a.xhtml": page("<p>One.</p>")}, ["a.xhtml", "gone.xhtml"]))
    assert _texts(book) == ["One."]
    assert [(one.kind, one.where) for one in book.left_out] == [("missing", "OPS/gone.xhtml")]


@pytest.mark.parametrize(
    "data",
    [
        '<?xml version="1.0" encoding="UTF-16"?><html><body><p>Привет</p></body></html>'.encode(),
        '<?xml version="1.0" encoding="UTF-16"?><html><body><p>Привет</p></body></html>'.encode("utf-16-le"),
        '<html><head><meta charset="windows-1251"/></head><body><p>Привет</p></body></html>'.encode("cp1251"),
    ],
)
def test_letters_are_read_as_they_are_written_whatever_is_declared(data: bytes) -> None:
    """UTF-16 that is UTF-8, UTF-16 without a mark, and old encodings that only the HTML tells."""
    assert _texts(_read(_epub_of({"OPS/a.xhtml": data}, ["a.xhtml"]))) == ["Привет"]


def test_files_are_found_however_their_names_are_written() -> None:
    """Letters with accents apart, backslashes, and a package by an absolute path or none."""
    decomposed = unicodedata.normalize("NFD", "OPS/Kapitél.xhtml")
    assert _texts(_read(_epub_of({decomposed: page("<p>One.</p>")}, ["Kapit%C3%A9l.xhtml"]))) == ["One."]
    assert _texts(_read(_epub_of({"OPS\\a.xhtml": page("<p>Two.</p>")}, ["a.xhtml"]))) == ["Two."]
    for container in (CONTAINER.replace("OPS/book", "/OPS/book"), "<container/>"):
        read = _read(_epub_of({"OPS/a.xhtml": page("<p>Three.</p>")}, ["a.xhtml"], container=container))
        assert _texts(read) == ["Three."]


@pytest.mark.parametrize(
    ("told", "language"),
    [("eng", "en"), ("ger", "de"), ("deu", "de"), ("German", "de"), ("pt-BR", "pt"), ("und", "en"), ("x-none", "en")],
)
def test_a_language_has_one_code_however_it_is_told(told: str, language: str) -> None:
    """Numbers in words and the engine's voice go by codes of two letters."""
    metadata = f"<dc:title>T</dc:title><dc:language>{told}</dc:language>"
    assert _read(epub({"a.xhtml": page("<p>x</p>")}, metadata=metadata)).language == language


def test_the_main_title_and_all_authors_are_taken() -> None:
    """A subtitle may stand first, and roles are written in many ways."""
    metadata = (
        '<dc:title id="s">Sub</dc:title><meta refines="#s" property="title-type">subtitle</meta>'
        '<dc:title id="m">Main</dc:title><meta refines="#m" property="title-type">main</meta>'
        '<dc:creator role="Author">Ann</dc:creator><dc:creator role="AUT">Bob</dc:creator>'
        '<dc:creator role="ill">Cy</dc:creator>'
    )
    book = _read(epub({"a.xhtml": page("<p>x</p>")}, metadata=metadata))
    assert (book.title, book.author) == ("Main", "Ann, Bob")


def test_a_protected_book_is_known_by_its_rights_where_nothing_else_tells() -> None:
    """Some sellers encrypt without a list of what is encrypted: its bytes are not read aloud."""
    files: dict[str, str | bytes] = {"OPS/a.xhtml": bytes(range(256)), "META-INF/rights.xml": "<rights/>"}
    with pytest.raises(FileError, match="protected against copying"):
        _read(_epub_of(files, ["a.xhtml"]))


@pytest.mark.parametrize(
    ("data", "name", "what"),
    [
        (b"A Book".ljust(60, b"\0") + b"BOOKMOBI" + bytes(100), "x.mobi", "a book for Kindle"),
        (b"\x7fELF" + bytes(100), "x.txt", "no text"),
        (archive({"word/document.xml": "<x/>"}), "x.docx", "a Word document"),
    ],
)
def test_what_is_no_book_is_called_what_it_is(data: bytes, name: str, what: str) -> None:
    """A program's bytes are refused, not read."""
    with pytest.raises(FileError, match=what):
        _read(data, name)


def test_a_page_of_html_is_read_like_a_book() -> None:
    """Its tags are not read aloud, whatever the file is called."""
    html = '<!DOCTYPE html><html lang="de"><head><title>Titel</title></head><body><h1>Eins</h1><p>A &amp; b</p></body>'
    for name in ("a.html", "stdin"):
        book = _read(html, name)
        assert (book.title, book.language, _texts(book)) == ("Titel", "de", ["Eins", "A & b"])


@pytest.mark.parametrize(
    ("text", "chapters"),
    [
        (  # a line each, nothing between
            "Chapter 1\nHe went to the sea.\nShe did not.\nChapter 2\nIt rained.\n“Yes,” she said.\n",
            {
                "Chapter 1": ["Chapter 1", "He went to the sea.", "She did not."],
                "Chapter 2": ["Chapter 2", "It rained.", "“Yes,” she said."],
            },
        ),
        (  # Chinese, with the indent of its typography
            "第一章 开始\n\u3000\u3000他走了。\n\u3000\u3000她来了。\n第二章 结束\n\u3000\u3000完了。\n",
            {"第一章 开始": ["第一章 开始", "他走了。", "她来了。"], "第二章 结束": ["第二章 结束", "完了。"]},
        ),
        (  # wrapped lines, paragraphs by their indent
            "   One goes on for a\nline that is wrapped.\n   Two begins here.\n   Three.\n",
            {"b": ["One goes on for a line that is wrapped.", "Two begins here.", "Three."]},
        ),
        (  # a verse, wrapped text: no paragraphs
            "   One line of verse\n   and another line\n   and a third one\n   and the last\n",
            {"b": ["One line of verse and another line and a third one and the last"]},
        ),
        ("Part of me\n\nA.\n\nBook review\n\nB.\n", {"b": ["Part of me", "A.", "Book review", "B."]}),
        (
            "CHAPTER TWENTY ONE\n\nA.\n\n3. Kapitel\n\nB.\n\nГл\u0430в\u0430 4\n\nC.\n\nChapter 5 The House\n\nD.\n",
            {
                "CHAPTER TWENTY ONE": ["CHAPTER TWENTY ONE", "A."],
                "3. Kapitel": ["3. Kapitel", "B."],
                "Гл\u0430в\u0430 4": ["Гл\u0430в\u0430 4", "C."],
                "Chapter 5 The House": ["Chapter 5 The House", "D."],
            },
        ),
    ],
)
def test_plain_text_of_every_make_has_its_paragraphs_and_chapters(text: str, chapters: dict[str, list[str]]) -> None:
    """Paragraphs by empty lines, by line or by indent; chapters in many languages, and none where no number is."""
    book = _read(text, "b.txt")
    assert {one.title: [block.text for block in one.blocks] for one in book.chapters} == chapters


@pytest.mark.parametrize(
    ("head", "author"),
    [
        ("---\ntitle: My Book # a remark\nauthor:\n  - Ann\n  - 'Bob'\n---\n", "Ann, Bob"),
        ('---\ntitle: "My Book"\nauthor: [Ann, "Bob"]\n---\n', "Ann, Bob"),
        ('+++\ntitle = "My Book"\nauthor = "Ann"\n+++\n', "Ann"),
    ],
)
def test_the_head_of_markdown_is_not_read_but_understood(head: str, author: str) -> None:
    """YAML with lists and remarks, and TOML, tell title and author; what is struck out has no tildes."""
    book = _read(f"{head}Some ~~old~~ text.\n", "x.md")
    assert (book.title, book.author, _texts(book)) == ("My Book", author, ["Some old text."])


def test_a_line_of_the_contents_that_leads_nowhere_names_no_other_chapter() -> None:
    """Its heading is found by its words; without one, its text stays in the chapter before."""
    body = '<p>Before.</p><h2 id="x">X</h2><p>One.</p><h2>Y</h2><p>Two.</p>'
    book = _read(epub({"a.xhtml": page(body)}, [("X", "a.xhtml#x"), ("Y", "a.xhtml#no"), ("Z", "a.xhtml#none")]))
    assert [chapter.title for chapter in book.chapters][1:] == ["X", "Y"]
    assert book.chapters[0].title not in ("Y", "Z")


def test_marks_are_known_by_any_prefix_of_their_name_space() -> None:
    """`ops:type` is what others call `epub:type`."""
    page_ = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:ops="http://www.idpf.org/2007/ops"><body>'
        '<p>A word<a ops:type="noteref">1</a>.</p><aside ops:type="footnote">A note.</aside></body></html>'
    )
    book = read_book(io.BytesIO(epub({"a.xhtml": page_})), name="b.epub", skip=Skip(notes=True))
    assert _texts(book) == ["A word."]
