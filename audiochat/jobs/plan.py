"""What a job will ask for, and what that costs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audiochat.errors import ConfigurationError
from audiochat.jobs.piece import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from audiochat.jobs.job import Job
    from audiochat.jobs.piece import Piece

PRICES = "AUDIOCHAT_PRICES"

_PER = 1_000_000
"""Tokens that a price is for."""
_RATES = ("input", "input_audio", "output", "output_audio", "minute")


@dataclass(frozen=True, slots=True)
class Prices:
    """What a model costs, in any currency: per million tokens, or per minute of sound."""

    input: float = 0.0
    input_audio: float = 0.0
    output: float = 0.0
    output_audio: float = 0.0
    minute: float = 0.0

    def of(self, tokens: Tokens, seconds: float) -> float:
        """What the tokens and the seconds of sound cost."""
        rated = (
            tokens.text_in * self.input
            + tokens.audio_in * self.input_audio
            + tokens.text_out * self.output
            + tokens.audio_out * self.output_audio
        )
        return rated / _PER + seconds / 60 * self.minute


def prices_for(model: str, table: str | None) -> Prices | None:
    """What a model costs; None where the user has not said.

    Args:
        model: The model or deployment.
        table: JSON, as `.env.example` shows it.

    Raises:
        ConfigurationError: it is no such table.
    """
    if table is None:
        return None
    try:
        found: Any = json.loads(table).get(model)
        return None if found is None else Prices(**{str(name): float(rate) for name, rate in found.items()})
    except (ValueError, TypeError, AttributeError) as exc:
        why = " ".join(str(exc).split())[:100]
        raise ConfigurationError(
            f"{PRICES} is no table of prices: {why}.",
            hint=f'It looks like {{"gpt-audio": {{"input": 2.5, "input_audio": 32}}}}; rates: {", ".join(_RATES)}.',
        ) from exc


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be asked for."""

    pieces: int
    done: int
    """Of them: nothing is asked for these."""
    weight: float
    """Of the others: seconds of sound, say."""
    tokens: Tokens
    """That the others are expected to take."""

    @classmethod
    def of(cls, pieces: Iterable[Piece[Any]], job: Job | None) -> Plan:
        """The plan for pieces, of which a job may have some; equal pieces are asked for once."""
        seen: set[str] = set()
        count = done = 0
        weight, tokens = 0.0, Tokens()
        for piece in pieces:
            count += 1
            if piece.key in seen or (job is not None and job.has(piece.key)):
                done += 1
            else:
                weight, tokens = weight + piece.weight, tokens + piece.tokens
            seen.add(piece.key)
        return cls(count, done, weight, tokens)

    def as_json(self) -> Mapping[str, Any]:
        """Plain data."""
        return {
            "pieces": self.pieces,
            "done": self.done,
            "seconds": round(self.weight, 3),
            "tokens": {
                "input": self.tokens.text_in,
                "input_audio": self.tokens.audio_in,
                "output": self.tokens.text_out,
                "output_audio": self.tokens.audio_out,
            },
        }
