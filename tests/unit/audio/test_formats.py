"""The one table of formats: what `-f`, file names, the API and FFmpeg call them."""

from __future__ import annotations

import subprocess
import sys

import av
import pytest

from audiochat.audio import formats


def test_the_formats_are_those_of_the_contract() -> None:
    """What `-f` takes, what audiobooks are made in, and what the API makes itself."""
    assert set(formats.ANSWER_FORMATS) == {"wav", "mp3", "flac", "opus", "aac", "m4a", "pcm16"}
    assert set(formats.BOOK_FORMATS) == {"m4b", "mp3", "flac", "opus", "wav"}
    assert set(formats.SERVICE_FORMATS) == {"wav", "mp3", "flac", "opus", "pcm16"}
    assert set(formats.API_FORMATS) == {*formats.SERVICE_FORMATS, "aac"}


@pytest.mark.parametrize(
    ("suffix", "answer", "book"),
    [
        (".wav", "wav", "wav"),
        (".WAVE", "wav", "wav"),
        (".Mp3", "mp3", "mp3"),
        (".ogg", "opus", "opus"),
        (".m4a", "m4a", "m4b"),
        (".m4b", None, "m4b"),
        (".pcm", "pcm16", None),
        (".txt", None, None),
        ("", None, None),
    ],
)
def test_a_suffix_stands_for_a_format(suffix: str, answer: str | None, book: str | None) -> None:
    """In any case of letters; `.m4a` is an answer's format, and an audiobook's."""
    assert formats.of_suffix(suffix) == answer
    assert formats.of_suffix(suffix, formats.BOOK_FORMATS) == book


@pytest.mark.parametrize("name", [*formats.ANSWER_FORMATS, "m4b"])
def test_a_new_file_has_a_suffix_that_stands_for_its_format(name: str) -> None:
    """What is named after a format is found by its name again."""
    assert formats.of_suffix(formats.named(name).suffix, [*formats.ANSWER_FORMATS, "m4b"]) == name


@pytest.mark.parametrize("name", [*formats.ANSWER_FORMATS, "m4b"])
def test_ffmpeg_has_what_the_table_names(name: str) -> None:
    """Muxers and encoders are in the wheels of PyAV."""
    format_ = formats.named(name)
    if format_.muxer is not None and format_.encoder is not None:
        assert format_.muxer in av.formats_available
        assert av.Codec(format_.encoder, "w").is_encoder


def test_the_table_is_light() -> None:
    """`--help` reads it, so nothing heavy comes with it."""
    code = "import sys, audiochat.audio.formats; print('av' in sys.modules, len(sys.modules) < 150)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "True"]
