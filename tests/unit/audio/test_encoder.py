"""Sound while it comes and whole files, in every format: read back here, and by decoders of other people."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from itertools import pairwise
from typing import TYPE_CHECKING

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.corpus import tone

from audiochat.audio import codec, wav
from audiochat.audio.encoder import Encoder, encode
from audiochat.audio.formats import ANSWER_FORMATS, named

if TYPE_CHECKING:
    from pathlib import Path

LOSSLESS = ("wav", "flac", "pcm16")
LENGTHS = (0, 1, 2, 100, 1000, 2303, 2304, 2305, 4608, 24_000)
"""Samples: around the frames of FLAC, MP3 and AAC."""

DECODERS = {
    "wav": ["sox {} -t raw -", "ffmpeg -v error -i {} -f s16le -"],
    "flac": [
        "flac --test --silent {}",
        "flac --decode --stdout --silent {}",
        "ffmpeg -v error -xerror -i {} -f s16le -",
    ],
    "mp3": ["mpg123 -q -s {}", "sox {} -t raw -", "ffmpeg -v error -xerror -i {} -f s16le -"],
    "opus": ["opusdec --quiet {} -", "ffmpeg -v error -xerror -i {} -f s16le -"],
    "aac": ["faad -q -w -f 2 {}", "ffmpeg -v error -xerror -i {} -f s16le -"],
    "m4a": ["ffmpeg -v error -xerror -i {} -f s16le -"],
    "m4a, whole": ["faad -q -w -f 2 {}"],
}
"""Programs that decode a format; faad knows no fragments."""


def piped(pcm: bytes, format_: str) -> bytes:
    """Sound as it goes through a pipe."""
    encoder = Encoder(format_)
    return encoder.encode(pcm) + encoder.finish()


def decoded(data: bytes, format_: str) -> bytes:
    """The samples of a file."""
    return data if format_ == "pcm16" else b"".join(codec.decode(io.BytesIO(data), name="x"))


# --- read back here


@pytest.mark.parametrize("format_", LOSSLESS)
def test_lossless_formats_give_the_samples_back(format_: str) -> None:
    """What is encoded without loss is decoded to the same samples."""
    pcm = tone(0.5)
    assert decoded(encode(pcm, format_), format_) == pcm
    assert decoded(piped(pcm, format_), format_) == pcm


@pytest.mark.parametrize("format_", ["mp3", "flac", "opus", "m4a"])
def test_a_whole_file_tells_its_length_in_its_header(format_: str) -> None:
    """Players that look at the header alone show the right length; ADTS (aac) has no header of the whole."""
    with av.open(io.BytesIO(encode(tone(2), format_))) as container:
        duration = container.duration
    assert duration is not None
    assert duration / 1_000_000 == pytest.approx(2.0, abs=0.1)


@settings(deadline=None, max_examples=25)
@given(
    format_=st.sampled_from(ANSWER_FORMATS),
    samples=st.integers(1_000, 12_000),
    cuts=st.lists(st.integers(0, 24_000), max_size=12),
)
def test_pieces_split_anywhere_make_the_whole(format_: str, samples: int, cuts: list[int]) -> None:
    """Samples may come in pieces of any length, odd ones too: what is made lasts as long as they do."""
    pcm = tone(0.5)[: 2 * samples]
    bounds = [0, *sorted(min(cut, len(pcm)) for cut in cuts), len(pcm)]
    encoder = Encoder(format_)
    pieces = b"".join(encoder.encode(pcm[start:end]) for start, end in pairwise(bounds))
    pieces += encoder.finish()
    length = codec.duration(pieces, format_)
    assert length == pytest.approx(len(pcm) / 48_000, abs=0.13)  # what lossy encoders add at both ends
    if format_ in LOSSLESS:
        assert decoded(pieces, format_) == pcm


@pytest.mark.parametrize("format_", [name for name in ANSWER_FORMATS if named(name).streams])
def test_pieces_leave_before_the_end(format_: str) -> None:
    """An encoder gives what it has while samples come, which is why a pipe can play at once."""
    encoder = Encoder(format_)
    early = b"".join(encoder.encode(tone(0.1)) for _ in range(10))
    late = encoder.finish()
    assert len(early) > len(late)
    # A program that gets the early part alone can play it.
    assert len(decoded(early, format_)) > 0.7 * 48_000


def test_a_half_sample_at_the_end_is_dropped() -> None:
    """An odd byte is no sample."""
    pcm = struct.pack("<3h", 1, 2, 3)
    assert decoded(piped(pcm + b"\x7f", "flac"), "flac") == pcm


# --- the index, and headers that are mended


def test_a_whole_m4a_has_its_index_in_front() -> None:
    """A browser plays it before it has all of it."""
    data = encode(tone(2), "m4a")
    assert data[4:8] == b"ftyp"
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_a_piped_m4a_is_fragmented() -> None:
    """The first fragment can be played before the second is made."""
    data = piped(tone(2), "m4a")
    assert data.count(b"moof") > 5
    with av.open(io.BytesIO(data[: data.rindex(b"moof") - 4])) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 1.5 * 24_000


@pytest.mark.parametrize("samples", LENGTHS)
@pytest.mark.parametrize("format_", ["wav", "flac"])
def test_a_header_can_be_mended_at_the_end(format_: str, samples: int) -> None:
    """Where stdout is a file, its header tells the true length when all is written."""
    pcm = tone(1)[: 2 * samples]
    encoder = Encoder(format_)
    data = bytearray(encoder.encode(pcm) + encoder.finish())
    patch = encoder.header_patch()
    assert patch is not None
    offset, fresh = patch
    data[offset : offset + len(fresh)] = fresh
    if format_ == "wav":
        assert bytes(data) == wav.wrap(pcm)
    else:
        assert int.from_bytes(data[21:26], "big") & 0xFFFFFFFFF == samples
    assert decoded(bytes(data), format_) == pcm if samples else True


@pytest.mark.parametrize("format_", ["mp3", "opus", "aac", "m4a", "pcm16"])
def test_other_headers_need_no_mending(format_: str) -> None:
    """They tell no length, or each piece of them does."""
    encoder = Encoder(format_)
    encoder.encode(tone(0.1))
    encoder.finish()
    assert encoder.header_patch() is None


# --- read by other people's programs


@pytest.mark.parametrize("samples", LENGTHS)
@pytest.mark.parametrize("way", ["whole", "piped"])
@pytest.mark.parametrize("format_", [name for name in ANSWER_FORMATS if name != "pcm16"])
def test_other_decoders_read_sound_of_any_length(tmp_path: Path, format_: str, way: str, samples: int) -> None:
    """Without an error or a complaint: also of no length at all, or shorter than one frame."""
    pcm = tone(1)[: 2 * samples]
    path = tmp_path / f"sound{named(format_).suffix}"
    path.write_bytes(encode(pcm, format_) if way == "whole" else piped(pcm, format_))
    programs = DECODERS[format_] + DECODERS.get(f"{format_}, {way}", [])
    here = [command for command in programs if shutil.which(command.split()[0])]
    if not here:
        pytest.skip(f"none of {', '.join(command.split()[0] for command in programs)} is here")
    for command in here:
        ran = subprocess.run(command.format(path).split(), capture_output=True, timeout=60, check=False)
        assert ran.returncode == 0, (command, ran.stderr)
        if format_ in LOSSLESS and "--test" not in command:
            assert ran.stdout[-len(pcm) :] == pcm or not pcm
