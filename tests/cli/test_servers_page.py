"""docs/servers.md: each server's settings, pasted as they stand, ask it at the right address, the way it takes."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.command_line import CANARY
from support.service import DONE, PCM, Answer, completion, error, event, sound_events, stream

from audiochat.audio import wav

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.command_line import CommandLine
    from support.service import Received, Service

PAGE = Path(__file__).resolve().parents[2] / "docs" / "servers.md"
WORDS = {"NAME": "me", "DEPLOYMENT": "my-audio", "MODEL": "my-model", "PROJECT": "p", "PATH": "ai", "KEY": CANARY}
SPOKEN = completion(audio=wav.wrap(PCM))
DATED = "/openai/deployments/my-audio/chat/completions?api-version=2025-01-01-preview"


def _settings(server: str, number: int = 0) -> dict[str, str]:
    """The settings that the page gives for a server, with values of one's own in the place of capital letters."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {server}\n")[1].split("\n## ")[0]
    block = re.findall(r"```dotenv\n(.*?)```", section, re.DOTALL)[number]
    found = dict(line.split("=", 1) for line in block.splitlines())
    capitals = rf"(?<![A-Za-z0-9_.])({'|'.join(WORDS)})(?![A-Za-z0-9_])"
    return {name: re.sub(capitals, lambda word: WORDS[word[1]], value) for name, value in found.items()}


def _here(settings: dict[str, str], service: Service) -> dict[str, str]:
    """The same, with the scripted service in the place of the server's host."""
    return {name: re.sub(r"^https?://[^/]+", service.url, value) for name, value in settings.items()}


def _both(cli: CommandLine, service: Service, settings: dict[str, str], dog: Path) -> list[Received]:
    """What is asked when a prompt is spoken to, and a recording analyzed."""
    env = _here(settings, service)
    ran = cli("speak", "Hi", "-o", "a.wav", env=env)
    assert ran.code == 0, ran.err
    assert Path("a.wav").read_bytes().startswith(b"RIFF")
    ran = cli("analyze", str(dog), "What is it?", "-o", "b.wav", env=env)
    assert ran.code == 0, ran.err
    return service.requests


@pytest.mark.parametrize(
    ("server", "number", "path", "header"),
    [
        ("Azure OpenAI, dated API", 0, DATED, "authorization"),
        ("Azure OpenAI, dated API", 1, DATED, "api-key"),
        ("Azure OpenAI, v1 API", 0, "/openai/v1/chat/completions", "authorization"),
        ("AI Foundry", 0, "/openai/v1/chat/completions", "authorization"),
        ("API Management", 0, f"/ai{DATED}", "ocp-apim-subscription-key"),
    ],
)
def test_the_settings_for_azure_ask_at_the_right_address(
    cli: CommandLine, service: Service, az: Path, dog: Path, server: str, number: int, path: str, header: str
) -> None:
    """Path, deployment, version and credential."""
    assert az.is_dir()
    service.answer(SPOKEN)
    asked = _both(cli, service, _settings(server, number), dog)
    assert {one.path for one in asked} == {path}
    assert all(CANARY in one.headers[header] for one in asked)


def test_the_settings_for_openai_name_its_own_host(cli: CommandLine, service: Service, dog: Path) -> None:
    """No address: the default is OpenAI's."""
    settings = _settings("OpenAI")
    assert set(settings) == {"OPENAI_API_KEY", "AUDIOCHAT_MODEL"}
    service.answer(SPOKEN)
    asked = _both(cli, service, {**settings, "OPENAI_BASE_URL": "https://api.openai.com/v1"}, dog)
    assert {one.path for one in asked} == {"/v1/chat/completions"}
    assert asked[0].json["model"] == "gpt-audio-1.5"


def _openrouter(asked: Received) -> Answer:
    if not asked.json.get("stream"):
        return Answer(b'{"error": {"message": "Audio output requires stream: true", "code": 400}}', 400)
    events = sound_events(PCM)
    return stream([b": OPENROUTER PROCESSING\n\n", *events])


def _qwen(asked: Received) -> Answer:
    said = asked.json
    if not said.get("stream"):
        return error(400, "invalid_parameter_error", "This model only support stream mode, please enable the stream")
    if said["audio"]["format"] != "wav":
        return error(400, "invalid_parameter_error", "audio.format must be 'wav'.", param="audio.format")
    if any("input_audio" in str(message) and "data:;base64," not in str(message) for message in said["messages"]):
        return error(400, "invalid_parameter_error", "<400> InternalError.Algo.InvalidParameter: The provided URL "
                     "does not appear to be valid. Ensure it is correctly formatted.")  # fmt: skip
    audio = {"data": base64.b64encode(PCM).decode(), "expires_at": 1_780_000_000, "id": "audio_1"}
    return stream([event({"content": "It is."}), event({"audio": audio}), DONE])


