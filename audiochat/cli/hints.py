"""What to type about an error: the part of a hint that names options and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audiochat.errors import RefusedError

if TYPE_CHECKING:
    from audiochat.errors import AudiochatError

_OTHER_MODEL = "-m names another for one run."
_EXAMINE = "'audiochat doctor' looks at every step of the way there."

_OPTIONS = {
    "DeploymentNotFound": _OTHER_MODEL,
    "content_filter": None,
    "context_length_exceeded": None,
    "cut": "--keep-partial keeps what came of a file.",
    "language_not_supported": "--param language=fr says that it is French.",
    "model_not_allowed": _OTHER_MODEL,
    "model_not_found": _OTHER_MODEL,
    "model_retired": _OTHER_MODEL,
    "no_audio": "-s 'Answer in speech.' may help.",
    "no_audio_at_all": "That is @FILE in a turn, or no --text-only.",
    "no_conversation": "Leave out --continue to begin one.",
    "no_home": "converse does without it with --no-save.",
    "no_local_model": "-m takes a GGUF file.",
    "not_an_audio_model": _OTHER_MODEL,
    "not_text": "A recording goes to audiochat analyze or transcribe.",
    "no_such_host": _EXAMINE,
    "not_reachable": _EXAMINE,
    "no_such_retries": "The option is --retries.",
    "no_such_timeout": "The option is --timeout.",
    "not_configured": "--provider chooses another provider.",
    "session_unwritable": "--no-save goes without.",
    "timeout": "--timeout gives it more time.",
    "too_long": None,
    "unknown_modalities": "If the server knows audio all the same: --param modalities=null leaves that out.",
    "unknown_voice": "-v names another.",
}
"""By the error's code."""

_REFUSED = "--debug shows what was sent."
"""For a refusal of no kind that is known: it may be about any parameter."""

_BAD_REQUEST = (400, 422)


def for_command_line(error: AudiochatError) -> str | None:
    """The hint of an error, with the options that help."""
    option = _OPTIONS.get(error.code)
    if error.code not in _OPTIONS and isinstance(error, RefusedError) and error.status in _BAD_REQUEST:
        option = _REFUSED
    hints = [error.hint, option]
    return " ".join(hint for hint in hints if hint) or None
