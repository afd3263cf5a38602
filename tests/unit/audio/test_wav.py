"""WAV headers: read whatever players read, write what the standard library accepts, mend what lies."""

from __future__ import annotations

import base64
import io
import struct
import wave
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.corpus import FLOAT_TAG, chunk, fmt, riff

from audiochat.audio import wav
from audiochat.audio.wav import Wav

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLES = struct.pack("<6h", 0, 1, -1, 300, -300, 32767)


def samples_of(data: bytes) -> bytes:
    """The samples of a file as the standard library reads them."""
    with wave.open(io.BytesIO(data)) as file:
        samples: bytes = file.readframes(file.getnframes())
    return samples


LIST = chunk(b"LIST", b"INFOISFT\x0e\0\0\0Lavf58.29.100\0")


def test_samples_are_found_behind_a_list_chunk() -> None:
    """Samples start where the `data` chunk says, not at byte 44."""
    found = wav.read(riff(fmt(), LIST, chunk(b"data", SAMPLES)))
    assert found == Wav(channels=1, sample_rate=24_000, bits=16, offset=78, size=12, frame=2)


def test_a_chunk_of_odd_length_is_followed_by_a_byte_of_padding() -> None:
    """Chunks start at even bytes, so the next one is found behind the padding."""
    found = wav.read(riff(fmt(), chunk(b"note", b"odd"), chunk(b"data", SAMPLES)))
    assert found is not None
    assert (found.offset, found.size) == (44 + 8 + 4, 12)


def test_the_recorded_answer_of_the_service_is_read(recorded: Callable[[str], Any]) -> None:
    """A real answer has a LIST chunk: its samples start at byte 78 and last as long as its header says."""
    data = base64.b64decode(recorded("langchainjs-audio.json")["data"])
    found = wav.read(data)
    assert found is not None
    assert (found.channels, found.sample_rate, found.bits, found.offset) == (1, 24_000, 16, 78)
    assert found.size == len(data) - 78
    assert found.seconds == pytest.approx((len(data) - 78) / 48_000)
    assert samples_of(data) == data[78:]
    assert wav.mend(data) == data


@pytest.mark.parametrize("claims", [0xFFFFFFFF, 0, 13, 1_000_000])
def test_a_size_that_lies_reaches_to_the_end_of_the_file(claims: int) -> None:
    """Unknown sizes of pipes (0xFFFFFFFF, 0) and sizes beyond the end mean: everything that is there."""
    found = wav.read(riff(fmt(), chunk(b"data", SAMPLES, claims=claims)))
    assert found is not None
    assert found.size == 12


def test_a_size_smaller_than_the_file_is_believed() -> None:
    """What stands behind the samples is none of them."""
    found = wav.read(riff(fmt(), chunk(b"data", SAMPLES), LIST))
    assert found is not None
    assert found.size == 12


@pytest.mark.parametrize(
    ("format_chunk", "frame", "seconds"),
    [
        (fmt(bits=8, rate=8_000), 1, 1200 / 8_000),
        (fmt(bits=24, rate=48_000), 3, 400 / 48_000),
        (fmt(bits=24, rate=48_000, channels=2), 6, 200 / 48_000),
        (fmt(tag=FLOAT_TAG, bits=32, rate=16_000), 4, 300 / 16_000),
        (fmt(tag=0xFFFE, bits=16, channels=2, extra=bytes(24)), 4, 300 / 24_000),
    ],
    ids=["8-bit", "24-bit", "24-bit stereo", "float", "extensible"],
)
def test_samples_of_any_width_are_measured(format_chunk: bytes, frame: int, seconds: float) -> None:
    """Duration is bytes by frame by rate, for 8, 16, 24 and 32 bits, whole or float."""
    found = wav.read(riff(format_chunk, chunk(b"data", bytes(1200))))
    assert found is not None
    assert (found.frame, found.size) == (frame, 1200)
    assert found.seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"RIFX" + riff(fmt(), chunk(b"data", SAMPLES))[4:],
        riff(fmt())[:8] + b"AVI " + riff(fmt(), chunk(b"data", SAMPLES))[12:],
        riff(chunk(b"data", SAMPLES), fmt()),
        riff(fmt()),
        riff(fmt(), chunk(b"data", b"")),
        riff(fmt(rate=0), chunk(b"data", SAMPLES)),
        riff(fmt(channels=0), chunk(b"data", SAMPLES)),
        riff(fmt(bits=24, channels=2), chunk(b"data", b"12345")),
        riff(chunk(b"fmt ", b"short"), chunk(b"data", SAMPLES)),
    ],
    ids=[
        "nothing",
        "four bytes",
        "big-endian",
        "AVI",
        "data before fmt",
        "no data",
        "no samples",
        "no rate",
        "no channels",
        "less than one frame",
        "fmt too short",
    ],
)
def test_what_makes_no_sense_is_no_wav(data: bytes) -> None:
    """A header without sense, or without one whole frame of samples, is None, and mending leaves it alone."""
    assert wav.read(data) is None
    assert wav.mend(data) == data


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: b"RIFF\0\0\0\0WAVE" + rest))
def test_garbage_never_raises(data: bytes) -> None:
    """Whatever the bytes are, reading and mending answer; a header that is read lies inside of the bytes."""
    found = wav.read(data)
    mended = wav.mend(data)
    if found is None:
        assert mended == data
    else:
        assert found.offset + found.size <= len(data)
        assert found.seconds > 0