def _vllm(asked: Received) -> Answer:
    if asked.json.get("stream"):
        return error(400, None, "audio output does not support stream=True")
    body = json.loads(SPOKEN.body)
    spoken = body["choices"][0]["message"].pop("audio")
    words = {**body["choices"][0], "message": {"role": "assistant", "content": "Yes, it is."}}
    sound = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": None, "audio": spoken}}
    return Answer(json.dumps({**body, "choices": [words, sound]}).encode())


@pytest.mark.parametrize(
    ("server", "script", "path", "model"),
    [
        ("OpenRouter", _openrouter, "/api/v1/chat/completions", "openai/gpt-audio"),
        ("Qwen-Omni", _qwen, "/compatible-mode/v1/chat/completions", "qwen3-omni-flash"),
        ("vLLM-Omni", _vllm, "/v1/chat/completions", "Qwen/Qwen2.5-Omni-7B"),
        ("LiteLLM", lambda _: SPOKEN, "/v1/chat/completions", "my-model"),
    ],
)
def test_the_settings_for_another_server_ask_it_the_way_it_takes(
    cli: CommandLine, service: Service, dog: Path, server: str, script: Callable[[Any], Answer], path: str, model: str
) -> None:
    """Both directions, with the refusals that the server is known for."""
    service.answer_with(script)
    asked = _both(cli, service, _settings(server), dog)
    assert {one.path for one in asked} == {path}
    assert {one.json["model"] for one in asked} == {model}


def test_the_settings_for_llama_cpp_ask_for_text(cli: CommandLine, service: Service, dog: Path) -> None:
    """No key is sent, and no sound asked for."""
    service.answer(completion(content="A dog."))
    ran = cli("analyze", str(dog), "What is it?", "--text-only", env=_here(_settings("llama.cpp"), service))
    assert (ran.code, ran.out) == (0, b"A dog.\n")
    assert "authorization" not in service.last.headers
    assert "audio" not in service.last.json


def test_the_settings_for_ollama_make_it_the_text_server(cli: CommandLine, service: Service) -> None:
    """The local engine's part; doctor finds it listening."""
    pytest.importorskip("cyllama")
    ran = cli("doctor", "--json", env=_here(_settings("Ollama"), service))
    found = {finding["check"]: finding for finding in json.loads(ran.out)["findings"]}
    assert found["text-server"]["status"] == "ok"
    assert found["provider"]["what"].startswith("local")


def test_every_server_of_the_table_has_its_settings() -> None:
    """Each row leads to a section with something to paste."""
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[([^\]]+)\]", page, re.MULTILINE)
    assert len(rows) == 11
    assert all(_settings(server) for server in rows)


# --- recordings


def test_recorded_answers_reach_the_file_through_the_command_line(
    cli: CommandLine, openai: Service, recorded: Callable[[str], Any]
) -> None:
    """OpenAI's own answer: words on stdout, the sound in the file, tokens and id in the envelope."""
    answer = recorded("dotnet-ChatWithAudio.json")["Entries"][0]["ResponseBody"]
    openai.answer(Answer(json.dumps(answer).encode()))
    ran = cli("speak", "Hi", "-o", "a.pcm", "-f", "pcm16", "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["transcript"].startswith("Hi there!")
    assert (told["audio"]["seconds"], told["usage"]["output_audio_tokens"]) == (4.65, 93)


def test_a_recorded_conversation_goes_on_by_its_audio_id(
    cli: CommandLine, openai: Service, recorded: Callable[[str], Any]
) -> None:
    """The second recorded request names the id that the first recorded answer gave; so does ours."""
    entries = recorded("dotnet-ChatWithAudio.json")["Entries"]
    first = entries[0]["ResponseBody"]
    audio = first["choices"][0]["message"]["audio"]
    fresh = {**audio, "expires_at": 4_000_000_000}
    first = {
        **first,
        "choices": [{**first["choices"][0], "message": {**first["choices"][0]["message"], "audio": fresh}}],
    }
    openai.answer(Answer(json.dumps(first).encode()), SPOKEN)
    assert cli("converse", "--no-save", "-t", "one", "-t", "two", "-o", "t-{n}.pcm", "-f", "pcm16").code == 0
    theirs = json.loads(json.dumps(entries[1]["RequestBody"]))
    ids = [message["audio"] for message in theirs["messages"] if message["role"] == "assistant"]
    ours = [message["audio"] for message in openai.last.json["messages"] if message["role"] == "assistant"]
    assert ours == ids == [{"id": audio["id"]}]
