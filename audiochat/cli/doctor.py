"""`audiochat doctor`: what works, and one line of help for each thing that does not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiochat import config
from audiochat.cli.envelope import VERSION
from audiochat.cli.options import option
from audiochat.cli.sanitize import escape_control_chars
from audiochat.cli.style import columns, wrapped
from audiochat.cli.terminal import Terminal
from audiochat.config import checks
from audiochat.errors import ConfigurationError, FileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.text import Text

    from audiochat.config import ProviderName, Settings
    from audiochat.diagnosis import Finding

EXAMPLES = """\
audiochat doctor
audiochat doctor --provider azure --yes
audiochat doctor --json
"""

UNWELL = 3
"""The exit code when something has to be mended."""

_NARROWEST = 20
"""Columns for what was found, however narrow the terminal is."""

_SIGNS = {"ok": "ok     ", "warning": "warning", "failure": "FAILURE"}
_STYLES = {"ok": "green", "warning": "yellow", "failure": "bold red"}


def doctor(
    *,
    context: typer.Context,
    provider: Annotated[
        str | None, option("Model", "--provider", metavar="NAME", text="azure, openai or local.")
    ] = None,
    model: Annotated[
        str | None, option("Model", "-m", "--model", metavar="NAME", text="The deployment (Azure) or model.")
    ] = None,
    env_file: Annotated[
        Path | None, option("Network", "--env-file", metavar="PATH", text="Read this file instead of .env.")
    ] = None,
    yes: Annotated[
        bool, option("Network", "--yes", text="Prove the deployment with the smallest request, which is paid for.")
    ] = False,
    fix: Annotated[
        bool,
        option("Output", "--fix", text="Repair what can be repaired here: damaged models, files that others can read."),
    ] = False,
    show_all: Annotated[bool, option("Output", "--all", text="Show what is not in use as well.")] = False,
    as_json: Annotated[bool, option("Output", "--json", text="Print one JSON object on stdout.")] = False,
) -> None:
    """Check the setup; say what does not work, and how to fix it."""
    from audiochat.diagnosis import mended

    screen: Terminal = context.obj
    screen.configure(as_json=as_json)
    chosen, findings = _examined(config.Flags(provider=provider, model=model, env_file=env_file), screen, send=yes)
    if fix:
        findings = [mended(finding, screen) for finding in findings]
    failed = any(finding.status == "failure" for finding in findings)
    if as_json:
        summary = {"command": "doctor", "status": "error" if failed else "ok", "provider": chosen}
        screen.envelope({"version": VERSION, **summary, "findings": [finding.as_json() for finding in findings]})
    else:
        _show(findings, screen, show_all=show_all)
    if failed:
        raise typer.Exit(UNWELL)


def _examined(flags: config.Flags, screen: Terminal, *, send: bool) -> tuple[ProviderName | None, list[Finding]]:
    """The provider and what was found; of this machine alone where the settings cannot be read."""
    from audiochat.diagnosis import diagnose, diagnose_without_settings

    try:
        settings = config.load(flags, refuse=False)
    except (ConfigurationError, FileError) as error:
        if flags.env_file is not None and isinstance(error, FileError):
            raise
        with screen.task("Examining"):
            return None, list(diagnose_without_settings(error))
    send = send or _agreed(settings, screen)
    with screen.task("Examining"):
        return settings.provider, list(diagnose(settings, send_request=send))


def _agreed(settings: Settings, screen: Terminal) -> bool:
    """Ask a person, where there is one, before anything is paid for."""
    from audiochat.diagnosis import COST

    streams = screen.streams
    if settings.provider == "local" or screen.as_json or any(checks.problems(settings)):
        return False
    if not (streams.stdin_is_terminal and streams.stderr_is_terminal):
        return False
    return typer.confirm(
        f"Send a request to {escape_control_chars(settings.model or '', lines=False)}? It costs {COST}.",
        default=False,
        err=True,
    )


def _show(findings: Sequence[Finding], screen: Terminal, *, show_all: bool) -> None:
    """Show what is used first, the rest in a line or two, what has to be mended last."""
    listed: list[Finding] = []
    folded: list[Finding] = []
    for finding in findings:
        if finding.status != "failure":
            (listed if finding.used or show_all else folded).append(finding)
    failures = [finding for finding in findings if finding.status == "failure"]
    rows = [_row(finding) for finding in listed]
    rows += [] if show_all else list(_folded(folded))
    rows += [_row(finding) for finding in failures]
    closing = _closing(findings)
    if not screen.streams.stdout_is_terminal:
        screen.transcript("\n".join([*_lines(rows), closing]))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(markup=False, emoji=False, highlight=False)
    column = max(len(check) for _, check, _, _ in rows)
    for row in rows:
        console.print(_in_columns(row, column, columns(screen.streams.stdout)), soft_wrap=True)
    console.print(Text(closing, style=_STYLES["failure"] if failures else "bold"))


def _in_columns(row: _Row, column: int, width: int) -> Text:
    """A finding in three columns, the last wrapped between words: an address stays whole, to be copied.

    Args:
        row: The finding.
        column: Characters of the longest check.
        width: Of the terminal.
    """
    from rich.text import Text

    status, check, what, cure = row
    indent = len(_SIGNS[status]) + column + 2
    room = max(width - indent, _NARROWEST)
    lines = wrapped(what if cure is None else f"{what}\n→ {cure}", room).split("\n")
    return Text.assemble(
        (_SIGNS[status], _STYLES[status]), " ", (check.ljust(column), "bold"), " ", f"\n{' ' * indent}".join(lines)
    )


_Row = tuple[str, str, str, "str | None"]
"""Status, check, what was found, what to do."""


def _row(finding: Finding) -> _Row:
    cure = finding.cure
    if finding.mend is not None:
        cure = f"{cure or ''} 'audiochat doctor --fix' does it.".strip()
    if finding.check == "request" and finding.status == "warning":
        cure = f"--yes asks it. {cure}"
    what = escape_control_chars(finding.what, lines=False)
    return finding.status, finding.check, what, None if cure is None else escape_control_chars(cure, lines=False)


def _folded(findings: Iterable[Finding]) -> Iterator[_Row]:
    """A line for the unused checks that are in order, and one for those that are not available."""
    checks: dict[str, list[str]] = {"ok": [], "warning": []}
    for finding in findings:
        checks[finding.status].append(finding.check)
    if checks["ok"]:
        yield "ok", "also", f"{', '.join(dict.fromkeys(checks['ok']))} (in order; --all shows them)", None
    if checks["warning"]:
        names = ", ".join(dict.fromkeys(checks["warning"]))
        yield "ok", "also", f"no {names} (not needed; --all says why)", None


def _lines(rows: Iterable[_Row]) -> Iterator[str]:
    for status, check, what, cure in rows:
        yield f"{_SIGNS[status]}  {check}: {what}"
        if cure is not None:
            yield f"         → {cure}"


def _closing(findings: Iterable[Finding]) -> str:
    """How many problems there are, and where."""
    problems = [finding.check for finding in findings if finding.status == "failure"]
    if not problems:
        return "No problems."
    return f"{len(problems)} problem{'s' if len(problems) > 1 else ''}: {', '.join(problems)}."
