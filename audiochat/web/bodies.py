"""What clients send, read within bounds: so many bytes, not too slowly, of the type that the route wants."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from audiochat.local.request_json import read_object
from audiochat.web import errors

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.requests import Request

JSON = "application/json"

_PATIENCE = 60.0
"""Seconds without a byte after which a body is given up: a laptop that fell asleep in the middle keeps no place."""


async def iter_body(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """The body of a request as it comes.

    Raises:
        ApiError: it is longer than `limit` bytes, does not come, or the server ends.
    """
    announced = request.headers.get("content-length", "0")
    if not announced.isascii() or not announced.isdigit() or int(announced) > limit:
        raise errors.too_large(limit)
    size = 0
    stream = request.stream()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream), _PATIENCE)
        except StopAsyncIteration:
            return
        except asyncio.TimeoutError:
            raise errors.too_slow() from None
        except asyncio.CancelledError:  # the server ends
            raise errors.shutting_down() from None
        size += len(chunk)
        if size > limit:
            raise errors.too_large(limit)
        yield chunk


async def read_body(request: Request, limit: int) -> bytes:
    """The body of a request, whole.

    Raises:
        ApiError: it is longer than `limit` bytes, or does not come.
    """
    return b"".join([chunk async for chunk in iter_body(request, limit)])


async def read_json_body(request: Request, limit: int) -> bytes:
    """The body of a request that says it is JSON; parsing it is the caller's, in a thread where it may be long.

    A form of a page elsewhere cannot say so without asking first (CORS).

    Raises:
        ApiError: it says something else, is longer than `limit` bytes, or does not come.
    """
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != JSON:
        raise errors.content_type(given, JSON)
    return await read_body(request, limit)


async def read_json(request: Request, limit: int) -> Mapping[str, Any]:
    """The JSON object that is the body of a request.

    Raises:
        ApiError: it is none, is longer than `limit` bytes, or does not come.
    """
    return read_object(await read_json_body(request, limit))
