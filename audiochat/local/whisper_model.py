"""faster-whisper's model, which also tells the languages of the half minute that it works on."""

from __future__ import annotations

import threading
from typing import Any

from faster_whisper import WhisperModel


class Model(WhisperModel):  # type: ignore[misc]  # it ships no types
    """A Whisper model that remembers its latest encoder output of each thread, to detect the language of that."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._window = threading.local()

    def encode(self, features: Any) -> Any:
        """Encode a window of half a minute; called by `transcribe` for one after the other."""
        self._window.encoded = super().encode(features)
        return self._window.encoded

    def window_languages(self) -> dict[str, float]:
        """Language probabilities of the latest window that this thread encoded.

        To find out costs a fiftieth of what the window cost.
        """
        return {token[2:-2]: float(share) for token, share in self.model.detect_language(self._window.encoded)[0]}
