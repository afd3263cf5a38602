"""Deadlines for answers that never end: the HTTP library only limits the time between two bytes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import httpx2

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_ERROR = 256 * 1024
"""Bytes of an error's body that are read."""

LOCATION = "audiochat.location"
"""Where a redirect leads, among a response's extensions. None is followed, so the HTTP library is not to parse it."""

_KEY = "audiochat.deadline"
_NO_TIMEOUT = 600.0


class BrokenBodyError(httpx2.ReadError):
    """The body of a success broke off: the answer was made, and is paid for."""


class DeadlineStream(httpx2.SyncByteStream):
    """The body of a response. It ends with an error when nothing of use came for as long as the request may wait."""

    def __init__(self, response: httpx2.Response) -> None:
        self._body = cast("httpx2.SyncByteStream", response.stream)
        self._request = response.request
        self._is_error = response.status_code >= 300
        self._seconds = float(response.request.extensions.get("timeout", {}).get("read") or _NO_TIMEOUT)
        self._deadline = time.monotonic() + self._seconds

    def extend(self) -> None:
        """Start the time again: something of use has come."""
        self._deadline = time.monotonic() + self._seconds

    def __iter__(self) -> Iterator[bytes]:
        """The body's bytes; of an error, as many as are worth reading.

        Raises:
            httpx2.ReadTimeout: the deadline has passed.
            BrokenBodyError: the body of a success breaks off.
        """
        try:
            yield from self._chunks()
        except httpx2.TransportError as exc:
            if self._is_error or isinstance(exc, httpx2.TimeoutException):
                raise
            raise BrokenBodyError(str(exc), request=self._request) from exc

    def _chunks(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._body:
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("The body came too slowly.", request=self._request)
            size += len(chunk)
            yield chunk
            if self._is_error and size > LARGEST_ERROR:
                return

    def close(self) -> None:
        """Close the connection."""
        self._body.close()


def set_deadline(response: httpx2.Response) -> None:
    """Give a response its deadline before its body is read: a hook of the HTTP client."""
    response.stream = response.extensions[_KEY] = DeadlineStream(response)
    if response.status_code >= 300:
        response.extensions[LOCATION] = response.headers.pop("location", "")


def deadline_of(response: httpx2.Response) -> DeadlineStream:
    """The deadline of a response; a new one where its client has no hook, as that of the local engine."""
    found = response.extensions.get(_KEY)
    return found if isinstance(found, DeadlineStream) else DeadlineStream(response)
