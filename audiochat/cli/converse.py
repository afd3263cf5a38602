"""`audiochat converse`: several turns, earlier answers referenced by audio id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from audiochat import files
from audiochat.chat.request import UserTurn
from audiochat.cli import inputs
from audiochat.cli.ask import assistant_for
from audiochat.cli.options import ConverseOptions, takes
from audiochat.cli.terminal import Terminal
from audiochat.cli.turns import TurnTaker, check_output, parse_turn
from audiochat.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiochat.chat.recordings import Recording


EXAMPLES = """\
audiochat converse --play
audiochat converse dog.wav -t "Which breed is it about?" -t "And how old do they get?" -o replies/
audiochat converse --continue
"""


@takes(ConverseOptions)
def converse(
    audio: Annotated[
        str | None,
        typer.Argument(metavar="AUDIO", help="A recording for the first turn; - is stdin.", show_default=False),
    ] = None,
    *,
    options: ConverseOptions,
    screen: Terminal,
) -> None:
    """Talk in several turns; conversations are kept, to go on with later."""
    options.check()
    interactive = not options.turn and screen.streams.stdin_is_terminal
    if interactive and options.as_json:
        raise UsageError("--json is for turns that are given.", hint="Give them with -t, or pipe them in.")
    check_output(options, several=interactive or len(options.turn or []) != 1)
    first = _first(audio, options, screen)
    # Every attachment of -t is read before the first turn is paid for.
    turns = None if options.turn is None else [parse_turn(text) for text in options.turn]
    with (
        assistant_for(options, screen) as assistant,
        assistant.converse(options.session, keep=options.save, resume=options.resume) as talk,
    ):
        taker = TurnTaker(assistant, talk, options, screen)
        if interactive:
            from audiochat.cli import repl

            repl.run(taker, first)
            return
        for asked in _with_first(turns or _lines(screen), first):
            taker.take(asked)


def _first(audio: str | None, options: ConverseOptions, screen: Terminal) -> Recording | None:
    """The recording that goes with the first turn."""
    if options.record:
        return inputs.recording_from_microphone(screen, options.max_seconds)
    if audio == "-":
        if not options.turn:
            raise UsageError("stdin cannot be the recording and the turns.", hint="Give the turns with -t.")
        return inputs.recording_from_stdin(screen.streams)
    return None if audio is None else inputs.recording_from_file(audio)


def _with_first(turns: list[UserTurn] | Iterator[UserTurn], first: Recording | None) -> Iterator[UserTurn]:
    """The turns, the recording with the first of them."""
    taken = 0
    for asked in turns:
        taken += 1
        yield UserTurn(asked.text, (first, *asked.recordings)) if first is not None and taken == 1 else asked
    if not taken and first is not None:
        yield UserTurn(inputs.DESCRIBE, (first,))
    elif not taken:
        raise UsageError("There is nothing to ask.", hint='audiochat converse -t "Your question", or pipe lines in.')


def _lines(screen: Terminal) -> Iterator[UserTurn]:
    """A turn for each line of stdin that holds something, as soon as it is there."""
    stdin = screen.streams.stdin
    while stdin is not None and (line := stdin.readline(files.TEXT_LIMIT + 1)):
        text = inputs.line(line)
        if text.strip():
            yield parse_turn(text)
