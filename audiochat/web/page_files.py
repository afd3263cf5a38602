"""The page itself: its files, and the headers that keep it to itself."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from audiochat.local.api_errors import ApiError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What the folder `static` may hold."""

# A transcript that was taken for markup would be an exception: text is only ever set as text (trusted types).
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The page's own files, and nothing else: no inline script or style, no frame, no other server."""

PERMISSIONS = "microphone=(self), camera=(), geolocation=(), display-capture=(), payment=(), usb=()"


def page_files() -> list[Route]:
    """The routes of the page and of what it consists of; they hold nothing private and need no cookie."""
    from starlette.responses import Response
    from starlette.routing import Route

    async def answer(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        found = _static().get(name)
        if found is None:
            raise ApiError(f"There is no file {name[:100]!r}.", code="not_found", status=404)
        body, media_type = found
        headers = {
            "content-type": media_type,
            "content-security-policy": POLICY,
            "permissions-policy": PERMISSIONS,
            "cache-control": "no-cache",
        }
        return Response(body, headers=headers)

    return [Route("/", answer), Route("/static/{name}", answer)]


@cache
def _static() -> dict[str, tuple[bytes, str]]:
    """Every file of the page by its name: what is not among them is not served, whatever the address says."""
    found = {}
    for item in files("audiochat.web").joinpath("static").iterdir():
        suffix = item.name[item.name.rfind(".") :]
        if item.is_file() and suffix in TYPES:
            found[item.name] = (item.read_bytes(), TYPES[suffix])
    return found
