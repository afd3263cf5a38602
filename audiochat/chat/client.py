"""The shared request module: a Request goes out, a Reply comes back, whoever the provider is."""

from __future__ import annotations

import json
import random
import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from audiochat.audio import codec
from audiochat.audio.sniff import HEAD, sniff
from audiochat.chat import reply
from audiochat.chat.reply import Assembly, Delta
from audiochat.errors import AudiochatError, BrokenAnswerError, FileError, RefusedError, UsageError
from audiochat.progress import NoProgress, Progress
from audiochat.spool import Base64View, ConcatenatedReader, Data, iter_blocks, open_data
from audiochat.transport import redaction, service_errors
from audiochat.transport.deadlines import Watch, watched
from audiochat.transport.http_log import log_exchange
from audiochat.transport.service_errors import LONGEST_WAIT, translate
from audiochat.transport.streaming_json import Unpacking

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import httpx2

    from audiochat.chat.reply import Reply
    from audiochat.chat.request import Request
    from audiochat.transport.connection import Connection

LARGEST_ANSWER = 200_000_000
"""Bytes of one answer: more than an hour of speech as WAV, and less than what hurts."""

LARGEST_TRANSCRIPT = 16_000_000
"""Characters of one streamed answer: more than anybody says, and less than what hurts."""

LARGEST_SOUND = 1_000_000_000
"""Bytes of its sound: more than five hours, which are nowhere in memory."""

LARGEST_EVENT = 8_000_000
"""Bytes of one event of a stream, and of a whole answer without its sound: as JSON they are many times as many."""

PATIENCE = 300.0
"""Seconds that are waited between all the tries of one request, at most."""

_FIRST_DELAY, _LONGEST_DELAY = 0.5, 8.0
_RETRIED = frozenset({408, 409, 429})
_REPORT = "Try again, and report the request id if it lasts."


@dataclass(slots=True)
class _Waits:
    """What was waited so far to ask again."""

    number: int = 0
    seconds: float = 0.0


class ReplyStream:
    """An answer under way: its deltas, and at their end the whole of the rest."""

    def __init__(self, deltas: Generator[Delta, None, Reply]) -> None:
        self._deltas = deltas
        self._reply: Reply | None = None

    def __iter__(self) -> Iterator[Delta]:
        """The deltas, as they come.

        Raises:
            AudiochatError: of the kind that the answer, or its absence, is; also in the middle.
        """
        self._reply = yield from self._deltas

    @property
    def reply(self) -> Reply:
        """The answer, after the last delta; its sound was in the deltas."""
        assert self._reply is not None, "the stream is not at its end"  # noqa: S101 - the caller's bug
        return self._reply

    def close(self) -> None:
        """End it early; the connection is closed."""
        self._deltas.close()