@given(st.integers(0, 40), st.binary(max_size=120))
def test_a_damaged_header_never_raises(cut: int, noise: bytes) -> None:
    """A real header that breaks off, or goes on with noise, is read or not, but never an exception."""
    wav.mend(riff(fmt(), LIST, chunk(b"data", SAMPLES))[: 12 + cut] + noise)


@given(st.binary(min_size=2, max_size=300), st.sampled_from([8_000, 16_000, 24_000, 44_100]))
def test_wrapped_samples_are_read_by_the_standard_library(pcm: bytes, rate: int) -> None:
    """`wrap` makes a file that `wave` opens, with all whole samples in it, and whose RIFF size is exact."""
    made = wav.wrap(pcm, sample_rate=rate)
    with wave.open(io.BytesIO(made)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, rate)
        assert file.readframes(file.getnframes()) == pcm[: len(pcm) // 2 * 2]
    assert struct.unpack_from("<I", made, 4)[0] == len(made) - 8
    assert len(made) % 2 == 0


def test_a_header_for_a_pipe_claims_no_size() -> None:
    """Without a size the header says 0xFFFFFFFF, and what follows it is all samples."""
    head = wav.header(None)
    assert len(head) == 44
    assert struct.unpack_from("<I", head, 4)[0] == struct.unpack_from("<I", head, 40)[0] == 0xFFFFFFFF
    found = wav.read(head + SAMPLES)
    assert found is not None
    assert (found.offset, found.size, found.sample_rate) == (44, 12, 24_000)


@pytest.mark.parametrize("claims", [0xFFFFFFFF, 0, 999])
@pytest.mark.parametrize("riff_claims", [0xFFFFFFFF, 0, 5, None])
def test_mended_sizes_are_the_true_ones(claims: int, riff_claims: int | None) -> None:
    """Lying sizes in both headers become the true ones; other chunks and the samples stay."""
    lying = riff(fmt(), LIST, chunk(b"data", SAMPLES, claims=claims), claims=riff_claims)
    assert wav.mend(lying) == riff(fmt(), LIST, chunk(b"data", SAMPLES))


def test_chunks_behind_the_samples_survive_mending() -> None:
    """A wrong RIFF size alone does not cost the chunks that follow the samples."""
    lying = riff(fmt(), chunk(b"data", SAMPLES), LIST, claims=0)
    assert wav.mend(lying) == riff(fmt(), chunk(b"data", SAMPLES), LIST)


def test_a_correct_file_is_left_alone() -> None:
    """Mending what is right changes no byte."""
    right = riff(fmt(), LIST, chunk(b"data", SAMPLES), chunk(b"id3 ", b"tag"))
    assert wav.mend(right) == right


@pytest.mark.parametrize("tag", [b"TAG" + bytes(125), b"\0", b"ID3\x03\0\0\0\0\0\x0a0123456789"])
def test_what_is_no_chunk_is_left_out_behind_the_samples(tag: bytes) -> None:
    """Readers that go by the headers stumble over a tag at the end, whether or not the RIFF size covers it."""
    right = riff(fmt(), chunk(b"data", SAMPLES))
    assert wav.mend(right + tag) == right
    assert wav.mend(riff(fmt(), chunk(b"data", SAMPLES), tag)) == right


@given(
    pcm=st.binary(min_size=2, max_size=99),
    claims=st.sampled_from([0, 0xFFFFFFFF, 0x7FFFFFFF]) | st.integers(0, 200) | st.none(),
    riff_claims=st.sampled_from([0, 0xFFFFFFFF]) | st.integers(0, 400) | st.none(),
    before=st.booleans(),
    after=st.booleans(),
    padded=st.booleans(),
)
def test_mending_is_idempotent(
    *, pcm: bytes, claims: int | None, riff_claims: int | None, before: bool, after: bool, padded: bool
) -> None:
    """For any length and any lie: mended once is mended, the sizes are true, and no sample changes."""
    data = chunk(b"data", pcm, claims=claims)
    if len(pcm) % 2 and not padded:
        data = data[:-1]
    lying = riff(fmt(), *([LIST] if before else []), data, *([LIST] if after else []), claims=riff_claims)
    found = wav.read(lying)
    mended = wav.mend(lying)[:]
    assert wav.mend(mended) == mended
    if found is None:
        return
    again = wav.read(mended)
    assert again is not None
    assert (again.offset, again.size) == (found.offset, found.size)
    assert struct.unpack_from("<I", mended, 4)[0] == len(mended) - 8
    assert struct.unpack_from("<I", mended, again.offset - 4)[0] == again.size
    assert mended[again.offset : again.offset + again.size] == lying[found.offset : found.offset + found.size]
    assert samples_of(mended) == mended[again.offset : again.offset + again.size // 2 * 2]


def test_an_early_size_does_not_cut_a_recording() -> None:
    """A recorder that stopped before its end left the size of its first block; a tag behind the samples is no sound."""
    pcm = bytes(range(256)) * 40
    whole = wav.wrap(pcm)
    early = whole[:40] + (100).to_bytes(4, "little") + whole[44:]
    mended = wav.read(bytes(wav.mend(early)[:]))
    assert mended is not None
    assert mended.size == len(pcm)
    tagged = wav.read(bytes(wav.mend(whole + b"TAG" + bytes(125))[:]))
    assert tagged is not None
    assert tagged.size == len(pcm)
