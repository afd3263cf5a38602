"""Wrong usage: what Typer says about it, and what to type instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from audiochat.errors import UsageError

if TYPE_CHECKING:
    import typer

TYPERS_REFUSAL = 1
"""How Typer itself ends: it has said why, a shell that it knows no completions for."""

_SHORT = 100
"""Characters of a command line that is worth telling as a whole."""
_NOT_REPEATED = "--api-key"
"""The option whose value is never repeated."""


def usage_error(exc: typer.TyperException, arguments: list[str]) -> UsageError:
    """The error of a command line that Typer cannot parse, with a hint at the command's own help.

    Args:
        exc: What Typer raised.
        arguments: The command line.
    """
    message = _message(exc)
    context: Any = getattr(exc, "ctx", None)
    path = context.command_path if context is not None else " ".join(["audiochat", *command_of(arguments)])
    help_of = f"See '{path} --help'."
    behind = _behind_the_command(exc, context, arguments)
    if behind is not None:
        return UsageError(message, hint=f"An option goes behind the command: {behind}. {help_of}")
    file = next(
        (argument for argument in arguments if getattr(exc, "option_name", None) and _is_file_with_a_dash(argument)),
        None,
    )
    if file is not None:
        return UsageError(message, hint=f"A file whose name begins with a dash: ./{file} {help_of}")
    text = _text_with_a_dash(exc, arguments)
    if text is not None:
        return UsageError(message, hint=f"A text that begins with a dash goes behind --: -- '{text}'. {help_of}")
    return UsageError(message, hint=help_of)


def _message(exc: typer.TyperException) -> str:
    """What is wrong; Typer's own words where they are good enough."""
    option = getattr(exc, "option_name", None)
    near = getattr(exc, "possibilities", None)
    if option is None or not isinstance(near, list | tuple | type(None)) or not hasattr(exc, "possibilities"):
        return _plainly(exc.format_message()) or "Nothing was asked."
    return f"There is no option {option}." + (f" Did you mean {' or '.join(near)}?" if near else "")


def _plainly(message: str) -> str:
    """Typer's message without words that only its authors use."""
    message = re.sub(r"Input should be a valid (number|integer), unable to parse .*", r"not a valid \1.", message)
    return re.sub(r"^Got unexpected extra arguments?(?:\(s\))? \((.*)\)$", r"There is no use for: \1", message)


def command_of(arguments: list[str]) -> list[str]:
    """The words of the command that arguments begin with, its group's first: `["sessions", "list"]`; none in doubt."""
    from audiochat.cli.app import SUMMARIES

    name, *rest = [word for word in arguments if not word.startswith("-")] or [""]
    if name not in SUMMARIES:
        return []
    return [name, *rest[:1]] if rest[:1] and rest[0] in subcommands(name) else [name]


def _is_file_with_a_dash(argument: str) -> bool:
    """Whether an argument that looks like options names a file that is there: `-x.wav`."""
    from pathlib import Path

    from audiochat import files

    return argument[:1] == "-" and len(argument) > 1 and files.is_file(Path(argument))


def subcommands(name: str) -> tuple[str, ...]:
    """The commands of a group; none where there is no such group."""
    from audiochat.cli.app import SUMMARIES

    if name not in SUMMARIES:
        return ()
    from importlib import import_module

    group = getattr(import_module(f"audiochat.cli.{name}"), name)
    return tuple(_name(command) for command in getattr(group, "registered_commands", ()))


def _name(command: Any) -> str:
    return str(command.name or command.callback.__name__)


def _behind_the_command(exc: typer.TyperException, context: Any, arguments: list[str]) -> str | None:
    """The command line with its options behind their command; None where that is not what is wrong."""
    group: Any = getattr(context, "command", None)
    option = getattr(exc, "option_name", None)
    if not isinstance(option, str) or not hasattr(group, "list_commands"):
        return None
    own = context.command_path.split()
    before, rest = [], arguments[len(own) - 1 :]
    while rest and hasattr(group, "list_commands"):
        word, *rest = rest
        if word in group.list_commands(context):
            group = group.get_command(context, word)
            own.append(word)
        else:
            before.append(word)
    if hasattr(group, "list_commands") or option not in {name for parameter in group.params for name in parameter.opts}:
        return None
    import shlex

    line = shlex.join([*own, *before, *rest])
    short = len(line) <= _SHORT and not any(word.startswith(_NOT_REPEATED) for word in arguments)
    return line if short else f"{shlex.join([*own, option])} …"


def _text_with_a_dash(exc: typer.TyperException, arguments: list[str]) -> str | None:
    """The argument that was taken for an option, if it looks like a text: `-5 degrees outside`."""
    name = getattr(exc, "option_name", None)
    if not isinstance(name, str):
        return None
    text = next(
        (argument for argument in arguments if argument.startswith(name[:2]) and argument.startswith("-")), None
    )
    if text is not None and (" " in text or text[1:2].isdigit()):
        return text
    return None
