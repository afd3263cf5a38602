"""The commands of the prompt of `converse`, which start with a slash."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from audiochat import files
from audiochat.audio import formats
from audiochat.chat.request import CUSTOM_VOICE, VOICES, UserTurn
from audiochat.chat.speech import spoken_as
from audiochat.cli import inputs
from audiochat.cli.ask import check_engine_voice
from audiochat.errors import UsageError
from audiochat.spool import open_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from audiochat.chat.recordings import Recording
    from audiochat.chat.reply import Reply
    from audiochat.cli.turns import TurnTaker
    from audiochat.spool import Data


_REPLACE = "--replace"


class Leave(Exception):  # noqa: N818 - not an error: the person has had enough
    """The user wants to leave."""


class Commands:
    """The commands of the prompt.

    Args:
        taker: Takes the turns.
        ask: Asks, with what is attached.
        redo: Asks the last question again.
        first: A recording that goes with the first turn.
    """

    def __init__(
        self,
        taker: TurnTaker,
        ask: Callable[[UserTurn], None],
        redo: Callable[[], None],
        first: Recording | None,
    ) -> None:
        self.attached: list[Recording] = [] if first is None else [first]
        """Recordings that go with the next turn."""
        self._wrote: set[Path] = set()
        """Files that commands wrote, which they may write again."""
        self._taker = taker
        self._talk = taker.talk
        self._screen = taker.screen
        self._ask = ask
        self._table: dict[str, tuple[Callable[[str], None], str]] = {
            "/attach": (self._attach, "FILE: attach a recording to the next turn"),
            "/detach": (self._detach, "take attached recordings away again"),
            "/record": (self._record, "ask with the microphone, until silence or Enter"),
            "/play": (self._play, "[N]: play an answer again, the last one or that of turn N"),
            "/save": (self._save, "[--replace] FILE: save the last spoken answer"),
            "/redo": (lambda _: redo(), "ask the last question again"),
            "/undo": (self._undo, "forget the last turn"),
            "/history": (self._history, "what was said"),
            "/export": (
                self._export,
                "[--replace] FILE: write the conversation as Markdown, or as JSON to a .json file",
            ),
            "/voice": (self._voice, "NAME: another voice"),
            "/model": (self._model, "NAME: another model or deployment"),
            "/system": (self._system, "[TEXT]: another system message, or show it"),
            "/text": (self._text, "answers in text alone"),
            "/speech": (self._speech, "spoken answers"),
            "/usage": (self._usage, "tokens so far"),
            "/help": (self._help, "show this list"),
            "/quit": (self._quit, "leave"),
        }
        self.names = tuple(self._table)

    def obey(self, name: str, argument: str) -> None:
        """Do what a command says.

        Raises:
            AudiochatError: it cannot be done.
            Leave: the user wants to leave.
        """
        self._table[name][0](argument)

    def _say(self, text: str) -> None:
        """Print what a command answers, also with --quiet: the user asked for it."""
        self._screen.aside(text, always=True)

    def _attach(self, name: str) -> None:
        if not name:
            raise UsageError("/attach wants a file.", hint="/attach memo.m4a")
        path = inputs.dragged(name)
        self.attached.append(inputs.recording_from_file(path))
        self._say(f"{path} goes with the next turn.")

    def _detach(self, _: str) -> None:
        self._say("Nothing is attached any more." if self.attached else "Nothing is attached.")
        self.attached.clear()

    def _record(self, _: str) -> None:
        self._ask(UserTurn(None, (inputs.recording_from_microphone(self._screen, self._taker.options.max_seconds),)))

    def _play(self, number: str) -> None:
        from audiochat.audio import codec, devices

        sound = spoken_as(self._reply(number), "wav").data
        try:
            loudspeaker = devices.loudspeaker()
        except devices.NoDeviceError as exc:
            raise UsageError("There is no loudspeaker to play it.", hint=f"{exc} /save FILE keeps it.") from exc
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
        target = self._target(name, "/save")
        path = target.path
        format_ = formats.of_suffix(path.suffix) if path.suffix else "wav"
        if format_ is None:
            suffixes = ", ".join(formats.named(format_name).suffix for format_name in formats.ANSWER_FORMATS)
            raise UsageError(f"There is no format {path.suffix}.", hint=f"Choose {suffixes}.")
        target.check()
        data = spoken_as(reply, format_).data
        self._say(f"{self._written(target, data)}  {codec.duration(data, format_) or 0:.1f} s")

    def _target(self, argument: str, command: str) -> files.Target:
        """The file that a command is to write: a new one, one that was written here before, or one to `--replace`.

        Raises:
            UsageError: there is a file of that name, which holds something else.
        """
        first, _, rest = argument.partition(" ")
        insists = first == _REPLACE and bool(rest.strip())
        name = rest.strip() if insists else argument
        path = files.user_path(inputs.dragged(name))
        if not insists and files.is_file(path) and path.resolve() not in self._wrote:
            raise UsageError(f"{path} is there already.", hint=f"To replace it: {command} {_REPLACE} {name}")
        return files.Target(path, replace=True)

    def _written(self, target: files.Target, data: Data) -> Path:
        path = target.save(data)
        self._wrote.add(path.resolve())
        return path

    def _undo(self, _: str) -> None:
        undone = self._talk.undo()
        self._taker.last = None
        self._say("The last turn is forgotten." if undone else "There is no turn to forget.")

    def _history(self, _: str) -> None:
        from audiochat.chat.export import asked

        for number, turn in enumerate(self._talk.turns, 1):
            self._say(f"{number}> {asked(turn)}\n\n{turn.reply.transcript}\n")
        if not self._talk.turns:
            self._say("Nothing was said yet.")

    def _export(self, name: str) -> None:
        from audiochat.chat.export import as_markdown
        from audiochat.chat.sessions import Session, as_page

        if not name:
            raise UsageError("/export wants a file.", hint="/export evening.md")
        target = self._target(name, "/export")
        path = target.path
        turns = list(self._talk.turns)
        began = turns[0].answered_at if turns else int(time.time())
        session = Session(self._talk.name or "Conversation", path.parent, began, self._talk.system, turns)
        as_json = path.suffix.lower() == ".json"
        text = json.dumps(as_page(session), ensure_ascii=False, indent=2) if as_json else as_markdown(session)
        target.check()
        self._say(f"{self._written(target, text.encode())}")

    def _voice(self, name: str) -> None:
        if name:
            check_engine_voice(replace(self._taker.settings, voice=name))
            self._taker.how = replace(self._taker.how, voice=name)
        known = name in VOICES or name.startswith(CUSTOM_VOICE) or self._taker.settings.provider == "local"
        if name and not known:
            self._say(f"{name} is asked for, though it is no known voice; those are {', '.join(VOICES)}.")
        else:
            self._say(f"The voice is {self._taker.voice}.")

    def _model(self, name: str) -> None:
        if name:
            self._taker.change_model(name)
        model = self._taker.settings.model or "the engine's own"
        self._say(f"The model is {model}.")

    def _text(self, _: str) -> None:
        self._taker.speech = False
        self._say("Answers come in text alone.")

    def _speech(self, _: str) -> None:
        self._taker.speech = True
        self._say("Answers are spoken.")

    def _system(self, text: str) -> None:
        if text:
            self._taker.how = replace(self._taker.how, system=inputs.system_message(text))
        system = self._taker.how.system or self._talk.system
        self._say(f"The system message is: {system}" if system else "There is no system message.")

    def _usage(self, _: str) -> None:
        total = self._talk.usage
        self._say(
            f"{total.input_tokens} tokens in ({total.input_audio_tokens} of sound), "
            f"{total.output_tokens} out ({total.output_audio_tokens} of sound)."
        )

    def _help(self, _: str) -> None:
        for name, (_command, what) in self._table.items():
            self._say(f"{name:9} {what}")
        self._say("Alt+Enter begins another line; @FILE in a turn attaches a recording; Tab completes.")

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
