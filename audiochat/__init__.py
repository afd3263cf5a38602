"""Audio chat completions: text and speech in, text and speech out."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` takes longer than all that `--version` does
if TYPE_CHECKING:
    from typing import Any

    from audiochat.assistant import Assistant
    from audiochat.chat.recordings import Recording, load_recording
    from audiochat.chat.reply import Delta, Event, Notice, Reply, SpokenAudio, Usage
    from audiochat.chat.request import UserTurn
    from audiochat.chat.talk import Talk
    from audiochat.errors import AudiochatError

__version__ = "0.1.0"

__all__ = [
    "Assistant",
    "AudiochatError",
    "Delta",
    "Event",
    "Notice",
    "Recording",
    "Reply",
    "SpokenAudio",
    "Talk",
    "Usage",
    "UserTurn",
    "__version__",
    "load_recording",
]

_HOMES = {
    "Assistant": "assistant",
    "AudiochatError": "errors",
    "Delta": "chat.reply",
    "Event": "chat.reply",
    "Notice": "chat.reply",
    "Recording": "chat.recordings",
    "Reply": "chat.reply",
    "SpokenAudio": "chat.reply",
    "Talk": "chat.talk",
    "Usage": "chat.reply",
    "UserTurn": "chat.request",
    "load_recording": "chat.recordings",
}
"""Where the public names live. They are imported when they are looked at: the command line needs few of them."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
