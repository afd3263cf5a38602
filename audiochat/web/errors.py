"""Refusals in the service's shape, `{"error": {"message", "type", "param", "code"}}`; on Azure's paths in its words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from audiochat.local.api_errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response

AZURE_API_VERSION = "2025-01-01-preview"
"""The version that a corrected address names; every version is answered."""


def error_response(error: ApiError) -> Response:
    """The response that an error is."""
    from starlette.responses import Response

    body = json.dumps(error.body).encode()
    return Response(body, status_code=error.status, headers=dict(error.headers), media_type="application/json")


def forbidden(message: str, hint: str, *, code: str) -> ApiError:
    """What the guard does not let through.

    Args:
        message: What is wrong with the request.
        hint: What the server's owner can do.
        code: A word for programs.
    """
    return ApiError(f"{message} {hint}", code=code, status=403)


def wrong_key(path: str) -> ApiError:
    """A key that is missing or wrong, as Azure says it on its paths and OpenAI on the others."""
    if path.startswith("/openai/"):
        return ApiError(
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for "
            "an active subscription and use a correct regional API endpoint for your resource.",
            code="401",
            status=401,
        )
    return ApiError("Incorrect API key provided.", code="invalid_api_key", status=401)


def too_large(limit: int) -> ApiError:
    """A body that is longer than this server takes."""
    return ApiError(f"Maximum content size limit ({limit}) exceeded.", code="content_too_large", status=413)


def too_slow() -> ApiError:
    """A body that does not come."""
    return ApiError("The body of the request did not come in time.", code="request_timeout", status=408)


def content_type(given: str, wanted: str) -> ApiError:
    """A body of another type than the route reads."""
    given = given.partition(";")[0].strip()[:100] or "none"
    return ApiError(
        f"Unsupported content type: '{given}'. This API method only accepts '{wanted}' requests. "
        f"(HINT: with curl, pass -H 'Content-Type: {wanted}')",
        code="unsupported_content_type",
        status=415,
    )


def busy(retry_after: int) -> ApiError:
    """More requests than may wait."""
    return ApiError(
        "The server is busy: too many requests wait already.",
        code="rate_limit_exceeded",
        type="requests",
        status=429,
        retry_after=retry_after,
    )


def shutting_down() -> ApiError:
    """The server ends while it answers."""
    return ApiError("The server is shutting down.", code="shutting_down", type="server_error", status=503)


def internal() -> ApiError:
    """A bug in this program; the details are not sent to the client."""
    return ApiError(
        "The server had an error while processing your request.", code=None, type="server_error", status=500
    )


def method_not_allowed(method: str, path: str, allowed: str) -> ApiError:
    """A path that takes another method."""
    error = ApiError(
        f"Not allowed to {method} on {path}. (HINT: Perhaps you meant to make a {allowed} request?)",
        code="method_not_supported",
        status=405,
    )
    error.headers["allow"] = allowed
    return error


def unknown_value(param: str, given: object, known: Iterable[str]) -> ApiError:
    """A value that is none of those there are."""
    told = ", ".join(repr(one) for one in known)
    return ApiError(
        f"Invalid value: {str(given)[:100]!r}. Supported values are: {told}.", code="invalid_value", param=param
    )
