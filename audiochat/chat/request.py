"""What is asked: turns, voice and format, and their JSON payload."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from audiochat.chat.recordings import Recording
    from audiochat.spool import Data

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
"""The voices known in November 2026; a service may have others, so another name is only warned of."""

CUSTOM_VOICE = "voice_"
"""How the id of a custom voice begins; it goes as an object. Source: OpenAI's guide to custom voices."""

OWNED = frozenset({"model", "messages", "modalities", "audio", "stream", "stream_options"})
"""Parameters that follow from the fields of a `Request`."""


Encoded: TypeAlias = Callable[["Data"], str]
"""What stands for a recording's bytes in the payload."""


def in_base64(data: Data) -> str:
    """A recording as the wire has it."""
    return base64.b64encode(data[:]).decode("ascii")


@dataclass(frozen=True, slots=True)
class UserTurn:
    """What the user says in one turn: a text, recordings, or both."""

    text: str | None = None
    recordings: tuple[Recording, ...] = ()

    def message(self, encoded: Encoded = in_base64) -> dict[str, Any]:
        """The message; text alone goes as a plain string, as in Azure's quickstart."""
        if not self.recordings:
            return {"role": "user", "content": self.text or ""}
        content: list[dict[str, Any]] = [] if self.text is None else [{"type": "text", "text": self.text}]
        return {"role": "user", "content": content + [recording.part(encoded) for recording in self.recordings]}


@dataclass(frozen=True, slots=True)
class AssistantTurn:
    """An earlier answer: by its audio id while the service remembers it, else by its words."""

    audio_id: str | None = None
    text: str | None = None

    def message(self, _encoded: Encoded = in_base64) -> dict[str, Any]:
        """The message."""
        if self.audio_id is not None:
            return {"role": "assistant", "audio": {"id": self.audio_id}}
        return {"role": "assistant", "content": self.text or ""}


Turn: TypeAlias = "UserTurn | AssistantTurn"


@dataclass(frozen=True, slots=True)
class Request:
    """One audio chat completion."""

    model: str
    """Deployment (Azure) or model."""
    turns: tuple[Turn, ...]
    voice: str = "alloy"
    """A voice's name, or the id of a custom voice (`voice_…`)."""
    format: str | None = "wav"
    """Encoding of the spoken answer, one of `audio.formats.SERVICE_FORMATS`; None asks for text alone."""
    system: str | None = None
    """The system message."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Any other parameter of the API; None leaves out a parameter that would be sent otherwise."""

    def payload(self, *, stream: bool = False, usage: bool = True, encoded: Encoded = in_base64) -> dict[str, Any]:
        """The body of the request, in the shape of `POST /chat/completions`.

        Args:
            stream: Whether the answer is to come in pieces.
            usage: Whether a stream is to tell its tokens (`stream_options`).
            encoded: Makes what stands for a recording's bytes.

        Source: OpenAI's and Azure's specification of CreateChatCompletionRequest.
        """
        payload: dict[str, Any] = {"model": self.model}
        payload["modalities"] = ["text"] if self.format is None else ["text", "audio"]
        if self.format is not None:
            voice = {"id": self.voice} if self.voice.startswith(CUSTOM_VOICE) else self.voice
            payload["audio"] = {"voice": voice, "format": self.format}
        system = [] if self.system is None else [{"role": "system", "content": self.system}]
        payload["messages"] = system + [turn.message(encoded) for turn in self.turns]
        if stream:
            payload["stream"] = True
            if usage:
                payload["stream_options"] = {"include_usage": True}
        payload.update(self.parameters)
        return {name: value for name, value in payload.items() if value is not None}


@dataclass(frozen=True, slots=True)
class AskOptions:
    """How an answer is wanted."""

    format: str | None = "wav"
    """Of the spoken answer: wav, mp3, flac, opus, aac, m4a or pcm16; None asks for text alone."""
    voice: str | None = None
    """Instead of that of the settings."""
    system: str | None = None
    """The system message."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Any other parameter of the API."""
    cancelled: threading.Event | None = None
    """Set from another thread to end the request."""
    live: bool = False
    """Whether deltas are wanted, while the answer comes."""
