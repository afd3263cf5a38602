"""The help of a command: one page of data, shown on a terminal, and made into manual pages and the reference."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

OTHER = "Other"
"""The panel of options that have none of their own."""

_SHARED_PANELS = ("Answer", "Model", "Recording", "Output", "Network", OTHER)
"""Panels that several commands have, in their order; a command's own come before them."""


_NARROWEST, _WIDEST = 50, 110
_COLUMN = 26
"""The most characters of an option and its value that have its text beside them."""


_ELSEWHERE = {"rm": "remove", "delete": "remove", "del": "remove", "ls": "list", "cat": "show", "download": "get"}
"""What other tools call their commands, and what they are called here."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An argument, an option or a command, and what it does."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """Commands that belong together, under a heading."""

    heading: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HelpPage:
    """All that there is to say about a command."""

    usage: str
    text: str
    panels: dict[str, list[Entry]] = field(default_factory=dict)
    """Arguments, commands and options by their heading, in the order in which they are shown."""
    examples: tuple[str, ...] = ()
    more: str = ""
    """The command that shows the options of the commands that are listed; empty where none are."""
    manual: str = ""
    """The name of its manual page."""


def page_of(command: Any, context: Any) -> HelpPage:
    """The help page of a command.

    Args:
        command: A command of Typer's.
        context: Its context.
    """
    panels: dict[str, list[Entry]] = {}
    if isinstance(command, HelpGroup):
        summaries = dict(command.summaries(context))
        for section in command.sections():
            entries = [Entry(name, summaries[name]) for name in section.commands if name in summaries]
            panels.update({section.heading: entries} if entries else {})
    own, shared = _parameters(command, context)
    panels |= own | {heading: shared[heading] for heading in _SHARED_PANELS if heading in shared}
    pieces = [_plain(piece) for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    words = [context.command_path, "[OPTIONS]", *pieces]
    return HelpPage(
        usage=" ".join(words),
        text=_spaced(command.help or ""),
        panels=panels,
        more=f"{context.command_path} COMMAND --help" if isinstance(command, HelpGroup) else "",
        examples=tuple(line for line in (command.epilog or "").splitlines() if line.strip()),
        manual=context.command_path.replace(" ", "-"),
    )


def _parameters(command: Any, context: Any) -> tuple[dict[str, list[Entry]], dict[str, list[Entry]]]:
    """The panels that are the command's own, arguments first, and those that others have too."""
    own: dict[str, list[Entry]] = {}
    shared: dict[str, list[Entry]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None:
            continue
        if parameter.param_type_name == "argument":
            own.setdefault("Arguments", []).append(Entry(parameter.metavar or record[0], _spaced(parameter.help or "")))
            continue
        heading = getattr(parameter, "rich_help_panel", None) or OTHER
        panels = shared if heading in _SHARED_PANELS else own
        panels.setdefault(heading, []).append(Entry(_option(parameter), _spaced(parameter.help or record[1])))
    return own, shared


def _option(parameter: Any) -> str:
    """An option as it is written: `-o, --output PATH`."""
    names = ", ".join(sorted(parameter.opts, key=len))
    if parameter.secondary_opts:
        names = " / ".join([names, *parameter.secondary_opts])
    if parameter.is_flag or parameter.count:
        return names
    return f"{names} {parameter.metavar or 'VALUE'}"


def _plain(piece: str) -> str:
    """An argument as manuals write it: Typer puts braces around one that has to be given, and dots twice."""
    return piece.strip("{}").replace("}", "").replace("......", "...")


def _spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def render(page: HelpPage, *, width: int, colour: bool) -> str:
    """A help page as text.

    Args:
        page: What to say.
        width: Characters of a line.
        colour: Whether headings and names are coloured.
    """
    strong, name, quiet = ("\x1b[1m", "\x1b[36m", "\x1b[2m") if colour else ("", "", "")
    end = "\x1b[0m" if colour else ""
    lines = [f"{strong}Usage:{end} {page.usage}", "", *textwrap.wrap(page.text, width, **_INDENTED)]
    names = [len(entry.name) for entries in page.panels.values() for entry in entries]
    column = max([length for length in names if length <= min(_COLUMN, width // 3)], default=0)
    for heading, entries in page.panels.items():
        lines += ["", f"{strong}{heading}{end}"]
        for entry in entries:
            lines += _entry(entry, width, column, name, end)
    if page.examples:
        lines += ["", f"{strong}Examples{end}", *(f"  {example}" for example in page.examples)]
    if page.more:
        lines += ["", f"{quiet}All options of a command: {page.more}{end}"]
    if (Path(sys.prefix) / "share" / "man" / "man1" / f"{page.manual}.1").is_file():
        lines += ["", f"{quiet}The manual: man {page.manual}{end}"]
    return "\n".join(lines)


_INDENTED: dict[str, Any] = {"initial_indent": "  ", "subsequent_indent": "  "}


def _entry(entry: Entry, width: int, column: int, name: str, end: str) -> list[str]:
    text = textwrap.wrap(entry.text, max(width - column - 4, 20), break_on_hyphens=False) or [""]
    first = f"  {name}{entry.name}{end}"
    if len(entry.name) > column:
        return [first, *(" " * (column + 4) + line for line in text)]
    padding = " " * (column - len(entry.name) + 2)
    return [f"{first}{padding}{text[0]}", *(" " * (column + 4) + line for line in text[1:])]


def _shown(page: HelpPage) -> str:
    """A help page as this terminal shows it: as wide as it is, in colour where it has any."""
    from audiochat.cli.style import has_colours

    terminal = sys.stdout is not None and sys.stdout.isatty()
    columns = shutil.get_terminal_size().columns if terminal or "COLUMNS" in os.environ else 80
    return render(page, width=min(max(columns - 1, _NARROWEST), _WIDEST), colour=terminal and has_colours())


_ONE_DASH = re.compile(r"[-\u2010-\u2015\u2212][a-z][a-z-]+")
"""A long option behind one dash, or behind the dash that word processors make of two."""


class HelpCommand(TyperCommand):
    """A command whose help is a `HelpPage`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; see `TyperCommand`. One dash before a long option would be `-o utput`, and cost."""
        options = {name for param in self.params for name in param.opts}
        for argument in args[: args.index("--")] if "--" in args else args:
            name = argument.partition("=")[0]
            meant = f"--{name[1:]}"
            if _ONE_DASH.fullmatch(name) and meant in options:
                ctx.fail(f"{name} has one dash; the option is {meant}.")
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page; see `TyperCommand`."""
        formatter.write(_shown(page_of(self, ctx)) + "\n")


class HelpGroup(TyperGroup):
    """A group of commands whose help is a `HelpPage`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; see `TyperGroup`. None at all asks for help."""
        return super().parse_args(ctx, args or ["--help"])

    def summaries(self, context: Any) -> list[tuple[str, str]]:
        """The commands, and a line about each."""
        commands = [(name, self.get_command(context, name)) for name in self.list_commands(context)]
        return [(name, _spaced(command.help or "")) for name, command in commands if command and not command.hidden]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; see `TyperGroup`. What other tools call it is answered with what it is called here."""
        meant = _ELSEWHERE.get(args[0])
        if meant in self.list_commands(ctx) and args[0] not in self.list_commands(ctx):
            ctx.fail(f"There is no command {args[0]!r}; it is called {ctx.command_path} {meant}.")
        return super().resolve_command(ctx, args)

    def sections(self) -> tuple[Section, ...]:
        """The headings that they are listed under."""
        return (Section("Commands", tuple(self.commands)),)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page; see `TyperGroup`."""
        formatter.write(_shown(page_of(self, ctx)) + "\n")
