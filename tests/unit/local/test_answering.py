"""The engine answers by what it measured and heard; its small model's words are checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from audiochat.local.answering import CANNOT, Answering
from audiochat.local.llm import Limits, Writing
from audiochat.local.prompts import Said
from audiochat.local.request_queue import RequestQueue
from audiochat.local.stopping import StopSignal
from audiochat.local.stt import Heard
from audiochat.local.task import Message, Recording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from audiochat.local.stt import Recognizer
    from audiochat.local.tts import Synthesizer
    from audiochat.progress import Update

PHONE = Heard(
    "Hello, this is Ruth Bell. The plumber comes on Friday at ten. Please call 555 0199 if that is too early.",
    seconds=8.2,
    speech_seconds=7.5,
    loudness=-21.4,
)
GERMAN = Heard("Der Zug fährt von Gleis sieben.", 3.0, 2.5, -20.0, language="de", language_probability=0.98)
SILENCE = Heard("", 10.0, 0.0, -120.0, sound="silence")
TONES = Heard("", 12.5, 0.0, -18.0, sound="tones")


@dataclass
class Notes:
    """Keeps notes."""

    told: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep one."""
        self.told.append(text)

    def task(self, label: str, **how: object) -> AbstractContextManager[Update]:
        """Nothing takes long here."""
        raise NotImplementedError


@dataclass
class Parrot:
    """A model that writes the sentences it was given."""

    sentences: Sequence[str]
    name: str = "parrot"
    asked: list[list[Said]] = field(default_factory=list)

    def warm(self, *, recording: bool) -> None:
        """Nothing to do."""

    def write(self, said: Sequence[Said], limits: Limits, stop: StopSignal) -> Writing:  # noqa: ARG002
        """Write them."""
        self.asked.append(list(said))
        return Writing(prompt_tokens=5, sentences=(one for one in self.sentences), completion_tokens=7)


@dataclass
class Parts:
    """An engine of which the model alone is needed."""

    language_model: Parrot
    small_model: bool = True
    recognizer_name: str = "ear"
    progress: Notes = field(default_factory=Notes)
    queue: RequestQueue = field(default_factory=lambda: RequestQueue(1))
    model_name: str = "parrot"

    def prepare(self, stop: StopSignal, *, recognizer: bool, language_model: bool, synthesizer: bool) -> None:
        """Nothing to do."""

    @property
    def recognizer(self) -> Recognizer:
        """Not needed."""
        raise NotImplementedError

    @property
    def synthesizer(self) -> Synthesizer:
        """Not needed."""
        raise NotImplementedError


def answer(said: Sequence[Said], *model: str, small: bool = True, limits: Limits | None = None) -> tuple[str, Parts]:
    """The answer to a conversation, and the parts that gave it."""
    parts = Parts(Parrot(model or ("The recording is 7.1 seconds long.",)), small_model=small)
    return " ".join(Answering(parts).write(said, limits or Limits(), StopSignal()).sentences), parts


def about(question: str, heard: Heard, *model: str) -> str:
    """The answer to a question about a recording."""
    return answer([Said("user", question, (heard,))], *model)[0]


@pytest.mark.parametrize(
    ("question", "heard", "told"),
    [
        ("How long is it?", PHONE, "The recording is 8.2 seconds long."),
        ("How loud is it?", PHONE, "The loudness is -21 dBFS."),
        ("How fast does she talk?", PHONE, "The person talks at 168 words per minute."),
        ("What language is it?", GERMAN, "The language is German."),
        ("Is anybody speaking?", PHONE, "Yes, somebody speaks, for about 7.5 seconds."),
        ("Is anybody speaking?", SILENCE, "Nobody speaks: the recording is silent."),
        ("Summarize this.", SILENCE, "Nobody speaks: the recording is silent. The recording is 10.0 seconds long."),
        (
            "What do you hear?",
            TONES,
            "Nobody speaks: I hear tones, perhaps music, but no words. The recording is 12.5 seconds long.",
        ),
        ("How long is the talk?", Heard("Well.", 761.0, 700.0, -20.0), "12:41"),
    ],
)
def test_measurements_come_from_the_measurement(question: str, heard: Heard, told: str) -> None:
    """Whatever the model would say."""
    assert told in about(question, heard)


@pytest.mark.parametrize(
    "question",
    [
        "What did she say?",
        "Transcribe it.",
        "Which number should I call?",
        "Who is it?",
        "List the facts.",
        "Describe it.",
    ],
)
def test_words_are_quoted_verbatim(question: str) -> None:
    """The recogniser's words, in their order, without a language model."""
    said, parts = answer([Said("user", question, (PHONE,))])
    assert f"\u201c{PHONE.text}\u201d" in said
    assert not parts.language_model.asked


def test_another_language_is_quoted_in_itself_and_noted_once() -> None:
    """The model is not asked about words that it does not understand."""
    said, parts = answer([Said("user", "Summarize it.", (GERMAN,))])
    assert said == f"In German, I heard: \u201c{GERMAN.text}\u201d"
    assert not parts.language_model.asked
    assert len(parts.progress.told) == 1


def test_the_model_sums_up_what_holds() -> None:
    """Sentences that the words do not hold are left out; if none is left, the words are quoted."""
    true, false = "The plumber comes on Friday at 10.", "Ruth Bell is a plumber from Leeds."
    assert about("Sum it up.", PHONE, false, true) == true
    assert about("Sum it up.", PHONE, true, false, true) == true
    assert about("Sum it up.", PHONE, false) == f"I heard: \u201c{PHONE.text}\u201d"


