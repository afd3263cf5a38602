"""The body of an answer: a stream of events or one JSON text, as its first bytes tell."""

from __future__ import annotations

import codecs
import itertools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

LARGEST_EVENT = 8_000_000
"""Bytes of one event of a stream, and of a whole answer without its sound: parsed JSON takes many times as many."""

_EVENT_STREAM = "text/event-stream"
_FIELD = re.compile(rb":|(data|event|id|retry)\s*:")
_BLANK = b"\xef\xbb\xbf \t\r\n"
"""What may stand before the first byte that tells: a mark, and what keeps a connection alive."""
_ENOUGH = 6
"""Bytes that hold the longest name of a field."""


class AnswerBody:
    """Reads the body of an answer, whose head is there.

    The first bytes are read at once. Gateways send streams as plain text, and whole answers and errors as streams, so
    the content type counts only where the bytes do not tell.
    """

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.request = response.request
        self.headers = {"content-type": _EVENT_STREAM}
        """As `EventSource` wants them."""
        self.ended = False
        """Whether the whole text of a stream was read."""
        self._rest = response.iter_bytes()
        self._start = b""
        while not _tells(self._start.lstrip(_BLANK)) and (chunk := next(self._rest, b"")):
            self._start += chunk

    @property
    def streams(self) -> bool:
        """Whether it is a stream of events."""
        start = self._start.lstrip(_BLANK)
        if start.startswith((b"{", b"[")):
            return False
        return _FIELD.match(start) is not None or _EVENT_STREAM in self.response.headers.get("content-type", "")

    def iter_bytes(self) -> Iterator[bytes]:
        """All of it, in pieces."""
        return itertools.chain([self._start], self._rest)

    def events(self) -> Iterator[httpx2.ServerSentEvent]:
        """The events of a stream; the last one also where its blank line is missing."""
        import httpx2

        source: Any = self  # `EventSource` reads a response's headers, request and text, and nothing else
        return iter(httpx2.EventSource(source, max_event_size=LARGEST_EVENT))

    def iter_text(self) -> Iterator[str]:
        """The text in pieces, as `httpx2.Response.iter_text` gives it."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for chunk in self.iter_bytes():
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)
        self.ended = True
        yield "\n\n"


def _tells(start: bytes) -> bool:
    """Whether the first bytes are enough to tell what they begin."""
    return start.startswith((b"{", b"[", b":")) or len(start) >= _ENOUGH
