"""The app factory and the runner that both servers share.

A door brings its routes, and gets the guard, errors in the service's shape, addresses as people type them, and an
orderly end:

    listening = bind("127.0.0.1", 0)
    rules = Rules.of("127.0.0.1", listening.port, allow_origins=[])
    tokens = PageTokens(listening.port)
    app = make_app(
        [
            Route("/", page),
            Mount("/page", app=CookieRequired(make_router(page_routes), tokens)),   # the page's own, by cookie
            Mount("/", app=KeyRequired(make_router(api_routes), key)),              # for programs, by key; last
        ],
        rules,
    )
    run(app, listening, ready=lambda: print_address(listening.url))
"""

from __future__ import annotations

import errno
import logging
import re
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audiochat.errors import ConfigurationError, UsageError
from audiochat.local.api_errors import ApiError
from audiochat.web import errors
from audiochat.web.guard import Guard
from audiochat.web.rules import bracketed, is_loopback, is_wildcard

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from audiochat.web.rules import Rules

_GRACE = 1
"""Seconds that open requests get at the end; then streams are told, and end."""

_SLASHES = re.compile("/{2,}")


@dataclass(frozen=True, slots=True)
class Listening:
    """An address that is taken, for `run`."""

    host: str
    port: int
    socket: socket.socket = field(repr=False)

    @property
    def url(self) -> str:
        """The address to type; where it listens on all, the one of this machine itself."""
        host = "127.0.0.1" if is_wildcard(self.host) else bracketed(self.host)
        return f"http://{host}:{self.port}"


def bind(host: str, port: int) -> Listening:
    """Take an address; connections are accepted once `run` runs.

    Args:
        host: A name or an address of this machine.
        port: 0 takes any free one.

    Raises:
        UsageError: there is no such address here.
        ConfigurationError: the port is taken, or not for us.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small pieces at once (TCP_NODELAY) only where the protocol is named; otherwise each of a response's
    # pieces may wait 40 ms for the acknowledgement of the one before.
    taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if hasattr(socket, "SO_REUSEADDR") and not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
    except OSError as exc:
        taken.close()
        raise _cannot_bind(host, port, exc) from exc
    except OverflowError as exc:
        taken.close()
        raise UsageError(f"There is no port {port}.", hint="Ports go from 0 (any free one) to 65535.") from exc
    return Listening(host, taken.getsockname()[1], taken)


def _cannot_bind(host: str, port: int, exc: OSError) -> ConfigurationError | UsageError:
    if exc.errno in (errno.EADDRINUSE, errno.EACCES):
        why = "is in use" if exc.errno == errno.EADDRINUSE else "needs more rights than this user has"
        return ConfigurationError(
            f"Port {port} of {host} {why}.", hint="Choose another port; 0 takes any free one.", code="port"
        )
    return UsageError(
        f"{host} is no address of this machine: {exc.strerror or exc}.",
        hint="127.0.0.1 is for this machine alone, 0.0.0.0 for all of its addresses.",
    )


def require_key(host: str, key: str | None) -> None:
    """Refuse to open an address to others without a key.

    Raises:
        ConfigurationError: there is none.
    """
    if key is None and not is_loopback(host):
        raise ConfigurationError(
            f"{host} can be reached from other machines, and there is no key.",
            hint="Set AUDIOCHAT_SERVE_KEY to a secret that clients send as their API key.",
            code="serve_key",
        )


def make_router(routes: Sequence[BaseRoute], *, not_found: Callable[[Request], ApiError] | None = None) -> Starlette:
    """Routes with errors in the service's shape; an `ApiError` that a route raises is the response.

    Args:
        routes: Starlette's. Paths come without repeated and trailing slashes.
        not_found: What to say of a path that no route has.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect

    def refused(_request: Request, exc: Exception) -> Response:
        assert isinstance(exc, ApiError)  # noqa: S101 - registered for it
        return errors.error_response(exc)

    def http_error(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, HTTPException)  # noqa: S101 - registered for it
        path = request.scope["path"]
        if exc.status_code == 405:
            allowed = (exc.headers or {}).get("Allow", "").removesuffix(", HEAD").removeprefix("HEAD, ")
            return errors.error_response(errors.method_not_allowed(request.method, path, allowed))
        if exc.status_code == 404 and not_found is not None:
            return errors.error_response(not_found(request))
        return errors.error_response(ApiError(exc.detail, code=None, status=exc.status_code))

    def gone(_request: Request, _exc: Exception) -> Response:
        return errors.error_response(ApiError("The client has left.", code="cancelled", status=499))

    def bug(_request: Request, _exc: Exception) -> Response:
        return errors.error_response(errors.internal())

    router = Starlette(
        routes=routes,
        exception_handlers={ApiError: refused, HTTPException: http_error, ClientDisconnect: gone, Exception: bug},
    )
    router.router.redirect_slashes = False
    return router


def make_app(routes: Sequence[BaseRoute], rules: Rules, *, log: Callable[[str], None] | None = None) -> ASGIApp:
    """A whole server: routes behind the guard.

    Args:
        routes: Starlette's; what needs a key or a cookie is wrapped in `KeyRequired` or `CookieRequired`.
        rules: What the server answers to.
        log: Gets a line for each request: method, path, status.
    """
    guarded: ASGIApp = Guard(_TidyPaths(make_router(routes)), rules)
    return guarded if log is None else _Logged(guarded, log)


class _TidyPaths:
    """Takes repeated and trailing slashes out of paths: base URLs are typed so, and a POST follows no redirect."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _SLASHES.sub("/", scope["path"]).rstrip("/") or "/"
        await self._app({**scope, "path": path, "raw_path": None}, receive, send)


class _Logged:
    """Tells of each request, without its query: a key may stand there."""

    def __init__(self, app: ASGIApp, log: Callable[[str], None]) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                self._log(f"{scope['method']} {scope['path'][:200]} {message['status']}")
            await send(message)

        await self._app(scope, receive, told)


def run(app: ASGIApp, listening: Listening, *, ready: Callable[[], None], stop: threading.Event | None = None) -> None:
    """Serve until Ctrl-C, which ends it within three seconds: open requests get one to finish, then they are ended.

    uvicorn's own signal handlers stay. A SIGTERM ends it in the same way, and is then passed on.

    Args:
        app: What answers.
        listening: The address.
        ready: Called when connections are accepted.
        stop: Set it from another thread to end it, where there is no Ctrl-C.
    """
    server = _make_server(app, ready, stop)
    with suppress(KeyboardInterrupt):  # uvicorn has ended in order, and passes on what ended it
        server.run(sockets=[listening.socket])


def _make_server(app: ASGIApp, ready: Callable[[], None], stop: threading.Event | None) -> uvicorn.Server:
    import uvicorn

    # Tracebacks of the one, and what the other thinks of a client's form, are for developers: not for the terminal.
    for library in ("uvicorn", "python_multipart"):
        logging.getLogger(library).addHandler(logging.NullHandler())
        logging.getLogger(library).propagate = False

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

        async def on_tick(self, counter: int) -> bool:
            return await super().on_tick(counter) or (stop is not None and stop.is_set())

    return Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",  # with this and the next line only HTTP requests reach the app: nothing below asks again
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE,
        )
    )
