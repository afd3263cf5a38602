"""What tests share: a scripted service, and the command line in process or as a real one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import tracemalloc  # noqa: F401 - pytest imports it where an object dies, at a moment that may be in the middle of a run
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support import tally
from support.command_line import CANARY, REAL_CACHE, CommandLine, Ran, in_process
from support.service import PCM, Service, running

from audiochat.audio import wav

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Whoever runs the tests in the background, or with nohup, lets them ignore signals, and all that they start.
for _name in ("SIGINT", "SIGHUP"):
    if hasattr(signal, _name) and signal.getsignal(getattr(signal, _name)) is signal.SIG_IGN:
        signal.signal(getattr(signal, _name), signal.default_int_handler if _name == "SIGINT" else signal.SIG_DFL)

SHARED = Path(__file__).resolve().parents[2] / "shared"
pytest_plugins = ["support.wheels"]

INHERITED = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_COLOR", "FORCE_COLOR", "PYTHONUNBUFFERED"}
"""Variables of whoever runs the tests that would change what they see."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--tally` prints what was tried, `--pictures` takes those of the documents."""
    parser.addoption("--tally", action="store_true", help="print the table of docs/reliability.md")
    parser.addoption("--pictures", action="store_true", help="take the pictures of docs/images again")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table of what was tried."""
    if config.getoption("--tally"):
        stats = terminalreporter.stats
        terminalreporter.section("tried")
        for row in tally.rows([*stats.get("passed", []), *stats.get("failed", [])]):
            terminalreporter.write_line(row)


@pytest.fixture
def tried(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Counts a case for the table of docs/reliability.md: `tried("faults")`, or many at once."""
    return lambda what, count=1: record_property(tally.PROPERTY, (what, count))


@pytest.fixture
def service() -> Iterator[Service]:
    """A scripted service on loopback."""
    with running() as running_service:
        yield running_service


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and working directory, and nothing configured."""
    for name in list(os.environ):
        if name.startswith(("AZURE_", "OPENAI_", "AUDIOCHAT_", "XDG_")) or name.upper() in INHERITED:
            monkeypatch.delenv(name)
    for name, folder in {
        "HOME": "home",
        "USERPROFILE": "home",
        "XDG_CONFIG_HOME": "home/config",
        "XDG_CACHE_HOME": "home/cache",
        "XDG_DATA_HOME": "home/data",
    }.items():
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv(name, str(tmp_path / folder))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return tmp_path / "home"


@pytest.fixture
def openai(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The scripted service as the server that is configured, with a key."""
    monkeypatch.setenv("OPENAI_BASE_URL", f"{service.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    return service


@pytest.fixture
def azure(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The scripted service as the Azure resource that is configured, with a key."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", service.url)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", CANARY)
    return service


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command `az` that signs in as Azure's does; its folder, where it notes what it was asked."""
    if sys.platform == "win32":
        pytest.skip("the stand-in for az is a shell script")
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "az"
    script.write_text(
        textwrap.dedent(f"""\
        #!/bin/sh
        echo "$@" >> "{folder}/asked"
        echo '{{"accessToken": "{CANARY}", "expiresOn": "2099-01-01 00:00:00.000000", "expires_on": 4070908800,'
        echo ' "subscription": "s", "tenant": "t", "tokenType": "Bearer"}}'
        """)
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")  # no metadata service is asked in tests
    return folder


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sound card's folder; processes find it instead of the real library."""
    folder = tmp_path / "card"
    folder.mkdir()
    monkeypatch.setenv("FAKE_SOUND", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "support" / "fakes"))
    return folder


@pytest.fixture
def dog() -> Path:
    """A recording in the working directory."""
    path = Path("dog.wav")
    path.write_bytes(wav.wrap(PCM))
    return path


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line in this process: as fast as tests by the dozen have to be."""
    return in_process(monkeypatch, terminal=False)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The same, with a terminal as stdout."""
    return in_process(monkeypatch, terminal=True)


@pytest.fixture
def process() -> CommandLine:
    """The command line as a process of its own."""

    def run(*arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "audiochat", *arguments],
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
            env={**os.environ, **(env or {})},
        )
        return Ran(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))

    return run


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The local engine with the models of this machine's own cache, fetched there if need be."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(REAL_CACHE))


@pytest.fixture
def shared() -> Path:
    """The folder of recordings and specifications, where it is there."""
    if not SHARED.is_dir():
        pytest.skip("the recordings and specifications are not beside this project")
    return SHARED


@pytest.fixture
def recorded(shared: Path) -> Callable[[str], Any]:
    """Reads a recording by name."""
    import json

    return lambda name: json.loads((shared / "recordings" / name).read_text(encoding="utf-8"))
