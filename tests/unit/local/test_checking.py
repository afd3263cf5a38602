"""What a small model writes is let through only where it says no more than its source."""

from __future__ import annotations

import pytest

from audiochat.local.checking import sayable, stated
from audiochat.local.questions import Measure, Wish, is_english, risky_subject, understand_question
from audiochat.local.sentences import split_sentences
from audiochat.local.texts import split_text

MESSAGE = split_sentences(
    "Good morning, this is Mr. Okafor from the garage. Your car is ready, but the left mirror could not be repaired. "
    "The bill comes to 340 euros. If you come before five, my brother will be here."
)


@pytest.mark.parametrize(
    "sentence",
    [
        "Your car is ready.",
        "The car is ready, but the left mirror could not be repaired.",
        "The speaker says that the bill comes to 340 euros.",
        "If you come before 5, his brother will be here.".replace("his", "my"),
    ],
)
def test_a_sentence_that_is_in_the_source_is_stated(sentence: str) -> None:
    """Words left out, the speaker named, a figure written otherwise: it is the same statement."""
    assert stated(sentence, MESSAGE)


@pytest.mark.parametrize(
    "sentence",
    [
        "The bill comes to 430 euros.",
        "The bill comes to 340 dollars.",
        "The left mirror could be repaired.",
        "Your car is not ready.",
        "My brother will be here.",  # only if somebody comes before five
        "His brother will be here if you come before five.",
        "Mr. Brown is from the garage.",
        "The garage is ready for your brother.",
        "Euros come to the bill.",
        "Yes, the car is ready.",
        "The bus was late again.",
        "The recording is 7.1 seconds long.",
        "Okay.",
        "",
    ],
)
def test_a_sentence_that_says_something_else_is_not_stated(sentence: str) -> None:
    """Another figure, name, order, person or negation, a condition left out, or words from nowhere."""
    assert not stated(sentence, MESSAGE)


@pytest.mark.parametrize(
    ("sentence", "known", "may_be_said"),
    [
        ("Paris is the capital of France.", "What is the capital of France?", True),
        ("It was founded in 1889.", "Tell me about the tower.", False),
        ("It was founded in 1889.", "What happened in 1889?", True),
        ("It has seventy moons.", "How many moons does it have?", False),
        ("One of them is large.", "Which moons are there?", True),
        ('As she said, "never give up on it".', "Who was she?", False),
        ('"never give up" is what you wrote.', "What does never give up mean?", True),
    ],
)
def test_plain_answers_hold_no_figures_and_quotations_of_their_own(
    sentence: str, known: str, *, may_be_said: bool
) -> None:
    """A small model makes them up."""
    assert sayable(sentence, known) is may_be_said


@pytest.mark.parametrize(
    ("text", "measures", "wish"),
    [
        ("How long is it?", {Measure.LENGTH}, None),
        ("How long is the recording, and how loud is it?", {Measure.LENGTH, Measure.LOUDNESS}, None),
        ("How many seconds long is this clip?", {Measure.LENGTH}, None),
        ("How long is the meeting?", set(), Wish.FACT),
        ("How long do they stay open?", set(), Wish.FACT),
        ("How fast does the person talk?", {Measure.SPEED}, None),
        ("How fast is the train?", set(), Wish.OPEN),
        ("What language do they speak?", {Measure.LANGUAGE}, None),
        ("Is anybody speaking?", {Measure.SPEECH}, None),
        ("How long is it and what is it about?", {Measure.LENGTH}, Wish.SUMMARY),
        ("What did she say?", set(), Wish.WORDS),
        ("Transcribe this.", set(), Wish.WORDS),
        ("List what I have to buy.", set(), Wish.WORDS),
        ("Describe in detail the spoken audio input.", set(), Wish.DESCRIBE),
        ("What do you hear?", set(), Wish.WORDS),
        ("Is it a man or a woman?", set(), Wish.VOICE),
        ("How many speakers are there?", set(), Wish.VOICE),
        ("Which number should I call?", set(), Wish.FACT),
        ("Why is he angry?", set(), Wish.OPEN),
        ("Make that shorter.", set(), Wish.SHORTER),
        ("Say that again, please.", set(), Wish.AGAIN),
    ],
)
def test_what_a_question_asks_for(text: str, measures: set[Measure], wish: Wish | None) -> None:
    """Measurements of the recording are told from questions about what is said in it."""
    question = understand_question(text)
    assert (set(question.measures), question.wish) == (measures, wish)


def test_a_reason_stays_the_reason() -> None:
    """A "because" whose reason is left out would get another one."""
    source = ["The meeting was moved because the roof leaks.", "Nobody was hurt."]
    assert stated("The meeting was moved because the roof leaks.", source)
    assert not stated("The meeting was moved because nobody was hurt.", source)
    assert not stated("The meeting was moved when the roof leaks.", source)


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("How many aspirin can I take?", "health"),
        ("I have a pain in my chest, what should I do?", "health"),
        ("Is it safe to mix bleach and ammonia?", "safety"),
        ("Can my landlord evict me?", "law"),
        ("Should I invest in bonds?", "money"),
        ("Why is the sky blue?", None),
        ("What are Newton's laws of motion?", None),
        ("Is a golden retriever a good family dog?", None),
    ],
)
def test_subjects_where_a_wrong_answer_can_hurt(text: str, subject: str | None) -> None:
    """Health, safety, law and money are told from everything else."""
    assert risky_subject(text) == subject


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("What is the capital of Italy?", True),
        ("Was ist die Hauptstadt von Italien?", False),
        ("Quelle est la capitale de l'Italie ?", False),
        ("今日の天気は", False),
        ("Hello!", True),
        ("Summarize", True),
    ],
)
def test_other_languages_are_told_from_english(text: str, *, english: bool) -> None:
    """By the commonest words, and by the script."""
    assert is_english(text) is english


def test_a_text_to_sum_up_is_taken_apart() -> None:
    """The request may stand before the text or after it; a short question is no text."""
    commits = "a1 Fix the parser\nb2 Add a test for the queue\nc3 Say what is promised"
    found = split_text(f"Sum up these commits in one sentence: {commits}")
    assert found is not None
    assert found.material == commits
    after = split_text("Owls hunt at night. They have large eyes and hear very well. Sum that up.")
    assert after is not None
    assert after.material == "Owls hunt at night. They have large eyes and hear very well."
    assert split_text("Sum up the plot of Hamlet.") is None
