"""`audiochat transcribe`: recordings of any length in, their words out."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audiochat.cli.job_options import JobOptions, failures_told, note_when_stopped, told
from audiochat.cli.options import option, takes
from audiochat.cli.terminal import Terminal
from audiochat.errors import AudiochatError, UsageError

if TYPE_CHECKING:
    from audiochat.jobs.job import Job
    from audiochat.jobs.plan import Plan
    from audiochat.jobs.runner import Outcome
    from audiochat.jobs.store import JobStore
    from audiochat.jobs.transcribe.cues import Shape
    from audiochat.jobs.transcribe.job import Transcriber
    from audiochat.jobs.transcribe.sources import Source
    from audiochat.jobs.transcribe.transcript import Transcript

FORMATS = ("txt", "srt", "vtt", "tsv", "json")
_TEXTS = ("", "txt", "text", "md")
"""Suffixes of what is written as text when no format is named."""

EXAMPLES = """\
audiochat transcribe talk.m4a -o talk.srt
audiochat transcribe interviews/ -R -f txt -f json -o words/ -j 8
audiochat transcribe call.wav --channels --language en --prompt "Ada Lovelace, Menabrea"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribeOptions(JobOptions):
    """The options of `transcribe`."""

    format: Annotated[
        list[str] | None,
        option(
            "Output",
            "-f",
            "--format",
            metavar="FORMAT",
            text="txt, srt, vtt, tsv, json or all; may be given again. [default: by -o's suffix, else txt]",
        ),
    ] = None
    language: Annotated[
        str | None,
        option(
            "Recording", "--language", metavar="CODE", text="The language that is spoken: en, de, … [default: detected]"
        ),
    ] = None
    prompt: Annotated[
        str | None,
        option("Recording", "--prompt", metavar="TEXT", text="Names and terms to spell right; @FILE reads it."),
    ] = None
    channels: Annotated[
        bool,
        option(
            "Recording", "--channels", text="Transcribe each channel by itself, for calls with one speaker a channel."
        ),
    ] = False
    recursive: Annotated[
        bool, option("Recording", "-R", "--recursive", text="Look into folders within folders as well.")
    ] = False
    piece: Annotated[
        float | None,
        option(
            "Recording",
            "--piece",
            metavar="SECONDS",
            text="The longest piece that one request carries. [default: what suits the model]",
        ),
    ] = None
    no_check: Annotated[
        bool,
        option("Model", "--no-check", text="Do not check that the model answers with a transcript."),
    ] = False
    words: Annotated[bool, option("Output", "--words", text="Subtitles word by word: one cue for each.")] = False
    max_line_width: Annotated[
        int,
        option(
            "Output", "--max-line-width", metavar="N", text="Most characters in a line of a subtitle. [default: 42]"
        ),
    ] = 42
    max_line_count: Annotated[
        int, option("Output", "--max-line-count", metavar="N", text="Most lines in a subtitle. [default: 2]")
    ] = 2

    def formats(self) -> tuple[str, ...]:
        """The formats to write, each once.

        Raises:
            UsageError: there is no such format, or several and one file.
        """
        names = [name.lower() for name in self.format or ()]
        for name in names:
            if name not in (*FORMATS, "all"):
                raise UsageError(f"There is no format {name!r}.", hint=f"Choose {', '.join(FORMATS)} or all.")
        suffix = "" if self.is_folder() else Path(self.output or "").suffix.lower().lstrip(".")
        if not names and suffix not in (*FORMATS, *_TEXTS):
            raise UsageError(
                f"{self.output} is not named like a transcript.",
                hint=f"Name it .{', .'.join(FORMATS)}, or say with -f what is to be in it.",
            )
        names = names or [suffix if suffix in FORMATS else "txt"]
        wanted = FORMATS if "all" in names else tuple(dict.fromkeys(names))
        if len(wanted) > 1 and not self.is_folder():
            raise UsageError("Several formats need a folder.", hint="Name it with a slash at its end: -o words/")
        if suffix in FORMATS and suffix not in wanted:
            raise UsageError(f"{self.output} is named like {suffix}, and -f says {wanted[0]}.", hint="Leave out one.")
        return wanted

    def is_folder(self) -> bool:
        """Whether the output is a folder."""
        from audiochat.files import is_folder, user_path

        if self.output in (None, "-"):
            return False
        return str(self.output).endswith(("/", "\\")) or is_folder(user_path(str(self.output)))

    def shape(self) -> Shape:
        """How cues are shaped.

        Raises:
            UsageError: nothing fits into that.
        """
        from audiochat.jobs.transcribe.cues import Shape

        if self.max_line_width < 8 or self.max_line_count < 1:
            raise UsageError("A line has 8 characters at least, a cue one line.", hint="Leave them out for 42 and 2.")
        return Shape(self.max_line_width, self.max_line_count, each_word=self.words)


