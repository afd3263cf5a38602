"""Arguments that cannot be meant are refused before they cost, and each says what was probably meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.service import PCM, completion

from audiochat.audio import wav

if TYPE_CHECKING:
    from support.command_line import CommandLine
    from support.service import Service


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["analyze", "dog.wav", "./cat.wav"], "cat.wav"),
        (["analyze", "dog.wav", "cat.wav", "-o", "o.wav"], "second recording"),
        (["analyze", "dog.wav", "What", "is", "it?"], "What is it?"),
        (["analyze", "dog.wav", "-what is it?"], "--"),
        (["analyze", "s3://bucket/dog.wav"], "s3://bucket/dog.wav"),
        (["analyze", "HTTPS://example.com/dog.wav"], "curl"),
        (["speak", "hi", "-s", "@missing.txt"], "missing.txt"),
        (["speak", "hi", "-o", "https://example.com/a.wav"], "https://example.com/a.wav"),
        (["converse", "--no-save", "-t", "Hi", "-t", "@missing.wav What is it?"], "missing.wav"),
        (["converse", "--no-save", "-t", "Hi", "-t", "Hear @https://example.com/a.wav"], "https://example.com/a.wav"),
        (["converse", "--no-save", "-t", "Hi", "-t", "@notes.txt What?"], "notes.txt"),
        (["speak", "hi", "-o", "a.mp3", "-f", "wav"], "mp3"),
        (["speak", "hi", "--max-seconds", "3"], "-r"),
    ],
)
def test_what_cannot_be_meant_costs_nothing(cli: CommandLine, openai: Service, arguments: list[str], told: str) -> None:
    """Exit 2 or 6, the word in question, no request."""
    openai.answer(completion(audio=wav.wrap(PCM)))
    for name in ("dog.wav", "cat.wav"):
        Path(name).write_bytes(wav.wrap(PCM))
    Path("notes.txt").write_text("no sound at all, just words", encoding="utf-8")
    ran = cli(*arguments)
    assert ran.code in (2, 6), ran.err
    assert told in ran.err
    assert openai.requests == []


@pytest.mark.parametrize("command", ["speak", "analyze", "converse", "doctor", "sessions"])
def test_a_usage_error_points_to_the_commands_help(cli: CommandLine, command: str) -> None:
    """The command's own, not the program's."""
    ran = cli(command, "--no-such-option")
    assert ran.code == 2
    assert f"audiochat {command}" in ran.err
    assert "--help" in ran.err


def test_an_at_sign_that_is_meant_is_doubled(cli: CommandLine, openai: Service) -> None:
    """@@ is a plain @; an address of mail is one too."""
    openai.answer(completion(audio=wav.wrap(PCM)))
    ran = cli("converse", "--no-save", "-t", "Write to @@me and you@example.com", "-o", "o.wav")
    assert ran.code == 0, ran.err
    assert "Write to @me and you@example.com" in str(openai.last.json["messages"])
