"""Print: data on stdout, everything for people on stderr."""

from __future__ import annotations

import errno
import io
import json
import os
import stat
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, BinaryIO, TypeVar

from audiochat.cli.hints import for_command_line
from audiochat.cli.live_text import LiveText
from audiochat.cli.sanitize import escape_control_chars, escape_json
from audiochat.errors import FileError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import Console

    from audiochat.errors import AudiochatError
    from audiochat.progress import Unit, Update

T = TypeVar("T")

HTTP_LOG = "audiochat.http"
"""The log of `transport.http_log`, which is not imported here: most runs never read it."""

_LONG = 2_000

_SOON = 60.0
"""Seconds in which a note is not printed again."""


class ReaderGone(Exception):  # noqa: N818 - not an error: `head` has seen enough
    """The reader of stdout has closed it."""


@dataclass(frozen=True, slots=True)
class Streams:
    """The standard streams of the process; a test makes its own."""

    stdin: BinaryIO | None
    stdout: BinaryIO | None
    stderr: IO[str] | None
    stdin_is_terminal: bool = False
    stdout_is_terminal: bool = False
    stderr_is_terminal: bool = False

    @classmethod
    def of_process(cls) -> Streams:
        """The three streams of this process, of which any may be closed."""
        if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal of another encoding gets what it can show
            sys.stdout.reconfigure(errors="replace")
        return cls(
            stdin=sys.stdin.buffer if sys.stdin else None,
            stdout=sys.stdout.buffer if sys.stdout else None,
            stderr=sys.stderr,
            stdin_is_terminal=bool(sys.stdin and sys.stdin.isatty()),
            stdout_is_terminal=bool(sys.stdout and sys.stdout.isatty()),
            stderr_is_terminal=bool(sys.stderr and sys.stderr.isatty()),
        )


