"""Whether the engine's recogniser can listen to what was read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audiochat.config import Settings

_ENGLISH = "en"


def hears(settings: Settings, language: str) -> bool:
    """Whether the recogniser is installed, its model on disk, and the language one in which it is believed.

    What the engine's own model mishears was measured in English alone. The model is not fetched for this: a user who
    asks a service has not asked for it.
    """
    from audiochat.jobs import ears

    if not ears.installed():
        return False
    if settings.local.stt is not None:
        return Path(settings.local.stt).expanduser().is_dir()
    from audiochat.local import models

    return language == _ENGLISH and (settings.provider == "local" or models.WHISPER.present)
