"""Responses that take a while: blocking work in a thread, never on the event loop, ended when the client leaves."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from audiochat.web import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.types import Message, Receive, Scope, Send

    from audiochat.local.api import Response

EVENT_STREAM = "text/event-stream"

_AHEAD = 16_000_000
"""Bytes that a reader may be behind. An answer of the engine is less: a slow reader does not hold up the queue."""

_STREAM_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}
"""nginx would collect a stream and pass it on at its end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What work came to: the head of a response, and its body as it is made."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes] = field(repr=False)
    """Taken in the thread of the work; closed where it has a `close` and is not taken to its end."""
    whole: bool = False
    """Whether the body is sent at once, with its length."""

    @property
    def is_event_stream(self) -> bool:
        """Whether its chunks are server-sent events."""
        return self.headers.get("content-type", "").startswith(EVENT_STREAM)


class WorkResponse:
    """A response that a function makes in a thread.

        async def speech(request):
            body = await read_json_body(request, LIMIT)
            return WorkResponse(lambda cancelled: synthesize(body, cancelled))

    When the client leaves, streaming or not, `cancelled` is set and the chunks are closed: at once, not when the next
    chunk would be sent. When the server ends, the stream ends with an error event, and never with a false `[DONE]`.

    Args:
        work: Makes the response. It may block. What it raises is a bug, and answered as one.
        done: Called in the end, whatever happened.
    """

    def __init__(self, work: Callable[[threading.Event], Outcome], *, done: Callable[[], None] = lambda: None) -> None:
        self._work = work
        self._done = done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see the ASGI specification."""
        job = _Job(self._work, asyncio.get_running_loop())
        threading.Thread(target=job.run, name="audiochat-request", daemon=True).start()
        leaving = asyncio.ensure_future(_watch(receive, job))
        sent = _Sent(send)
        try:
            while (message := await job.next()) is not None:
                await sent(message)
        except asyncio.CancelledError:  # the server ends
            with suppress(Exception):
                await sent.last_words(scope, receive)
            raise
        finally:
            job.cancelled.set()
            leaving.cancel()
            self._done()


class _Job:
    """Work in a thread, and the messages that it has for the event loop."""

    def __init__(self, work: Callable[[threading.Event], Outcome], loop: asyncio.AbstractEventLoop) -> None:
        self.cancelled = threading.Event()
        self._work = work
        self._loop = loop
        self._messages: deque[Message | BaseException | None] = deque()
        self._arrived = asyncio.Event()
        self._room = threading.Condition()
        self._behind = 0

    async def next(self) -> Message | None:
        """The next message to send, as much of the body as there is; None at the end, or when the client has left."""
        while True:
            with self._room:
                if self._messages:
                    message = self._take()
                    break
                self._arrived.clear()
            await self._arrived.wait()
        if isinstance(message, BaseException):
            raise message
        return message

    def _take(self) -> Message | BaseException | None:
        """The first message; pieces of a body that wait already become one: that takes a fraction of the time."""
        message = self._messages.popleft()
        if not isinstance(message, dict) or "body" not in message:
            return message
        pieces = [message["body"]]
        while message["more_body"] and self._messages:
            following = self._messages[0]
            if not isinstance(following, dict):
                break
            message = following
            pieces.append(message["body"])
            self._messages.popleft()
        body = b"".join(pieces)
        self._behind -= len(body)
        self._room.notify()
        return {**message, "body": body}

    def end(self) -> None:
        """Stop: the client has left."""
        self.cancelled.set()
        with self._room:
            self._messages.appendleft(None)
        self._arrived.set()

    def run(self) -> None:
        """Do the work, in this thread."""
        try:
            outcome = self._work(self.cancelled)
            try:
                self._pass_on(outcome)
            finally:
                close = getattr(outcome.chunks, "close", None)
                if close is not None:
                    close()
            self._put(None)
        except BaseException as exc:  # noqa: BLE001 - raised again on the event loop
            self._put(exc)

    def _pass_on(self, outcome: Outcome) -> None:
        headers = dict(outcome.headers)
        if outcome.is_event_stream:
            headers.update(_STREAM_HEADERS)
        chunks = outcome.chunks
        if outcome.whole:
            body = b"".join(chunks)
            headers["content-length"] = str(len(body))
            chunks = iter((body,))
        self._put(_head(outcome.status, headers))
        for chunk in chunks:
            if self.cancelled.is_set():
                return
            self._put({"type": "http.response.body", "body": chunk, "more_body": True})
        self._put({"type": "http.response.body", "body": b"", "more_body": False})

    def _put(self, message: Message | BaseException | None) -> None:
        size = len(message.get("body", b"")) if isinstance(message, dict) else 0
        with self._room:
            while self._behind > _AHEAD and not self.cancelled.is_set():
                self._room.wait(0.1)
            self._behind += size
            first = not self._messages
            self._messages.append(message)
        if first:  # the event loop knows of the others
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._arrived.set)


async def _watch(receive: Receive, job: _Job) -> None:
    """Wait until the client leaves. Its body was read before: nothing else can come."""
    while (await receive())["type"] != "http.disconnect":
        pass
    job.end()


class _Sent:
    """Sends, and knows how far the response has come."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = self._over = self._events = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            types = [value for name, value in message["headers"] if name == b"content-type"]
            self._events = any(value.startswith(EVENT_STREAM.encode()) for value in types)
        else:
            self._over = not message["more_body"]
        await self._send(message)

    async def last_words(self, scope: Scope, receive: Receive) -> None:
        """Say that the server ends, as well as it still can be said."""
        error = errors.shutting_down()
        if not self._begun:
            await errors.error_response(error)(scope, receive, self._send)
        elif self._events and not self._over:
            await self._send({"type": "http.response.body", "body": event(error.body), "more_body": False})


def of_engine(response: Response, *, whole: bool | None = None) -> Outcome:
    """A response of the engine's.

    Args:
        response: Its chunks are made while they are taken.
        whole: Whether it is sent at once; by default all but event streams are, and errors always.
    """
    made = Outcome(response.status, response.headers, response.chunks)
    return replace(made, whole=response.status >= 400 or (not made.is_event_stream if whole is None else whole))


def event(data: Mapping[str, Any]) -> bytes:
    """A server-sent event."""
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def _head(status: int, headers: Mapping[str, str]) -> Message:
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}
