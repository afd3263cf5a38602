"""Keep what a model has read of a prompt that never changes, so that the next process need not read it again."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from audiochat import storage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_DIGEST = hashlib.sha256().digest_size


class ReadPrompts:
    """The state of a context after fixed prompts, some megabytes each, in private files of the cache.

    A file holds a digest and the state. The digest is over the state and all that it depends on, so that a file of
    another model, another prompt or another release of the library, or a damaged one, is not taken.

    Args:
        folder: Where they are kept.
        made_by: What the state depends on besides the tokens: the model and the library that reads it.
    """

    def __init__(self, folder: Path, *, made_by: str) -> None:
        self._folder = folder
        self._made_by = made_by

    def keep(self, tokens: Sequence[int], state: bytes) -> None:
        """Keep the state after some tokens; where the cache cannot be written, they are read again the next time."""
        with contextlib.suppress(OSError):
            storage.make_folder(self._folder)
            storage.write_atomically(self._path(tokens), [self._digest(tokens, state), state])

    def recall(self, tokens: Sequence[int]) -> bytes | None:
        """The state after some tokens; None where it is not kept."""
        try:
            kept = self._path(tokens).read_bytes()
        except OSError:
            return None
        state = kept[_DIGEST:]
        return state if state and kept[:_DIGEST] == self._digest(tokens, state) else None

    def _path(self, tokens: Sequence[int]) -> Path:
        # By length: a prompt that was changed a little replaces its older version.
        return self._folder / f"{len(tokens)}.state"

    def _digest(self, tokens: Sequence[int], state: bytes) -> bytes:
        return hashlib.sha256(f"{self._made_by} {list(tokens)} ".encode() + state).digest()
