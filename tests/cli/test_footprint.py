"""What commands load and how much memory they take, within bounds that only go down."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.service import PCM, completion, sound_events, stream

from audiochat.audio import wav

if TYPE_CHECKING:
    from support.service import Service

MODULES = {
    "version": 20,
    "help": 125,
    "speak_help": 250,
    "speak": 548,
    "keyless": 800,
}
"""How many modules a command may run beyond those of the bare interpreter: as measured, and a little more."""

UNASKED = {"aiohttp", "aiohappyeyeballs", "aiosignal", "attr", "attrs", "frozenlist", "multidict", "propcache", "yarl"}
"""What the SDK imports merely because it is installed, which tests with other clients want."""

NEVER = {
    "version": {"av", "azure", "dotenv", "httpx2", "msal", "numpy", "openai", "prompt_toolkit", "pydantic", "rich"},
    "help": {"av", "azure", "dotenv", "httpx2", "msal", "numpy", "openai", "prompt_toolkit", "pydantic", "rich"},
    "speak_help": {"av", "azure", "dotenv", "httpx2", "msal", "numpy", "openai", "prompt_toolkit", "rich"},
    "speak": {"av", "azure", "msal", "numpy", "prompt_toolkit", "rich"},
    "keyless": {"av", "numpy", "prompt_toolkit", "rich"},
}
"""The packages of which a command may run nothing."""

SPEAK_MEGABYTES = 65
"""The memory of a short spoken answer at most."""
LARGE_MEGABYTES = 75
"""The memory of 15 MB in and 15 MB out at most."""

STREAM_MEGABYTES = 110
"""The memory of half an hour of speech that streams to a file at most."""

_RUN = re.compile(r"^# (?:code object from|extension module '\S+' loaded from) '?(.+?)'?$", re.MULTILINE)
_PEAK = """
import os, sys
null = os.open(os.devnull, os.O_RDWR)
stdout = os.openpty()[1] if os.environ.get("ON_A_TERMINAL") else null
actions = [(os.POSIX_SPAWN_DUP2, opened, number) for number, opened in enumerate((null, stdout, null))]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=actions)
_, status, used = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss)
"""


def _run(*arguments: str) -> set[str]:
    """The files of the modules that a Python process runs; those that are merely found, to run later, do not count.

    Python tells it while it goes (`-v`), so that it matters neither what is in `sys.modules` nor how the process ends.
    """
    done = subprocess.run(
        [sys.executable, "-v", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-500:]
    return set(_RUN.findall(done.stderr))


def _package(file: str) -> str:
    """The package of site-packages that a file belongs to; "" elsewhere."""
    inside = Path(file.rpartition("site-packages")[2]).parts[1:] if "site-packages" in file else ()
    return next((part.partition(".")[0] for part in inside if part != "__pycache__"), "")


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("version", ["--version"]),
        ("help", ["--help"]),
        ("speak_help", ["speak", "--help"]),
        ("speak", ["speak", "Hi"]),
        ("keyless", ["speak", "Hi"]),
    ],
)
def test_a_command_loads_little(
    command: str,
    arguments: list[str],
    azure: Service,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A command runs no more modules than it did, and nothing of the packages that it can do without."""
    if command == "keyless":
        monkeypatch.delenv("AZURE_OPENAI_API_KEY")
        request.getfixturevalue("az")
    azure.answer(completion(audio=wav.wrap(PCM)))
    modules = _run("-m", "audiochat", *arguments) - _run("-c", "pass")
    assert any(Path(module).stem.startswith("__main__") for module in modules), "what -v tells is not understood"
    assert not NEVER[command] & {_package(module) for module in modules}
    counted = [module for module in modules if _package(module) not in UNASKED]
    assert len(counted) <= MODULES[command]


