"""The core as a Python program uses it: asked from many threads, closed in the middle, with handlers of its own."""

from __future__ import annotations

import json
import pickle
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.service import PCM, Answer, completion, error, sound_events, stream

from audiochat import Assistant, AudiochatError, Delta, Notice, Reply, UserTurn, config, load_recording
from audiochat.audio import wav
from audiochat.chat.request import AskOptions, Request
from audiochat.errors import BrokenAnswerError, CancelledError, FileError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from support.service import Received, Service

WAV = wav.wrap(PCM)
SLOW_DOWN = {"retry-after-ms": "600"}
CODES = ["forgotten", "asked_again", "content_filter"]


def asked_by(request: Received) -> str:
    """The last user message of a request."""
    return str(request.json["messages"][-1]["content"])


def test_a_whole_answer(openai: Service) -> None:
    """Words, sound in the format that was asked for, its id, and the tokens."""
    openai.answer(completion("Yes, it is.", WAV))
    with Assistant.from_environment() as assistant:
        reply = assistant.ask("Is rain wet?", system="Be brief.", voice="verse")
    assert reply.transcript == "Yes, it is."
    assert reply.audio is not None
    assert (reply.audio.data[:], reply.audio.format, reply.audio.id) == (WAV, "wav", "audio_abc")
    assert reply.usage.output_audio_tokens == 93
    assert openai.last.json["audio"] == {"voice": "verse", "format": "wav"}
    assert openai.last.json["messages"][0] == {"role": "system", "content": "Be brief."}


def test_a_streamed_answer_ends_with_the_same_reply(openai: Service) -> None:
    """Deltas, then the reply with all that was in them, its sound in the format that was asked for."""
    openai.answer(stream(sound_events(PCM)))
    with Assistant.from_environment() as assistant:
        *deltas, reply = list(assistant.stream("Is rain wet?", format="wav"))
    assert b"".join(delta.pcm for delta in deltas if isinstance(delta, Delta)) == PCM
    assert isinstance(reply, Reply)
    assert reply.audio is not None
    assert (reply.transcript, reply.audio.data[:]) == ("Yes, it is.", WAV)


def test_a_stream_from_a_service_that_does_not_stream(openai: Service) -> None:
    """A notice says so, and the whole answer comes as deltas."""
    openai.answer(error(400, None, "Streaming is not supported."), completion("Yes.", WAV))
    with Assistant.from_environment() as assistant:
        events = list(assistant.stream("Is rain wet?"))
    assert [event.code for event in events if isinstance(event, Notice)] == ["asked_differently"]
    assert b"".join(event.pcm for event in events if isinstance(event, Delta)) == PCM


def test_text_alone_about_a_recording(openai: Service, tmp_path: Path) -> None:
    """`load_recording` reads a file or bytes; without a format no sound is asked for."""
    (tmp_path / "dog.wav").write_bytes(WAV)
    openai.answer(completion(content="A dog."))
    with Assistant.from_environment() as assistant:
        for source in (tmp_path / "dog.wav", WAV):
            assert assistant.ask("What is it?", [load_recording(source)], format=None).transcript == "A dog."
            assert openai.last.json["modalities"] == ["text"]


def test_sixteen_threads_share_one_assistant(openai: Service) -> None:
    """Each of a hundred questions, whole and streamed, gets its own answer; one connection was made for all."""
    gate = threading.Barrier(16, timeout=10)

    def answer(request: Received) -> Answer:
        said = asked_by(request)
        if request.json.get("stream"):
            return stream(sound_events(PCM, [f"Answer to {said}."]))
        return completion(f"Answer to {said}.", WAV)

    openai.answer_with(answer)

    def ask(number: int) -> tuple[str, str]:
        if number < 16:
            gate.wait()  # the first sixteen at once, before there is a connection
        if number % 2:
            reply = assistant.ask(f"question {number}")
        else:
            *_, last = assistant.stream(f"question {number}")
            assert isinstance(last, Reply)
            reply = last
        assert reply.audio is not None
        return f"Answer to question {number}.", reply.transcript

    with Assistant.from_environment() as assistant, ThreadPoolExecutor(16) as pool:
        connections = {id(one) for one in pool.map(lambda _: assistant.connection, range(16))}
        for expected, transcript in pool.map(ask, range(100)):
            assert transcript == expected
    assert len(connections) == 1
    assert len(openai.requests) == 100


