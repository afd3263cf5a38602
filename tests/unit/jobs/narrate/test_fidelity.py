"""What was read is compared narrowly: how it is written does not count, what it says does."""

from __future__ import annotations

import pytest

from audiochat.jobs.narrate.fidelity import Comparison, compare, compare_heard

_TEXT = (
    "Mr. Holmes did not see the 1,905 men who came to London in 1984, (so he said) and never asked. He left at once."
)
_NAMES = {"holmes", "london"}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Hello, World!", "hello world"),
        ("In 1984 he came.", "In nineteen eighty-four, he came."),
        ("In 1905 five men came.", "In nineteen oh five five men came."),
        ("It cost $1,905.", "It cost one thousand nine hundred and five dollars."),
        ("Twenty-three of 100", "23 of a hundred"),
        ("23 of one hundred", "Twenty three of 100"),
        ("3.14 is pi", "Three point one four is pi"),
        ("the 21st day", "the twenty-first day"),
        ("50% off", "fifty percent off"),
        ("Chapter IV", "Chapter Four"),
        ("Henry VIII was king", "Henry the Eighth was king"),
        ("any more of well-known co-operation", "anymore of well known cooperation"),
        ("COVID19 & flu", "COVID-19 and flu"),
        ("at 10:30", "at ten thirty"),
        ("Don’t — “stop”", "Don't stop"),
        ("ﬁne café", "fine cafe\u0301"),
        ("a naïve café", "a naive cafe"),
        ("It is No. 5.", "It is number five."),
        ("I met Mr. Smith and Dr. Jones of St. Ives.", "I met Mister Smith and Doctor Jones of Saint Ives."),
        ("In the 1990s and the ’80s", "In the nineteen nineties and the eighties"),
        ("At 5:00 and at 10am", "At five o'clock and at ten a.m."),
        ("1/2 cup, ¾ cup, 2½ cups", "half a cup, three quarters of a cup, two and a half cups"),
        ("It cost $1.5 million.", "It cost one point five million dollars."),
        ("pp. 12–15, vol. 3, etc.", "pages twelve to fifteen, volume three, et cetera"),
        ("on 3 May 1905", "on the third of May nineteen oh five"),
        ("a 100-year-old man", "a hundred-year-old man"),
        ("a Boeing 747", "a Boeing seven forty-seven"),
        ("5 + 3 = 8, or -3", "five plus three equals eight, or minus three"),
        ("10 000 parts at 20 km/h", "ten thousand parts at twenty kilometers per hour"),
        ("It has 10⁶ of 2023¹", "It has 10 6 of 2023 1"),
        ("free, i.e. cheap, e.g. this", "free, that is cheap, for example this"),
    ],
)
def test_how_it_is_written_does_not_count(text: str, read: str) -> None:
    """Case, punctuation, spacing, digits or words."""
    assert compare(text, read) == Comparison(compare(text, text).words, 0)


@pytest.mark.parametrize(
    ("changed", "lost"),
    [
        (_TEXT.replace("did not see", "did see"), ["not"]),
        (_TEXT.replace("did not see", "saw"), ["not"]),
        (_TEXT.replace("never asked", "asked"), ["never"]),
        (_TEXT.replace("He left", "He never left"), ["never"]),
        (_TEXT.replace("1,905", "1,950"), ["1905"]),
        (_TEXT.replace("in 1984", "then"), ["1984"]),
        (_TEXT.replace("Holmes", "Watson"), ["Holmes"]),
        (_TEXT.replace("to London ", ""), ["London"]),
    ],
)
def test_a_lost_not_number_or_name_is_unfaithful(changed: str, lost: list[str]) -> None:
    """Each is named; an added negation turns the meaning as much."""
    found = compare(_TEXT, changed, names=_NAMES)
    assert found.is_unfaithful
    assert list(found.lost) == lost


@pytest.mark.parametrize(
    ("language", "text", "read"),
    [
        ("de", "Am 3. Mai, 1.000 Euro, 2,5 %", "Am dritten Mai, tausend Euro, zwei Komma fünf Prozent"),
        ("de", "Dr. Blau, Nr. 5, z. B. hier", "Doktor Blau, Nummer fünf, zum Beispiel hier"),
        ("es", "Tiene 21 años y 1.500 euros", "Tiene veintiún años y mil quinientos euros"),
        ("fr", "M. Roux a 71 ans", "Monsieur Roux a soixante et onze ans"),
        ("zh", "他有3个苹果", "他有三个苹果"),
        ("ja", "彼は20歳です", "彼は二十歳です"),
    ],
)
def test_numbers_and_short_forms_are_known_in_other_languages(language: str, text: str, read: str) -> None:
    """Points between thousands, endings that change, and numbers beside characters without spaces."""
    assert compare(text, read, language=language).errors == 0


