"""The wiring: which commands there are."""

from __future__ import annotations

from typing import Annotated

import typer

from audiochat import __version__
from audiochat.cli.analyze import analyze
from audiochat.cli.converse import converse
from audiochat.cli.doctor import doctor
from audiochat.cli.sessions import app as sessions
from audiochat.cli.speak import speak

app = typer.Typer(
    name="audiochat",
    help="Audio chat completions: text and speech in, text and speech out.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("speak")(speak)
app.command("analyze")(analyze)
app.command("converse")(converse)
app.command("doctor")(doctor)
app.add_typer(sessions, name="sessions")


def _version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if wanted:
        typer.echo(f"audiochat {__version__}")
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Audio chat completions: text and speech in, text and speech out."""
