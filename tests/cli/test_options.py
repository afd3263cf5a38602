"""Options and settings that cannot work are told before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.service import Service, completion
from support.tones import record, sentences

if TYPE_CHECKING:
    from support.command_line import CommandLine


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({"OPENAI_API_KEY": "sk-…"}, 3),
        ({"OPENAI_API_KEY": "two\nlines"}, 3),
        ({"OPENAI_BASE_URL": "https://api.example.org", "ALL_PROXY": "socks5://127.0.0.1:9"}, 3),
        ({"OPENAI_BASE_URL": "https://user:PASSW0RD@api.example.org/v1"}, 3),
        ({"OPENAI_BASE_URL": "https://api.example.org/v1?key=PASSW0RD"}, 3),
    ],
)
def test_a_setting_that_cannot_work_is_told(cli: CommandLine, openai: Service, env: dict[str, str], code: int) -> None:
    """Exit 3 with a hint, and never the value: it may hold a password."""
    for arguments in (["speak", "hi"], ["doctor"]):
        ran = cli(*arguments, env=env)
        assert ran.code == code
        assert "PASSW0RD" not in ran.err + ran.out.decode()
    assert openai.requests == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-o", ""], 2),
        (["-o", "x" * 300], 6),
        (["--timeout", "1e300"], 2),
        (["--timeout", "nan"], 2),
        (["--param", "temperature=1e999"], 2),
        (["-s", "@/dev/zero" if Path("/dev/zero").exists() else "@missing"], 6),
    ],
)
def test_an_option_that_cannot_work_is_told(cli: CommandLine, openai: Service, arguments: list[str], code: int) -> None:
    """And an unset variable behind -o replaces nothing."""
    Path("speech.wav").write_bytes(b"precious")
    ran = cli("speak", "hi", *arguments)
    assert ran.code == code
    assert len(ran.err.splitlines()) >= 2
    assert Path("speech.wav").read_bytes() == b"precious"
    assert openai.requests == []


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--timeout", "-3", "A request cannot have -3 seconds."),
        ("--timeout", "0", "A request cannot have 0 seconds."),
        ("--retries", "-1", "A request cannot be sent again -1 times."),
    ],
)
def test_a_limit_out_of_bounds_is_named_alone(cli: CommandLine, option: str, value: str, told: str) -> None:
    """The value, the bounds and its option; nothing of the other limit."""
    ran = cli("speak", "hi", f"{option}={value}")
    assert ran.code == 2
    assert ran.err.startswith(f"audiochat: {told}\nGive ")
    assert ran.err.endswith(f"The option is {option}.\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["speak", "hi", "--timeout", "abc"], "audiochat: Invalid value for '--timeout': not a valid number.\n"),
        (["serve", "--port", "abc"], "audiochat: Invalid value for '--port': not a valid integer.\n"),
        (["sessions", "show", "a", "b"], "audiochat: There is no use for: b\n"),
    ],
)
def test_a_library_s_own_words_stay_out_of_messages(cli: CommandLine, arguments: list[str], told: str) -> None:
    """What was typed is named, not how it was parsed."""
    ran = cli(*arguments)
    assert ran.code == 2
    assert ran.err.startswith(told)


def test_a_dash_in_the_prompt_is_no_output(cli: CommandLine, openai: Service) -> None:
    """`speak -` with a spoiled answer has its words on stdout."""
    openai.answer(completion(content="I can only write."))
    assert cli("speak", "-", stdin=b"hi").out == b"I can only write.\n"


@pytest.mark.parametrize("option", ["--show-completion", "--install-completion"])
def test_what_programs_of_typers_answer_to_is_answered(process: CommandLine, option: str) -> None:
    """The script of the shell that is named, or its place in the file that the shell reads at its start."""
    ran = process(option, "bash")
    assert ran.code == 0
    if option == "--show-completion":
        assert b"_AUDIOCHAT_COMPLETE" in ran.out
    else:
        assert "audiochat completion bash" in (Path.home() / ".bashrc").read_text()


def test_a_script_of_typers_that_was_installed_goes_on(process: CommandLine) -> None:
    """It says in its own way where the cursor is."""
    ran = process(env={"_AUDIOCHAT_COMPLETE": "complete_bash", "COMP_WORDS": "audiochat sp", "COMP_CWORD": "1"})
    assert (ran.code, ran.err) == (0, "")
    assert b"speak" in ran.out


def test_a_shell_that_knows_no_completion_is_wrong_usage(process: CommandLine) -> None:
    """Plain sh has none."""
    ran = process("--install-completion", env={"SHELL": "/bin/sh"})
    assert ran.code == 2
    assert "There is no completion for sh." in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze", ""),
        ("transcribe", ""),
        ("narrate", ""),
        ("speak", "hi", "-v", ""),
        ("speak", "hi", "-m", ""),
        ("speak", "hi", "-s", "@"),
        ("speak", "hi", "--provider", ""),
        ("transcribe", "a.wav", "-o", ""),
        ("transcribe", "a.wav", "-f", ""),
        ("transcribe", "a.wav", "--language", ""),
        ("narrate", "b.txt", "-o", ""),
        ("narrate", "b.txt", "--chapters", ""),
        ("narrate", "b.txt", "--chapters", "1,,1"),
        ("narrate", "b.txt", "--chapters", "-"),
        ("narrate", "b.txt", "--chapters", "9"),
        ("narrate", "b.txt", "--chapters", "1-99999999999"),
        ("narrate", "b.txt", "--on", ""),
    ],
    ids=" ".join,
)
def test_an_empty_value_is_refused(arguments: tuple[str, ...], openai: Service, cli: CommandLine) -> None:
    """A variable that is not set does not mean the default, the working directory or the whole book."""
    Path("a.wav").write_bytes(record(sentences(1)).wav)
    Path("b.txt").write_text("A fox came.")
    ran = cli(*arguments)
    assert (ran.code, openai.requests) == (2, [])


def test_what_is_named_twice_is_removed_once(openai: Service, cli: CommandLine) -> None:
    """Sessions and jobs; and a name that is none removes nothing."""
    openai.answer(completion("Yes.", record(sentences(1)).wav))
    assert cli("converse", "-t", "hi", "--session", "one").code == 0
    Path("b.txt").write_text("A fox came.")
    cli("narrate", "b.txt", "--check", "none")
    job = json.loads(cli("jobs", "list", "--json").out)["jobs"][0]["name"]
    for command, name in (("sessions", "one"), ("jobs", job)):
        assert cli(command, "remove", name, "nosuch").code in (2, 6)
        assert cli(command, "show", name).code == 0
        ran = cli(command, "remove", name, name, "--json")
        assert (ran.code, json.loads(ran.out)["removed"]) == (0, [name])
