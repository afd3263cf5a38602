"""The one place where an error becomes a message and an exit code."""

from __future__ import annotations

import gc
import sys

TYPE_CHECKING = False  # typing's own takes longer to import than all that `--version` does
if TYPE_CHECKING:
    from typing import NoReturn

    from audiochat.cli.terminal import Terminal
    from audiochat.errors import AudiochatError

SIGNALLED = 128
INTERRUPTED = SIGNALLED + 2
UNWRITABLE = 6

_INTERRUPTED = "interrupted"


def main() -> NoReturn:
    """Run the command line of this process."""
    try:
        arguments = sys.argv[1:]
        if arguments == ["--version"]:
            _leave(_version())
        gc.disable()  # until the libraries are imported, see audiochat.transport.sdk_imports
        from audiochat.cli import signals

        signals.heed()
        code = run(arguments)
        signals.over()
    except KeyboardInterrupt:  # before there was anything to interrupt, or on the way out
        code = INTERRUPTED
    except BaseException as exc:  # noqa: BLE001 - Python would show all of it, and it may quote a secret
        code = _fall(exc)
    _leave(code)


def _version() -> int:
    """What every script asks first, answered before anything is imported."""
    from audiochat import __version__

    try:
        print(f"audiochat {__version__}", flush=True)  # noqa: T201 - the terminal would be an import
    except BrokenPipeError:
        return 0
    except OSError:
        print("audiochat: Standard output cannot be written.\nIs the disk full?", file=sys.stderr)  # noqa: T201
        return UNWRITABLE
    return 0


def _fall(exc: BaseException) -> int:
    """Say the little that can be said when not even our own modules can be imported; nothing at a signal."""
    from audiochat.cli import signals

    if isinstance(exc, signals.Terminated):
        return int(exc.code or 0)
    if sys.stderr is not None:
        told = (
            f"audiochat: A bug in audiochat: {type(exc).__name__}.\nPlease report it, with the command that you typed."
        )
        print(told, file=sys.stderr)  # noqa: T201 - as with the version
    return 1


def _leave(code: int) -> NoReturn:
    """End the process as soon as everything is written."""
    from audiochat.cli import signals

    if code < SIGNALLED:  # otherwise a reader who reads no more would be waited for
        code = _flushed(code)
    signals.leave(code)


def _flushed(code: int) -> int:
    """The exit code, when everything is written that was to be."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        pass
    except OSError:  # what was to be told is told
        code = code or UNWRITABLE
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:  # notes that nobody gets change nothing
        pass
    return code


def run(arguments: list[str]) -> int:
    """Run a command line; its exit code."""
    from audiochat.cli.terminal import ReaderGone, Streams, Terminal

    arguments = arguments or ["--help"]
    options = _options(arguments)
    quiet = not {"-q", "--quiet"}.isdisjoint(options)
    screen = Terminal(Streams.of_process(), quiet=quiet, as_json="--json" in options)
    try:
        return _run(arguments, screen)
    except ReaderGone:
        return 0
    except KeyboardInterrupt:
        screen.note("Interrupted.")
        return INTERRUPTED


def _run(arguments: list[str], screen: Terminal) -> int:
    from audiochat.cli import signals
    from audiochat.cli.terminal import ReaderGone
    from audiochat.errors import AudiochatError, FileError

    try:
        return _invoke(arguments)
    except AudiochatError as error:
        return _report(error, screen, arguments)
    except ReaderGone:
        raise
    except KeyboardInterrupt:
        if screen.as_json:
            _report_json(AudiochatError("Interrupted.", code=_INTERRUPTED), screen, arguments)
        raise
    except BrokenPipeError as exc:  # the help, which Typer prints, has fewer readers than lines
        screen.abandon_stdout()
        raise ReaderGone from exc
    except Exception as exc:
        number = signals.number()
        if number is not None:  # what fails on the way out: its terminal has gone, say
            raise signals.Terminated(SIGNALLED + number) from exc
        if isinstance(exc, OSError) and screen.abandon_if_full(exc):
            return _report(FileError("Standard output cannot be written.", hint="Is the disk full?"), screen, arguments)
        return _report(_bug(exc), screen, arguments)


def _invoke(arguments: list[str]) -> int:
    import typer
    from typer.main import get_command

    from audiochat.cli.app import app
    from audiochat.cli.signals import Terminated
    from audiochat.errors import UsageError

    try:
        code = get_command(app).main(args=arguments, prog_name="audiochat", standalone_mode=False)
    except typer.TyperException as exc:
        message = exc.format_message()
        raise UsageError(message or "Nothing was asked.", hint="See 'audiochat --help'.") from exc
    except typer.Abort as exc:
        raise KeyboardInterrupt from exc
    except Terminated:
        raise
    except SystemExit as exc:
        if isinstance(exc.__context__, BrokenPipeError):  # how Typer ends when its reader has gone
            raise BrokenPipeError from exc
        if isinstance(exc.code, int | None):  # what a shell asks to complete a word ends so
            return exc.code or 0
        raise RuntimeError("A library ended the program.") from exc
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _report(error: AudiochatError, screen: Terminal, arguments: list[str]) -> int:
    """Tell about an error."""
    if screen.as_json:
        _report_json(error, screen, arguments)
    screen.error(error)
    return error.exit_code


def _report_json(error: AudiochatError, screen: Terminal, arguments: list[str]) -> None:
    """The envelope of an error, with the words of an answer that it spoiled: they have been paid for."""
    from audiochat.errors import FileError

    told = {
        "code": error.code,
        "exit_code": INTERRUPTED if error.code == _INTERRUPTED else error.exit_code,
        "message": error.message,
        "hint": error.hint,
        "request_id": error.request_id,
    }
    words = {} if not error.transcript else {"transcript": error.transcript}
    try:
        screen.envelope({"command": _command(arguments), "status": "error", **words, "error": told})
    except FileError as unwritable:
        screen.error(unwritable)


def _options(arguments: list[str]) -> list[str]:
    """The arguments before `--`, behind which nothing is an option."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _command(arguments: list[str]) -> str | None:
    return next((word for word in arguments if not word.startswith("-")), None)


def _bug(exc: Exception) -> AudiochatError:
    import traceback

    from audiochat.errors import AudiochatError

    where = traceback.extract_tb(exc.__traceback__)[-1]
    return AudiochatError(
        f"A bug in audiochat: {type(exc).__name__} in {where.name}, line {where.lineno}.",
        hint="Please report it, with the command that you typed.",
        code="bug",
    )


if __name__ == "__main__":
    main()
