"""How many processors the engine uses."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from audiochat.local.processors import usable_processors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may run on sixteen processors."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(16)), raising=False)


@pytest.mark.usefixtures("sixteen")
@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({"cpu.max": "nonsense"}, 8),
    ],
)
def test_a_containers_limit_counts(files: dict[str, str], count: int, tmp_path: Path) -> None:
    """Both versions of cgroups; without a limit there are eight at most."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert usable_processors(tmp_path) == count


def test_affinity_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is pinned to one processor uses one."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {3}, raising=False)
    assert usable_processors(tmp_path) == 1


def test_the_voice_detector_is_loaded_without_telemetry() -> None:
    """A transcription with a cloud's model loads onnxruntime too, without the engine."""
    pytest.importorskip("faster_whisper")
    code = (
        "import os; from audiochat.jobs.ears import voice_detector; voice_detector(); "
        "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "1"
