"""How many processors this process may use: the machine's, its own share of them, and what a container allows."""

from __future__ import annotations

import math
import os
from pathlib import Path

_MOST = 8
"""More do not help models of this size."""
_CGROUP = Path("/sys/fs/cgroup")


def usable_processors(cgroup: Path = _CGROUP) -> int:
    """Processors that this process may run on, at least one.

    Args:
        cgroup: Where the kernel tells a container's limits.
    """
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no such call
        count = os.cpu_count() or 1
    quota = _quota(cgroup)
    if quota is not None:
        count = min(count, math.ceil(quota))
    return max(1, min(_MOST, count))


def set_switches() -> None:
    """Set switches of the engine's libraries, unless the user has: to be called before any of them is loaded.

    onnxruntime and the model hub's library would tell their makers what runs here. OpenMP's threads (in llama.cpp's and
    CTranslate2's builds) spin while they wait for each other, which wins nothing here and takes the processor away from
    the very thread that is waited for: beside other programs an answer took eighteen times as long.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _quota(cgroup: Path) -> float | None:
    """The processors' worth of time that a container is given (cgroup v2, then v1); None without a limit."""
    try:
        allowed, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            allowed = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    try:
        quota = int(allowed) / int(period)
    except (ValueError, ZeroDivisionError):  # "max"
        return None
    return quota if quota > 0 else None
