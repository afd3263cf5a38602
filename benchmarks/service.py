"""An audio chat completions service on loopback that is never what one waits for.

    python benchmarks/service.py     prints its port; GET /last tells about the last request

It has no script: the name of the answer stands in the request's path, as Azure's deployment or before OpenAI's `/v1`.

    sound-SIZE               a whole answer, a WAV file of SIZE bytes in it
    wait-MS-SIZE             the same after MS milliseconds
    deltas-COUNT-SIZE-MS     a stream of COUNT deltas with SIZE bytes of sound each, MS milliseconds before each

Both OpenAI's and Azure's paths are served. Answers are made once; only deltas with pauses leave one by one.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass
from functools import lru_cache

_BLOCK = 1 << 20
_NAME = re.compile(rb"/(sound|wait|deltas)((?:-\d+)+)[/ ]")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEADERS = b"HTTP/1.1 200 OK\r\nx-request-id: req_bench\r\nContent-Type: "
_EXPIRES = 4_070_908_800


@dataclass
class Last:
    """What is known of the last request; times as `time.monotonic()` has them."""

    received: float = 0.0
    """When the whole of it was here."""
    body: int = 0
    """Bytes."""
    requests: int = 0
    """So far."""
    sent: int = 0
    """Pieces of its answer."""


@dataclass(frozen=True)
class Answer:
    """An answer, ready to leave."""

    pieces: tuple[bytes, ...]
    wait: float = 0.0
    """Seconds before the first piece."""
    pause: float = 0.0
    """Seconds before each piece that holds a delta."""
    deltas: range = range(0)
    """The pieces that do."""


def wav(size: int) -> bytes:
    """A WAV file of `size` bytes: noise of s16le, mono, 24,000 Hz."""
    noise = (b"".join(struct.pack("<h", (i * 7919) % 4001 - 2000) for i in range(12_000)) * (size // 24_000 + 1))[
        : size - 44
    ]
    header = struct.pack(
        "<4sI8sIHHIIHH4sI", b"RIFF", size - 8, b"WAVEfmt ", 16, 1, 1, 24_000, 48_000, 2, 16, b"data", size - 44
    )
    return header + noise


def _whole(size: int, wait: float = 0.0) -> Answer:
    audio = {
        "id": "audio_bench",
        "data": base64.b64encode(wav(size)).decode(),
        "expires_at": _EXPIRES,
        "transcript": "Yes, it is.",
    }
    message: dict[str, object] = {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "annotations": [],
        "audio": audio,
    }
    completion = {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1780693555,
        "model": "gpt-audio",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 99, "completion_tokens": 116, "total_tokens": 215},
    }
    body = json.dumps(completion).encode()
    return Answer((_HEADERS + b"application/json\r\nContent-Length: %d\r\n\r\n" % len(body), body), wait)


def _event(delta: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    event = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1780693555, "model": "gpt-audio"}
    return _chunk(b"data: " + json.dumps({**event, "choices": [choice]}).encode() + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _stream(count: int, size: int, pause: float) -> Answer:
    sound = _event({"audio": {"data": base64.b64encode(wav(size + 44)[44:]).decode()}})
    start = _event({"role": "assistant", "audio": {"id": "audio_bench", "transcript": "Yes."}})
    end = _event({"audio": {"expires_at": _EXPIRES}}) + _chunk(b"data: [DONE]\n\n") + _chunk(b"")
    head = _HEADERS + b"text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
    if pause:
        return Answer((head, start, *[sound] * count, end), pause=pause, deltas=range(2, count + 2))
    few = min(count, max(1, _BLOCK // len(sound)))  # at once, in blocks that are kept only once
    return Answer((head, start, *[sound * few] * (count // few), sound * (count % few), end))


@lru_cache(maxsize=8)
def _answer(kind: bytes, numbers: tuple[int, ...]) -> Answer:
    if kind == b"sound":
        return _whole(numbers[0])
    if kind == b"wait":
        return _whole(numbers[1], numbers[0] / 1000)
    return _stream(numbers[0], numbers[1], numbers[2] / 1000)


def _read(connection: socket.socket, room: bytearray) -> tuple[bytes, int]:
    """A request's head, and how many bytes of body followed it; the head is empty when nobody asks any more."""
    head = b""
    while b"\r\n\r\n" not in head:
        got = connection.recv_into(room)
        if not got:
            return b"", 0
        head += room[:got]
    head, _, begun = head.partition(b"\r\n\r\n")
    length = int(found[1]) if (found := _LENGTH.search(head)) else 0
    if b"100-continue" in head.lower():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    left = length - len(begun)
    while left > 0 and (got := connection.recv_into(room)):
        left -= got
    return head, length - left


def _serve(connection: socket.socket, last: Last) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    room = bytearray(_BLOCK)
    with connection, contextlib.suppress(ConnectionError):
        while True:
            head, length = _read(connection, room)
            if not head:
                return
            line = head.partition(b"\r\n")[0]
            if line.startswith(b"GET /last "):
                told = json.dumps(vars(last)).encode()
                connection.sendall(_HEADERS + b"application/json\r\nContent-Length: %d\r\n\r\n" % len(told) + told)
            elif named := _NAME.search(line):
                last.received, last.body, last.sent = time.monotonic(), length, 0
                last.requests += 1
                _send(connection, _answer(named[1], tuple(map(int, named[2][1:].split(b"-")))), last)
            else:
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def _send(connection: socket.socket, answer: Answer, last: Last) -> None:
    time.sleep(answer.wait)
    for index, piece in enumerate(answer.pieces):
        if index in answer.deltas:
            time.sleep(answer.pause)
        connection.sendall(piece)
        last.sent = index


def main() -> None:
    """Serve until stdin is closed, which happens at the latest when whoever started this ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    last = Last()

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection, last), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
