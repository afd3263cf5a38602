"""Files of sound with chapters, titles and a picture: written while the sound comes, in memory that does not grow.

The marks are known at the end. MP4 takes them there; of the other formats the packets are copied then, behind the tags.
"""

from __future__ import annotations

import base64
import io
import struct
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from audiochat.audio import SAMPLE_RATE, formats
from audiochat.audio.encoder import AudioTrack
from audiochat.audio.pictures import picture_kind
from audiochat.errors import FileError
from audiochat.storage import written_beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av import AudioStream
    from av.container import OutputContainer

    from audiochat.audio.formats import Format

_MODE = 0o666
"""Of new files; the umask applies."""

_TITLE_BYTES = 255
"""Of a chapter's title in UTF-8: as many as the shorter of MP4's two lists of chapters takes."""

_NERO_CHAPTERS = 255
"""Chapters that the older of MP4's two lists, Nero's `chpl`, can hold."""

_BIT_RATES = {"aac": 64_000, "libmp3lame": 64_000, "libopus": 32_000}
"""Bits a second that are transparent for one voice."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A mark in a file of sound."""

    title: str
    start: int
    """The sample, of 24,000 a second, at which it begins."""

    @property
    def seconds(self) -> float:
        """When it begins."""
        return self.start / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Tags:
    """What a file of sound tells of itself; what is empty is left out."""

    title: str = ""
    author: str = ""
    narrator: str = ""
    album: str = ""
    """By default the title."""
    track: str = ""
    """`3/12`, of one file of several."""
    language: str = ""
    """ISO 639."""
    cover: bytes | None = field(default=None, repr=False)
    """A picture: PNG or JPEG."""

    def as_metadata(self) -> dict[str, str]:
        """In FFmpeg's names, which its muxers translate to each format's own."""
        told = {
            "title": self.title,
            "artist": self.author,
            "album_artist": self.author,
            "album": self.album or self.title,
            "composer": self.narrator,  # where players of audiobooks look for the narrator
            "track": self.track,
            "genre": "Audiobook",
        }
        return {name: value.encode("utf-8", "replace").decode() for name, value in told.items() if value}


class ChapteredFile:
    """Writes a file with chapters; used as in `with ChapteredFile.replacing(path, "m4b", tags, marks=12) as file`."""

    def __init__(self, path: Path, format: Format, tags: Tags) -> None:
        self._path = path
        self._format = format
        self._tags = tags
        self._marks: list[Chapter] = []
        self.samples = 0
        """Written so far."""
        self._track = AudioTrack(format, str(path), bit_rate=_BIT_RATES.get(str(format.encoder)))
        self._final = format.muxer in _TAKES_MARKS_LATE
        cover = None
        if self._final:
            _tell(self._track.container, tags)
            cover = _add_cover(self._track.container, tags)
        self._track.start()
        if cover is not None:
            self._track.container.mux(cover)

    @classmethod
    @contextmanager
    def replacing(cls, path: Path, format: str, tags: Tags, *, marks: int) -> Iterator[ChapteredFile]:
        """Open a file in the place of another, which is replaced at the end of the block, whole or not at all.

        Args:
            path: The file.
            format: One of `BOOK_FORMATS`.
            tags: What it tells of itself.
            marks: How many chapters it will have, at most.

        Raises:
            FileError: it cannot be written, or the cover is no picture that it can hold.
        """
        if tags.cover is not None:
            _check_cover(tags.cover)
        described = _described(format, marks)
        with _as_file_error(path), ExitStack() as stack:
            temporary = stack.enter_context(written_beside(path.absolute(), (), mode=_MODE))
            file = cls(temporary, described, tags)
            with ExitStack() as on_failure:
                on_failure.callback(file.abandon)
                yield file
                on_failure.pop_all()
            file.close()
            if not file._final:
                tagged = stack.enter_context(written_beside(path.absolute(), (), mode=_MODE))
                _copy_tagged(temporary, tagged, described, tags, _as_chapters(file.marks(), file.samples))
                temporary = tagged
            temporary.replace(path)

    def mark(self, title: str, start: int) -> None:
        """Begin a chapter with a sample, counted from the file's first one; marks are set in order."""
        self._marks.append(Chapter(_shortened(title), start))

    def marks(self) -> tuple[Chapter, ...]:
        """The chapters so far."""
        return tuple(self._marks)

    def write(self, pcm: bytes) -> None:
        """Take samples: s16le, mono, 24,000 Hz, in whole samples."""
        self.samples += len(pcm) // 2
        self._track.write(pcm)

    def close(self) -> None:
        """Write the end."""
        if self._final:
            self._track.container.set_chapters(cast("Any", _as_chapters(self.marks(), self.samples)))
        self._track.close()

    def abandon(self) -> None:
        """Close the file, which is not whole."""
        self._track.container.close()


_TAKES_MARKS_LATE = {"mp4", "wav"}
"""Muxers that write chapters at the end, or none at all."""

# FFmpeg's muxer, for the sizes of files beyond 4 GB.
_WAV = replace(formats.named("wav"), muxer="wav", encoder="pcm_s16le", file_options=(("rf64", "auto"),))


