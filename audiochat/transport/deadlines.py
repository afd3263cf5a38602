"""A watch over answers that never end: the HTTP library only limits the time between two bytes."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, cast

import httpx2

from audiochat.transport.service_errors import LOCATION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

LARGEST_ERROR = 256 * 1024
"""Bytes of an error's body that are read, as they come and decoded."""

_KEY = "audiochat.transport.deadlines"


class Watch(httpx2.SyncByteStream):
    """The body of a response, which ends with an error when nothing of use came for too long."""

    def __init__(self, response: httpx2.Response) -> None:
        self._body = cast("httpx2.SyncByteStream", response.stream)
        self._request = response.request
        self._error = response.status_code >= 300
        self._seconds = _patience(response.request)
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


class _Excerpt(httpx2.SyncByteStream):
    """The body of an error, decoded, as far as it is worth reading: a few bytes on the wire can be many."""

    def __init__(self, response: httpx2.Response, body: Watch) -> None:
        self._encoded = httpx2.Response(
            response.status_code, headers=response.headers, stream=body, request=response.request
        )

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._encoded.iter_bytes():
            size += len(chunk)
            yield chunk
            if size > LARGEST_ERROR:
                return

    def close(self) -> None:
        self._encoded.close()


class _Deadline:
    """Ends the wait for the head of an answer, of which a byte may come every now and then.

    It takes an alarm signal; where there is none, or in another thread than the main one, the HTTP library's limit has
    to do. So it has where somebody else has set an alarm.
    """

    def __init__(self, request: httpx2.Request) -> None:
        self._request = request
        self._before: Callable[[int, FrameType | None], object] | int | None = None
        self._set = False

    def heed(self, event: str, _told: object) -> None:
        """Take what the HTTP library tells while it works: its extension `trace`."""
        _, _, step = event.partition(".")
        if step == "receive_response_headers.started":
            self._start()
        elif step.startswith("receive_response_headers."):
            self._end()

    def _start(self) -> None:
        alarms = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
        if alarms and not self._set and not signal.getitimer(signal.ITIMER_REAL)[0]:
            self._before = signal.signal(signal.SIGALRM, self._over)
            signal.setitimer(signal.ITIMER_REAL, _patience(self._request))
            self._set = True

    def _end(self) -> None:
        if self._set:
            self._set = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)

    def _over(self, _number: int, _frame: FrameType | None) -> None:
        raise httpx2.ReadTimeout("The head came too slowly.", request=self._request)


def _patience(request: httpx2.Request) -> float:
    """Seconds that a request may wait for something of use."""
    return float(request.extensions.get("timeout", {}).get("read") or 600.0)


def hurry(request: httpx2.Request) -> None:
    """Give the head of the answer a deadline: a hook of the HTTP client."""
    request.extensions["trace"] = _Deadline(request).heed


def watch(response: httpx2.Response) -> None:
    """Put a response under a watch, before anybody reads it: a hook of the HTTP client."""
    body = response.extensions[_KEY] = Watch(response)
    response.stream = body
    if response.status_code >= 300:
        # The HTTP library would look where it leads, though none is followed, and raise at what is no address.
        response.extensions[LOCATION] = response.headers.pop("location", "")
        response.stream = _Excerpt(response, body)
        response.headers.pop("content-encoding", None)


def watched(response: httpx2.Response) -> Watch:
    """The watch over a response."""
    found = response.extensions.get(_KEY)
    return found if isinstance(found, Watch) else Watch(response)
