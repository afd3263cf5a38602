"""What a user gives: prompts, recordings, system messages; as arguments, in files, on stdin, by microphone."""

from __future__ import annotations

import io
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from audiochat import files
from audiochat.audio.formats import RECORDING_SUFFIXES
from audiochat.chat.request import AskOptions
from audiochat.cli.options import MAX_SECONDS
from audiochat.errors import ConfigurationError, FileError, UsageError

if TYPE_CHECKING:
    from audiochat.chat.recordings import Recording
    from audiochat.cli.options import AnswerOptions
    from audiochat.cli.terminal import Streams, Terminal

DESCRIBE = "Describe in detail the spoken audio input."
"""What is asked about a recording when nothing is asked; as in Azure's quickstart."""


_TEXT_SUFFIXES = frozenset({".txt", ".md", ".markdown", ".rst", ".text"})


def text(argument: str) -> str:
    """The text that an argument means: `@FILE` reads a file, `@@` is a plain `@`.

    Raises:
        UsageError: it is not UTF-8.
        FileError: the file is not there, or cannot be read.
    """
    if argument.startswith("@@"):
        return checked(argument[1:])
    if argument.startswith("@"):
        path = files.user_path(argument[1:])
        if files.is_file(path):
            return files.read_text(path)
        if not any(character.isspace() for character in argument):
            hint = f"Check the name; for the words themselves: @{argument}"
            raise FileError(f"There is no file {argument[1:]}.", hint=hint, code=files.NO_SUCH_FILE)
    return checked(argument)


def text_from_stdin(streams: Streams) -> str:
    """All of stdin as text, without the newline at its end."""
    if streams.stdin is None:
        return ""
    return files.text_of(streams.stdin, name="stdin").rstrip("\r\n")


def line(data: bytes) -> str:
    """A line of stdin as text, without its end; `files.TEXT_LIMIT` bytes at most."""
    if len(data) > files.TEXT_LIMIT:
        raise files.too_much_text("a line of stdin")
    return files.decode_text(data, name="stdin").rstrip("\r\n")


def checked(text: str) -> str:
    """Refuse what JSON cannot carry: arguments that are not UTF-8 arrive as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise UsageError("The prompt is not text in UTF-8.", hint="Check the terminal's encoding.") from exc
    return text


def system_message(option: str | None) -> str | None:
    """The system message, read from its file where it is @FILE."""
    if option is not None and option.startswith("@"):
        return files.read_text(files.user_path(option[1:]))
    return None if option is None else checked(option)


def ask_options(options: AnswerOptions, format: str | None, *, live: bool) -> AskOptions:
    """How an answer is wanted, as the options of a command say it."""
    return AskOptions(format=format, system=system_message(options.system), parameters=options.parameters(), live=live)


def dragged(name: str) -> str:
    """The name of a file as it is typed, or dragged into the terminal: quotes and backslashes are taken away.

    A name that is there as it stands is left alone.
    """
    if os.name == "nt":  # a backslash stands between folders
        return name.strip("\"'")
    import shlex

    try:
        words = shlex.split(name)
    except ValueError:
        return name
    return name if len(words) != 1 or files.is_file(files.user_path(name)) else words[0]


def is_dragged(line: str) -> bool:
    """Whether a line is just the name of a recording that is there."""
    name = dragged(line)
    if not name or Path(name).suffix.lower() not in RECORDING_SUFFIXES:
        return False
    try:
        return files.is_file(files.user_path(name))
    except UsageError:  # an address
        return False


def refuse_name_of_file(argument: str) -> None:
    """Refuse a prompt that is nothing but the name of a file that is there, which would be read aloud itself.

    Raises:
        UsageError: what is in the file was meant.
    """
    path = Path(argument)
    suffix = path.suffix.lower()
    if suffix not in _TEXT_SUFFIXES | RECORDING_SUFFIXES or not files.is_file(path):
        return
    meant = f"audiochat analyze {argument}" if suffix in RECORDING_SUFFIXES else f"audiochat speak @{argument}"
    raise UsageError(f"{argument} is the name of a file, not a prompt.", hint=f"What is in it: {meant}")


def names_recording(argument: str) -> bool:
    """Whether an argument can only be a recording: a file that is there, or one word with a recording's suffix."""
    if files.is_file(Path(argument)):
        return True
    one_word = not any(character.isspace() for character in argument)
    return one_word and Path(argument).suffix.lower() in RECORDING_SUFFIXES and argument != Path(argument).suffix


def recording_from_file(name: str) -> Recording:
    """The recording in a file, as the API takes it."""
    from audiochat.chat import recordings

    with files.reading(files.user_path(name)) as source:
        # The name goes into requests and sessions, which are UTF-8; a file's need not be.
        return replace(recordings.for_sending(source, name=name), name=files.name_as_text(name))


def recording_from_stdin(streams: Streams) -> Recording:
    """The recording on stdin, as the API takes it."""
    from audiochat.chat import recordings

    if streams.stdin is None or streams.stdin_is_terminal:
        raise UsageError("There is no recording on stdin.", hint="audiochat analyze - < FILE")
    with files.spooled(streams.stdin, name="stdin") as source:
        return recordings.for_sending(source, name="stdin")


def recording_from_microphone(screen: Terminal, max_seconds: float | None) -> Recording:
    """What is said into the microphone until silence, Enter, or the longest recording."""
    from audiochat.audio import devices, wav
    from audiochat.chat import recordings

    max_seconds = MAX_SECONDS if max_seconds is None else max_seconds
    if not 0 < max_seconds < math.inf:
        raise UsageError("--max-seconds wants seconds above 0.", hint="--max-seconds 60")
    try:
        source = devices.microphone()
    except devices.NoDeviceError as exc:
        raise ConfigurationError("There is no microphone to record from.", hint=str(exc), code="no_device") from exc
    try:
        with screen.meter("Recording, until silence or Enter") as meter:
            pcm = devices.record(source, stopped=screen.enter_pressed, max_seconds=max_seconds, meter=meter)
    except devices.NoDeviceError as exc:
        raise ConfigurationError(str(exc), hint="Check the device, and record again.", code="no_device") from exc
    recording = recordings.for_sending(io.BytesIO(wav.wrap(pcm)), name="the recording")
    return replace(recording, name="the microphone")