_AUDITED = """
import json, os, sys
heard = []

def hear(event, arguments):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "socket.getaddrinfo", "socket.connect"):
        heard.append([event, str(arguments)])
    elif event == "open" and isinstance(arguments[0], str) and arguments[1] != "w":
        heard.append([event, arguments[0]])

def leave(code, leave=os._exit):
    print(json.dumps(heard), file=sys.stderr, flush=True)
    leave(code)

sys.addaudithook(hear)
os._exit = leave
from audiochat.__main__ import main
main()
"""


def _heard(*arguments: str) -> list[tuple[str, str]]:
    """What a command line asks the system for, in order: the audit events of Python."""
    done = subprocess.run([sys.executable, "-c", _AUDITED, *arguments], capture_output=True, check=True, timeout=300)
    return [(event, about) for event, about in json.loads(done.stderr.splitlines()[-1])]


@pytest.mark.parametrize("arguments", [["--help"], ["speak", "--help"], ["sessions", "list"]], ids=" ".join)
def test_a_command_starts_by_itself(arguments: list[str]) -> None:
    """No program is started, no name looked up, no connection made."""
    assert {event for event, _ in _heard(*arguments)} <= {"open"}


@pytest.mark.skipif(sys.platform == "win32", reason="Python itself asks `ver` there for the version of Windows")
def test_a_question_takes_one_connection_and_reads_nothing_twice(azure: Service) -> None:
    """One connection, to the service; no program is started; no file is read twice, nor one of each package."""
    azure.answer(completion(audio=wav.wrap(PCM)))
    Path("question.wav").write_bytes(wav.wrap(PCM))
    heard = _heard("analyze", "question.wav", "-q")
    assert [event for event, _ in heard if event != "open"] == ["socket.getaddrinfo", "socket.connect"]
    read = Counter(about for event, about in heard if event == "open" and not about.endswith((".pyc", ".zip", ".so")))
    assert read["question.wav"] == 1
    assert [name for name, times in read.items() if times > 1] == []
    assert [name for name in read if name.endswith("entry_points.txt")] == []


def _peak_megabytes(*arguments: str, terminal: bool = False) -> float:
    """The memory of the command line at most, in millions of bytes; its stdout can be a terminal.

    A process between: a child begins with the peak of its parent's memory as its own, and pytest is large.
    """
    command = [sys.executable, "-S", "-c", _PEAK, sys.executable, "-m", "audiochat", *arguments]
    env = {**os.environ, **({"ON_A_TERMINAL": "1"} if terminal else {})}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, env=env)
    code, peak = map(int, done.stdout.split())
    assert code == 0
    return peak * (1 if sys.platform == "darwin" else 1024) / 1_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="there is no wait4")
def test_a_short_answer_takes_little_memory(azure: Service) -> None:
    """A second of speech costs what the libraries cost."""
    azure.answer(completion(audio=wav.wrap(PCM * 5)))
    assert 10 < _peak_megabytes("speak", "Hi") <= SPEAK_MEGABYTES


@pytest.mark.skipif(sys.platform == "win32", reason="there is no wait4")
def test_a_large_recording_and_answer_take_bounded_memory(azure: Service) -> None:
    """15 MB in and 15 MB out: copies of the sound are few."""
    sound = wav.wrap(bytes(15_000_000))
    Path("large.wav").write_bytes(sound)
    azure.answer(completion(audio=sound))
    assert 10 < _peak_megabytes("analyze", "large.wav") <= LARGE_MEGABYTES
    assert len(azure.last.body) > 20_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="there is no wait4")
@pytest.mark.parametrize("name", ["a.wav", "a.mp3"])
def test_a_long_answer_that_streams_to_a_file_takes_bounded_memory(azure: Service, name: str) -> None:
    """Half an hour of speech on a terminal, 86 MB, is not held in memory."""
    azure.answer(stream(sound_events(PCM * 9_000, size=960_000)))
    assert 10 < _peak_megabytes("speak", "Hi", "-o", name, terminal=True) <= STREAM_MEGABYTES
    assert Path(name).stat().st_size >= (5_000_000 if name == "a.mp3" else 9_000 * len(PCM))
