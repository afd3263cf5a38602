"""The interactive prompt of `converse`: lines are turns, or commands that start with a slash."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING

from audiochat.chat.export import asked
from audiochat.cli import inputs
from audiochat.cli.line_editor import line_editor, prompt
from audiochat.cli.repl_commands import Commands, Leave
from audiochat.cli.signals import interrupts
from audiochat.cli.turns import parse_turn
from audiochat.errors import AudiochatError, UsageError

if TYPE_CHECKING:
    from audiochat.chat.recordings import Recording
    from audiochat.chat.request import UserTurn
    from audiochat.cli.turns import TurnTaker

_LEAVE = "Ctrl-C again, or /quit, leaves."

_PLAIN = {
    **dict.fromkeys(("exit", "quit", ":q", "bye", "/exit", "/q", "/bye"), "/quit"),
    **dict.fromkeys(("help", "?", "/?"), "/help"),
}
"""What else people type to leave, or for help."""

_SHOWN = 2
"""Turns that are shown when a conversation goes on."""


class Prompt:
    """Asks for turns and commands until the user leaves."""

    def __init__(self, taker: TurnTaker, first: Recording | None) -> None:
        self._taker = taker
        self._talk = taker.talk
        self._screen = taker.screen
        self._commands = Commands(taker, self._ask, self._redo, first)

    def run(self) -> None:
        """Ask until the user leaves."""
        said = [turn.asked.text for turn in self._talk.turns if turn.asked.text]
        editor = line_editor(self._commands.names, said, keep=self._talk.name is not None)
        self._greet()
        interrupted = False
        while True:
            interrupts.reset()
            try:
                with self._screen.as_it_was():  # also when a signal comes while the prompt is drawn
                    line = editor.prompt(prompt(self._taker.number)).strip()
            except KeyboardInterrupt:
                if interrupted:
                    break
                interrupted = True
                self._screen.note(_LEAVE)
                continue
            except EOFError:
                break
            interrupted = False
            try:
                with self._screen.without_echo():  # what is typed during an answer waits for the next prompt
                    self._obey(line)
            except Leave:
                break
        self._part()

    def _greet(self) -> None:
        name = self._talk.name
        if name is None:
            self._screen.note("Nothing is kept. /help shows the commands.")
        else:
            self._screen.note(f"Session {name}, turn {self._taker.number}. /help shows the commands.")
        for number, turn in list(enumerate(self._talk.turns, 1))[-_SHOWN:]:
            self._screen.aside(f"\n{number}> {asked(turn)}\n\n{turn.reply.transcript}", dim=True)
        for recording in self._commands.attached:
            self._screen.note(f"{recording.name} goes with the next turn.")

    def _part(self) -> None:
        if self._talk.name is not None and self._talk.turns:
            self._screen.note(f"Go on with it: audiochat converse --session {self._talk.name}")

    def _obey(self, line: str) -> None:
        """Do what a line says; whatever fails, the prompt comes back."""
        word, _, rest = _PLAIN.get(line, line).partition(" ")
        try:
            if word in self._commands.names:
                self._commands.obey(word, rest.strip())
            elif word.startswith("/") and not inputs.is_dragged(line):
                raise _unknown(word, self._commands.names)
            elif line and inputs.is_dragged(line):
                self._commands.obey("/attach", line)
            elif line:
                self._ask(parse_turn(line))
            elif self._commands.attached:
                self._ask(parse_turn(inputs.DESCRIBE))
        except AudiochatError as error:
            self._screen.error(error)
        except KeyboardInterrupt:
            self._screen.note("Stopped.")

    def _ask(self, turn: UserTurn) -> None:
        turn = replace(turn, recordings=(*self._commands.attached, *turn.recordings))
        self._screen.aside("")
        self._taker.take(turn)
        self._commands.attached.clear()
        self._trace()

    def _redo(self) -> None:
        self._screen.aside("")
        self._taker.retake()
        self._trace()

    def _trace(self) -> None:
        """Say what became of a spoken answer that is in no file yet."""
        from audiochat.audio import codec

        audio = self._taker.last.audio if self._taker.last is not None else None
        if audio is None or self._taker.saves_files or not self._taker.speech:
            self._screen.aside("")
            return
        seconds = codec.duration(audio.data, audio.format)
        self._screen.aside(f"♪ {seconds or 0:.1f} s · /play · /save\n", dim=True)


def _unknown(word: str, names: tuple[str, ...]) -> UsageError:
    near = difflib.get_close_matches(word, names, n=1)
    return UsageError(f"There is no command {word}.", hint=f"Did you mean {near[0]}?" if near else "/help shows them.")


def run(taker: TurnTaker, first: Recording | None) -> None:
    """Talk in a terminal, until the user leaves."""
    taker.saves_files = taker.options.output is not None
    try:
        Prompt(taker, first).run()
    finally:
        taker.close()
