"""Sessions as the page shows them: a list to search, the turns of one, its sound, and the whole to take along."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from audiochat.audio import codec, formats, wav
from audiochat.chat.export import as_markdown
from audiochat.chat.sessions import as_page
from audiochat.errors import AudiochatError, FileError, UsageError
from audiochat.spool import FileBytes, iter_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiochat.chat.conversation import AnsweredTurn
    from audiochat.chat.sessions import Session, SessionStore
    from audiochat.spool import Data

_LISTED = 500
"""Sessions that are looked at for the list, the latest first."""

_BEGAN = 120
"""Characters of a session's first words."""

MEDIA_TYPES = {name: formats.named(name).mime for name in ("wav", "mp3", "flac", "opus")}
"""The formats in which an answer can be downloaded."""


def list_sessions(store: SessionStore, query: str) -> list[dict[str, Any]]:
    """The kept conversations, the latest first, that say something; a damaged one is listed as such.

    Args:
        store: Where they are.
        query: Words that all have to be in it, in whatever case.
    """
    words = query.casefold().split()
    listed = []
    for name in store.names()[:_LISTED]:
        try:
            session = store.load(name)
        except AudiochatError:
            if not words or all(word in name.casefold() for word in words):
                listed.append({"name": name, "turns": 0, "began": "", "latest": None, "damaged": True})
            continue
        if words and not all(word in _everything(session) for word in words):
            continue
        first = session.turns[0].asked if session.turns else None
        began = "" if first is None else first.text or session.turns[0].reply.transcript
        latest = session.turns[-1].answered_at if session.turns else session.created_at
        short = " ".join(began.split())[:_BEGAN]
        listed.append({"name": name, "turns": len(session.turns), "began": short, "latest": latest, "damaged": False})
    return listed


def _everything(session: Session) -> str:
    said = (f"{turn.asked.text or ''}\n{turn.reply.transcript}" for turn in session.turns)
    return "\n".join([session.name, *said]).casefold()


def session_json(session: Session) -> dict[str, Any]:
    """A session with its turns."""
    turns = [turn_json(session.name, number, turn) for number, turn in enumerate(session.turns, 1)]
    return {"name": session.name, "system": session.system, "created_at": session.created_at, "turns": turns}


def turn_json(name: str, number: int, turn: AnsweredTurn) -> dict[str, Any]:
    """A turn of a session; sound by its address.

    Args:
        name: The session's.
        number: The turn's, from 1.
        turn: The turn.
    """
    base = f"/page/sessions/{quote(name)}/turns/{number}"
    reply = turn.reply
    sound = None if reply.audio is None else wav.read(reply.audio.data)
    recordings = [
        {"name": one.name or "recording", "sound": f"{base}/recordings/{index}"}
        for index, one in enumerate(turn.asked.recordings, 1)
    ]
    return {
        "number": number,
        "text": turn.asked.text,
        "recordings": recordings,
        "transcript": reply.transcript,
        "sound": None if sound is None else f"{base}/answer",
        "seconds": None if sound is None else round(sound.seconds, 3),
        "model": reply.model,
        "usage": asdict(reply.usage),
        "finish_reason": reply.finish_reason,
        "answered_at": turn.answered_at,
    }


def find_turn(session: Session, number: int) -> AnsweredTurn:
    """A turn by its number.

    Raises:
        UsageError: there is none.
    """
    if not 1 <= number <= len(session.turns):
        raise UsageError(f"The session {session.name} has no turn {number}.", hint="Reload the page.")
    return session.turns[number - 1]


def answer_sound(session: Session, number: int, format_: str) -> Data:
    """The spoken answer of a turn.

    Args:
        session: The conversation.
        number: The turn's, from 1.
        format_: One of `MEDIA_TYPES`.

    Raises:
        UsageError: there is no such turn, it has no sound, or there is no such format.
        FileError: its file is gone, or is no sound any more.
    """
    audio = find_turn(session, number).reply.audio
    if audio is None:
        raise UsageError(f"Turn {number} was answered in text alone.", hint="Copy its words.")
    if format_ not in MEDIA_TYPES:
        raise UsageError(f"There is no format {format_[:20]!r}.", hint=f"Choose {', '.join(MEDIA_TYPES)}.")
    return audio.data if format_ == "wav" else codec.transcode(audio.data, format_, name="the answer")


def export(session: Session, format_: str) -> tuple[bytes, str, str]:
    """A conversation to take along: its content, media type and suffix.

    Args:
        session: The conversation.
        format_: `markdown`, `json`, or `zip`: both of them, and the sound.

    Raises:
        UsageError: there is no such format.
        FileError: a sound of it is gone.
    """
    if format_ == "markdown":
        return as_markdown(session).encode(), "text/markdown; charset=utf-8", "md"
    if format_ == "json":
        return _page(session), "application/json", "json"
    if format_ == "zip":
        return _archive(session), "application/zip", "zip"
    raise UsageError(f"There is no format {format_[:20]!r}.", hint="Choose markdown, json or zip.")


def _page(session: Session) -> bytes:
    return json.dumps(as_page(session), ensure_ascii=False, indent=2).encode()


def _archive(session: Session) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{session.name}/conversation.md", as_markdown(session, folder=""))
        archive.writestr(f"{session.name}/session.json", _page(session))
        for data in _sounds(session):
            with archive.open(f"{session.name}/{data.path.name}", "w") as file:
                for block in iter_blocks(data):
                    file.write(block)
    return packed.getvalue()


def _sounds(session: Session) -> Iterator[FileBytes]:
    for turn in session.turns:
        sounds = [one.data for one in turn.asked.recordings]
        sounds += [turn.reply.audio.data] if turn.reply.audio else []
        for data in sounds:
            if not isinstance(data, FileBytes):
                raise FileError("A sound of the session is in no file.", hint="Load the session again.")
            yield data
