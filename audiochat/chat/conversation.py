"""Several turns: what the next request says of those before, and what to do about what a service refuses.

Everything here is computed from its arguments; nothing is sent, printed or kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audiochat.chat.recordings import SIZE_LIMIT
from audiochat.chat.reply import Notice
from audiochat.chat.request import AssistantTurn, Turn, UserTurn
from audiochat.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audiochat.chat.reply import Reply
    from audiochat.errors import AudiochatError

ASK_FOR_SPEECH = "Answer in speech: your answer has to be spoken audio, not text alone."
"""What is added to the system message when the model has slipped into text."""

FORGOTTEN = Notice("The service no longer knows earlier spoken answers; their words are sent instead.", "forgotten")
NAMED = Notice("The conversation has grown too large; its oldest recordings are named instead of sent.", "named")

_MARGIN = 60
"""Seconds before its expiry at which an id is no longer relied on."""

_ABOUT_THE_REQUEST = frozenset({400, 403, 404, 405, 409, 410, 415, 422, 500, 501})
"""Statuses of refusals that may be about an audio id: the turn before was taken, and servers stumble over ids, too."""
_STUMBLED = 500
_STUMBLES = re.compile(r"\b(content|messages?|audio|NoneType|KeyError|null|role)\b", re.IGNORECASE)
"""What a fault of a server that stumbles over an audio id speaks of."""
_OTHER_REASONS = frozenset(
    {
        "account_inactive",
        "content_filter",
        "DeploymentNotFound",
        "insufficient_quota",
        "model_not_allowed",
        "model_not_found",
        "network_rules",
        "not_an_audio_model",
        "rate_limited",
    }
)
"""Codes of refusals that are not, whatever the request carried."""


@dataclass(frozen=True, slots=True)
class AnsweredTurn:
    """A turn that was answered."""

    asked: UserTurn
    reply: Reply
    origin: str
    """The provider, endpoint and deployment that gave the audio id, and alone know it."""
    answered_at: int
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Recall:
    """How the next request refers to earlier turns; it changes when a service refuses it."""

    words_before: int = 0
    """Answers of turns before this one are sent as words, not by their ids."""
    names_before: int = 0
    """Recordings of turns before this one are named, not sent."""
    knows_ids: bool = True
    """False once the service turned out not to know audio ids at all."""


@dataclass(frozen=True, slots=True)
class NextRequest:
    """The turns of the next request, and how they refer to those before."""

    turns: tuple[Turn, ...]
    recall: Recall
    notices: tuple[Notice, ...] = ()

    @property
    def audio_ids(self) -> int:
        """How many earlier answers it refers to by their ids."""
        return sum(isinstance(turn, AssistantTurn) and turn.audio_id is not None for turn in self.turns)

    @property
    def sends_words(self) -> bool:
        """Whether it sends an earlier answer as words, which tempts a model to answer in text."""
        return any(isinstance(turn, AssistantTurn) and turn.audio_id is None for turn in self.turns)


def next_request(
    turns: Sequence[AnsweredTurn], asked: UserTurn, recall: Recall, *, origin: str, now: float
) -> NextRequest:
    """The turns of the next request: earlier answers by their ids, recordings as far as they fit.

    Args:
        turns: What was said so far.
        asked: What the user says now.
        recall: How to refer to earlier turns.
        origin: Who is asked now.
        now: Seconds since 1970.
    """
    recall = _fit(turns, asked, recall)
    named = any(turn.asked.recordings for turn in turns[: recall.names_before])
    messages: list[Turn] = []
    forgotten = False
    for index, turn in enumerate(turns):
        messages.append(_name_recordings(turn.asked) if index < recall.names_before else turn.asked)
        audio = turn.reply.audio
        known = (
            audio is not None
            and audio.id is not None
            and recall.knows_ids
            and index >= recall.words_before
            and turn.origin == origin
            and (audio.expires_at is None or audio.expires_at - _MARGIN > now)
        )
        if audio is not None and known:
            messages.append(AssistantTurn(audio_id=audio.id))
        else:
            forgotten = forgotten or (audio is not None and audio.id is not None)
            messages.append(AssistantTurn(text=turn.reply.transcript))
    notices = (*([FORGOTTEN] if forgotten else []), *([NAMED] if named else []))
    return NextRequest((*messages, asked), recall, notices)


def recover(refusal: AudiochatError, sent: NextRequest, turns: Sequence[AnsweredTurn]) -> Recall | None:
    """How to refer to earlier turns after a refusal; None where no other way would help.

    A refusal of a request that carries audio ids is worth one try with the words: servers that do not know the ids
    say so in many ways.

    Args:
        refusal: What the service said.
        sent: What was sent.
        turns: What was said so far.
    """
    if refusal.code in ("context_length_exceeded", "too_long"):
        oldest = _oldest_sent_recording(turns, sent.recall)
        return None if oldest is None else replace(sent.recall, names_before=oldest + 1)
    if isinstance(refusal, UnavailableError) and (refusal.status != _STUMBLED or not _STUMBLES.search(refusal.message)):
        return None
    if sent.audio_ids and refusal.status in _ABOUT_THE_REQUEST and refusal.code not in _OTHER_REASONS:
        return replace(
            sent.recall, words_before=len(turns), knows_ids=sent.recall.knows_ids and refusal.code == "audio_not_found"
        )
    return None


def _fit(turns: Sequence[AnsweredTurn], asked: UserTurn, recall: Recall) -> Recall:
    """Name the oldest recordings until the others fit into one request."""
    while _size(turns, asked, recall) > SIZE_LIMIT:
        oldest = _oldest_sent_recording(turns, recall)
        if oldest is None:
            break
        recall = replace(recall, names_before=oldest + 1)
    return recall


def _oldest_sent_recording(turns: Sequence[AnsweredTurn], recall: Recall) -> int | None:
    """The oldest turn whose recordings are still sent."""
    numbers = range(recall.names_before, len(turns))
    return next((number for number in numbers if turns[number].asked.recordings), None)


def _size(turns: Sequence[AnsweredTurn], asked: UserTurn, recall: Recall) -> int:
    """Bytes of the recordings that the next request sends."""
    sent = (asked, *(turn.asked for turn in turns[recall.names_before :]))
    return sum(len(recording.data) for turn in sent for recording in turn.recordings)


def _name_recordings(asked: UserTurn) -> UserTurn:
    """The same turn with its recordings named; what they hold is in the answers to it."""
    names = [f"[A recording was attached here: {recording.name or 'unnamed'}.]" for recording in asked.recordings]
    return UserTurn("\n".join([*([asked.text] if asked.text else []), *names]))
