"""The catalogue of what a service, and the way to it, can do wrong: each with what has to come of it."""

from __future__ import annotations

import base64
import email.utils
import gzip
import itertools
import json
import socket
import struct
import threading
import time
import zlib
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from audiochat.audio import wav
from support.service import DONE, PCM, Answer, completion, error, event, sound_events, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

WAV = wav.wrap(PCM)
WORDS = "Yes, it is."
"""What every answer says that says something."""
WHOLE = completion(WORDS, WAV)
EVENTS = sound_events(PCM, size=2400)
"""Four pieces of sound."""
EVENT_STREAM = {"Content-Type": "text/event-stream; charset=utf-8", "x-request-id": "req_test"}
STALLED = 0.35
"""Seconds of `--timeout` where a fault is that nothing comes."""


@dataclass(frozen=True)
class Fault:
    """An answer that is none, or not the one that was hoped for."""

    name: str
    answer: Answer
    says: str = ""
    """Words of the message."""
    code: str = "broken_answer"
    """For scripts, in the envelope."""
    _: KW_ONLY
    exit_code: int = 5
    hints: str = ""
    """Words of the hint."""
    comes: Literal["any", "whole", "stream"] = "any"
    """Which commands it can happen to: those that take the answer whole, or while it comes."""
    again: Literal["no", "told", "later"] = "no"
    """Whether to ask again: no, after the wait that the answer tells, or after one of our own."""
    words: bool = False
    """Whether words have come, which are paid for."""
    sound: bool = False
    """Whether it is a fault of the sound alone, which a request for text never meets."""
    stalls: bool = False
    """Whether it is noticed by `--timeout` alone."""

    @property
    def retries(self) -> int:
        """How many to allow: enough to be tempting, and none where the wait would be long."""
        return {"no": 2, "told": 1, "later": 0}[self.again]

    @property
    def requests(self) -> int:
        """How often the service is asked, with so many retries."""
        return 1 + (self.retries if self.again == "told" else 0)


def _whole(body: bytes, **headers: str) -> Answer:
    """A success with this body."""
    return Answer(body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def _audio(**changes: Any) -> Answer:
    """A spoken answer, with these fields of its audio different."""
    body = json.loads(WHOLE.body)
    body["choices"][0]["message"]["audio"].update(changes)
    return Answer(json.dumps(body).encode())


def _head(*lines: str, status: str = "200 OK") -> bytes:
    """A head as it is on the wire."""
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: application/json", *lines, "", ""]).encode()


def _chunked(pieces: Sequence[bytes]) -> bytes:
    """A body in chunks, without the last."""
    return b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces)


