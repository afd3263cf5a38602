"""The sound of a book: even, without clicks, with its marks at the first words."""

from __future__ import annotations

import array
import itertools
from typing import TYPE_CHECKING

import pytest
from support.speechlike import amplified, like_speech

from audiochat.audio import codec
from audiochat.audio.chapters import Tags
from audiochat.audio.formats import BOOK_FORMATS
from audiochat.audio.loudness import AUDIOBOOK, loudness
from audiochat.errors import FileError
from audiochat.jobs.narrate.joining import PAUSES, Spoken, SpokenChapter, file_name, join

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RATE = 24_000
SPEECH = like_speech(2.0)
SILENCE = bytes(RATE)
TAGS = Tags(title="A Book", author="A. N. Author")


def spoken(decibels: float = 0.0, pause: str = "sentence", before: float = 0.5) -> Spoken:
    """A piece of two seconds with silence around it."""
    sound = bytes(2 * round(before * RATE)) + amplified(SPEECH, decibels) + SILENCE
    return Spoken(sound, pause)  # type: ignore[arg-type]


def decoded(path: Path) -> bytes:
    """A file's samples."""
    with path.open("rb") as file:
        return b"".join(codec.decode(file, name=path.name))


def files_in(folder: Path) -> list[str]:
    """The names of a folder's files."""
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def onsets(pcm: bytes, quiet: float = 0.2) -> list[float]:
    """When sound begins after so many seconds of silence."""
    found, last = [], -RATE
    for index, sample in enumerate(array.array("h", pcm)):
        if abs(sample) > 300:
            if index - last > quiet * RATE:
                found.append(index / RATE)
            last = index
    return found


@pytest.mark.parametrize("format_", BOOK_FORMATS)
def test_marks_are_at_the_first_sound_of_each_chapter(format_: str, tmp_path: Path) -> None:
    """Within 50 ms in what another decoder makes of the file, though pieces differ in silence and level."""
    chapters = [
        SpokenChapter(number, f"Chapter {number}", [spoken(-3.0 * number, "chapter", before=0.1 * number)])
        for number in range(1, 9)
    ]
    path = tmp_path / "book.bin"
    book = join(chapters, path, format_, TAGS)
    heard = onsets(decoded(path), quiet=1.0)
    assert [chapter.title for chapter in book.chapters] == [f"Chapter {number}" for number in range(1, 9)]
    assert [chapter.seconds for chapter in book.chapters] == pytest.approx(heard, abs=0.05)
    assert book.chapters[0].start == 0
    assert book.seconds == pytest.approx(len(decoded(path)) / 2 / RATE, abs=0.1)


def test_pieces_are_equally_loud(tmp_path: Path) -> None:
    """A whisper and a shout are within half a unit of the target, and so is the whole."""
    levels = (0.0, -25.0, -6.0, -18.0, -1.0)
    book = join(
        [SpokenChapter(1, "One", [spoken(level, "chapter") for level in levels])], tmp_path / "a.wav", "wav", TAGS
    )
    pcm = decoded(book.path)
    starts = [round(start * RATE) for start in onsets(pcm, quiet=1.0)]
    assert len(starts) == len(levels)
    for start in starts:
        assert loudness(pcm[2 * start : 2 * (start + 2 * RATE)]) == pytest.approx(AUDIOBOOK, abs=0.7)
    assert loudness(pcm) == pytest.approx(AUDIOBOOK, abs=0.7)
    quieter = join([SpokenChapter(1, "One", [spoken()])], tmp_path / "b.wav", "wav", TAGS, target=-24.0)
    assert loudness(decoded(quieter.path)) == pytest.approx(-24.0, abs=0.7)


