"""Nothing that a book or an answer can hold makes reading or comparing fall over."""

from __future__ import annotations

import io

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.books import epub, page

from audiochat.errors import FileError
from audiochat.jobs.narrate.fidelity import compare, compare_heard
from audiochat.jobs.narrate.reading import read_book
from audiochat.jobs.narrate.script import write_script

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
_MARKUP = st.lists(
    st.sampled_from(
        [
            *("<p>", "</p>", "<ol start='x'>", "</ol>", "<li value='9'>", "<table><tr><td>", "</table>", "<h2 id='a'>"),
            *("</h2>", "<br/>", "<hr>", "<![CDATA[", "]]>", "<!--", "-->", "&nbsp;", "&#x0;", "&bogus;", "<title/>"),
            *("<svg>", "</svg>", "<math alttext='x'>", "<a id='a'/>", "<img alt='words'>", "<figure>", "<figcaption>"),
            *("words ", "12 ", "“No.” ", "<pre>\n a\n</pre>", "<ruby>a<rt>b</ruby>", "<aside epub:type='footnote'>"),
        ]
    ),
    max_size=40,
).map("".join)

_NUMBERS = st.lists(
    st.sampled_from(
        [
            "1,905",
            "$5.00",
            "10:30:59",
            "1.2.3.4.5.6",
            "²",
            "½",
            "Ⅻ",
            "IIII",
            "MDCLXVI",
            "007",
            "٣",
            "9" * 40,
            "not",
            "%",
            "1st",
        ]
    ),
    max_size=30,
).map(" ".join)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_MARKUP)
def test_any_markup_is_read(body: str) -> None:
    """Whatever is in a page, its pieces are its text."""
    try:
        book = read_book(io.BytesIO(epub({"a.xhtml": page(body)}, [("A", "a.xhtml#a")])), name="a.epub")
    except FileError as error:
        assert error.code == "no_words"  # noqa: PT017 - what is tried may have none
        return
    for act, chapter in zip(write_script(book), book.chapters, strict=True):
        assert "".join(line.whole for line in act.lines) == chapter.text


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_TEXT | _NUMBERS, _TEXT | _NUMBERS, st.sampled_from(["en", "de", "fr", "ja", "xx"]))
def test_any_two_texts_are_compared(text: str, read: str, language: str) -> None:
    """A text is what it is, and no two make the comparison fall over."""
    assert compare(text, text, language=language).errors == 0
    assert compare(text, read, language=language).errors >= 0
    assert compare_heard(text, read, language=language).errors >= 0
