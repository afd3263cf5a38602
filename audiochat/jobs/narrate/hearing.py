"""Whether the engine's recogniser can listen to what was read."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audiochat.config import Settings

_ENGLISH = "en"


def hears(settings: Settings, language: str) -> bool:
    """Whether the recogniser is installed, its model on disk, and the language one that it knows.

    The engine's own model knows English alone. The model is not fetched for this: who asks a service has not asked
    for it.
    """
    if any(importlib.util.find_spec(name) is None for name in ("faster_whisper", "numpy", "piper")):
        return False
    if settings.local.stt is not None:
        return Path(settings.local.stt).expanduser().is_dir()
    from audiochat.local import models

    return language == _ENGLISH and (settings.provider == "local" or models.WHISPER.present)
