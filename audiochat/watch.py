"""A watch over answers that never end: the HTTP library only limits the time between two bytes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import httpx2

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_ERROR = 256 * 1024
"""Bytes of an error's body that are read."""

_KEY = "audiochat.watch"


class Watch(httpx2.SyncByteStream):
    """The body of a response, which ends with an error when nothing of use came for too long."""

    def __init__(self, response: httpx2.Response) -> None:
        self._body = cast("httpx2.SyncByteStream", response.stream)
        self._request = response.request
        self._error = response.status_code >= 300
        self._seconds = float(response.request.extensions.get("timeout", {}).get("read") or 600.0)
        self._deadline = time.monotonic() + self._seconds

    def extend(self) -> None:
        """Something of use has come: the time begins again."""
        self._deadline = time.monotonic() + self._seconds

    def __iter__(self) -> Iterator[bytes]:
        """The body's bytes.

        Raises:
            httpx2.ReadTimeout: it takes too long as a whole.
        """
        size = 0
        for chunk in self._body:
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("The body came too slowly.", request=self._request)
            size += len(chunk)
            yield chunk
            if self._error and size > LARGEST_ERROR:
                return

    def close(self) -> None:
        """Close the connection."""
        self._body.close()


def watch(response: httpx2.Response) -> None:
    """Put a response under a watch, before anybody reads it: a hook of the HTTP client."""
    response.stream = response.extensions[_KEY] = Watch(response)


def watched(response: httpx2.Response) -> Watch:
    """The watch over a response."""
    found = response.extensions.get(_KEY)
    return found if isinstance(found, Watch) else Watch(response)
