"""What a person gives: prompts, recordings, system messages; from arguments, files, stdin or a microphone."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from audiochat import files
from audiochat.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from audiochat.chat.recordings import Recording
    from audiochat.cli.terminal import Streams, Terminal

DESCRIBE = "Describe in detail the spoken audio input."
"""What is asked about a recording when nothing is asked; as in Azure's quickstart."""


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
    """Refuse what no JSON can carry: arguments that are not UTF-8 arrive as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise UsageError("The prompt is not text in UTF-8.", hint="Check the terminal's encoding.") from exc
    return text


def system_message(option: str | None) -> str | None:
    """The system message, read from its file where it is @FILE."""
    if option is not None and option.startswith("@"):
        return files.read_text(Path(option[1:]))
    return None if option is None else checked(option)


def recording_from_file(name: str) -> Recording:
    """The recording in a file, as the API takes it."""
    from audiochat.chat import recordings

    with files.reading(Path(name)) as source:
        # The name goes into requests and sessions, which are UTF-8; a file's need not be.
        return replace(recordings.for_sending(source, name=name), name=name.encode("utf-8", "replace").decode())


def recording_from_stdin(streams: Streams) -> Recording:
    """The recording on stdin, as the API takes it."""
    from audiochat.chat import recordings

    if streams.stdin is None or streams.stdin_is_terminal:
        raise UsageError("There is no recording on stdin.", hint="audiochat analyze - < FILE")
    with files.spooled(streams.stdin, name="stdin") as source:
        return recordings.for_sending(source, name="stdin")


def recording_from_microphone(screen: Terminal, max_seconds: float) -> Recording:
    """What is said into the microphone until silence, Enter, or the longest recording."""
    from audiochat.audio import devices, wav
    from audiochat.chat import recordings

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
