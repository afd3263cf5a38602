"""Ask, deliver and show: what the commands that ask a model have in common."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiochat import config, files
from audiochat.chat.request import VOICES, Request, UserTurn
from audiochat.cli import inputs
from audiochat.cli.options import FORMAT_OF_SUFFIX, SUFFIX_OF_FORMAT, AnswerOptions
from audiochat.cli.terminal import ReaderGone, Streams, Terminal, Words
from audiochat.errors import AudiochatError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from audiochat.chat.client import Client
    from audiochat.chat.reply import Reply
    from audiochat.chat.request import Turn
    from audiochat.cli.sinks import Delivered, Outlet
    from audiochat.transport.connection import Connection

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked once, and how the answer is to come."""

    command: str
    turn: Callable[[], UserTurn]
    """Makes the turn: reads its files, or records it."""
    stem: str
    """Of the spoken answer's file when the user names none."""
    format: str | None
    """Of the spoken answer; None asks for text alone."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, and where its sound went."""

    reply: Reply
    delivered: Delivered | None
    elapsed: float
    """Seconds."""
    outlet: Outlet | None


def terminal(options: AnswerOptions) -> Terminal:
    """The terminal of a command, as its options want it."""
    streams = Streams.of_process()
    if streams.stdout is None:
        raise UsageError("Standard output is closed: the words of the answer would be lost.", hint="Leave it open.")
    return Terminal(streams, quiet=options.quiet, debug=options.debug, as_json=options.as_json)


def ask(question: Question, options: AnswerOptions, screen: Terminal) -> None:
    """Check what can be checked, send the request, deliver and show the answer."""
    outlet = None
    if question.format is not None:
        suffix = SUFFIX_OF_FORMAT[question.format]
        name = f"{question.stem}{suffix}" if options.output is None else options.output
        outlet = outlet_for(name, question.format, options, screen)
    run = Run(options, screen)
    if options.record:  # nobody should speak in vain: everything else is checked before
        run.connection  # noqa: B018 - made when it is looked at
    run.show(run.exchange((question.turn(),), outlet), question.command)


def outlet_for(name: str, format_: str, options: AnswerOptions, screen: Terminal) -> Outlet:
    """Where a spoken answer goes; whatever cannot work is refused here, before it costs."""
    from audiochat.cli import sinks

    outlet: Outlet
    if not name:
        raise UsageError("-o wants a file's name.", hint="It is empty: a variable that is not set?")
    if name == STDOUT:
        if options.as_json:
            raise UsageError("--json and -o - would mix on stdout.", hint="Name a file with -o.")
        if screen.streams.stdout_is_terminal:
            raise UsageError("Sound is not for a terminal.", hint="Name a file with -o, or pipe it: … -o - | ffplay -")
        outlet = sinks.ToPipe(screen, format_)
    else:
        target = files.Target(Path(name), replace=options.output is not None)
        target.check(folder=name.endswith(("/", os.sep)))
        if Path(name).suffix and options.format is None and Path(name).suffix.lower() not in FORMAT_OF_SUFFIX:
            screen.note(f"{name} will hold WAV: there is no format of that name; -f chooses another.")
        outlet = sinks.ToFile(target, format_, screen=screen, keep_partial=options.keep_partial)
    return aloud(outlet, screen) if options.play else outlet


def aloud(outlet: Outlet, screen: Terminal) -> Outlet:
    """The same outlet, and the loudspeaker where there is one."""
    from audiochat.audio import devices
    from audiochat.cli import sinks

    try:
        return sinks.Aloud(outlet, devices.loudspeaker(), screen)
    except devices.NoDeviceError as exc:
        screen.note(f"{exc} The answer is not played.")
        return outlet


