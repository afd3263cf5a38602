"""A conversation under way: takes turns, keeps them, shows the answers; for `converse` in a pipe and in a terminal."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from audiochat import files
from audiochat.chat.conversation import Conversation
from audiochat.chat.reply import Usage
from audiochat.chat.request import UserTurn
from audiochat.chat.sessions import Session, Shelf
from audiochat.cli import inputs
from audiochat.cli.answer import STDOUT, Run, aloud, outlet_for
from audiochat.cli.options import SUFFIX_OF_FORMAT, ConverseOptions
from audiochat.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiochat.chat.reply import Reply
    from audiochat.chat.request import Turn
    from audiochat.cli.answer import Answered
    from audiochat.cli.sinks import Both, ToMemory
    from audiochat.cli.terminal import Terminal

NUMBER = "{n}"
"""Stands for the turn's number in the output's name."""

# @FILE or @"FILE WITH SPACES", at the start of a word; @@ is a plain @.
_ATTACHED = re.compile(r'(?:(?<=\s)|^)@(?:"([^"]+)"|(@\S*)|(\S+))')


def parse_turn(text: str) -> UserTurn:
    """A turn as it is written on the command line: `@FILE` in it attaches a recording, `@@` is a plain @.

    Raises:
        FileError: an attached file is no recording that can be read.
        UsageError: there is nothing in it.
    """
    names: list[str] = []

    def attach(found: re.Match[str]) -> str:
        if found[2] is not None:
            return found[2]
        names.append(found[1] or found[3])
        return ""

    words = re.sub(r"[ \t]{2,}", " ", _ATTACHED.sub(attach, text)).strip()
    if not words and not names:
        raise UsageError("A turn is empty.", hint="Give it words, or a recording as @FILE.")
    inputs.checked(words)  # without the names: a file's need not be UTF-8
    return UserTurn(words or None, tuple(inputs.recording_from_file(name) for name in names))


@dataclass(slots=True)
class Talk:
    """A conversation, the run that it belongs to, and the session in which it is kept."""

    run: Run
    screen: Terminal
    options: ConverseOptions
    conversation: Conversation
    session: Session | None
    """None where nothing is kept."""
    saves_files: bool = True
    """Whether spoken answers go to files of their own; in a terminal they do when the user names them."""
    speech: bool = True
    last_sound: bytes | None = None
    """The last spoken answer, as a WAV file."""
    usages: list[Usage] = field(default_factory=list)
    """Of each turn; those of a session that goes on among them."""

    @property
    def number(self) -> int:
        """Of the next turn, from 1."""
        return len(self.conversation.exchanges) + 1

    def take(self, asked: UserTurn) -> None:
        """Take a turn: ask, deliver, show, keep.

        Raises:
            AudiochatError: it failed; the conversation is as it was.
        """
        latest: list[tuple[Answered, ToMemory | None]] = []

        def send(turns: tuple[Turn, ...], addition: str | None) -> Reply:
            outlet, memory = self._outlet()
            answered = self.run.exchange(turns, outlet, system=addition, required=False)
            latest[:] = [(answered, memory)]
            return answered.reply

        number = self.number
        reply = self.conversation.ask(asked, send, speech=self.speech)
        answered, memory = latest[0]
        self.usages.append(reply.usage)
        self.last_sound = memory.sound if memory else None
        try:
            # Kept before it is shown: whoever reads the words may have gone.
            if self.session is not None:
                self.session.add(asked, reply, self.last_sound, origin=self.conversation.origin)
        except BaseException:  # Ctrl-C among them
            if self.session is not None:
                del self.conversation.exchanges[len(self.session.turns) :]
            raise
        finally:
            session = self.session.name if self.session else None
            self.run.show(answered, "converse", turn=number, session=session)
        if self.speech and reply.audio is None:
            self.screen.note("The model answered in text alone.")

    @property
    def usage(self) -> Usage:
        """Tokens of all turns together."""
        names = [item.name for item in fields(Usage)]
        return Usage(**{name: sum(getattr(one, name) or 0 for one in self.usages) for name in names})

    def undo(self) -> bool:
        """Forget the last turn; whether there was one."""
        if not self.conversation.exchanges:
            return False
        if self.session is not None:
            self.session.undo()
        self.conversation.exchanges.pop()
        self.last_sound = None
        return True

    def _outlet(self) -> tuple[Both | ToMemory | None, ToMemory | None]:
        """Where the next spoken answer goes, and the memory that is a part of it."""
        from audiochat.cli import sinks

        if not self.speech:
            return None, None
        memory = sinks.ToMemory()
        if self.saves_files:
            name = output_name(self.options, self.number)
            outlet = outlet_for(name, self.options.answer_format(), self.options, self.screen)
            return sinks.Both(outlet, memory), memory
        if self.options.play:
            played = aloud(sinks.ToMemory(), self.screen)
            return sinks.Both(played, memory), memory
        return memory, memory


def output_name(options: ConverseOptions, number: int) -> str:
    """The file of a turn's spoken answer: in the folder, or by the pattern, that -o gives."""
    output, suffix = options.output, SUFFIX_OF_FORMAT[options.answer_format()]
    if output is None:
        return f"turn-{number}{suffix}"
    if output.endswith(("/", "\\")) or files.is_folder(output):
        return str(Path(output) / f"turn-{number}{suffix}")
    return output.replace(NUMBER, str(number))


def check_output(options: ConverseOptions, *, several: bool) -> None:
    """Refuse an output that turns would overwrite; make the folder that is named as one.

    Raises:
        UsageError: it has no place for the turn's number.
    """
    output = options.output
    if output is None or options.text_only:
        return
    folder = output.endswith(("/", "\\"))
    if folder:
        files.make_folder(Path(output))
    if several and not folder and not files.is_folder(output) and (output == STDOUT or NUMBER not in output):
        raise UsageError(
            "Several turns make several answers.",
            hint=f"Name a folder (-o replies/) or a pattern (-o turn-{NUMBER}.wav).",
        )


@contextmanager
def opened(options: ConverseOptions, screen: Terminal) -> Iterator[Talk]:
    """A conversation as the options want it: a new one, or one that goes on, for nobody else meanwhile."""
    if not options.save:
        run = Run(options, screen)
        yield _talk(run, options, screen, None)
        return
    with Shelf().opened(_session_name(options)) as session:
        run = Run(options, screen)
        run.system = session.system = run.system or session.system
        yield _talk(run, options, screen, session)


def _session_name(options: ConverseOptions) -> str | None:
    if options.session is not None:
        return options.session
    if not options.resume:
        return None
    names = Shelf().names()
    if not names:
        raise UsageError("There is no conversation to continue.", hint="Leave out --continue to begin one.")
    return names[0]


def _talk(run: Run, options: ConverseOptions, screen: Terminal, session: Session | None) -> Talk:
    connection = run.connection
    conversation = Conversation(
        origin=f"{connection.provider} {connection.sdk.base_url} {connection.model}",
        exchanges=session.exchanges() if session else [],
        progress=screen,
    )
    usages = [turn.usage for turn in session.turns] if session else []
    return Talk(run, screen, options, conversation, session, speech=not options.text_only, usages=usages)
