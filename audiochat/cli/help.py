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
            raise UsageError(f"There is no command {word!r}.", hint=f"See '{here.command_path} --help'.")
        here = type(here)(found, info_name=word, parent=here)
    screen.write(here.get_help().encode(errors="replace") + b"\n")
