"""Where the language changes: which sentences are looked at, and what is listened to again."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from audiochat.jobs.ears import HeardWord
from audiochat.jobs.other_languages import Passage, Utterance, mixtures, possible_languages, replaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    Stretch = tuple[float, float]

EN, BOTH = ("en",), ("en", "es")


def utterances(*languages: tuple[str, ...]) -> list[Utterance]:
    """One of four seconds every five seconds."""
    return [Utterance(5.0 * n, 5.0 * n + 4, one) for n, one in enumerate(languages)]


def speech(count: int) -> list[Stretch]:
    """Where these speak."""
    return [(5.0 * n, 5.0 * n + 4) for n in range(count)]


class Listener:
    """Knows when Spanish is spoken, and what it was asked about."""

    def __init__(self, *spanish: Stretch) -> None:
        self._spanish = spanish
        self.asked: list[Stretch] = []

    def __call__(self, stretch: Stretch, possible: Sequence[str]) -> str:
        """Tell it; see `mixtures`."""
        assert list(possible) == ["en", "es"]
        self.asked.append(stretch)
        return "es" if any(start <= stretch[0] < end for start, end in self._spanish) else "en"


def test_one_language_costs_nothing() -> None:
    """Where no window may be in another language, no sentence is looked at."""
    listener = Listener((0, 100))
    assert list(mixtures(utterances(EN, EN, EN), "en", listener, speech=speech(3), seconds=15)) == []
    assert listener.asked == []


def test_a_window_that_was_mistaken_stays_as_it_was() -> None:
    """All its sentences are in the language of the whole: nothing is listened to again."""
    assert list(mixtures(utterances(EN, BOTH, EN), "en", Listener(), speech=speech(3), seconds=15)) == []


def test_one_sentence_among_others() -> None:
    """Its passage ends in the middle of the pauses around it; only the window that it lies in is looked at."""
    listener = Listener((10, 15))
    (found,) = mixtures(utterances(EN, BOTH, BOTH, BOTH, EN), "en", listener, speech=speech(5), seconds=25)
    assert found == [Passage(4.0, 9.5, "en"), Passage(9.5, 14.5, "es"), Passage(14.5, 20.0, "en")]
    assert listener.asked == speech(5)[1:4]


def test_the_rest_of_a_recording() -> None:
    """What was not heard at all at its end belongs to it."""
    (found,) = mixtures(utterances(EN, BOTH, ("es",)), "en", Listener((5, 100)), speech=speech(5), seconds=25)
    assert found == [Passage(4.0, 25.0, "es")]


def test_two_places() -> None:
    """Each is found by itself."""
    found = list(
        mixtures(utterances(BOTH, EN, EN, BOTH), "en", Listener((0, 5), (15, 20)), speech=speech(4), seconds=20)
    )
    assert found == [[Passage(0.0, 5.0, "es")], [Passage(14.0, 20.0, "es")]]


def test_a_short_sound_is_taken_with_what_comes_before() -> None:
    """A cough or a "sí" does not tell its language."""
    spoken = [(0.0, 4.0), (4.5, 5.0), (5.5, 9.0)]
    listener = Listener((0, 4))
    (found,) = mixtures(utterances(BOTH, BOTH), "en", listener, speech=spoken, seconds=10)
    assert found == [Passage(0.0, 5.25, "es"), Passage(5.25, 10.0, "en")]
    assert listener.asked == [spoken[0], spoken[2]]


def test_speech_without_pauses_is_divided_where_sentences_were_heard() -> None:
    """The detector of voices finds no pause in it."""
    listener = Listener((10, 15))
    (found,) = mixtures(utterances(BOTH, BOTH, BOTH, BOTH), "en", listener, speech=[(0.0, 20.0)], seconds=20)
    assert found == [Passage(0.0, 10.0, "en"), Passage(10.0, 15.0, "es"), Passage(15.0, 20.0, "en")]


@given(st.lists(st.tuples(st.sampled_from([EN, BOTH, ("es",)]), st.booleans()), min_size=1, max_size=12))
def test_passages_cover_their_place(said: list[tuple[tuple[str, ...], bool]]) -> None:
    """Whatever is said: they follow each other without a gap, their languages change, and places do not overlap."""
    listener = Listener(*((5.0 * n, 5.0 * n + 5) for n, (_, is_spanish) in enumerate(said) if is_spanish))
    end = 0.0
    for passages in mixtures(
        utterances(*(one for one, _ in said)), "en", listener, speech=speech(len(said)), seconds=5.0 * len(said)
    ):
        assert end <= passages[0].start
        end = passages[-1].end
        assert "es" in {one.language for one in passages}
        for one, other in pairwise(passages):
            assert one.end == other.start
            assert one.language != other.language


def test_words_around_a_passage_stay() -> None:
    """Those in its place are replaced, the others are as they were."""
    words = [HeardWord(f" {n}", n, n + 1.0) for n in range(6)]
    again = [HeardWord(" dos", 2.1, 3.0), HeardWord(" tres", 3.0, 3.9)]
    assert replaced(words, Passage(2.0, 4.0, "es"), again) == [*words[:2], *again, *words[4:]]


def test_an_accent_is_no_language() -> None:
    """One sentence has a larger share of a window than an accent."""
    assert possible_languages({"en": 0.55, "es": 0.43, "pt": 0.01}) == BOTH
    assert possible_languages({"en": 0.97, "cy": 0.02, "la": 0.01}) == EN