def _described(format: str, marks: int) -> Format:
    """A format with what its muxer has to be told about so many chapters."""
    if format == "wav":
        return _WAV
    described = formats.named(format)
    if described.muxer != "mp4" or marks <= _NERO_CHAPTERS:
        return described
    # Of a longer book Nero's list would have the first 255 chapters alone, and VLC prefers it to the whole one.
    options = dict(described.file_options)
    options["movflags"] += "+disable_chpl"
    return replace(described, file_options=tuple(options.items()))


@contextmanager
def _as_file_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:  # FFmpeg's own among them
        raise FileError(f"{path} cannot be written: {exc.strerror or exc}.", hint="Write elsewhere with -o.") from exc


def _tell(container: OutputContainer, tags: Tags, extra: dict[str, str] | None = None) -> None:
    mp4 = {"media_type": "2"} if container.format.name == "mp4" else {}  # an audiobook, to Apple's players
    container.metadata.update({**tags.as_metadata(), **mp4, **(extra or {})})
    if tags.language:
        container.streams.audio[0].metadata["language"] = tags.language


def _check_cover(cover: bytes) -> None:
    import av

    if picture_kind(cover) is None:
        raise FileError("The cover is neither PNG nor JPEG.", hint="Give it one of these.", code="not_a_picture")
    try:
        with av.open(io.BytesIO(cover)) as picture:
            next(picture.decode(video=0))
    except (av.error.FFmpegError, IndexError, StopIteration) as exc:
        raise FileError("The cover is a damaged picture.", hint="Give it another.", code="not_a_picture") from exc


def _add_cover(container: OutputContainer, tags: Tags) -> Any:
    """Add a track for the cover; the packet that is to be written to it first, or None."""
    import av
    from av.stream import Disposition

    if tags.cover is None or container.format.name == "wav":
        return None
    with av.open(io.BytesIO(tags.cover)) as picture:
        source = picture.streams.video[0]
        stream = container.add_stream_from_template(source)
        packet = next(picture.demux(source))
    stream.disposition = Disposition.attached_pic
    stream.metadata["comment"] = "Cover (front)"  # the picture's type, in FFmpeg's words
    packet.stream, packet.pts, packet.dts = stream, 0, 0
    return packet


def _copy_tagged(source: Path, path: Path, format: Format, tags: Tags, chapters: list[dict[str, Any]]) -> None:
    """Copy the packets of a file behind its tags and chapters, which are known now."""
    import av

    options = {"id3v2_version": "3"} if format.muxer == "mp3" else {}  # the version that every player reads
    with av.open(str(source)) as read, av.open(str(path), "w", format=format.muxer, options=options) as written:
        sound = read.streams.audio[0]
        track = written.add_stream_from_template(sound)
        extra: dict[str, str] = {}
        if format.muxer in ("flac", "ogg"):
            extra = _vorbis_chapters(chapters)
        if format.muxer == "ogg" and tags.cover is not None:
            extra["METADATA_BLOCK_PICTURE"] = _picture_block(tags.cover)
        _tell(written, tags, extra)
        cover = None if format.muxer == "ogg" else _add_cover(written, tags)
        if format.muxer == "mp3":
            written.set_chapters(cast("Any", chapters))
        written.start_encoding()
        if cover is not None:
            written.mux(cover)
        for packet in read.demux(sound):
            if packet.dts is not None:
                packet.stream = cast("AudioStream", track)
                written.mux(packet)


def _as_chapters(marks: tuple[Chapter, ...], end: int) -> list[dict[str, Any]]:
    """Chapters as PyAV takes them, each of which ends where the next one begins."""
    ends = [*(mark.start for mark in marks[1:]), end]
    return [
        {
            "id": number,
            "start": mark.start,
            "end": ends[number],
            "time_base": Fraction(1, SAMPLE_RATE),
            "metadata": {"title": mark.title},
        }
        for number, mark in enumerate(marks)
    ]


def _vorbis_chapters(chapters: list[dict[str, Any]]) -> dict[str, str]:
    """Chapters as Vorbis comments. Source: the Xiph wiki's "Chapter Extension"."""
    comments = {}
    for number, chapter in enumerate(chapters, 1):
        milliseconds = round(1000 * chapter["start"] * chapter["time_base"])
        minutes, rest = divmod(milliseconds, 60_000)
        clock = f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
        comments[f"CHAPTER{number:03}"] = clock
        comments[f"CHAPTER{number:03}NAME"] = chapter["metadata"]["title"]
    return comments


def _picture_block(picture: bytes) -> str:
    """A front cover as a Vorbis comment. Source: RFC 9639, 8.8."""
    kind = str(picture_kind(picture)).encode()
    block = struct.pack(">II", 3, len(kind)) + kind + struct.pack(">IIIIII", 0, 0, 0, 0, 0, len(picture)) + picture
    return base64.b64encode(block).decode()


def _shortened(title: str) -> str:
    """A title in one line, cut between characters."""
    title = " ".join(title.split())
    data = title.encode("utf-8", "replace")
    if len(data) <= _TITLE_BYTES:
        return data.decode()
    return data[: _TITLE_BYTES - len("…".encode())].decode("utf-8", "ignore").rstrip() + "…"
