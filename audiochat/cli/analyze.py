"""`audiochat analyze`: a recording and a question in, text and speech out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiochat import files
from audiochat.cli.answer import Question, ask, terminal
from audiochat.cli.options import TextOrSpeechOptions, takes
from audiochat.cli.speak import checked, read_stdin
from audiochat.errors import UsageError
from audiochat.request import UserTurn

if TYPE_CHECKING:
    from audiochat.request import Recording
    from audiochat.terminal import Streams

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
    options: TextOrSpeechOptions,
) -> None:
    """Ask about a recording; get the answer in text and speech."""
    screen = terminal(options)
    if options.text_only and (options.output or options.format):
        raise UsageError("--text-only makes no sound to write.", hint="Leave out -o and -f, or --text-only.")
    recording = _recording(audio, prompt, screen.streams)
    question = read_stdin(screen.streams) if prompt == "-" else prompt or QUESTION
    turn = UserTurn(checked(question), (recording,))
    ask(
        Question("analyze", turn, "analysis", None if options.text_only else options.answer_format()),
        options,
        screen,
    )


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
