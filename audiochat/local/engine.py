"""The three parts together, each loaded when it is needed and beside the others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from audiochat import config
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


class _Part(Generic[T]):
    """Something that takes a while to load, and is loaded once."""

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._future: Future[T] | None = None

    def start(self) -> Future[T]:
        if self._future is None:
            self._future = run_in_thread(self._load, name="loading", daemon=False)
        return self._future

    def get(self) -> T:
        return wait_for(self.start())


class Engine:
    """What `local.api` asks for: `Parts`."""

    def __init__(self, settings: LocalSettings, *, server: OpenAI | None = None) -> None:
        config.without_telemetry()
        self._recognizer = _Part(lambda: Whisper(settings))
        self._synthesizer = _Part(lambda: Piper(settings))

        def model() -> Gguf | TextServer:
            if server is not None:
                return TextServer(server, settings.llm_model)
            return Gguf(Path(settings.llm).expanduser() if settings.llm else None)

        self._model = _Part(model)

    def expect(self, *, recognizer: bool, synthesizer: bool) -> None:
        """Start loading what the next request will need."""
        loaded = self._model.start()
        if recognizer:
            self._recognizer.start()
        if synthesizer:
            self._synthesizer.start()
        run_in_thread(lambda: loaded.result().warm(recording=recognizer), name="warming", daemon=False)

    @property
    def recognizer(self) -> Whisper:
        """What hears."""
        return self._recognizer.get()

    @property
    def model(self) -> Gguf | TextServer:
        """What thinks."""
        return self._model.get()

    @property
    def synthesizer(self) -> Piper:
        """What speaks."""
        return self._synthesizer.get()
