"""Azure OpenAI: the quickstart's request to the letter, with a key and without; and who gets a credential."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.command_line import CANARY
from support.service import PCM, Service, completion

from audiochat.audio import wav

if TYPE_CHECKING:
    from support.command_line import CommandLine

WAV = wav.wrap(PCM)
DEPLOYMENT = "gpt-4o-mini-audio-preview"


def test_the_quickstarts_request_with_a_key(cli: CommandLine, azure: Service) -> None:
    """Path, api-version, api-key and body are those of Azure's quickstart."""
    azure.answer(completion("Yes.", WAV))
    assert cli("speak", "Is a golden retriever a good family dog?", "-o", "dog.wav").code == 0
    sent = azure.last
    assert sent.method == "POST"
    assert sent.path == f"/openai/deployments/{DEPLOYMENT}/chat/completions?api-version=2025-01-01-preview"
    assert sent.headers["api-key"] == CANARY
    assert "authorization" not in sent.headers
    assert sent.headers["content-type"] == "application/json"
    assert sent.json == {
        "model": DEPLOYMENT,
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
        "messages": [{"role": "user", "content": "Is a golden retriever a good family dog?"}],
    }


def test_the_quickstarts_request_without_a_key(
    cli: CommandLine, service: Service, az: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key: a token of the right audience as bearer; an empty key counts as none."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", service.url)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "")
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "a token that nobody asked for")
    service.answer(completion("Yes.", WAV))
    assert cli("speak", "hi").code == 0
    assert service.last.headers["authorization"] == f"Bearer {CANARY}"
    assert "api-key" not in service.last.headers
    assert "https://cognitiveservices.azure.com" in (az / "asked").read_text()


def test_deployment_and_version_come_from_the_environment(cli: CommandLine, azure: Service) -> None:
    """As in the quickstart's .env; -m is stronger."""
    azure.answer(completion("Yes.", WAV))
    env = {"AZURE_OPENAI_DEPLOYMENT_NAME": "my audio", "OPENAI_API_VERSION": "2025-03-01-preview"}
    assert cli("speak", "hi", env=env).code == 0
    assert azure.last.path == "/openai/deployments/my%20audio/chat/completions?api-version=2025-03-01-preview"
    assert cli("speak", "hi", "-m", "../other?x#y", env=env).code == 0
    assert azure.last.path.startswith("/openai/deployments/..%2Fother%3Fx%23y/chat/completions?")


@pytest.mark.parametrize("key", [CANARY, None])
def test_the_v1_api(
    cli: CommandLine, service: Service, az: Path, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    """An endpoint that ends in /openai/v1 gets no api-version; its tokens have another audience."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", f"{service.url}/openai/v1/")
    if key:
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", key)
    service.answer(completion("Yes.", WAV))
    assert cli("speak", "hi", "-m", "mine").code == 0
    assert service.last.path == "/openai/v1/chat/completions"
    assert service.last.json["model"] == "mine"
    assert service.last.headers["authorization"] == f"Bearer {CANARY}"
    if key is None:
        assert "https://ai.azure.com" in (az / "asked").read_text()


def test_a_sign_in_that_fails_is_told_in_two_lines(
    cli: CommandLine, service: Service, az: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twenty lines of the credential chain become what was tried and `az login`."""
    (az / "az").write_text("#!/bin/sh\necho \"Please run 'az login' to setup account.\" >&2\nexit 1\n")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", service.url)
    ran = cli("speak", "hi")
    assert ran.code == 3
    assert len(ran.err.splitlines()) == 2
    assert "az login" in ran.err
    assert "AzureCli" in ran.err
    assert service.requests == []


def test_a_token_goes_to_azures_own_hosts_only(cli: CommandLine, az: Path) -> None:
    """Exit 3, before anybody signs in."""
    ran = cli("speak", "hi", env={"AZURE_OPENAI_ENDPOINT": "https://openai.azure.com.example.org"})
    assert ran.code == 3
    assert "Azure's own hosts" in ran.err
    assert not (az / "asked").exists()


@pytest.mark.parametrize(
    ("variable", "key"), [("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY"), ("OPENAI_BASE_URL", "OPENAI_API_KEY")]
)
def test_a_strangers_env_file_gets_no_key(cli: CommandLine, variable: str, key: str) -> None:
    """An endpoint from the working directory's .env, a key of the user's: exit 3, and the way to allow it."""
    Path(".env").write_text(f"{variable}=https://attacker.example.org/v1\n", encoding="utf-8")
    ran = cli("speak", "hi", env={key: CANARY})
    assert ran.code == 3
    assert "AUDIOCHAT_ALLOW_HOST=attacker.example.org" in ran.err


def test_no_credential_goes_unencrypted(cli: CommandLine) -> None:
    """Plain http is for loopback."""
    ran = cli("speak", "hi", env={"OPENAI_BASE_URL": "http://10.0.0.7:8000/v1", "OPENAI_API_KEY": CANARY})
    assert ran.code == 3
    assert "unencrypted" in ran.err


def test_a_redirect_gets_no_credential(cli: CommandLine, azure: Service) -> None:
    """It is not followed, to wherever it leads."""
    from support.service import Answer, running

    with running() as elsewhere:
        azure.answer(Answer(b"", 307, {"Location": f"{elsewhere.url}/steal"}))
        ran = cli("speak", "hi")
        assert ran.code == 5
        assert "sends the request elsewhere" in ran.err
        assert elsewhere.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2", "[::1]", "[0:0:0:0:0:0:0:1]"])
def test_a_proxy_gets_nothing_that_is_for_this_machine(cli: CommandLine, openai: Service, host: str) -> None:
    """A key for loopback, however it is spelled, does not go through a proxy, which would see it in the clear."""
    from support.service import running

    openai.answer(completion("Yes.", WAV))
    with running() as proxy:
        env = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), proxy.url)
        env["OPENAI_BASE_URL"] = f"{openai.url.replace('127.0.0.1', host)}/v1"
        ran = cli("speak", "hi", "--retries", "0", env=env)
        assert ran.code == 0 or host not in ("127.0.0.1", "localhost")  # the service listens at one address
        assert proxy.requests == []


def test_a_server_without_keys_gets_none(cli: CommandLine, service: Service) -> None:
    """OPENAI_BASE_URL alone: no Authorization at all, also not the user's admin key."""
    service.answer(completion("Yes.", WAV))
    env = {"OPENAI_BASE_URL": f"{service.url}/v1", "OPENAI_ADMIN_KEY": CANARY}
    assert cli("speak", "hi", env=env).code == 0
    assert service.last.path == "/v1/chat/completions"
    assert "authorization" not in service.last.headers


@pytest.mark.parametrize(
    ("provider", "variable", "cure"),
    [
        ("azure", "AZURE_OPENAI_ENDPOINT", "Set it to https://NAME.openai.azure.com, in the environment or in .env."),
        ("openai", "OPENAI_API_KEY", "Set it in the environment or in .env."),
    ],
)
def test_a_missing_setting_is_named(cli: CommandLine, provider: str, variable: str, cure: str) -> None:
    """Exit 3, the variable, and how to set it: an installed tool has no example file beside it."""
    ran = cli("speak", "hi", "--provider", provider)
    assert ran.code == 3
    assert ran.err.splitlines() == [
        f"audiochat: {variable} is not set.",
        f"{cure} --provider chooses another provider.",
    ]