def test_a_429_seen_by_one_thread_slows_all(openai: Service) -> None:
    """While the service asks for a pause, nobody else asks it."""
    openai.answer(error(429, "rate_limit_exceeded", "Slow down.", headers=SLOW_DOWN), completion("Yes.", WAV))
    with Assistant.from_environment() as assistant:
        first = threading.Thread(target=assistant.ask, args=("One?",))
        first.start()
        while not openai.requests:
            time.sleep(0.01)
        time.sleep(0.1)
        started = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(assistant.ask, ["Two?"] * 8))
        first.join()
    assert time.monotonic() - started > 0.4
    assert len(openai.requests) == 10


WAITS = {
    "for another try": error(429, "rate_limit_exceeded", "Slow down.", headers={"retry-after": "60"}),
    "for the head": Answer(b"{}", hold=60),
    "for the body": Answer(b"{}", pause=60),
    "for the next piece": stream(sound_events(PCM * 5), pause=60),
}
"""What a service does that keeps a thread waiting."""


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("cancelled", [None, threading.Event()], ids=["", "may be cancelled"])
def test_closing_ends_a_wait(openai: Service, wait: str, cancelled: threading.Event | None) -> None:
    """Whatever another thread waits for ends when the assistant is closed, also where it could be cancelled."""
    openai.answer(WAITS[wait])
    assistant = Assistant.from_environment()
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            assistant.ask("One?", cancelled=cancelled)
        except BaseException as exc:  # noqa: BLE001 - looked at below
            caught.append(exc)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    while not openai.requests:
        time.sleep(0.01)
    time.sleep(0.2)
    assistant.close()
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert isinstance(caught[0], CancelledError)
    with pytest.raises(UsageError):
        assistant.ask("Two?")


def test_a_wait_that_may_be_cancelled_ends(openai: Service) -> None:
    """The event that was given ends the wait for another try."""
    openai.answer(WAITS["for another try"])
    cancelled = threading.Event()
    with Assistant.from_environment() as assistant:
        threading.Timer(0.3, cancelled.set).start()
        started = time.monotonic()
        with pytest.raises(CancelledError):
            assistant.ask("One?", cancelled=cancelled)
    assert time.monotonic() - started < 5


def test_a_stream_is_cancelled_from_another_thread(openai: Service) -> None:
    """The event that was given ends it between two deltas."""
    openai.answer(stream(sound_events(PCM * 50), pause=0.02))
    cancelled = threading.Event()
    with Assistant.from_environment() as assistant:
        events = assistant.stream("Tell me much.", cancelled=cancelled)
        assert isinstance(next(events), Delta)
        threading.Timer(0.2, cancelled.set).start()
        with pytest.raises(CancelledError):
            list(events)


def test_a_conversation_is_kept_and_goes_on(openai: Service) -> None:
    """The second turn refers to the first by its id; the third, of another assistant, to both."""
    openai.answer(completion("Yes.", WAV))
    with Assistant.from_environment() as assistant, assistant.converse("evening") as talk:
        talk.ask("One?", system="Be brief.")
        talk.ask("Two?")
        assert talk.usage.input_tokens == 198
    with Assistant.from_environment() as assistant, assistant.converse("evening") as talk:
        assert [turn.asked.text for turn in talk.turns] == ["One?", "Two?"]
        talk.ask("Three?")
        assert talk.undo()
        assert len(talk.turns) == 2
    messages = openai.last.json["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user", "assistant", "user"]


