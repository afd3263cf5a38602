"""A piece is asked for until it is read as it is written, or was asked for often enough; the best is kept."""

from __future__ import annotations

import io
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.narrators import Narrator, answered, paraphrased, sound_of, without_last_sentence, without_not
from support.service import Answer, error

from audiochat import config
from audiochat.audio import wav
from audiochat.audio.decoder import decode
from audiochat.errors import AudiochatError
from audiochat.jobs.narrate.readers import INSTRUCTIONS, is_speech_model
from audiochat.jobs.narrate.script import Line
from audiochat.jobs.narrate.speaking import Passage, Speak
from audiochat.jobs.work import Workplace

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.service import Received, Service

    from audiochat.jobs.piece import Result

TEXT = "Why did Holmes not come in 1905? Nobody in London knew. The house was dark."
PASSAGE = Passage(TEXT, ("holmes", "london"))


def _speak(passage: Passage = PASSAGE, work: Speak | None = None, model: str | None = None) -> Result:
    place = Workplace(config.load(config.Flags(model=model, retries=0)))
    with (work or Speak()).open(place) as speak:
        return speak(passage)


def _pcm(result: Result) -> bytes:
    assert result.blob is not None
    return b"".join(decode(io.BytesIO(result.blob), name="piece"))


def test_the_users_message_is_exactly_the_text(openai: Service) -> None:
    """What to do with it is in the system message, and so is the style."""
    openai.answer_with(narrator := Narrator())
    result = _speak(work=Speak(style="like a bedtime story"))
    assert narrator.asked == {TEXT: 1}
    assert narrator.systems[0].startswith(INSTRUCTIONS)
    assert "like a bedtime story" in narrator.systems[0]
    assert openai.last.json["audio"] == {"voice": "alloy", "format": "wav"}
    assert (result.flaw, result.data["compared"]["errors"]) == (None, 0)
    assert _pcm(result) == sound_of(TEXT)


@pytest.mark.parametrize("fault", [paraphrased, without_last_sentence, without_not, answered])
def test_a_bad_reading_is_asked_for_again(openai: Service, fault: Callable[[str], str]) -> None:
    """More strictly, and the good one is kept; what both took is counted."""
    openai.answer_with(narrator := Narrator(lambda text, before: text if before else fault(text)))
    result = _speak()
    assert narrator.asked == {TEXT: 2}
    assert narrator.systems[1] != narrator.systems[0]
    assert (result.flaw, result.data["words"], result.usage.output_tokens) == (None, TEXT, 232)


@pytest.mark.parametrize(
    ("fault", "gap"), [(paraphrased, True), (without_last_sentence, False), (without_not, False), (answered, True)]
)
def test_a_reading_that_stays_bad_is_kept_with_its_flaw(
    openai: Service,
    fault: Callable[[str], str],
    gap: bool,  # noqa: FBT001
) -> None:
    """Both texts are there, the exit code is 4, and what is an answer and no reading is not in the book."""
    openai.answer_with(narrator := Narrator(lambda text, _: fault(text)))
    result = _speak()
    assert narrator.asked == {TEXT: 3}
    assert result.flaw is not None
    assert (result.flaw.exit_code, result.data["text"], result.data["words"]) == (4, TEXT, fault(TEXT))
    assert (result.blob is None) == gap


def test_the_best_reading_is_kept(openai: Service) -> None:
    """Of one that loses a name, one that changes a word, and one that answers."""
    readings = [TEXT.replace("Holmes", "he"), TEXT.replace("dark", "black"), answered(TEXT)]
    openai.answer_with(narrator := Narrator(lambda _, before: readings[before]))
    result = _speak()
    assert (result.flaw, result.data["words"]) == (None, readings[1])
    assert narrator.asked == {TEXT: 2}, "a changed word is asked for once more, and no more"


def test_an_answer_in_text_alone_is_asked_for_again(openai: Service) -> None:
    """And where it stays so, it is a gap that says so."""
    openai.answer_with(Narrator(lambda text, before: text if before else None))
    assert _speak().flaw is None
    openai.answer_with(Narrator(lambda _, __: None))
    flaw = _speak().flaw
    assert flaw is not None
    assert flaw.code == "no_audio"


def test_a_failure_after_a_reading_keeps_the_reading(openai: Service) -> None:
    """It is paid for."""
    narrator = Narrator(lambda text, _: without_not(text))

    def answer(received: Received) -> Answer:
        return error(500, None, "The server had an error.") if narrator.asked else narrator(received)

    openai.answer_with(answer)
    result = _speak()
    assert result.flaw is not None
    assert result.blob is not None


def test_a_speech_model_is_asked_at_its_own_address(openai: Service) -> None:
    """The text is the input; the style goes along where the model takes it."""
    openai.answer(Answer(wav.wrap(sound_of(TEXT)), headers={"Content-Type": "audio/wav"}))
    result = _speak(work=Speak(style="calm"), model="gpt-4o-mini-tts")
    assert openai.last.path == "/v1/audio/speech"
    assert openai.last.json == {
        "model": "gpt-4o-mini-tts",
        "voice": "alloy",
        "input": TEXT,
        "response_format": "wav",
        "instructions": "calm",
    }
    assert (result.data["words"], _pcm(result)) == (None, sound_of(TEXT))
    _speak(work=Speak(style="calm"), model="tts-1-hd")
    assert "instructions" not in openai.last.json


