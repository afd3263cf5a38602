"""A streamed chat completion: from the JSON of its events to deltas, and at its end to a `Reply`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audiochat.audio import codec
from audiochat.chat.completion import parse_usage
from audiochat.chat.parts import (
    broken,
    check_ending,
    cut,
    ending_of,
    filtered_categories,
    join_surrogates,
    read_parts,
    text_or_none,
)
from audiochat.chat.reply import Delta, Reply, SpokenAudio, Usage
from audiochat.chat.sound_stream import SoundStream
from audiochat.errors import FileError
from audiochat.spool import SpooledBytes, iter_blocks, open_data
from audiochat.transport.lenient_base64 import Base64Decoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from audiochat.chat.parts import Parts


class StreamAssembly:
    """Puts an answer together from the events of its stream.

    Args:
        request_id: The service's id of the request.
    """

    def __init__(self, *, request_id: str | None = None) -> None:
        self.request_id = request_id
        self._texts: list[str] = []
        self._text_size = 0
        self._surrogate = ""
        self._base64 = Base64Decoder()
        self._sound = SoundStream()
        self._pcm = SpooledBytes()
        self._audio_id: str | None = None
        self._expires_at: int | None = None
        self._functions: list[str] = []
        self._refused = False
        self._categories: list[str] = []
        self._usage = Usage()
        self._finish_reason: str | None = None
        self._model: str | None = None
        self._done = False
        self._has_deltas = False
        self._text_index: object = None
        self._sound_index: object = None
        self._others: list[object] = []
        """Choices that say words of their own: other answers, which nobody asked for."""
        self.begun = False
        """Whether there was an event."""

    @property
    def transcript(self) -> str:
        """The words so far."""
        return "".join(self._texts) + join_surrogates(self._surrogate)

    @property
    def transcript_size(self) -> int:
        """Characters of the words so far."""
        return self._text_size

    @property
    def pcm_size(self) -> int:
        """Bytes of the sound so far, as pcm16."""
        return len(self._pcm)

    def add(self, event: object) -> Delta:
        """Take an event's JSON; what it adds to the answer, often nothing.

        Raises:
            BrokenAnswerError: it is no event, or its sound is not base64.
        """
        self.begun = True
        if not isinstance(event, dict):
            raise broken("The stream holds something that is no event.", self.request_id)
        self._model = self._model or text_or_none(event.get("model"))
        if event.get("usage"):  # it comes before the last sound
            self._usage = parse_usage(event["usage"])
        modality = text_or_none(event.get("modality"))
        choices = event.get("choices")  # which most events of audio streams do not have
        text, pcm = "", b""
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                more_text, more_pcm = self._choice(choice, modality)
                text, pcm = text + more_text, pcm + more_pcm
        return self._delta(text, pcm)

    @property
    def ended(self) -> bool:
        """Whether an end was seen, after which nothing more belongs to the answer."""
        return self._done or self._finish_reason is not None or self._expires_at is not None

    def mark_done(self) -> None:
        """Take note of the stream's own end mark, `[DONE]`."""
        self._done = True

    def finish(self) -> Iterator[Delta | Reply]:
        """The rest of the sound, where some waited for the end, and the whole answer.

        Raises:
            BrokenAnswerError: the stream was cut, its sound cannot be read, or the answer is empty.
            RefusedError: the content filter ended the answer, the model refuses, or it is nothing but a function call.
        """
        if not self.ended:
            raise cut(self.request_id)
        try:
            tail = self._base64.finish()
        except ValueError as exc:
            raise cut(self.request_id) from exc
        try:
            for pcm in (self._sound.feed(tail), *self._sound.finish()):
                if pcm:
                    yield self._delta("", pcm)
        except FileError as exc:
            message = "The sound of the stream cannot be read."
            raise broken(message, self.request_id, self.transcript) from exc
        yield self._reply()

    def _reply(self) -> Reply:
        has_sound = len(self._pcm) > 0
        check_ending(
            transcript=self.transcript,
            refused=self._refused,
            has_sound=has_sound,
            finish_reason=self._finish_reason,
            functions=tuple(self._functions),
            categories=self._categories,
            request_id=self.request_id,
        )
        spoken = SpokenAudio(self._pcm, "pcm16", self._audio_id, self._expires_at) if has_sound else None
        return Reply(self.transcript, spoken, self._usage, self._finish_reason, self._model, self.request_id)

    def _choice(self, choice: Mapping[str, Any], modality: str | None) -> tuple[str, bytes]:
        """The words and the sound of one choice; other answers beside the first are left out."""
        if self._finish_reason != "content_filter":
            self._finish_reason = ending_of(choice) or self._finish_reason
        self._categories += filtered_categories(choice)
        delta = self._delta_of(choice)
        if delta is None:
            return "", b""
        parts = read_parts(delta, modality=text_or_none(delta.get("modality")) or modality)
        self._functions += parts.functions
        self._refused = self._refused or parts.refused
        index = choice.get("index")
        return self._words(parts, index), self._heard(parts, index)

    def _delta_of(self, choice: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The delta of a choice: Azure can send null, and some servers call it the message.

        Others repeat all that was said as a message beside or behind the deltas, which adds nothing.
        """
        delta = choice.get("delta")
        if isinstance(delta, dict):
            self._has_deltas = True
            return delta
        message = choice.get("message")
        return message if isinstance(message, dict) and not self._has_deltas else None

    def _words(self, parts: Parts, index: object) -> str:
        """The words of the first choice that has any."""
        if not parts.text:
            return ""
        if self._text_index in (None, index):
            self._text_index = index
            return parts.text
        self._others.append(index)
        return ""

    def _heard(self, parts: Parts, index: object) -> bytes:
        """The sound of the first choice that has any: some servers give it apart from the words."""
        if not (parts.spoken or parts.sound) or self._sound_index not in (None, index) or index in self._others:
            return b""
        self._audio_id = parts.audio_id or self._audio_id
        self._expires_at = parts.expires_at if parts.expires_at is not None else self._expires_at
        if not isinstance(parts.sound, str) or not parts.sound:
            return b""
        self._sound_index = index
        try:
            return self._sound.feed(self._base64.decode(parts.sound))
        except ValueError as exc:
            message = "The sound of the stream cannot be decoded: it is not base64."
            raise broken(message, self.request_id, self.transcript) from exc

    def _delta(self, text: str, pcm: bytes) -> Delta:
        text = self._join(text)
        if text:
            self._texts.append(text)
            self._text_size += len(text)
        if pcm:
            self._pcm.write(pcm)
        return Delta(text, pcm)

    def _join(self, text: str) -> str:
        """Put the half of a character that ended the last event before the text, and keep one that ends this."""
        if not text and not self._surrogate:  # most events have sound alone
            return ""
        text = self._surrogate + text
        self._surrogate = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return join_surrogates(text.removesuffix(self._surrogate))


def as_deltas(reply: Reply) -> Iterator[Delta | Reply]:
    """A whole answer as the events of a stream: the words, the sound in pcm16, and the reply with that sound.

    Raises:
        BrokenAnswerError: its sound cannot be read; the words are kept with the error.
    """
    if reply.transcript:
        yield Delta(reply.transcript)
    if reply.audio is None:
        yield reply
        return
    data, pcm = reply.audio.data, SpooledBytes()
    try:
        samples = (
            iter_blocks(data) if reply.audio.format == "pcm16" else codec.decode(open_data(data), name="the answer")
        )
        for block in samples:
            pcm.write(block)
            yield Delta(pcm=block)
    except FileError as exc:
        message = "What came as the spoken answer is no sound that can be read."
        raise broken(message, reply.request_id, reply.transcript) from exc
    audio = SpokenAudio(pcm, "pcm16", reply.audio.id, reply.audio.expires_at)
    yield Reply(reply.transcript, audio, reply.usage, reply.finish_reason, reply.model, reply.request_id)
