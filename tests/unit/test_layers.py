"""The house stands: imports point one way, and help starts without the heavy libraries."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).resolve().parents[2] / "audiochat"

ROOMS = (
    "errors",
    "progress",
    "background",
    "extras",
    "subtitles",
    "storage",
    "config",
    "spool",
    "audio",
    "transport",
    "chat",
    "local",
    "providers",
    "files",
    "assistant",
    "diagnosis",
    "jobs",
    "web",
    "cli",
    "__main__",
)
"""Top to bottom: a room imports from those before it, and from itself."""


def _imports(path: Path) -> Iterator[str]:
    """The modules of this package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("audiochat"))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("audiochat"):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _room(module: str) -> str | None:
    """The room of a module's name; None is the package itself, which holds only its version."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else None


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_the_rooms_above_it(path: Path) -> None:
    """Data flows one way; the local engine is known to its provider, to jobs and to servers alone."""
    relative = path.relative_to(PACKAGE).with_suffix("")
    if relative.parts == ("__init__",):
        return
    room = relative.parts[0]
    assert room in ROOMS, f"{room} has no place in the house"
    for module in _imports(path):
        other = _room(module)
        if other is None:
            continue
        assert ROOMS.index(other) <= ROOMS.index(room), f"{relative} imports {module}"
        if other == "local" and room not in ("local", "jobs", "web"):
            assert relative.as_posix() == "providers/local", f"{relative} imports {module}"


def test_the_top_level_is_small() -> None:
    """Beside its packages it holds at most twelve modules."""
    modules = [path.name for path in PACKAGE.glob("*.py")]
    assert len(modules) <= 12, sorted(modules)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_are_short(path: Path) -> None:
    """No file over 400 lines, no function over 40: a reader holds both in the head."""
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 40, node.name


@pytest.mark.parametrize("room", ["chat/request", "errors", "chat/reply", "config/__init__", "chat/client"])
def test_only_the_command_line_and_the_terminal_print(room: str) -> None:
    """What is no printer does not print."""
    tree = ast.parse((PACKAGE / f"{room}.py").read_text(encoding="utf-8"))
    calls = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert "print" not in calls


def test_few_modules_read_the_environment() -> None:
    """Settings have one source; besides, the terminal, the shell, folders and libraries have a few of their own."""
    readers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "os.environ" in path.read_text(encoding="utf-8")
    }
    assert readers == {
        "__main__.py",  # whether a shell completes words
        "cli/completion.py",  # which shell it is
        "cli/help_page.py",  # how wide the terminal is
        "cli/style.py",  # whether it has colours
        "cli/terminal.py",  # TERM
        "config/__init__.py",  # settings
        "local/processors.py",  # switches of other libraries
        "local/wheels.py",  # for the program that fetches models
        "storage.py",  # folders
        "transport/sdk_imports.py",  # a switch of another library
    }


@pytest.mark.parametrize("arguments", [["--help"], ["speak", "--help"], ["analyze", "--help"], ["--version"]])
def test_help_starts_without_the_heavy_libraries(arguments: list[str]) -> None:
    """`--help` imports neither the SDK, nor Azure's, nor FFmpeg, nor NumPy, nor rich."""
    program = (
        "import sys; from audiochat.__main__ import run; run(sys.argv[1:]); "
        "heavy = {'openai', 'azure', 'av', 'numpy', 'httpx2', 'rich'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_list_of_commands_says_what_the_commands_say() -> None:
    """The summaries, which are shown without importing the commands, begin as the commands' own help does."""
    from typer.main import get_command

    from audiochat.cli.app import SUMMARIES, app

    group = get_command(app)
    for name, summary in SUMMARIES.items():
        command = group.commands[name]  # type: ignore[attr-defined] # it is a group
        assert " ".join((command.help or "").split()).startswith(summary.rstrip(".")), name
