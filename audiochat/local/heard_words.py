"""Remember what was heard in a recording, so that a second question about it does not listen again."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from audiochat import storage
from audiochat.local.audio_ids import forget_expired
from audiochat.local.stt import Heard

if TYPE_CHECKING:
    from pathlib import Path


class HeardWords:
    """What was heard, by the hash of the recording, in small private files; for as long as audio ids live.

    Args:
        folder: Where audio ids are kept; a file's name tells the two apart.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, audio: bytes, recognizer: str, heard: Heard) -> None:
        """Remember what was heard; where the cache cannot be written, it is heard again the next time.

        Args:
            audio: The recording, a file of any format.
            recognizer: Which one heard it: another hears other words.
            heard: What it heard; the times of words and segments are not kept.
        """
        kept = {name: value for name, value in asdict(heard).items() if name not in ("segments", "words")}
        with contextlib.suppress(OSError):
            storage.make_folder(self._folder)
            forget_expired(self._folder)
            storage.write_atomically(self._path(audio, recognizer), [json.dumps(kept).encode()])

    def recall(self, audio: bytes, recognizer: str) -> Heard | None:
        """What was heard in a recording; None where that is not known any more."""
        with contextlib.suppress(OSError):
            forget_expired(self._folder)
        try:
            return Heard(**json.loads(self._path(audio, recognizer).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _path(self, audio: bytes, recognizer: str) -> Path:
        digest = hashlib.sha256(recognizer.encode() + b"\0" + audio).hexdigest()
        return self._folder / f"heard_{digest}.json"
