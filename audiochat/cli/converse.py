"""`audiochat converse`: several turns, earlier answers referenced by audio id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from audiochat import files
from audiochat.chat.request import UserTurn
from audiochat.cli import inputs, talk
from audiochat.cli.answer import terminal
from audiochat.cli.options import ConverseOptions, takes
from audiochat.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiochat.chat.recordings import Recording
    from audiochat.cli.terminal import Terminal


@takes(ConverseOptions)
def converse(
    audio: Annotated[
        str | None,
        typer.Argument(metavar="AUDIO", help="A recording for the first turn; - is stdin.", show_default=False),
    ] = None,
    *,
    options: ConverseOptions,
) -> None:
    """Talk in several turns; every conversation is kept, and goes on where it ended."""
    screen = terminal(options)
    options.check()
    interactive = not options.turn and screen.streams.stdin_is_terminal
    if interactive and options.as_json:
        raise UsageError("--json is for turns that are given.", hint="Give them with -t, or pipe them in.")
    talk.check_output(options, several=interactive or len(options.turn or []) != 1)
    first = _first(audio, options, screen)
    with talk.opened(options, screen) as conversation:
        if interactive:
            from audiochat.cli import repl

            repl.run(conversation, first)
        else:
            for asked in _turns(options, screen, first):
                conversation.take(asked)


def _first(audio: str | None, options: ConverseOptions, screen: Terminal) -> Recording | None:
    """The recording that goes with the first turn."""
    if options.record:
        return inputs.recording_from_microphone(screen, options.max_seconds)
    if audio == "-":
        if not options.turn:
            raise UsageError("stdin cannot be the recording and the turns.", hint="Give the turns with -t.")
        return inputs.recording_from_stdin(screen.streams)
    return None if audio is None else inputs.recording_from_file(audio)


def _turns(options: ConverseOptions, screen: Terminal, first: Recording | None) -> Iterator[UserTurn]:
    """The turns of -t, or of stdin, a line each; the recording goes with the first."""
    texts = iter(options.turn) if options.turn else _lines(screen)
    taken = 0
    for text in texts:
        asked = talk.parse_turn(text)
        if first is not None:
            asked, first = UserTurn(asked.text, (first, *asked.recordings)), None
        taken += 1
        yield asked
    if not taken and first is not None:
        yield UserTurn(inputs.DESCRIBE, (first,))
    elif not taken:
        raise UsageError("There is no turn to take.", hint='audiochat converse -t "Your question", or pipe lines in.')


def _lines(screen: Terminal) -> Iterator[str]:
    """The lines of stdin that hold something, each as soon as it is there."""
    stdin = screen.streams.stdin
    while stdin is not None and (line := stdin.readline(files.TEXT_LIMIT + 1)):
        text = inputs.line(line)
        if text.strip():
            yield text
