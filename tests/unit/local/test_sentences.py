"""The engine's text: cut into sentences, and put so that a small model understands it."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiochat.local.prompts import Message, Said, by_example, by_instruction, fixed_part
from audiochat.local.sentences import sentences
from audiochat.local.stt import Heard

if TYPE_CHECKING:
    from collections.abc import Iterator

QUIET = Heard(text="", seconds=3.0, speech_seconds=0.0, loudness=-61.2)
SPEECH = Heard(text="we are open from nine to five", seconds=4.25, speech_seconds=2.0, loudness=-23.6)
LENGTH, SPEED, LOUDNESS = "4.2 seconds long", "210 words per minute", "-24 dBFS"


def cut(text: str, limit: int = 9) -> list[str]:
    """The sentences of a text that comes all at once."""
    return list(sentences(iter([text]), limit))


# --- sentences


def test_sentences_end_at_full_stops_and_marks() -> None:
    """Full stop, question mark, exclamation mark, and several of them."""
    assert cut("I see. Do you? Yes! Really?! Of course.") == ["I see.", "Do you?", "Yes!", "Really?!", "Of course."]


@pytest.mark.parametrize(
    "text",
    [
        "Mr. Smith met Mrs. Jones.",
        "Dr. Watson and Ms. Adler came.",
        "It is cats vs. dogs.",
        "Take fruit, e.g. apples, or roots, i.e. carrots.",
        "St. Petersburg is far.",
        "Pi is about 3.14 and e is about 2.72.",
        "It costs $1.50 in all.",
        "Version 1.2.3 is out.",
        "Write to me at a.b@example.com today.",
        "We open at 9 a.m. and close at 5 p.m. on weekdays.",
        "They open at 10 A.M. sharp.",
    ],
)
def test_a_point_inside_of_a_sentence_does_not_end_it(text: str) -> None:
    """Abbreviations, decimals, addresses and the halves of the day stay in their sentence."""
    assert cut(text) == [text]


def test_half_of_the_day_ends_a_sentence_when_another_begins() -> None:
    """After "p.m." a capital letter starts the next sentence."""
    assert cut("We close at 5 p.m. Come early.") == ["We close at 5 p.m.", "Come early."]


def test_numbers_of_a_list_stay_with_their_items() -> None:
    """A number with its point is no sentence."""
    assert cut("1. Boil the water. 2. Add the rice.") == ["1. Boil the water.", "2. Add the rice."]


def test_quotes_and_brackets_belong_to_the_sentence_that_they_end() -> None:
    """What closes behind the mark is part of the sentence."""
    assert cut('"Come in!" (She did.) \u201cThank you.\u201d He smiled.') == [
        '"Come in!"',
        "(She did.)",
        "\u201cThank you.\u201d",
        "He smiled.",
    ]


def test_a_tail_without_an_end_is_dropped() -> None:
    """An answer that was cut at the limit of tokens stops at its last whole sentence."""
    assert cut("Snow falls. The quiet night holds its") == ["Snow falls."]


def test_a_tail_in_quotes_is_whole() -> None:
    """The last sentence may end with a quote."""
    assert cut('Snow falls. He said: "It is cold."') == ["Snow falls.", 'He said: "It is cold."']


def test_a_tail_is_better_than_nothing() -> None:
    """Where nothing else was said, the unfinished is said."""
    assert cut("Snow falls on the") == ["Snow falls on the"]


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_nothing_is_no_sentence(text: str) -> None:
    """Empty text has none."""
    assert cut(text) == []


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_more_sentences_than_the_limit(limit: int) -> None:
    """The rest is not given, and not even asked for."""
    asked: list[str] = []

    def pieces() -> Iterator[str]:
        for word in ("One. ", "Two. ", "Three. ", "Four. ", "Five. "):
            asked.append(word)
            yield word

    assert list(sentences(pieces(), limit)) == ["One.", "Two.", "Three."][:limit]
    assert len(asked) <= limit + 1


def test_a_sentence_is_given_as_soon_as_the_next_one_begins() -> None:
    """The first one can be spoken while the others are written."""
    asked: list[str] = []

    def pieces() -> Iterator[str]:
        for word in ("Snow ", "falls.", " The", " night", " is quiet."):
            asked.append(word)
            yield word

    found = sentences(pieces(), 4)
    assert next(found) == "Snow falls."
    assert asked == ["Snow ", "falls.", " The"]
    assert list(found) == ["The night is quiet."]


@given(st.text(alphabet="ab. !?\"'3Dr\n", max_size=60), st.lists(st.integers(0, 60), max_size=8), st.integers(1, 5))
def test_pieces_do_not_change_what_is_cut(text: str, cuts: list[int], limit: int) -> None:
    """Sentences are the same however the text comes, at most the limit, in order, and nothing but the text."""
    bounds = [0, *sorted(min(cut_, len(text)) for cut_ in cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(bounds)]
    found = list(sentences(iter(pieces), limit))
    assert len(found) <= limit
    assert all(one and one == one.strip() for one in found)
    assert found == cut(text, limit)
    position = 0
    for one in found:
        position = text.index(one, position) + len(one)


# --- prompts: the built-in model


def last(question: str, *heard: Heard) -> str:
    """What the built-in model gets for a question."""
    return by_example([Said("user", question, heard)]).messages[-1].content


def test_a_text_alone_is_asked_as_it_is() -> None:
    """Without a recording nothing is put around the question."""
    prompt = by_example([Said("user", "How long is a mile?")])
    assert prompt.messages[-1] == Message("user", "How long is a mile?")
    assert prompt.messages[: prompt.fixed] == fixed_part(recording=False).messages


def test_what_is_heard_stands_before_the_question() -> None:
    """The words of the recording are quoted, and the question follows."""
    said = last("What is it about?", SPEECH)
    assert said.startswith('The speaker says: "we are open from nine to five"')
    assert said.endswith("What is it about?")


def test_measurements_are_not_for_the_small_model() -> None:
    """It would mix them up with others, so it never learns them."""
    said = last("How long, how loud and how fast is it? Measure everything.", SPEECH)
    assert not [fact for fact in (LENGTH, SPEED, LOUDNESS) if fact in said]


def test_no_example_about_a_recording_holds_a_figure() -> None:
    """A figure of an example would come out as a measurement."""
    assert not [one for one in fixed_part(recording=True).messages if re.search(r"\d", one.content)]


def test_the_users_system_message_is_kept() -> None:
    """It stands first, instead of ours; the examples stay."""
    ours = by_example([Said("user", "Hi.")])
    theirs = by_example([Said("system", "You are a pirate."), Said("user", "Hi.")])
    assert theirs.messages[0] == Message("system", "You are a pirate.")
    assert theirs.messages[1:] == ours.messages[1:]
    assert theirs.fixed == 0, "what was kept of our own start cannot be used"


def test_several_system_messages_are_one() -> None:
    """All of them are kept, in their order."""
    said = [Said("system", "Be brief."), Said("system", "Be kind."), Said("user", "Hi.")]
    systems = [one for one in by_example(said).messages if one.role == "system"]
    assert systems == [Message("system", "Be brief. Be kind.")]


def test_the_fixed_part_really_starts_every_prompt() -> None:
    """What the model keeps from one question to the next is the same for any question of its kind."""
    for heard in ((), (SPEECH,)):
        for question in ("How long is it?", "Why?"):
            prompt = by_example([Said("user", question, heard)])
            assert prompt.fixed > 1
            assert prompt.messages[: prompt.fixed] == fixed_part(recording=bool(heard)).messages


# --- prompts: other models


def test_a_larger_model_gets_instructions_and_a_report() -> None:
    """The recording is reported with all its measurements, the system message stands before our instructions."""
    said = [Said("system", "You are a pirate."), Said("user", "What is it?", (SPEECH,)), Said("assistant", "Hours.")]
    prompt = by_instruction([*said, Said("user", "Why?")])
    assert [one.role for one in prompt.messages] == ["system", "user", "assistant", "user"]
    assert prompt.messages[0].content.startswith("You are a pirate.\n\n")
    report = prompt.messages[1].content
    for fact in ("4.2 seconds", SPEED, LOUDNESS, '"we are open from nine to five"'):
        assert fact in report
    assert report.endswith("What is it?")
    assert prompt.messages[-1] == Message("user", "Why?")


def test_a_larger_model_is_told_that_nobody_speaks() -> None:
    """A recording without speech is reported as such, without a speed."""
    report = by_instruction([Said("user", "", (QUIET,))]).messages[-1].content
    assert "Nobody speaks in it." in report
    assert "words per minute" not in report


def test_words_a_minute_leave_pauses_out() -> None:
    """Seven words in two seconds of speech are 210 a minute; without speech there is no speed."""
    assert SPEECH.words_a_minute == pytest.approx(210)
    assert QUIET.words_a_minute == 0
