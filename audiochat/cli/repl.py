"""The interactive prompt of `converse`: history, editing, and commands that start with a slash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from audiochat import files
from audiochat.audio import formats
from audiochat.chat.request import UserTurn
from audiochat.chat.speech import spoken_as
from audiochat.cli import inputs
from audiochat.cli.sanitize import escape_control_chars
from audiochat.cli.signals import interrupts
from audiochat.cli.turns import TurnTaker, parse_turn
from audiochat.errors import AudiochatError, UsageError
from audiochat.spool import open_data

if TYPE_CHECKING:
    from audiochat.chat.recordings import Recording
    from audiochat.chat.reply import Reply

_LEAVE = "Ctrl-C again, or /quit, leaves."


class Leave(Exception):  # noqa: N818 - not an error: the person has had enough
    """The user wants to leave."""


class Prompt:
    """Asks for turns and commands until the user leaves."""

    def __init__(self, taker: TurnTaker, first: Recording | None) -> None:
        self._taker = taker
        self._talk = taker.talk
        self._screen = taker.screen
        self._attached: list[Recording] = [] if first is None else [first]
        self._commands: dict[str, tuple[Callable[[str], None], str]] = {
            "/attach": (self._attach, "FILE: attach a recording to the next turn"),
            "/record": (self._record, "ask with the microphone, until silence or Enter"),
            "/play": (self._play, "[N]: play an answer again, the last one or that of turn N"),
            "/save": (self._save, "FILE: save the last spoken answer"),
            "/voice": (self._voice, "NAME: another voice"),
            "/text": (self._text, "answers in text alone"),
            "/speech": (self._speech, "spoken answers"),
            "/system": (self._system, "[TEXT]: another system message, or show it"),
            "/usage": (self._usage, "tokens so far"),
            "/undo": (self._undo, "forget the last turn"),
            "/help": (self._help, "this"),
            "/quit": (self._quit, "leave"),
        }

    def run(self) -> None:
        """Ask until the user leaves."""
        session = self._prompt_session()
        self._greet()
        interrupted = False
        while True:
            interrupts.reset()
            try:
                with self._screen.as_it_was():  # also when a signal comes while the prompt is drawn
                    line = session.prompt(f"{self._taker.number}> ").strip()
            except KeyboardInterrupt:
                if interrupted:
                    return
                interrupted = True
                self._screen.note(_LEAVE)
                continue
            except EOFError:
                return
            interrupted = False
            try:
                self._obey(line)
            except Leave:
                return

    def _prompt_session(self) -> Any:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import WordCompleter
        from prompt_toolkit.history import InMemoryHistory
        from prompt_toolkit.output import create_output

        said = [turn.asked.text for turn in self._talk.turns if turn.asked.text]
        history = InMemoryHistory(
            [escape_control_chars(text) for text in said]
        )  # a session may have come from anywhere
        completer = WordCompleter(list(self._commands), sentence=True)
        # The terminal, wherever it is: stdout may be a pipe, which gets the transcripts.
        output = create_output(always_prefer_tty=True)
        return PromptSession(history=history, completer=completer, output=output, complete_while_typing=False)

    def _greet(self) -> None:
        if self._talk.name is not None:
            self._screen.note(f"Session {self._talk.name}, turn {self._taker.number}. /help shows the commands.")
        else:
            self._screen.note("Nothing is kept. /help shows the commands.")
        for recording in self._attached:
            self._screen.note(f"{recording.name} goes with the next turn.")

    def _obey(self, line: str) -> None:
        """Do what a line says; whatever fails, the prompt comes back."""
        word, _, rest = line.partition(" ")
        try:
            if word in self._commands:
                self._commands[word][0](rest.strip())
            elif word.startswith("/"):
                raise UsageError(f"There is no command {word}.", hint="/help shows them all.")
            elif line:
                self._ask(parse_turn(line))
            elif self._attached:
                self._ask(UserTurn())
        except AudiochatError as error:
            self._screen.error(error)
        except KeyboardInterrupt:
            self._screen.note("Stopped.")

    def _ask(self, asked: UserTurn) -> None:
        turn = replace(asked, recordings=(*self._attached, *asked.recordings))
        self._taker.take(turn)
        self._attached.clear()

    # --- commands

    def _say(self, text: str) -> None:
        """What a command answers, also with --quiet: somebody has asked for it."""
        self._screen.aside(text, always=True)

    def _attach(self, name: str) -> None:
        if not name:
            raise UsageError("/attach wants a file.", hint="/attach memo.m4a")
        self._attached.append(inputs.recording_from_file(name.strip("\"'")))
        self._say(f"{name} goes with the next turn.")

    def _record(self, _: str) -> None:
        self._ask(UserTurn(None, (inputs.recording_from_microphone(self._screen, self._taker.options.max_seconds),)))

    def _play(self, number: str) -> None:
        from audiochat.audio import codec, devices

        sound = spoken_as(self._reply(number), "wav").data
        try:
            loudspeaker = devices.loudspeaker()
        except devices.NoDeviceError as exc:
            raise UsageError("There is no loudspeaker to play it.", hint=str(exc)) from exc
        try:
            for block in codec.decode(open_data(sound), name="the answer"):
                loudspeaker.play(block)
            loudspeaker.drain()
        except KeyboardInterrupt:
            loudspeaker.stop()
            raise

    def _save(self, name: str) -> None:
        from audiochat.audio import codec

        if not name:
            raise UsageError("/save wants a file.", hint="/save answer.mp3")
        reply = self._reply("")
        path = files.user_path(name.strip("\"'"))
        format_ = formats.of_suffix(path.suffix) if path.suffix else "wav"
        if format_ is None:
            suffixes = ", ".join(formats.named(format_name).suffix for format_name in formats.ANSWER_FORMATS)
            raise UsageError(f"There is no format {path.suffix}.", hint=f"Choose {suffixes}.")
        target = files.Target(path, replace=True)
        target.check()
        data = spoken_as(reply, format_).data
        self._say(f"{target.save(data)}  {codec.duration(data, format_) or 0:.1f} s")

    def _voice(self, name: str) -> None:
        if name:
            self._taker.how = replace(self._taker.how, voice=name)
        self._say(f"The voice is {self._taker.voice}.")

    def _text(self, _: str) -> None:
        self._taker.speech = False
        self._say("Answers come in text alone.")

    def _speech(self, _: str) -> None:
        self._taker.speech = True
        self._say("Answers are spoken.")

    def _system(self, text: str) -> None:
        if text:
            self._taker.how = replace(self._taker.how, system=inputs.system_message(text))
        self._say(f"The system message is: {self._taker.how.system or self._talk.system or 'none'}")

    def _usage(self, _: str) -> None:
        total = self._talk.usage
        self._say(
            f"{total.input_tokens} tokens in ({total.input_audio_tokens} of sound), "
            f"{total.output_tokens} out ({total.output_audio_tokens} of sound)."
        )

    def _undo(self, _: str) -> None:
        undone = self._talk.undo()
        self._taker.last = None
        self._say("The last turn is forgotten." if undone else "There is no turn to forget.")

    def _help(self, _: str) -> None:
        for name, (_command, what) in self._commands.items():
            self._say(f"{name:8} {what}")

    def _quit(self, _: str) -> None:
        raise Leave

    def _reply(self, number: str) -> Reply:
        """The spoken answer of a turn, of the last one by default."""
        turns = self._talk.turns
        if number and not (number.isdecimal() and 1 <= int(number) <= len(turns)):
            raise UsageError(f"There is no turn {number}.", hint=f"The turns are 1 to {len(turns)}.")
        reply = turns[int(number) - 1].reply if number else self._taker.last or (turns[-1].reply if turns else None)
        if reply is None or reply.audio is None:
            raise UsageError("There is no spoken answer.", hint="Ask something first; /speech asks for speech.")
        return reply


def run(taker: TurnTaker, first: Recording | None) -> None:
    """Talk in a terminal, until the user leaves."""
    taker.saves_files = taker.options.output is not None
    Prompt(taker, first).run()