@pytest.mark.parametrize(
    ("language", "text", "read"),
    [
        ("ru", "Я не пойду туда завтра", "Я пойду туда завтра"),
        ("sv", "Jag vill inte gå dit", "Jag vill gå dit"),
        ("pl", "Nie chcę tam iść", "Chcę tam iść"),
        ("zh", "他不是好人", "他是好人"),
        ("ja", "彼は行かない", "彼は行く"),
        ("en", "Twenty-one men came", "Twenty men came"),
        ("en", "in the 1990s they came", "in the eighties they came"),
        ("en", "add 1/2 of it", "add 1/3 of it"),
        ("en", "No. 5 is here", "Number six is here"),
        ("ru", "Их было 15, и они ушли домой", "Их было пятьдесят, и они ушли домой"),
    ],
)
def test_what_turns_the_meaning_is_found_in_every_language(language: str, text: str, read: str) -> None:
    """A lost negation or number is no slip, whatever the language, and however the number is written."""
    assert compare(text, read, language=language).lost


def test_a_contraction_loses_no_negation() -> None:
    """It is a difference, and counted as one."""
    found = compare("I do not know, and cannot say.", "I don't know, and can't say.")
    assert (found.lost, found.errors > 0) == ((), True)


def test_another_word_is_a_difference_that_stays() -> None:
    """It is counted and told."""
    found = compare(_TEXT, _TEXT.replace("men", "people"), names=_NAMES)
    assert (found.is_unfaithful, found.errors) == (False, 1)
    assert [(one.written, one.read) for one in found.differences] == [("men", "people")]


def test_what_stands_in_brackets_counts() -> None:
    """Leaving it out is leaving words out."""
    assert compare(_TEXT, _TEXT.replace("(so he said) ", ""), names=_NAMES).errors == 3


@pytest.mark.parametrize(
    "read",
    [
        _TEXT.replace(" He left at once.", ""),
        f"Sure, here is the text: {_TEXT}",
        "The detective overlooked almost two thousand people who had come to the capital and did not inquire.",
        "I can't help with that.",
        "",
    ],
)
def test_an_answer_a_paraphrase_or_a_lost_sentence_is_another_text(read: str) -> None:
    """And must not stay so."""
    assert compare(_TEXT, read).is_other


def test_numbers_in_other_languages() -> None:
    """German and French numbers are known in words, too."""
    assert (
        compare(
            "Im Jahr 1905 kamen 23 Leute.", "Im Jahr neunzehnhundertfünf kamen dreiundzwanzig Leute.", language="de"
        ).errors
        == 0
    )
    assert compare("Il a 21 ans.", "Il a vingt et un ans.", language="fr").errors == 0
    assert compare("Er kam nicht.", "Er kam.", language="de").lost == ("nicht",)


def test_a_recogniser_may_mishear_but_not_miss() -> None:
    """Names that sound alike stay, a not that is not heard between its neighbours does not."""
    heard = "Mister homes did not see the 1905 men who came to London in 1984 so he said and never asked he left at one"
    assert not compare_heard(_TEXT, heard).is_unfaithful
    assert compare_heard(_TEXT, heard.replace("did not see", "did see")).lost == ("not",)
    assert compare_heard("They don’t see it at all.", "They do see it at all.").lost == ("don't",)
    assert compare_heard(_TEXT, "mister homes did not see the").is_other


def test_what_sounds_like_the_text_is_the_text() -> None:
    """A recogniser writes code and addresses as it hears them; an answer of the same length is another text."""
    code = ". .venv/bin/activate audiochat analyze dog.wav"
    assert not compare_heard(code, "DotVin Slush, Bin Slush, Activate Abilote to AnalyzeDog.weil.").is_unfaithful
    assert compare_heard(code, "Sure, here's how you activate the virtual environment.").is_other
    assert compare_heard(_TEXT, " ".join(reversed(_TEXT.split()))).is_other


def test_a_comparison_survives_json() -> None:
    """As it is kept in a job."""
    found = compare(_TEXT, _TEXT.replace("men", "people").replace("not ", ""))
    assert Comparison.of_json(found.as_json()) == found