def _date(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


# --- answers that ask for patience, and statuses of errors

_BROKE = "broke before the answer began"
_BEGUN = "broke in the middle of the answer"
_SLOW: dict[str, Any] = {"says": "did not answer in time", "code": "timeout", "hints": "--timeout", "stalls": True}
_BUSY: dict[str, Any] = {"says": "asked too much", "code": "rate_limited"}


def _status(status: int, told: Mapping[str, str], says: str = "slow down", code: str | None = None) -> Answer:
    return error(status, code, says, headers=told)


STATUSES = [
    Fault("408", _status(408, {"retry-after-ms": "1"}), "(408)", "http_408", again="told", hints="later"),
    Fault("409", _status(409, {"retry-after": "0"}), "(409)", "http_409", again="told"),
    Fault("429, milliseconds", _status(429, {"retry-after-ms": "1"}), **_BUSY, again="told", hints="quota"),
    Fault("429, seconds", _status(429, {"retry-after": "0"}), **_BUSY, again="told"),
    Fault("429, both headers", _status(429, {"retry-after-ms": "1", "retry-after": "99999"}), **_BUSY, again="told"),
    Fault("429, a date gone by", _status(429, {"retry-after": _date(-60)}), **_BUSY, again="told"),
    Fault("429, no header", _status(429, {}), **_BUSY, again="later"),
    *(
        Fault(f"429, {value!r} as its wait", _status(429, {"retry-after": value}), **_BUSY, again="later")
        for value in ("soon", "-5", "nan", "")
    ),
    Fault("429, a day", _status(429, {"retry-after": "86400"}), **_BUSY, hints="24 hours"),
    Fault("429, a day in milliseconds", _status(429, {"retry-after-ms": "86400000"}), **_BUSY, hints="24 hours"),
    Fault("429, until a date", _status(429, {"retry-after": _date(8000)}), **_BUSY, hints="2 hours"),
    Fault("429, for ever", _status(429, {"retry-after": "9" * 400}), **_BUSY, hints="pause"),
    Fault("429, no credit", _status(429, {"retry-after-ms": "1"}, code="insufficient_quota"), "No credit",
          "insufficient_quota", exit_code=4, hints="billing"),
    Fault("500", _status(500, {"retry-after-ms": "1"}), "(500)", "http_500", again="told"),
    Fault("500 that will not pass", _status(500, {"x-should-retry": "false"}), "(500)", "http_500"),
    Fault("502, a page", Answer(b"<html><h1>Bad gateway</h1></html>", 502, {"retry-after-ms": "1"}), "Bad Gateway",
          "http_502", again="told"),
    Fault("503", _status(503, {"retry-after": "0"}), "(503)", "http_503", again="told"),
    Fault("504, empty", Answer(b"", 504, {"retry-after-ms": "1"}), "(504)", "http_504", again="told"),
    Fault("529", _status(529, {"retry-after-ms": "1"}), "(529)", "http_529", again="told"),
    Fault("500 cut short", Answer(WHOLE.body, 500, {"retry-after-ms": "1"}, cut=40), _BROKE,
          "connection_broken", again="later"),
    Fault("413", _status(413, {}), "too large", "http_413", exit_code=4, hints="shorter"),
    Fault("204", Answer(b"", 204, {"Content-Length": "0"}), "not whole JSON"),
    Fault("an error with status 200",
          _whole(b'{"error": {"message": "The server had an error", "code": "server_error"}}'),
          "had an error", "http_500"),
]  # fmt: skip

# --- connections that break or bring nothing

RESETS = [
    Fault("reset before the head", Answer(cut=0), _BROKE, "connection_broken", again="later", hints="proxies"),
    Fault("closed before the head", Answer(cut=0, end="close"), _BROKE, "connection_broken", again="later"),
    Fault("reset in the head", Answer(_head(), raw=True, cut=30), _BROKE, "connection_broken", again="later"),
    Fault("reset before the body", replace(WHOLE, pieces=[b""], cut=-1), _BEGUN, "connection_broken", comes="whole"),
    Fault("reset in the body", replace(WHOLE, cut=3000), _BEGUN, "connection_broken", comes="whole"),
    Fault("reset after the body", replace(WHOLE, cut=len(WHOLE.body)), exit_code=0, comes="whole"),
    Fault("reset before the first event", stream([b""], cut=-1), _BEGUN, "connection_broken", comes="stream"),
    Fault("reset after the first event", stream(EVENTS, cut=1), "cut before its end", "cut", comes="stream"),
    Fault("reset in the stream", stream(EVENTS, cut=5), "cut before its end", "cut", comes="stream", words=True),
    Fault("reset after the stream", stream(EVENTS, cut=len(EVENTS)), exit_code=0, comes="stream"),
]  # fmt: skip

STALLS = [
    Fault("silence before the head", Answer(hold=20), **_SLOW),
    Fault("silence in the head", Answer(_head(), raw=True, cut=30, end="silence"), **_SLOW),
    Fault("silence before the body", replace(WHOLE, pause=20), **_SLOW, comes="whole"),
    Fault("silence in the body", replace(WHOLE, cut=3000, end="silence"), **_SLOW, comes="whole"),
    Fault("a body that drips", replace(WHOLE, pieces=[b" "] * 60, pause=0.05), **_SLOW, comes="whole"),
    Fault("silence before the stream", stream(EVENTS, pause=20), **_SLOW, comes="stream"),
    Fault("silence in the stream", replace(stream(EVENTS, cut=5), end="silence"), **_SLOW, comes="stream",
          words=True),
    Fault("a stream of comments", stream([b": ping\n\n"] * 60, pause=0.05), **_SLOW, comes="stream"),
    Fault("a stream that drips", stream([bytes([byte]) for byte in EVENTS[0]], pause=0.05), **_SLOW, comes="stream"),
    Fault("slow bytes that get there", replace(WHOLE, pieces=[WHOLE.body[:99], WHOLE.body[99:]], pause=0.1),
          exit_code=0, comes="whole"),
    Fault("a slow stream that gets there", stream(EVENTS, pause=0.05), exit_code=0, comes="stream"),
]  # fmt: skip

# --- lengths that are not those of the body

TRUNCATED = [
    Fault("a longer length, then the end",
          replace(WHOLE, headers={"Content-Length": "99999"}, cut=len(WHOLE.body), end="close"), _BEGUN,
          "connection_broken"),
    Fault("a stream closed in the middle", replace(stream(EVENTS, cut=5), end="close"), "cut before its end", "cut",
          comes="stream", words=True),
    Fault("a longer length, then silence", replace(WHOLE, headers={"Content-Length": "99999"}), **_SLOW),
    Fault("a shorter length", _whole(WHOLE.body, Content_Length="300"), "not whole JSON"),
    Fault("no body", _whole(b""), "not whole JSON"),
    Fault("half a body", _whole(WHOLE.body[:300]), "not whole JSON"),
    Fault("a length that is none", Answer(_head("Content-Length: many") + WHOLE.body, raw=True), "",
          "connection_broken", again="later"),
    Fault("two lengths", Answer(_head("Content-Length: 5", "Content-Length: 6") + WHOLE.body, raw=True), "",
          "connection_broken", again="later"),
    Fault("a chunk that is none", Answer(_head("Transfer-Encoding: chunked") + b"zz\r\n{}\r\n", raw=True), _BEGUN,
          "connection_broken"),
    Fault("chunks without the last", Answer(_head("Transfer-Encoding: chunked") + _chunked([WHOLE.body]), raw=True),
          _BEGUN, "connection_broken"),
    Fault("no length, and the end is the end", Answer(_head("Connection: close") + WHOLE.body, raw=True), exit_code=0),
    Fault("no HTTP", Answer(b"SSH-2.0-OpenSSH_9.6\r\n", raw=True), "", "connection_broken", again="later"),
    Fault("a head without end", Answer(_head("X: " + "x" * 300_000), raw=True), "", "connection_broken", again="later"),
    Fault("a stream without any end mark", stream(EVENTS[:-2]), "cut before its end", "cut", comes="stream",
          words=True),
    Fault("a stream that ends in an event", stream([*EVENTS[:5], EVENTS[5][:40]]), "cut before its end", "cut",
          comes="stream", words=True),
    Fault("a stream of nothing", stream([]), "cut before its end", "cut", comes="stream"),
    Fault("a stream that says only [DONE]", stream([DONE]), "neither text nor sound", comes="stream"),
    Fault("an odd half of a sample", stream([event({"audio": {"transcript": WORDS, "data": "AAAAA"}}), DONE]),
          "cut before its end", "cut", comes="stream", words=True),
]  # fmt: skip

# --- bodies that are something else

_PAGE = b"<!DOCTYPE html><html><body>Sign in to the WiFi</body></html>"
_NO_BASE64 = "not base64"

CONTENTS = [
    Fault("a page", _whole(_PAGE, Content_Type="text/html"), "a web page", hints="address"),
    Fault("a page that says it is JSON", _whole(_PAGE), "a web page", hints="address"),
    Fault("a page that says it is a stream", stream([_PAGE]), "cut before its end", "cut", comes="stream"),
    Fault("broken JSON", _whole(b'{"id": "chatcmpl-1", "choices": [}'), "not whole JSON"),
    Fault("JSON without end", _whole(b"[" * 100_000), "not whole JSON"),
    Fault("JSON of another shape", _whole(b'["Yes, it is."]'), "no chat completion"),
    Fault("no choices", _whole(b'{"choices": null}'), "no choices"),
    Fault("bytes that are no text", _whole(b"\xff\xfe\x80\x81" * 9), "not whole JSON"),
    Fault("zeros", _whole(bytes(4000)), "not whole JSON"),
    Fault("broken base64", _audio(data="%%%%" * 9), _NO_BASE64, comes="whole", words=True),
    Fault("base64 cut short", _audio(data="AAAAA"), _NO_BASE64, comes="whole", words=True),
    Fault("base64 that is a number", _audio(data=42), "no sound", comes="whole", words=True),
    Fault("no sound", _audio(data=""), "no sound", comes="whole", words=True),
    Fault("sound that is text", _audio(data=base64.b64encode(b"no sound at all, " * 99).decode()), "no sound",
          comes="whole", words=True, sound=True),
    Fault("sound that is a page", _audio(data=base64.b64encode(_PAGE).decode()), "no sound", comes="whole",
          words=True, sound=True),
    Fault("a WAV without sound", _audio(data=base64.b64encode(b"RIFF\0\0\0\0WAVE").decode()), "no sound",
          comes="whole", words=True, sound=True),
    Fault("a broken event", stream([*EVENTS[:4], b"data: {not json\n\n"]), "not JSON", comes="stream", words=True),
    Fault("an event of another shape", stream([*EVENTS[:4], b"data: [1]\n\n"]), "no event", comes="stream", words=True),
    Fault("broken base64 in an event", stream([*EVENTS[:4], event({"audio": {"data": "%%%%"}})]), _NO_BASE64,
          comes="stream", words=True),
    Fault("an error in the stream",
          stream([*EVENTS[:4], b'data: {"error": {"message": "It broke", "code": "server_error"}}\n\n']),
          "It broke", "http_500", comes="stream", words=True),
    Fault("the content filter in the stream",
          stream([*EVENTS[:4], b'data: {"error": {"message": "no", "code": "content_filter"}}\n\n']),
          "content filter", "content_filter", exit_code=4, comes="stream", words=True),
    Fault("a false encoding", _whole(WHOLE.body, Content_Encoding="gzip"), "cannot be decoded"),
    Fault("an encoding cut short", _whole(gzip.compress(WHOLE.body)[:200], Content_Encoding="gzip"), "not whole JSON"),
    Fault("an encoding that nobody asked for", _whole(WHOLE.body, Content_Encoding="x-none"), exit_code=0),
    Fault("gzip as it should be", _whole(gzip.compress(WHOLE.body), Content_Encoding="gzip"), exit_code=0),
]  # fmt: skip

FAULTS = [*STATUSES, *RESETS, *STALLS, *TRUNCATED, *CONTENTS]

REDIRECTS = (301, 302, 303, 307, 308)
"""Statuses that send a request elsewhere: where, a test has to say."""

# --- answers that are too much

_MEGABYTE = b"x" * 1_000_000


def _bomb(megabytes: int, *, layers: int = 1) -> bytes:
    """A gzip file of so many megabytes of zeros, made of one block again and again; its end is missing."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]) + block * megabytes
    return gzip.compress(bomb) if layers == 2 else bomb


def _encoded(body: bytes, encoding: str = "gzip", status: int = 200, type_: str = "application/json") -> Answer:
    return Answer(body, status, {"Content-Encoding": encoding, "Content-Type": type_, "retry-after-ms": "1"})


def floods() -> dict[str, Fault]:
    """Answers of 200 MB and more, by name; made when they are needed."""
    sound = event({"audio": {"data": "A" * 1_000_000}})
    flood = [
        Fault("a body of 250 MB", Answer(pieces=[_MEGABYTE] * 250), "no end", comes="whole"),
        Fault("an error of 250 MB", Answer(status=500, pieces=[_MEGABYTE] * 250, headers={"x-should-retry": "false"}),
              "(500)", "http_500"),
        Fault("a stream of 250 MB without an event", stream([_MEGABYTE] * 250), "", comes="stream"),
        Fault("a stream of 250 MB of words", stream([event({"audio": {"transcript": "x" * 1_000_000}})] * 250),
              "no end", comes="stream"),
        Fault("a stream of 100 MB of sound", stream([sound] * 100, cut=100), "cut", "cut", comes="stream"),
        Fault("a gzip bomb", _encoded(_bomb(1500)), "no end", comes="whole"),
        Fault("a gzip bomb of lists", _encoded(gzip.compress(b"[" + b"[]," * 20_000_000)), "no end", comes="whole"),
        Fault("a gzip bomb in gzip", _encoded(_bomb(1500, layers=2), "gzip, gzip"), "", comes="whole"),
        Fault("a gzip bomb as a stream", _encoded(_bomb(1500), type_="text/event-stream"), "", comes="stream"),
    ]  # fmt: skip
    return {fault.name: fault for fault in flood}


# --- connections below HTTP


@dataclass
class Listener:
    """A port on loopback that does one thing with every connection."""

    port: int
    accepted: int = 0
    """How many connections there were."""


@contextmanager
def listening(behave: Callable[[socket.socket], object]) -> Iterator[Listener]:
    """A listener, for as long as the block lasts; each connection is closed when `behave` returns."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = Listener(server.getsockname()[1])
        stopped = threading.Event()

        def accept() -> None:
            for _ in itertools.count():
                connection, _address = server.accept()
                if stopped.is_set():
                    connection.close()
                    return
                listener.accepted += 1
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        def serve(connection: socket.socket) -> None:
            with connection:
                try:
                    behave(connection)
                except OSError:  # the other side is at liberty to go
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            stopped.set()
            socket.create_connection(server.getsockname()).close()
            thread.join()


def close(_connection: socket.socket) -> None:
    """Hang up."""


def reset(connection: socket.socket) -> None:
    """Hang up rudely."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def keep_silent(connection: socket.socket) -> None:
    """Listen, and say nothing."""
    while connection.recv(65_536):
        pass


def speak_plainly(connection: socket.socket) -> None:
    """Answer whatever comes in HTTP: a server without TLS behind https."""
    connection.recv(65_536)
    connection.sendall(_head("Content-Length: 0", "Connection: close", status="400 Bad Request"))


def reset_halfway(connection: socket.socket) -> None:
    """Take the beginning of a request, and hang up rudely."""
    connection.recv(65_536)
    reset(connection)


def refuse_halfway(connection: socket.socket) -> None:
    """Say that the request is too large while it is still on its way, as gateways do."""
    connection.recv(65_536)
    body = b'{"error": {"message": "too large", "code": null}}'
    connection.sendall(_head(f"Content-Length: {len(body)}", "Connection: close", status="413 Too Large") + body)
    connection.shutdown(socket.SHUT_WR)
    keep_silent(connection)


@dataclass(frozen=True)
class Disconnection:
    """A fault below HTTP."""

    name: str
    behave: Callable[[socket.socket], object]
    code: str
    exit_code: int = 5
    again: bool = True
    or_else: str | None = None
    """The code where it comes so soon that there was no connection yet."""


DISCONNECTIONS = [
    Disconnection("closed at once", close, "connection_broken"),
    Disconnection("reset at once", reset, "connection_broken", or_else="not_reachable"),
    Disconnection("silent", keep_silent, "timeout", again=False),
    Disconnection("reset while the request is sent", reset_halfway, "connection_broken"),
    Disconnection("refused while the request is sent", refuse_halfway, "http_413", exit_code=4, again=False),
]
