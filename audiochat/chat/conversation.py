"""Several turns: what the next request holds of those before, and what to do when the service has forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from audiochat.chat.recordings import SIZE_LIMIT
from audiochat.chat.reply import Reply
from audiochat.chat.request import AssistantTurn, Turn, UserTurn
from audiochat.errors import RefusedError
from audiochat.progress import NoProgress, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEAK = "Answer in speech: your answer has to be spoken audio, not text alone."
"""What is added to the system message when the model has slipped into text."""

_MARGIN = 60
"""Seconds before its expiry at which an id is no longer relied on."""

_FORGOTTEN = "The service no longer knows earlier spoken answers; their words are sent instead."
_LIGHTENED = "The conversation has grown too large; its oldest recordings are named instead of sent."

Send: TypeAlias = Callable[[tuple[Turn, ...], "str | None"], Reply]
"""Sends turns, with something to add to the system message, and returns the answer, delivered and shown."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A turn that was answered."""

    asked: UserTurn
    transcript: str
    audio_id: str | None = None
    expires_at: int | None = None
    """When the service forgets the id, in seconds since 1970."""
    origin: str | None = None
    """Who gave the id: provider, endpoint and deployment; nobody else knows it."""
    light: bool = False
    """Whether its recordings are only named from now on."""


@dataclass(slots=True)
class Conversation:
    """What was said, and how it goes on."""

    origin: str
    """Who is asked now."""
    exchanges: list[Exchange] = field(default_factory=list)
    progress: Progress = field(default_factory=NoProgress)
    clock: Callable[[], float] = time.time
    _told: set[str] = field(default_factory=set)

    def ask(self, asked: UserTurn, send: Send, *, speech: bool) -> Reply:
        """Take a turn; the answer becomes part of the conversation.

        Args:
            asked: What the user says.
            send: Sends turns and returns the answer.
            speech: Whether a spoken answer is wanted.

        Raises:
            AudiochatError: the turn failed; the conversation is as it was.
        """
        reply = self._remembered(asked, send)
        if speech and reply.audio is None and self._by_words():
            self.progress.note("The model answered in text; asking once more for speech.")
            reply = send(self.turns(asked), SPEAK)
        audio = reply.audio
        self.exchanges.append(
            Exchange(
                asked,
                reply.transcript,
                audio.id if audio else None,
                audio.expires_at if audio else None,
                self.origin if audio else None,
            )
        )
        return reply

    def turns(self, asked: UserTurn) -> tuple[Turn, ...]:
        """The turns of the next request: everything so far, earlier spoken answers by their ids."""
        while self._size(asked) > SIZE_LIMIT and self._lighten():
            pass
        turns: list[Turn] = []
        for exchange in self.exchanges:
            turns += [_named(exchange.asked) if exchange.light else exchange.asked, self._answer(exchange)]
        return (*turns, asked)

    def _remembered(self, asked: UserTurn, send: Send) -> Reply:
        """Send, with the words of answers that are forgotten, and without recordings that are too much."""
        while True:
            try:
                return send(self.turns(asked), None)
            except RefusedError as exc:
                if exc.code == "audio_not_found" and self._forget():
                    continue
                if exc.code == "context_length_exceeded" and self._lighten():
                    continue
                raise

    def _answer(self, exchange: Exchange) -> AssistantTurn:
        if exchange.audio_id is None:
            return AssistantTurn(text=exchange.transcript)
        known = exchange.expires_at is None or exchange.expires_at - _MARGIN > self.clock()
        if known and exchange.origin == self.origin:
            return AssistantTurn(audio_id=exchange.audio_id)
        self._tell(_FORGOTTEN)
        return AssistantTurn(text=exchange.transcript)

    def _by_words(self) -> bool:
        """Whether an earlier answer is sent by its words, which tempts the model to answer in text."""
        return any(self._answer(exchange).audio_id is None for exchange in self.exchanges)

    def _forget(self) -> bool:
        """Rely on no id any more; whether there was one."""
        had_one = any(exchange.audio_id for exchange in self.exchanges)
        self.exchanges = [replace(exchange, audio_id=None) for exchange in self.exchanges]
        if had_one:
            self._tell(_FORGOTTEN)
        return had_one

    def _lighten(self) -> bool:
        """Name the oldest recordings that are still sent, instead of sending them; whether there were any."""
        for index, exchange in enumerate(self.exchanges):
            if exchange.asked.recordings and not exchange.light:
                self.exchanges[index] = replace(exchange, light=True)
                self._tell(_LIGHTENED)
                return True
        return False

    def _size(self, asked: UserTurn) -> int:
        sent = (asked, *(exchange.asked for exchange in self.exchanges if not exchange.light))
        return sum(len(recording.data) for turn in sent for recording in turn.recordings)

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.progress.note(text)


def _named(asked: UserTurn) -> UserTurn:
    """The same turn, its recordings named; what they hold is in the answers to it."""
    return UserTurn("\n".join([*(part for part in [asked.text] if part), *_names(asked)]))


def _names(asked: UserTurn) -> Iterator[str]:
    for recording in asked.recordings:
        yield f"[A recording was attached here: {recording.name or 'unnamed'}.]"
