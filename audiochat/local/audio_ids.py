"""Remember the words of spoken answers by their audio ids, for an hour, as the service does."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import time
from typing import TYPE_CHECKING

from audiochat import storage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIFETIME = 3600
"""Seconds from the answer to its expiry, as the service has it."""

_ID = re.compile(r"audio_[0-9a-f]{32}")


def new_id() -> str:
    """An id in the service's form."""
    return f"audio_{secrets.token_hex(16)}"


class AudioIds:
    """Transcripts by audio id, in small private files that other processes read too."""

    def __init__(self, folder: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder or storage.cache_folder() / "answers"
        self._clock = clock

    def keep(self, transcript: str, *, id_: str | None = None) -> tuple[str, int]:
        """Remember an answer; its id, and when that expires, in seconds since 1970.

        Where the cache cannot be written, it has expired already: the answer itself is worth more.

        Args:
            transcript: Its words.
            id_: Its id where one was given out already, from `new_id`.
        """
        with contextlib.suppress(OSError):
            forget_expired(self.folder, clock=self._clock)
        id_ = id_ or new_id()
        now = int(self._clock())
        try:
            self._write(id_, {"transcript": transcript, "expires_at": now + LIFETIME})
        except OSError:
            return id_, now
        return id_, now + LIFETIME

    def _write(self, id_: str, kept: dict[str, object]) -> None:
        storage.make_folder(self.folder)
        storage.write_atomically(self.folder / f"{id_}.json", [json.dumps(kept).encode()])

    def recall(self, id_: str) -> str | None:
        """The transcript of an answer; None when it is unknown, or has expired."""
        if not _ID.fullmatch(id_):
            return None
        try:
            kept = json.loads((self.folder / f"{id_}.json").read_text(encoding="utf-8"))
            transcript, expires_at = str(kept["transcript"]), float(kept["expires_at"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return transcript if expires_at > self._clock() else None


def forget_expired(folder: Path, *, clock: Callable[[], float] = time.time) -> None:
    """Remove what was kept longer ago than an audio id lives.

    Raises:
        OSError: the folder cannot be read.
    """
    oldest = clock() - LIFETIME
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
