"""Whether the engine's recogniser can listen to what was read."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audiochat.config import Settings
    from audiochat.local.stt import Recognizer

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


def heard_text(recognizer: Recognizer, pcm: bytes, written: str, language: str | None) -> str:
    """What a recogniser hears in a reading.

    Args:
        recognizer: The engine's.
        pcm: The reading: s16le, mono, 24,000 Hz.
        written: What should be heard: a recogniser that is told its language need not find that out, which would take
            it nearly as long as the words do.
        language: That the whole book is in; None goes by what is written.
    """
    from audiochat.audio import wav
    from audiochat.local.stt import UnknownLanguageError

    if language is None and importlib.util.find_spec("py3langid") is not None:
        from audiochat.local.languages import language_of

        language = language_of(written)
    try:
        return recognizer.hear(wav.wrap(pcm), language=language).text
    except UnknownLanguageError:
        return recognizer.hear(wav.wrap(pcm)).text
