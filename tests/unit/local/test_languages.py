"""Which language a text is in: found out, or told, or refused."""

from __future__ import annotations

import pytest

from audiochat.errors import RefusedError
from audiochat.local.languages import _identifier, language_of, spoken_language

pytest.importorskip("py3langid")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The train to the coast leaves at nine.", "en"),
        ("Il pleut depuis ce matin sur la ville.", "fr"),
        ("Mañana por la mañana iremos al mercado.", "es"),
        ("Domani mattina andiamo al mercato.", "it"),
        ("Amanhã de manhã vamos ao mercado.", "pt"),
        ("कल सुबह हम बाज़ार जाएँगे।", "hi"),
        ("明日の朝、市場に行きます。", "ja"),
        ("明天早上我们去市场。", "zh"),
        ("Morgen früh gehen wir auf den Markt.", "de"),
    ],
)
def test_a_sentence_tells_its_language(text: str, language: str) -> None:
    """Also those that the engine cannot speak are told apart."""
    assert language_of(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OK.",
        "1984",
        "Hello!",
        "Say hello.",
        "Los Angeles, California.",
        "I love déjà vu.",
        "He said c'est la vie and left.",
        "Dr. Smith paid $5.50 at 3:45 p.m.",
        "San Francisco",
        "Chopin, Ravel and Liszt.",
        "We ate at the Café de Flore in Paris.",
        "The word schadenfreude is German.",
    ],
)
def test_names_and_foreign_words_are_no_other_language(text: str) -> None:
    """What is not clearly another language is English."""
    assert language_of(text) == "en"


def test_the_users_word_goes_before_a_guess() -> None:
    """A tag with a region will do."""
    assert spoken_language("Hola", "es-MX") == "es"
    assert spoken_language("Guten Morgen, liebe Leute.", "en") == "en"


@pytest.mark.parametrize(
    ("text", "asked", "named"),
    [
        ("Morgen früh gehen wir auf den Markt.", None, "German"),
        ("明日の朝、市場に行きます。", None, "Japanese"),
        ("Hello", "zh", "Chinese"),
        ("Hello", "xx", "'xx'"),
    ],
)
def test_a_language_without_phonemes_is_refused_by_name(text: str, asked: str | None, named: str) -> None:
    """It is never read with the phonemes of English; what can be spoken is told."""
    with pytest.raises(RefusedError) as raised:
        spoken_language(text, asked)
    assert named in raised.value.message
    assert "French" in str(raised.value.hint)
    assert raised.value.code == "language_not_supported"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The Lord of the Rings est un livre que mon frère a lu pendant les vacances d'été.", "fr"),
        ("Dat is of was een goede vriend van mijn moeder.", "nl"),
        ("A mí me gusta la canción What a Wonderful World, pero no la versión nueva.", "es"),
        ("Nos recomendó leer A Farewell to Arms y The Old Man and the Sea en las vacaciones de verano.", "es"),
        ("To jest a i b, a nie c, i to wszystko na dzisiaj.", "pl"),
    ],
)
def test_english_words_in_another_language_do_not_make_it_english(text: str, language: str) -> None:
    """A title, and short words that several languages share."""
    assert language_of(text) == language


def test_an_english_answer_does_not_wait_for_the_detector() -> None:
    """Loading it takes a quarter of a second, which is heard before the second sentence."""
    _identifier.cache_clear()
    answer = "Dogs are loyal, loving, and have been known to bring joy to those who live with them every single day."
    assert language_of(answer) == "en"
    assert _identifier.cache_info().misses == 0
