"""A chat completions service on loopback that does what a test tells it to: also what no service should."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping, Sequence

_ARRIVAL = 0.03
"""Seconds until what was sent has arrived: a reset would throw away the rest."""

PCM = struct.pack("<4800h", *(((i * 37) % 2000) - 1000 for i in range(4800)))
"""A fifth of a second: s16le, mono, 24,000 Hz."""


@dataclass(frozen=True)
class Received:
    """A request, as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """An answer to give, faults included."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Sequence[bytes] | None = None
    """The body in pieces, chunked, instead of `body`."""
    pause: float = 0.0
    """Seconds before each piece, or before the body."""
    hold: float = 0.0
    """Seconds before anything is sent."""
    cut: int | None = None
    """Stop after so many bytes of the body, or so many pieces; 0 is before the headers."""
    end: Literal["reset", "close", "silence"] = "reset"
    """What happens where it is cut."""
    raw: bool = False
    """The body or the pieces are all that is sent: no status, no headers, no chunks; then the connection is closed."""
    before: Callable[[], object] | None = None
    """What happens before anything is sent."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Clients that go away are what tests are about."""


class Service:
    """The server: `script` is what it answers, in turn; the last one is repeated.

    Args:
        tls: Makes it a server of https.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.script: list[Answer] = []
        self.choose: Callable[[Received], Answer] | None = None
        self.requests: list[Received] = []
        self.sent_pieces = 0
        """How many pieces of the current stream have left."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                received = Received(self.command, self.path, headers, body)
                service.requests.append(received)
                index = min(len(service.requests), len(service.script)) - 1
                answer = service.choose(received) if service.choose else service.script[index]
                with contextlib.suppress(OSError):
                    service._send(self, answer)

            do_GET = do_POST  # noqa: N815 - the name that http.server calls

            def log_message(self, *_: object) -> None:
                """Keep the tests' output clean."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._stopped = threading.Event()
        if tls is not None:  # each handshake in its connection's own thread
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Listen no more; answers that are under way end."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, *answers: Answer) -> None:
        """Script the answers."""
        self.script, self.choose = list(answers), None

    def answer_with(self, choose: Callable[[Received], Answer]) -> None:
        """Answer each request by what it asks."""
        self.choose = choose

    @property
    def last(self) -> Received:
        """The last request."""
        return self.requests[-1]

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        self._stopped.wait(answer.hold)
        if answer.before is not None:
            answer.before()
        if answer.cut == 0:
            self._break(handler, answer)
            return
        if not answer.raw:
            self._send_head(handler, answer)
        else:
            handler.close_connection = True
        if answer.pieces is None:
            self._stopped.wait(answer.pause)
            handler.wfile.write(answer.body[: answer.cut])
        else:
            self._send_pieces(handler, answer, answer.pieces[: answer.cut])
        if answer.cut is not None:
            self._break(handler, answer)
        elif answer.pieces is not None and not answer.raw:
            handler.wfile.write(b"0\r\n\r\n")

    def _send_head(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.send_response(answer.status)
        headers = {"Content-Type": "application/json", "x-request-id": "req_test", **answer.headers}
        if answer.pieces is not None:
            headers.setdefault("Transfer-Encoding", "chunked")
        elif "Content-Length" not in headers:
            headers["Content-Length"] = str(len(answer.body))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()

    def _send_pieces(self, handler: BaseHTTPRequestHandler, answer: Answer, pieces: Sequence[bytes]) -> None:
        self.sent_pieces = 0
        for piece in pieces:
            self._stopped.wait(answer.pause)
            handler.wfile.write(piece if answer.raw else f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.sent_pieces += 1

    def _break(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.wfile.flush()
        handler.close_connection = True
        if answer.end == "silence":
            self._stopped.wait()
        if answer.end == "reset":
            self._stopped.wait(_ARRIVAL)
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()


def completion(
    transcript: str | None = "Yes, it is.",
    audio: bytes | None = None,
    *,
    content: str | None = None,
    **changes: Any,
) -> Answer:
    """A chat completion as the service sends it.

    Args:
        transcript: Of the spoken answer.
        audio: The spoken answer; None is text alone.
        content: Of an answer in text.
        changes: Fields of the completion that are different.
    """
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None, "annotations": []}
    if audio is not None:
        message["audio"] = {
            "id": "audio_abc",
            "data": base64.b64encode(audio).decode(),
            "expires_at": 1780697155,
            "transcript": transcript,
        }
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1780693555,
        "model": "gpt-audio-2025-08-28",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 99,
            "completion_tokens": 116,
            "total_tokens": 215,
            "prompt_tokens_details": {"audio_tokens": 69, "text_tokens": 30},
            "completion_tokens_details": {"audio_tokens": 93, "text_tokens": 23},
        },
        **changes,
    }
    return Answer(json.dumps(body).encode(), headers={"apim-request-id": "apim_test"})


def event(delta: Mapping[str, Any] | None = None, **fields: Any) -> bytes:
    """One event of a stream; without a delta, one of those that have no `choices`."""
    body: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-audio", "usage": None}
    if delta is not None:
        body["choices"] = [{"index": 0, "delta": delta, "finish_reason": None}]
    return b"data: " + json.dumps({**body, **fields}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
USAGE = {
    "prompt_tokens": 18,
    "completion_tokens": 24,
    "prompt_tokens_details": {"audio_tokens": 0},
    "completion_tokens_details": {"audio_tokens": 19},
}


def sound_events(pcm: bytes, words: Sequence[str] = ("Yes, ", "it is."), *, size: int = 4800) -> list[bytes]:
    """The events of a spoken answer, in the order in which the service sends them."""
    events = [event({"role": "assistant", "refusal": None})]
    events += [event({"audio": {"id": "audio_abc", "transcript": word}}) for word in words]
    pieces = [pcm[start : start + size] for start in range(0, len(pcm), size)]
    for piece in pieces[:-1]:
        events += [event({"audio": {"data": base64.b64encode(piece).decode()}}), event()]
    events.append(event(choices=[], usage=USAGE))
    events.append(event({"audio": {"data": base64.b64encode(pieces[-1]).decode()}}))
    events.append(event({"audio": {"expires_at": int(time.time()) + 3600}}))
    return [*events, DONE]


def stream(pieces: Sequence[bytes], *, pause: float = 0.0, cut: int | None = None) -> Answer:
    """An event stream, in these pieces."""
    headers = {"Content-Type": "text/event-stream; charset=utf-8", "apim-request-id": "apim_test"}
    return Answer(pieces=pieces, headers=headers, pause=pause, cut=cut)


def error(
    status: int, code: str | None, message: str, *, headers: Mapping[str, str] | None = None, **fields: Any
) -> Answer:
    """An error as the service sends it."""
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code, **fields}}
    return Answer(json.dumps(body).encode(), status, headers or {})


@contextlib.contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Service]:
    """A service, for as long as the block lasts; of https with `tls`."""
    service = Service(tls)
    try:
        yield service
    finally:
        service.stop()
