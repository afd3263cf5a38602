"""Where the language changes: which sentences are looked at, and what is listened to by itself."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from audiochat.jobs.ears import HeardWord
from audiochat.jobs.other_languages import Mixture, Passage, Utterance, find_mixtures, possible_languages

if TYPE_CHECKING:
    from collections.abc import Sequence

    Stretch = tuple[float, float]

EN, BOTH, ES = ("en",), ("en", "es"), ("es",)


def utterances(*languages: tuple[str, ...], lasts: float = 4.0) -> list[Utterance]:
    """One every five seconds, of two words."""
    return [
        Utterance((HeardWord(" a", 5.0 * n, 5.0 * n + 1), HeardWord(" b", 5.0 * n + 1, 5.0 * n + lasts)), one)
        for n, one in enumerate(languages)
    ]


def speech(count: int) -> list[Stretch]:
    """Where these speak."""
    return [(5.0 * n, 5.0 * n + 4) for n in range(count)]


class Listener:
    """Knows when Spanish is spoken, and what it was asked about."""

    def __init__(self, *spanish: Stretch) -> None:
        self._spanish = spanish
        self.asked: list[Stretch] = []

    def __call__(self, stretch: Stretch, possible: Sequence[str]) -> str:
        """Which of them it is; see `find_mixtures`."""
        assert list(possible) == ["en", "es"]
        self.asked.append(stretch)
        return "es" if any(start <= stretch[0] < end for start, end in self._spanish) else "en"


def found(
    heard: list[Utterance], listener: Listener, spoken: list[Stretch] | None = None
) -> list[tuple[int, int, list[Passage]]]:
    """The mixtures among utterances that were heard in English."""
    seconds, spoken = 5.0 * len(heard), spoken or speech(len(heard))
    mixtures = find_mixtures(heard, "en", listener, speech=spoken, seconds=seconds)
    return [(one.first, one.end, list(one.passages)) for one in mixtures]


def test_one_language_costs_nothing() -> None:
    """Where no window may be in another language, no sentence is looked at."""
    listener = Listener((0, 100))
    assert found(utterances(EN, EN, EN), listener) == []
    assert listener.asked == []


def test_a_window_that_was_mistaken_stays_as_it_was() -> None:
    """All its sentences are in the language of the whole: nothing is listened to again."""
    assert found(utterances(EN, BOTH, EN), Listener()) == []


def test_one_sentence_among_others() -> None:
    """Its passage ends in the middle of the pauses around it; only the window that it lies in is looked at."""
    listener = Listener((10, 15))
    passages = [Passage(4.0, 9.5, "en"), Passage(9.5, 14.5, "es"), Passage(14.5, 20.0, "en")]
    assert found(utterances(EN, BOTH, BOTH, BOTH, EN), listener) == [(1, 4, passages)]
    assert listener.asked == speech(5)[1:4]


def test_the_rest_of_a_recording() -> None:
    """What was not heard at all at its end belongs to it."""
    heard = utterances(EN, BOTH, ES)
    mixtures = list(find_mixtures(heard, "en", Listener((5, 100)), speech=speech(5), seconds=25.0))
    assert mixtures == [Mixture(1, 3, (Passage(4.0, 25.0, "es"),))]


def test_two_places() -> None:
    """Each is found by itself."""
    assert found(utterances(BOTH, EN, EN, BOTH), Listener((0, 5), (15, 20))) == [
        (0, 1, [Passage(0.0, 5.0, "es")]),
        (3, 4, [Passage(14.0, 20.0, "es")]),
    ]


def test_the_end_of_the_sentence_before_is_no_passage() -> None:
    """Its stretch of speech lasts a little longer than its last word."""
    listener = Listener((5, 10))
    assert found(utterances(EN, BOTH, EN, lasts=3.8), listener) == [(1, 2, [Passage(3.8, 10.0, "es")])]
    assert listener.asked == speech(3)[1:2]


def test_a_short_sound_is_taken_with_what_comes_before() -> None:
    """A cough or a "sí" does not tell its language."""
    spoken = [(0.0, 4.0), (4.5, 5.0), (5.5, 9.0)]
    listener = Listener((0, 4))
    passages = [Passage(0.0, 5.25, "es"), Passage(5.25, 10.0, "en")]
    assert found(utterances(BOTH, BOTH), listener, spoken) == [(0, 2, passages)]
    assert listener.asked == [spoken[0], spoken[2]]


def test_speech_without_pauses_is_divided_where_sentences_were_heard() -> None:
    """The detector of voices finds no pause in it."""
    heard = utterances(BOTH, BOTH, BOTH, BOTH, lasts=5.0)
    passages = [Passage(0.0, 10.0, "en"), Passage(10.0, 15.0, "es"), Passage(15.0, 20.0, "en")]
    assert found(heard, Listener((10, 15)), [(0.0, 20.0)]) == [(0, 4, passages)]


@given(st.lists(st.tuples(st.sampled_from([EN, BOTH, ES]), st.booleans()), min_size=1, max_size=12))
def test_passages_cover_their_place(said: list[tuple[tuple[str, ...], bool]]) -> None:
    """Whatever is said: they follow each other without a gap, their languages change, and no word is in two of them."""
    listener = Listener(*((5.0 * n, 5.0 * n + 5) for n, (_, is_spanish) in enumerate(said) if is_spanish))
    heard = utterances(*(one for one, _ in said))
    end = 0
    for mixture in find_mixtures(heard, "en", listener, speech=speech(len(said)), seconds=5.0 * len(said)):
        assert end <= mixture.first < mixture.end
        end = mixture.end
        assert "es" in {one.language for one in mixture.passages}
        for one, other in pairwise(mixture.passages):
            assert one.end == other.start
            assert one.language != other.language
        words = [word for one in heard[mixture.first : mixture.end] for word in one.words]
        assert [word for share in mixture.shares(words) for word in share] == words


def test_a_language_that_is_not_believed() -> None:
    """Its passages are in the language of the whole, and become one with their neighbours."""
    passages = (Passage(0, 5, "en"), Passage(5, 9, "cy"), Passage(9, 12, "en"), Passage(12, 20, "es"))
    assert Mixture(2, 7, passages).only({"es"}, "en") == Mixture(2, 7, (Passage(0, 12, "en"), Passage(12, 20, "es")))


def test_an_accent_is_no_language() -> None:
    """One sentence has a larger share of a window than an accent."""
    assert possible_languages({"en": 0.88, "es": 0.11, "pt": 0.01}) == BOTH
    assert possible_languages({"en": 0.9, "cy": 0.09, "la": 0.01}) == EN
