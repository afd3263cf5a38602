"""What a job is made of: pieces with a key, and what came of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from audiochat.chat.reply import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audiochat.errors import AudiochatError

P = TypeVar("P")

AUDIO_TOKENS_IN, AUDIO_TOKENS_OUT = 10, 20
"""Tokens of a second of sound that is sent, and of one that is answered. Source: recorded usage of the service."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """How many tokens something is expected to take."""

    text_in: int = 0
    audio_in: int = 0
    text_out: int = 0
    audio_out: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.text_in + self.audio_in + self.text_out + self.audio_out

    def __add__(self, other: Tokens) -> Tokens:
        """The tokens of both."""
        return Tokens(
            self.text_in + other.text_in,
            self.audio_in + other.audio_in,
            self.text_out + other.text_out,
            self.audio_out + other.audio_out,
        )


@dataclass(frozen=True, slots=True)
class Piece(Generic[P]):
    """A part of a job that is asked for by itself."""

    key: str
    """What its result is kept under; see `key_of`."""
    payload: P | None = field(repr=False)
    """What the work is given; it pickles. None where it is known that the piece is done."""
    label: str
    """How a person finds it: `12:03–12:51`, `chapter 3, sentence 17`."""
    weight: float = 1.0
    """What it adds to the progress: seconds of sound, say."""
    tokens: Tokens = field(default_factory=Tokens)
    """What it is expected to take."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result, or not the one that was wanted."""

    code: str
    message: str
    exit_code: int
    hint: str | None = None
    request_id: str | None = None

    @classmethod
    def of(cls, error: AudiochatError) -> Failure:
        """The failure that an error is."""
        return cls(error.code, error.message, error.exit_code, error.hint, error.request_id)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a piece."""

    data: Mapping[str, Any]
    """Plain data, as JSON holds it."""
    blob: bytes | None = field(default=None, repr=False)
    """Sound, say."""
    usage: Usage = field(default_factory=Usage)
    """All that was paid for it, further tries included."""
    flaw: Failure | None = None
    """What is wrong with it: it is used, and asked for again by the next run."""


def key_of(*parts: object) -> str:
    """The key of a piece: a hash of everything that its result depends on.

    Args:
        parts: Bytes, and whatever JSON holds. Their order counts. A path may be one that is not UTF-8.
    """
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part if isinstance(part, bytes) else _json(part)
        hashed.update(f"{'b' if isinstance(part, bytes) else 'j'}{len(data)}:".encode())
        hashed.update(data)
    return hashed.hexdigest()


def _json(part: object) -> bytes:
    return json.dumps(part, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