def test_pauses_are_as_long_as_what_follows_wants(tmp_path: Path) -> None:
    """From the end of one piece's sound to the next one's beginning, whatever silence the pieces brought."""
    order = list(PAUSES)
    pieces = [spoken(-6.0, pause, before=0.3 * number) for number, pause in enumerate(order)]
    path = join([SpokenChapter(1, "One", [*pieces, spoken()])], tmp_path / "a.wav", "wav", TAGS).path
    starts = onsets(decoded(path), quiet=0.3)
    gaps = [later - earlier - 2.0 for earlier, later in itertools.pairwise(starts)]
    assert gaps == pytest.approx([PAUSES[pause] + 0.1 for pause in order], abs=0.06)


def test_nothing_clicks(tmp_path: Path) -> None:
    """Pieces that begin and end at full swing are joined without a jump between two samples."""
    swing = array.array("h", [12_000] * (2 * RATE)).tobytes()
    low = array.array("h", [-9_000] * (2 * RATE)).tobytes()
    pieces = [Spoken(sound, "sentence") for sound in (swing, low, swing)]
    pcm = array.array("h", decoded(join([SpokenChapter(1, "One", pieces)], tmp_path / "a.wav", "wav", TAGS).path))
    assert max(abs(one - other) for one, other in itertools.pairwise(pcm)) < 600


def test_files_and_samples_make_the_same_book(tmp_path: Path) -> None:
    """A piece may be kept as FLAC, MP3 or WAV at another rate."""
    for format_ in ("flac", "wav", "mp3"):
        piece = Spoken(codec.encode(SPEECH, format_), "chapter", encoded=True)
        book = join([SpokenChapter(1, "One", [piece])], tmp_path / "a.wav", "wav", TAGS)
        assert book.seconds == pytest.approx(2.1 + PAUSES["chapter"], abs=0.1)


def test_what_is_silent_or_missing_makes_no_mark(tmp_path: Path) -> None:
    """A chapter that could not be had is passed over, and a silent piece adds no pause before the first word."""
    chapters = [
        SpokenChapter(1, "Lost", []),
        SpokenChapter(2, "Silent", [Spoken(SILENCE, "chapter")]),
        SpokenChapter(3, "Heard", [Spoken(SILENCE, "sentence"), spoken()]),
    ]
    book = join(chapters, tmp_path / "a.m4b", "m4b", TAGS)
    assert [(chapter.title, chapter.start) for chapter in book.chapters] == [("Heard", 0)]
    assert book.starts == {3: 0.0}


def test_a_piece_that_is_no_sound_leaves_the_old_book(tmp_path: Path) -> None:
    """Its error is told, and the file that was there stays."""
    path = tmp_path / "a.m4b"
    path.write_bytes(b"old")
    with pytest.raises(FileError):
        join([SpokenChapter(1, "One", [spoken(), Spoken(b"no sound", "chapter", encoded=True)])], path, "m4b", TAGS)
    assert path.read_bytes() == b"old"
    assert files_in(tmp_path) == ["a.m4b"]


def test_pieces_are_taken_one_by_one(tmp_path: Path) -> None:
    """The next piece is made when the one before is written: a book need not fit in memory."""
    seconds: list[float] = []

    def pieces() -> Iterator[Spoken]:
        for number in range(4):
            assert len(seconds) == number
            yield spoken()

    join([SpokenChapter(1, "One", pieces())], tmp_path / "a.opus", "opus", TAGS, watch=seconds.append)
    assert seconds == sorted(seconds)


@pytest.mark.parametrize(
    ("number", "title", "count", "name"),
    [
        (3, "", 9, "03.m4b"),
        (3, "...", 9, "03.m4b"),
        (12, "第" * 100, 300, "012 " + "第" * 40 + ".m4b"),
        (1, "a\tb\nc\0d", 9, "01 a b c d.m4b"),
        (1, "../../etc/passwd", 9, "01 etc passwd.m4b"),
    ],
)
def test_names_are_taken_by_every_file_system(number: int, title: str, count: int, name: str) -> None:
    """No separators, no control characters, not too many bytes."""
    assert file_name(number, title, "m4b", count=count) == name
