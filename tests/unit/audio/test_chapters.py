"""Files with chapters, tags and covers, as other decoders read them."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import av
import pytest
from support.corpus import tone

from audiochat.audio.chapters import ChapteredFile, Tags
from audiochat.audio.formats import BOOK_FORMATS
from audiochat.audio.pictures import picture_kind
from audiochat.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MARKED = [name for name in BOOK_FORMATS if name != "wav"]
SECOND = tone(1.0)


def picture(codec: str) -> bytes:
    """A small picture."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="image2pipe") as file:
        stream = file.add_stream(codec, rate=1, width=64, height=64, pix_fmt="rgb24" if codec == "png" else "yuvj420p")
        frame = av.VideoFrame(64, 64, "rgb24")
        frame.planes[0].update(b"\x40\x80\xc0" * (frame.planes[0].buffer_size // 3))
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    return sink.getvalue()


PNG, JPEG = picture("png"), picture("mjpeg")


def written(path: Path, format_: str, titles: Sequence[str], tags: Tags | None = None) -> Path:
    """A file with a chapter every 1.25 seconds."""
    with ChapteredFile.replacing(path, format_, tags or Tags(title="T"), marks=len(titles)) as file:
        for title in titles:
            file.mark(title, file.samples)
            file.write(SECOND + bytes(12_000))
    return path


def chapters_of(path: Path) -> list[tuple[str, float]]:
    """The chapters of a file, as PyAV reads them: titles and starts."""
    with av.open(str(path)) as file:
        return [
            (chapter["metadata"]["title"], float(chapter["start"] * chapter["time_base"]))
            for chapter in file.chapters()
        ]


def probed(path: Path, *what: str) -> dict[str, Any]:
    """What ffprobe says of a file."""
    if shutil.which("ffprobe") is None:
        pytest.skip("there is no ffprobe")
    command = ["ffprobe", "-v", "error", "-of", "json", *what, str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


@pytest.mark.parametrize("format_", MARKED)
def test_chapters_are_where_they_were_set(format_: str, tmp_path: Path) -> None:
    """Of 300 chapters each has its title, in any script, and its start, within a millisecond."""
    titles = [f"{number}. Über 第{number}章" for number in range(1, 301)]
    found = chapters_of(written(tmp_path / "a.bin", format_, titles))
    assert [title for title, _ in found] == titles
    assert [start for _, start in found] == pytest.approx([1.25 * number for number in range(300)], abs=0.001)


@pytest.mark.parametrize("format_", MARKED)
@pytest.mark.parametrize("cover", [PNG, JPEG], ids=["png", "jpeg"])
def test_tags_and_cover_are_read_elsewhere(format_: str, cover: bytes, tmp_path: Path) -> None:
    """Title, author, narrator and the picture, byte for byte."""
    tags = Tags(title="Der Fluß", author="A. Autor", narrator="alloy", track="3/12", language="deu", cover=cover)
    path = written(tmp_path / "a.bin", format_, ["one"], tags)
    with av.open(str(path)) as file:
        assert bytes(next(file.demux(video=0))) == cover
    told = probed(path, "-show_format", "-show_streams")
    found = {
        name.lower(): value
        for part in (told["format"], *told["streams"])
        for name, value in part.get("tags", {}).items()
    }
    assert (found["title"], found["artist"], found["composer"]) == ("Der Fluß", "A. Autor", "alloy")
    assert (found["album"], found["genre"], found["track"]) == ("Der Fluß", "Audiobook", "3/12")
    picture = next(stream for stream in told["streams"] if stream["codec_type"] == "video")
    assert picture["disposition"]["attached_pic"] == 1


@pytest.mark.parametrize("format_", BOOK_FORMATS)
def test_the_sound_is_all_there(format_: str, tmp_path: Path) -> None:
    """Decoded by another program, it has as many samples as were written, and they begin where they should."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("there is no ffmpeg program")
    path = tmp_path / "a.bin"
    with ChapteredFile.replacing(path, format_, Tags(title="T", cover=PNG), marks=1) as file:
        file.mark("one", 0)
        file.write(bytes(24_000) + SECOND + bytes(24_000))
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a", "-f", "s16le", "-ar", "24000", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    assert len(done.stdout) / 48_000 == pytest.approx(2.0, abs=0.05)
    loud = [
        index
        for index in range(len(done.stdout) // 2)
        if abs(int.from_bytes(done.stdout[2 * index : 2 * index + 2], "little", signed=True)) > 2_000
    ]
    assert loud[0] / 24_000 == pytest.approx(0.5, abs=0.01)


def test_long_titles_are_cut_between_characters(tmp_path: Path) -> None:
    """No half character, and no line break, reaches a player."""
    titles = ["ä" * 200, "第" * 100, "one\ntwo\r\n three", "x" * 255, ""]
    found = [title for title, _ in chapters_of(written(tmp_path / "a.m4b", "m4b", titles)) if title]
    assert found == ["ä" * 126 + "…", "第" * 84 + "…", "one two three", "x" * 255]


def test_a_file_of_mp4_is_an_audiobook_whose_index_is_in_front(tmp_path: Path) -> None:
    """Players go by its brand, and begin before all is downloaded."""
    data = written(tmp_path / "a.m4b", "m4b", ["one"]).read_bytes()
    assert data[4:12] == b"ftypM4B "
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(("count", "lists"), [(20, 2), (255, 2), (256, 1), (300, 1)])
def test_no_list_of_chapters_in_mp4_ends_early(count: int, lists: int, tmp_path: Path) -> None:
    """Nero's list holds 255; of a longer book only the other one is written, since some players prefer Nero's."""
    path = written(tmp_path / "a.m4b", "m4b", [f"Chapter {number}" for number in range(1, count + 1)])
    assert len(chapters_of(path)) == len(probed(path, "-show_chapters")["chapters"]) == count
    assert (b"chpl" in path.read_bytes()) is (lists == 2)
    if shutil.which("mediainfo"):
        told = subprocess.run(["mediainfo", "--Output=JSON", str(path)], capture_output=True, check=True).stdout
        menus = [track for track in json.loads(told)["media"]["track"] if track["@type"] == "Menu"]
        assert [sum(name.startswith("_") for name in menu["extra"]) for menu in menus] == [count] * lists


def test_what_is_not_written_whole_is_not_there(tmp_path: Path) -> None:
    """The old file stays, and nothing lies beside it."""
    path = tmp_path / "a.mp3"
    path.write_bytes(b"old")
    with suppress(KeyboardInterrupt), ChapteredFile.replacing(path, "mp3", Tags(), marks=0) as file:
        file.write(SECOND)
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert [found for found in tmp_path.iterdir() if found.is_file()] == [path]


@pytest.mark.parametrize("cover", [b"GIF89a", b"", PNG[:20], b"\xff\xd8\xff" + bytes(20)])
def test_what_is_no_picture_is_refused(cover: bytes, tmp_path: Path) -> None:
    """Before anything is written."""
    file = ChapteredFile.replacing(tmp_path / "a.m4b", "m4b", Tags(cover=cover), marks=1)
    with pytest.raises(FileError, match="cover"), file:
        pytest.fail("it was opened")
    assert not any(found.is_file() for found in tmp_path.iterdir())


def test_pictures_are_known_by_their_marks() -> None:
    """Not by their names."""
    assert [picture_kind(data) for data in (PNG, JPEG, b"GIF89a")] == ["image/png", "image/jpeg", None]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Its reason is the system's own."""
    with (
        pytest.raises(FileError, match="No such file"),
        ChapteredFile.replacing(tmp_path / "no" / "a.m4b", "m4b", Tags(), marks=1),
    ):
        pytest.fail("it was opened")
