"""What is asked: turns, voice and format, and their JSON payload."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from audiochat.chat.recordings import in_base64

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audiochat.chat.recordings import Encoded, Recording

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
"""The voices known in November 2026; a service may have others, so another name is only warned of."""

SERVICE_FORMATS = ("wav", "mp3", "flac", "opus", "pcm16")
"""The audio that every deployment can make; anything else is converted here."""

OWNED = frozenset({"model", "messages", "modalities", "audio", "stream", "stream_options"})
"""Parameters that have options of their own."""


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
    format: str | None = "wav"
    """Encoding of the spoken answer, one of `SERVICE_FORMATS`; None asks for text alone."""
    system: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Any other parameter of the API."""

    def payload(self, *, stream: bool = False, encoded: Encoded = in_base64) -> dict[str, Any]:
        """The body of the request, in the shape of `POST /chat/completions`.

        Args:
            stream: Whether the answer is to come in pieces.
            encoded: What stands for a recording's bytes.

        Source: OpenAI's and Azure's specification of CreateChatCompletionRequest.
        """
        payload: dict[str, Any] = {"model": self.model}
        payload["modalities"] = ["text"] if self.format is None else ["text", "audio"]
        if self.format is not None:
            payload["audio"] = {"voice": self.voice, "format": self.format}
        system = [] if self.system is None else [{"role": "system", "content": self.system}]
        payload["messages"] = system + [turn.message(encoded) for turn in self.turns]
        payload.update(self.parameters)
        if stream:
            payload["stream"] = True
            payload["stream_options"] = {"include_usage": True}
        return payload
