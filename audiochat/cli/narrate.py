"""`audiochat narrate`: a book in, an audiobook out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from audiochat.audio.formats import BOOK_FORMATS, disagree, of_suffix
from audiochat.cli.ask import check_engine_voice
from audiochat.cli.job_options import JobOptions
from audiochat.cli.options import option, takes
from audiochat.cli.terminal import Terminal
from audiochat.errors import UsageError

if TYPE_CHECKING:
    from audiochat.cli.narrated import BookSource
    from audiochat.config import Settings
    from audiochat.jobs.narrate.book import Book
    from audiochat.jobs.narrate.narration import Narration
    from audiochat.jobs.narrate.speaking import Check

KIND = "narrate"
EXAMPLES = """\
audiochat narrate README.md -o readme.m4b
audiochat narrate novel.epub --skip-front --skip-notes -v marin --style "calm, a little amused" -j 8
audiochat narrate novel.epub --list
"""

LOUDNESS = -19.0
"""LUFS: what Audible's rules for speech come to."""
_QUIETEST, _LOUDEST = -40.0, -5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrateOptions(JobOptions):
    """The options of `narrate`."""

    chapters: Annotated[
        str | None,
        option("Book", "--chapters", metavar="NUMBERS", text="Only these chapters, as --list numbers them: 1,3-5."),
    ] = None
    list_: Annotated[
        bool,
        option("Book", "--list", text="Show the chapters and what is left out; ask nothing."),
    ] = False
    preview: Annotated[bool, option("Book", "--preview", text="Read only the first minute.")] = False
    skip_notes: Annotated[bool, option("Book", "--skip-notes", text="Leave out what is marked as a note.")] = False
    skip_front: Annotated[bool, option("Book", "--skip-front", text="Leave out what is marked as front matter.")] = (
        False
    )
    replace: Annotated[
        Path | None,
        option(
            "Book", "--replace", metavar="FILE", text="A file that says how to speak words: WORD==SPOKEN, a line each."
        ),
    ] = None
    language: Annotated[
        str | None,
        option(
            "Book",
            "--language",
            metavar="CODE",
            text="The language of the book: en, fr, … [default: what the book says]",
        ),
    ] = None
    title: Annotated[
        str | None,
        option("Book", "--title", metavar="TEXT", text="The title, if not the book's own."),
    ] = None
    author: Annotated[
        str | None,
        option("Book", "--author", metavar="NAME", text="The author, if not the book's own."),
    ] = None
    narrator: Annotated[
        str | None,
        option("Book", "--narrator", metavar="NAME", text="The narrator to name in the file. [default: the voice]"),
    ] = None
    cover: Annotated[
        Path | None,
        option("Book", "--cover", metavar="FILE", text="A picture. [default: cover.jpg beside the book, else its own]"),
    ] = None
    voice: Annotated[
        str | None,
        option("Answer", "-v", "--voice", metavar="VOICE", text="The voice that reads; see 'audiochat voices list'."),
    ] = None
    style: Annotated[
        str | None,
        option("Answer", "--style", metavar="TEXT", text="How to read: calm, like a bedtime story, …; @FILE reads it."),
    ] = None
    check: Annotated[
        str | None,
        option(
            "Answer",
            "--check",
            metavar="HOW",
            text="Compare the reading with the text: ear (listen to it), words (of the transcript) or none. "
            "[default: ear where the engine is installed, else words]",
        ),
    ] = None
    format: Annotated[
        str | None,
        option(
            "Output",
            "-f",
            "--format",
            metavar="FORMAT",
            text=f"{', '.join(BOOK_FORMATS)}. [default: by -o's suffix, else m4b]",
        ),
    ] = None
    split: Annotated[bool, option("Output", "--split", text="Write one file per chapter, into a folder.")] = False
    loudness: Annotated[
        float, option("Output", "--loudness", metavar="LUFS", text="Loudness of the audiobook. [default: -19]")
    ] = LOUDNESS

    def book_format(self) -> str:
        """The format of the audiobook: `-f`'s, else that of `-o`'s suffix, else m4b.

        Raises:
            UsageError: there is no such format, or the suffix stands for another one.
        """
        known = ", ".join(BOOK_FORMATS)
        suffix = "" if self._is_folder() else Path(self.output or "").suffix
        of_name = of_suffix(suffix, BOOK_FORMATS)
        if self.format is None:
            if suffix[1:].isalnum() and of_name is None:  # in "Mr. Smith" nothing is a suffix
                raise UsageError(
                    f"{self.output}: no audiobook has the suffix {suffix}.",
                    hint=f"It can be {known}; -f says so for a file of any name.",
                )
            return of_name or "m4b"
        name = self.format.lower()
        if name not in BOOK_FORMATS:
            raise UsageError(f"There is no format {self.format!r} for books.", hint=f"Choose {known}.")
        if disagree(suffix, name, BOOK_FORMATS):
            raise UsageError(
                f"-f {name} and the suffix of {self.output} are two formats.", hint="Leave -f out, or change the name."
            )
        return name

    def _is_folder(self) -> bool:
        """Whether `-o` names a folder, or stdout: nothing with a suffix."""
        from audiochat.files import is_folder, user_path

        if self.output is None or self.output == "-" or self.split:
            return True
        return self.output.endswith(("/", "\\")) or is_folder(user_path(self.output))

    def verify(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            UsageError: an option's value is none that it can have.
        """
        if self.check not in (None, "words", "ear", "none"):
            raise UsageError(f"--check {self.check}: there is no such check.", hint="Choose words, ear or none.")
        if not _QUIETEST <= self.loudness <= _LOUDEST:
            raise UsageError(
                f"--loudness wants LUFS from {_QUIETEST:.0f} to {_LOUDEST:.0f}.", hint=f"The usual is {LOUDNESS:.0f}."
            )
        if self.split and self.output == "-":
            raise UsageError("--split makes several files, and stdout is one.", hint="Name a folder with -o.")
        if self.as_json and self.output == "-":
            raise UsageError("--json and -o - would mix on stdout.", hint="Name a file with -o.")

    def in_its_language(self, source: BookSource) -> BookSource:
        """The book, with the language that `--language` gives it.

        Raises:
            UsageError: there is no such language.
        """
        from audiochat.jobs.transcribe.languages import code_of

        if self.language is None:
            return source
        return replace(source, book=replace(source.book, language=code_of(self.language)))

    def checking(self, settings: Settings, language: str) -> Check:
        """How readings are checked: by ear where the engine's recogniser is here and knows the language."""
        from audiochat.jobs.narrate.hearing import hears

        if self.check is not None:
            return cast("Literal['words', 'ear', 'none']", self.check)
        return "ear" if hears(settings, language) else "words"


@takes(NarrateOptions)
def narrate(
    book: Annotated[
        str | None, typer.Argument(metavar="BOOK", help="Text, Markdown or EPUB; - is stdin.", show_default=False)
    ] = None,
    *,
    options: NarrateOptions,
    screen: Terminal,
) -> None:
    """Turn a book into an audiobook: text, Markdown or EPUB.

    What was spoken is compared with what is written, and never asked for again.
    """
    from audiochat.cli import narrated

    options.verify()
    options.book_format()
    source = options.in_its_language(narrated.read(book, options, screen))
    if options.list_:
        narrated.show_list(source, screen)
        return
    narration = _narration(source.book, options)
    writer = narrated.Writer(source, narration, options, screen)
    if options.dry_run:
        writer.show_plan()
    elif code := writer.run():
        raise typer.Exit(code)


def _narration(book: Book, options: NarrateOptions) -> Narration:
    from audiochat.cli.inputs import system_message
    from audiochat.files import read_text, user_path
    from audiochat.jobs.narrate.narration import Narration, choose_chapters
    from audiochat.jobs.narrate.script import read_replacements, write_script
    from audiochat.jobs.narrate.speaking import Speak

    settings = options.settings(voice=options.voice)
    check_engine_voice(settings)
    table = {}
    if options.replace is not None:
        path = user_path(str(options.replace))
        table = read_replacements(read_text(path), name=str(path))
    acts = choose_chapters(write_script(book, table), options.chapters)
    # English is also what a book is taken for that says nothing; its voice goes by the text then.
    spoken = book.language if options.language or book.language != "en" else None
    check = options.checking(settings, book.language)
    work = Speak(system_message(options.style), book.language, check, spoken)
    narration = Narration(acts, work, settings)
    return narration.preview() if options.preview else narration
