"""A sound card that writes down what it plays and says what it is told, behind sounddevice's own interface.

Environment: FAKE_SOUND is a folder. `heard.pcm` in it is what the loudspeaker played; `spoken.pcm` is what the
microphone hears, then silence; `no-device` in it means that there is none.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["FAKE_SOUND"])


class PortAudioError(Exception):
    """As PortAudio has it."""


class _Stream:
    def __init__(self, *, samplerate: int, channels: int, dtype: str, latency: str) -> None:
        if (FOLDER / "no-device").exists():
            raise PortAudioError("Error querying device -1")
        assert (samplerate, channels, dtype, latency) == (24_000, 1, "int16", "high")
        self.running = False
        self._note("opened")

    def _note(self, what: str) -> None:
        with (FOLDER / "log").open("a") as log:
            log.write(f"{what} {time.monotonic():.3f}\n")

    def start(self) -> None:
        self.running = True
        self._note("start")

    def stop(self) -> None:
        self.running = False
        self._note("stop")

    def abort(self) -> None:
        self.running = False
        self._note("abort")

    def close(self) -> None:
        self._note("close")


class RawOutputStream(_Stream):
    """Takes sound at eight times the speed at which it would be heard."""

    def write(self, data: bytes) -> None:
        """Play."""
        assert self.running
        assert len(data) % 2 == 0
        with (FOLDER / "heard.pcm").open("ab") as heard:
            heard.write(data)
        time.sleep(len(data) / 48_000 / 8)


class RawInputStream(_Stream):
    """Gives sound at twenty times the speed at which it would be spoken."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._left = (FOLDER / "spoken.pcm").read_bytes()

    def read(self, frames: int) -> tuple[bytes, bool]:
        """Hear."""
        assert self.running
        time.sleep(frames / 24_000 / 20)
        block, self._left = self._left[: 2 * frames], self._left[2 * frames :]
        return block.ljust(2 * frames, b"\0"), False
