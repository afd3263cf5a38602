"""How an answer is asked for, and the next way to ask where a service refuses one.

Some services only stream spoken answers, some do not stream them, some want another format while streaming, some do
not know `stream_options`, some want recordings as data URIs, and some that answer in text do not know `modalities`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audiochat.audio.formats import SERVICE_FORMATS

if TYPE_CHECKING:
    from audiochat.errors import AudiochatError

STREAM_FORMAT = "pcm16"
"""The format that streams are asked for first: OpenAI and Azure stream no other."""

_STATUSES = frozenset({400, 403, 404, 405, 406, 422, 500, 501})
_STREAM = re.compile(r"(?<![\w.])stream(ing|ed|s)?\b|\bSSE\b", re.IGNORECASE)
_STREAM_OPTIONS = re.compile(r"\bstream_options\b|\binclude_usage\b", re.IGNORECASE)
# Not `input_audio.format`: that is the recording's, not the answer's.
_FORMAT = re.compile(r"(?<![\w.])audio[.\[ '\"]+format\b|\baudio output format\b", re.IGNORECASE)
_AUDIO_FORMAT = re.compile(r"(?<!input[ _])\b(audio|output|response)[ _]format\b", re.IGNORECASE)
"""The same in words, which may be about the recording's."""
_MODALITIES = re.compile(r"\bmodalities\b", re.IGNORECASE)
# Qwen-Omni: "The provided URL does not appear to be valid." Its recordings are URLs, `data:;base64,…` among them.
_DATA_URI = re.compile(r"\bprovided URL\b|\bdata[- ]UR[IL]\b|\bdata:\S{0,20};base64", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mode:
    """A mode of asking: streamed or whole, and in which format."""

    stream: bool
    format: str | None
    """`audio.format`; None where text alone is asked for."""
    usage: bool = True
    """Whether a stream is asked to tell its tokens, with `stream_options`."""
    data_uri: bool = False
    """Whether recordings go as data URIs."""
    modalities: bool = True
    """Whether an answer in text alone is asked for with `modalities`."""


def fallback(mode: Mode, refusal: AudiochatError, *, wanted: str | None) -> Mode | None:
    """The next way to ask after a refusal; None where the refusal has nothing to do with the way.

    Args:
        mode: How the service was asked.
        refusal: What it said.
        wanted: The format of a whole answer that is wanted; None where text alone is.
    """
    if refusal.status not in _STATUSES:
        return None
    said = f"{refusal.param or ''} {refusal.message}"
    if mode.stream and mode.usage and _STREAM_OPTIONS.search(said):
        return replace(mode, usage=False)
    if mode.format is not None and _names_format(said, mode.format):
        named = _named_format(refusal.message, other_than=mode.format)
        if named is not None:
            return replace(mode, format=named)
        return replace(mode, stream=False, format=wanted) if mode.stream else None
    if _STREAM.search(said):
        if mode.stream:
            return replace(mode, stream=False, format=wanted)
        return replace(mode, stream=True, format=None if wanted is None else STREAM_FORMAT)
    if mode.format is None and mode.modalities and _MODALITIES.search(said):
        return replace(mode, modalities=False)
    if not mode.data_uri and _DATA_URI.search(said):
        return replace(mode, data_uri=True)
    return None


def _names_format(said: str, asked: str) -> bool:
    """Whether a refusal is about the answer's format: by the parameter, or by the format that was asked for."""
    if _FORMAT.search(said):
        return True
    return _AUDIO_FORMAT.search(said) is not None and re.search(rf"\b{asked}\b", said, re.IGNORECASE) is not None


def _named_format(message: str, *, other_than: str) -> str | None:
    """A format that a refusal names besides the one that was asked for."""
    words = set(re.findall(r"\w+", message.lower())) - {other_than}
    return next((name for name in SERVICE_FORMATS if name in words), None)
