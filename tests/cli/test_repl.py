"""The interactive prompt of `converse`, driven through a terminal."""

from __future__ import annotations

import json
import sys
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
