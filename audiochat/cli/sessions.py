"""`audiochat sessions`: what was said, to look at, take along and throw away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from audiochat.cli.sanitize import escape_json
from audiochat.cli.terminal import Terminal

if TYPE_CHECKING:
    from audiochat.chat.sessions import Session

sessions = typer.Typer(
    help="Show, export and remove kept conversations.",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The session's name.", show_default=False)]


@sessions.command("list")
def list_(context: typer.Context) -> None:
    """List the kept conversations, the latest first: name, turns, when, how it began."""
    from audiochat.chat.export import local_time
    from audiochat.chat.sessions import SessionStore
    from audiochat.errors import FileError

    store, screen = SessionStore(), _screen(context)
    for name in store.names():
        try:
            session = store.load(name)
        except FileError as error:
            screen.error(error)
            continue
        began = (session.turns[0].asked.text or "[recording]") if session.turns else ""
        latest = session.turns[-1].answered_at if session.turns else session.created_at
        screen.transcript(f"{name}\t{len(session.turns)}\t{local_time(latest)}\t{' '.join(began.split())[:60]}")


@sessions.command()
def show(context: typer.Context, name: Name) -> None:
    """Show what was said."""
    from audiochat.chat.export import as_markdown
    from audiochat.chat.sessions import SessionStore

    _screen(context).transcript(as_markdown(SessionStore().load(name)))


@sessions.command()
def export(
    context: typer.Context,
    name: Name,
    format_: Annotated[
        Literal["markdown", "json"], typer.Option("-f", "--format", help="markdown or json.")
    ] = "markdown",
) -> None:
    """Print a conversation as Markdown or JSON, for a file or another program."""
    from audiochat.chat.export import as_markdown
    from audiochat.chat.sessions import SessionStore

    session = SessionStore().load(name)
    _screen(context).transcript(as_markdown(session) if format_ == "markdown" else _json(session))


@sessions.command()
def remove(name: Name) -> None:
    """Remove a conversation and its sound."""
    from audiochat.chat.sessions import SessionStore

    SessionStore().remove(name)


def _screen(context: typer.Context) -> Terminal:
    screen: Terminal = context.obj
    return screen


def _json(session: Session) -> str:
    from audiochat.chat.sessions import as_page

    page = {**as_page(session), "folder": str(session.folder)}
    return escape_json(json.dumps(page, ensure_ascii=False, indent=2))
