"""The API that clients of OpenAI and Azure OpenAI already speak: its addresses, and what stands behind each.

Who answers is a `Service`: the local engine (`engine_service`), or a cloud that requests are passed on to
(`pass_through`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from audiochat.local.api_errors import ApiError
from audiochat.web import errors
from audiochat.web.bodies import read_json_body
from audiochat.web.keys import KeyRequired
from audiochat.web.server import make_app, make_router
from audiochat.web.work import WorkResponse

if TYPE_CHECKING:
    import threading
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Any

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.types import ASGIApp
    from typing_extensions import Self

    from audiochat.web.rules import Rules
    from audiochat.web.work import Outcome

LARGEST_CHAT = 64_000_000
"""Bytes of a chat completions request: two recordings of 20 MB in base64, and the rest."""

PREFIXES = ("/v1", "/openai/v1", "/openai/deployments/{deployment}", "/openai")
"""OpenAI's, Azure's v1, Azure's dated API, and what Azure's clients send without a deployment."""

_DATED = ("/openai/deployments/{deployment}", "/openai")

OPERATIONS = {
    "/chat/completions": "POST",
    "/models": "GET",
    "/models/{model:path}": "GET",
    "/audio/transcriptions": "POST",
    "/audio/speech": "POST",
    "/audio/voices": "GET",
    "/audio/models": "GET",
}
"""What there is below each prefix."""


class Service(Protocol):
    """Who answers the API."""

    @property
    def models(self) -> Sequence[str]:
        """The models that can be asked."""

    @property
    def created(self) -> int:
        """When they came to be, in seconds since 1970."""

    @property
    def slots(self) -> Slots:
        """How many requests are taken at once."""

    def chat(self, body: bytes, cancelled: threading.Event) -> Outcome:
        """Answer a chat completions request; blocks."""

    def start(self) -> None:
        """Get ready beforehand, in the background, where that takes long."""

    def close(self) -> None:
        """End what goes on in the background."""

    def audio_routes(self) -> Mapping[str, Callable[[Request], Awaitable[Any]]]:
        """The endpoints below `/audio/`, by path; none where there are none."""


class Slots:
    """Places for requests: being read, waiting, or being answered. Used on the event loop alone.

    Args:
        limit: How many there are; the rest are told to come back, before their body is read.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    def take(self) -> Slot:
        """Take a place.

        Raises:
            ApiError: there is none.
        """
        if self._taken >= self._limit:
            raise errors.busy(retry_after=2)
        self._taken += 1
        return Slot(self)

    def give_back(self) -> None:
        """Let the next one in."""
        self._taken -= 1


class Slot:
    """A place that was taken, and is given back once; at the end of a `with` block only where that failed."""

    def __init__(self, slots: Slots) -> None:
        self._slots: Slots | None = slots

    def give_back(self) -> None:
        """Give it back; nothing happens where that was done."""
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.give_back()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self.give_back()


def serve_api(
    service: Service, rules: Rules, *, key: str | None = None, log: Callable[[str], None] | None = None
) -> ASGIApp:
    """The whole server: the API over a service, behind the guard and the key; for `server.run`.

    Args:
        service: Who answers.
        rules: What the server answers to.
        key: What clients have to send; None on a server that only this machine reaches.
        log: Gets a line for each request.
    """
    from starlette.routing import Mount

    return make_app([health(), Mount("/", app=KeyRequired(make_api(service), key))], rules, log=log)


def health() -> Route:
    """Whether the server lives: for what watches over it, which has no key."""
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def answer(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Route("/health", answer)


def make_api(service: Service) -> Starlette:
    """The API over a service; wrap it in `KeyRequired`.

    Args:
        service: Who answers.
    """
    from starlette.routing import Route

    endpoints: dict[str, Callable[[Request], Awaitable[Any]]] = {
        "/chat/completions": _chat(service),
        **_models(service),
        **service.audio_routes(),
    }
    named = [path for path in endpoints if "{" not in path]
    routes: list[Route] = []
    for prefix in PREFIXES:
        for path, method in OPERATIONS.items():
            endpoint = endpoints.get(path, _absent)
            dated = _with_version(endpoint, named) if prefix in _DATED else endpoint
            routes.append(Route(prefix + path, dated, methods=[method]))
    return make_router(routes, not_found=lambda request: not_found(request, named))


def _chat(service: Service) -> Callable[[Request], Awaitable[Any]]:
    async def chat(request: Request) -> WorkResponse:
        with service.slots.take() as slot:
            body = await read_json_body(request, LARGEST_CHAT)
        return WorkResponse(lambda cancelled: service.chat(body, cancelled), done=slot.give_back)

    return chat


def _models(service: Service) -> dict[str, Callable[[Request], Awaitable[Any]]]:
    from starlette.responses import JSONResponse

    def described(name: str) -> dict[str, Any]:
        # Azure's list has more keys than OpenAI's, and its clients look at some.
        capabilities = {"chat_completion": True, "completion": False, "embeddings": False, "inference": True}
        common = {"id": name, "object": "model", "created": service.created, "owned_by": "audiochat"}
        return {**common, "created_at": service.created, "status": "succeeded", "capabilities": capabilities}

    async def models(_request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [described(name) for name in service.models]})

    async def model(request: Request) -> Response:
        name = request.path_params["model"]
        if name not in service.models:
            raise ApiError(f"The model '{name}' does not exist", code="model_not_found", param="model", status=404)
        return JSONResponse(described(name))

    return {"/models": models, "/models/{model:path}": model}


async def _absent(_request: Request) -> Any:
    raise ApiError(
        "This server passes chat completions on, and nothing else. For transcriptions and speech start it with the "
        "local engine.",
        code="not_found",
        status=404,
    )


def _with_version(
    endpoint: Callable[[Request], Awaitable[Any]], named: Sequence[str]
) -> Callable[[Request], Awaitable[Any]]:
    """The same endpoint as Azure's dated API has it: without `api-version` there is no such resource."""

    async def dated(request: Request) -> Any:
        if not request.query_params.get("api-version"):
            raise not_found(request, named)
        return await endpoint(request)

    return dated


def not_found(request: Request, named: Sequence[str]) -> ApiError:
    """What to say of an address that does not exist: OpenAI's words, or Azure's, and the address that was meant.

    Args:
        request: It asked for that address.
        named: The operations that may have been meant, as they stand below a prefix.
    """
    path, base = request.scope["path"], f"{request.url.scheme}://{request.headers['host']}"
    operation = max((one for one in named if path.endswith(one)), key=len, default=None)
    if not path.startswith("/openai"):
        meant = f"{base}/v1{operation}" if operation else f"one of {', '.join(f'/v1{one}' for one in named)}"
        return ApiError(f"Invalid URL ({request.method} {path[:200]}). Did you mean {meant}?", code=None, status=404)
    if operation is None:
        meant = f"one of {', '.join(f'/openai/v1{one}' for one in named)}"
    elif "/deployments" in path:
        meant = f"{base}/openai/deployments/NAME{operation}?api-version={errors.AZURE_API_VERSION}"
    else:
        meant = f"{base}/openai/v1{operation}"
    if path == f"/openai/deployments{operation}":  # the name is missing between them
        return ApiError(
            "The API deployment for this resource does not exist: the address names none. "
            f"Did you mean {meant}? Any NAME is answered.",
            code="DeploymentNotFound",
            status=404,
        )
    return ApiError(f"Resource not found. Did you mean {meant}?", code="404", status=404)
