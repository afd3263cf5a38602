"""The sound of a book: its pieces trimmed, equally loud, with the pauses between them, in one file.

The clock is the number of decoded samples, so that the last chapter's mark is as exact as the first one's. A piece
is in memory while it is written, and no more than that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audiochat.audio import SAMPLE_RATE, formats
from audiochat.audio.chapters import Chapter, ChapteredFile, Tags
from audiochat.audio.codec import decode
from audiochat.audio.loudness import AUDIOBOOK, Limiter, loudness
from audiochat.audio.trim import trim
from audiochat.spool import open_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from audiochat.jobs.narrate.script import Pause
    from audiochat.spool import Data

PAUSES: dict[Pause, float] = {"sentence": 0.35, "paragraph": 0.75, "heading": 1.2, "break": 1.8, "chapter": 2.5}
"""Seconds of silence behind a piece, besides the tenth that `trim` leaves at its ends."""

_MOST_GAIN = 30.0
"""dB. What is quieter than that is rather noise than speech."""

_MOST_NAME = 120
"""Bytes of a title in a file's name."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A piece as it was spoken."""

    sound: Data
    """pcm16 (s16le, mono, 24,000 Hz), or a file of any format."""
    pause: Pause
    """What follows."""
    encoded: bool = False
    """Whether `sound` is a file."""


@dataclass(frozen=True, slots=True)
class SpokenChapter:
    """A chapter as it was spoken."""

    number: int
    """As `--list` prints it."""
    title: str
    pieces: Iterable[Spoken]
    """In order; they are taken one by one, when they are written. What could not be had is left out."""


@dataclass(frozen=True, slots=True)
class BookFile:
    """A file that was written."""

    path: Path
    chapters: tuple[Chapter, ...]
    """Those that have sound, with the samples at which they begin."""
    starts: dict[int, float]
    """When their first words are said, in seconds, by their numbers."""
    seconds: float


def join(
    chapters: Iterable[SpokenChapter],
    path: Path,
    format: str,
    tags: Tags,
    *,
    target: float = AUDIOBOOK,
    watch: Callable[[float], object] | None = None,
) -> BookFile:
    """Write a book to one file, which is there whole or not at all.

    Args:
        chapters: Its chapters, in order; their pieces are taken one by one.
        path: The file; one that is there is replaced.
        format: One of `audio.formats.BOOK_FORMATS`.
        tags: What the file tells of the book.
        target: How loud each piece is made, in LUFS.
        watch: Told now and then how many seconds are written.

    Raises:
        FileError: it cannot be written, or a piece cannot be read.
    """
    chapters = tuple(chapters)
    with ChapteredFile.replacing(path, format, tags, marks=len(chapters)) as file:
        voice = _Voice(file, target, watch)
        for chapter in chapters:
            voice.speak(chapter)
        voice.finish()
    return BookFile(path, file.marks(), voice.starts, file.samples / SAMPLE_RATE)


def file_name(number: int, title: str, format: str, *, count: int) -> str:
    """The name of a chapter's file, which every file system takes."""
    safe = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*\s]+', " ", title).strip(" .")
    safe = safe.encode("utf-8", "replace")[:_MOST_NAME].decode("utf-8", "ignore").strip(" .")
    return f"{number:0{max(2, len(str(count)))}} {safe}".rstrip() + formats.named(format).suffix


class _Voice:
    """Speaks pieces into a file, one behind the other, all as loud."""

    def __init__(self, file: ChapteredFile, target: float, watch: Callable[[float], object] | None) -> None:
        self._file = file
        self._target = target
        self._watch = watch
        self._limiter = Limiter()
        self._gain = 0.0
        self.starts: dict[int, float] = {}
        """When each chapter begins, in seconds."""
        self._samples = 0
        """Given to the limiter, which gives them on a little later."""

    def speak(self, chapter: SpokenChapter) -> None:
        """Speak a chapter; its mark is where its first sound is."""
        for piece in chapter.pieces:
            pcm = self._evened(piece)
            if pcm and chapter.number not in self.starts:
                self._file.mark(chapter.title, self._samples)
                self.starts[chapter.number] = self._samples / SAMPLE_RATE
            self._write(pcm, gain=self._gain)
            if chapter.number in self.starts:
                self._write(bytes(2 * round(PAUSES[piece.pause] * SAMPLE_RATE)), gain=self._gain)
            if self._watch is not None:
                self._watch(self._samples / SAMPLE_RATE)

    def finish(self) -> None:
        """Write the rest."""
        for block in self._limiter.finish():
            self._file.write(block)

    def _evened(self, piece: Spoken) -> bytes:
        """The samples of a piece without the silence around them; `_gain` is then what it wants."""
        pcm = _decoded(piece)
        level = loudness(pcm)
        # A word alone may be too short to be measured; then the voice goes on as it was.
        if level is not None:
            self._gain = min(self._target - level, _MOST_GAIN)
        return trim(pcm, level)

    def _write(self, pcm: bytes, *, gain: float) -> None:
        self._samples += len(pcm) // 2
        for block in self._limiter.limit(pcm, gain=gain):
            self._file.write(block)


def _decoded(piece: Spoken) -> bytes:
    if not piece.encoded:
        return piece.sound[: len(piece.sound) // 2 * 2]
    return b"".join(decode(open_data(piece.sound), name="a piece of the book"))
