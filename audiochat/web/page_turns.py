"""Turns that the page sends: what is in them, and the answer as server-sent events."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audiochat.chat.recordings import load_recording
from audiochat.chat.reply import Delta, Notice, Reply
from audiochat.chat.request import AskOptions, UserTurn
from audiochat.errors import AudiochatError, CancelledError, UsageError
from audiochat.local.api_errors import ApiError
from audiochat.web.page_sessions import turn_json
from audiochat.web.studio import as_json
from audiochat.web.work import EVENT_STREAM, Outcome, event

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from audiochat.chat.reply import Events
    from audiochat.chat.talk import Talk
    from audiochat.web.studio import Studio

LARGEST_TURN = 96_000_000
"""Bytes of a turn as JSON: five minutes of WAV at 48 kHz are 38 MB in base64."""

_RECORDINGS = 8
_TEXT = 200_000
"""Characters."""

_PIECE = 24_000
"""Bytes of sound in one event: half a second, so that no line is long."""

_ONCE = frozenset({"forgotten", "named", "asked_differently"})
"""Notices that a person needs once in a conversation."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class PageTurn:
    """A turn as the page sends it."""

    asked: UserTurn
    session: str | None
    """None begins a new one."""
    model: str | None
    options: AskOptions


def read_turn(body: bytes, cancelled: threading.Event | None = None) -> PageTurn:
    """A turn from its JSON; recordings become what the API takes, which can take a moment.

    Raises:
        UsageError: it is none, or there is nothing in it.
        FileError: a recording holds no sound.
    """
    try:
        sent = json.loads(body)
        text = _string(sent, "text") or None
        recordings = tuple(_recording(one) for one in sent.get("recordings") or [])
        options = AskOptions(
            format="wav" if sent.get("spoken", True) else None,
            voice=_string(sent, "voice") or None,
            system=_string(sent, "system"),
            cancelled=cancelled,
            live=True,
        )
        turn = PageTurn(
            UserTurn(text, tuple(load_recording(data, name=name) for name, data in recordings)),
            _string(sent, "session") or None,
            _string(sent, "model") or None,
            options,
        )
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as exc:
        raise UsageError("The page sent no turn.", hint="Reload it.") from exc
    if text is None and not recordings:
        raise UsageError("A turn is empty.", hint="Type something, or record it.")
    if len(recordings) > _RECORDINGS:
        raise UsageError(f"{len(recordings)} recordings are too many.", hint=f"{_RECORDINGS} go into one turn.")
    return turn


def _string(sent: Any, name: str) -> str | None:
    value = sent.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > _TEXT):
        raise ValueError(name)
    if value is not None:
        value.encode()  # raises ValueError at half a character, which no request can carry
    return value


def _recording(one: Any) -> tuple[str, bytes]:
    """A recording's name, as the user knows it and for reading alone, and its bytes."""
    try:
        data = base64.b64decode(one["data"], validate=True)
    except binascii.Error as exc:
        raise ValueError("base64") from exc
    name = _CONTROLS.sub(" ", str(one.get("name") or "recording.wav")).replace("\\", "/").rpartition("/")[2]
    return name.encode("utf-8", "replace").decode()[:120] or "recording", data


def answer_turn(studio: Studio, body: bytes, cancelled: threading.Event) -> Outcome:
    """Take a turn; errors come as an event too, so that the page has one place where an answer ends."""
    return Outcome(200, {"content-type": EVENT_STREAM}, _events(studio, body, cancelled))


def _events(studio: Studio, body: bytes, cancelled: threading.Event) -> Iterator[bytes]:
    try:
        turn = read_turn(body, cancelled)
        del body
        ticket = studio.line.join()
        try:
            for place in studio.line.places(ticket, cancelled):
                yield event({"type": "waiting", "place": place})
            yield event({"type": "asking"})
            assistant = studio.assistant(turn.model)
            with assistant.converse(turn.session, store=studio.store) as talk:
                yield from _answer(studio, talk, turn)
        finally:
            studio.line.leave(ticket)
    except CancelledError:  # the page has left
        return
    except ApiError as refusal:
        yield event({"type": "error", **refusal.body["error"], "hint": "Wait for the others, then ask again."})
    except AudiochatError as error:
        yield event({"type": "error", **as_json(error)})


def _answer(studio: Studio, talk: Talk, turn: PageTurn) -> Iterator[bytes]:
    events = talk.events(turn.asked, turn.options)
    try:
        yield from _sent(studio, talk, turn, events)
    finally:
        events.close()  # a turn whose reader has left ends here, not when it is collected


def _sent(studio: Studio, talk: Talk, turn: PageTurn, events: Events) -> Iterator[bytes]:
    half = b""  # a sample may be split between two deltas
    earlier = len(talk.turns)
    for one in events:
        if isinstance(one, Delta):
            pcm = half + one.pcm
            half = pcm[len(pcm) & ~1 :]
            if one.text:
                yield event({"type": "delta", "text": one.text})
            for start in range(0, len(pcm) - len(half), _PIECE):
                piece = pcm[start : min(start + _PIECE, len(pcm) - len(half))]
                yield event({"type": "delta", "pcm": base64.b64encode(piece).decode()})
        elif isinstance(one, Notice):
            if one.code == "asked_again":
                half = b""
            if one.code not in _ONCE or studio.is_news(talk.name, one.code):
                yield event({"type": "notice", "text": one.text, "code": one.code})
        elif isinstance(one, Reply):
            kept = talk.turns[-1] if len(talk.turns) > earlier else None
            told = {"session": talk.name, "spoken": turn.options.format is not None}
            if kept is None:  # what could not be kept is shown all the same; the error follows
                yield event({"type": "reply", **told, "turn": {"number": None, "transcript": one.transcript}})
            else:
                yield event({"type": "reply", **told, "turn": turn_json(talk.name or "", len(talk.turns), kept)})