class Terminal:
    """Prints, and shows long work (`Progress`). A run has one."""

    def __init__(self, streams: Streams, *, as_json: bool = False) -> None:
        self.streams = streams
        self.quiet = False
        self.as_json = as_json
        self._people: Console | None = None
        self._noted: dict[str, float] = {}
        """Notes, and when they were printed."""
        self._log_handler: logging.Handler | None = None
        self.interrupted: str | None = None
        """The words that had come of an answer when it was interrupted: they are paid for."""

    def configure(self, *, quiet: bool = False, debug: bool = False, as_json: bool = False) -> None:
        """Apply the options of a command."""
        self.quiet, self.as_json = quiet, as_json
        if debug:
            self._show_http_log()

    # --- stdout: data

    def write(self, data: bytes) -> None:
        """Write data to stdout, and flush it.

        Raises:
            ReaderGone: its reader has closed it.
            FileError: it cannot be written.
        """
        out = self.streams.stdout
        if out is None:
            raise FileError("Standard output is closed.", hint="Leave it open, or send it to a file.")
        try:
            rest = memoryview(data)
            while rest:  # with PYTHONUNBUFFERED, stdout is a raw file, which takes what fits into the pipe
                rest = rest[out.write(rest) :]
            out.flush()
        except OSError as exc:
            self.abandon_stdout()
            if isinstance(exc, BrokenPipeError) or (sys.platform == "win32" and exc.errno == errno.EINVAL):
                raise ReaderGone from exc
            why = exc.strerror or exc
            raise FileError(f"Standard output cannot be written: {why}.", hint="Send it elsewhere: … > FILE") from exc

    def stdout_position(self) -> int | None:
        """The position in stdout, if it is a file that can be rewound; None if it is appended to (`>>`)."""
        out = self.streams.stdout
        with suppress(OSError, AttributeError):  # a test's stdout is no file
            if out is not None and stat.S_ISREG(os.fstat(out.fileno()).st_mode) and not _appends(out.fileno()):
                return out.tell()
        return None

    def overwrite(self, position: int, data: bytes) -> None:
        """Write over what stands at a position of stdout; see `stdout_position`."""
        out = self.streams.stdout
        if out is not None:
            with suppress(OSError):  # what is written is whole without it
                end = out.tell()
                out.seek(position)
                self.write(data)
                out.seek(end)

    def abandon_stdout(self) -> None:
        """Drop what could not be written, so that Python's flush at exit does not fail again."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.__stdout__.fileno() if sys.__stdout__ else 1)
        os.close(nowhere)

    def abandon_if_full(self, failure: OSError) -> bool:
        """Whether stdout, on which Typer prints its help, cannot be written; what is buffered is dropped then."""
        if failure.errno == errno.ENOSPC and failure.filename is None:  # nothing waits when stdout is not buffered
            return True
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError:
            self.abandon_stdout()
            return True
        return False

    def transcript(self, text: str) -> None:
        """Print the words of an answer: to a pipe as they are, on a terminal wrapped, control characters escaped."""
        if not self.streams.stdout_is_terminal:
            self.write(_line(text).encode("utf-8", errors="replace"))
            return
        from rich.console import Console

        Console().print(escape_control_chars(text), markup=False, highlight=False, emoji=False)

    def markdown(self, text: str) -> None:
        """Print Markdown: rendered on a terminal, as it is to a pipe."""
        if not self.streams.stdout_is_terminal:
            self.write(_line(text).encode("utf-8", errors="replace"))
            return
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(escape_control_chars(text), hyperlinks=False))

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
        """Print rows: a table with its header on a terminal, values with tabs between them to a pipe.

        Args:
            header: What the columns hold.
            rows: Each a line.
            empty: The note on stderr where there are none.
        """
        if not rows:
            self.note(empty)
        elif not self.streams.stdout_is_terminal:
            self.write("".join("\t".join(row) + "\n" for row in rows).encode("utf-8", errors="replace"))
        else:
            from rich.console import Console
            from rich.table import Table

            table = Table(box=None, pad_edge=False, header_style="bold")
            for name in header:
                table.add_column(name, no_wrap=name == header[0])
            for row in rows:
                table.add_row(*(escape_control_chars(value, lines=False) for value in row))
            Console(markup=False, emoji=False).print(table)

    @property
    def shows_words(self) -> bool:
        """Whether words can be shown while they come: stdout is a terminal, and no JSON goes there."""
        return self.streams.stdout_is_terminal and not self.as_json

    def live_text(self) -> LiveText:
        """Shows a transcript while it comes, where stdout is a terminal."""
        if not self.shows_words:
            return LiveText(None)
        from rich.console import Console

        return LiveText(Console(highlight=False))

    def envelope(self, fields: Mapping[str, Any]) -> None:
        """One JSON object on a line of its own, for `--json`."""
        line = json.dumps(fields, ensure_ascii=False)
        line = escape_json(line) if self.streams.stdout_is_terminal else line
        self.write(_line(line).encode("utf-8", errors="replace"))

    # --- stderr: people

    def aside(self, text: str, *, always: bool = False, dim: bool = False) -> None:
        """Print words to stderr, those of an answer whose sound goes to stdout for one.

        Args:
            text: May have several lines.
            always: Even with `--quiet`.
            dim: Whether it is less than what people look for.
        """
        if always or not self.quiet:
            self._say(escape_control_chars(text), "dim" if dim else None)

    def note(self, text: str) -> None:
        """Print a note, unless `--quiet`, or it was printed less than a minute ago."""
        now = time.monotonic()
        if self.quiet or now - self._noted.get(text, -_SOON) < _SOON:
            return
        self._noted[text] = now
        self._say(_cut(escape_control_chars(text, lines=False)), "dim")

    def error(self, error: AudiochatError) -> None:
        """Print what failed and why, what to do, and the service's id of the request; even with `--quiet`."""
        self._say(_cut(escape_control_chars(f"audiochat: {error.message}", lines=False)), "red")
        for line in (for_command_line(error), error.request_id and f"request id: {error.request_id}"):
            if line:
                self._say(_cut(escape_control_chars(line, lines=False)))

    @contextmanager
    def task(self, label: str, *, total: float | None = None, unit: Unit = "bytes") -> Iterator[Update]:
        """A spinner, or a bar where there is a total, if stderr is a terminal; else lines. See `Progress`."""
        console = self._animated()
        if console is None:
            if unit != "bytes":
                from audiochat.cli.progress_lines import ProgressLines

                yield ProgressLines(label, total, unit, say=self.note).update
                return
            if total is not None:
                from audiochat.cli.progress_lines import amount

                self.note(f"{label} ({amount(total, total, unit)})")
            yield lambda _done, _detail="": None
        else:
            from audiochat.cli import moving_progress

            shown = escape_control_chars(label, lines=False)
            moving = moving_progress.spinner(console, shown, unit)
            if total is not None:
                moving = moving_progress.bar(console, shown, total, unit)
            with moving as update:
                yield update

    @contextmanager
    def meter(self, text: str) -> Iterator[Callable[[float], None]]:
        """Show a level meter, in dBFS, where stderr is a terminal; otherwise the text alone."""
        console = self._animated()
        if console is None:
            self.note(text)
            yield lambda _level: None
            return
        from audiochat.cli import moving_progress

        with moving_progress.meter(console, text) as update:
            yield update

    def enter_pressed(self) -> bool:
        """Whether something was typed meanwhile; it is taken out of the input. False where stdin is no terminal."""
        if not self.streams.stdin_is_terminal:
            return False
        if sys.platform == "win32":
            import msvcrt

            return msvcrt.kbhit() and msvcrt.getwch() in "\r\n"
        import select

        if not select.select([sys.stdin.fileno()], [], [], 0)[0]:
            return False
        os.read(sys.stdin.fileno(), 1024)
        return True

    @contextmanager
    def as_it_was(self) -> Iterator[None]:
        """Restore the terminal's echo and line mode at the end of the block, whatever happens in it."""
        if sys.platform == "win32" or not self.streams.stdin_is_terminal:
            yield
            return
        import termios

        before = termios.tcgetattr(0)
        try:
            yield
        finally:
            with suppress(termios.error):  # it has gone
                termios.tcsetattr(0, termios.TCSANOW, before)

    @contextmanager
    def without_echo(self) -> Iterator[None]:
        """Let what is typed in the block wait, unseen, for whatever reads the terminal next."""
        if sys.platform == "win32" or not self.streams.stdin_is_terminal:
            yield
            return
        import termios

        with self.as_it_was():
            quiet = termios.tcgetattr(0)
            quiet[3] &= ~termios.ECHO
            with suppress(termios.error):
                termios.tcsetattr(0, termios.TCSANOW, quiet)
            yield

    def _show_http_log(self) -> None:
        """Show the log of HTTP exchanges on stderr, for `--debug`."""
        import logging

        handler = logging.Handler()
        handler.emit = lambda record: self._say(escape_control_chars(record.getMessage()))  # type: ignore[method-assign]
        logger = logging.getLogger(HTTP_LOG)
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        self._log_handler = handler

    def close(self) -> None:
        """Leave the log as it was found."""
        if self._log_handler is not None:
            import logging

            logger = logging.getLogger(HTTP_LOG)
            logger.removeHandler(self._log_handler)
            logger.setLevel(logging.NOTSET)

    def _animated(self) -> Console | None:
        if self.quiet or not self.streams.stderr_is_terminal or os.environ.get("TERM") == "dumb":
            return None
        return self._console()

    def _console(self) -> Console:
        if self._people is None:
            from rich.console import Console

            self._people = Console(stderr=True)
        return self._people

    def _say(self, text: str, style: str | None = None) -> None:
        err = self.streams.stderr
        if err is None:
            return
        if self.streams.stderr_is_terminal:
            from audiochat.cli.style import columns, styled, wrapped

            text = styled(wrapped(text, columns(err)), style)
        with suppress(OSError):  # nobody listens, and there is nowhere else to say so
            if self._people is not None:  # a spinner may be turning: it has to make room
                from rich.text import Text

                self._people.print(Text.from_ansi(text), soft_wrap=True)
            else:
                err.write(_line(text))
                err.flush()


def _appends(descriptor: int) -> bool:
    """Whether all that is written goes to a file's end, wherever one seeks."""
    if sys.platform == "win32":
        return False
    import fcntl

    return bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND)


def _cut(line: str) -> str:
    """A line cut to a readable length: it may quote a megabyte of what was given."""
    return line if len(line) <= _LONG else f"{line[: _LONG // 2]} … {line[-_LONG // 2 :]}"


def _line(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"