class Client:
    """Sends requests over one connection; its retries cover what the SDK's do, and bodies cut short."""

    def __init__(
        self,
        connection: Connection,
        *,
        timeout: float,
        retries: int,
        patience: float = PATIENCE,
        progress: Progress | None = None,
    ) -> None:
        self._sdk = connection.sdk
        self._hints = connection.hints
        self._timeout = timeout
        self._retries = retries
        self._patience = patience
        self._progress = progress or NoProgress()
        self._streams = True

    def send(self, request: Request) -> Reply:
        """Ask, and wait for the whole answer.

        Raises:
            AudiochatError: of the kind that the answer, or its absence, is.
        """
        body = _encode(request)
        waits = _Waits()
        while True:
            try:
                with self._answer(body) as (response, _):
                    return self._reply(response)
            except _http_errors() as exc:
                self._retry(exc, waits)

    def stream(self, request: Request) -> ReplyStream:
        """Ask, and take the answer as it comes.

        A service that does not stream is asked again without, and not asked to again.

        Args:
            request: Its sound, if any, in pcm16: nothing else can be streamed.
        """
        return ReplyStream(self._deltas(request))

    def _deltas(self, request: Request) -> Generator[Delta, None, Reply]:
        if self._streams:
            try:
                return (yield from self._streamed(request))
            except RefusedError as exc:
                if exc.code != "unsupported_value" or exc.param not in (None, "audio.format", "stream"):
                    raise
                self._streams = False
                self._progress.note("The service does not stream this; asking for the whole answer.")
        whole = self.send(request)
        yield from _as_deltas(whole)
        return whole

    def _streamed(self, request: Request) -> Generator[Delta, None, Reply]:
        body = _encode(request, stream=True)
        waits = _Waits()
        while True:
            try:
                with self._answer(body) as (response, watch):
                    if "text/event-stream" in response.headers.get("content-type", ""):
                        return (yield from self._assembled(response, watch))
                    whole = self._reply(response)  # a server that ignores `stream`
                break
            except _http_errors() as exc:
                self._retry(exc, waits)
        yield from _as_deltas(whole)
        return whole

    def _assembled(self, response: httpx2.Response, watch: Watch) -> Generator[Delta, None, Reply]:
        """The deltas of a stream; an error that ends it has the words that came: they are paid for."""
        id_ = service_errors.request_id(response)
        assembly = Assembly(request_id=id_)
        words = sound = 0
        try:
            for delta in self._events(response, assembly):
                words, sound = words + len(delta.text), sound + len(delta.pcm)
                if words > LARGEST_TRANSCRIPT or sound > LARGEST_SOUND:
                    raise _endless(id_)
                if delta.text or delta.pcm:
                    yield delta
                    watch.extend()  # only now: whoever takes it may take time
            return _discreet(assembly.whole(), response.request)
        except AudiochatError as error:
            if error.transcript is None:
                error.transcript = assembly.transcript
            raise
        except _http_errors() as exc:
            if not assembly.begun:
                raise
            ended = self._interrupted(exc)  # another answer would be another voice: the two cannot be joined
            ended.transcript = assembly.transcript
            raise ended from exc

    def _events(self, response: httpx2.Response, assembly: Assembly) -> Iterator[Delta]:
        """What the events of a stream add, one by one; most of them nothing."""
        import httpx2

        id_ = service_errors.request_id(response)
        for event in httpx2.EventSource(response, max_event_size=LARGEST_EVENT):
            if event.data.startswith("[DONE]"):
                assembly.end()
                return
            if not event.data:
                continue
            try:
                body = json.loads(event.data)
            except (ValueError, RecursionError) as exc:
                raise BrokenAnswerError("The stream holds what is not JSON.", hint=_REPORT, request_id=id_) from exc
            log_exchange("< event", body=partial(redaction.scrubbed, body, response.request))
            if isinstance(body, dict) and body.get("error"):
                raise service_errors.refusal(body, response, hints=self._hints)
            yield assembly.add(body)

    def _interrupted(self, exc: Exception) -> AudiochatError:
        error = translate(exc, hints=self._hints)
        return error if error.code == "timeout" else reply.cut(error.request_id)

    @contextmanager
    def _answer(self, body: _Body) -> Iterator[tuple[httpx2.Response, Watch]]:
        """Post once; the answer's headers are there, its body is still to be read, under a watch."""
        import httpx2
        from openai import Stream

        log_exchange(f"> POST {self._sdk.base_url}chat/completions", body=body.shown)
        started = time.monotonic()
        # The SDK's public way to any path, without its typed models: they would hold the sound twice more.
        response: Any = self._sdk.post(
            "/chat/completions",
            cast_to=httpx2.Response,
            content=body.file(),
            options={
                "headers": {"Content-Type": "application/json"},
                "timeout": httpx2.Timeout(self._timeout, connect=min(self._timeout, 20.0)),
                "max_retries": 0,
            },
            stream=True,
            stream_cls=Stream[Any],
        )
        self._tell(response, time.monotonic() - started)
        try:
            yield response, watched(response)
        finally:
            response.close()

    def _tell(self, response: httpx2.Response, elapsed: float) -> None:
        """Show the exchange's heads to whoever wants to see them (`--debug`)."""
        sent = {
            name: value if redaction.is_public(name) else "[left out]"
            for name, value in response.request.headers.items()
        }
        log_exchange("> headers", sent)
        location = response.extensions.get(service_errors.LOCATION)
        headers = {**response.headers, **({"location": location} if location else {})}
        received = redaction.scrubbed(headers, response.request)
        log_exchange(f"< {response.status_code} after {elapsed:.2f} s", received)

    def _reply(self, response: httpx2.Response) -> Reply:
        id_ = service_errors.request_id(response)
        unpacking = self._read(response, id_)
        try:
            body = unpacking.json()
        except (ValueError, RecursionError) as exc:
            page = b"<html" in unpacking.text[:1000].lower() or "html" in response.headers.get("content-type", "")
            what = "a web page instead of a chat completion" if page else "something that is not whole JSON"
            hint = "Check that the endpoint is the API's address." if page else "Try again; report it if it lasts."
            raise BrokenAnswerError(f"The service answered with {what}.", hint=hint, request_id=id_) from exc
        log_exchange("< body", body=lambda: redaction.scrubbed(body, response.request))
        if isinstance(body, dict) and body.get("error"):
            raise service_errors.refusal(body, response, hints=self._hints)
        return _discreet(reply.parse(body, request_id=id_), response.request)

    def _read(self, response: httpx2.Response, id_: str | None) -> Unpacking:
        unpacking = Unpacking()
        size = 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            unpacking.add(chunk)
            if size > LARGEST_ANSWER or len(unpacking.text) > LARGEST_EVENT:
                raise _endless(id_)
        return unpacking

    def _retry(self, exc: Exception, waits: _Waits) -> None:
        """Wait until it is sensible to ask again, or raise what the person should read."""
        import openai

        if isinstance(exc, openai.APIStatusError):
            self._tell(exc.response, 0.0)
            log_exchange("< body", body=lambda: redaction.scrubbed(exc.body, exc.request))
        error = translate(exc, hints=self._hints)
        delay = _delay(exc, waits.number)
        if delay is None or waits.number >= self._retries or waits.seconds + delay > self._patience:
            raise error from exc
        waits.number, waits.seconds = waits.number + 1, waits.seconds + delay
        when = f"in {delay:.0f} s" if delay >= 1 else "in a moment"
        self._progress.note(f"{error.message.rstrip('.')}; trying again {when}")
        time.sleep(delay)


