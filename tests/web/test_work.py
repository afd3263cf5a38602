"""Work in threads: sent as it is made, ended when nobody waits, and never in the way of other requests."""

from __future__ import annotations

import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")

from starlette.responses import JSONResponse
from starlette.routing import Route
from support.web import Server, running_app, serving

from audiochat.web.rules import Rules
from audiochat.web.server import bind, make_app
from audiochat.web.work import Outcome, WorkResponse, event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream; charset=utf-8"}
LINES = ("Host: localhost:{port}", "Connection: close")


class Works:
    """The work of these tests, and how it ended."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.cancelled = threading.Event()
        self.done = threading.Event()
        self.made = 0

    def endless(self, cancelled: threading.Event) -> Outcome:
        """A stream without an end."""

        def chunks() -> Iterator[bytes]:
            try:
                while not cancelled.is_set():
                    self.made += 1
                    yield event({"n": self.made})
                    cancelled.wait(0.01)
                self.cancelled.set()
            finally:
                self.closed.set()

        return Outcome(200, EVENTS, chunks())

    def stuck(self, cancelled: threading.Event) -> Outcome:
        """An answer that takes for ever."""
        cancelled.wait(30)
        self.cancelled.set()
        return Outcome(200, JSON, iter([b"{}"]))

    def flood(self, cancelled: threading.Event) -> Outcome:
        """More than anybody reads."""

        def chunks() -> Iterator[bytes]:
            while not cancelled.is_set():
                self.made += 1
                yield bytes(1_000_000)

        return Outcome(200, {"content-type": "application/octet-stream"}, chunks())

    def broken(self, _cancelled: threading.Event) -> Outcome:
        """Fails in the middle."""

        def chunks() -> Iterator[bytes]:
            yield b"some"
            raise ValueError("a secret")

        return Outcome(200, {"content-type": "audio/mpeg"}, chunks())

    def failing(self, _cancelled: threading.Event) -> Outcome:
        """Fails at once."""
        raise ValueError("a secret")

    def whole(self, _cancelled: threading.Event) -> Outcome:
        """Answers."""
        return Outcome(200, JSON, iter([b"{", b"}"]), whole=True)


@pytest.fixture
def works() -> Works:
    """Work that has not begun."""
    return Works()


def routes(works: Works) -> list[Route]:
    """One for each kind of work."""

    def endpoint(name: str) -> Callable[[Request], object]:
        async def answer(request: Request) -> WorkResponse:
            await request.body()
            return WorkResponse(getattr(works, name), done=works.done.set)

        return answer

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    kinds = ("endless", "stuck", "flood", "broken", "failing", "whole")
    return [Route("/health", health), *(Route(f"/{kind}", endpoint(kind), methods=["GET", "POST"]) for kind in kinds)]


@pytest.fixture
def server(works: Works) -> Iterator[Server]:
    """A server that does this work."""
    with serving(routes(works)) as running:
        yield running


def test_an_answer_is_sent_whole(server: Server, works: Works) -> None:
    """With its length, and the work is told done."""
    got = server.ask("GET", "/whole")
    assert (got.status, got.json, got.headers["content-length"]) == (200, {}, "2")
    assert works.done.wait(1)


def test_a_stream_leaves_while_it_is_made(server: Server) -> None:
    """Event by event, not collected by a proxy."""
    with server.opened() as sock:
        sock.sendall(f"GET /endless HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
        head = sock.recv(10_000)
        assert b"x-accel-buffering: no" in head
        assert b"cache-control: no-cache" in head
        assert b"transfer-encoding: chunked" in head.lower()
        got = b""
        while b'{"n": 3}' not in got:
            got += sock.recv(1000)


def test_no_piece_of_an_answer_waits_for_an_acknowledgement(server: Server) -> None:
    """On a connection that is kept, each answer comes at once: Nagle's algorithm would add 40 ms to every one."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    times = []
    for _ in range(60):  # acknowledgements are quick at first
        started = time.perf_counter()
        connection.request("POST", "/whole", b"{}")
        assert connection.getresponse().read() == b"{}"
        times.append(time.perf_counter() - started)
    connection.close()
    assert sorted(times[30:])[15] < 0.03


@pytest.mark.parametrize("kind", ["endless", "stuck"])
def test_a_client_that_leaves_stops_the_work(server: Server, works: Works, kind: str) -> None:
    """Within half a second, streaming or not; also where it says nothing while it waits."""
    with server.opened() as sock:
        sock.sendall(f"GET /{kind} HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
        time.sleep(0.2)
        assert not works.cancelled.is_set()
    assert works.cancelled.wait(0.5)
    assert works.done.wait(0.5)
    if kind == "endless":
        assert works.closed.wait(0.5)


def test_a_reader_that_does_not_read_is_not_read_ahead_for_ever(server: Server, works: Works) -> None:
    """The work waits for it, within bounded memory, and ends when it leaves."""
    with server.opened() as sock:
        sock.sendall(f"GET /flood HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
        time.sleep(1)
        before = works.made
        time.sleep(0.3)
        assert before == works.made < 60
    assert works.done.wait(1)


def test_a_failure_in_the_middle_is_no_end(server: Server) -> None:
    """The connection breaks: a client must not take half a file for a whole one."""
    with server.opened() as sock:
        sock.sendall(f"GET /broken HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
        got = b""
        while chunk := sock.recv(1000):
            got += chunk
    assert b"some" in got
    assert not got.endswith(b"0\r\n\r\n")
    assert b"secret" not in got


def test_a_failure_at_once_is_an_error_without_a_traceback(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """500 in the service's shape; nothing of it is told, on stderr neither."""
    got = server.ask("GET", "/failing")
    assert (got.status, got.error["type"]) == (500, "server_error")
    assert b"secret" not in got.body
    assert capfd.readouterr() == ("", "")


def test_others_are_answered_meanwhile(server: Server) -> None:
    """Twenty that wait, and the health is told at once."""
    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(_left_after, server, "/stuck", 2.0) for _ in range(20)]
        time.sleep(0.5)
        times = []
        for _ in range(20):
            started = time.perf_counter()
            assert server.ask("GET", "/health").status == 200
            times.append(time.perf_counter() - started)
        for one in waiting:
            one.result()
    assert sorted(times)[10] < 0.05


def _left_after(server: Server, path: str, seconds: float) -> None:
    with server.opened() as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
        time.sleep(seconds)


def test_the_end_of_the_server_ends_streams_with_an_error(works: Works) -> None:
    """Within three seconds: an error event, no `[DONE]`; a whole answer gets a status."""
    listening = bind("127.0.0.1", 0)
    app = make_app(routes(works), Rules.of("127.0.0.1", listening.port))
    got: dict[str, bytes] = {}

    def read(server: Server, kind: str) -> None:
        with server.opened() as sock:
            sock.sendall(f"GET /{kind} HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
            got[kind] = b""
            while chunk := sock.recv(10_000):
                got[kind] += chunk

    with ThreadPoolExecutor(2) as pool:
        with running_app(app, listening) as server:
            readers = [pool.submit(read, server, kind) for kind in ("endless", "stuck")]
            time.sleep(0.5)
            started = time.perf_counter()
        for one in readers:
            one.result(timeout=5)
    assert time.perf_counter() - started < 3
    assert b"[DONE]" not in got["endless"]
    last = got["endless"].rpartition(b"data: ")[2].partition(b"\n")[0]
    assert json.loads(last)["error"]["code"] == "shutting_down"
    assert b" 503 " in got["stuck"]
    assert b"shutting_down" in got["stuck"]
