"""Ask one question and show its answer: what `speak` and `analyze` have in common."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiochat import config, files
from audiochat.cli.options import SUFFIX_OF_FORMAT, AnswerOptions
from audiochat.errors import AudiochatError, UsageError
from audiochat.request import VOICES, Request, UserTurn
from audiochat.terminal import Streams, Terminal

if TYPE_CHECKING:
    from audiochat.cli.delivery import Delivered, Outlet
    from audiochat.client import Client
    from audiochat.config import Settings
    from audiochat.providers import Connection
    from audiochat.reply import Reply

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how the answer is to come."""

    command: str
    turn: UserTurn
    stem: str
    """Of the spoken answer's file when the user names none."""
    format: str | None
    """Of the spoken answer; None asks for text alone."""


def terminal(options: AnswerOptions) -> Terminal:
    """The terminal of a command, as its options want it."""
    return Terminal(Streams.of_process(), quiet=options.quiet, debug=options.debug, as_json=options.as_json)


def ask(question: Question, options: AnswerOptions, screen: Terminal) -> None:
    """Check what can be checked, send the request, deliver and show the answer."""
    outlet = _outlet(question, options, screen)
    settings = config.load(options.flags())
    system, parameters = _system(options.system), options.parameters()
    started = time.monotonic()
    connection = _connect(settings, screen)
    streams = screen.shows_words or (outlet is not None and (options.output == STDOUT or options.play))
    request = Request(
        model=connection.model,
        turns=(question.turn,),
        voice=settings.voice,
        format=_asked_format(outlet, streams=streams),
        system=system,
        parameters=parameters,
    )
    client = _client(connection, settings, screen)
    exchange = _streamed if streams else _whole
    reply, delivered = exchange(client, request, outlet, screen)
    if screen.as_json:
        elapsed = time.monotonic() - started
        screen.envelope(_envelope(question.command, reply, delivered, connection, elapsed=elapsed))
    _notes(reply, delivered, screen)


def _outlet(question: Question, options: AnswerOptions, screen: Terminal) -> Outlet | None:
    """Where the spoken answer goes; None where none is asked for. Whatever cannot work is refused here."""
    if question.format is None:
        return None
    if options.output == STDOUT and options.as_json:
        raise UsageError("--json and -o - would mix on stdout.", hint="Name a file with -o.")
    if options.output == STDOUT and screen.streams.stdout_is_terminal:
        raise UsageError("Sound is not for a terminal.", hint="Name a file with -o, or pipe it: … -o - | ffplay -")
    name = options.output or f"{question.stem}{SUFFIX_OF_FORMAT[question.format]}"
    target = files.Target(Path(name), replace=options.output is not None)
    if options.output != STDOUT:
        target.check()
    from audiochat.cli import delivery

    outlet: Outlet = delivery.ToPipe(screen, question.format)
    if options.output != STDOUT:
        outlet = delivery.ToFile(target, question.format, screen=screen, keep_partial=options.keep_partial)
    if options.play:
        from audiochat.audio import devices

        try:
            outlet = delivery.Aloud(outlet, devices.loudspeaker())
        except devices.NoDeviceError as exc:
            screen.note(f"{exc} The answer is not played.")
    return outlet


def _asked_format(outlet: Outlet | None, *, streams: bool) -> str | None:
    """The format to ask the service for."""
    from audiochat.cli import delivery

    if outlet is None:
        return None
    return "pcm16" if streams else delivery.service_format(outlet.format)


def _system(option: str | None) -> str | None:
    if option is not None and option.startswith("@"):
        return files.read_text(Path(option[1:]))
    return option


def _connect(settings: Settings, screen: Terminal) -> Connection:
    from audiochat import providers

    connection = providers.connect(settings, screen)
    if settings.provider != "local" and settings.voice not in VOICES:
        screen.note(f"The voice {settings.voice!r} is not one that is known; asking for it all the same.")
    return connection


def _client(connection: Connection, settings: Settings, screen: Terminal) -> Client:
    from audiochat.client import Client

    return Client(connection, timeout=settings.timeout, retries=settings.retries, progress=screen)


def _whole(client: Client, request: Request, outlet: Outlet | None, screen: Terminal) -> tuple[Reply, Delivered | None]:
    """Wait for the whole answer. The sound first, so that it is safe when the reader of the words has gone."""
    with screen.waiting("Waiting for the answer"):
        reply = client.send(request)
    delivered = outlet.give(reply) if outlet is not None else None
    if not screen.as_json:
        screen.transcript(reply.transcript)
    return reply, delivered


def _streamed(
    client: Client, request: Request, outlet: Outlet | None, screen: Terminal
) -> tuple[Reply, Delivered | None]:
    """Hand the answer on while it comes."""
    stream = client.stream(request)
    words = screen.words()
    try:
        for delta in screen.expecting("Waiting for the answer", stream):
            words.add(delta.text)
            if outlet is not None and delta.pcm:
                outlet.take(delta.pcm)
    except BaseException:  # Ctrl-C, and a reader that has gone, among them
        words.end()
        if outlet is not None:
            outlet.abandon()
        raise
    finally:
        words.end()
        stream.close()
    delivered = _finish(outlet, stream.reply, screen) if outlet is not None else None
    if delivered is not None and delivered.path is None:
        screen.aside(stream.reply.transcript)
    elif not screen.as_json and not screen.shows_words:
        screen.transcript(stream.reply.transcript)
    return stream.reply, delivered


def _finish(outlet: Outlet, reply: Reply, screen: Terminal) -> Delivered:
    try:
        return outlet.finish(reply)
    except AudiochatError as exc:
        if screen.shows_words:
            exc.transcript = None  # it stands there already
        raise


def _notes(reply: Reply, delivered: Delivered | None, screen: Terminal) -> None:
    if delivered is not None and delivered.path is not None:
        screen.note(f"{delivered.path}  {delivered.seconds or 0:.1f} s")
    if reply.finish_reason == "length":
        screen.note("The answer was cut at the limit of tokens.")


def _envelope(
    command: str, reply: Reply, delivered: Delivered | None, connection: Connection, *, elapsed: float
) -> dict[str, Any]:
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
        "provider": connection.provider,
        "model": reply.model or connection.model,
        "transcript": reply.transcript,
        "audio": audio,
        "usage": asdict(reply.usage),
        "finish_reason": reply.finish_reason,
        "request_id": reply.request_id,
        "elapsed": round(elapsed, 3),
    }