def _discreet(whole: Reply, request: httpx2.Request) -> Reply:
    """The answer, without what the service quotes of a credential beside the words and the sound, which are data."""
    told = partial(redaction.scrubbed, request=request)
    audio = None if whole.audio is None else replace(whole.audio, id=told(whole.audio.id))
    return replace(whole, audio=audio, model=told(whole.model), finish_reason=told(whole.finish_reason))


def _endless(request_id: str | None) -> BrokenAnswerError:
    """The error of an answer that is too much, of which nothing is worth showing."""
    return BrokenAnswerError(
        "The answer has no end.", hint="No more of it was read.", request_id=request_id, transcript=""
    )


def _as_deltas(whole: Reply) -> Iterator[Delta]:
    """A whole answer as the deltas of a stream, its sound in pcm16."""
    yield Delta(whole.transcript)
    if whole.audio is None:
        return
    data = whole.audio.data
    try:
        # A server can have its own idea of pcm16.
        own = sniff(data[:HEAD]) is not None
        for pcm in codec.decode(open_data(data), name="the answer") if own else iter_blocks(data):
            yield Delta(pcm=pcm)
    except FileError as exc:
        raise BrokenAnswerError(
            "What came as the spoken answer is no sound that can be read.",
            hint=_REPORT,
            request_id=whole.request_id,
            transcript=whole.transcript,
        ) from exc


@dataclass(frozen=True, slots=True)
class _Body:
    """A request's body, its recordings encoded while it is sent."""

    parts: list[Data | Base64View]
    shown: Callable[[], object]
    """The payload, for `--debug`."""

    def file(self) -> ConcatenatedReader:
        """The body from its start: the HTTP library reads it as it sends it, and knows its size before."""
        return ConcatenatedReader(self.parts)


def _encode(request: Request, *, stream: bool = False) -> _Body:
    recordings: dict[str, Data] = {}

    def stand_in(data: Data) -> str:
        name = secrets.token_hex()
        recordings[name] = data
        return name

    try:
        payload = request.payload(stream=stream, encoded=stand_in)
        rest = json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as exc:  # lone surrogates, infinite numbers
        raise UsageError("The request holds what JSON cannot carry.", hint="Check --param and the texts.") from exc
    parts: list[Data | Base64View] = []
    for name, data in recordings.items():
        before, _, rest = rest.partition(name.encode())
        parts += [before, Base64View(data)]
    return _Body([*parts, rest], partial(request.payload, stream=stream))


def _http_errors() -> tuple[type[Exception], ...]:
    import httpx2
    import openai

    return openai.OpenAIError, httpx2.RequestError, httpx2.StreamError


def _delay(exc: Exception, attempt: int) -> float | None:
    """Seconds until another try makes sense; None when it makes none.

    A request that was sent whole and not answered in time is not sent again: its answer may be
    under way, and paid for.
    """
    import httpx2
    import openai

    if isinstance(exc, httpx2.DecodingError | httpx2.SSEError):
        return None  # the service has answered
    backoff: float = min(_FIRST_DELAY * 2**attempt, _LONGEST_DELAY) * random.uniform(0.75, 1.0)  # noqa: S311
    if not isinstance(exc, openai.APIStatusError):
        timed_out = any(isinstance(cause, httpx2.ReadTimeout) for cause in service_errors.causes(exc))
        return backoff if isinstance(exc, openai.APIConnectionError | httpx2.RequestError) and not timed_out else None
    headers = exc.response.headers
    wanted = headers.get("x-should-retry")
    transient = exc.status_code in _RETRIED or exc.status_code >= 500
    if wanted == "false" or exc.code == "insufficient_quota" or not (transient or wanted == "true"):
        return None
    asked = service_errors.asked_to_wait(headers)
    if asked is None:
        return backoff
    return asked if asked <= LONGEST_WAIT else None
