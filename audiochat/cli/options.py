"""The options that commands share, and what becomes of them."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

from audiochat import config
from audiochat.audio import formats
from audiochat.chat.request import OWNED
from audiochat.errors import UsageError

if TYPE_CHECKING:
    from audiochat.cli.terminal import Terminal

OptionsT = TypeVar("OptionsT")

MAX_SECONDS = 300.0
"""Of a recording from the microphone."""

DEEPEST = 100
"""Levels of a parameter: more than any API has, and fewer than what hurts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOptions:
    """What every command takes that asks a model."""

    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="File for the spoken answer; - is stdout.",
            show_default=False,
        ),
    ] = None
    format: Annotated[
        str | None,
        typer.Option(
            "-f",
            "--format",
            metavar="FORMAT",
            help="wav, mp3, flac, opus, aac, m4a or pcm16. [default: by the output's suffix, else wav]",
            show_default=False,
        ),
    ] = None
    voice: Annotated[
        str | None, typer.Option("-v", "--voice", help="The voice. [default: alloy]", show_default=False)
    ] = None
    model: Annotated[
        str | None, typer.Option("-m", "--model", help="Deployment (Azure) or model.", show_default=False)
    ] = None
    system: Annotated[
        str | None,
        typer.Option("-s", "--system", metavar="TEXT", help="System message; @FILE reads it.", show_default=False),
    ] = None
    provider: Annotated[
        str | None,
        typer.Option("--provider", help="azure, openai or local. [default: by what is configured]", show_default=False),
    ] = None
    play: Annotated[bool, typer.Option("--play", help="Play the answer while it arrives.")] = False
    record: Annotated[
        bool, typer.Option("-r", "--record", help="Take the question from the microphone, until silence or Enter.")
    ] = False
    max_seconds: Annotated[
        float | None,
        typer.Option(
            "--max-seconds",
            metavar="SECONDS",
            help=f"The longest recording of -r. [default: {MAX_SECONDS:.0f}]",
            show_default=False,
        ),
    ] = None
    keep_partial: Annotated[
        bool, typer.Option("--keep-partial", help="Keep what came of the sound when the answer is cut.")
    ] = False
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No notes, no progress; errors stay.")] = False
    debug: Annotated[bool, typer.Option("--debug", help="Show the HTTP exchange, without secrets and sound.")] = False
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="KEY=VALUE",
            help="Any other parameter of the API; may be given again.",
            show_default=False,
        ),
    ] = None
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", help=f"Seconds for one request. [default: {config.TIMEOUT:.0f}]", show_default=False),
    ] = None
    retries: Annotated[
        int | None,
        typer.Option(
            "--retries",
            help=f"How often a failed request is sent again. [default: {config.RETRIES}]",
            show_default=False,
        ),
    ] = None
    env_file: Annotated[
        Path | None,
        typer.Option("--env-file", metavar="PATH", help="Read this file instead of .env.", show_default=False),
    ] = None

    def settings(self) -> config.Settings:
        """The settings of a run: what the options say, else the environment and `.env`."""
        from audiochat.files import user_path

        env_file = None if self.env_file is None else user_path(str(self.env_file))
        return config.load(
            config.Flags(
                provider=self.provider,
                model=self.model,
                voice=self.voice,
                timeout=self.timeout,
                retries=self.retries,
                env_file=env_file,
            )
        )

    def check(self) -> None:
        """Refuse what excludes itself.

        Raises:
            UsageError: an option has nothing to work on.
        """
        if self.max_seconds is not None and not self.record:
            raise UsageError("--max-seconds is for the microphone.", hint="Add -r, or leave it out.")

    def answer_format(self) -> str:
        """The format of the spoken answer: what is asked for, or what the output's suffix says, or WAV.

        Raises:
            UsageError: there is no such format, or the output's suffix says another.
        """
        suffix = Path(self.output).suffix if self.output else ""
        if self.format is None:
            return formats.of_suffix(suffix) or "wav"
        if self.format.lower() not in formats.ANSWER_FORMATS:
            choices = ", ".join(formats.ANSWER_FORMATS)
            raise UsageError(f"There is no format {self.format!r}.", hint=f"Choose {choices}.")
        if formats.disagree(suffix, self.format.lower()):
            raise UsageError(
                f"-f {self.format} and {self.output} name different formats.",
                hint="Leave out -f, or give the file another suffix.",
            )
        return self.format.lower()

    def parameters(self) -> dict[str, Any]:
        """What `--param` adds to the request.

        Raises:
            UsageError: it is not KEY=VALUE, or KEY has an option of its own.
        """
        found: dict[str, Any] = {}
        for item in self.param or []:
            key, equals, value = item.partition("=")
            if not equals or not key:
                raise UsageError(f"--param wants KEY=VALUE, not {item!r}.", hint="--param max_completion_tokens=200")
            if key == "n":
                raise UsageError("--param n: one answer at a time is taken.", hint="Ask again for another.")
            found[key] = _json_or_text(value)
            if key in OWNED and not (key == "modalities" and found[key] is None):
                raise UsageError(f"--param {key}: there is an option for that.", hint="See --help.")
            if _deep(found[key]):
                raise UsageError(f"--param {key} is nested too deeply.", hint=f"{DEEPEST} levels are taken at most.")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOrSpeechOptions(AnswerOptions):
    """What a command takes besides when its answer may be text alone."""

    text_only: Annotated[bool, typer.Option("--text-only", help="Ask for text alone.")] = False

    def check(self) -> None:
        """Refuse what excludes itself.

        Raises:
            UsageError: sound is told where to go, and not wanted.
        """
        AnswerOptions.check(self)
        if self.text_only and (self.output or self.format or self.play):
            raise UsageError("--text-only makes no sound.", hint="Leave out -o, -f and --play, or --text-only.")

    def wanted_format(self) -> str | None:
        """The format of the spoken answer; None where text alone is wanted."""
        return None if self.text_only else self.answer_format()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConverseOptions(TextOrSpeechOptions):
    """What a conversation takes besides."""

    turn: Annotated[
        list[str] | None,
        typer.Option(
            "-t",
            "--turn",
            metavar="TEXT",
            help="A turn; may be given again. @FILE in it attaches a recording, @@ is a plain @.",
            show_default=False,
        ),
    ] = None
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="NAME", help="Keep it, or go on, under this name.", show_default=False),
    ] = None
    resume: Annotated[bool, typer.Option("--continue", help="Go on with the last conversation.")] = False
    save: Annotated[bool, typer.Option("--save/--no-save", help="Keep the conversation.")] = True

    def check(self) -> None:
        """Refuse what excludes itself.

        Raises:
            UsageError: what is said about sound, or about sessions, cannot be done together.
        """
        TextOrSpeechOptions.check(self)
        if not self.save and (self.session is not None or self.resume):
            raise UsageError("--no-save keeps nothing to go on with.", hint="Leave out --session and --continue.")
        if self.session is not None and self.resume:
            raise UsageError("--continue goes on with the last session, --session NAME with that one.", hint="Choose.")