def test_a_speech_deployment_of_azure_has_its_own_path(azure: Service) -> None:
    """With the version of the API, as the chat has."""
    azure.answer(Answer(wav.wrap(sound_of(TEXT)), headers={"Content-Type": "audio/wav"}))
    _speak(model="my-tts")
    assert azure.last.path == "/openai/deployments/my-tts/audio/speech?api-version=2025-01-01-preview"


def test_a_model_that_is_not_for_chat_is_asked_for_speech(openai: Service) -> None:
    """A deployment may have any name: the service says what it is."""

    def answer(received: Received) -> Answer:
        if received.path.endswith("/speech"):
            return Answer(wav.wrap(sound_of(TEXT)), headers={"Content-Type": "audio/wav"})
        return error(
            400, "OperationNotSupported", "The chatCompletion operation does not work with the specified model."
        )

    openai.answer_with(answer)
    assert _pcm(_speak(model="narrator")) == sound_of(TEXT)


def test_a_speech_service_that_is_busy_is_waited_for(openai: Service) -> None:
    """A 429 is a pause; what is refused for good is an error in the service's words."""
    openai.answer(
        error(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after-ms": "10"}),
        Answer(wav.wrap(sound_of(TEXT))),
    )
    assert _pcm(_speak(model="tts-1")) == sound_of(TEXT)
    openai.answer(error(400, "invalid_voice", "No such voice: bob."))
    with pytest.raises(AudiochatError, match="No such voice"):
        _speak(model="tts-1")


def test_speech_models_are_known_by_their_names() -> None:
    """A name that merely has those letters in it is none."""
    assert [
        is_speech_model(name) for name in ("tts-1", "gpt-4o-mini-tts", "my-tts-deployment", "scottsaudio", None)
    ] == [
        *(True, True, True),
        *(False, False),
    ]


def test_the_key_is_of_what_the_sound_depends_on() -> None:
    """Text, voice, model and style; not of where in the book the piece stands."""
    line = Line("Some words.", "sentence")
    settings = config.load(config.Flags(provider="openai", model="m", voice="ash"))
    key = Speak().piece(line, "chapter 1, piece 1", settings).key
    assert Speak(check="none").piece(line, "chapter 9, piece 9", settings).key == key
    assert Speak(style="calm").piece(line, "", settings).key != key
    assert Speak().piece(line, "", config.load(config.Flags(provider="openai", model="m", voice="sage"))).key != key


def test_pieces_and_work_pickle() -> None:
    """A cluster's workers get them; no credential is in them."""
    settings = config.load(config.Flags(provider="openai", model="m"))
    work = Speak("calm", "de", "words")
    piece = work.piece(Line("Some words.", "sentence", names=frozenset({"a"})), "chapter 1, piece 1", settings)
    assert pickle.loads(pickle.dumps((work, piece))) == (work, piece)  # noqa: S301 - its own


def _silence(text: str, _: int) -> bytes:
    return bytes(len(sound_of(text)))


def _beginning(text: str, _: int) -> bytes:
    return sound_of(text)[:9600]


@pytest.mark.parametrize("sounds", [_silence, _beginning])
def test_a_sound_that_cannot_hold_its_words_is_asked_for_again(
    openai: Service, sounds: Callable[[str, int], bytes]
) -> None:
    """A service can tell all the words and send silence, or their first sound alone."""
    whole = Narrator(sounds=lambda text, before: sound_of(text) if before else sounds(text, before))
    openai.answer_with(whole)
    result = _speak()
    assert (result.flaw, whole.asked[TEXT], _pcm(result)) == (None, 2, sound_of(TEXT))
    openai.answer_with(Narrator(sounds=sounds))
    flaw = _speak().flaw
    assert flaw is not None
    assert "The sound is" in flaw.message


def test_half_a_sound_is_known_by_the_pace_of_the_others(openai: Service) -> None:
    """A voice reads at one pace: a piece that seems to be read twice as fast was cut."""
    cut = "In the evening of that same long day they all sat together in the kitchen and told each other stories."
    narrator = Narrator(
        sounds=lambda text, before: sound_of(text)[: len(sound_of(text)) // (2 if text == cut and not before else 1)]
    )
    openai.answer_with(narrator)
    with Speak().open(Workplace(config.load(config.Flags(retries=0)))) as speak:
        for number in range(6):
            speak(Passage(f"{cut} It was evening number {number}, and the snow had fallen since the afternoon."))
        assert speak(Passage(cut)).flaw is None
    assert narrator.asked[cut] == 2


def test_all_pieces_of_a_speech_model_are_spoken_that_learn_it_at_once(openai: Service) -> None:
    """Four are asked for together; each gets a refusal of its own, and each is then asked for as speech."""
    together = threading.Barrier(4, timeout=10)

    def answer(received: Received) -> Answer:
        if received.path.endswith("/speech"):
            return Answer(wav.wrap(sound_of(received.json["input"])), headers={"Content-Type": "audio/wav"})
        together.wait()
        return error(
            404, "OperationNotSupported", "The chatCompletion operation does not work with the specified model"
        )

    openai.answer_with(answer)
    place = Workplace(config.load(config.Flags(model="my-voice", retries=0)))
    with Speak().open(place) as speak, ThreadPoolExecutor(4) as pool:
        results = list(pool.map(speak, [Passage(f"This is the text of piece number {n}.") for n in range(4)]))
    assert all(result.blob for result in results)