class Run:
    """One run of a command: its settings and its connection, and how answers are shown."""

    def __init__(self, options: AnswerOptions, screen: Terminal) -> None:
        from audiochat import providers

        self._screen = screen
        config.without_plugins()
        self._settings = settings = config.load(options.flags())
        self.system = inputs.system_message(options.system)
        self._parameters = options.parameters()
        self.voice = settings.voice
        self._connect = providers.begin(settings, screen)
        if settings.provider != "local" and settings.voice not in VOICES:
            screen.note(f"The voice {settings.voice!r} is not one that is known; asking for it all the same.")

    @cached_property
    def connection(self) -> Connection:
        """The connection, made when it is first looked at: what was begun with the run goes on until then."""
        return self._connect()

    @cached_property
    def _client(self) -> Client:
        from audiochat.chat.client import Client

        settings = self._settings
        return Client(self.connection, timeout=settings.timeout, retries=settings.retries, progress=self._screen)

    def exchange(
        self, turns: tuple[Turn, ...], outlet: Outlet | None, *, system: str | None = None, required: bool = True
    ) -> Answered:
        """Ask, and deliver the answer; while it comes, where that helps.

        Args:
            turns: The conversation, up to the user's turn.
            outlet: Where the sound goes; None asks for text alone.
            system: Added to the system message.
            required: Whether an answer without the sound that was asked for is an error.
        """
        from audiochat.cli import sinks

        started = time.monotonic()
        live = self._screen.shows_words or (outlet is not None and outlet.live)
        format_ = None if outlet is None else "pcm16" if live else sinks.service_format(outlet.format)
        request = self._request(turns, format_, system)
        words = self._screen.words()
        reply = None
        try:
            reply = self._stream(request, outlet, words) if live else self._wait(request)
            delivered = None
            if outlet is not None and (required or reply.audio is not None):
                delivered = outlet.finish(reply) if live else outlet.give(reply)
            elif outlet is not None:
                outlet.abandon()
        except AudiochatError as exc:
            if exc.transcript and not words.begun:
                self._save_words(exc.transcript, outlet)
            raise
        except (KeyboardInterrupt, SystemExit):
            if reply is not None and not words.begun:  # it is whole: only its sound finds no end
                with suppress(AudiochatError, ReaderGone):
                    self._save_words(reply.transcript, outlet)
            raise
        return Answered(reply, delivered, time.monotonic() - started, outlet)

    def show(self, answered: Answered, command: str, **more: Any) -> None:
        """Show the words, unless they were shown while they came; and what is worth a note."""
        screen, reply, delivered = self._screen, answered.reply, answered.delivered
        if screen.as_json:
            screen.envelope({**_envelope(command, answered, self), **more})
        elif delivered is not None and delivered.path is None:
            screen.aside(reply.transcript)
        elif not screen.shows_words:
            screen.transcript(reply.transcript)
        if delivered is not None and delivered.path is not None:
            screen.note(f"{delivered.path}  {delivered.seconds or 0:.1f} s")
        if reply.finish_reason == "length":
            screen.note("The answer was cut at the limit of tokens.")
        if answered.outlet is not None:
            answered.outlet.settle()

    def _wait(self, request: Request) -> Reply:
        with self._screen.task("Waiting for the answer"):
            return self._client.send(request)

    def _stream(self, request: Request, outlet: Outlet | None, words: Words) -> Reply:
        """Hand the answer on while it comes."""
        stream = self._client.stream(request)
        try:
            for delta in self._screen.expecting("Waiting for the answer", stream):
                words.add(delta.text)
                if outlet is not None and delta.pcm:
                    outlet.take(delta.pcm)
        except BaseException:  # Ctrl-C, and a reader that has gone, among them
            words.end()
            if outlet is not None:
                self._abandon(outlet)
            raise
        finally:
            words.end()
            stream.close()
        return stream.reply

    def _request(self, turns: tuple[Turn, ...], format_: str | None, system: str | None) -> Request:
        return Request(
            model=self.connection.model,
            turns=turns,
            voice=self.voice,
            format=format_,
            system="\n\n".join(part for part in (self.system, system) if part) or None,
            parameters=self._parameters,
        )

    def _abandon(self, outlet: Outlet) -> None:
        """Let go of an answer that will not become whole, whatever becomes of its part."""
        try:
            outlet.abandon()
        except AudiochatError as error:
            self._screen.note(error.message)

    def _save_words(self, transcript: str, outlet: Outlet | None) -> None:
        """Show what an answer that is spoiled otherwise says: it has been paid for."""
        if self._screen.as_json:  # the envelope has them
            return
        if outlet is not None and outlet.takes_stdout:
            self._screen.aside(transcript, always=True)
        else:
            self._screen.transcript(transcript)


def _envelope(command: str, answered: Answered, run: Run) -> dict[str, Any]:
    reply, delivered = answered.reply, answered.delivered
    audio = None
    if delivered is not None:
        audio = {
            "path": str(delivered.path),
            "format": delivered.format,
            "seconds": None if delivered.seconds is None else round(delivered.seconds, 3),
            "bytes": delivered.size,
            "id": delivered.spoken.id,
            "expires_at": delivered.spoken.expires_at,
        }
    return {
        "command": command,
        "status": "ok",
        "provider": run.connection.provider,
        "model": reply.model or run.connection.model,
        "transcript": reply.transcript,
        "audio": audio,
        "usage": asdict(reply.usage),
        "finish_reason": reply.finish_reason,
        "request_id": reply.request_id,
        "elapsed": round(answered.elapsed, 3),
    }
