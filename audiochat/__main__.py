"""The one place where an error becomes a message and an exit code."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False  # importing `typing` takes longer than all that `--version` does
if TYPE_CHECKING:
    from typing import NoReturn

    from audiochat.cli.terminal import Terminal
    from audiochat.errors import AudiochatError

INTERRUPTED = 130
UNWRITABLE = 6

_COMPLETING = "_AUDIOCHAT_COMPLETE"
"""Set by a shell that asks for completions; whatever is typed is not run then."""


def main() -> NoReturn:
    """Run the command line of this process, and end it without taking the interpreter down, which takes a while."""
    try:
        arguments = sys.argv[1:]
        if _COMPLETING in os.environ:
            code = _print_candidates()
        elif arguments in (["--version"], ["-V"]):
            code = _print_version()
        else:
            gc.disable()  # imports make no garbage, and much that looks like it
            from audiochat.cli.signals import ending_on_signals

            with ending_on_signals():
                code = run(arguments)
    except KeyboardInterrupt:  # before there was anything to interrupt, or on the way out
        code = INTERRUPTED
    except BaseException as exc:  # noqa: BLE001 - Python would show a traceback, which may quote a secret
        code = _fall(exc)
    os._exit(code if code >= INTERRUPTED - 1 else _flush(code))  # at a signal, nothing waits for a slow reader


def _print_candidates() -> int:
    """Answer a shell that asks what can be typed next; nothing where that is not known."""
    from audiochat.cli.candidates import answer

    print(answer(os.environ), end="", flush=True)  # noqa: T201 - for a shell's script
    return 0


def _print_version() -> int:
    """Answer what every script asks first, before anything is imported."""
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
    if isinstance(exc, SystemExit) and isinstance(exc.code, int):
        return exc.code
    if sys.stderr is not None:
        told = (
            f"audiochat: A bug in audiochat: {type(exc).__name__}.\nPlease report it, with the command that you typed."
        )
        print(told, file=sys.stderr)  # noqa: T201 - as with the version
    return 1


def _flush(code: int) -> int:
    """The exit code, once everything is written."""
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
    # Known before the options are parsed: their errors have an envelope too.
    screen = Terminal(Streams.of_process(), as_json="--json" in _before_dashes(arguments))
    try:
        return _run(arguments, screen)
    except ReaderGone:
        return 0
    except KeyboardInterrupt:
        screen.note("Interrupted.")
        return INTERRUPTED
    finally:
        screen.close()


def _run(arguments: list[str], screen: Terminal) -> int:
    from audiochat.cli.signals import SIGNALLED, Terminated, interrupts
    from audiochat.cli.terminal import ReaderGone
    from audiochat.errors import AudiochatError, CancelledError, FileError

    try:
        return _invoke(arguments, screen)
    except AudiochatError as error:
        return _report(error, screen, arguments)
    except ReaderGone:
        raise
    except KeyboardInterrupt:
        if screen.as_json:
            told = CancelledError("Interrupted.", code="interrupted", transcript=screen.interrupted)
            _report_json(told, screen, arguments)
        raise
    except BrokenPipeError as exc:  # the help, which Typer prints, has fewer readers than lines
        screen.abandon_stdout()
        raise ReaderGone from exc
    except Exception as exc:  # what nobody expected is a bug, and told as one, without its traceback
        if interrupts.number is not None:  # a failure on the way out: its terminal is gone, say
            raise Terminated(SIGNALLED + interrupts.number) from exc
        if isinstance(exc, OSError) and screen.abandon_if_full(exc):
            return _report(FileError("Standard output cannot be written.", hint="Is the disk full?"), screen, arguments)
        return _report(bug(exc, whole_stack="--debug" in arguments), screen, arguments)


def _invoke(arguments: list[str], screen: Terminal) -> int:
    import typer
    from typer.main import get_command

    from audiochat.cli.app import app
    from audiochat.cli.signals import Terminated
    from audiochat.cli.usage import TYPERS_REFUSAL, usage_error
    from audiochat.errors import UsageError

    try:
        group = get_command(app)
        gc.enable()
        code = group.main(args=arguments, prog_name="audiochat", standalone_mode=False, obj=screen)
    except typer.TyperException as exc:
        raise usage_error(exc, arguments) from exc
    except typer.Abort as exc:
        raise KeyboardInterrupt from exc
    except Terminated:
        raise
    except SystemExit as exc:
        if isinstance(exc.__context__, BrokenPipeError):  # how Typer ends when its reader is gone
            raise BrokenPipeError from exc
        if isinstance(exc.code, int | None):  # how a shell's question for completions ends
            return exc.code or 0
        raise RuntimeError("A library ended the program.") from exc
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if code == TYPERS_REFUSAL:
        return UsageError.exit_code
    return code if isinstance(code, int) else 0


def _report(error: AudiochatError, screen: Terminal, arguments: list[str]) -> int:
    """Tell about an error."""
    if screen.as_json:
        _report_json(error, screen, arguments)
    screen.error(error)
    return error.exit_code


def _report_json(error: AudiochatError, screen: Terminal, arguments: list[str]) -> None:
    from audiochat.cli import envelope
    from audiochat.errors import FileError

    try:
        screen.envelope(envelope.failure(_command(arguments), error))
    except FileError as unwritable:
        screen.error(unwritable)


def _before_dashes(arguments: list[str]) -> list[str]:
    """The arguments before `--`, behind which nothing is an option."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _command(arguments: list[str]) -> str | None:
    """The command as it is typed; with its group, where it has one: `sessions list`."""
    from audiochat.cli.app import SUMMARIES
    from audiochat.cli.usage import subcommands

    words = [word for word in arguments if not word.startswith("-")]
    if arguments[:1] != words[:1]:  # an option's value may stand before it
        words = words[next((at for at, word in enumerate(words) if word in SUMMARIES), 0) :]
    known = subcommands(words[0]) if words else ()
    return " ".join(words[: 2 if len(words) > 1 and words[1] in known else 1]) or None


def bug(exc: Exception, *, whole_stack: bool = False) -> AudiochatError:
    """The error that tells of a bug, and where a search for it begins.

    Args:
        exc: What was raised.
        whole_stack: Name all functions that it passed; without their values and the message, which may quote a secret.
    """
    import traceback

    from audiochat.errors import AudiochatError

    stack = list(traceback.walk_tb(exc.__traceback__))
    # The innermost frame may be a library's: the deepest one of audiochat is where a search begins.
    inside = [(frame, line) for frame, line in stack if frame.f_globals.get("__name__", "").startswith("audiochat")]
    places = [f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}, line {line}" for frame, line in stack]
    deepest = stack.index((inside or stack)[-1])
    hint = "Please report it, with the command that you typed."
    return AudiochatError(
        f"A bug in audiochat: {type(exc).__name__} in {places[deepest]}.",
        hint="\n".join([hint, *(places if whole_stack else [])]),
        code="bug",
    )


if __name__ == "__main__":
    main()
