"""Ask one question and show its answer: what `speak` and `analyze` have in common."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiochat import config, files
from audiochat.cli.options import SUFFIX_OF_FORMAT, AnswerOptions
from audiochat.errors import AudiochatError, BrokenAnswerError, FileError, UsageError
from audiochat.request import SERVICE_FORMATS, VOICES, Request, UserTurn
from audiochat.terminal import Streams, Terminal

if TYPE_CHECKING:
    from audiochat.config import Settings
    from audiochat.providers import Connection
    from audiochat.reply import Reply, SpokenAudio

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
    """Check what can be checked, send the request, save and show the answer."""
    target = _target(question, options, screen)
    settings = config.load(options.flags())
    system = _system(options.system)
    parameters = options.parameters()
    started = time.monotonic()
    connection = _connect(settings, screen)
    request = Request(
        model=connection.model,
        turns=(question.turn,),
        voice=settings.voice,
        format=_service_format(question.format),
        system=system,
        parameters=parameters,
    )
    reply = _send(request, connection, settings, screen)
    _show(reply, question, target, connection, screen, started=started)


def _target(question: Question, options: AnswerOptions, screen: Terminal) -> files.Target | None:
    """Where the spoken answer goes; None is stdout (or nowhere, when none is asked for)."""
    if question.format is None:
        return None
    if options.output == STDOUT:
        if options.as_json:
            raise UsageError("--json and -o - would mix on stdout.", hint="Name a file with -o.")
        if screen.streams.stdout_is_terminal:
            raise UsageError("Sound is not for a terminal.", hint="Name a file with -o, or pipe it: … -o - | ffplay -")
        return None
    name = options.output or f"{question.stem}{SUFFIX_OF_FORMAT[question.format]}"
    target = files.Target(Path(name), replace=options.output is not None)
    target.check()
    return target


def _service_format(wanted: str | None) -> str | None:
    return wanted if wanted is None or wanted in SERVICE_FORMATS else "wav"


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


def _send(request: Request, connection: Connection, settings: Settings, screen: Terminal) -> Reply:
    from audiochat.client import Client

    client = Client(connection, timeout=settings.timeout, retries=settings.retries, progress=screen)
    with screen.waiting("Waiting for the answer"):
        return client.send(request)


def _show(
    reply: Reply,
    question: Question,
    target: files.Target | None,
    connection: Connection,
    screen: Terminal,
    *,
    started: float,
) -> None:
    """The sound first, so that it is safe when the reader of the words has gone."""
    audio = None
    if question.format is not None:
        audio = _sound(reply, question.format)
        if target is not None:
            try:
                path = target.save(audio.data)
            except FileError as exc:
                exc.transcript = reply.transcript
                raise
            audio.describe(path)
        else:
            screen.write(audio.data)
    if screen.as_json:
        screen.envelope(_envelope(reply, question, audio, connection, elapsed=time.monotonic() - started))
    elif audio is not None and target is None:
        screen.aside(reply.transcript)
    else:
        screen.transcript(reply.transcript)
    if audio is not None and target is not None:
        screen.note(f"{audio.path}  {audio.seconds or 0:.1f} s")
    if reply.finish_reason == "length":
        screen.note("The answer was cut at the limit of tokens.")


@dataclass(slots=True)
class Sound:
    """The spoken answer as it is handed over."""

    data: bytes
    format: str
    spoken: SpokenAudio
    path: Path | None = None
    seconds: float | None = None

    def describe(self, path: Path) -> None:
        """Take note of where it went, and how long it lasts."""
        from audiochat.audio import convert

        self.path = path
        self.seconds = convert.seconds(self.data, self.format)


def _sound(reply: Reply, wanted: str) -> Sound:
    """The spoken answer in the format that the user wants, whatever came.

    Raises:
        BrokenAnswerError: there is none, or it is no sound; the words are kept with the error.
    """
    from audiochat.audio import convert, wav
    from audiochat.audio.sniff import sniff

    if reply.audio is None:
        raise BrokenAnswerError(
            "The model answered in text, though speech was asked for.",
            hint="Ask again, or ask for speech in the system message (-s).",
            code="no_audio",
            request_id=reply.request_id,
            transcript=reply.transcript,
        )
    data = reply.audio.data
    asked = _service_format(wanted)
    try:
        if asked == "pcm16" or sniff(data) == asked == wanted:
            data = wav.mend(data) if wanted == "wav" else data
        else:
            data = convert.transcode(data, wanted, name="the answer")
    except FileError as exc:
        raise _no_sound(reply) from exc
    if not data or (wanted == "wav" and wav.read(data) is None):
        raise _no_sound(reply)
    return Sound(data, wanted, reply.audio)


def _no_sound(reply: Reply) -> AudiochatError:
    return BrokenAnswerError(
        "What came as the spoken answer is no sound that can be read.",
        hint="Try another -f, or report the request id.",
        request_id=reply.request_id,
        transcript=reply.transcript,
    )


def _envelope(
    reply: Reply, question: Question, audio: Sound | None, connection: Connection, *, elapsed: float
) -> dict[str, Any]:
    described = None
    if audio is not None:
        described = {
            "path": str(audio.path),
            "format": audio.format,
            "seconds": None if audio.seconds is None else round(audio.seconds, 3),
            "bytes": len(audio.data),
            "id": audio.spoken.id,
            "expires_at": audio.spoken.expires_at,
        }
    return {
        "command": question.command,
        "status": "ok",
        "provider": connection.provider,
        "model": reply.model or connection.model,
        "transcript": reply.transcript,
        "audio": described,
        "usage": asdict(reply.usage),
        "finish_reason": reply.finish_reason,
        "request_id": reply.request_id,
        "elapsed": round(elapsed, 3),
    }
