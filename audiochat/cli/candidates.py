"""What the word at the cursor of a command line can become, for the shells' scripts in `completion`.

A script sets `_AUDIOCHAT_COMPLETE` to the shell's name and `_AUDIOCHAT_LINE` to the line up to the cursor, and runs
audiochat, which prints a line for each candidate: its kind, the value and a description, with tabs between them.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SHELL = "_AUDIOCHAT_COMPLETE"
"""The environment variable that asks for candidates: the shell's name, or what Typer's own scripts say."""
_LINE = "_AUDIOCHAT_LINE"

_FILES = ("AUDIO", "BOOK", "DIR", "FILE", "PATH")
"""What options and arguments that name files call their value."""
_TEXTS = ("PROMPT", "TEXT")
"""What those call it that take a text, or @FILE."""
_RECENT = 20
"""Sessions that are looked at for models: a Tab should not wait for hundreds of files."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that the word at the cursor can become.

    A value stands for itself; a file stands for any file that the shell finds, behind what `value` holds (`@`, say).
    """

    kind: Literal["value", "file"]
    value: str
    text: str = ""


def answer(environ: Mapping[str, str]) -> str:
    """The candidates as the shell's script reads them.

    Args:
        environ: The environment, which says where the cursor is.
    """
    shell = environ[SHELL].removeprefix("complete_")
    line = environ.get(_LINE, environ.get("COMP_WORDS", ""))
    words, incomplete = _split(line)
    found = candidates(words[1:], incomplete)
    if shell == "bash":
        found = [_after_word_break(candidate, incomplete) for candidate in found]
    return "".join(f"{candidate.kind}\t{candidate.value}\t{' '.join(candidate.text.split())}\n" for candidate in found)


def candidates(words: list[str], incomplete: str) -> list[Candidate]:
    """The candidates for the last word of a command line.

    Args:
        words: Those behind `audiochat` that are complete.
        incomplete: The one at the cursor.
    """
    path, command, rest = _command(words)
    options = {name: parameter for parameter in _options(command) for name in parameter.opts}
    if rest and (option := options.get(rest[-1])) is not None and _takes_value(option):
        return _values(path, option, incomplete)
    name, equals, value = incomplete.partition("=")
    if equals and name in options:
        return [
            Candidate(candidate.kind, f"{name}={candidate.value}", candidate.text)
            for candidate in _values(path, options[name], value)
        ]
    if incomplete.startswith("-"):
        return _starting(incomplete, ((name, _first_sentence(options[name].help or "")) for name in options))
    if hasattr(command, "summaries"):
        return _starting(incomplete, command.summaries(None))
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    if not arguments:
        return []
    given = sum(1 for word in _positional(rest, options))
    return _values(path, arguments[min(given, len(arguments) - 1)], incomplete)


def _command(words: list[str]) -> tuple[tuple[str, ...], Any, list[str]]:
    """The command that is being typed, by its names, and the words behind them."""
    from typer.main import get_command

    from audiochat.cli.app import app

    path: list[str] = []
    command: Any = get_command(app)
    for number, word in enumerate(words):
        if not hasattr(command, "summaries"):
            return tuple(path), command, words[number:]
        if word.startswith("-"):
            continue
        try:
            command = command.commands[word]
        except KeyError:
            break
        path.append(word)
    return tuple(path), command, []


def _options(command: Any) -> list[Any]:
    return [parameter for parameter in command.params if parameter.param_type_name == "option" and not parameter.hidden]


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].partition(" [")[0].rstrip(".")


def _takes_value(option: Any) -> bool:
    return not (option.is_flag or option.count)


def _positional(words: list[str], options: dict[str, Any]) -> Iterable[str]:
    value = False
    for word in words:
        if value:
            value = False
        elif word.startswith("-") and word != "-":
            value = word in options and _takes_value(options[word])
        else:
            yield word


def _values(path: tuple[str, ...], parameter: Any, incomplete: str) -> list[Candidate]:
    """The values of an option or an argument."""
    if get_origin(parameter.type_descriptor.annotation) is Literal:
        return _starting(incomplete, ((choice, "") for choice in get_args(parameter.type_descriptor.annotation)))
    name = max(parameter.opts, key=len)
    known = _OF_OPTION.get(name) if name.startswith("-") else _OF_ARGUMENT.get(path[:1])
    if known is not None:
        return _starting(incomplete, known(path))
    if parameter.metavar in _FILES or "PATH" in (parameter.metavar or ""):
        return [Candidate("file", "")]
    if parameter.metavar in _TEXTS and incomplete.startswith("@"):
        return [Candidate("file", "@")]
    return []


def _starting(incomplete: str, known: Iterable[tuple[str, str]]) -> list[Candidate]:
    return [Candidate("value", value, text) for value, text in known if value.startswith(incomplete)]


def _providers(_: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    return (
        ("azure", "Azure OpenAI"),
        ("openai", "OpenAI, or a server that speaks its API"),
        ("local", "the embedded engine"),
    )


def _formats(path: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    from audiochat.audio import formats

    if path[:1] == ("transcribe",):
        return ((name, "") for name in ("txt", "srt", "vtt", "tsv", "json", "all"))
    return ((name, "") for name in (formats.BOOK_FORMATS if path[:1] == ("narrate",) else formats.ANSWER_FORMATS))


def _voices(_: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    from audiochat.chat.voices import known_names

    return ((name, "") for name in known_names())


def _jobs(_: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    from audiochat.jobs.store import JobStore

    return ((name, "") for name in JobStore().names())


def _checks(_: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    return (("words", "what was answered"), ("ear", "what is heard"), ("none", ""))


def _models(_: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    """The model that is configured, the default ones, and those that answered in the latest conversations."""
    from audiochat import config
    from audiochat.chat.sessions import SessionStore
    from audiochat.errors import AudiochatError

    found: list[str | None] = []
    with suppress(AudiochatError):  # 'doctor' says what is wrong with the settings
        found.append(config.load(config.Flags()).model)
    found += [config.AZURE_DEPLOYMENT, config.OPENAI_MODEL]
    store = SessionStore()
    for name in store.names()[:_RECENT]:
        with suppress(AudiochatError):  # 'sessions list' says what is wrong with it
            found += [turn.reply.model for turn in store.load(name).turns]
    return ((name, "") for name in dict.fromkeys(found) if name)


def _sessions(_: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    from audiochat.chat.sessions import SessionStore

    return ((name, "") for name in SessionStore().names())


def _commands(_: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    from audiochat.cli.app import SUMMARIES

    return SUMMARIES.items()


def _shells(_: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    from audiochat.cli.completion import SCRIPTS

    return ((name, "") for name in SCRIPTS)


_OF_OPTION: dict[str, Callable[[tuple[str, ...]], Iterable[tuple[str, str]]]] = {
    "--provider": _providers,
    "--format": _formats,
    "--voice": _voices,
    "--model": _models,
    "--session": _sessions,
    "--check": _checks,
}
_OF_ARGUMENT: dict[tuple[str, ...], Callable[[tuple[str, ...]], Iterable[tuple[str, str]]]] = {
    ("sessions",): _sessions,
    ("jobs",): _jobs,
    ("voices",): _voices,
    ("help",): _commands,
    ("completion",): _shells,
}


def _split(line: str) -> tuple[list[str], str]:
    """The complete words of a line, and the one at the cursor, which may have an open quote."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:  # no closing quote, or nothing behind a backslash
        words.append(lexer.token)
        return words[:-1], words[-1]
    if not line or line[-1].isspace():
        return words, ""
    return words[:-1], words[-1]


def _after_word_break(candidate: Candidate, incomplete: str) -> Candidate:
    """A candidate as bash wants it, which splits words also at `=` and `:`, and completes the last part."""
    start = max(incomplete.rfind(character) for character in "=:") + 1
    return Candidate(candidate.kind, candidate.value[start:], candidate.text)
