"""`audiochat doctor`: what works, and one line of help for each thing that does not."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiochat import config
from audiochat.cli.sanitize import escape_control_chars
from audiochat.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audiochat.config import Settings
    from audiochat.diagnosis import Finding

EXAMPLES = """\
audiochat doctor
audiochat doctor --provider azure --yes
audiochat doctor --json
"""

UNWELL = 3
"""The exit code when something has to be mended."""

_SIGNS = {"ok": "ok     ", "warning": "warning", "failure": "FAILURE"}


def doctor(
    *,
    context: typer.Context,
    provider: Annotated[
        str | None, typer.Option("--provider", help="azure, openai or local.", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option("-m", "--model", help="Deployment (Azure) or model.", show_default=False)
    ] = None,
    env_file: Annotated[
        Path | None,
        typer.Option("--env-file", metavar="PATH", help="Read this file instead of .env.", show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Send the smallest request that proves anything.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Find out what works, and what to do about what does not."""
    from audiochat.diagnosis import diagnose

    screen: Terminal = context.obj
    screen.configure(as_json=as_json)
    settings = config.load(config.Flags(provider=provider, model=model, env_file=env_file))
    send = yes or _agreed(settings, screen)
    with screen.task("Examining"):
        findings = list(diagnose(settings, send_request=send))
    failed = any(finding.status == "failure" for finding in findings)
    if as_json:
        told = {"command": "doctor", "status": "error" if failed else "ok", "provider": settings.provider}
        screen.envelope({**told, "findings": [asdict(finding) for finding in findings]})
    else:
        screen.transcript("\n".join(_lines(findings)))
    if failed:
        raise typer.Exit(UNWELL)


def _agreed(settings: Settings, screen: Terminal) -> bool:
    """Ask a person, where there is one, before anything is paid for."""
    from audiochat.diagnosis import COST

    streams = screen.streams
    if settings.provider == "local" or screen.as_json:
        return False
    if not (streams.stdin_is_terminal and streams.stderr_is_terminal):
        return False
    return typer.confirm(
        f"Send a request to {escape_control_chars(settings.model or '', lines=False)}? It costs {COST}.",
        default=False,
        err=True,
    )


def _lines(findings: Iterable[Finding]) -> Iterable[str]:
    for finding in findings:
        yield f"{_SIGNS[finding.status]}  {finding.check}: {escape_control_chars(finding.what, lines=False)}"
        if finding.cure is not None:
            yield f"         → {escape_control_chars(finding.cure, lines=False)}"
