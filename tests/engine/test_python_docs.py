"""The programs of docs/python.md run as they stand there, on the local engine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_the_programs_run() -> None:
    """One after another, in one folder: the second asks about what the first wrote."""
    assert len(PROGRAMS) >= 6
    for program in PROGRAMS:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert done.stdout
