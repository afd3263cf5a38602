"""The wiring: which commands there are. Each is imported when it is asked for, so that `--help` needs none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.main import get_command

from audiochat import __version__
from audiochat.cli.help_page import HelpCommand, HelpGroup, Section

SUMMARIES = {
    "speak": "Ask in text (or aloud, with -r); get a spoken answer.",
    "analyze": "Ask about a recording; get the answer in text and speech.",
    "converse": "Talk in several turns; conversations are kept, to go on with.",
    "sessions": "Show, export and remove kept conversations.",
    "transcribe": "Write down what is said in recordings of any length.",
    "jobs": "List, show and remove jobs: the work of transcribe and narrate.",
    "voices": "List and hear the voices for -v; fetch the engine's.",
    "serve": "Serve the local engine to any OpenAI or Azure OpenAI client.",
    "playground": "Record, attach, type and listen in a browser.",
    "narrate": "Turn a book into an audiobook: text, Markdown or EPUB.",
    "doctor": "Check the setup; say what does not work, and how to fix it.",
    "completion": "Set up Tab completion in your shell.",
    "help": "Show the help of a command.",
    "version": "Show the version.",
}
"""The commands, each in the module of its name, and what the list of them says."""

SECTIONS = (
    Section("Talk", ("speak", "analyze", "converse", "sessions")),
    Section("Long work", ("transcribe", "narrate", "jobs")),
    Section("Servers", ("serve", "playground")),
    Section("Set up", ("doctor", "voices", "completion", "help", "version")),
)
"""The list of commands, as it is shown."""

EXAMPLES = """\
audiochat speak "Is a golden retriever a good family dog?" -o dog.wav
audiochat analyze dog.wav "Which breed is it about?"
audiochat converse
"""

_ALIASES = {"--show-completion": ["completion"], "--install-completion": ["completion", "--install"]}
"""What programs made with Typer answer to."""


class _OnDemand(Mapping[str, Any]):
    """The commands by their names, made when they are looked at."""

    def __getitem__(self, name: str) -> Any:
        if name not in SUMMARIES:
            raise KeyError(name)
        module = import_module(f"audiochat.cli.{name}")
        found = getattr(module, name)
        examples = getattr(module, "EXAMPLES", None)
        if isinstance(found, typer.Typer):
            found.info.cls, found.info.epilog = HelpGroup, examples
            for command in found.registered_commands:
                command.cls = HelpCommand
            return get_command(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name, cls=HelpCommand, epilog=examples)(found)
        return get_command(alone)

    def __iter__(self) -> Iterator[str]:
        return iter(SUMMARIES)

    def __len__(self) -> int:
        return len(SUMMARIES)


class _Commands(HelpGroup):
    """The group of all commands, which can be listed without being made."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _OnDemand()  # type: ignore[assignment] # nobody adds to it

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as it is called
        return list(SUMMARIES)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [*_ALIASES.get(args[0], args[:1]), *args[1:]] if args else args)

    def summaries(self, context: Any) -> list[tuple[str, str]]:  # noqa: ARG002 - as it is called
        return list(SUMMARIES.items())

    def sections(self) -> tuple[Section, ...]:
        return SECTIONS


app = typer.Typer(
    name="audiochat",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=EXAMPLES,
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
        bool, typer.Option("-V", "--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Audio chat completions: text and speech in, text and speech out."""
