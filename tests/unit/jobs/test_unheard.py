"""Speech without words: found, listened to again, put in once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiochat.jobs.ears import HeardWord
from audiochat.jobs.unheard import SENTENCE, Hole, filled, one_by_one, unheard


def said(text: str, *, start: float, pace: float = 0.4) -> list[HeardWord]:
    """Words that follow each other without a pause."""
    words = text.split()
    return [HeardWord(f" {word}", start + n * pace, start + (n + 1) * pace) for n, word in enumerate(words)]


BEFORE = said("it was very late", start=0.0)  # until 1.6
LOST = said("my neighbour borrowed a map of the coast", start=1.6)  # until 4.8
AFTER = said("the captain was asleep", start=4.8)  # until 6.4
SPEECH = [(0.0, 6.4)]


def texts(words: list[HeardWord]) -> str:
    """What they say."""
    return "".join(word.text for word in words).strip()


def mended(words: list[HeardWord], again: list[HeardWord]) -> str:
    """What they say when all holes were listened to again."""
    for hole in reversed(unheard(words, SPEECH, 6.4)):
        words = filled(words, hole, again)
    return texts(words)


WHOLE = [*BEFORE, *LOST, *AFTER]


@pytest.mark.parametrize(
    "heard",
    [
        pytest.param([*BEFORE, *AFTER], id="between two words"),
        pytest.param([*LOST, *AFTER], id="at the beginning"),
        pytest.param([*BEFORE, *LOST], id="at the end"),
        pytest.param([*BEFORE, HeardWord(" my", 1.6, 4.8), *AFTER], id="under a word that lasts too long"),
        pytest.param([], id="all of it"),
    ],
)
def test_a_stretch_without_words_is_filled(heard: list[HeardWord]) -> None:
    """Whatever was left out is there once, and what was heard the first time is not doubled."""
    assert mended(heard, WHOLE) == texts(WHOLE)


def test_the_words_around_a_hole_are_not_doubled() -> None:
    """Also where the second listening times them a little otherwise, into the hole."""
    again = [HeardWord(" Late", 1.3, 1.95), *LOST, HeardWord(" the", 4.45, 5.0), *AFTER[1:]]
    assert mended([*BEFORE, *AFTER], again) == texts(WHOLE)


def test_a_word_that_is_said_twice_stays() -> None:
    """The same word again, half a second later, is another one."""
    words = [*said("no", start=0.0), *AFTER]
    again = [*said("no no no not at all he said so", start=0.0, pace=0.5), *AFTER]
    (hole,) = unheard(words, SPEECH, 6.4)
    assert texts(filled(words, hole, again)) == "no no no not at all he said so the captain was asleep"


def test_what_cannot_be_heard_again_stays_as_it_was() -> None:
    """A long word is kept where the second listening has nothing better."""
    words = [*BEFORE, HeardWord(" ooooh", 1.6, 4.8), *AFTER]
    assert mended(words, []) == texts(words)


def test_pauses_are_not_listened_to_again() -> None:
    """Neither silence, however long, nor the breath that the detector takes for a voice."""
    words = [*said("one", start=0.0), *said("two", start=30.0), *said("three", start=31.2)]
    assert unheard(words, [(0.0, 0.7), (29.7, 31.6)], 60.0) == []


def test_a_hole_knows_its_place() -> None:
    """By places in the list, not by times, which may fall a little."""
    assert unheard([*BEFORE, *AFTER], SPEECH, 6.4) == [Hole(BEFORE[-1].end, AFTER[0].start, 4, 4)]


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 5)), max_size=20), st.data())
def test_no_word_of_a_first_listening_is_lost(times: list[tuple[float, float]], data: st.DataObject) -> None:
    """Whatever times words have, only those that last too long are ever replaced."""
    words = [HeardWord(f" {n}", start, start + lasts) for n, (start, lasts) in enumerate(times)]
    again = [HeardWord(" x", start, start + 0.3) for start in sorted(data.draw(st.lists(st.floats(0, 60))))]
    now = words
    for hole in reversed(unheard(words, [(0.0, 60.0)], 60.0)):
        now = filled(now, hole, again)
    kept = [word for word in words if word.end - word.start <= 2.0]
    assert [word for word in now if word in kept] == kept


def test_what_is_left_out_again_is_heard_one_stretch_after_the_other() -> None:
    """Where whole sentences are missing: each by itself, long ones in parts; of what was heard only what is near."""
    speech = [(0.0, 4.0), (4.5, 8.0), (9.0, 39.0), (40.0, 46.0)]
    words = [*said("it was very late", start=0.0, pace=0.9), *said("the captain was asleep", start=40.0)]
    assert unheard(words[:4], speech[:1], 5.0, least=SENTENCE) == []
    hole, rest = unheard(words, speech, 47.0, least=SENTENCE)
    assert one_by_one(hole, speech) == [(4.5, 8.0), (9.0, 24.0), (24.0, 39.0)]
    assert one_by_one(rest, speech) == [(40.0, 46.0)]
