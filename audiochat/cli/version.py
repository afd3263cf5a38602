"""`audiochat version`: the version, as `--version` says it."""

from __future__ import annotations

import typer

from audiochat import __version__
from audiochat.cli.terminal import Terminal


def version(*, context: typer.Context) -> None:
    """Show the version."""
    screen: Terminal = context.obj
    screen.transcript(f"audiochat {__version__}")
