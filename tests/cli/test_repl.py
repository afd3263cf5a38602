"""The interactive prompt of `converse`, driven through a terminal."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.service import PCM, Answer, Service, completion, sound_events, stream
from support.terminals import Person

from audiochat.audio import codec, wav

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal to drive")

WAV = wav.wrap(PCM)


@pytest.fixture
def people() -> Iterator[list[Person]]:
    """Those at terminals; none is left there."""
    present: list[Person] = []
    yield present
    for person in present:
        if person.process.poll() is None:
            person.process.kill()
            person.process.wait()


def test_a_conversation_at_a_terminal(openai: Service, dog: Path, people: list[Person], home: Path) -> None:
    """Two turns, /attach, /save, Ctrl-C in the middle of an answer, /quit."""
    person = Person("--session", "evening")
    people.append(person)
    person.see("Session evening, turn 1.")
    person.see("1>")
    openai.answer(stream(sound_events(PCM, ["A dog ", "is heard."])))
    person.type(f"/attach {dog}")
    person.see("dog.wav goes with the next turn.")
    person.see("1>")
    person.type("What is it?")
    person.see("A dog is heard.")
    person.see("2>")
    content = openai.last.json["messages"][0]["content"]
    assert [part["type"] for part in content] == ["text", "input_audio"]
    person.type("/save answer.wma")
    person.see("There is no format .wma.")
    person.see("2>")
    person.type("/save answer.mp3")
    person.see("answer.mp3  0.2 s")
    assert codec.duration(Path("answer.mp3").read_bytes(), "mp3") == pytest.approx(0.2, abs=0.1)

    words = [f"word{number} " for number in range(200)]
    openai.answer(stream(sound_events(PCM * 50, words), pause=0.05))
    person.see("2>")
    person.type("Tell me more.")
    person.see("word5")
    person.type("\x03")
    person.see("Stopped.")
    person.see("2>")
    openai.answer(stream(sound_events(PCM, ["A short ", "answer."])))
    person.type("Briefly.")
    person.see("A short answer.")
    assert openai.last.json["messages"][1:] == [
        {"role": "assistant", "audio": {"id": "audio_abc"}},
        {"role": "user", "content": "Briefly."},
    ]
    person.see("3>")
    person.type("/quit")
    assert person.leave() == 0
    page = json.loads((home / "data" / "audiochat" / "sessions" / "evening" / "session.json").read_text())
    assert [turn["transcript"] for turn in page["turns"]] == ["A dog is heard.", "A short answer."]
    assert sorted(path.name for path in Path().iterdir()) == ["answer.mp3", "dog.wav"]


def test_every_command_answers(openai: Service, people: list[Person]) -> None:
    """/help, /voice, /text, /speech, /system, /usage, /undo, /play without a device, and what there is not."""
    openai.answer(completion(content="In text."))
    person = Person("--no-save", "-q")
    people.append(person)
    for line, answer in (
        ("/help", "/undo"),
        ("/voice verse", "The voice is verse."),
        ("/system Be brief.", "The system message is: Be brief."),
        ("/text", "Answers come in text alone."),
        ("Hello.", "In text."),
        ("/usage", "99 tokens in (69 of sound), 116 out (93 of sound)."),
        ("/save a.wav", "There is no spoken answer."),
        ("/play 7", "There is no turn 7."),
        ("/attach missing.wav", "There is no file missing.wav."),
        ("/nonsense", "There is no command /nonsense."),
        ("/undo", "The last turn is forgotten."),
        ("/undo", "There is no turn to forget."),
        ("/speech", "Answers are spoken."),
    ):
        person.see(">")
        person.type(line)
        person.see(answer)
    assert openai.last.json["messages"][0] == {"role": "system", "content": "Be brief."}
    assert openai.last.json["modalities"] == ["text"]
    person.see(">")
    person.type("\x04")
    assert person.leave() == 0


def test_an_error_brings_the_prompt_back(openai: Service, people: list[Person]) -> None:
    """What fails is told, and the next turn may be better."""
    openai.answer(Answer(b"<html>", headers={"Content-Type": "text/html"}), completion(content="Fine."))
    person = Person("--text-only", "--no-save")
    people.append(person)
    person.see("1>")
    person.type("Hello.")
    person.see("audiochat: The service answered with a web page")
    person.see("1>")
    person.type("Again.")
    person.see("Fine.")
    person.see("2>")


def test_ctrl_c_at_the_prompt_leaves_the_second_time(people: list[Person], openai: Service) -> None:
    """The first one only says so."""
    person = Person("--no-save")
    people.append(person)
    person.see("1>")
    person.type("\x03")
    person.see("Ctrl-C again, or /quit, leaves.")
    person.see("1>")
    person.type("\x03")
    assert person.leave() == 0
    assert openai.requests == []


def test_a_spoken_answer_leaves_its_trace(openai: Service, people: list[Person]) -> None:
    """How long it is, and what can be done with it; leaving says how to go on, and going on shows the last turns."""
    person = Person("--session", "evening")
    people.append(person)
    openai.answer(stream(sound_events(PCM, ["A dog."])))
    person.see("1>")
    person.type("What is it?")
    person.see("A dog.")
    person.see("♪ 0.2 s · /play · /save")
    person.see("2>")
    person.type("quit")
    person.see("audiochat converse --session evening")
    assert person.leave() == 0
    again = Person("--continue")
    people.append(again)
    again.see("1> What is it?")
    again.see("A dog.")
    again.see("2>")
    again.keys("\x1b[A\x1b[A")  # the history outlives the conversation
    again.see("What is it?")


def test_several_lines_are_one_turn(openai: Service, people: list[Person]) -> None:
    """A backslash before Enter, Alt+Enter, and what is pasted."""
    person = Person("--no-save")
    people.append(person)
    for typed in ("one\\\rtwo", "one\x1b\rtwo", "\x1b[200~one\ntwo\x1b[201~"):
        openai.answer(stream(sound_events(PCM, ["Good."])))
        person.see("> ")
        person.keys(typed)
        person.see("two")
        person.keys("\r")
        person.see("Good.")
        assert openai.last.json["messages"][-1]["content"] == "one\ntwo"


def test_what_is_typed_during_an_answer_waits(openai: Service, people: list[Person]) -> None:
    """It is not echoed into the answer, and is the next turn."""
    person = Person("--no-save")
    people.append(person)
    long = stream(sound_events(PCM * 5, [f"word{number} " for number in range(40)]), pause=0.05)
    openai.answer(long, stream(sound_events(PCM, ["Done."])))
    person.see("1>")
    person.type("Tell me.")
    person.see("word5")
    person.type("and then?")
    seen = person.see("2>")
    assert "and then?" not in seen
    person.see("Done.")
    assert openai.last.json["messages"][-1]["content"] == "and then?"


def test_a_dragged_recording_is_attached(openai: Service, people: list[Person]) -> None:
    """However the terminal spells its name; /detach takes it off."""
    for name in ("wau ü.wav", "it's.wav"):
        Path(name).write_bytes(WAV)
    person = Person("--no-save")
    people.append(person)
    for dragged in ("wau\\ ü.wav", "'wau ü.wav'", '"it\'s.wav"', "/attach wau ü.wav"):
        person.see("1>")
        person.type(dragged)
        person.see("goes with the next turn.")
        person.see("1>")
        person.type("/detach")
        person.see("Nothing is attached any more.")
    openai.answer(stream(sound_events(PCM, ["Good."])))
    person.see("1>")
    person.type("@wau\\ ü.wav What is it?")
    person.see("Good.")
    assert [part["type"] for part in openai.last.json["messages"][-1]["content"]] == ["text", "input_audio"]


def test_another_model_answers_and_a_question_is_asked_again(openai: Service, people: list[Person]) -> None:
    """/model, /redo, /history, /export and /save, which replace a file only when told to; a near miss."""
    person = Person("--session", "evening")
    people.append(person)
    openai.answer(stream(sound_events(PCM, ["First."])))
    person.see("1>")
    person.type("What is it?")
    person.see("First.")
    person.see("2>")
    person.type("/model gpt-audio-mini")
    person.see("The model is gpt-audio-mini.")
    openai.answer(stream(sound_events(PCM, ["Second."])))
    person.see("2>")
    person.type("/redo")
    person.see("Second.")
    person.see("♪ 0.2 s")
    assert openai.last.json["model"] == "gpt-audio-mini"
    assert [message["content"] for message in openai.last.json["messages"]] == ["What is it?"]
    person.see("2>")
    openai.answer(Answer(b'{"error": {"message": "No.", "code": "bad"}}', 400))
    person.type("/redo")
    person.see("No.")
    person.see("2>")
    person.type("/history")
    person.see("Second.")
    person.type("/export evening.md")
    person.see("evening.md")
    person.see("2>")
    person.type("/export evening.md")
    person.see("evening.md")
    person.see("2>")
    Path("precious.md").write_text("mine")
    Path("precious.wav").write_bytes(b"mine")
    for command, name in (("/export", "precious.md"), ("/save", "precious.wav")):
        person.type(f"{command} {name}")
        person.see(f"{name} is there already.")
        person.see(f"{command} --replace {name}")
        person.see("2>")
        assert Path(name).read_bytes() == b"mine"
        person.type(f"{command} --replace {name}")
        deadline = time.monotonic() + 15
        while Path(name).read_bytes() == b"mine":
            assert time.monotonic() < deadline
            time.sleep(0.05)
    person.type("/hitsory")
    person.see("Did you mean /history?")
    person.type("/voice nov")
    person.see("nov is asked for, though it is no known voice; those are alloy,")
    person.see("2>")
    person.type(":q")
    assert person.leave() == 0
    _check_export(Path("evening.md").read_text())


def _check_export(text: str) -> None:
    assert "Second." in text
    link = re.search(r"\[turn-1.wav\]\((.+)\)", text)
    assert link is not None
    assert wav.read(Path(link[1]).read_bytes()) is not None


def test_a_voice_that_the_engine_has_not_stays_out_of_the_conversation(people: list[Person]) -> None:
    """Refused when it is named, not when the next answer is asked for; the voice before it stays."""
    person = Person("--no-save", "--provider", "local")
    people.append(person)
    for line, answer in (
        ("/voice nobody", "The local engine has no voice 'nobody'."),
        ("/voice", "The voice is alloy."),
        ("/model", "The model is the engine's own."),
        ("/system", "There is no system message."),
    ):
        person.see(">")
        person.type(line)
        person.see(answer)
    person.see(">")
    person.type(":q")
    assert person.leave() == 0
