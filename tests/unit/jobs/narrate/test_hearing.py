"""Whether readings are checked by ear."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from audiochat import config
from audiochat.jobs.narrate.hearing import hears

if TYPE_CHECKING:
    from pathlib import Path


def test_the_recogniser_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No voice is needed to listen."""
    pytest.importorskip("faster_whisper")
    for voice in ("piper", "kokoro_onnx"):
        monkeypatch.setitem(sys.modules, voice, None)
    settings = config.load(config.Flags(provider="openai"))
    assert hears(replace(settings, local=replace(settings.local, stt=str(tmp_path))), "en")
    assert not hears(replace(settings, local=replace(settings.local, stt=str(tmp_path / "no"))), "en")
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    assert not hears(replace(settings, local=replace(settings.local, stt=str(tmp_path))), "en")
