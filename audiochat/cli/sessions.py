"""`audiochat sessions`: what was said, to look at, take along and throw away."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from audiochat.cli.sanitize import harmless_json
from audiochat.cli.terminal import Streams, Terminal

if TYPE_CHECKING:
    from audiochat.chat.sessions import KeptTurn, Session

sessions = typer.Typer(
    help="Show, export and remove kept conversations.",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The session's name.", show_default=False)]


@sessions.command("list")
def list_() -> None:
    """List the kept conversations, the latest first: name, turns, when, how it began."""
    from audiochat.chat.sessions import Shelf
    from audiochat.errors import FileError

    shelf, screen = Shelf(), _screen()
    for name in shelf.names():
        try:
            session = shelf.load(name)
        except FileError as error:
            screen.error(error)
            continue
        began = (session.turns[0].text or "[recording]") if session.turns else ""
        latest = session.turns[-1].answered_at if session.turns else session.created_at
        screen.transcript(f"{name}\t{len(session.turns)}\t{_when(latest)}\t{' '.join(began.split())[:60]}")


@sessions.command()
def show(name: Name) -> None:
    """Show what was said."""
    from audiochat.chat.sessions import Shelf

    _screen().transcript(_markdown(Shelf().load(name)))


@sessions.command()
def export(
    name: Name,
    format_: Annotated[
        Literal["markdown", "json"], typer.Option("-f", "--format", help="markdown or json.")
    ] = "markdown",
) -> None:
    """Print a conversation as Markdown or JSON, for a file or another program."""
    from audiochat.chat.sessions import Shelf

    session = Shelf().load(name)
    _screen().transcript(_markdown(session) if format_ == "markdown" else _json(session))


@sessions.command()
def remove(name: Name) -> None:
    """Remove a conversation and its sound."""
    from audiochat.chat.sessions import Shelf

    Shelf().remove(name)


def _screen() -> Terminal:
    return Terminal(Streams.of_process())


def _when(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _json(session: Session) -> str:
    page = {
        "version": 1,
        "name": session.name,
        "created_at": session.created_at,
        "system": session.system,
        "folder": str(session.folder),
        "turns": [asdict(turn) for turn in session.turns],
    }
    return harmless_json(json.dumps(page, ensure_ascii=False, indent=2))


def _markdown(session: Session) -> str:
    parts = [f"# {session.name}", f"_{_when(session.created_at)}_"]
    if session.system:
        parts.append(f"**System:** {session.system}")
    for number, turn in enumerate(session.turns, 1):
        parts += [f"## Turn {number}", f"**You:** {_asked(turn)}", f"**{turn.model or 'Model'}:** {turn.transcript}"]
        if turn.audio is not None:
            parts.append(f"[{turn.audio.file}]({session.folder / turn.audio.file})")
    return "\n\n".join(parts) + "\n"


def _asked(turn: KeptTurn) -> str:
    attached = [f"[{kept.name or kept.file}]" for kept in turn.recordings]
    return " ".join([*attached, *([turn.text] if turn.text else [])])
