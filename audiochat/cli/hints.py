"""What to type about an error: the part of a hint that names options and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audiochat.errors import AudiochatError

_OPTIONS = {
    "cut": "--keep-partial keeps what came of a file.",
    "no_audio_at_all": "Attach it with @FILE; or leave out --text-only.",
    "no_audio": "-s 'Answer in speech.' may help.",
    "session_unwritable": "--no-save goes without.",
    "timeout": "--timeout gives it more time.",
}
"""By the error's code."""


def for_command_line(error: AudiochatError) -> str | None:
    """The hint of an error, with the options that help."""
    hints = [error.hint, _OPTIONS.get(error.code)]
    return " ".join(hint for hint in hints if hint) or None
