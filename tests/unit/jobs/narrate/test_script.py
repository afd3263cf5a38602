"""Pieces are whole sentences, and all of them together are the text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiochat.errors import FileError
from audiochat.jobs.narrate.book import Block, Book, Chapter, is_speakable
from audiochat.jobs.narrate.script import Line, chapter_lines, read_replacements, write_script
from audiochat.jobs.narrate.sentences import LONGEST, is_tiny, split

_TEXTS = st.text(
    st.sampled_from("ab C.!?… ,;\n\"'“”()-—*12½漢。é\u0301\u00a0\u200d😀") | st.characters(exclude_categories=["Cs"]),
    max_size=1500,
)
_WORDS = st.lists(st.sampled_from(["Mr. Smith", "said", "no.", "Yes!", "“Well,”", "3.14", "...", "e.g."]), max_size=200)


@settings(deadline=None)
@given(_TEXTS | _WORDS.map(" ".join), st.sampled_from(["en", "de", "ja", "xx"]))
def test_joined_parts_are_the_text(text: str, language: str) -> None:
    """Nothing is lost, doubled or changed, and no part is longer than the limit."""
    parts = split(text, language)
    assert "".join(parts) == text
    assert all(len(part) <= LONGEST for part in parts)


@settings(deadline=None)
@given(st.lists(st.builds(Block, _TEXTS.map(str.strip), st.integers(0, 2)), max_size=8))
def test_joined_lines_are_the_chapter(blocks: list[Block]) -> None:
    """What is not spoken stands around what is; every line has something to speak."""
    chapter = Chapter("One", tuple(blocks))
    lines = chapter_lines(chapter, "en")
    if any(is_speakable(block.text) for block in blocks):
        assert "".join(line.whole for line in lines) == chapter.text
    assert all(is_speakable(line.text) and line.text == line.text.strip() for line in lines)


def _lines(*blocks: str | Block) -> list[tuple[str, str]]:
    made = tuple(Block(one) if isinstance(one, str) else one for one in blocks)
    return [(line.text, line.pause) for line in chapter_lines(Chapter("One", made), "en")]


def test_pauses_tell_what_follows() -> None:
    """A heading, a paragraph, a break between scenes, another sentence, another chapter."""
    long = "This is a sentence of the first paragraph, which has quite a number of words in it. " * 4
    found = _lines(Block("The Beginning", 1), long + long, "A paragraph.", "* * *", "Another scene.")
    assert [pause for _, pause in found] == ["heading", "sentence", "sentence", "paragraph", "break", "chapter"]


def test_a_tiny_piece_is_read_with_its_neighbour() -> None:
    """A model would answer a lone No; a chapter that is nothing else is read all the same."""
    assert _lines("“No.”", "He left the room at once.") == [("“No.”\n\nHe left the room at once.", "chapter")]
    assert _lines("He left the room.", "No.") == [("He left the room.\n\nNo.", "chapter")]
    assert _lines("No.") == [("No.", "chapter")]
    assert is_tiny("No.")


def test_abbreviations_end_no_sentence() -> None:
    """Where a paragraph is cut, it is between sentences."""
    text = "Dr. Jones met Mr. Smith at 3 p.m. on St. John's Day, e.g. in the garden. " * 12
    assert all(part.rstrip().endswith("garden.") for part in split(text, "en"))


def test_a_table_of_words_changes_the_pieces_that_have_them() -> None:
    """Whole words alone, in the spoken text; the cuts stay as they are."""
    book = Book("B", (Chapter("1", (Block("Siobhan met Siobhanette here."), Block("Nobody else was there."))),))
    plain = write_script(book)[0].lines
    spoken = write_script(book, read_replacements("# names\n\nSiobhan==Shivawn\n", name="t"))[0].lines
    assert spoken[0].text == "Shivawn met Siobhanette here."
    assert spoken[1] == plain[1]
    with pytest.raises(FileError, match="line 2"):
        read_replacements("a==b\nnonsense", name="t")


def test_names_are_told_from_words_that_begin_sentences() -> None:
    """A capital in the middle of a sentence, and never a small letter."""
    text = "Then Holmes looked at Watson. The man called Holmes’s bluff. Watson saw the man, and I saw London."
    line = write_script(Book("B", (Chapter("1", (Block(text),)),)))[0].lines[0]
    assert line.names == {"holmes", "watson", "london"}


def test_a_character_that_is_a_syllable_counts_like_three_letters() -> None:
    """Chinese is cut as short, in time, as other languages are, and planned as long as it is."""
    parts = split("他走了很远的路，然后回家，" * 200, "zh")
    assert "".join(parts) == "他走了很远的路，然后回家，" * 200
    assert all(60 <= len(part) <= LONGEST // 3 + 40 for part in parts)
    assert not is_tiny("他走了很远的路。")
    assert 15 <= Line("他" * 90, "sentence").seconds <= 20
