"""Any sound to what the API takes, and the API's sound to any format: with real files, made here."""

from __future__ import annotations

import array
import io
import struct
import wave
from itertools import pairwise
from typing import TYPE_CHECKING

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.corpus import KINDS, RATE, Kind, made, tone

from audiochat.audio import codec, wav
from audiochat.audio.codec import FORMATS, Encoder
from audiochat.chat.recordings import for_sending
from audiochat.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LATIN_1 = b"Caf\xe9 Tacvba"
"""A title as the music programs of Latin-1's days wrote it: no UTF-8."""


def loudest_frequency(data: bytes) -> float:
    """Of a tone in a WAV file, in Hz: how often it crosses zero upwards in its middle third."""
    with wave.open(io.BytesIO(data)) as file:
        rate, samples = file.getframerate(), array.array("h", file.readframes(file.getnframes()))
    middle = samples[len(samples) // 3 : 2 * len(samples) // 3]
    crossings = sum(before < 0 <= after for before, after in pairwise(middle))
    return float(crossings * rate / len(middle))


# --- for sending


@pytest.mark.parametrize("name", KINDS)
def test_what_the_api_does_not_take_is_converted_to_wav(name: str) -> None:
    """Every other format, and the sound track of a film, becomes WAV, 24 kHz mono, as long and as high as it was."""
    kind = KINDS[name]
    sent = for_sending(io.BytesIO(made(kind)), name=name)
    assert sent.format == "wav"
    with wave.open(io.BytesIO(sent.data[:])) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        assert file.getnframes() / RATE == pytest.approx(1.0, abs=kind.tolerance)
    assert loudest_frequency(sent.data[:]) == pytest.approx(440, abs=6)


@pytest.mark.parametrize(
    "kind",
    [
        Kind("mp3", "libmp3lame", rate=44_100),
        Kind("mp3", "libmp3lame", rate=22_050),
        Kind("wav", "pcm_s16le", layout="mono"),
        Kind("wav", "pcm_f32le"),
        Kind("wav", "pcm_u8", rate=8_000, layout="mono"),
    ],
    ids=["mp3", "mp3, MPEG 2", "wav", "wav, float", "wav, 8-bit"],
)
def test_wav_and_mp3_go_as_they_are(kind: Kind) -> None:
    """What the API takes is sent byte for byte."""
    data = made(kind)
    sent = for_sending(io.BytesIO(data), name="x")
    assert (sent.format, sent.data[:]) == (kind.container, data)


def test_what_goes_as_it_is_need_not_be_named_so(tmp_path: Path) -> None:
    """An MP3 file that is called .wav is sent as the MP3 that it is."""
    path = tmp_path / "song.wav"
    path.write_bytes(made(Kind("mp3", "libmp3lame")))
    with path.open("rb") as file:
        sent = for_sending(file, name="song.wav")
    assert sent.format == "mp3"


@pytest.mark.parametrize("suffix", ["wav", "mp3", "m4a", "aac", "flac", "ogg", "mp4", "txt"])
def test_text_is_no_audio_whatever_its_name_says(tmp_path: Path, suffix: str) -> None:
    """A text named like a recording is refused, by name, and nothing is sent."""
    path = tmp_path / f"notes.{suffix}"
    path.write_text("These are notes, and nobody speaks in them.\n" * 40)
    with path.open("rb") as file, pytest.raises(FileError) as raised:
        for_sending(file, name=path.name)
    assert path.name in raised.value.message
    assert (raised.value.exit_code, raised.value.code) == (6, "not_audio")


def test_an_empty_file_is_no_audio() -> None:
    """Nothing is refused with words of its own."""
    with pytest.raises(FileError, match=r"silence\.wav is empty"):
        for_sending(io.BytesIO(), name="silence.wav")


def test_a_wav_header_without_samples_is_no_audio() -> None:
    """A recording of no length is refused here and not by the service."""
    with pytest.raises(FileError):
        for_sending(io.BytesIO(wav.wrap(b"")), name="x.wav")


def test_a_film_without_sound_is_no_audio() -> None:
    """What has pictures alone is refused, and the reason is told."""
    silent = made(Kind("mp4", None, film=True))
    with pytest.raises(FileError, match=r"film\.mp4 has no sound in it"):
        for_sending(io.BytesIO(silent), name="film.mp4")


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    """A playlist, which FFmpeg by itself would follow to a file of the user's, is refused."""
    secret = tmp_path / "secret.ts"
    secret.write_bytes(made(Kind("mpegts", "libmp3lame")))
    playlist = tmp_path / "song.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{secret}\n#EXT-X-ENDLIST\n")
    with playlist.open("rb") as file, av.open(file) as unguarded:
        assert sum(frame.samples for frame in unguarded.decode(audio=0)) > 40_000, "the danger is real"
    with playlist.open("rb") as file, pytest.raises(FileError):
        for_sending(file, name="song.m3u8")


