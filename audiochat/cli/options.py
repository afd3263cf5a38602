"""The options that commands share, and what becomes of them."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

from audiochat import config
from audiochat.audio import formats
from audiochat.chat.request import OWNED, VOICES
from audiochat.errors import UsageError

if TYPE_CHECKING:
    from audiochat.cli.terminal import Terminal

OptionsT = TypeVar("OptionsT")

MAX_SECONDS = 300.0
"""Of a recording from the microphone."""

_CHOICES = f"{', '.join(formats.ANSWER_FORMATS[:-1])} or {formats.ANSWER_FORMATS[-1]}"

DEEPEST = 100
"""Levels of a parameter: more than any API has, and fewer than what hurts."""


def option(panel: str, *names: str, text: str, metavar: str | None = None) -> Any:
    """An option of a command.

    Args:
        panel: The heading that the help shows it under.
        names: As it is typed, the short one first.
        text: What it does, its default included.
        metavar: What its value is called; None for a flag.
    """
    return typer.Option(*names, help=text, metavar=metavar, rich_help_panel=panel, show_default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOptions:
    """The options of every command that asks a model: which one, and how it is reached."""

    model: Annotated[
        str | None,
        option(
            "Model",
            "-m",
            "--model",
            metavar="MODEL",
            text="The deployment (Azure) or model. [env: AUDIOCHAT_MODEL, AZURE_OPENAI_DEPLOYMENT_NAME] "
            f"[default: {config.AZURE_DEPLOYMENT} on Azure, {config.OPENAI_MODEL} elsewhere]",
        ),
    ] = None
    provider: Annotated[
        str | None,
        option(
            "Model",
            "--provider",
            metavar="PROVIDER",
            text="azure, openai or local. [env: AUDIOCHAT_PROVIDER] [default: the one that is configured, else local]",
        ),
    ] = None
    quiet: Annotated[bool, option("Output", "-q", "--quiet", text="No notes, no progress; only errors.")] = False
    debug: Annotated[
        bool, option("Output", "--debug", text="Show requests and responses on stderr, without secrets and sound.")
    ] = False
    timeout: Annotated[
        float | None,
        option(
            "Network",
            "--timeout",
            metavar="SECONDS",
            text=f"The longest that one request may take. [default: {config.TIMEOUT:.0f}]",
        ),
    ] = None
    env_file: Annotated[
        Path | None,
        option("Network", "--env-file", metavar="PATH", text="Read this file instead of .env."),
    ] = None

    def load_settings(
        self,
        *,
        provider: str | None = None,
        voice: str | None = None,
        retries: int | None = None,
        serve_key: str | None = None,
    ) -> config.Settings:
        """The settings: what the options say, else the environment and `.env`.

        Args:
            provider: Where no option names one.
            voice: Of spoken answers.
            retries: How often a failed request is sent again.
            serve_key: What clients of our own server have to send.
        """
        from audiochat.files import user_path

        env_file = None if self.env_file is None else user_path(str(self.env_file))
        return config.load(
            config.Flags(
                provider=self.provider or provider,
                model=self.model,
                voice=voice,
                timeout=self.timeout,
                retries=retries,
                env_file=env_file,
                serve_key=serve_key,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions(ServiceOptions):
    """The options of every command that sends requests and prints results."""

    as_json: Annotated[bool, option("Output", "--json", text="Print one JSON object on stdout.")] = False
    retries: Annotated[
        int | None,
        option(
            "Network",
            "--retries",
            metavar="N",
            text=f"How often a failed request is sent again. [default: {config.RETRIES}]",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOptions(RequestOptions):
    """The options of every command that asks for an answer."""

    output: Annotated[
        str | None,
        option(
            "Answer",
            "-o",
            "--output",
            metavar="PATH",
            text="File or folder/ for the spoken answer; - is stdout.",
        ),
    ] = None
    format: Annotated[
        str | None,
        option(
            "Answer",
            "-f",
            "--format",
            metavar="FORMAT",
            text=f"{_CHOICES}. [default: by the output's suffix, else wav]",
        ),
    ] = None
    voice: Annotated[
        str | None,
        option(
            "Answer",
            "-v",
            "--voice",
            metavar="VOICE",
            text=f"{', '.join(VOICES)}, the id of a voice of your own, or one of 'audiochat voices list'. "
            f"[env: AUDIOCHAT_VOICE] [default: {config.VOICE}]",
        ),
    ] = None
    play: Annotated[bool, option("Answer", "--play", text="Play the answer while it arrives.")] = False
    keep_partial: Annotated[
        bool, option("Answer", "--keep-partial", text="Keep the sound received so far when an answer is cut off.")
    ] = False
    system: Annotated[
        str | None, option("Model", "-s", "--system", metavar="TEXT", text="The system message; @FILE reads it.")
    ] = None
    param: Annotated[
        list[str] | None,
        option(
            "Model",
            "--param",
            metavar="KEY=VALUE",
            text="Any other parameter of the API, JSON where it parses; may be given again.",
        ),
    ] = None
    record: Annotated[
        bool,
        option("Recording", "-r", "--record", text="Take the question from the microphone, until silence or Enter."),
    ] = False
    max_seconds: Annotated[
        float | None,
        option(
            "Recording",
            "--max-seconds",
            metavar="SECONDS",
            text=f"The longest recording of -r. [default: {MAX_SECONDS:.0f}]",
        ),
    ] = None

    def settings(self) -> config.Settings:
        """The settings of a run: what the options say, else the environment and `.env`."""
        return self.load_settings(voice=self.voice, retries=self.retries)

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
        """The parameters that `--param` adds to the request.

        Raises:
            UsageError: it is not KEY=VALUE, or KEY has an option of its own.
        """
        parameters: dict[str, Any] = {}
        for item in self.param or []:
            key, equals, value = item.partition("=")
            if not equals or not key:
                raise UsageError(f"--param wants KEY=VALUE, not {item!r}.", hint="--param max_completion_tokens=200")
            if key == "n":
                raise UsageError("--param n: one answer at a time is taken.", hint="Ask again for another.")
            parameters[key] = _json_or_text(value)
            if key in OWNED and not (key == "modalities" and parameters[key] is None):
                raise UsageError(f"--param {key}: there is an option for that.", hint="See --help.")
            if _deep(parameters[key]):
                raise UsageError(f"--param {key} is nested too deeply.", hint=f"{DEEPEST} levels are taken at most.")
        return parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOrSpeechOptions(AnswerOptions):
    """More options for commands whose answer may be text alone."""

    text_only: Annotated[bool, option("Answer", "--text-only", text="Ask for a text answer, without speech.")] = False

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
    """More options for a conversation."""

    turn: Annotated[
        list[str] | None,
        option(
            "Conversation",
            "-t",
            "--turn",
            metavar="TEXT",
            text="What to say; may be given again. @FILE in it attaches a recording, @@ is a plain @.",
        ),
    ] = None
    session: Annotated[
        str | None,
        option(
            "Conversation", "--session", metavar="NAME", text="The name of the conversation, to begin or to go on with."
        ),
    ] = None
    resume: Annotated[bool, option("Conversation", "--continue", text="Go on with the last conversation.")] = False
    save: Annotated[
        bool, option("Conversation", "--save/--no-save", text="Whether to keep the conversation. [default: it is kept]")
    ] = True

    def check(self) -> None:
        """Refuse what excludes itself.

        Raises:
            UsageError: what is said about sound, or about sessions, cannot be done together.
        """
        TextOrSpeechOptions.check(self)
        if not self.save and (self.session is not None or self.resume):
            raise UsageError("--no-save keeps nothing to go on with.", hint="Leave out --session and --continue.")
        if self.session is not None and self.resume:
            raise UsageError(
                "--continue and --session exclude each other.", hint="--session NAME alone goes on with NAME."
            )


def takes(options: type[OptionsT]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the fields of `options` as its options, and the terminal of the run.

    The command has keyword-only parameters named `options` and `screen`; Typer sees the fields in their place.
    """
    hints = get_type_hints(options, include_extras=True)
    shared = [
        inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, default=item.default, annotation=hints[item.name])
        for item in fields(options)  # type: ignore[arg-type] # a dataclass, which has no name as a type
    ]
    # Typer takes the first name that `option` gives it for a default.
    flags = {name: str(hint.__metadata__[0].default) for name, hint in hints.items() if hasattr(hint, "__metadata__")}
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
            parsed: Any = options(**{parameter.name: values.pop(parameter.name) for parameter in shared})
            screen.configure(quiet=parsed.quiet, debug=parsed.debug, as_json=parsed.as_json)
            _refuse_empty(parsed, flags)
            command(**values, options=parsed, screen=screen)

        signature = inspect.Signature([*own, *shared, context])
        with_options.__signature__ = signature  # type: ignore[attr-defined] # what inspect looks for
        with_options.__annotations__ = {name: item.annotation for name, item in signature.parameters.items()}
        return with_options

    return decorate


_MAY_BE_EMPTY = {"system", "prompt", "style", "title", "author", "narrator", "turn", "param"}
"""Options that take words, of which none can be meant; all others name something."""


def _refuse_empty(options: Any, flags: Mapping[str, str]) -> None:
    """Refuse options without a value: a script's variable that is not set must not mean the default.

    Raises:
        UsageError: there is one.
    """
    for name, flag in flags.items():
        value = getattr(options, name)
        if name not in _MAY_BE_EMPTY and (value == "" or (isinstance(value, list) and "" in value)):
            raise UsageError(f"{flag} is empty.", hint="A variable that is not set? Leave it out for the default.")


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