def test_a_conversation_is_for_one_writer(openai: Service) -> None:
    """A second one is refused, also in the same process; a lock is released from whichever thread."""
    openai.answer(completion("Yes.", WAV))
    with Assistant.from_environment() as assistant:
        talk = assistant.converse("evening")
        with pytest.raises(FileError, match="in use"):
            assistant.converse("evening")
        thread = threading.Thread(target=talk.close)
        thread.start()
        thread.join()
        assistant.converse("evening").close()


def test_two_conversations_at_once(openai: Service) -> None:
    """Each of two threads has its own turns, kept under its own name."""

    def answer(request: Received) -> Answer:
        return completion(f"Answer to {asked_by(request)}.", WAV)

    openai.answer_with(answer)
    with Assistant.from_environment() as assistant:

        def talk(name: str) -> list[str]:
            with assistant.converse(name) as conversation:
                return [conversation.ask(f"{name} {number}").transcript for number in range(10)]

        with ThreadPoolExecutor(2) as pool:
            for name, transcripts in zip(("a", "b"), pool.map(talk, ("a", "b")), strict=True):
                assert transcripts == [f"Answer to {name} {number}." for number in range(10)]


def test_one_conversation_answers_one_turn_at_a_time(openai: Service) -> None:
    """Who asks while it answers is refused, and nothing is mixed."""
    openai.answer(stream(sound_events(PCM)))
    with Assistant.from_environment() as assistant:
        talk = assistant.converse(keep=False)
        events = talk.stream("One?")
        next(events)
        with pytest.raises(UsageError, match="still answering"):
            next(talk.stream("Two?"))
        list(events)
        assert len(talk.turns) == 1


def test_an_answer_that_is_asked_for_again_stays_until_there_is_another(openai: Service, tmp_path: Path) -> None:
    """At every moment the page names an answer whose sound is there, so a kill loses none; nothing is left over."""
    kept: list[tuple[str, bytes]] = []
    answers = iter((1, 2, 3))

    def answer(_request: Received) -> Answer:
        for page in tmp_path.rglob("evening/session.json"):
            turns = json.loads(page.read_text())["turns"]
            kept.extend((turn["transcript"], (page.parent / turn["audio"]["file"]).read_bytes()) for turn in turns)
        number = next(answers, None)
        return error(400, "invalid", "No.") if number is None else completion(f"Answer {number}.", WAV)

    openai.answer_with(answer)
    with Assistant.from_environment() as assistant, assistant.converse("evening") as talk:
        talk.ask("One?")
        for _ in range(2):
            list(talk.events(talk.turns[-1].asked, AskOptions("wav"), again=True))
        with pytest.raises(AudiochatError):
            list(talk.events(talk.turns[-1].asked, AskOptions("wav"), again=True))
        assert [turn.reply.transcript for turn in talk.turns] == ["Answer 3."]
    assert kept == [(f"Answer {number}.", WAV) for number in (1, 2, 3)]
    with Assistant.from_environment() as assistant, assistant.converse("evening") as talk:
        (turn,) = talk.turns
        assert turn.reply.audio is not None
        assert turn.reply.audio.data[:] == WAV
    assert len(list(next(tmp_path.rglob("evening")).glob("*.wav"))) == 1


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_conversation_opens_again_after_its_answer_was_asked_for_again(openai: Service, times: int) -> None:
    """However often: the name of the sound's file changes each time, and each is one that a session may have."""
    openai.answer_with(lambda _request: completion("Yes.", WAV))
    with Assistant.from_environment() as assistant, assistant.converse("evening") as talk:
        talk.ask("One?")
        for _ in range(times):
            list(talk.events(talk.turns[-1].asked, AskOptions("wav"), again=True))
    with Assistant.from_environment() as assistant, assistant.converse("evening") as talk:
        (turn,) = talk.turns
        assert turn.reply.audio is not None
        assert turn.reply.audio.data[:] == WAV


