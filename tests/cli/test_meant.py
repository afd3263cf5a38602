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
        (["speak", "notes.txt"], "audiochat speak @notes.txt"),
        (["speak", "--verbatim", "./notes.txt"], "@./notes.txt"),
        (["speak", "dog.wav", "-o", "o.wav"], "audiochat analyze dog.wav"),
        (["speak", "hi", "-output", "x.wav"], "the option is --output"),
        (["speak", "hi", "\u2014output=x.wav"], "the option is --output"),
        (["analyze", "dog.wav", "\u2013text-only"], "the option is --text-only"),
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


@pytest.mark.parametrize(
    "words", [["missing.txt"], ["read", "notes.txt"], ["notes"], ["-q", "--", "-output"], ["-q", "-o", "-"]]
)
def test_a_prompt_that_can_be_meant_is_asked(cli: CommandLine, openai: Service, words: list[str]) -> None:
    """A name of no file, a word among others, a text behind --."""
    openai.answer(completion(audio=wav.wrap(PCM)))
    for name in ("notes.txt", "notes"):
        Path(name).write_text("words", encoding="utf-8")
    assert cli("speak", *words, stdin=b"hello").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["speak", "@missing.txt"],
        ["speak", "--verbatim", "@missing.txt"],
        ["speak", "hi", "-s", "@missing.txt"],
        ["analyze", "missing.wav"],
        ["analyze", "dog.wav", "@missing.txt"],
        ["converse", "--no-save", "missing.wav", "-t", "Hi"],
        ["converse", "--no-save", "-t", "@missing.wav"],
        ["doctor", "--env-file", "missing.env"],
    ],
)
def test_a_file_that_is_not_there_is_one_kind_of_trouble(
    cli: CommandLine, openai: Service, dog: Path, arguments: list[str]
) -> None:
    """Exit 6 and the same sentence, wherever the file is named; nothing is sent."""
    assert dog.exists()
    ran = cli(*arguments)
    assert ran.code == 6
    assert ran.err.startswith("audiochat: There is no file missing.")
    assert openai.requests == []


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["-q", "speak", "hi there"], "audiochat speak -q 'hi there'"),
        (["-v", "coral", "speak", "hi"], "audiochat speak -v coral hi"),
        (["--voice=coral", "speak", "hi"], "audiochat speak --voice=coral hi"),
        (["--json", "sessions", "list"], "audiochat sessions list --json"),
        (["sessions", "--json", "list"], "audiochat sessions list --json"),
        (["-q", "speak", "word " * 100], "audiochat speak -q …"),
        (["--api-key", "s3cr3t", "serve"], "audiochat serve --api-key …"),
    ],
)
def test_an_option_before_the_command_is_put_behind_it(cli: CommandLine, arguments: list[str], meant: str) -> None:
    """The line to type instead, without a secret."""
    ran = cli(*arguments)
    assert ran.code == 2
    assert f"An option goes behind the command: {meant}" in ran.err
    assert "s3cr3t" not in ran.err


@pytest.mark.parametrize("arguments", [["-q", "version"], ["-q"], ["--nonsense", "speak", "hi"]])
def test_an_option_that_no_command_has_is_not_put_behind_one(cli: CommandLine, arguments: list[str]) -> None:
    """Nothing is suggested that would fail too."""
    ran = cli(*arguments)
    assert ran.code == 2
    assert "goes behind" not in ran.err


@pytest.mark.parametrize("command", ["speak", "analyze", "converse", "doctor", "sessions"])
def test_a_usage_error_points_to_the_commands_help(cli: CommandLine, command: str) -> None:
    """The command's own, not the program's."""
    ran = cli(command, "--no-such-option")
    assert ran.code == 2
    assert f"See 'audiochat {command} --help'." in ran.err


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["speak", "hi", "-f"], "speak"),
        (["sessions", "export", "x", "-f"], "sessions export"),
        (["doctor", "-m"], "doctor"),
    ],
)
def test_an_option_without_its_value_points_there_too(cli: CommandLine, arguments: list[str], path: str) -> None:
    """Typer's error of this kind knows no command; the line that was typed does."""
    ran = cli(*arguments)
    assert ran.code == 2
    assert f"See 'audiochat {path} --help'." in ran.err


def test_an_at_sign_that_is_meant_is_doubled(cli: CommandLine, openai: Service) -> None:
    """@@ is a plain @; an address of mail is one too."""
    openai.answer(completion(audio=wav.wrap(PCM)))
    ran = cli("converse", "--no-save", "-t", "Write to @@me and you@example.com", "-o", "o.wav")
    assert ran.code == 0, ran.err
    assert "Write to @me and you@example.com" in str(openai.last.json["messages"])


def test_a_file_that_begins_with_a_dash(cli: CommandLine) -> None:
    """It looks like options: the hint says how to name it."""
    Path("-x.wav").write_bytes(b"")
    ran = cli("analyze", "-x.wav")
    assert ran.code == 2
    assert "./-x.wav" in ran.err


def test_a_recording_where_words_belong_goes_elsewhere(cli: CommandLine, openai: Service) -> None:
    """`speak` with a recording on stdin names the commands that take one."""
    ran = cli("speak", stdin=wav.wrap(PCM * 10))
    assert ran.code == 6
    assert "A recording goes to audiochat analyze or transcribe." in ran.err
    assert openai.requests == []
