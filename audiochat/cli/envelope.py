"""The one JSON object of `--json`, for an answer and for an error."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from audiochat.cli.hints import for_command_line

if TYPE_CHECKING:
    from audiochat.chat.reply import Reply
    from audiochat.cli.destination import SavedAudio
    from audiochat.errors import AudiochatError
    from audiochat.transport.connection import Connection

VERSION = 1


def answer(
    command: str, reply: Reply, saved: SavedAudio | None, *, connection: Connection, elapsed: float
) -> dict[str, Any]:
    """The envelope of an answer.

    Args:
        command: What was typed.
        reply: The answer.
        saved: Where its sound went; None without sound.
        connection: Who answered.
        elapsed: Seconds from the question to the end of the answer.
    """
    audio = None
    if saved is not None:
        audio = {
            "path": str(saved.path),
            "format": saved.format,
            "seconds": None if saved.seconds is None else round(saved.seconds, 3),
            "bytes": saved.size,
            "id": saved.id,
            "expires_at": saved.expires_at,
        }
    return {
        "version": VERSION,
        "command": command,
        "status": "ok",
        "provider": connection.provider,
        "model": reply.model or connection.model,
        "transcript": reply.transcript,
        "audio": audio,
        "usage": asdict(reply.usage),
        "finish_reason": reply.finish_reason,
        "request_id": reply.request_id,
        "elapsed": round(elapsed, 3),
    }


def success(command: str, **fields: Any) -> dict[str, Any]:
    """The envelope of what no service answered: of a list, of what was removed."""
    return {"version": VERSION, "command": command, "status": "ok", **fields}


def failure(command: str | None, error: AudiochatError) -> dict[str, Any]:
    """The envelope of an error, with the words of an answer that it spoiled: they are paid for."""
    told = {
        "code": error.code,
        "exit_code": error.exit_code,
        "message": error.message,
        "hint": for_command_line(error),
        "request_id": error.request_id,
    }
    words = {"transcript": error.transcript} if error.transcript else {}
    return {"version": VERSION, "command": command, "status": "error", **words, "error": {**told, **words}}
