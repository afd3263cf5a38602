"""`audiochat analyze`: a recording and a question in, text and speech out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from audiochat.chat.request import UserTurn
from audiochat.cli import inputs
from audiochat.cli.ask import ask_once
from audiochat.cli.options import TextOrSpeechOptions, takes
from audiochat.cli.terminal import Terminal
from audiochat.errors import UsageError

if TYPE_CHECKING:
    from audiochat.chat.recordings import Recording


EXAMPLES = """\
audiochat analyze dog.wav
audiochat analyze memo.m4a "What should I call back about?" --text-only
curl -sL https://example.org/talk.mp3 | audiochat analyze - "Sum it up." --json
"""


@takes(TextOrSpeechOptions)
def analyze(
    audio: Annotated[
        str | None,
        typer.Argument(metavar="AUDIO", help="The recording, of any kind; - is stdin.", show_default=False),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROMPT", help=f"The question; @FILE reads it. [default: {inputs.DESCRIBE}]", show_default=False
        ),
    ] = None,
    *,
    options: TextOrSpeechOptions,
    screen: Terminal,
) -> None:
    """Ask about a recording; get the answer in text and speech."""
    options.check()
    words = list(prompt or [])
    if options.record and audio is not None:
        words, audio = [audio, *words], None
    question = _one_question(audio, words)

    def turn() -> UserTurn:
        recording = _recording(audio, question, options, screen)
        return UserTurn(_question(question, screen), (recording,))

    ask_once("analyze", turn, stem="analysis", format=options.wanted_format(), options=options, screen=screen)


def _one_question(audio: str | None, words: list[str]) -> str | None:
    """The question, unless the arguments cannot be meant: more recordings, or words without quotes."""
    more = [word for word in words if inputs.names_recording(word)]
    if more:
        raise UsageError(
            f"{more[0]} is a second recording, where the question belongs.",
            hint="Ask about one at a time; several in one turn: audiochat converse -t '@a.wav @b.wav Compare.'",
        )
    if len(words) > 1:
        import shlex

        quoted = f"audiochat analyze {shlex.quote(audio or '-r')} {shlex.quote(' '.join(words))}"
        raise UsageError("The question has no quotes around it.", hint=f"Quote it: {quoted}")
    return words[0] if words else None


def _question(question: str | None, screen: Terminal) -> str:
    """What is asked about the recording; `-` is stdin."""
    if question != "-":
        return inputs.text(question or inputs.DESCRIBE)
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
