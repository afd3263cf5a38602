"""Clients that nobody here wrote, against the server: they need another address and nothing else.

`make clients` installs them beside the project; without that these tests are skipped. With `-m engine` the same clients
ask the engine's real models.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")

from support.scripted_engine import ScriptedEngine, Voice, tone
from support.web import Server, serving_api

from audiochat import config
from audiochat.audio import wav
from audiochat.local.audio_ids import AudioIds
from audiochat.web.engine_service import WAITING, EngineService

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiochat.local.engine import Parts

PROGRAMS = Path(__file__).parent / "clients"
INSTALLED = Path(os.environ.get("AUDIOCHAT_TEST_CLIENTS") or Path(__file__).parents[2] / ".clients")
KEY = "a-key-of-the-servers-owner"


@pytest.fixture(params=["scripted", pytest.param("real", marks=pytest.mark.engine)])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server that wants a key, over a scripted engine or the real one."""
    engine = ScriptedEngine(synthesizer=Voice(pcm=tone(3), blocks=1))
    parts: Parts = engine
    if request.param == "real":
        request.getfixturevalue("engine")
        from audiochat.local.engine import Engine

        parts = Engine(_settings().local, waiting=WAITING)
    with serving_api(EngineService(parts, AudioIds(tmp_path / "answers")), key=KEY) as running:
        yield running


def _settings() -> config.Settings:
    return config.load(config.Flags(provider="local"))


def run(*command: str | Path, **environment: str) -> str:
    """Run a client; what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, "NODE_PATH": str(INSTALLED / "node_modules"), **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-1000:]
    return done.stdout


@pytest.fixture
def node() -> Iterator[Path]:
    """A folder in which node finds the packages; the working directory of its programs."""
    if shutil.which("node") is None or not (INSTALLED / "node_modules").is_dir():
        pytest.skip("node or the packages from npm are missing: make clients")
    folder = Path.cwd()
    link = folder / "node_modules"
    link.symlink_to(INSTALLED / "node_modules", target_is_directory=True)
    yield folder
    link.unlink()


@pytest.fixture
def python() -> Path:
    """The Python that has the packages of PyPI."""
    found = INSTALLED / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not found.exists():
        pytest.skip("the clients from PyPI are missing: make clients")
    return found


def azure(server: Server) -> dict[str, str]:
    """The two variables that a user of Azure's quickstart sets."""
    return {"AZURE_OPENAI_ENDPOINT": server.url, "AZURE_OPENAI_API_KEY": KEY}


def check_quickstart(outputs: list[str]) -> None:
    """What the three programs of the quickstart wrote and printed."""
    assert Path("dog.wav").read_bytes()[:4] == Path("analysis.wav").read_bytes()[:4] == b"RIFF"
    assert Path("dog.wav").stat().st_size > 20_000
    assert all(output.strip() for output in outputs)
    assert len(outputs[2].strip().splitlines()) >= 2


def test_azures_quickstart_in_python(server: Server, python: Path) -> None:
    """To audio, from audio, several turns."""
    names = ("to_audio", "from_audio", "multi_turn")
    check_quickstart([run(python, PROGRAMS / "quickstart" / f"{name}.py", **azure(server)) for name in names])


def test_azures_quickstart_in_javascript(server: Server, node: Path) -> None:
    """The same three programs."""
    outputs = []
    for name in ("to-audio", "from-audio", "multi-turn"):
        shutil.copy(PROGRAMS / "quickstart" / f"{name}.js", node)
        outputs.append(run("node", f"{name}.js", **azure(server)))
    check_quickstart(outputs)


def test_azures_quickstart_in_typescript(server: Server, node: Path) -> None:
    """The same three programs, compiled with all checks."""
    shutil.copy(PROGRAMS / "tsconfig.json", node)
    (node / "package.json").write_text('{"type": "module"}')
    names = ("to-audio", "from-audio", "multi-turn")
    for name in names:
        shutil.copy(PROGRAMS / "quickstart" / f"{name}.ts", node)
    run("node", node / "node_modules" / "typescript" / "bin" / "tsc")
    check_quickstart([run("node", f"{name}.js", **azure(server)) for name in names])


def test_openai_from_npm_streams(server: Server, node: Path) -> None:
    """And speaks, transcribes, and understands a refusal."""
    shutil.copy(PROGRAMS / "streaming.mjs", node)
    run("node", "streaming.mjs", server.url, KEY)


def test_openai_from_pypi(server: Server, python: Path) -> None:
    """Typed, sync and async, streams, transcriptions and speech."""
    run(python, PROGRAMS / "openai_python.py", server.url, KEY)


def test_langchain(server: Server, python: Path) -> None:
    """A spoken answer, recordings under LangChain's own names, several turns, a stream."""
    recording = Path("a.wav")
    recording.write_bytes(wav.wrap(tone(1.0)))
    run(python, PROGRAMS / "langchain_python.py", server.url, KEY, recording)


def test_aiohttp_with_its_default_limits(server: Server, python: Path) -> None:
    """Line by line."""
    run(python, PROGRAMS / "aiohttp_python.py", server.url, KEY)


def test_curl(server: Server) -> None:
    """Each endpoint, as docs/server.md has it."""
    if shutil.which("curl") is None:
        pytest.skip("curl is missing")
    curl = ["curl", "--silent", "--show-error", "--fail-with-body", "--header", f"Authorization: Bearer {KEY}"]
    ask = '{"model": "tts-1", "voice": "alloy", "input": "Hello."}'
    json = ["--header", "Content-Type: application/json"]
    run(*curl, f"{server.url}/v1/audio/speech", *json, "--data", ask, "--output", "a.mp3")
    heard = run(*curl, f"{server.url}/v1/audio/transcriptions", "-F", "file=@a.mp3", "-F", "response_format=vtt")
    assert heard.startswith("WEBVTT")
    spoken = (
        '{"model": "any", "modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}, '
        '"stream": true, "messages": [{"role": "user", "content": "Hello."}]}'
    )
    stream = run(*curl, "--no-buffer", f"{server.url}/v1/chat/completions", *json, "--data", spoken)
    assert stream.rstrip().endswith("data: [DONE]")