def test_a_large_wav_becomes_a_small_mp3() -> None:
    """A WAV file above 20,000,000 bytes is sent as MP3 of the same length."""
    seconds = 105
    data = wav.wrap(tone(1, rate=96_000) * seconds, sample_rate=96_000)
    assert len(data) > 20_000_000
    sent = for_sending(io.BytesIO(data), name="long.wav")
    assert sent.format == "mp3"
    assert len(sent.data) < 2_000_000
    assert codec.seconds(sent.data, "mp3") == pytest.approx(seconds, abs=0.2)


def test_a_wav_of_exactly_the_limit_goes_as_it_is() -> None:
    """20,000,000 bytes are allowed."""
    data = wav.wrap(bytes(20_000_000 - 44))
    assert len(data) == 20_000_000
    assert for_sending(io.BytesIO(data), name="x").data is not None
    assert for_sending(io.BytesIO(data), name="x").format == "wav"


def test_a_compressed_recording_too_long_as_wav_becomes_mp3() -> None:
    """What is small as FLAC but would be above the limit as WAV is sent as MP3."""
    seconds = 430  # 20.6 MB as pcm16
    sink = io.BytesIO()
    with av.open(sink, "w", format="flac") as container:
        track = container.add_stream("flac", rate=8_000, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=8_000 * seconds)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate = 8_000
        resampler = av.AudioResampler(format="s16", layout="mono", rate=8_000, frame_size=4096)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(track.encode(part))
        container.mux(track.encode(None))
    assert len(sink.getvalue()) < 1_000_000
    sent = for_sending(sink, name="x") if sink.seek(0) == 0 else None
    assert sent is not None
    assert sent.format == "mp3"
    assert len(sent.data) == pytest.approx(seconds * 64_000 / 8, rel=0.01)


@pytest.mark.parametrize("name", ["m4a", "flac", "aiff"])
def test_a_title_that_is_no_utf8_does_not_matter(name: str) -> None:
    """Old programs wrote titles in Latin-1; the sound is as good."""
    data = made(KINDS[name], title="CAFE Tacvba").replace(b"CAFE Tacvba", LATIN_1)
    assert LATIN_1 in data
    assert for_sending(io.BytesIO(data), name=name).format == "wav"


def test_sound_whose_rate_changes_on_the_way_is_taken_whole() -> None:
    """Two files one after the other, as radio streams are: all of it is sent, at one rate."""
    data = made(Kind("adts", "aac", rate=48_000)) + made(Kind("adts", "aac", rate=22_050, layout="mono"))
    sent = for_sending(io.BytesIO(data), name="radio.aac")
    assert codec.seconds(sent.data, "wav") == pytest.approx(2.0, abs=0.3)


@pytest.mark.parametrize(
    "kind",
    [
        Kind("ipod", "aac", rate=44_100),
        Kind("flac", "flac", layout="mono"),
        Kind("asf", "wmav2", rate=44_100),
        Kind("adts", "aac"),
    ],
    ids=["m4a", "flac", "wma", "aac"],
)
def test_a_broken_packet_is_skipped(kind: Kind) -> None:
    """Damage in the middle of a file costs its own packets and nothing else."""
    data = bytearray(made(kind, 3.0))
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(300)
    sent = for_sending(io.BytesIO(bytes(data)), name="damaged")
    length = codec.seconds(sent.data, "wav")
    assert length is not None
    assert 2.0 < length < 3.2


def test_sound_in_a_code_that_nobody_knows_is_refused() -> None:
    """A WebM file whose codec has an unknown name: no decoder, no crash, an error."""
    data = made(KINDS["webm"], 0.1).replace(b"A_OPUS", b"A_OPUX")
    with pytest.raises(FileError, match="is not audio"):
        for_sending(io.BytesIO(data), name="x")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=3000) | st.text(max_size=500).map(str.encode))
def test_arbitrary_bytes_are_audio_or_a_file_error(data: bytes) -> None:
    """Bytes without sense are refused as a person should read it, never with a library's exception."""
    try:
        sent = for_sending(io.BytesIO(data), name="x")
    except FileError:
        return
    assert sent.data