@takes(TranscribeOptions)
def transcribe(
    audio: Annotated[
        list[str] | None,
        typer.Argument(metavar="AUDIO", help="Recordings and folders; - is stdin.", show_default=False),
    ] = None,
    *,
    options: TranscribeOptions,
    screen: Terminal,
) -> None:
    """Write down what is said in recordings of any length. A run that stopped goes on where it was."""
    from audiochat.cli.memory import share_heaps
    from audiochat.jobs.transcribe.job import KIND, Transcriber

    share_heaps()
    with ExitStack() as opened:
        sources = _sources(audio or [], options, screen, opened)
        writer = _Writer(options, sources, screen)
        settings = options.settings()
        limits = options.limits(settings)
        transcriber = Transcriber(sources, settings, _how(options), progress=screen)
        store = options.job_store()
        if options.dry_run:
            writer.show_plan(transcriber, store)
            return
        job = opened.enter_context(store.open(KIND, transcriber.name, title=transcriber.title))
        writer.check(job, store)
        if options.fresh:
            job.forget()
        pool = options.pool(transcriber.work, settings)
        with note_when_stopped(job, screen):
            outcome = transcriber.run(job, limits=limits, store=None if options.fresh else store, pool=pool)
        code = writer.write_all(transcriber, job, outcome)
    if code:
        raise typer.Exit(code)


def _how(options: TranscribeOptions) -> Any:
    from audiochat.cli.inputs import system_message
    from audiochat.jobs.transcribe.job import Options
    from audiochat.jobs.transcribe.languages import code_of

    return Options(
        language=code_of(options.language) if options.language else None,
        prompt=system_message(options.prompt),
        piece=options.piece,
        check=not options.no_check,
        channels=options.channels,
    )


def _sources(names: list[str], options: TranscribeOptions, screen: Terminal, opened: ExitStack) -> list[Source]:
    from audiochat import files
    from audiochat.jobs.transcribe.sources import find

    stdin = screen.streams.stdin
    if not names and (stdin is None or screen.streams.stdin_is_terminal):
        raise UsageError("There is no recording to transcribe.", hint="audiochat transcribe FILE, or - for stdin.")
    names = names or ["-"]
    if names.count("-") > 1:
        raise UsageError("stdin is one recording.", hint="Give - once.")
    if "-" not in names:
        return find(names, recursive=options.recursive)
    if stdin is None or screen.streams.stdin_is_terminal:
        raise UsageError("There is no recording on stdin.", hint="audiochat transcribe - < FILE")
    copy = opened.enter_context(files.spooled(stdin, name="stdin"))
    return find(names, recursive=options.recursive, stdin=copy)


