"""Wrong usage: what Typer says about it, and what to type instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audiochat.errors import UsageError

if TYPE_CHECKING:
    import typer

TYPERS_REFUSAL = 1
"""How Typer itself ends: it has said why, a shell that it knows no completions for."""


def usage_error(exc: typer.TyperException, arguments: list[str]) -> UsageError:
    """The error of a command line that Typer cannot parse, with a hint at the command's own help.

    Args:
        exc: What Typer raised.
        arguments: The command line.
    """
    message = exc.format_message() or "Nothing was asked."
    context: Any = getattr(exc, "ctx", None)
    help_of = f"See '{context.command_path if context is not None else 'audiochat'} --help'."
    text = _text_with_a_dash(exc, arguments)
    if text is not None:
        return UsageError(message, hint=f"A text that begins with a dash goes behind --: -- '{text}'. {help_of}")
    return UsageError(message, hint=help_of)


def _text_with_a_dash(exc: typer.TyperException, arguments: list[str]) -> str | None:
    """The argument that was taken for an option, if it looks like a text: `-5 degrees outside`."""
    name = getattr(exc, "option_name", None)
    if not isinstance(name, str):
        return None
    found = next((one for one in arguments if one.startswith(name[:2]) and one.startswith("-")), None)
    if found is not None and (" " in found or found[1:2].isdigit()):
        return found
    return None
