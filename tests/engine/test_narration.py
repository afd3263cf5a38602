"""Narrations with the engine: its voice reads, its ears find what the words of an answer hide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest
from support.service import completion

from audiochat.audio import wav
from audiochat.config import LocalSettings

if TYPE_CHECKING:
    from support.command_line import CommandLine
    from support.service import Answer, Received, Service

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

BOOK = "# The house\n\nThe door was not open when they came back.\n\n# The garden\n\nThere were twelve trees in it.\n"


def test_a_book_is_read_by_the_engine(cli: CommandLine) -> None:
    """Straight by its voice, checked by its ears, with a mark for each chapter."""
    Path("house.md").write_text(BOOK, encoding="utf-8")
    ran = cli("narrate", "house.md", "--provider", "local", "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["fidelity"]["check"]) == (0, "ear")
    assert told["fidelity"]["score"] > 0.9
    with av.open("house.m4b") as opened:
        assert [one["metadata"]["title"] for one in opened.chapters()] == ["The house", "The garden"]


def test_a_text_is_read_verbatim_by_the_engine(cli: CommandLine) -> None:
    """A question is read, and not answered by its small model."""
    ran = cli("speak", "--verbatim", "What time is it in London?", "--provider", "local")
    assert (ran.code, ran.out.decode().strip()) == (0, "What time is it in London?")
    found = wav.read(Path("speech.wav").read_bytes())
    assert found is not None
    assert 1 < found.seconds < 6


def test_a_text_is_read_in_the_language_that_is_named(cli: CommandLine) -> None:
    """A short one may be of any; one that the voice cannot speak is refused with the way to name it."""
    words = ("speak", "--verbatim", "Table", "--provider", "local", "-o")
    assert cli(*words, "a.wav").code == cli(*words, "b.wav", "--param", "language=fr").code == 0
    assert Path("a.wav").read_bytes() != Path("b.wav").read_bytes()
    ran = cli(*words, "c.wav", "--param", "language=de")
    assert (ran.code, Path("c.wav").exists()) == (4, False)
    assert "--param language=fr" in ran.err


def test_a_book_is_read_in_its_language(cli: CommandLine) -> None:
    """The one that it says, or that --language names; another costs only what it changes."""
    Path("table.md").write_text("---\nlang: fr\n---\nTable.\n", encoding="utf-8")
    runs = [("a.wav", ()), ("b.wav", ("--language", "en")), ("c.wav", ())]
    for name, more in runs:
        assert cli("narrate", "table.md", "--provider", "local", "--check", "none", "-o", name, *more).code == 0
    first, second, third = (Path(name).read_bytes() for name, _ in runs)
    assert (first == third, first == second) == (True, False)


def test_ears_find_what_the_words_hide(openai: Service, cli: CommandLine) -> None:
    """A service that says that it spoke the text, and leaves out the "not" in the sound."""
    from audiochat.local.engine import Engine

    synthesizer = Engine(LocalSettings()).synthesizer

    def answer(received: Received) -> Answer:
        text = received.json["messages"][-1]["content"]
        return completion(text, wav.wrap(b"".join(synthesizer.say(text.replace("was not", "was")))))

    openai.answer_with(answer)
    Path("house.md").write_text(BOOK, encoding="utf-8")
    assert cli("narrate", "house.md", "--check", "words", "-o", "a.m4b").code == 0
    ran = cli("narrate", "house.md", "--check", "ear", "--fresh", "--json")
    told = json.loads(ran.out)
    assert ran.code == 4
    assert [(one["kind"], one["chapter"]) for one in told["fidelity"]["pieces"] if one["kind"] == "unfaithful"] == [
        ("unfaithful", 1)
    ]
