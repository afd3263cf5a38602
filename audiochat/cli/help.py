"""`audiochat help`: the help of a command, as `--help` shows it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from audiochat.cli.terminal import Terminal
from audiochat.errors import UsageError

EXAMPLES = """\
audiochat help speak
audiochat help sessions export
"""


def help(  # noqa: A001 - the command's name
    command: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="The command.", show_default=False)
    ] = None,
    *,
    context: typer.Context,
) -> None:
    """Show the help of a command."""
    screen: Terminal = context.obj
    here: Any = context.parent
    for word in command or []:
        found = here.command.get_command(here, word) if hasattr(here.command, "get_command") else None
        if found is None:
            raise _no_command(word, here)
        here = type(here)(found, info_name=word, parent=here)
    screen.write(here.get_help().encode(errors="replace") + b"\n")


def _no_command(word: str, context: Any) -> UsageError:
    import difflib

    known = context.command.list_commands(context) if hasattr(context.command, "list_commands") else []
    near = difflib.get_close_matches(word, known, n=1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    return UsageError(f"There is no command {word!r}.{meant}", hint=f"See '{context.command_path} --help'.")
