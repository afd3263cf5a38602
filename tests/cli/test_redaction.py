"""Credentials stay out of what is shown, and go to nobody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.command_line import CANARY
from support.service import PCM, Answer, Service, completion, error, stream

from audiochat.audio import wav

if TYPE_CHECKING:
    from support.command_line import CommandLine
WAV = wav.wrap(PCM)


@pytest.mark.parametrize("header", ["x-request-id", "location"])
def test_a_secret_in_a_header_of_the_answer_is_left_out(cli: CommandLine, openai: Service, header: str) -> None:
    """Whatever a server echoes; that no run shows the key, every run checks."""
    openai.answer(Answer(b"", 302, {header: f"https://x/{CANARY}"}))
    assert cli("speak", "hi", "--debug").code == 5


def test_a_secret_in_a_success_is_left_out(cli: CommandLine, openai: Service) -> None:
    """An error with status 200, whole or as an event; and the user's own headers are secrets too."""
    env = {"OPENAI_CUSTOM_HEADERS": "X-Gateway-Key: GATESECRET"}
    told = {"error": {"message": f"no: {CANARY} GATESECRET", "code": "bad"}}
    openai.answer(Answer(json.dumps(told).encode()))
    ran = cli("speak", "hi", "--debug", env=env)
    assert ran.code == 4
    assert "GATESECRET" not in ran.err
    openai.answer(stream([b"data: " + json.dumps(told).encode() + b"\n\n"]))
    ran = cli("speak", "hi", "-o", "-", "--debug", env=env)
    assert ran.code == 4
    assert "GATESECRET" not in ran.err
    assert openai.last.headers["x-gateway-key"] == "GATESECRET"


def test_headers_of_the_users_do_not_go_to_a_strangers_server(cli: CommandLine) -> None:
    """Neither to an endpoint of a stranger's .env, nor to its text server."""
    env = {"OPENAI_CUSTOM_HEADERS": "X-Gateway-Key: GATESECRET"}
    for line in (
        "OPENAI_BASE_URL=https://attacker.example.org/v1",
        "AUDIOCHAT_LOCAL_LLM=https://attacker.example.org/v1",
    ):
        Path(".env").write_text(line + "\n", encoding="utf-8")
        ran = cli("speak", "hi", env=env)
        assert ran.code == 3
        assert "attacker.example.org" in ran.err or "not installed" in ran.err


def test_the_users_account_is_told_to_openai_alone(cli: CommandLine, openai: Service) -> None:
    """Another server gets no organization header from the environment."""
    openai.answer(completion("Yes.", WAV))
    assert cli("speak", "hi", env={"OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-1"}).code == 0
    assert not {"openai-organization", "openai-project"} & set(openai.last.headers)


def test_debug_shows_an_error_answer(cli: CommandLine, openai: Service) -> None:
    """Status, headers and body, where they are needed most."""
    openai.answer(error(400, "bad", "It is bad.", headers={"x-told": "something"}))
    ran = cli("speak", "hi", "--debug")
    assert ran.code == 4
    assert "< 400" in ran.err
    assert "x-told: something" in ran.err
    assert '"code": "bad"' in ran.err
