"""The spoken answer in the format that was asked for, whatever the service sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from audiochat.audio import codec, wav
from audiochat.audio.formats import SERVICE_FORMATS
from audiochat.chat.parts import broken
from audiochat.errors import BrokenAnswerError, FileError

if TYPE_CHECKING:
    from audiochat.chat.reply import Reply, SpokenAudio


def request_format(wanted: str) -> str:
    """The format to ask a service for, to make the wanted one: some formats are only made here."""
    return wanted if wanted in SERVICE_FORMATS else "wav"


def spoken(reply: Reply) -> SpokenAudio:
    """The spoken half of an answer.

    Raises:
        BrokenAnswerError: there is none; the words are kept with the error.
    """
    if reply.audio is None:
        raise BrokenAnswerError(
            "The model answered in text, though speech was asked for.",
            hint="Ask again, or ask for speech in the system message.",
            code="no_audio",
            request_id=reply.request_id,
            transcript=reply.transcript,
        )
    return reply.audio


def spoken_as(reply: Reply, wanted: str) -> SpokenAudio:
    """The spoken half of an answer, as a whole file in the wanted format, with true sizes in its header.

    Raises:
        BrokenAnswerError: there is none, or it is no sound that can be read; the words are kept with the error.
    """
    audio = spoken(reply)
    try:
        if audio.format == wanted:
            data = wav.mend(audio.data) if wanted == "wav" else audio.data
        elif audio.format == "pcm16":
            data = codec.encode(audio.data, wanted)
        else:
            data = codec.transcode(audio.data, wanted, name="the answer")
    except FileError as exc:
        raise _unreadable(reply) from exc
    if wanted == "wav" and wav.read(data) is None:
        raise _unreadable(reply)
    return replace(audio, data=data, format=wanted)


def _unreadable(reply: Reply) -> BrokenAnswerError:
    message = "What came as the spoken answer is no sound that can be read."
    return broken(message, reply.request_id, reply.transcript)