def test_a_true_sentence_beside_the_question_is_no_answer() -> None:
    """The words are quoted instead."""
    assert about("Is he a painter?", PHONE, "The plumber comes on Friday.") == f"I heard: \u201c{PHONE.text}\u201d"
    assert about("Is the plumber late?", PHONE, "The plumber comes on Friday.") == "The plumber comes on Friday."


def test_what_is_not_known_is_not_told() -> None:
    """Who speaks, and how, is not in the words."""
    said = about("Is it a man or a woman?", PHONE)
    assert said.startswith("I cannot tell that")


def test_a_long_recording_is_quoted_in_part() -> None:
    """The first words, and how many there are; all of them where a transcript is asked for."""
    words = " ".join(f"This is sentence number {number} of the talk." for number in range(200))
    talk = Heard(words, 761.0, 700.0, -20.0)
    assert "I heard 1600 words, which begin:" in about("What is said?", talk)
    assert words in about("Transcribe it.", talk)
    assert len(about("What is it about?", talk).split()) < 60


def test_a_following_question_is_answered_itself() -> None:
    """Neither the earlier answer nor the recording is given again."""
    first = Said("user", "Describe it.", (PHONE,))
    described = Said("assistant", answer([first])[0])
    plain, parts = answer([first, described, Said("user", "What is the capital of Italy?")], "It is Rome.")
    assert plain == "It is Rome."
    assert not any(one.heard for one in parts.language_model.asked[0])
    when, _ = answer([first, described, Said("user", "When does the plumber come?")])
    assert when == "Among other things, I heard: \u201cThe plumber comes on Friday at ten.\u201d"
    shorter, _ = answer([first, described, Said("user", "Make that shorter.")])
    assert shorter.startswith("In short: \u201c")
    assert len(shorter) < len(described.text) / 2
    again, _ = answer([first, described, Said("user", "Say that again.")])
    assert again == described.text


def test_a_following_answer_that_is_the_earlier_one_is_not_given() -> None:
    """The model says that it cannot, instead of repeating itself or the question."""
    turns = [Said("user", "Name a dog breed."), Said("assistant", "The golden retriever is a fine breed.")]
    for written in ("The golden retriever is a fine breed.", "Why that one?", "Snow falls on the pines."):
        said, _ = answer([*turns, Said("user", "Why that one?")], written)
        assert said == "I am a small model, and I cannot say more about that."
    said, _ = answer([*turns, Said("user", "Why that one?")], "A retriever is patient with children.")
    assert said == "A retriever is patient with children."


def test_plain_answers_are_checked() -> None:
    """A figure, or an example of the prompt that nobody asked for, is not said."""
    assert answer([Said("user", "How old is the sun?")], "It is 700 years old.")[0] == CANNOT
    for question in ("What is seven times eight?", "When did the war end?", "What is 7 x 8?"):
        assert answer([Said("user", question)], "It is a beautiful sight.")[0] == CANNOT
    assert "parrot, a small language model" in answer([Said("user", "Who are you?")], "I am a king.")[0]
    leaked = "Owls hunt at night and find mice with their large eyes and good hearing."
    assert answer([Said("user", "What is a river?")], leaked)[0] == CANNOT


def test_subjects_that_can_hurt_are_refused() -> None:
    """The small model is not asked; a model that the user brings is."""
    question = [Said("user", "How many aspirin can I take?")]
    said, parts = answer(question, "Take a few.")
    assert said.startswith("I am a small model, and not fit to answer questions of health")
    assert not parts.language_model.asked
    assert answer(question, "Ask a doctor.", small=False)[0] == "Ask a doctor."


def test_a_text_is_summed_up_in_its_own_words() -> None:
    """What the model invents about it is not said."""
    text = "Sum up these commits in one sentence: a1 Fix the parser for empty lines\nb2 Add a test for the queue"
    assert answer([Said("user", text)], "This is a haiku about snow.")[0].startswith("It says: \u201c")
    assert answer([Said("user", text)], "Fix the parser.")[0] == "Fix the parser."


def test_a_larger_model_is_bound_by_the_measurements_alone() -> None:
    """It answers everything else in its own words."""
    measured, parts = answer([Said("user", "How long is it?", (PHONE,))], "An hour.", small=False)
    assert measured == "The recording is 8.2 seconds long."
    assert not parts.language_model.asked
    assert answer([Said("user", "Sum it up.", (PHONE,))], "Ruth has news.", small=False)[0] == "Ruth has news."


def test_a_spoken_question_is_a_question() -> None:
    """A recording without words beside it is not a thing to describe."""
    said, parts = answer([Said("user", "", (Heard("Where is Rome?", 1.0, 0.9, -20.0),))], "Rome is in Italy.")
    assert said == "Rome is in Italy."
    assert parts.language_model.asked[0][-1].text == "Where is Rome?"


def test_an_answer_without_a_model_ends_where_the_request_wants_it() -> None:
    """With finish_reason length, as the service has it."""
    parts = Parts(Parrot(()))
    writing = Answering(parts).write([Said("user", "Transcribe it.", (PHONE,))], Limits(tokens=5), StopSignal())
    assert len(" ".join(writing.sentences)) <= 20
    assert (writing.finish_reason, writing.completion_tokens) == ("length", 5)


@pytest.mark.parametrize(
    ("question", "needed"), [("How long is it?", False), ("Transcribe it.", False), ("Sum it up.", True), ("", True)]
)
def test_the_model_is_loaded_where_it_may_be_needed(question: str, *, needed: bool) -> None:
    """A measurement or a quotation does without."""
    message = Message("user", question, (Recording(b"", "wav", "here"),))
    assert Answering(Parts(Parrot(()))).may_need_model([message]) is needed
