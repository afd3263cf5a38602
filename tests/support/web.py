"""A server of ours in this process, and requests to it, also such as no client would send."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audiochat.web.api import serve_api
from audiochat.web.rules import Rules
from audiochat.web.server import Listening, bind, make_app, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from audiochat.web.api import Service


@dataclass(frozen=True)
class Got:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error in it, which has the service's shape."""
        assert self.headers["content-type"] == "application/json"
        found = json.loads(self.body)
        assert set(found) == {"error"}
        assert {"message", "type", "param", "code"} <= set(found["error"])
        error: dict[str, Any] = found["error"]
        return error


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Got:
        """Send a request; a body that is no bytes is sent as JSON."""
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Got(response.status, names, response.read())
        finally:
            connection.close()

    def raw(self, *lines: str, body: bytes = b"", connect_to: str = "127.0.0.1") -> Got:
        """Send exactly these lines."""
        with self.opened(connect_to) as sock:
            sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
            response = http.client.HTTPResponse(sock, method=lines[0].partition(" ")[0])
            response.begin()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Got(response.status, names, response.read())

    @contextmanager
    def opened(self, connect_to: str = "127.0.0.1") -> Iterator[socket.socket]:
        """A bare connection."""
        with socket.create_connection((connect_to, self.port), timeout=30) as sock:
            yield sock


@contextmanager
def serving(
    routes: Sequence[BaseRoute], *, host: str = "127.0.0.1", allow_hosts: Sequence[str] = (), **more: Any
) -> Iterator[Server]:
    """Run routes behind the guard, as the commands do."""
    listening = bind(host, 0)
    rules = Rules.of(host, listening.port, allow_hosts=allow_hosts, allow_origins=more.pop("allow_origins", ()))
    with running_app(make_app(routes, rules, **more), listening) as server:
        yield server


@contextmanager
def running_app(app: ASGIApp, listening: Listening) -> Iterator[Server]:
    """Run an app in a thread until the block ends."""
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=run, args=(app, listening), kwargs={"ready": ready.set, "stop": stop})
    thread.start()
    try:
        assert ready.wait(10)
        yield Server(listening.port)
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


@contextmanager
def serving_api(
    service: Service, *, host: str = "127.0.0.1", key: str | None = None, allow_origins: Sequence[str] = ()
) -> Iterator[Server]:
    """Run the API over a service, as `serve` does."""
    listening = bind(host, 0)
    rules = Rules.of(host, listening.port, allow_origins=allow_origins)
    with running_app(serve_api(service, rules, key=key), listening) as server:
        yield server
