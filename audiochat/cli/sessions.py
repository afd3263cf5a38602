"""`audiochat sessions`: what was said, to look at, take along and throw away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from audiochat.cli.envelope import success
from audiochat.cli.options import option
from audiochat.cli.sanitize import escape_json
from audiochat.cli.terminal import Terminal

if TYPE_CHECKING:
    from audiochat.chat.sessions import Session

sessions = typer.Typer(
    help="Show, export and remove kept conversations.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

EXAMPLES = """\
audiochat sessions list
audiochat sessions show evening
audiochat sessions export evening > evening.md
audiochat sessions remove evening 1 2
"""

_BEGINNING = 60
"""Characters of how a conversation began."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="The session's name.", show_default=False)]
AsJson = Annotated[bool, option("Output", "--json", text="Print one JSON object on stdout.")]


@sessions.command("list")
def list_(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the kept conversations, the latest first: name, turns, when, how it began."""
    from audiochat.chat.export import local_time
    from audiochat.chat.sessions import SessionStore
    from audiochat.errors import FileError

    store, screen = SessionStore(), _screen(context, as_json=as_json)
    names = store.names()
    rows = []
    for name in names:
        try:
            rows.append(_row(store.load(name)))
        except FileError as error:
            screen.error(error)
    if as_json:
        screen.envelope(success("sessions list", sessions=rows))
        return
    cells = [(row["name"], str(row["turns"]), local_time(row["latest"]), row["began"][:_BEGINNING]) for row in rows]
    screen.table(
        ("Name", "Turns", "Latest", "Began with"),
        cells,
        empty="No other conversation is kept." if names else "No conversations are kept yet.",
    )


def _row(session: Session) -> dict[str, Any]:
    turns = session.turns
    return {
        "name": session.name,
        "turns": len(turns),
        "created_at": session.created_at,
        "latest": turns[-1].answered_at if turns else session.created_at,
        "began": " ".join((turns[0].asked.text or "[recording]").split()) if turns else "",
        "folder": str(session.folder),
    }


@sessions.command()
def show(context: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Show what was said."""
    from audiochat.chat.export import as_markdown
    from audiochat.chat.sessions import SessionStore

    screen, session = _screen(context, as_json=as_json), SessionStore().load(name)
    if as_json:
        screen.envelope(success("sessions show", session=name, conversation=_page(session)))
    else:
        screen.markdown(as_markdown(session))


@sessions.command()
def export(
    context: typer.Context,
    name: Name,
    *,
    format_: Annotated[
        Literal["markdown", "json"],
        option("Output", "-f", "--format", metavar="FORMAT", text="markdown or json. [default: markdown]"),
    ] = "markdown",
    as_json: Annotated[
        bool, option("Output", "--json", text="Print one JSON object on stdout, with what would be printed in it.")
    ] = False,
) -> None:
    """Print a conversation as Markdown or JSON, for a file or another program."""
    from audiochat.chat.export import as_markdown
    from audiochat.chat.sessions import SessionStore

    screen, session = _screen(context, as_json=as_json), SessionStore().load(name)
    text = as_markdown(session) if format_ == "markdown" else _json(session)
    if as_json:
        screen.envelope(success("sessions export", session=name, format=format_, text=text))
    else:
        screen.transcript(text)


@sessions.command()
def remove(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="The sessions' names.", show_default=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Remove conversations and their sound."""
    from audiochat.chat.sessions import SessionStore

    screen, store = _screen(context, as_json=as_json), SessionStore()
    names = list(dict.fromkeys(names))
    for name in names:
        store.check(name)
    for name in names:
        store.remove(name)
    if as_json:
        screen.envelope(success("sessions remove", removed=names))


def _screen(context: typer.Context, *, as_json: bool) -> Terminal:
    screen: Terminal = context.obj
    screen.configure(as_json=as_json)
    return screen


def _page(session: Session) -> dict[str, Any]:
    from audiochat.chat.sessions import as_page

    return {**as_page(session), "folder": str(session.folder)}


def _json(session: Session) -> str:
    return escape_json(json.dumps(_page(session), ensure_ascii=False, indent=2))
