"""The three parts of the engine, each loaded once, when it is first needed, beside the others."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from audiochat.background import run_in_thread, wait_for
from audiochat.local.llm import Gguf, TextServer
from audiochat.local.stt import Whisper
from audiochat.local.tts import Piper

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from openai import OpenAI

    from audiochat.config import LocalSettings

T = TypeVar("T")


def without_telemetry() -> None:
    """Keep onnxruntime and the model hub's library from telling their makers what runs here."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


class LoadedOnce(Generic[T]):
    """Something that takes a while to load; however many threads ask for it, it is loaded once.

    What could not be loaded is tried again when it is asked for the next time: the user may have mended it.

    Args:
        load: Loads it.
        name: For the thread that does.
    """

    def __init__(self, load: Callable[[], T], *, name: str) -> None:
        self._load = load
        self._name = name
        self._lock = threading.Lock()
        self._future: Future[T] | None = None

    def start(self) -> Future[T]:
        """Begin to load it, unless that was begun."""
        with self._lock:
            failed = self._future is not None and self._future.done() and self._future.exception() is not None
            if self._future is None or failed:
                self._future = run_in_thread(self._load, name=f"loading-{self._name}", daemon=False)
            return self._future

    def get(self) -> T:
        """The loaded thing.

        Raises:
            Exception: what loading it raised.
        """
        return wait_for(self.start())


class Engine:
    """What hears, thinks and speaks; see `local.api.Parts`.

    Args:
        settings: The parts that the user brings.
        server: The user's text server, instead of a model in this process.
    """

    def __init__(self, settings: LocalSettings, *, server: OpenAI | None = None) -> None:
        without_telemetry()
        self._recognizer = LoadedOnce(lambda: Whisper(settings), name="recognizer")
        self._synthesizer = LoadedOnce(lambda: Piper(settings), name="synthesizer")

        def model() -> Gguf | TextServer:
            if server is not None:
                return TextServer(server, settings.llm_model)
            return Gguf(Path(settings.llm).expanduser() if settings.llm else None)

        self._model = LoadedOnce(model, name="model")

    def expect(self, *, recognizer: bool, synthesizer: bool) -> None:
        """Begin to load what the next request will need, while it is read."""
        loaded = self._model.start()
        if recognizer:
            self._recognizer.start()
        if synthesizer:
            self._synthesizer.start()
        run_in_thread(lambda: loaded.result().warm(recording=recognizer), name="warming", daemon=False)

    @property
    def recognizer(self) -> Whisper:
        """Speech to text."""
        return self._recognizer.get()

    @property
    def model(self) -> Gguf | TextServer:
        """The language model."""
        return self._model.get()

    @property
    def synthesizer(self) -> Piper:
        """Text to speech."""
        return self._synthesizer.get()
