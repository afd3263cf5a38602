"""The turns of a conversation on the command line: how they are written, asked, delivered and shown."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from audiochat import files
from audiochat.audio import formats
from audiochat.chat.request import AskOptions, UserTurn
from audiochat.cli import destination, inputs
from audiochat.cli.answer import Delivery, is_live
from audiochat.cli.destination import STDOUT, Destination
from audiochat.cli.options import ConverseOptions
from audiochat.errors import FileError, UsageError

if TYPE_CHECKING:
    from audiochat.assistant import Assistant
    from audiochat.chat.recordings import Recording
    from audiochat.chat.reply import Reply
    from audiochat.chat.talk import Talk
    from audiochat.cli.terminal import Terminal
    from audiochat.config import Settings

NUMBER = "{n}"
"""Stands for the turn's number in the output's name."""

# @FILE, @"FILE WITH SPACES" or @FILE\ WITH\ SPACES, at the start of a word; @@ is a plain @.
_ATTACHED = re.compile(r"""(?:(?<=\s)|^)@(?:"([^"]+)"|'([^']+)'|(@\S*)|((?:\\\s|\S)+))""")


def parse_turn(text: str) -> UserTurn:
    """A turn as it is written on the command line: `@FILE` in it attaches a recording, `@@` is a plain @.

    Raises:
        FileError: an attached file is no recording that can be read.
        UsageError: there is nothing in it.
    """
    names: list[str] = []

    def attach(found: re.Match[str]) -> str:
        if found[3] is not None:
            return found[3]
        names.append(found[1] or found[2] or inputs.dragged(found[4]))
        return ""

    words = re.sub(r"[ \t]{2,}", " ", _ATTACHED.sub(attach, text)).strip()
    if not words and not names:
        raise UsageError("A turn is empty.", hint="Give it words, or a recording as @FILE.")
    inputs.checked(words)  # without the names: a file's need not be UTF-8
    return UserTurn(words or None, tuple(_attached(name) for name in names))


def _attached(name: str) -> Recording:
    try:
        return inputs.recording_from_file(name)
    except FileError as error:
        if error.code == files.NO_SUCH_FILE:
            error.hint = f"Check the name; for the word itself: @@{name}"
        raise


class TurnTaker:
    """Takes the turns of one conversation.

    Args:
        assistant: Who answers.
        talk: The conversation.
        options: Of the command.
        screen: The terminal.
    """

    def __init__(self, assistant: Assistant, talk: Talk, options: ConverseOptions, screen: Terminal) -> None:
        self.talk = talk
        self.options = options
        self.screen = screen
        self.speech = not options.text_only
        """Whether spoken answers are asked for."""
        self.saves_files = True
        """Whether spoken answers go to files of their own; at the prompt they only do where the user names them."""
        self.how = inputs.ask_options(options, None, live=False)
        """How answers are wanted: voice and system message can change from turn to turn."""
        self.last: Reply | None = None
        """The last answer; its sound is as the service sent it."""
        self._assistant = assistant
        self._changed: list[Assistant] = []

    @property
    def settings(self) -> Settings:
        """The settings of the assistant that answers now."""
        return self._assistant.settings

    @property
    def number(self) -> int:
        """Of the next turn, from 1."""
        return len(self.talk.turns) + 1

    @property
    def voice(self) -> str:
        """Of spoken answers."""
        return self.how.voice or self.settings.voice

    def take(self, asked: UserTurn, *, again: bool = False) -> None:
        """Ask, deliver, keep, show.

        Args:
            asked: What the user says.
            again: Let the turn take the last one's place.

        Raises:
            AudiochatError: it failed; the conversation is as it was.
        """
        where = self._destination() if self.speech else None
        more = {"turn": self.number - again, "session": self.talk.name}
        delivery = Delivery("converse", self._assistant, self.screen, where, speech_required=False, **more)
        try:
            delivery.take(self.talk.events(asked, self._options(where), again=again))
        finally:
            self.last = delivery.reply or self.last
        if self.speech and delivery.reply is not None and delivery.reply.audio is None:
            self.screen.note("The model answered in text alone.")

    def retake(self) -> None:
        """Ask the last question again; the new answer takes the old one's place.

        Raises:
            UsageError: there is no turn yet.
            AudiochatError: it failed; the old answer stays.
        """
        if not self.talk.turns:
            raise UsageError("There is no turn to repeat.", hint="Ask something first.")
        self.take(self.talk.turns[-1].asked, again=True)

    def change_model(self, name: str) -> None:
        """Let another model answer from the next turn on.

        Raises:
            ConfigurationError: it cannot be asked.
        """
        from audiochat.assistant import Assistant

        assistant = Assistant(replace(self.settings, model=name), progress=self.screen)
        self.talk.go_on_with(assistant.events, origin=lambda: assistant.origin)
        self._changed.append(assistant)
        self._assistant = assistant

    def close(self) -> None:
        """Close the connections of the models that were changed to."""
        for assistant in self._changed:
            assistant.close()

    def _options(self, where: Destination | None) -> AskOptions:
        return replace(self.how, format=None if where is None else where.format, live=is_live(where, self.screen))

    def _destination(self) -> Destination:
        """Where the next spoken answer goes."""
        if self.saves_files:
            name = output_name(self.options, self.number)
            format_ = self.options.answer_format()
            overwrite = self.options.output is not None
            return destination.choose(name, format_, self.options, self.screen, replace=overwrite)
        speaker = destination.find_speaker(self.screen) if self.options.play else None
        return Destination("wav", speaker=speaker)


def output_name(options: ConverseOptions, number: int) -> str:
    """The file of a turn's spoken answer: in the folder, or by the pattern, that -o gives."""
    output, suffix = options.output, formats.named(options.answer_format()).suffix
    if output is None:
        return f"turn-{number}{suffix}"
    if destination.is_folder(output):
        return str(files.user_path(output) / f"turn-{number}{suffix}")
    return output.replace(NUMBER, str(number))


def check_output(options: ConverseOptions, *, several: bool) -> None:
    """Refuse an output that turns would overwrite; make the folder that is named as one.

    Raises:
        UsageError: it has no place for the turn's number.
    """
    output = options.output
    if output is None or options.text_only:
        return
    if output.endswith(("/", "\\")):
        files.make_folder(files.user_path(output))
    if several and not destination.is_folder(output) and (output == STDOUT or NUMBER not in output):
        raise UsageError(
            "Several turns make several answers.",
            hint=f"Name a folder (-o replies/) or a pattern (-o turn-{NUMBER}.wav).",
        )
