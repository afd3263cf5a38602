"""Base64 as servers really send it: in pieces, padded or not, in either alphabet, broken into lines, as data URIs."""

from __future__ import annotations

import base64
import re

_URL_ALPHABET = str.maketrans("-_", "+/")
_SPACE = re.compile(r"\s+")
_HEAD = re.compile(r"data:[^,]{0,200},")
"""The head of a data URI, `data:audio/wav;base64,`."""


class Base64Decoder:
    """Decodes base64 that is split at any character; a piece may be padded by itself."""

    def __init__(self) -> None:
        self._rest = ""

    def decode(self, piece: str) -> bytes:
        """The bytes that are whole by now.

        Raises:
            ValueError: it is not base64.
        """
        if not self._rest and piece.startswith("data:"):
            piece = _HEAD.sub("", piece, count=1)
        text = self._rest + piece
        # Nearly every piece is whole and plain: only the others are worth a closer look.
        if len(text) % 4 == 0 and text.find("=", 0, -2) < 0:
            try:
                decoded = base64.b64decode(text, validate=True)
            except ValueError:
                pass
            else:
                self._rest = ""
                return decoded
        return self._decode_closely(_SPACE.sub("", text).translate(_URL_ALPHABET))

    def finish(self) -> bytes:
        """The bytes of the last group, whose padding is missing.

        Raises:
            ValueError: the base64 is cut.
        """
        rest, self._rest = self._rest, ""
        return base64.b64decode(rest + "=" * (-len(rest) % 4), validate=True)

    def _decode_closely(self, text: str) -> bytes:
        """Decode groups of four, each of which may be the padded end of a piece; keep what is left over."""
        decoded, start = bytearray(), 0
        while (padding := text.find("=", start)) >= 0:
            end = start + (padding - start) // 4 * 4 + 4
            if end > len(text):
                break
            decoded += base64.b64decode(text[start:end], validate=True)
            start = end
        else:
            end = start + (len(text) - start) // 4 * 4
            decoded += base64.b64decode(text[start:end], validate=True)
            start = end
        self._rest = text[start:]
        return bytes(decoded)


def decode_base64(text: str) -> bytes:
    """The bytes of base64 in any of its spellings.

    Raises:
        ValueError: it is not base64.
    """
    decoder = Base64Decoder()
    return decoder.decode(text) + decoder.finish()
