"""The one table of formats that sound is written in; light, because `--help` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Format:
    """One format: how users, the API and FFmpeg call it, and what can be done with it."""

    name: str
    """As `-f` takes it."""
    suffixes: tuple[str, ...]
    """Of file names, lower case; new files get the first."""
    mime: str
    """Its media type (IANA)."""
    wire: str | None = None
    """The API's name for it; None where the API knows none."""
    everywhere: bool = False
    """Whether every deployment can make it."""
    muxer: str | None = None
    """FFmpeg's container; None: the file is written without FFmpeg."""
    encoder: str | None = None
    """FFmpeg's encoder."""
    pipe_options: tuple[tuple[str, str], ...] = ()
    """Of the container, where what is written cannot be gone back to."""
    file_options: tuple[tuple[str, str], ...] = ()
    """Of the container, where it can."""
    streams: bool = True
    """Whether a pipe's reader can play it while it is written."""
    lossless: bool = False
    """Whether decoding gives the same samples back."""
    answer: bool = True
    """Whether a spoken answer can be had in it."""
    book: bool = False
    """Whether an audiobook can be had in it."""

    @property
    def suffix(self) -> str:
        """Of new files."""
        return self.suffixes[0]


# Fragments let a player start before the end is written; a fifth of a second each, as much as a delta of the service.
_FRAGMENTED = (("movflags", "empty_moov+default_base_moof+delay_moov"), ("frag_duration", "200000"))
# The index in front lets a player start before all is downloaded; the time scale makes marks exact to the sample.
_INDEXED = (("movflags", "faststart"), ("movie_timescale", "24000"))

_ALL = (
    Format("wav", (".wav", ".wave"), "audio/wav", wire="wav", everywhere=True, lossless=True, book=True),
    Format(
        "mp3",
        (".mp3",),
        "audio/mpeg",
        wire="mp3",
        everywhere=True,
        muxer="mp3",
        encoder="libmp3lame",
        pipe_options=(("write_xing", "0"),),
        book=True,
    ),
    Format(
        "flac",
        (".flac",),
        "audio/flac",
        wire="flac",
        everywhere=True,
        muxer="flac",
        encoder="flac",
        lossless=True,
        book=True,
    ),
    Format(
        "opus",
        (".opus", ".ogg", ".oga"),
        "audio/ogg",
        wire="opus",
        everywhere=True,
        muxer="ogg",
        encoder="libopus",
        pipe_options=(("page_duration", "100000"),),
        book=True,
    ),
    Format("aac", (".aac",), "audio/aac", wire="aac", muxer="adts", encoder="aac"),
    Format(
        "m4a",
        (".m4a", ".mp4"),
        "audio/mp4",
        muxer="ipod",
        encoder="aac",
        pipe_options=_FRAGMENTED,
        file_options=_INDEXED,
    ),
    Format("pcm16", (".pcm", ".pcm16", ".raw"), "audio/pcm", wire="pcm16", everywhere=True, lossless=True),
    # FFmpeg's muxer for MP4, because the one for iPods refuses covers in PNG.
    Format(
        "m4b",
        (".m4b", ".m4a", ".mp4"),
        "audio/mp4",
        muxer="mp4",
        encoder="aac",
        file_options=(*_INDEXED, ("brand", "M4B ")),
        streams=False,
        answer=False,
        book=True,
    ),
)

RECORDING_SUFFIXES = frozenset(
    suffix
    for names in (
        (".wav", ".wave", ".mp3", ".m4a", ".m4b", ".mp4", ".mov", ".flac", ".ogg", ".oga", ".opus", ".webm"),
        (".aac", ".aif", ".aiff", ".wma", ".amr", ".caf", ".mkv", ".3gp", ".ac3", ".au"),
    )
    for suffix in names
)
"""Of file names that are taken for recordings; a recording may have any name where one is asked for."""

_BY_NAME = {format_.name: format_ for format_ in _ALL}

ANSWER_FORMATS = tuple(format_.name for format_ in _ALL if format_.answer)
"""The formats that a spoken answer can be had in: the choices of `-f`."""

BOOK_FORMATS = tuple(format_.name for format_ in _ALL if format_.book)
"""The formats that an audiobook can be had in."""

API_FORMATS = tuple(format_.wire for format_ in _ALL if format_.wire is not None)
"""The formats that the API knows, in its own words."""

SERVICE_FORMATS = tuple(format_.wire for format_ in _ALL if format_.wire is not None and format_.everywhere)
"""Those of them that every deployment can make; anything else is converted here."""


def named(name: str) -> Format:
    """The format of a name.

    Raises:
        KeyError: there is none.
    """
    return _BY_NAME[name]


def disagree(suffix: str, name: str, among: Iterable[str] = ANSWER_FORMATS) -> bool:
    """Whether a file name's suffix, with its dot, stands for another format than that of a name."""
    other = of_suffix(suffix, among)
    return other is not None and suffix.lower() not in _BY_NAME[name].suffixes


def of_suffix(suffix: str, among: Iterable[str] = ANSWER_FORMATS) -> str | None:
    """The name of the format that a file name's suffix stands for; None where it stands for none.

    Args:
        suffix: With its dot, in any case of letters.
        among: The names of the formats to choose from.
    """
    suffix = suffix.lower()
    return next((name for name in among if suffix in _BY_NAME[name].suffixes), None)
