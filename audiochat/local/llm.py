"""What a language model of the engine does: it answers a conversation, sentence by sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from audiochat.local.sentences import sentences

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from audiochat.local.prompts import Said
    from audiochat.local.stopping import StopSignal

SENTENCES = 4
"""An answer has no more: it is spoken."""

TOKENS = 160
"""An answer has no more, whatever its sentences."""


class TooLongError(Exception):
    """A conversation that does not fit into the model's context."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request says about the writing."""

    tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None


@dataclass(slots=True)
class Writing:
    """An answer that is being written; its numbers are final when its sentences have ended."""

    prompt_tokens: int
    sentences: Generator[str, None, None] = field(default_factory=lambda: sentences(iter(()), 0))
    completion_tokens: int = 0
    finish_reason: str = "stop"


class LanguageModel(Protocol):
    """Writes answers."""

    @property
    def name(self) -> str:
        """What to call it."""

    def warm(self, *, recording: bool) -> None:
        """Read what every prompt of a kind starts with, while there is nothing else to do."""

    def write(self, said: Sequence[Said], limits: Limits, stop: StopSignal) -> Writing:
        """Answer a conversation.

        Args:
            said: The conversation.
            limits: What the request says about the writing.
            stop: Ends the writing when it is set.

        Raises:
            TooLongError: it does not fit.
        """
