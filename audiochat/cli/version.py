"""`audiochat version`: the version, as `--version` says it."""

from __future__ import annotations

from typing import Annotated

import typer

from audiochat import __version__
from audiochat.cli.envelope import success
from audiochat.cli.options import option
from audiochat.cli.terminal import Terminal


def version(
    *,
    context: typer.Context,
    as_json: Annotated[bool, option("Output", "--json", text="One JSON object on stdout.")] = False,
) -> None:
    """Show the version."""
    screen: Terminal = context.obj
    screen.configure(as_json=as_json)
    if as_json:
        screen.envelope(success("version", audiochat=__version__))
    else:
        screen.transcript(f"audiochat {__version__}")
