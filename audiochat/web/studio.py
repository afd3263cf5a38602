"""What stands behind the page: the assistants that it asks, one for each model, and the user's sessions."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from audiochat.assistant import Assistant
from audiochat.chat import voices
from audiochat.chat.request import VOICES
from audiochat.chat.sessions import SessionStore
from audiochat.errors import AudiochatError, UsageError
from audiochat.transport.attempts import http_errors
from audiochat.transport.model_list import model_names
from audiochat.web.waiting_line import WaitingLine

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from audiochat.config import Settings
    from audiochat.progress import Progress

_MODELS = 20
"""Connections that are kept open; a page that asks more models has mistyped some."""

_AT_ONCE = {"local": 1}
"""By provider: the engine answers one at a time."""

_WAITING = 8

_LISTING = 5.0
"""Seconds in which a service has to list its models."""


class Studio:
    """The assistants and the sessions of one server; used from many threads.

    Args:
        settings: Of the server; the page may name another model and voice, and nothing else.
        progress: Told about what takes long.
        store: Where conversations are kept; by default the user's own, those of `converse`.
    """

    def __init__(self, settings: Settings, progress: Progress, *, store: SessionStore | None = None) -> None:
        self.settings = settings
        self.store = store or SessionStore()
        self.line = WaitingLine(_AT_ONCE.get(settings.provider, 4), _WAITING)
        self._progress = progress
        self._lock = threading.Lock()
        self._first = Assistant(settings, progress=progress)
        self._others: dict[str, Assistant] = {}
        self._told: set[tuple[str, str]] = set()

    @property
    def model(self) -> str:
        """The model that is asked where the page names none."""
        return self._first.connection.model

    @property
    def voices(self) -> list[dict[str, object]]:
        """The voices that are known, in groups: `title` (None for the API's own) and `names`."""
        if self.settings.provider != "local":
            return [{"title": None, "names": list(VOICES)}]
        groups: list[dict[str, object]] = [{"title": None, "names": list(voices.API_NAMES)}]
        for tag, title in voices.LANGUAGES.items():
            names = [voice.name for voice in voices.ENGINE_VOICES if voice.language == tag]
            groups.append({"title": title, "names": names})
        return groups

    def assistant(self, model: str | None = None) -> Assistant:
        """The assistant that asks a model.

        Raises:
            AudiochatError: it cannot connect.
            UsageError: more models were asked than there can be.
        """
        # The engine has one model, whatever a request says.
        if model in (None, "", self.model) or self.settings.provider == "local":
            return self._first
        assert model is not None  # noqa: S101 - see above
        with self._lock:
            if model not in self._others:
                if len(self._others) >= _MODELS:
                    raise UsageError("Too many models were asked.", hint="Restart the playground.")
                self._others[model] = Assistant(replace(self.settings, model=model), progress=self._progress)
            return self._others[model]

    def models(self) -> list[str]:
        """The models to choose from: those that answer in audio, where the service lists them.

        Azure lists what could be deployed, not what is: there the user's own deployment stands alone.
        """
        found = [self.model]
        if self.settings.provider == "openai":
            try:
                listed = model_names(self._first.connection.sdk, timeout=_LISTING) or []
                found += sorted(name for name in listed if "audio" in name)
            except http_errors():  # a server need not list its models
                return found
        return list(dict.fromkeys(found))

    def is_news(self, session: str | None, code: str) -> bool:
        """Whether a conversation was not told this yet: each turn opens it anew, but a person needs it once."""
        with self._lock:
            known = (session or "", code) in self._told
            self._told.add((session or "", code))
        return not known

    def close(self) -> None:
        """End what is under way, and let go of the connections."""
        with self._lock:
            others, self._others = list(self._others.values()), {}
        for assistant in (self._first, *others):
            assistant.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def as_json(error: AudiochatError) -> dict[str, object]:
    """An error as the page shows it: in the words of the command line."""
    return {
        "message": error.message,
        "hint": error.hint,
        "code": error.code,
        "request_id": error.request_id,
        "transcript": error.transcript,
    }
