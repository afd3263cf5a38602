"""Write what is made from the command line's own help: the manual pages, and the reference of commands.

    python docs/generate.py [FOLDER]

The folder is `docs` by default; tests/unit/test_generated_docs.py compares it with what is made afresh.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.main import get_command

from audiochat.cli.app import app
from audiochat.cli.help_page import HelpGroup, page_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiochat.cli.help_page import HelpPage

EXIT_CODES = {
    0: "done",
    1: "a bug in audiochat",
    2: "wrong usage",
    3: "configuration or sign-in",
    4: "refused by the service or the model: content filter, bad request, no such deployment, a tool call",
    5: "not reachable or overloaded, after all retries; a broken answer",
    6: "a file cannot be read or written, or is not audio",
    130: "interrupted (143: ended by SIGTERM, 129: by SIGHUP)",
}


def pages() -> Iterator[HelpPage]:
    """The help of every command, that of all commands first."""
    group: Any = get_command(app)
    yield from _pages(group, typer.Context(group, info_name="audiochat", help_option_names=["-h", "--help"]))


def _pages(command: Any, context: Any) -> Iterator[HelpPage]:
    yield page_of(command, context)
    if isinstance(command, HelpGroup):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            yield from _pages(below, typer.Context(below, info_name=name, parent=context))


def manual(page: HelpPage) -> str:
    """A help page in roff, the language of `man`."""
    first_sentence = re.split(r"(?<=[a-z)])[.;:] ", page.text.rstrip("."))[0]
    lines = [f'.TH "{page.manual.upper()}" "1" "" "audiochat" "audiochat"', ".SH NAME"]
    lines += [f"{page.manual} \\- {_roff(first_sentence)}", ".SH SYNOPSIS", _roff(page.usage)]
    lines += [".SH DESCRIPTION", _roff(page.text)]
    for heading, entries in page.panels.items():
        lines.append(f".SH {heading.upper()}")
        for entry in entries:
            lines += [".TP", f"\\fB{_roff(entry.name)}\\fR", _roff(entry.text)]
    if page.examples:
        lines += [".SH EXAMPLES", ".nf", *map(_roff, page.examples), ".fi"]
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT_CODES.items():
        lines += [".TP", f"\\fB{code}\\fR", _roff(meaning)]
    return "\n".join(lines) + "\n"


def _roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def reference() -> str:
    """All help pages as one page of Markdown."""
    parts = ["# Commands", "Made from the same source as `--help` and the manual pages."]
    for page in pages():
        parts += [f"## {page.manual.replace('-', ' ')}", f"`{page.usage}`", page.text]
        for heading, entries in page.panels.items():
            rows = "\n".join(f"| `{_cell(entry.name)}` | {_cell(entry.text)} |" for entry in entries)
            parts.append(f"| {heading} | |\n|---|---|\n{rows}")
        if page.examples:
            parts.append("```sh\n" + "\n".join(page.examples) + "\n```")
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())
    parts.append(f"## Exit codes\n\n| code | meaning |\n|---|---|\n{codes}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def write(folder: Path) -> None:
    """Write them all."""
    manuals = folder / "man"
    manuals.mkdir(parents=True, exist_ok=True)
    for old in manuals.glob("*.1"):
        old.unlink()
    for page in pages():
        (manuals / f"{page.manual}.1").write_text(manual(page), encoding="utf-8")
    (folder / "reference").mkdir(exist_ok=True)
    (folder / "reference" / "commands.md").write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
