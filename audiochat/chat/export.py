"""A conversation in a form to take along."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from audiochat.spool import FileBytes

if TYPE_CHECKING:
    from audiochat.chat.conversation import AnsweredTurn
    from audiochat.chat.sessions import Session


def as_markdown(session: Session, *, folder: str | None = None) -> str:
    """A conversation as Markdown, with links to the sound of its answers.

    Args:
        session: The conversation.
        folder: Where the links lead, to `turn-N.wav`; by default to the files that the session has. Empty: beside the
            Markdown file.
    """
    parts = [f"# {session.name}", f"_{local_time(session.created_at)}_"]
    if session.system:
        parts.append(f"**System:** {session.system}")
    for number, turn in enumerate(session.turns, 1):
        reply = turn.reply
        parts += [f"## Turn {number}", f"**You:** {asked(turn)}", f"**{reply.model or 'Model'}:** {reply.transcript}"]
        if reply.audio is not None and isinstance(reply.audio.data, FileBytes):
            name = f"turn-{number}.wav"
            link = str(reply.audio.data.path) if folder is None else f"{folder}/{name}".lstrip("/")
            parts.append(f"[{name}]({link})")
    return "\n\n".join(parts) + "\n"


def asked(turn: AnsweredTurn) -> str:
    """What the user said in a turn, on one line; recordings by their names."""
    attached = [f"[{recording.name or 'recording'}]" for recording in turn.asked.recordings]
    return " ".join([*attached, *([turn.asked.text] if turn.asked.text else [])])


def local_time(seconds: int) -> str:
    """A moment as people here write it.

    Args:
        seconds: Since 1970.
    """
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
