"""The JSON of an answer, taken while it comes: its sound is decoded on the way, and never whole in memory."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from audiochat.spool import SpooledBytes

# Within a JSON string every quote has a backslash before it, so this is a key and never somebody's words.
_KEY = re.compile(rb'"data"\s{0,64}:\s{0,64}"')
_LONGEST_KEY = 6 + 64 + 1 + 64 + 1
_TO_THE_END = re.compile(rb'(?:[^"\\]+|\\.)*', re.DOTALL)
_HALF_AN_ESCAPE = re.compile(rb"\\(u[0-9a-fA-F]{0,3})?$")

_LARGE = 1 << 16
"""Bytes from which on a string is taken out; a shorter one stays where it is."""

_NO_BASE64 = "?"


class Unpacking:
    """Takes a body in pieces; `json` is what it says, with a `SpooledBytes` for each long `data`."""

    def __init__(self) -> None:
        self.text = bytearray()
        """The body without what was taken out of it."""
        self._contents: dict[str, SpooledBytes | str] = {}
        self._searched = 0
        self._held: bytearray | None = None
        self._decoder: _Decoder | None = None
        self._escape = b""

    def add(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        while piece:
            piece = self._outside(piece) if self._held is None else self._inside(self._held, piece)

    def json(self) -> Any:
        """The body's JSON.

        Raises:
            ValueError: it is none, or not all of it has come.
        """
        return json.loads(self.text, object_hook=self._put_back)

    def _outside(self, piece: bytes) -> bytes:
        """Copy up to where a `data` begins; the rest of the piece."""
        start = max(self._searched, len(self.text) - _LONGEST_KEY)
        self.text += piece
        found = _KEY.search(self.text, start)
        if found is None:
            return b""
        rest = bytes(self.text[found.end() :])
        del self.text[found.end() :]
        self._held = bytearray()
        return rest

    def _inside(self, held: bytearray, piece: bytes) -> bytes:
        """Take up to the string's end; the rest of the piece."""
        value, quote, rest = self._to_the_end(piece)
        held += value
        if self._decoder is None and len(held) >= _LARGE:
            self._decoder = _Decoder()
        if self._decoder is not None:
            self._decoder.add(bytes(held))
            held.clear()
        if quote:
            if self._decoder is not None:
                name = f"{len(self._contents)}@audiochat"  # no base64 has this
                self._contents[name] = self._decoder.content()
                held += name.encode()
            self.text += held + quote
            self._searched = len(self.text)
            self._held = self._decoder = None
        return rest

    def _to_the_end(self, piece: bytes) -> tuple[bytes, bytes, bytes]:
        """Up to the string's end, the quote that ends it or nothing, and what comes after it."""
        piece, self._escape = self._escape + piece, b""
        if b"\\" not in piece:
            return piece.partition(b'"')
        end = _TO_THE_END.match(piece).end()  # type: ignore[union-attr] # it matches nothing, too
        if piece[end:] == b"\\":  # its other half comes with the next piece
            self._escape = piece[end:]
            return piece[:end], b"", b""
        return piece[:end], piece[end : end + 1], piece[end + 1 :]

    def _put_back(self, value: dict[str, Any]) -> dict[str, Any]:
        name = value.get("data")
        if isinstance(name, str) and name in self._contents:
            value["data"] = self._contents[name]
        return value


class _Decoder:
    """Decodes base64 that comes in pieces, with JSON's escapes in it."""

    def __init__(self) -> None:
        self._content = SpooledBytes()
        self._escaped = b""
        self._rest = b""
        self._ended = False
        self._broken = False

    def add(self, piece: bytes) -> None:
        if self._broken:
            return
        try:
            text = self._rest + self._unescaped(self._escaped + piece)
            whole = len(text) // 4 * 4
            text, self._rest = text[:whole], text[whole:]
            self._broken = self._ended and bool(text)
            self._content.write(base64.b64decode(text, validate=True))
            self._ended = self._ended or text.endswith(b"=")
        except ValueError:
            self._broken = True

    def content(self) -> SpooledBytes | str:
        """All of it; where it was no base64, what is none either."""
        return _NO_BASE64 if self._broken or self._rest or self._escaped else self._content

    def _unescaped(self, text: bytes) -> bytes:
        """The string's own characters: some servers write + as an escape, and / too."""
        self._escaped = b""
        if b"\\" not in text:
            return text
        half = _HALF_AN_ESCAPE.search(text)
        if half is not None:
            self._escaped, text = text[half.start() :], text[: half.start()]
        return bytes(json.loads(b'"%b"' % text), "ascii")