class _Writer:
    """Writes transcripts to where they belong.

    Args:
        options: Of the command.
        sources: The recordings.
        screen: The terminal.

    Raises:
        UsageError: the outputs cannot be as they are wanted.
    """

    def __init__(self, options: TranscribeOptions, sources: list[Source], screen: Terminal) -> None:
        from audiochat.files import user_path
        from audiochat.jobs.transcribe.sources import places

        self._options = options
        self._inputs = [source.path for source in sources if source.path is not None]
        self._screen = screen
        self._formats = options.formats()
        self._shape = options.shape()
        self._began = time.monotonic()
        self._named: Path | None = None
        self._places: dict[tuple[Source, str], Path] = {}
        to_stdout = options.output == "-" or (options.output is None and len(sources) == 1)
        if len(sources) > 1 and options.output is not None and not options.is_folder():
            raise UsageError(
                f"{len(sources)} recordings do not go into one file.", hint="Name a folder, with a slash: -o words/"
            )
        if options.output is not None and options.output != "-" and not options.is_folder():
            self._named = user_path(options.output)
            self._places = {(sources[0], self._formats[0]): self._named}
        elif not to_stdout:
            folder = Path() if options.output is None else user_path(options.output)
            self._places = places(sources, self._formats, folder)

    def check(self, job: Job, store: JobStore) -> None:
        """Find out, before anything is asked, whether the files can be written."""
        from audiochat.files import make_folder, refuse_input
        from audiochat.jobs.outputs import check_output

        if self._named is None:
            there = {path.absolute(): source for (source, _), path in self._places.items() if path.exists()}
            store.adopt(job, {path: source.identity for path, source in there.items()})
        for path in self._places.values():
            refuse_input(path, self._inputs)
            if self._named is None:
                for folder in reversed([path.parent, *path.parent.parents]):
                    make_folder(folder)
            check_output(job, path, replace=self._named is not None)

    def show_plan(self, transcriber: Transcriber, store: Any) -> None:
        """Tell what would be asked for."""
        from audiochat.cli.job_options import price_of
        from audiochat.jobs.transcribe.job import KIND

        if transcriber.name in store.names():
            with store.open(KIND, transcriber.name, title=transcriber.title) as job:
                plan: Plan = transcriber.plan(None if self._options.fresh else job)
        else:
            plan = transcriber.plan(None)
        price = price_of(plan, transcriber.model, transcriber.settings, self._screen)
        if self._screen.as_json:
            told_plan = {
                **plan.as_json(),
                "price": price,
                "job": transcriber.name,
                "recordings": len(transcriber.sources),
            }
            self._screen.envelope({"version": 1, "command": "transcribe", "status": "planned", **told_plan})
        else:
            self._screen.transcript(told(plan, unit="sound", price=price))

    def write_all(self, transcriber: Transcriber, job: Job, outcome: Outcome) -> int:
        """Write all transcripts; the exit code."""
        for source, transcript in transcriber.transcripts(job, outcome):
            paths = [
                self._write(job, source, transcript, format, path)
                for (place, format), path in self._places.items()
                if place is source
            ]
            if self._screen.as_json:
                self._screen.envelope(self._envelope(transcriber, source, transcript, outcome, paths))
            elif not paths:
                self._print(transcript)
            if not transcript.segments and not transcript.gaps:
                self._screen.note(f"{source.name}: nobody speaks in it.")
            for gap in transcript.gaps:
                self._screen.note(f"{source.name}: {gap.mark} {gap.reason}")
        for line in failures_told(outcome):
            self._screen.error(AudiochatError(line))
        for _, failure in transcriber.unreadable:
            self._screen.error(failure)
            if self._screen.as_json:
                from audiochat.cli import envelope

                self._screen.envelope(envelope.failure("transcribe", failure))
        return outcome.exit_code or max((error.exit_code for _, error in transcriber.unreadable), default=0)

    def _print(self, transcript: Transcript) -> None:
        from audiochat.jobs.transcribe.formats import as_file

        text = as_file(transcript, self._formats[0], self._shape)
        if text:
            self._screen.transcript(text)

    def _write(self, job: Job, source: Source, transcript: Transcript, format: str, path: Path) -> str:
        from audiochat.jobs.outputs import write_output
        from audiochat.jobs.transcribe.formats import as_file

        text = as_file(transcript, format, self._shape)
        blocks = [text.encode("utf-8", "replace")]
        named = self._named is not None
        write_output(job, path, blocks, replace=named, origin=source.identity, progress=self._screen)
        self._screen.note(str(path))
        return str(path)

    def _envelope(
        self, transcriber: Transcriber, source: Source, transcript: Transcript, outcome: Outcome, paths: list[str]
    ) -> dict[str, Any]:
        return {
            "version": 1,
            "command": "transcribe",
            "status": transcript.status,
            "provider": transcriber.settings.provider,
            "model": transcriber.model,
            "recording": source.name,
            "transcript": transcript.text,
            "language": transcript.language,
            "duration": round(transcript.duration, 3),
            "segments": [segment.as_json(words=False) for segment in transcript.segments],
            "gaps": [gap.as_json() for gap in transcript.gaps],
            "files": paths,
            "job": transcriber.name,
            "asked": outcome.asked,
            "usage": asdict(outcome.usage),
            "elapsed": round(time.monotonic() - self._began, 3),
        }
