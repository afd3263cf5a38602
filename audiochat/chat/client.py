"""Asking: a `Request` goes out, the events of its answer come back."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from audiochat.chat.answer_body import LARGEST_EVENT, AnswerBody
from audiochat.chat.body import encode
from audiochat.chat.completion import error_of, parse_completion, unwrapped
from audiochat.chat.fallbacks import STREAM_FORMAT, Mode, fallback
from audiochat.chat.parts import cut
from audiochat.chat.reply import Delta, Notice, Reply
from audiochat.chat.stream import StreamAssembly, as_deltas
from audiochat.errors import AudiochatError, BrokenAnswerError, CancelledError, RefusedError
from audiochat.transport import redaction, service_errors
from audiochat.transport.attempts import Retrying, attempts, cancelled_by, http_errors
from audiochat.transport.deadlines import LOCATION, DeadlineStream, deadline_of
from audiochat.transport.http_log import log_exchange
from audiochat.transport.retry import Gate, RetryPolicy
from audiochat.transport.service_errors import translate
from audiochat.transport.streaming_json import StreamingJson

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    import httpx2

    from audiochat.chat.body import Body
    from audiochat.chat.reply import Events
    from audiochat.chat.request import Request
    from audiochat.transport.connection import Connection

LARGEST_ANSWER = 200_000_000
"""Bytes of one whole answer: more than an hour of speech as WAV."""

LARGEST_TRANSCRIPT = 16_000_000
"""Characters of one streamed answer: more than anybody says."""

LARGEST_SOUND = 1_000_000_000
"""Bytes of its sound: more than five hours, which are on disk, not in memory."""

NOT_STREAMED = Notice("The service does not stream this; asking for the whole answer.", "asked_differently")

CONNECT_TIMEOUT = 20.0
"""Seconds until a connection has to be there, at most."""

_REPORT = "Try again, and report the request id if it lasts."


class Client:
    """Asks one service over one connection; safe to use from many threads.

    Args:
        connection: The service.
        timeout: Seconds that one request may wait for something of use.
        policy: When a failed request is sent again.
    """

    def __init__(self, connection: Connection, *, timeout: float, policy: RetryPolicy | None = None) -> None:
        self._sdk = connection.sdk
        self._hints = connection.hints
        self._timeout = timeout
        self._policy = policy or RetryPolicy()
        self._gate = Gate()
        self._modes: dict[tuple[bool, bool], Mode] = {}
        """The mode that the service accepted, by whether deltas and whether speech were wanted."""

    def ask(self, request: Request, *, cancelled: threading.Event | None = None) -> Reply:
        """Ask, and wait for the whole answer.

        Raises:
            AudiochatError: of the kind that the answer, or its absence, is.
        """
        for event in self.events(request, live=False, cancelled=cancelled):
            if isinstance(event, Reply):
                return event
        raise AssertionError("every answer ends with a reply or an error")  # pragma: no cover

    def events(self, request: Request, *, live: bool, cancelled: threading.Event | None = None) -> Events:
        """Ask, and take the answer as it comes.

        A service that will not be asked one way is asked the next (see `fallbacks`); what it took is remembered.

        Args:
            request: What is asked; its format is that of a whole answer.
            live: Whether deltas are wanted. The sound of the reply is pcm16 then.
            cancelled: Set it from another thread to end the request.

        Yields:
            Notices; deltas, where they are wanted; at last the reply.

        Raises:
            AudiochatError: of the kind that the answer, or its absence, is. It has the words that came.
        """
        kind = live, request.format is not None
        mode = self._first_mode(request, live=live)
        tried = {mode}
        while True:
            begun = False
            try:
                for event in self._attempts(request, mode, cancelled):
                    begun = begun or not isinstance(event, Notice)
                    if isinstance(event, Reply) and live and not mode.stream:
                        yield from as_deltas(event)
                    elif live or not isinstance(event, Delta):
                        yield event
            except RefusedError as refusal:
                following = None if begun else fallback(mode, refusal, wanted=request.format)
                if following is None or following in tried:
                    raise
                if live and mode.stream and not following.stream:
                    yield NOT_STREAMED
                mode = following
                tried.add(mode)
            else:
                self._modes[kind] = mode
                return

    def _first_mode(self, request: Request, *, live: bool) -> Mode:
        """The mode that the service accepted before for such a request, or the first to try."""
        known = self._modes.get((live, request.format is not None))
        if known is not None:
            return known if known.stream else replace(known, format=request.format)
        if live:
            return Mode(stream=True, format=None if request.format is None else STREAM_FORMAT)
        return Mode(stream=False, format=request.format)

    def _attempts(self, request: Request, mode: Mode, cancelled: threading.Event | None) -> Events:
        """Send the request, again where that makes sense, and take its answer."""
        asked = replace(request, format=mode.format)
        if not mode.modalities:
            asked = replace(asked, parameters={"modalities": None, **request.parameters})
        body = encode(asked, stream=mode.stream, usage=mode.usage, data_uri=mode.data_uri)
        attempt = partial(self._attempt, body, mode, cancelled)
        for item in attempts(attempt, gate=self._gate, policy=self._policy, hints=self._hints, cancelled=cancelled):
            yield Notice(str(item), "retry") if isinstance(item, Retrying) else item

    def _attempt(self, body: Body, mode: Mode, cancelled: threading.Event | None) -> Events:
        """Send the request once, and take its answer."""
        try:
            with self._post(body, cancelled) as (response, deadline):
                answer = AnswerBody(response)
                if answer.streams:
                    yield from self._streamed(answer, deadline, cancelled)
                elif mode.stream:  # a server that ignores `stream`
                    yield from as_deltas(self._whole(answer, mode))
                else:
                    yield self._whole(answer, mode)
        except http_errors() as exc:
            self._log_failure(exc)
            raise

    def _streamed(
        self, source: AnswerBody, deadline: DeadlineStream, cancelled: threading.Event | None
    ) -> Iterator[Delta | Reply]:
        """Take a stream; an error that ends it has the words that came: they are paid for."""
        response = source.response
        assembly = StreamAssembly(request_id=service_errors.request_id(response))
        try:
            for event in source.events():
                if event.data.strip(' "').startswith("[DONE]"):
                    assembly.mark_done()
                    break
                delta = self._delta(event, assembly, source)
                if delta.text or delta.pcm:
                    yield delta
                    deadline.extend()  # only now: the consumer of a delta may take time
                if _is_set(cancelled):
                    raise CancelledError("The request was cancelled.")
            for last in assembly.finish():
                yield _redacted(last, response.request) if isinstance(last, Reply) else last
        except AudiochatError as error:
            if error.transcript is None:
                error.transcript = assembly.transcript
            raise
        except http_errors() as exc:
            if not assembly.begun or _is_set(cancelled):
                raise
            # Another answer would be another voice: the two cannot be joined, so it is not asked for.
            ended = translate(exc, hints=self._hints)
            ended = ended if ended.code == "timeout" else cut(ended.request_id)
            ended.transcript = assembly.transcript
            raise ended from exc

    def _delta(self, event: httpx2.ServerSentEvent, assembly: StreamAssembly, source: AnswerBody) -> Delta:
        """The delta that a server-sent event adds to the answer; often an empty one."""
        if not event.data:
            return Delta()
        response, request_id = source.response, assembly.request_id
        failed = event.event == "error"
        try:
            body = unwrapped(json.loads(event.data))
        except (ValueError, RecursionError) as exc:
            if failed:
                reason = redaction.redact(event.data, response.request)
                raise service_errors.error_in_success(reason, response, hints=self._hints) from exc
            if assembly.ended or event.event not in ("", "message"):  # a farewell, or `ping`
                return Delta()
            if source.ended:  # half an event, at which the stream was cut
                raise cut(request_id) from exc
            raise BrokenAnswerError("The stream holds what is not JSON.", hint=_REPORT, request_id=request_id) from exc
        log_exchange("< event", body=partial(redaction.redact_json, body, response.request))
        self._raise_error_in({"error": body} if failed and error_of(body) is None else body, response, event=True)
        delta = assembly.add(body)
        if assembly.transcript_size > LARGEST_TRANSCRIPT or assembly.pcm_size > LARGEST_SOUND:
            raise _endless(request_id)
        return delta

    @contextmanager
    def _post(self, body: Body, cancelled: threading.Event | None) -> Iterator[tuple[httpx2.Response, DeadlineStream]]:
        """Send the request once; the answer's head is there, its body still to be read."""
        import httpx2
        from openai import Stream

        log_exchange(f"> POST {self._sdk.base_url}chat/completions", body=body.payload)
        started = time.monotonic()
        # The SDK's public way to any path, without its typed models: they would hold the sound twice more.
        with cancelled_by(cancelled):
            response: Any = self._sdk.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                content=body.open(),
                options={
                    "headers": {"Content-Type": "application/json"},
                    "timeout": httpx2.Timeout(self._timeout, connect=min(self._timeout, CONNECT_TIMEOUT)),
                    "max_retries": 0,
                },
                stream=True,
                stream_cls=Stream[Any],
            )
        _log_heads(response, time.monotonic() - started)
        try:
            yield response, deadline_of(response)
        finally:
            response.close()

    def _whole(self, source: AnswerBody, mode: Mode) -> Reply:
        """Read a whole answer."""
        response = source.response
        request_id = service_errors.request_id(response)
        answer = StreamingJson()
        size = 0
        for chunk in source.iter_bytes():
            size += len(chunk)
            answer.add(chunk)
            if size > LARGEST_ANSWER or len(answer.text) > LARGEST_EVENT:
                raise _endless(request_id)
        try:
            body = unwrapped(answer.json())
        except (ValueError, RecursionError) as exc:
            page = b"<html" in answer.text[:1000].lower() or "html" in response.headers.get("content-type", "")
            what = "a web page instead of a chat completion" if page else "something that is not whole JSON"
            hint = "Check that the endpoint is the API's address." if page else "Try again; report it if it lasts."
            raise BrokenAnswerError(f"The service answered with {what}.", hint=hint, request_id=request_id) from exc
        log_exchange("< body", body=lambda: redaction.redact_json(body, response.request))
        self._raise_error_in(body, response)
        return _redacted(parse_completion(body, format=mode.format, request_id=request_id), response.request)

    def _raise_error_in(self, body: object, response: httpx2.Response, *, event: bool = False) -> None:
        """Raise the error that came with the status of a success."""
        error = error_of(body, event=event)
        if error is not None:
            raise service_errors.error_in_success(error, response, hints=self._hints)

    def _log_failure(self, exc: Exception) -> None:
        import openai

        if isinstance(exc, openai.APIStatusError):
            _log_heads(exc.response, 0.0)
            log_exchange("< body", body=lambda: redaction.redact_json(exc.body, exc.request))


def _log_heads(response: httpx2.Response, elapsed: float) -> None:
    """Log the heads of an exchange."""
    sent = {
        name: value if redaction.is_public(name) else "[left out]" for name, value in response.request.headers.items()
    }
    log_exchange("> headers", sent)
    location = response.extensions.get(LOCATION)
    headers = {**response.headers, **({"location": location} if location else {})}
    received = redaction.redact_json(headers, response.request)
    log_exchange(f"< {response.status_code} after {elapsed:.2f} s", received)


def _redacted(reply: Reply, request: httpx2.Request) -> Reply:
    """The reply, without credentials that the service quotes beside the words and the sound, which are data."""
    redacted = partial(redaction.redact_json, request=request)
    audio = None if reply.audio is None else replace(reply.audio, id=redacted(reply.audio.id))
    return replace(reply, audio=audio, model=redacted(reply.model), finish_reason=redacted(reply.finish_reason))


def _endless(request_id: str | None) -> BrokenAnswerError:
    """The error of an answer that is too much; nothing of it is worth showing."""
    return BrokenAnswerError(
        "The answer has no end.", hint="No more of it was read.", request_id=request_id, transcript=""
    )


def _is_set(event: threading.Event | None) -> bool:
    return event is not None and event.is_set()