@settings(deadline=None, max_examples=80)
@given(
    st.sampled_from(["m4a", "flac", "ogg (Opus)", "webm", "aiff", "aac", "mp4 film"]),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=6),
    st.integers(0, 4000),
)
def test_damaged_files_are_audio_or_a_file_error(name: str, changes: list[tuple[int, int]], cut: int) -> None:
    """Files that are cut off, and whose heads are damaged, are read as far as they go or refused."""
    data = bytearray(made(KINDS[name], 0.1))
    for position, value in changes:
        if position < len(data):
            data[position] = value
    try:
        sent = for_sending(io.BytesIO(bytes(data[: len(data) - cut])), name=name)
    except FileError:
        return
    assert sent.data


# --- encoding

LOSSLESS = ("wav", "flac", "pcm16")


def decoded(data: bytes, format_: str) -> Iterator[bytes]:
    """The samples of a file in one of `FORMATS`."""
    return iter([data]) if format_ == "pcm16" else codec.decode(io.BytesIO(data), name="x")


def test_every_format_of_the_contract_is_made() -> None:
    """The formats are those of `-f`."""
    assert set(FORMATS) == {"wav", "mp3", "flac", "opus", "aac", "pcm16"}


@pytest.mark.parametrize("format_", FORMATS)
def test_what_is_encoded_lasts_as_long(format_: str) -> None:
    """A second of sound is a second in every format, but for what a lossy encoder adds."""
    encoded = codec.encode(tone(1), format_)
    assert codec.seconds(encoded, format_) == pytest.approx(1.0, abs=0 if format_ in LOSSLESS else 0.15)


@pytest.mark.parametrize("format_", LOSSLESS)
def test_lossless_formats_give_the_samples_back(format_: str) -> None:
    """What is encoded without loss is decoded to the same samples."""
    pcm = tone(0.5)
    assert b"".join(decoded(codec.encode(pcm, format_), format_)) == pcm


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("from_", ["wav", "mp3", "flac", "opus", "aac"])
def test_sound_is_transcoded_between_formats(from_: str, to: str) -> None:
    """From any format to any other, a tone stays the tone that it was."""
    encoded = codec.transcode(codec.encode(tone(0.5), from_), to, name="x")[:]
    as_wav = wav.wrap(encoded) if to == "pcm16" else codec.transcode(encoded, "wav", name="x")[:]
    assert codec.seconds(as_wav, "wav") == pytest.approx(0.5, abs=0.3)
    assert loudest_frequency(as_wav) == pytest.approx(440, abs=45)


def test_transcoding_what_is_no_sound_is_a_file_error() -> None:
    """The name is in the message."""
    with pytest.raises(FileError, match="the answer"):
        codec.transcode(b"nothing of the kind", "mp3", name="the answer")


@pytest.mark.parametrize("format_", ["wav", "mp3", "flac", "opus", "aac"])
def test_the_length_of_garbage_is_not_told(format_: str) -> None:
    """A file that cannot be read has no length, and that is no error."""
    assert codec.seconds(b"garbage and nothing else", format_) is None


@pytest.mark.parametrize("format_", ["mp3", "flac", "opus"])
def test_a_whole_file_tells_its_length_in_its_header(format_: str) -> None:
    """Players that look at the header alone show the right length; ADTS (aac) has no header of the whole."""
    with av.open(io.BytesIO(codec.encode(tone(2), format_))) as container:
        duration = container.duration
    assert duration is not None
    assert duration / av.time_base == pytest.approx(2.0, abs=0.1)


@settings(deadline=None, max_examples=25)
@given(
    format_=st.sampled_from(FORMATS),
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
    length = codec.seconds(pieces, format_)
    assert length == pytest.approx(len(pcm) / 48_000, abs=0.1)  # what lossy encoders add at both ends
    if format_ in LOSSLESS:
        assert b"".join(decoded(pieces, format_)) == pcm


def test_pieces_leave_before_the_end() -> None:
    """An encoder gives what it has while samples come, which is why a pipe can play at once."""
    encoder = Encoder("mp3")
    early = encoder.encode(tone(1))
    late = encoder.finish()
    assert len(early) > len(late) > 0


def test_a_half_sample_at_the_end_is_dropped() -> None:
    """An odd byte is no sample."""
    encoder = Encoder("flac")
    made_of_it = encoder.encode(struct.pack("<3h", 1, 2, 3) + b"\x7f") + encoder.finish()
    assert b"".join(decoded(made_of_it, "flac")) == struct.pack("<3h", 1, 2, 3)


@pytest.mark.parametrize("format_", FORMATS)
def test_no_sound_at_all_is_encoded_without_an_error(format_: str) -> None:
    """An answer without a word makes a file without a sound, or none, but no exception."""
    assert not codec.seconds(codec.encode(b"", format_), format_)
