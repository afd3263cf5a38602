"""Help: what `--help`, `help` and `version` print."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from audiochat import __version__
from audiochat.cli.app import SUMMARIES

if TYPE_CHECKING:
    from support.command_line import CommandLine

COMMANDS = [name for name in SUMMARIES if name != "version"]
GROUPS = ["sessions list", "sessions show", "sessions export", "sessions remove"]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("command", [*COMMANDS, *GROUPS])
def test_help_keeps_to_the_width_and_cuts_nothing(cli: CommandLine, command: str, width: int) -> None:
    """No line is longer than the terminal, but for examples, which are there to be pasted; no text ends in dots."""
    help_ = cli(*command.split(), "--help", env={"COLUMNS": str(width)}).out.decode()
    prose, _, _ = help_.partition("\nExamples\n")
    assert max(len(line) for line in prose.splitlines()) < width
    assert "..." not in re.sub(r"[\]}A-Z]\.\.\.", "", prose)
    assert "<str>" not in prose


@pytest.mark.parametrize("command", COMMANDS)
def test_help_by_name_is_the_same(cli: CommandLine, command: str) -> None:
    """`audiochat help speak` is `audiochat speak --help`."""
    assert cli("help", command).out == cli(command, "--help").out


def test_a_commands_own_options_come_first(cli: CommandLine) -> None:
    """Then those that others have too: the answer, the model, the recording, the output, the network."""
    help_ = cli("converse", "--help").out.decode()
    headings = re.findall(r"^([A-Z]\w+)$", help_, re.MULTILINE)
    assert headings == [
        "Arguments",
        "Conversation",
        "Answer",
        "Model",
        "Recording",
        "Output",
        "Network",
        "Other",
        "Examples",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of this kind is Unix's")
def test_only_a_terminal_gets_colour() -> None:
    """And one that wants none gets none."""
    from support.terminals import in_a_terminal

    assert "\x1b[1mUsage:\x1b[0m" in in_a_terminal(["speak", "--help"])[1]
    assert "\x1b" not in in_a_terminal(["speak", "--help"], NO_COLOR="1")[1]


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("help", "completion")])
def test_examples_are_commands_that_exist(cli: CommandLine, command: str) -> None:
    """Three or more, of options that the command has."""
    help_ = cli(command, "--help").out.decode()
    examples = help_.partition("\nExamples\n")[2].partition("\n\n")[0].splitlines()
    assert len([one for one in examples if one.strip()]) >= 3
    for example in examples:
        for part in re.split(r"[|]", example):
            words = shlex.split(part)
            if words[:1] == ["audiochat"]:
                known = cli(words[1], "--help").out.decode()
                options = [word for word in words[2:] if re.fullmatch(r"-[a-zA-Z]|--[a-z-]+", word)]
                assert all(re.search(rf"(?<![\w-]){option}(?![\w-])", known) for option in options), example


@pytest.mark.parametrize("arguments", [("version",), ("-V",), ("--version",)])
def test_the_version_is_told(process: CommandLine, arguments: tuple[str, ...]) -> None:
    """However it is asked for."""
    assert process(*arguments).out.decode() == f"audiochat {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("speek", "hi"), "speak"),
        (("speak", "hi", "--voise", "nova"), "There is no option --voise. Did you mean --voice?"),
        (("help", "speek"), "Did you mean 'speak'?"),
        (("help", "sessions", "remov"), "Did you mean 'remove'?"),
        (("sessions", "rm", "x"), "audiochat sessions remove"),
        (("sessions", "delete", "x"), "audiochat sessions remove"),
        (("sessions", "ls"), "audiochat sessions list"),
    ],
)
def test_what_was_meant_is_suggested(cli: CommandLine, arguments: tuple[str, ...], meant: str) -> None:
    """For commands and options that are nearly right, and for the names that other tools have for them."""
    ran = cli(*arguments)
    assert ran.code == 2
    assert meant in ran.err
    assert "--help'" in ran.err


@pytest.mark.parametrize(
    ("command", "line"), [([], "audiochat COMMAND --help"), (["jobs"], "audiochat jobs COMMAND --help")]
)
def test_a_list_of_commands_says_where_their_options_are(cli: CommandLine, command: list[str], line: str) -> None:
    """At its end; the help of a command that has none beneath it does not."""
    assert line in cli(*command, "--help").out.decode()
    assert "COMMAND --help" not in cli("speak", "--help").out.decode()


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        (["sessions", "show"], "audiochat sessions show [OPTIONS] NAME"),
        (["sessions", "remove"], "audiochat sessions remove [OPTIONS] NAME..."),
        (["jobs", "remove"], "audiochat jobs remove [OPTIONS] NAME..."),
        (["analyze"], "audiochat analyze [OPTIONS] [AUDIO] [PROMPT]..."),
        (["transcribe"], "audiochat transcribe [OPTIONS] [AUDIO]..."),
        (["voices", "list"], "audiochat voices list [OPTIONS] [NAME|LANGUAGE]..."),
    ],
)
def test_the_usage_line_is_written_as_manuals_write_it(cli: CommandLine, command: list[str], usage: str) -> None:
    """No braces, and the dots once."""
    assert cli(*command, "--help").out.decode().splitlines()[0] == f"Usage: {usage}"
