"""The one place where an error becomes a message and an exit code."""

from __future__ import annotations

import sys
import traceback

from audiochat.errors import AudiochatError, UsageError
from audiochat.terminal import ReaderGone, Streams, Terminal

INTERRUPTED = 130


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command line; its exit code."""
    arguments = arguments or ["--help"]
    options = _options(arguments)
    screen = Terminal(
        Streams.of_process(), quiet={"-q", "--quiet"} & set(options) != set(), as_json="--json" in options
    )
    try:
        try:
            return _invoke(arguments)
        except AudiochatError as error:
            return _report(error, screen, arguments)
        except KeyboardInterrupt:
            screen.note("Interrupted.")
            return INTERRUPTED
        except ReaderGone:
            raise
        except Exception as exc:  # noqa: BLE001 - the last resort: a bug, told as one
            return _report(_bug(exc), screen, arguments)
    except ReaderGone:
        return 0


def _invoke(arguments: list[str]) -> int:
    import typer
    from typer.main import get_command

    from audiochat.cli.app import app

    try:
        code = get_command(app).main(args=arguments, prog_name="audiochat", standalone_mode=False)
    except typer.TyperException as exc:
        message = exc.format_message()
        raise UsageError(message or "Nothing was asked.", hint="See 'audiochat --help'.") from exc
    except typer.Abort as exc:
        raise KeyboardInterrupt from exc
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _report(error: AudiochatError, screen: Terminal, arguments: list[str]) -> int:
    """Tell about an error; an answer that it spoiled has been paid for, so its words are not lost."""
    if screen.as_json:
        told = {
            "code": error.code,
            "exit_code": error.exit_code,
            "message": error.message,
            "hint": error.hint,
            "request_id": error.request_id,
        }
        words = {} if error.transcript is None else {"transcript": error.transcript}
        screen.envelope({"command": _command(arguments), "status": "error", **words, "error": told})
    elif error.transcript and "-" in _options(arguments):  # stdout is for sound, or was going to be
        screen.aside(error.transcript)
    elif error.transcript:
        screen.transcript(error.transcript)
    screen.error(error)
    return error.exit_code


def _options(arguments: list[str]) -> list[str]:
    """The arguments before `--`, behind which nothing is an option."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _command(arguments: list[str]) -> str | None:
    return next((word for word in arguments if not word.startswith("-")), None)


def _bug(exc: Exception) -> AudiochatError:
    where = traceback.extract_tb(exc.__traceback__)[-1]
    return AudiochatError(
        f"A bug in audiochat: {type(exc).__name__} in {where.name}, line {where.lineno}.",
        hint="Please report it, with the command that you typed.",
        code="bug",
    )


if __name__ == "__main__":
    main()
