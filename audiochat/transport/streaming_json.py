"""Read an answer's JSON while it comes: long sound is decoded on the way, and never whole in memory."""

from __future__ import annotations

import json
import re
from typing import Any

from audiochat.spool import SpooledBytes
from audiochat.transport.lenient_base64 import Base64Decoder

# Within a JSON string every quote has a backslash before it, so this is a key and never a part of the words.
_KEY = re.compile(rb'"data"\s{0,64}:\s{0,64}"')
_LONGEST_KEY = 6 + 64 + 1 + 64 + 1
_TO_THE_END = re.compile(rb'(?:[^"\\]+|\\.)*', re.DOTALL)
_HALF_AN_ESCAPE = re.compile(rb"\\(u[0-9a-fA-F]{0,3})?$")

_LARGE = 1 << 16
"""Bytes from which on a string is taken out of the JSON; a shorter one stays where it is."""

_NOT_BASE64 = "?"
"""Takes the place of a string that is no base64, and is none either."""


class StreamingJson:
    """Takes a body in pieces; `json` is what it says, with `SpooledBytes` for each long `data`."""

    def __init__(self) -> None:
        self.text = bytearray()
        """The body without the sound that was taken out of it."""
        self._sounds: dict[str, SpooledBytes | str] = {}
        self._searched = 0
        self._string: bytearray | None = None
        """The start of the string that is being read, where one is."""
        self._decoder: _StringDecoder | None = None
        self._escape = b""

    def add(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        while piece:
            piece = self._outside(piece) if self._string is None else self._inside(self._string, piece)

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
        self._string = bytearray()
        return rest

    def _inside(self, string: bytearray, piece: bytes) -> bytes:
        """Take up to the string's end; the rest of the piece."""
        value, quote, rest = self._to_the_end(piece)
        string += value
        if self._decoder is None and len(string) >= _LARGE:
            self._decoder = _StringDecoder()
        if self._decoder is not None:
            self._decoder.add(bytes(string))
            string.clear()
        if quote:
            if self._decoder is not None:
                name = f"{len(self._sounds)}@audiochat"  # no base64 has an @
                self._sounds[name] = self._decoder.finish()
                string += name.encode()
            self.text += string + quote
            self._searched = len(self.text)
            self._string = self._decoder = None
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
        if isinstance(name, str) and name in self._sounds:
            value["data"] = self._sounds[name]
        return value


class _StringDecoder:
    """Decodes the base64 of a JSON string that comes in pieces, with JSON's escapes in it."""

    def __init__(self) -> None:
        self._sound = SpooledBytes()
        self._decoder = Base64Decoder()
        self._escaped = b""
        self._broken = False

    def add(self, piece: bytes) -> None:
        if self._broken:
            return
        try:
            self._sound.write(self._decoder.decode(self._unescaped(self._escaped + piece)))
        except ValueError:
            self._broken = True

    def finish(self) -> SpooledBytes | str:
        """All of it; where it is no base64, something that is none either."""
        try:
            self._sound.write(self._decoder.finish())
        except ValueError:
            self._broken = True
        return _NOT_BASE64 if self._broken or self._escaped else self._sound

    def _unescaped(self, text: bytes) -> str:
        """The string's own characters: some servers write + and / as escapes, some break lines."""
        self._escaped = b""
        half = _HALF_AN_ESCAPE.search(text)
        if half is not None:
            self._escaped, text = text[half.start() :], text[: half.start()]
        return str(json.loads(b'"%b"' % text)) if b"\\" in text else text.decode("ascii")
