"""Readings that are checked by ear."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.scripted_engine import HEARD, Ear, tone

from audiochat import config
from audiochat.jobs.narrate.fidelity import compare, compare_heard
from audiochat.jobs.narrate.hearing import heard_text, hears
from audiochat.jobs.narrate.report import Report
from audiochat.jobs.narrate.script import Act, Line
from audiochat.jobs.piece import Failure, Result

if TYPE_CHECKING:
    from pathlib import Path


def test_the_recogniser_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No voice is needed to listen."""
    pytest.importorskip("faster_whisper")
    for voice in ("piper", "kokoro_onnx"):
        monkeypatch.setitem(sys.modules, voice, None)
    settings = config.load(config.Flags(provider="openai"))
    assert hears(replace(settings, local=replace(settings.local, stt=str(tmp_path))), "en")
    assert not hears(replace(settings, local=replace(settings.local, stt=str(tmp_path / "no"))), "en")
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    assert not hears(replace(settings, local=replace(settings.local, stt=str(tmp_path))), "en")


@pytest.mark.parametrize(
    ("written", "language", "told"),
    [
        ("The door was not open when they came back.", None, ["en"]),
        ("Die Tür war nicht offen, als sie nach Hause kamen.", None, ["de"]),
        ("Table.", "de", ["de"]),
        # One that the recogniser has not learned.
        ("La porte n'était pas ouverte quand ils sont rentrés.", None, [None]),
    ],
)
def test_the_recogniser_is_told_the_language(written: str, language: str | None, told: list[str | None]) -> None:
    """That of the text, or the one that is named; finding out takes it nearly as long as the words do."""
    pytest.importorskip("py3langid")
    ear = Ear()
    assert heard_text(ear, tone(1.0), written, language) == HEARD
    assert ear.languages == told


def test_what_is_heard_counts_where_it_is_another_text() -> None:
    """A service can say that it read all of it: then the words that were heard tell how faithful the book is."""
    text = "The captain did not open the door."
    said, heard = compare(text, text), compare_heard(text, "The captain did open the door.")
    data = {"words": text, "compared": said.as_json(), "heard": "…", "compared_heard": heard.as_json()}
    report = Report.of((Act(1, "One", (Line(text, "chapter"),)),))
    flawed = Result(data, b"sound", flaw=Failure("unfaithful", "The reading loses or changes 'not'.", 4, None))
    report.add(0, "chapter 1, piece 1", text, flawed, None)
    assert (report.errors, report.words, [one.kind for one in report.remarks]) == (1, 7, ["unfaithful"])
