"""Recordings as the API takes them: WAV and MP3 as they are, anything else converted, what is no sound refused."""

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
from support import odd_recordings as odd
from support.corpus import KINDS, RATE, Kind, made, tone

from audiochat.audio import codec, wav
from audiochat.chat.recordings import for_sending, load_recording
from audiochat.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

    from audiochat.chat.recordings import Recording

LATIN_1 = b"Caf\xe9 Tacvba"
"""A title as the music programs of Latin-1's days wrote it: no UTF-8."""


def sent(data: bytes, name: str = "x") -> Recording:
    """What is sent of a file."""
    return for_sending(io.BytesIO(data), name=name)


def samples_of(data: bytes) -> array.array[int]:
    """The samples of a WAV file, all its channels."""
    with wave.open(io.BytesIO(data)) as file:
        return array.array("h", file.readframes(file.getnframes()))


def loudest_frequency(data: bytes) -> float:
    """Of a tone in a mono WAV file, in Hz: how often it crosses zero upwards in its middle third."""
    samples = samples_of(data)
    middle = samples[len(samples) // 3 : 2 * len(samples) // 3]
    return sum(before < 0 <= after for before, after in pairwise(middle)) * RATE / len(middle)


def peak(data: bytes) -> int:
    """The loudest sample of a WAV file."""
    return max(map(abs, samples_of(data)))


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
    assert codec.duration(sent.data, "mp3") == pytest.approx(seconds, abs=0.2)


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
    assert codec.duration(sent.data, "wav") == pytest.approx(2.0, abs=0.3)


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
    length = codec.duration(sent.data, "wav")
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


# --- true sizes


@pytest.mark.parametrize("claims", [0xFFFFFFFF, 0, 10_000_000], ids=["unknown", "none", "more than there is"])
@pytest.mark.parametrize(("channels", "cut"), [(1, 0), (1, 1), (2, 3), (2, 2)])
def test_sizes_are_true_in_what_is_sent(claims: int, channels: int, cut: int) -> None:
    """A WAV file of a pipe, or one that was cut in the middle of a frame, is sent with the sizes that it has."""
    pcm = tone(0.5)
    lying = odd.wav_of(*[pcm] * channels)
    lying = lying[:4] + struct.pack("<I", claims) + lying[8:40] + struct.pack("<I", claims) + lying[44:]
    data = sent(lying[: len(lying) - cut]).data[:]
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    assert struct.unpack_from("<I", data, 40)[0] == len(data) - 44
    assert samples_of(data)[0::channels] == array.array("h", pcm)[: len(samples_of(data)) // channels]
    assert len(samples_of(data)) // channels in (12_000, 11_999)


# --- channels


@pytest.mark.parametrize("way", ["wav", "mp3", "flac", "m4a"])
def test_a_mix_that_cancels_itself_is_not_sent_silent(way: str) -> None:
    """Right is left upside down: one channel is sent, also of a WAV or MP3 that would go as it is otherwise."""
    left = tone(1)
    stereo = odd.interleaved([left, odd.upside_down(left)])
    data = {
        "wav": lambda: odd.wav_of(left, odd.upside_down(left)),
        "mp3": lambda: odd.encoded(stereo, container="mp3", codec="libmp3lame", channels=2),
        "flac": lambda: odd.encoded(stereo, container="flac", codec="flac", channels=2),
        "m4a": lambda: odd.encoded(stereo, container="ipod", codec="aac", channels=2),
    }[way]()
    recording = sent(data)
    assert recording.format == "wav"
    with wave.open(io.BytesIO(recording.data[:])) as file:
        assert file.getnchannels() == 1
        assert file.getnframes() / file.getframerate() == pytest.approx(1.0, abs=0.1)
    assert peak(recording.data[:]) > 10_000
    assert loudest_frequency(recording.data[:]) == pytest.approx(440, abs=6)


def test_stereo_that_does_not_cancel_goes_as_it_is() -> None:
    """Two people on two channels, one of them silent for long, are no reason to convert."""
    left, right = tone(1) + bytes(2 * RATE), bytes(2 * RATE) + tone(1)
    data = odd.wav_of(left, right)
    assert sent(data).data[:] == data


def test_the_loudest_channel_is_taken() -> None:
    """In surround sound too, where the left and the right of the front cancel each other and the rest is quiet."""
    quiet = array.array("h", (sample // 100 for sample in array.array("h", tone(1)))).tobytes()
    data = odd.encoded(
        odd.interleaved([tone(1), odd.upside_down(tone(1)), quiet, quiet, quiet, quiet]),
        container="flac",
        codec="flac",
        channels=6,
    )
    assert peak(sent(data).data[:]) > 10_000


@pytest.mark.parametrize("count", [3, 5, 9, 12, 32])
def test_no_channel_of_many_is_left_out(count: int) -> None:
    """A field recorder's tracks have no names: what only the last of them heard is sent too."""
    recording = sent(odd.big_endian_wav_of(*[bytes(2 * RATE)] * (count - 1), tone(1)))
    assert peak(recording.data[:]) > 12_000 // count * 0.9


def test_a_long_recording_that_cancels_itself_is_no_silent_mp3() -> None:
    """What is too long for WAV is sent as MP3 of one channel."""
    second = odd.interleaved([tone(1), odd.upside_down(tone(1))])
    data = odd.encoded(second * 430, container="flac", codec="flac", channels=2)
    recording = sent(data)
    assert recording.format == "mp3"
    assert peak(wav.wrap(b"".join(codec.decode(io.BytesIO(recording.data[:]), name="x")))) > 10_000


# --- tracks and containers


@pytest.mark.parametrize("container", ["mov", "matroska"])
def test_a_track_that_nobody_can_decode_is_passed_over(container: str) -> None:
    """New iPhones put such a track before the usual one."""
    recording = sent(odd.two_tracks(container))
    assert codec.duration(recording.data, "wav") == pytest.approx(1.0, abs=0.1)
    assert loudest_frequency(recording.data[:]) == pytest.approx(440, abs=6)


@pytest.mark.parametrize(
    ("name", "data", "seconds", "loud"),
    [
        ("speech.sph", odd.sphere(tone(1)), 1.0, True),
        ("renamed.bin", odd.sphere(tone(1)), 1.0, True),
        ("message.gsm", odd.gsm(), 1.0, False),
        ("master.dsf", odd.dsf(), 0.2, True),
        ("dictation.dss", odd.dss(), 11.8, False),
        ("screen.nut", odd.encoded(tone(1), container="nut", codec="pcm_s16le"), 1.0, True),
        ("call.ulaw", b"\x80\x00" * 4000, 1.0, True),
        ("call.alaw", b"\xaa\x2a" * 4000, 1.0, True),
        ("call.sln", array.array("h", [9000, -9000] * 4000).tobytes(), 1.0, True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_recordings_of_odd_machines_are_read(name: str, data: bytes, seconds: float, *, loud: bool) -> None:
    """Speech corpora, dictating machines, telephone systems, recorders of one bit."""
    recording = sent(data, name)
    assert codec.duration(recording.data, "wav") == pytest.approx(seconds, abs=0.1)
    assert (peak(recording.data[:]) > 5_000) is loud


# --- what is no recording


@pytest.mark.parametrize(
    ("data", "what", "advice"),
    [
        (odd.LFS_POINTER, "is a Git LFS pointer, not audio", "git lfs pull"),
        (odd.ANNEX_POINTER, "is a git-annex pointer, not audio", "git annex get"),
        (odd.TORRENT, "is a torrent, not audio", "BitTorrent"),
        (
            b"<!DOCTYPE html>\n<title>Sign in</title>\n<p>\xc3\xa9",
            "is a web page (HTML), not audio: “Sign in”",
            "sign-in",
        ),
        (b'{"error": {"code": 404, "message": "No such file"}}', "is JSON text, not audio: “No such file”", "address"),
        (b"<?xml version='1.0'?><Error><Message>Gone</Message></Error>", "XML text, not audio: “Gone”", "address"),
        (b"#EXTM3U\n#EXTINF:1,\nsong.mp3\n", "is a playlist, not audio", "name one"),
        (b"These are notes.\n", "is text, not audio", "recording"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("is") else "",
)
def test_what_stands_in_a_recordings_place_is_named(tmp_path: Path, data: bytes, what: str, advice: str) -> None:
    """A checkout without LFS, a login page that curl saved: the error says which, and what to do about it."""
    path = tmp_path / "talk.mp3"
    path.write_bytes(data)
    with pytest.raises(FileError) as raised:
        load_recording(path)
    assert what in raised.value.message
    assert advice in str(raised.value.hint)
    assert (raised.value.exit_code, raised.value.code) == (6, "not_audio")