def test_a_failed_turn_leaves_the_conversation_as_it_was(openai: Service) -> None:
    """Refused, cut in the middle, or given up by whoever asks: nothing of it stays."""
    openai.answer(completion("Yes.", WAV))
    with Assistant.from_environment() as assistant, assistant.converse("evening") as talk:
        talk.ask("One?")
        openai.answer(error(400, "content_filter", "No."))
        with pytest.raises(AudiochatError):
            talk.ask("Two?")
        openai.answer(stream(sound_events(PCM * 5), cut=4))
        with pytest.raises(AudiochatError):
            list(talk.stream("Two?"))
        openai.answer(stream(sound_events(PCM * 5)))
        events = talk.stream("Two?")
        next(events)
        events.close()
        assert len(talk.turns) == 1
        openai.answer(completion("Yes.", WAV))
        talk.ask("Two?")
    assert [len(message) for message in (openai.last.json["messages"],)] == [3]


def test_an_answer_in_text_counts_twice(openai: Service) -> None:
    """The tokens of a repeated request are paid for as well."""
    openai.answer(
        completion("Yes.", WAV),
        completion(content="In text."),
        completion("In speech.", WAV),
    )
    with Assistant.from_environment() as assistant:
        talk = assistant.converse(keep=False)
        talk.ask("One?")
        assert talk.ask("Two?").usage.input_tokens == 198
        assert talk.usage.input_tokens == 297


def test_an_answer_in_text_stays_where_asking_again_fails(openai: Service) -> None:
    """It is paid for: the failure of the second request is a notice."""
    openai.answer(
        completion("Yes.", WAV),
        completion(content="In text."),
        error(400, "content_filter", "No."),
    )
    with Assistant.from_environment() as assistant:
        talk = assistant.converse(keep=False)
        talk.ask("One?")
        *notices, reply = talk.events(UserTurn("Two?"), AskOptions())
        assert isinstance(reply, Reply)
        assert reply.transcript == "In text."  # the id of the scripted service's answers has expired
        assert [one.code for one in notices if isinstance(one, Notice)] == CODES


def test_what_crosses_processes_pickles() -> None:
    """Settings, requests and recordings, also large ones."""
    settings = config.load(config.Flags(provider="openai"))
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301 - our own
    recording = load_recording(wav.wrap(PCM * 500))
    request = Request(model="gpt-audio", turns=(UserTurn("hi", (recording,)),), parameters={"seed": 1})
    again = pickle.loads(pickle.dumps(request))  # noqa: S301 - our own
    assert json.dumps(again.payload()) == json.dumps(request.payload())


def test_nothing_of_the_process_is_changed(openai: Service) -> None:
    """Signal handlers, the alarm and the garbage collector are the program's own."""
    import gc
    import sys

    def state() -> tuple[object, ...]:
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        return (*handlers, gc.isenabled(), gc.get_freeze_count(), sys.excepthook, sys.unraisablehook)

    before = state()
    openai.answer(completion("Yes.", WAV))
    with Assistant.from_environment() as assistant:
        assistant.ask("One?")
        assert state() == before


def test_an_answer_whose_sound_cannot_be_kept_is_given(openai: Service) -> None:
    """It is paid for: the reply comes before the error, and the conversation is as it was."""
    openai.answer(completion("Yes.", b"this is no sound"))
    with Assistant.from_environment() as assistant, assistant.converse("evening") as talk:
        with pytest.raises(BrokenAnswerError):
            list(talk.events(UserTurn("Is rain wet?"), AskOptions("wav")))
        events = talk.events(UserTurn("Is rain wet?"), AskOptions("wav"))
        assert next(event.transcript for event in events if isinstance(event, Reply)) == "Yes."
        assert not talk.turns
