"""Any sound to any other: with real files, made here."""

from __future__ import annotations

import array
import io
import wave
from itertools import pairwise

import pytest
from support.corpus import tone

from audiochat.audio import codec, wav
from audiochat.audio.formats import ANSWER_FORMATS
from audiochat.errors import FileError

LOSSLESS = ("wav", "flac", "pcm16")
WITH_A_HEADER = [name for name in ANSWER_FORMATS if name != "pcm16"]


def loudest_frequency(data: bytes) -> float:
    """Of a tone in a WAV file, in Hz: how often it crosses zero upwards in its middle third."""
    with wave.open(io.BytesIO(data)) as file:
        rate, samples = file.getframerate(), array.array("h", file.readframes(file.getnframes()))
    middle = samples[len(samples) // 3 : 2 * len(samples) // 3]
    crossings = sum(before < 0 <= after for before, after in pairwise(middle))
    return float(crossings * rate / len(middle))


@pytest.mark.parametrize("format_", ANSWER_FORMATS)
def test_what_is_encoded_lasts_as_long(format_: str) -> None:
    """A second of sound is a second in every format, but for what a lossy encoder adds."""
    encoded = codec.encode(tone(1), format_)
    assert codec.duration(encoded, format_) == pytest.approx(1.0, abs=0 if format_ in LOSSLESS else 0.15)


@pytest.mark.parametrize("to", ANSWER_FORMATS)
@pytest.mark.parametrize("from_", WITH_A_HEADER)
def test_sound_is_transcoded_between_formats(from_: str, to: str) -> None:
    """From any format to any other, a tone stays the tone that it was."""
    encoded = codec.transcode(codec.encode(tone(0.5), from_), to, name="x")[:]
    as_wav = wav.wrap(encoded) if to == "pcm16" else codec.transcode(encoded, "wav", name="x")[:]
    assert codec.duration(as_wav, "wav") == pytest.approx(0.5, abs=0.3)
    assert loudest_frequency(as_wav) == pytest.approx(440, abs=45)


def test_transcoding_what_is_no_sound_is_a_file_error() -> None:
    """The name is in the message."""
    with pytest.raises(FileError, match="the answer"):
        codec.transcode(b"nothing of the kind", "mp3", name="the answer")


@pytest.mark.parametrize("format_", WITH_A_HEADER)
def test_the_length_of_garbage_is_not_told(format_: str) -> None:
    """A file that cannot be read has no length, and that is no error."""
    assert codec.duration(b"garbage and nothing else", format_) is None
