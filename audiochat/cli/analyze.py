"""`audiochat analyze`: a recording and a question in, text and speech out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from audiochat.chat.request import UserTurn
from audiochat.cli import inputs
from audiochat.cli.answer import Question, ask, terminal
from audiochat.cli.options import TextOrSpeechOptions, takes
from audiochat.errors import UsageError

if TYPE_CHECKING:
    from audiochat.chat.recordings import Recording
    from audiochat.cli.terminal import Terminal


@takes(TextOrSpeechOptions)
def analyze(
    audio: Annotated[
        str | None,
        typer.Argument(metavar="AUDIO", help="The recording, of any kind; - is stdin.", show_default=False),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Argument(metavar="PROMPT", help=f"The question. [default: {inputs.DESCRIBE}]", show_default=False),
    ] = None,
    *,
    options: TextOrSpeechOptions,
) -> None:
    """Ask about a recording; get the answer in text and speech."""
    screen = terminal(options)
    options.check()
    if options.record and prompt is not None:
        raise UsageError("With --record there is no AUDIO.", hint='audiochat analyze -r "Your question"')
    question = audio if options.record else prompt

    def turn() -> UserTurn:
        recording = _recording(audio, question, options, screen)
        return UserTurn(_question(question, screen), (recording,))

    ask(Question("analyze", turn, "analysis", options.wanted_format()), options, screen)


def _question(question: str | None, screen: Terminal) -> str:
    """What is asked about the recording; `-` is stdin."""
    if question != "-":
        return inputs.checked(question or inputs.DESCRIBE)
    text = inputs.text_from_stdin(screen.streams)
    if not text.strip():
        raise UsageError("The question on stdin is empty.", hint="Leave out the - for a description.")
    return text


def _recording(audio: str | None, question: str | None, options: TextOrSpeechOptions, screen: Terminal) -> Recording:
    """The recording: from the microphone, its file, or stdin."""
    if options.record:
        return inputs.recording_from_microphone(screen, options.max_seconds)
    if audio is None and screen.streams.stdin_is_terminal:
        raise UsageError("There is no recording to analyze.", hint="audiochat analyze FILE, or pipe one in.")
    if audio not in (None, "-"):
        return inputs.recording_from_file(audio or "")
    if question == "-":
        raise UsageError("stdin cannot be the recording and the question.", hint="Name a file for one of them.")
    return inputs.recording_from_stdin(screen.streams)
