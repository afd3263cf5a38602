"""Speech to text, as far as it needs no model."""

from __future__ import annotations

import pytest

from audiochat.audio import wav
from audiochat.local import stt


def test_a_recording_is_listened_to_up_to_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file can hold days of silence, which would not fit into memory: decoding stops at the bound."""
    monkeypatch.setattr(stt, "LONGEST", 2)
    ears = object.__new__(stt.Whisper)  # it comes to no model
    with pytest.raises(stt.RecordingTooLongError):
        ears.hear(wav.wrap(bytes(3 * 48_000)))
    with pytest.raises(stt.NotAudioError):
        ears.hear(b"no sound")
