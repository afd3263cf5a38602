"""The local engine behind the API: one request at a time, a bounded number waiting."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from audiochat.background import run_in_thread
from audiochat.local.api import ChatCompletions
from audiochat.local.audio_ids import AudioIds
from audiochat.local.stopping import StopSignal
from audiochat.web import speech, transcriptions
from audiochat.web.api import Slots
from audiochat.web.work import of_engine

if TYPE_CHECKING:
    import threading
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

    from audiochat.local.engine import Parts
    from audiochat.web.work import Outcome

WAITING = 16
"""Requests that may wait while one is answered: at the pace of a small engine, a minute."""

_ARRIVING = 8
"""More requests than that may be on their way in, so that the queue, which knows for how long, refuses first."""


class EngineService:
    """Answers with the engine; see `api.Service`.

    Args:
        engine: Its parts and its queue; `WAITING` is how many may wait in it.
        audio_ids: Remembers spoken answers; by default in the user's cache, so that ids outlive the server.
    """

    def __init__(self, engine: Parts, audio_ids: AudioIds | None = None) -> None:
        self._engine = engine
        self._completions = ChatCompletions(engine, audio_ids or AudioIds())
        self._stop = StopSignal()
        self.created = int(time.time())
        self.slots = Slots(WAITING + 1 + _ARRIVING)

    @property
    def models(self) -> Sequence[str]:
        """The engine's own name, and those of its ear and voice as clients know them."""
        return (self._engine.model_name, *transcriptions.MODELS, *speech.MODELS)

    def start(self) -> None:
        """Fetch and load the models, so that the first client need not wait for them. What fails is told to clients."""

        def prepare() -> None:
            self._engine.prepare(self._stop, recognizer=True, language_model=True, synthesizer=True)

        run_in_thread(prepare, name="preparing", daemon=False)

    def close(self) -> None:
        """End the fetching."""
        self._stop.set()

    def chat(self, body: bytes, cancelled: threading.Event) -> Outcome:
        """Answer a chat completions request."""
        return of_engine(self._completions.respond(body, cancelled=cancelled))

    def audio_routes(self) -> Mapping[str, Callable[[Request], Awaitable[Any]]]:
        """Transcriptions and speech."""
        return {**transcriptions.routes(self._engine, self.slots), **speech.routes(self._engine, self.slots)}
