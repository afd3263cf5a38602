"""What the engine refuses, in the service's words and shape."""

from __future__ import annotations

from typing import Any

from audiochat.errors import AudiochatError

CONFIGURATION = "configuration_error"
"""The type of an error that is the user's settings' or installation's; the service has no such."""


class ApiError(Exception):
    """An answer that is an error.

    Args:
        message: What is wrong.
        code: A word for programs.
        param: The parameter that is wrong.
        status: The HTTP status.
        type: The service's kind of error.
        hint: What to do; an addition of ours, which clients ignore.
        retry_after: Seconds after which the same request makes sense.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None,
        param: str | None = None,
        status: int = 400,
        type: str = "invalid_request_error",  # noqa: A002 - the service's word
        hint: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        error: dict[str, Any] = {"message": message, "type": type, "param": param, "code": code}
        self.body = {"error": {**error, "hint": hint} if hint else error}
        # What is wrong with the installation stays wrong; who is too many may come back.
        self.headers = {"x-should-retry": "false"} if status >= 500 else {}
        if retry_after is not None:
            self.headers = {"retry-after": str(retry_after)}


def api_error(exc: Exception) -> ApiError:
    """The error of the API for whatever went wrong in a part of the engine."""
    if isinstance(exc, ApiError):
        return exc
    if isinstance(exc, AudiochatError):
        type_ = CONFIGURATION if exc.exit_code == 3 else "server_error"  # a setting, a model, a missing package
        return ApiError(exc.message, code=exc.code, status=500, type=type_, hint=exc.hint)
    what = " ".join(f"{type(exc).__name__}: {exc}".split())[:200].rstrip(": ")
    return ApiError(f"The engine failed: {what}", code="engine_failed", status=500, type="server_error")
