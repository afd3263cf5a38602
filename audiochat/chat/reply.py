"""What comes back: the events of an answer, and the whole of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Generator

    from audiochat.spool import Data


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the service counted them; None where it did not say."""

    input_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_tokens: int | None = None
    output_audio_tokens: int | None = None

    def __add__(self, other: Usage) -> Usage:
        """The tokens of both; what only one of them says counts as it is."""
        sums = {}
        for item in fields(Usage):
            values = [value for usage in (self, other) if (value := getattr(usage, item.name)) is not None]
            sums[item.name] = sum(values) if values else None
        return Usage(**sums)


@dataclass(frozen=True, slots=True)
class SpokenAudio:
    """The spoken half of an answer. The format travels with the sound."""

    data: Data = field(repr=False)
    """The sound, encoded in `format`."""
    format: str
    """wav, mp3, flac, opus, aac, m4a or pcm16 (s16le, mono, 24,000 Hz); `unknown` where its first bytes do not tell."""
    id: str | None = None
    """The id by which later turns refer to it."""
    expires_at: int | None = None
    """When the service forgets the id, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer, as it arrives."""

    text: str = ""
    """Words to add to the transcript."""
    pcm: bytes = field(default=b"", repr=False)
    """Sound to add: s16le, mono, 24,000 Hz; a sample may be split between two deltas."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should know while the answer is under way."""

    text: str
    code: str
    """A stable word: `retry`, `asked_differently`, `asked_again`, `forgotten`, `named`, `length`, …

    `asked_again`: the deltas so far are superseded, the answer begins anew.
    """


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer; the last event of every answer that became whole."""

    transcript: str
    """The words, exactly as the service sent them."""
    audio: SpokenAudio | None = None
    """None where the model answered in text alone."""
    usage: Usage = field(default_factory=Usage)
    finish_reason: str | None = None
    model: str | None = None
    """The model that says that it answered."""
    request_id: str | None = None


Event: TypeAlias = "Delta | Notice | Reply"

Events: TypeAlias = "Generator[Event, None, None]"
"""The events of one answer: closing them ends the request."""
