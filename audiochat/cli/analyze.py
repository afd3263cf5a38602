"""`audiochat analyze`: a recording and a question in, text and speech out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiochat import files
from audiochat.cli.answer import Question, ask, terminal
from audiochat.cli.options import TextOrSpeechOptions, takes
from audiochat.cli.speak import checked, read_stdin
from audiochat.errors import ConfigurationError, UsageError
from audiochat.request import UserTurn

if TYPE_CHECKING:
    from audiochat.request import Recording
    from audiochat.terminal import Streams, Terminal

QUESTION = "Describe in detail the spoken audio input."
"""As in Azure's quickstart."""


@takes(TextOrSpeechOptions)
def analyze(
    audio: Annotated[
        str | None,
        typer.Argument(metavar="AUDIO", help="The recording, of any kind; - is stdin.", show_default=False),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Argument(metavar="[PROMPT]", help=f"The question. [default: {QUESTION}]", show_default=False),
    ] = None,
    *,
    record: Annotated[
        bool, typer.Option("-r", "--record", help="Take the recording from the microphone, until silence or Enter.")
    ] = False,
    max_seconds: Annotated[float, typer.Option("--max-seconds", help="The longest recording.")] = 300.0,
    options: TextOrSpeechOptions,
) -> None:
    """Ask about a recording; get the answer in text and speech."""
    screen = terminal(options)
    if options.text_only and (options.output or options.format or options.play):
        raise UsageError("--text-only makes no sound.", hint="Leave out -o, -f and --play, or --text-only.")
    if record:
        audio, prompt = None, _only_question(audio, prompt)
        recording = _recorded(screen, max_seconds)
    else:
        recording = _recording(audio, prompt, screen.streams)
    question = read_stdin(screen.streams) if prompt == "-" else prompt or QUESTION
    turn = UserTurn(checked(question), (recording,))
    ask(
        Question("analyze", turn, "analysis", None if options.text_only else options.answer_format()),
        options,
        screen,
    )


def _only_question(audio: str | None, prompt: str | None) -> str | None:
    """With --record the first argument is the question."""
    if audio is not None and prompt is not None:
        raise UsageError("With --record there is no AUDIO.", hint='audiochat analyze -r "Your question"')
    return audio


def _recorded(screen: Terminal, max_seconds: float) -> Recording:
    """Record the question from the microphone."""
    from audiochat.audio import devices, wav
    from audiochat.request import Recording

    try:
        source = devices.microphone()
    except devices.NoDeviceError as exc:
        raise ConfigurationError("There is no microphone to record from.", hint=str(exc), code="no_device") from exc
    with screen.meter("Recording, until silence or Enter") as meter:
        pcm = devices.record(source, stopped=screen.enter_pressed(), max_seconds=max_seconds, meter=meter)
    return Recording(wav.wrap(pcm), "wav")


def _recording(audio: str | None, prompt: str | None, streams: Streams) -> Recording:
    """Read the recording, from its file or from stdin."""
    from audiochat.audio import convert

    if audio is None and streams.stdin_is_terminal:
        raise UsageError("There is no recording to analyze.", hint="audiochat analyze FILE, or pipe one in.")
    if audio in (None, "-"):
        if prompt == "-":
            raise UsageError("stdin cannot be the recording and the question.", hint="Name a file for one of them.")
        if streams.stdin is None or streams.stdin_is_terminal:
            raise UsageError("There is no recording on stdin.", hint="audiochat analyze - < FILE")
        with files.spooled(streams.stdin, name="stdin") as source:
            return convert.for_sending(source, name="stdin")
    with files.reading(Path(audio or "")) as source:
        return convert.for_sending(source, name=audio or "")
