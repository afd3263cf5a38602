"""The engine: what hears, thinks and speaks, each part fetched and loaded once, when it is first needed.

For programs (jobs, a server) that want a part by itself:

    engine = Engine(settings.local)
    heard = engine.recognizer.hear(data, words=True)     # text, language, segments and words with their times
    for pcm in engine.synthesizer.say("Good morning."):  # s16le, mono, 24,000 Hz
        ...

All of it is safe to use from many threads: each part works for one at a time.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from audiochat.background import run_in_thread, wait_for
from audiochat.local import fetch, models
from audiochat.local.processors import set_switches
from audiochat.local.request_queue import RequestQueue
from audiochat.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from openai import OpenAI

    from audiochat.config import LocalSettings
    from audiochat.local.llm import LanguageModel
    from audiochat.local.models import Model
    from audiochat.local.stopping import StopSignal
    from audiochat.local.stt import Recognizer
    from audiochat.local.tts import Synthesizer
    from audiochat.progress import Progress

T = TypeVar("T")

NO_KOKORO = (
    "The voices of -v need Python 3.13 or older: kokoro-onnx, which speaks them, does not take this one yet. "
    "A single Piper voice speaks instead."
)

WAITING = 64
"""Requests that may wait while one is answered, in a program that asks by itself."""


class Parts(Protocol):
    """What the API needs of an engine; a test makes its own."""

    @property
    def queue(self) -> RequestQueue:
        """Lets requests work one at a time."""

    @property
    def progress(self) -> Progress:
        """Told about what takes long."""

    @property
    def model_name(self) -> str:
        """What to call the model that answers."""

    @property
    def recognizer_name(self) -> str:
        """What to call the model that hears."""

    @property
    def small_model(self) -> bool:
        """Whether that is the engine's own small model, whose answers are checked."""

    def prepare(self, stop: StopSignal, *, recognizer: bool, language_model: bool, synthesizer: bool) -> None:
        """Fetch the parts that a request needs, and begin to load them beside each other."""

    @property
    def recognizer(self) -> Recognizer:
        """Speech to text."""

    @property
    def language_model(self) -> LanguageModel:
        """Writes answers."""

    @property
    def synthesizer(self) -> Synthesizer:
        """Text to speech."""


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
                # Not a daemon: native libraries that are still loading crash when Python is taken down beneath them.
                self._future = run_in_thread(self._load, name=f"loading-{self._name}", daemon=False)
            return self._future

    def get(self) -> T:
        """The loaded thing.

        Raises:
            Exception: what loading it raised.
        """
        return wait_for(self.start())


class Part(Generic[T]):
    """A part of the engine, and the model that it is made of.

    Args:
        make: Loads it.
        model: Fetched first; None where the user brings a model.
        progress: Told about the fetching.
        name: For the thread that loads.
    """

    def __init__(self, make: Callable[[], T], model: Model | None, progress: Progress, *, name: str) -> None:
        self.model = model
        self._make = make
        self._progress = progress
        self._loaded = LoadedOnce(self._load, name=name)

    def start(self) -> Future[T]:
        """Begin to load it; its model has been fetched."""
        return self._loaded.start()

    def get(self) -> T:
        """The part, fetched and loaded if need be.

        Raises:
            AudiochatError: it cannot be fetched or loaded.
        """
        if self.model is not None:
            fetch.ensure([self.model], self._progress)
        return self._loaded.get()

    def _load(self) -> T:
        try:
            return self._make()
        except MemoryError:
            raise
        except Exception:
            if self.model is None or self.model.intact():
                raise
            self._progress.note(f"{self.model.title} on this disk is damaged; fetching it again.")
            fetch.remove(self.model)
            fetch.ensure([self.model], self._progress)
            return self._make()


class Engine:
    """Speech recognition, a language model and speech synthesis in this process.

    Args:
        settings: The parts that the user brings.
        progress: Told about what takes long: fetching, and listening to a long recording. A server leaves it out.
        server: The user's text server, instead of a language model in this process.
        waiting: How many requests may wait while one is answered; more are told to come back.
    """

    def __init__(
        self,
        settings: LocalSettings,
        *,
        progress: Progress | None = None,
        server: OpenAI | None = None,
        waiting: int = WAITING,
    ) -> None:
        set_switches()
        self._settings, self._server = settings, server
        self.queue = RequestQueue(waiting)
        self.progress = progress or NoProgress()

        self._recognizer = Part(
            self._make_recognizer, models.WHISPER if settings.stt is None else None, self.progress, name="recognizer"
        )
        self._synthesizer = Part(
            self._make_synthesizer, models.speaker(settings.tts), self.progress, name="synthesizer"
        )
        self._language_model = Part(
            self._make_language_model,
            models.SMOLLM2 if settings.llm is None else None,
            self.progress,
            name="language-model",
        )

    def _make_recognizer(self) -> Recognizer:
        from audiochat.local.stt import Whisper

        return Whisper(self._settings.stt)

    def _make_synthesizer(self) -> Synthesizer:
        if self._synthesizer.model is models.KOKORO:
            from audiochat.local.kokoro import Kokoro

            return Kokoro(self.progress)
        from audiochat.local.tts import Piper

        if self._settings.tts is None:
            self.progress.note(NO_KOKORO)
        return Piper(self._settings.tts)

    def _make_language_model(self) -> LanguageModel:
        if self._server is not None:
            from audiochat.local.text_server import TextServer

            return TextServer(self._server, self._settings.llm_model)
        from audiochat.local.gguf import Gguf

        return Gguf(Path(self._settings.llm).expanduser() if self._settings.llm else None)

    def prepare(self, stop: StopSignal, *, recognizer: bool, language_model: bool, synthesizer: bool) -> None:
        """Fetch the parts that a request needs, and begin to load them beside each other.

        Raises:
            AudiochatError: a model cannot be fetched.
        """
        wanted: list[Part[Recognizer] | Part[LanguageModel] | Part[Synthesizer]] = []
        wanted += [self._language_model] if language_model else []
        wanted += [self._recognizer] if recognizer else []
        wanted += [self._synthesizer] if synthesizer else []
        fetch.ensure([part.model for part in wanted if part.model is not None], self.progress, stop)
        if synthesizer and self._synthesizer.model is models.KOKORO:
            from audiochat.local import kokoro, voice_sources

            voice_sources.ensure([kokoro.DEFAULT_VOICE], self.progress, stop)
        import numpy as np  # noqa: F401 - before the threads that load it with their libraries: two at once can fail

        for part in wanted:
            part.start()
        if language_model:
            loading = self._language_model.start()
            run_in_thread(lambda: loading.result().warm(recording=recognizer), name="warming", daemon=False)

    @property
    def model_name(self) -> str:
        """What to call the model that answers."""
        if self._settings.llm is None:
            return models.SMOLLM2.title
        return self._settings.llm_model or Path(self._settings.llm).stem

    @property
    def recognizer_name(self) -> str:
        """What to call the model that hears."""
        return self._settings.stt or models.WHISPER.key

    @property
    def small_model(self) -> bool:
        """Whether the engine's own small model answers, not one that the user brings."""
        return self._settings.llm is None

    @property
    def recognizer(self) -> Recognizer:
        """Speech to text, with times; loaded when it is first asked for."""
        return self._recognizer.get()

    @property
    def language_model(self) -> LanguageModel:
        """Writes answers; loaded when it is first asked for."""
        return self._language_model.get()

    @property
    def synthesizer(self) -> Synthesizer:
        """Text to speech; loaded when it is first asked for."""
        return self._synthesizer.get()
