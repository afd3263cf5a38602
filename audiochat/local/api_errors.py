"""What goes wrong in the engine, as the service would say it: a status and `{"error": {…}}`."""

from __future__ import annotations

from typing import Any

from audiochat.errors import (
    AudiochatError,
    BrokenAnswerError,
    CancelledError,
    ConfigurationError,
    FileError,
    RefusedError,
    SignInError,
    UnavailableError,
)
from audiochat.local.llm import TooLongError
from audiochat.local.request_queue import QueueFullError

_LONGEST_REASON = 300
"""Characters of a library's own reason."""

_KINDS: tuple[tuple[type[AudiochatError], int, str], ...] = (
    (ConfigurationError, 500, "configuration_error"),
    (SignInError, 500, "sign_in_error"),
    (UnavailableError, 503, "unavailable_error"),
    (BrokenAnswerError, 502, "broken_answer_error"),
    (FileError, 507, "file_error"),
    (RefusedError, 400, "refused_error"),
)
"""Kind, status and type. `transport.service_errors` makes the same kind of error of the type again."""


class ApiError(Exception):
    """An answer that is an error.

    Args:
        message: What is wrong.
        code: A word for programs.
        param: The parameter that is wrong.
        status: The HTTP status.
        type: The service's kind of error, or one of the engine's own.
        hint: What to do; an addition to the API, which clients ignore.
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


def api_error(exc: BaseException) -> ApiError:
    """The error of the API for whatever was raised in the engine."""
    if isinstance(exc, ApiError):
        return exc
    if isinstance(exc, QueueFullError):
        return ApiError(str(exc), code="rate_limit_exceeded", type="requests", status=429, retry_after=exc.retry_after)
    if isinstance(exc, TooLongError):
        return ApiError(str(exc), code="context_length_exceeded", param="messages")
    if isinstance(exc, CancelledError):  # the status that nginx made a habit for a client that left; nobody reads it
        return ApiError("The request was cancelled.", code="cancelled", status=499)
    if isinstance(exc, AudiochatError):
        return _of_ours(exc)
    if isinstance(exc, MemoryError):
        return ApiError(
            "The local engine has not enough memory for this.",
            code="out_of_memory",
            status=503,
            type="unavailable_error",
            hint="Close other programs, or send a shorter recording or text.",
        )
    what = " ".join(f"{type(exc).__name__}: {exc}".split())[:_LONGEST_REASON].rstrip(": ")
    return ApiError(f"The engine failed: {what}", code="engine_failed", status=500, type="server_error")


def _of_ours(exc: AudiochatError) -> ApiError:
    found = (row for row in _KINDS if isinstance(exc, row[0]))
    _, status, type_ = next(found, (AudiochatError, 500, "server_error"))
    return ApiError(exc.message, code=exc.code, param=exc.param, status=status, type=type_, hint=exc.hint)
