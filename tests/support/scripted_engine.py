"""An engine whose parts say what a test wants, at the pace that it wants: for servers, without a model."""

from __future__ import annotations

import array
import io
import math
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audiochat.audio import SAMPLE_RATE
from audiochat.audio.decoder import decode
from audiochat.errors import FileError
from audiochat.local.llm import Limits, Writing
from audiochat.local.request_queue import RequestQueue
from audiochat.local.stt import Heard, NotAudioError, Segment, UnknownLanguageError, Word
from audiochat.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from audiochat.local.prompts import Said
    from audiochat.local.stopping import StopSignal
    from audiochat.progress import Progress

MODEL = "scripted-model"
SENTENCES = ("The dog is called Rex.", "He is a good dog.")
HEARD = "what is the name of the dog"


def tone(seconds: float, frequency: float = 440.0) -> bytes:
    """A tone as pcm16."""
    count = int(seconds * SAMPLE_RATE)
    wave = (int(8000 * math.sin(2 * math.pi * frequency * n / SAMPLE_RATE)) for n in range(count))
    return array.array("h", wave).tobytes()


def _last() -> deque[Any]:
    """Room for what came last: the memory of a server is measured over thousands of requests."""
    return deque(maxlen=20)


@dataclass
class Ear:
    """Hears the same words in everything that decodes, a second for each."""

    failure: Exception | None = None
    languages: list[str | None] = field(default_factory=list)
    prompts: list[str | None] = field(default_factory=list)

    def hear(
        self,
        audio: bytes,
        *,
        stop: StopSignal | None = None,
        words: bool = False,
        language: str | None = None,
        prompt: str | None = None,
        progress: Progress | None = None,  # noqa: ARG002
    ) -> Heard:
        """Listen."""
        if self.failure is not None:
            raise self.failure
        if language not in (None, "en", "de"):
            raise UnknownLanguageError(language)
        self.languages.append(language)
        self.prompts.append(prompt)
        try:
            samples = sum(map(len, decode(io.BytesIO(audio), name="it"))) // 2
        except FileError as exc:
            raise NotAudioError(exc.message) from exc
        if stop is not None:
            stop.check()
        said = [Word(f" {word}", n * 1.0, n + 0.5) for n, word in enumerate(HEARD.split())]
        return Heard(
            text=HEARD,
            seconds=samples / SAMPLE_RATE,
            speech_seconds=1.0,
            loudness=-20.0,
            language=language or "en",
            segments=(Segment(" what is the name", 0.0, 3.5), Segment(" of the dog", 4.0, 6.5)),
            words=tuple(said) if words else (),
        )


@dataclass
class Writer:
    """Writes its sentences."""

    sentences: Sequence[str] = SENTENCES
    pace: float = 0.0
    """Seconds for a sentence."""
    failure: Exception | None = None
    """Raised after the sentences."""
    name: str = MODEL
    said: deque[list[Said]] = field(default_factory=_last)
    limits: deque[Limits] = field(default_factory=_last)
    written: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)
    """Set when an answer was given up."""

    def warm(self, *, recording: bool) -> None:
        """Nothing to do."""

    def write(self, said: Sequence[Said], limits: Limits, stop: StopSignal) -> Writing:
        """Answer."""
        self.said.append(list(said))
        self.limits.append(limits)
        writing = Writing(prompt_tokens=11)
        paused = threading.Event()

        def lines() -> Generator[str, None, None]:
            done = False
            try:
                with stop.interrupting(paused.set):
                    for sentence in self.sentences:
                        paused.wait(self.pace)
                        stop.check()
                        self.written += 1
                        writing.completion_tokens += 4
                        yield sentence
                if self.failure is not None:
                    raise self.failure
                done = True
            finally:
                if not done:
                    self.stopped.set()

        writing.sentences = lines()
        return writing


@dataclass
class Voice:
    """Says a tone for every sentence, half a second in two blocks."""

    pcm: bytes = field(default_factory=lambda: tone(0.5))
    blocks: int = 2
    said: deque[tuple[str, str | None, float]] = field(default_factory=_last)

    def say(
        self,
        text: str,
        *,
        voice: str | None = None,
        speed: float = 1.0,
        language: str | None = None,  # noqa: ARG002
        context: str = "",  # noqa: ARG002
        early: bool = False,  # noqa: ARG002
    ) -> Iterator[bytes]:
        """Speak."""
        self.said.append((text, voice, speed))
        size = max(1, len(self.pcm) // self.blocks)
        for start in range(0, len(self.pcm), size):
            yield self.pcm[start : start + size]


@dataclass
class ScriptedEngine:
    """The three parts, there at once."""

    recognizer: Ear = field(default_factory=Ear)
    language_model: Writer = field(default_factory=Writer)
    synthesizer: Voice = field(default_factory=Voice)
    queue: RequestQueue = field(default_factory=lambda: RequestQueue(16))
    progress: NoProgress = field(default_factory=NoProgress)
    model_name: str = MODEL
    small_model: bool = False
    """Whose answers would be checked."""
    recognizer_name: str = "ear"

    def prepare(self, stop: StopSignal, *, recognizer: bool, language_model: bool, synthesizer: bool) -> None:
        """Nothing to fetch."""
