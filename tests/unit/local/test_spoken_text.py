"""What is said for what is written: numbers, money, times, abbreviations; and words that are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiochat.local.spoken_text import spoken_text


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("She was born in 1984.", "She was born in 19 84."),
        ("From 1905 to 1910.", "From 19 oh 5 to 19 10."),
        ("In 1900, in 2005, in 2026.", "In 19 hundred, in 2005, in 20 26."),
        ("In 1500 cases.", "In 1500 cases."),
        ("The 1980s and the '90s.", "The 19 eighties and the nineties."),
        ("1939-1945", "19 39 to 19 45"),
        ("On March 3, 1984.", "On March 3rd, 19 84."),
        ("On 3 March 1984.", "On the 3rd of March 19 84."),
        ("2026-11-26", "November 26th, 20 26"),
        ("At 3:45 p.m. we left.", "At 3 45 P M we left."),
        ("We left at 5 p.m.", "We left at 5 P M."),
        ("At 9:05, 17:00 and 12:00.", "At 9 oh 5, 17 hundred and 12 o'clock."),
        ("It costs $5.50.", "It costs 5 dollars and 50 cents."),
        ("£1,200 and €1", "1200 pounds and 1 euro"),
        ("$1.5bn and $3 million", "1 point 5 billion dollars and 3 million dollars"),
        ("$0.50 or £0.01", "50 cents or 1 penny"),
        ("12,345,678 people", "12345678 people"),
        ("5 km at 20 km/h and 1 kg", "5 kilometers at 20 kilometers per hour and 1 kilogram"),
        ("-5 °C", "minus 5 degrees Celsius"),
        ("3.5% of 1/2", "3 point 5 percent of one half"),
        ("18.6 kg, 2.75 and 0.05", "18 point 6 kilograms, 2 point 7 5 and 0 point 0 5"),
        ("$1.4 million on Python 3.11.2", "1 point 4 million dollars on Python 3 point 11 point 2"),
        ("pages 12-15", "pages 12 to 15"),
        ("Mr. and Mrs. Jones met Dr. Lee.", "Mister and Missis Jones met Doctor Lee."),
        ("St. Paul lives at 12 Elm St.", "Saint Paul lives at 12 Elm Street."),
        ("J. R. R. Tolkien and John F. Kennedy", "J R R Tolkien and John F Kennedy"),
        ("In the U.S. The end.", "In the U S. The end."),
        ("The U.S. Army", "The U S Army"),
        ("Apples, pears, etc. The end.", "Apples, pears, etcetera. The end."),
        ("No. 5, e.g. Chanel vs. Dior", "number 5, for example Chanel versus Dior"),
        ("Chapter IV, Henry VIII, World War I.", "Chapter 4, Henry the 8th, World War 1."),
        ("Call 555-123-4567.", "Call 5 5 5, 1 2 3, 4 5 6 7."),
        ("Mail anna.b@example.com.", "Mail anna dot b at example dot com."),
        ("See https://www.example.com/docs/a.", "See W W W dot example dot com slash docs slash a."),
    ],
)
def test_english_is_read_as_a_person_reads_it(written: str, said: str) -> None:
    """Digits that stay are read rightly by what finds the phonemes."""
    assert spoken_text(written, "en") == said


@pytest.mark.parametrize(
    "text",
    [
        "There are no 5 ways.",
        "Gen Z likes it.",
        "Book I bought. John I met.",
        "Is it in? I am in.",
        "COVID-19, F-16 and 9-1-1",
        "A 5-year plan",
        "I ate 5 apples.",
        "The drama of Mrs Dalloway's street, Costa Rica, incident.",
        "Mexico, Coke and Incas",
    ],
)
def test_words_that_only_look_alike_are_left_alone(text: str) -> None:
    """No rule changes a word that it does not know."""
    expected = text.replace("Mrs ", "Missis ")
    assert spoken_text(text, "en") == expected


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        (
            "fr",
            "Le drôle de Dr Dupont paie 3,50 € à 14h30.",
            "Le drôle de Docteur Dupont paie 3 euros 50 à 14 heures 30.",
        ),
        ("fr", "M. Hugo a lu 1 234 pages, soit 25 %.", "Monsieur Hugo a lu 1234 pages, soit 25 pour cent."),
        ("es", "El Sr. López paga 3,50 € a las 14:30.", "El Señor López paga 3 euros y 50 a las 14 y 30."),
        ("it", "Il dott. Rossi paga 20 €.", "Il dottor Rossi paga 20 euro."),
        ("pt", "O Sr. Silva paga R$ 3,50.", "O Senhor Silva paga 3 reais e 50."),
        ("hi", "डॉ. शर्मा ने ₹500 दिए।", "डॉक्टर शर्मा ने 500 रुपये दिए।"),
        ("hi", "1,500 और 3.5", "1500 और 3 दशमलव 5"),
        ("fr", "a@exemple.fr", "a arobase exemple point fr"),
    ],
)
def test_other_languages_have_their_own_words(language: str, written: str, said: str) -> None:
    """Money, times, titles and addresses; the comma is their decimal mark."""
    assert spoken_text(written, language) == said


def test_the_british_put_the_day_first() -> None:
    """Where figures alone leave it open."""
    assert spoken_text("3/4/2025", "en") == "March 4th, 20 25"
    assert spoken_text("3/4/2025", "en", british=True) == "April 3rd, 20 25"


@settings(deadline=None)
@given(st.text(max_size=80), st.sampled_from(["en", "fr", "es", "it", "pt", "hi"]))
def test_any_text_can_be_said(text: str, language: str) -> None:
    """No text fails, whatever is in it."""
    assert isinstance(spoken_text(text, language), str)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["the", "drôle", "in", "street", "dog", "Mark", "was", "no", "am"]), max_size=12))
def test_words_without_figures_and_full_stops_are_not_changed(words: list[str]) -> None:
    """Rules need a figure, a full stop or a sign."""
    text = " ".join(words)
    assert spoken_text(text, "en") == text
