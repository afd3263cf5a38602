"""The body of a request, its recordings turned into base64 while it is sent."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from audiochat.errors import UsageError
from audiochat.spool import Base64View, ConcatenatedReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from audiochat.chat.request import Request
    from audiochat.spool import Data


@dataclass(frozen=True, slots=True)
class Body:
    """A body that can be read more than once, and is never whole in memory."""

    parts: list[Data | Base64View]
    payload: Callable[[], object]
    """Makes the JSON, for the log."""

    def open(self) -> ConcatenatedReader:
        """The body as a file at its start: the HTTP library knows its size, and reads it as it sends it."""
        return ConcatenatedReader(self.parts)


def encode(request: Request, *, stream: bool, usage: bool, data_uri: bool = False) -> Body:
    """The JSON of a request.

    Args:
        request: What is asked.
        stream: Whether the answer is to come in pieces.
        usage: Whether a stream is to tell its tokens.
        data_uri: Whether recordings go as data URIs, not as plain base64.

    Raises:
        UsageError: it holds what JSON cannot carry.
    """
    recordings: dict[str, Data] = {}

    def stand_in(data: Data) -> str:
        """A name in the place of a recording: the base64 goes there when the body is read."""
        name = secrets.token_hex()
        recordings[name] = data
        return f"data:;base64,{name}" if data_uri else name

    try:
        payload = request.payload(stream=stream, usage=usage, encoded=stand_in)
        rest = json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as exc:  # lone surrogates, infinite numbers
        raise UsageError("The request holds what JSON cannot carry.", hint="Check the parameters and texts.") from exc
    parts: list[Data | Base64View] = []
    for name, data in recordings.items():
        before, _, rest = rest.partition(name.encode())
        parts += [before, Base64View(data)]
    return Body([*parts, rest], partial(request.payload, stream=stream, usage=usage))
