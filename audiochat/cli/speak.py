"""`audiochat speak`: text in, spoken answer and transcript out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from audiochat.chat.request import UserTurn
from audiochat.cli import inputs
from audiochat.cli.ask import ask_once
from audiochat.cli.options import AnswerOptions, option, takes
from audiochat.cli.terminal import Streams, Terminal
from audiochat.errors import UsageError

EXAMPLES = """\
audiochat speak "Is a golden retriever a good family dog?" -o dog.wav
git log -5 --oneline | audiochat speak "Say in one sentence what changed:" -
audiochat speak --verbatim "What time is it?" -o question.wav
audiochat speak "Count to three." -v coral -f mp3 -o - | ffplay -nodisp -autoexit -
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakOptions(AnswerOptions):
    """The options of `speak`."""

    verbatim: Annotated[
        bool, option("Answer", "--verbatim", text="Read the text, do not answer it; what came is compared with it.")
    ] = False

    def check(self) -> None:
        """Refuse what excludes itself.

        Raises:
            UsageError: a recording is to be read.
        """
        AnswerOptions.check(self)
        if self.verbatim and self.record:
            raise UsageError("--verbatim reads a text, and -r records a question.", hint="Leave one of them out.")


@takes(SpeakOptions)
def speak(
    prompt: Annotated[
        list[str] | None,
        typer.Argument(metavar="PROMPT", help="What to ask; - is stdin, @FILE reads a file.", show_default=False),
    ] = None,
    *,
    options: SpeakOptions,
    screen: Terminal,
) -> None:
    """Ask in text (or aloud, with -r); get a spoken answer and its transcript."""
    options.check()
    if options.verbatim:
        from audiochat.cli.verbatim import read_aloud

        read_aloud(_text(prompt or [], screen.streams), options, screen)
        return

    def turn() -> UserTurn:
        if not options.record:
            return UserTurn(_text(prompt or [], screen.streams))
        text = _text(prompt, screen.streams) if prompt else None
        return UserTurn(text, (inputs.recording_from_microphone(screen, options.max_seconds),))

    ask_once("speak", turn, stem="speech", format=options.answer_format(), options=options, screen=screen)


def _text(words: list[str], streams: Streams) -> str:
    """The prompt: the words, `-` among them being stdin; stdin alone when there are none."""
    if not words:
        if streams.stdin_is_terminal:
            raise UsageError("There is nothing to ask.", hint='audiochat speak "Your question", or pipe it in.')
        words = ["-"]
    if len(words) == 1:
        inputs.refuse_name_of_file(words[0])
    if words.count("-") > 1:
        raise UsageError("stdin can be read only once.", hint="Leave one - in the prompt.")
    text = " ".join(inputs.text_from_stdin(streams) if word == "-" else inputs.text(word) for word in words)
    if not text.strip():
        raise UsageError("The prompt is empty.", hint='audiochat speak "Your question", or pipe it in.')
    return text
