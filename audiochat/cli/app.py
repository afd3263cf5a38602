"""The wiring: which commands there are. Each is imported when it is asked for, so that `--help` needs none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from audiochat import __version__

SUMMARIES = {
    "speak": "Ask in text (or aloud, with -r); get a spoken answer.",
    "analyze": "Ask about a recording; get the answer in text and speech.",
    "converse": "Talk in several turns; every conversation is kept.",
    "serve": "Serve the local engine to any client of OpenAI or Azure OpenAI.",
    "playground": "Record, attach, type and listen in a browser.",
    "doctor": "Find out what works, and what to do about what does not.",
    "sessions": "Show, export and remove kept conversations.",
}
"""The commands, each in the module of its name, and what the list of them says."""


class _OnDemand(Mapping[str, Any]):
    """The commands by their names, made when they are looked at."""

    def __getitem__(self, name: str) -> Any:
        if name not in SUMMARIES:
            raise KeyError(name)
        found = getattr(import_module(f"audiochat.cli.{name}"), name)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command(name)(found)
            found = alone
        return get_command(found)

    def __iter__(self) -> Iterator[str]:
        return iter(SUMMARIES)

    def __len__(self) -> int:
        return len(SUMMARIES)


class _Commands(TyperGroup):
    """The group of all commands, which can be listed without being made."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _OnDemand()  # type: ignore[assignment] # nobody adds to it

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as it is called
        return list(SUMMARIES)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as it is called
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


app = typer.Typer(
    name="audiochat",
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
