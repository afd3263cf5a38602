"""One question, one answer: what `speak` and `analyze` have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audiochat import files
from audiochat.audio import formats
from audiochat.cli import destination, inputs
from audiochat.cli.answer import Delivery, is_live
from audiochat.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from audiochat.assistant import Assistant
    from audiochat.chat.request import UserTurn
    from audiochat.cli.destination import Destination
    from audiochat.cli.options import AnswerOptions
    from audiochat.cli.terminal import Terminal
    from audiochat.config import Settings


def ask_once(
    command: str,
    turn: Callable[[], UserTurn],
    *,
    stem: str,
    format: str | None,
    options: AnswerOptions,
    screen: Terminal,
) -> None:
    """Check what can be checked, ask, deliver the answer.

    Args:
        command: What was typed.
        turn: Reads the question, or records it.
        stem: Of the spoken answer's file where the user names none.
        format: Of the spoken answer; None asks for text alone.
        options: Of the command.
        screen: The terminal.
    """
    where = None if format is None else destination_of(stem, format, options, screen)
    with assistant_for(options, screen) as assistant:
        how = inputs.ask_options(options, format, live=is_live(where, screen))
        if options.record:  # nobody should speak in vain: everything else is checked before
            assistant.connection  # noqa: B018 - made when it is looked at
        events = assistant.events((turn(),), how)
        Delivery(command, assistant, screen, where).take(events)


def destination_of(stem: str, format: str, options: AnswerOptions, screen: Terminal) -> Destination:
    """Where the one answer of a command goes. A file is replaced only where -o names it; a folder is made.

    Args:
        stem: Of the file where the user names none.
        format: Of the spoken answer.
        options: Of the command.
        screen: The terminal.

    Raises:
        UsageError, FileError: see `destination.choose`.
    """
    name, replace = f"{stem}{formats.named(format).suffix}", False
    if options.output is not None and destination.is_folder(options.output):
        name = str(files.make_folder(files.user_path(options.output)) / name)
    elif options.output is not None:
        name, replace = options.output, True
    return destination.choose(name, format, options, screen, replace=replace)


def assistant_for(options: AnswerOptions, screen: Terminal) -> Assistant:
    """The assistant that a command asks; a sign-in begins here, and goes on while recordings are read."""
    from audiochat.assistant import Assistant
    from audiochat.chat.request import CUSTOM_VOICE, VOICES
    from audiochat.transport.sdk_imports import skip_pydantic_plugins

    if screen.streams.stdout is None:
        raise UsageError("Standard output is closed: the words of the answer would be lost.", hint="Leave it open.")
    skip_pydantic_plugins()
    settings = options.settings()
    assistant = Assistant(settings, progress=screen)
    if settings.provider == "local":
        check_engine_voice(settings)
    elif not settings.voice.startswith(CUSTOM_VOICE) and settings.voice not in VOICES:
        screen.note(f"The voice {settings.voice!r} is not one that is known; asking for it all the same.")
    return assistant


def check_engine_voice(settings: Settings) -> None:
    """Refuse a voice that the local engine does not have, before models are loaded for it.

    Raises:
        UsageError: there is none of that name.
    """
    from audiochat.chat.voices import not_of_the_engine

    error = not_of_the_engine(settings)
    if error is not None:
        raise error