def takes(options: type[OptionsT]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the fields of `options` as its options, and the terminal of the run.

    The command has keyword-only parameters named `options` and `screen`; Typer sees the fields in their place.
    """
    hints = get_type_hints(options, include_extras=True)
    shared = [
        inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, default=item.default, annotation=hints[item.name])
        for item in fields(options)  # type: ignore[arg-type] # a dataclass, which has no name as a type
    ]
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            parameter
            for name, parameter in inspect.signature(command, eval_str=True).parameters.items()
            if name not in ("options", "screen")
        ]

        @functools.wraps(command)
        def with_options(**values: Any) -> None:
            screen: Terminal = values.pop("context").obj
            mine: Any = options(**{parameter.name: values.pop(parameter.name) for parameter in shared})
            screen.configure(quiet=mine.quiet, debug=mine.debug, as_json=mine.as_json)
            command(**values, options=mine, screen=screen)

        signature = inspect.Signature([*own, *shared, context])
        with_options.__signature__ = signature  # type: ignore[attr-defined] # what inspect looks for
        with_options.__annotations__ = {name: item.annotation for name, item in signature.parameters.items()}
        return with_options

    return decorate


def _json_or_text(value: str) -> Any:
    def no_number(word: str) -> None:
        raise ValueError(word)

    try:
        return json.loads(value, parse_constant=no_number)
    except ValueError:
        return value
    except RecursionError:
        raise UsageError("--param is nested too deeply.", hint=f"{DEEPEST} levels are taken at most.") from None


def _deep(value: object) -> bool:
    """Whether a parameter has more than `DEEPEST` levels."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return any(isinstance(inner, list | dict) for inner in level)
