"""One request at work: listen to its recordings, write the answer, speak it, and give it in the API's shape."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from audiochat.audio import codec
from audiochat.local import events
from audiochat.local.api_errors import ApiError
from audiochat.local.audio_ids import new_id
from audiochat.local.heard_words import HeardWords
from audiochat.local.prefetch import Prefetch
from audiochat.local.prompts import Said
from audiochat.local.sentences import until_phrase
from audiochat.local.stopping import StopSignal
from audiochat.local.stt import NotAudioError, RecordingTooLongError
from audiochat.local.task import not_audio

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from audiochat.local.answering import Answering
    from audiochat.local.audio_ids import AudioIds
    from audiochat.local.engine import Parts
    from audiochat.local.llm import Writing
    from audiochat.local.stt import Heard
    from audiochat.local.task import Message, Recording, Task

DELTA_BYTES = 9_600
"""Sound in one event of a stream: a fifth of a second."""


class Answer:
    """The answer to one request.

    Args:
        task: The request.
        engine: Its parts do the work.
        answering: Finds the words.
        audio_ids: Remembers the spoken answer.
        stop: Ends the work.
    """

    def __init__(self, task: Task, engine: Parts, answering: Answering, audio_ids: AudioIds, stop: StopSignal) -> None:
        self._task, self._engine, self._answering = task, engine, answering
        self._audio_ids, self._stop = audio_ids, stop
        self._heard_words = HeardWords(audio_ids.folder)

    def chunks(self) -> Generator[bytes, None, None]:
        """The body of the response: one chunk of JSON, or the events of a stream.

        Raises:
            Exception: whatever goes wrong in a part.
        """
        task = self._task
        spoken = task.format is not None
        self._engine.prepare(
            self._stop,
            recognizer=self._has_unheard(),
            language_model=self._answering.may_need_model(task.messages),
            synthesizer=spoken,
        )
        said = [self._listen(message) for message in task.messages]
        self._stop.check()
        writing = self._answering.write(said, task.limits, self._stop)
        if task.stop:
            writing.sentences = until_phrase(writing.sentences, task.stop)
        heard_seconds = sum(heard.seconds for one in said for heard in one.heard)
        yield from (self._events if task.stream else self._whole)(writing, heard_seconds)

    def _has_unheard(self) -> bool:
        """Whether there is a recording that was not heard lately."""
        recordings = (one for message in self._task.messages for one in message.recordings)
        return any(self._heard_words.recall(one.data, self._engine.recognizer_name) is None for one in recordings)

    def _listen(self, message: Message) -> Said:
        return Said(message.role, message.text, tuple(self._hear(one) for one in message.recordings))

    def _hear(self, recording: Recording) -> Heard:
        self._stop.check()
        known = self._heard_words.recall(recording.data, self._engine.recognizer_name)
        if known is not None:
            return known
        try:
            heard = self._engine.recognizer.hear(recording.data, stop=self._stop, progress=self._engine.progress)
        except NotAudioError as exc:
            raise not_audio(recording.format, recording.where) from exc
        except RecordingTooLongError as exc:
            raise ApiError(str(exc), code="audio_too_long", param=recording.where) from exc
        self._heard_words.keep(recording.data, self._engine.recognizer_name, heard)
        return heard

    def _whole(self, writing: Writing, heard_seconds: float) -> Iterator[bytes]:
        task = self._task
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
        pcm = bytearray()
        sentences: list[str] = []
        with self._written_ahead(writing) as written:
            for sentence in written:
                before = " ".join(sentences)
                sentences.append(sentence)
                for block in self._spoken(sentence, before):
                    pcm += block
        transcript = " ".join(sentences)
        if task.format is None:
            message["content"] = transcript
        else:
            data = base64.b64encode(codec.encode(bytes(pcm), task.format)).decode("ascii")
            id_, expires_at = self._audio_ids.keep(transcript)
            message["audio"] = {"id": id_, "data": data, "expires_at": expires_at, "transcript": transcript}
        usage = events.usage(heard_seconds=heard_seconds, writing=writing, pcm_bytes=len(pcm))
        yield events.completion(task, self._engine.model_name, message, usage, writing.finish_reason)

    def _events(self, writing: Writing, heard_seconds: float) -> Iterator[bytes]:
        """The stream's events, in the order in which the service sends them."""
        task = self._task
        sent, transcript, id_ = 0, "", new_id()
        with self._written_ahead(writing) as written:
            for index, item in enumerate(self._words_and_sound(written)):
                if index == 0:  # not before: what fails until then is answered with a status of its own
                    yield self._event({"role": "assistant", "refusal": None})
                if isinstance(item, bytes):
                    sent += len(item)
                    yield self._event({"audio": {"data": base64.b64encode(item).decode("ascii")}})
                    continue
                words = f" {item}" if transcript else item
                transcript += words
                yield self._event(
                    {"content": words} if task.format is None else {"audio": {"id": id_, "transcript": words}}
                )
        if task.format is None:
            yield self._event({}, finish_reason=writing.finish_reason)
        if task.include_usage:
            usage = events.usage(heard_seconds=heard_seconds, writing=writing, pcm_bytes=sent)
            yield self._event(None, usage=usage)
        if task.format is not None:
            _, expires_at = self._audio_ids.keep(transcript, id_=id_)
            yield self._event({"audio": {"expires_at": expires_at}})
        yield events.DONE

    def _event(self, delta: dict[str, Any] | None, **more: Any) -> bytes:
        return events.chunk(self._task, self._engine.model_name, delta, **more)

    @contextmanager
    def _written_ahead(self, writing: Writing) -> Iterator[Prefetch[str]]:
        """The sentences, the next one being written while one is spoken."""
        # A signal of its own: what fails while one is spoken ends the writing, and is no cancelled request.
        stop = StopSignal()
        with self._stop.interrupting(stop.set), Prefetch(writing.sentences, stop, name="writing") as written:
            yield written

    def _words_and_sound(self, written: Prefetch[str]) -> Iterator[str | bytes]:
        """The sentences, each as soon as it is written, and the sound of those that were given."""
        given: list[str] = []
        spoken = 0
        for sentence in written:
            given.append(sentence)
            yield sentence
            while spoken < len(given):
                before = " ".join(given[:spoken])
                spoken += 1
                for pcm in self._spoken(given[spoken - 1], before):
                    yield pcm
                    for another in written.ready():
                        given.append(another)
                        yield another

    def _spoken(self, sentence: str, before: str) -> Iterator[bytes]:
        """The sound of a sentence in pieces of the size of an event; none where text alone is asked for."""
        task = self._task
        if task.format is None:
            return
        early = task.stream and not before
        said = self._engine.synthesizer.say(
            sentence, voice=task.voice, language=task.language, context=before, early=early
        )
        for block in said:
            for start in range(0, len(block), DELTA_BYTES):
                self._stop.check()
                yield block[start : start + DELTA_BYTES]
