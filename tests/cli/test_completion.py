"""Completion: what shells show when a person presses Tab."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.terminals import Typist

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.command_line import CommandLine

TAB, CLEAR = "\t", "\x15"
SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
PREPARED = {
    "bash": "PS1='ready> '; bind 'set bell-style none'; eval \"$(audiochat completion bash)\"",
    "zsh": "PS1='ready> '; unsetopt beep; eval \"$(audiochat completion zsh)\"",
    "fish": "function fish_prompt; echo 'ready> '; end; audiochat completion fish | source",
}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Typist]:
    """A shell in a terminal that has read the script of `audiochat completion`."""
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "audiochat"
    log = tmp_path / "ran"
    program.write_text(
        f'#!/bin/sh\n[ -n "$_AUDIOCHAT_COMPLETE" ] || echo "$*" >> {log}\nexec {sys.executable} -m audiochat "$@"\n'
    )
    program.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    typist = Typist(SHELLS[name], PATH=path, fish_features="no-query-term")
    typist.type(PREPARED[name] + "; echo com''pletes")
    typist.see("completes", within=30)
    yield typist
    typist.close()


COMPLETED = {
    "audiochat spe": "audiochat speak",
    "audiochat speak --voice shim": "shimmer",
    "audiochat speak --provider=az": "--provider=azure",
    "audiochat speak -f fl": "flac",
    "audiochat speak --keep": "--keep-partial",
    "audiochat speak -m gpt-audio": "gpt-audio-1.5",
    "audiochat help conv": "converse",
    "audiochat sessions rem": "remove",
    "audiochat analyze fa": "mily-dog.wav",
    "audiochat converse -t @fa": "mily-dog.wav",
    "audiochat speak hi -o fa": "mily-dog.wav",
}
"""What is typed before the Tab, and what is to be seen after it."""


def test_a_tab_completes(shell: Typist) -> None:
    """Commands, options and values, in each shell; files as a recording, behind @, and where the answer is saved."""
    Path("family-dog.wav").touch()
    for typed, becomes in COMPLETED.items():
        shell.keys(f"{typed}{TAB}")
        shell.see(becomes.removeprefix(typed))
        shell.keys(CLEAR)


def test_no_file_completes_where_none_belongs(process: CommandLine) -> None:
    """A voice, a number: nothing rather than the names of files."""
    for line in ("audiochat speak -v ", "audiochat speak --retries ", "audiochat speak "):
        ran = process(env={"_AUDIOCHAT_COMPLETE": "bash", "_AUDIOCHAT_LINE": line})
        assert b"file" not in ran.out


def test_tab_never_runs_what_is_typed(shell: Typist, tmp_path: Path) -> None:
    """`audiochat --version` is completed, and not run."""
    shell.keys(f"audiochat --versi{TAB}")
    shell.see("--version")
    shell.keys(f"{TAB}{CLEAR}")
    shell.type("echo still' 'here")
    shell.see("still here")
    assert "--version" not in (tmp_path / "ran").read_text()


def test_without_shell_in_the_environment_its_name_is_asked_for(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container or a CI job has no SHELL; the message says which names may be given."""
    monkeypatch.delenv("SHELL", raising=False)

    ran = cli("completion", "--install")

    assert ran.code == 2
    assert "SHELL is not set" in ran.err
    assert "bash | zsh | fish | powershell" in ran.err
