"""The page's routes: sign in, take turns, look after sessions. They want the page's cookie, and give out no key."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from audiochat import __version__
from audiochat.errors import AudiochatError, FileError, UsageError
from audiochat.local.api_errors import ApiError
from audiochat.web.bodies import read_json, read_json_body
from audiochat.web.page_files import page_files
from audiochat.web.page_request import describe_request
from audiochat.web.page_sessions import (
    MEDIA_TYPES,
    answer_sound,
    export,
    find_turn,
    list_sessions,
    session_json,
)
from audiochat.web.page_turns import LARGEST_TURN, answer_turn, read_turn
from audiochat.web.server import make_router
from audiochat.web.tokens import CookieRequired
from audiochat.web.work import WorkResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute, Route

    from audiochat.web.studio import Studio
    from audiochat.web.tokens import PageTokens

_SMALL = 10_000
"""Bytes of a body that holds no turn."""


def make_page(
    studio: Studio, tokens: PageTokens, *, key: str | None = None, refused: Callable[[], None] = lambda: None
) -> list[BaseRoute]:
    """The routes of the page.

    Args:
        studio: What stands behind it.
        tokens: Who may use it.
        key: The server's own key, which opens the page as well as a token does.
        refused: Called when a browser comes with a token that was used: its owner needs another.
    """
    from starlette.routing import Mount, Route

    async def sign_in(request: Request) -> Response:
        from starlette.responses import Response

        given = str((await read_json(request, _SMALL)).get("token", ""))
        # In constant time: how long it takes tells nothing about the key.
        if key is not None and hmac.compare_digest(given.encode("utf-8", "replace"), key.encode()):
            given = tokens.issue()
        cookie = tokens.exchange(given)
        if cookie is None:
            refused()
            raise ApiError(
                "This address was used already. A new one is on the terminal of the playground.",
                code="token_used",
                status=401,
            )
        return Response(status_code=204, headers={"set-cookie": cookie})

    own = make_router([_state(studio), *_turns(studio), *_sessions(studio), *_sounds(studio)])
    return [
        *page_files(),
        Route("/page/sign-in", sign_in, methods=["POST"]),
        Mount("/page", app=CookieRequired(own, tokens)),
    ]


def _route(path: str, method: str, work: Callable[[Request, dict[str, Any]], Any]) -> Route:
    """A route whose work blocks, in a thread: what it returns is sent as JSON, unless it is a response."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def answer(request: Request) -> Response:
        body = dict(await read_json(request, _SMALL)) if method in ("POST", "PATCH") else {}
        found = await run_in_threadpool(_translated, work, request, body)
        return found if isinstance(found, Response) else JSONResponse(found)

    return Route(path, answer, methods=[method])


def _translated(work: Callable[[Request, dict[str, Any]], Any], request: Request, body: dict[str, Any]) -> Any:
    try:
        return work(request, body)
    except AudiochatError as error:
        raise _refusal(error) from error


def _refusal(error: AudiochatError) -> ApiError:
    """An error as a response; the page shows its words and its hint."""
    status = 400 if isinstance(error, UsageError) else 409 if isinstance(error, FileError) else 500
    return ApiError(error.message, code=error.code, status=status, hint=error.hint)


def _state(studio: Studio) -> Route:
    def state(_request: Request, _body: dict[str, Any]) -> dict[str, Any]:
        settings = studio.settings
        return {
            "version": __version__,
            "provider": settings.provider,
            "model": studio.model,
            "voice": settings.voice,
            "voices": studio.voices,
            "formats": list(MEDIA_TYPES),
            "one_model": settings.provider == "local",
        }

    return _route("/state", "GET", state)


def _turns(studio: Studio) -> list[Route]:
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def take(request: Request) -> WorkResponse:
        body = await read_json_body(request, LARGEST_TURN)
        return WorkResponse(lambda cancelled: answer_turn(studio, body, cancelled))

    def describe(body: bytes) -> dict[str, str]:
        turn = read_turn(body)
        before = [] if turn.session is None else studio.store.load(turn.session).turns
        return describe_request(studio.assistant(turn.model), before, turn)

    async def request_as_text(request: Request) -> Response:
        body = await read_json_body(request, LARGEST_TURN)
        try:
            return JSONResponse(await run_in_threadpool(describe, body))
        except AudiochatError as error:
            raise _refusal(error) from error

    def models(_request: Request, _body: dict[str, Any]) -> list[str]:
        return studio.models()

    return [
        Route("/turns", take, methods=["POST"]),
        Route("/request", request_as_text, methods=["POST"]),
        _route("/models", "GET", models),
    ]


def _sessions(studio: Studio) -> list[Route]:
    store = studio.store

    def listed(request: Request, _body: dict[str, Any]) -> list[dict[str, Any]]:
        return list_sessions(store, request.query_params.get("q", "")[:200])

    def one(request: Request, _body: dict[str, Any]) -> dict[str, Any]:
        return session_json(store.load(request.path_params["name"]))

    def rename(request: Request, body: dict[str, Any]) -> dict[str, Any]:
        store.rename(request.path_params["name"], str(body.get("name", "")))
        return {"name": str(body["name"])}

    def remove(request: Request, _body: dict[str, Any]) -> dict[str, Any]:
        store.remove(request.path_params["name"])
        return {}

    def exported(request: Request, _body: dict[str, Any]) -> Response:
        session = store.load(request.path_params["name"])
        content, media_type, suffix = export(session, request.query_params.get("format", "markdown"))
        return _download(content, media_type, f"{session.name}.{suffix}")

    return [
        _route("/sessions", "GET", listed),
        _route("/sessions/{name}", "GET", one),
        _route("/sessions/{name}", "PATCH", rename),
        _route("/sessions/{name}", "DELETE", remove),
        _route("/sessions/{name}/export", "GET", exported),
    ]


def _sounds(studio: Studio) -> list[Route]:
    from starlette.responses import Response

    def answer(request: Request, _body: dict[str, Any]) -> Response:
        session = studio.store.load(request.path_params["name"])
        number, format_ = request.path_params["number"], request.query_params.get("format")
        data = answer_sound(session, number, format_ or "wav")[:]
        if format_ is None:
            return Response(data, media_type=MEDIA_TYPES["wav"])
        return _download(data, MEDIA_TYPES[format_], f"{session.name}-turn-{number}.{format_}")

    def recording(request: Request, _body: dict[str, Any]) -> Response:
        session = studio.store.load(request.path_params["name"])
        recordings = find_turn(session, request.path_params["number"]).asked.recordings
        index = request.path_params["index"]
        if not 1 <= index <= len(recordings):
            raise UsageError("There is no such recording.", hint="Reload the page.")
        found = recordings[index - 1]
        return Response(found.data[:], media_type=MEDIA_TYPES[found.format])

    base = "/sessions/{name}/turns/{number:int}"
    return [
        _route(f"{base}/answer", "GET", answer),
        _route(f"{base}/recordings/{{index:int}}", "GET", recording),
    ]


def _download(content: bytes, media_type: str, name: str) -> Response:
    """A file to keep; its name may be in any script (RFC 6266)."""
    from starlette.responses import Response

    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(content, media_type=media_type, headers={"content-disposition": disposition})
