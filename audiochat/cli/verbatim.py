"""`speak --verbatim`: a text is read, not answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audiochat.cli import inputs
from audiochat.cli.answer import Delivery, is_live
from audiochat.cli.ask import assistant_for, destination_of

if TYPE_CHECKING:
    from audiochat.cli.options import AnswerOptions
    from audiochat.cli.terminal import Terminal


def read_aloud(text: str, options: AnswerOptions, screen: Terminal) -> None:
    """Have a text read, compare what came with it, deliver it.

    Args:
        text: All that is to be spoken.
        options: Of the command; its system message is the style.
        screen: The terminal.

    Raises:
        RefusedError: what came is not what is written.
    """
    from audiochat.jobs.narrate.verbatim import read_verbatim

    format_ = options.answer_format()
    where = destination_of("speech", format_, options, screen)
    with assistant_for(options, screen) as assistant:
        how = inputs.ask_options(options, format_, live=is_live(where, screen))
        events = read_verbatim(assistant, text, how, progress=screen, handed_on=where.live)
        Delivery("speak", assistant, screen, where).take(events)
