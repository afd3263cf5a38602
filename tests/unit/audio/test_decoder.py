"""One track of any recording to samples: which track, which channels, from when on, with what in its gaps."""

from __future__ import annotations

import array
import io
import struct
import tracemalloc

import av
import pytest
from support import odd_recordings as odd
from support.corpus import KINDS, RATE, made, tone

from audiochat.audio import wav
from audiochat.audio.decoder import decode, open_recording
from audiochat.errors import FileError

SECOND = 2 * RATE
QUIET = bytes(SECOND)


def loud_seconds(pcm: bytes) -> list[bool]:
    """Which tenths of a second are not silent."""
    samples = array.array("h", pcm)
    return [max(map(abs, samples[start : start + RATE // 10])) > 1000 for start in range(0, len(samples), RATE // 10)]


# --- how much


@pytest.mark.parametrize("samples", [1, 2, 1023, 1024, 2305, 24_000, 240_001])
@pytest.mark.parametrize(
    ("container", "codec", "tolerance"),
    [("wav", "pcm_s16le", 0), ("flac", "flac", 0), ("ogg", "libopus", 2), ("mp3", "libmp3lame", 47)],
)
def test_samples_are_counted_exactly(container: str, codec: str, tolerance: int, samples: int) -> None:
    """What an encoder adds at both ends is taken away where the container tells it; MP3 forgets two milliseconds."""
    pcm = (tone(1) * 11)[: 2 * samples]
    data = odd.encoded(pcm, container=container, codec=codec)
    counted = sum(map(len, decode(io.BytesIO(data), name="x"))) // 2
    assert abs(counted - samples) <= tolerance


def test_hours_take_no_more_memory_than_minutes() -> None:
    """Blocks are given as they are decoded."""
    data = odd.encoded(tone(1) * 1200, container="flac", codec="flac", rate=RATE)
    tracemalloc.start()
    total = sum(map(len, decode(io.BytesIO(data), name="x")))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 1200 * SECOND
    assert peak < 2_000_000


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
def test_any_rate_can_be_had(rate: int) -> None:
    """A recogniser wants another one than the service."""
    pcm = b"".join(decode(io.BytesIO(made(KINDS["m4a"], 1.0)), name="x", sample_rate=rate))
    assert len(pcm) / 2 / rate == pytest.approx(1.0, abs=0.06)


# --- which track


@pytest.mark.parametrize("container", ["mov", "matroska"])
def test_the_first_track_with_a_decoder_is_taken(container: str) -> None:
    """What nobody can decode is passed over."""
    pcm = b"".join(decode(io.BytesIO(odd.two_tracks(container)), name="x"))
    assert len(pcm) / SECOND == pytest.approx(1.0, abs=0.1)
    assert any(loud_seconds(pcm))


def test_a_track_whose_decoder_gives_nothing_is_passed_over() -> None:
    """A codec's name can be known, and what is in the track another one's sound: Apple's APAC and Marian's."""
    sounds = [("alac", tone(1), 0.0), ("aac", tone(1), 0.0)]
    data = odd.tracks(sounds, container="mov").replace(b"alac", b"apac")
    assert any(loud_seconds(b"".join(decode(io.BytesIO(data), name="x"))))


def test_the_first_of_two_good_tracks_is_taken() -> None:
    """The second may be a commentary."""
    data = odd.tracks([("aac", tone(1), 0.0), ("aac", QUIET, 0.0)], container="mp4")
    assert any(loud_seconds(b"".join(decode(io.BytesIO(data), name="x"))))


def test_no_track_with_a_decoder_is_an_error() -> None:
    """With the file's name."""
    data = odd.tracks([("alac", tone(1), 0.0)], container="mov").replace(b"alac", b"zzzz")
    with pytest.raises(FileError, match=r"a\.mov is not audio that can be read"):
        list(decode(io.BytesIO(data), name="a.mov"))


# --- which channel


def test_each_channel_can_be_had_by_itself() -> None:
    """Two people on a telephone, each on a channel."""
    left, right = tone(1) + QUIET, QUIET + tone(1)
    with open_recording(io.BytesIO(odd.wav_of(left, right)), name="x") as recording:
        assert (recording.channels, recording.sample_rate) == (2, RATE)
        parts = list(recording.per_channel())
    assert b"".join(part[0] for part in parts) == left
    assert b"".join(part[1] for part in parts) == right
    for number, channel in enumerate((left, right)):
        assert b"".join(decode(io.BytesIO(odd.wav_of(left, right)), name="x", channel=number)) == channel


@pytest.mark.parametrize("count", [1, 3, 6, 9, 16])
def test_many_channels_are_taken_apart(count: int) -> None:
    """A recorder's tracks, more of them than any loudspeakers have names."""
    channels = [array.array("h", [100 * (number + 1)] * RATE).tobytes() for number in range(count)]
    with open_recording(io.BytesIO(odd.wav_of(*channels)), name="x") as recording:
        parts = list(recording.per_channel())
    assert [b"".join(part[number] for part in parts) for number in range(count)] == channels


def test_channels_are_resampled_alike() -> None:
    """All of them have the same number of samples, at any rate."""
    data = odd.encoded(odd.interleaved([tone(1), QUIET]), container="ipod", codec="aac", channels=2)
    with open_recording(io.BytesIO(data), name="x") as recording:
        parts = list(recording.per_channel(16_000))
    assert all(len(left) == len(right) for left, right in parts)
    assert sum(len(left) for left, _ in parts) / 32_000 == pytest.approx(1.0, abs=0.1)


# --- when


@pytest.mark.parametrize(
    ("container", "codec"), [("mp4", "aac"), ("matroska", "libopus"), ("mpegts", "aac"), ("avi", "pcm_s16le")]
)
def test_sound_that_begins_late_says_so(container: str, codec: str) -> None:
    """The sound of a film can begin after its pictures: times count from the film's start."""
    data = odd.tracks([(codec, tone(1), 0.5)], container=container, film=True)
    with open_recording(io.BytesIO(data), name="x") as recording:
        assert recording.start == pytest.approx(0.0 if container == "avi" else 0.5, abs=0.06)


def test_a_clock_that_counts_from_anywhere_is_no_delay() -> None:
    """The time stamps of radio begin at some moment of their own."""
    data = odd.encoded(tone(1), container="mpegts", codec="aac", start=1000.0)
    with open_recording(io.BytesIO(data), name="x") as recording:
        assert recording.start == pytest.approx(0.0, abs=0.05)


def test_an_ordinary_recording_begins_at_once() -> None:
    """Whatever its encoder put before the sound."""
    for name in ("m4a", "flac", "ogg (Opus)", "webm", "aiff", "aac"):
        with open_recording(io.BytesIO(made(KINDS[name], 1.0)), name=name) as recording:
            assert recording.start == pytest.approx(0.0, abs=0.05), name


def with_a_gap(silent: float, codec: str = "pcm_s16le") -> bytes:
    """A second of tone, no packet for a while, and a second of tone."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="matroska") as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        for start in (0.0, 1.0 + silent):
            for part in range(10):
                pcm = tone(0.1)
                frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
                frame.planes[0].update(pcm.ljust(frame.planes[0].buffer_size, b"\0"))
                frame.sample_rate, frame.pts = RATE, round((start + part / 10) * RATE)
                for packet in stream.encode(frame):
                    container.mux(packet)
    return sink.getvalue()


@pytest.mark.parametrize("silent", [0.5, 3.25])
def test_gaps_are_silence_where_times_are_kept(silent: float) -> None:
    """A recorder that pauses writes nothing for a while: what comes after it keeps its time."""
    data = with_a_gap(silent)
    with open_recording(io.BytesIO(data), name="x") as recording:
        kept = b"".join(recording.mono(keep_time=True))
    assert len(kept) / SECOND == pytest.approx(2 + silent, abs=0.01)
    loud = loud_seconds(kept)
    assert loud[:10] == [True] * 10
    assert not any(loud[11 : 10 + int(silent * 10)])
    assert loud[-9:] == [True] * 9
    assert sum(map(len, decode(io.BytesIO(data), name="x"))) / SECOND == pytest.approx(2.0, abs=0.01)


def test_a_gap_of_nonsense_is_not_filled() -> None:
    """A time stamp beyond the end that the header tells is damage."""
    data = with_a_gap(0.5)
    at = data.index(b"\x44\x89\x88") + 3  # Matroska's Duration, a double, in milliseconds
    data = data[:at] + struct.pack(">d", 1200.0) + data[at + 8 :]
    with open_recording(io.BytesIO(data), name="x") as recording:
        assert recording.duration == pytest.approx(1.2)
        assert len(b"".join(recording.mono(keep_time=True))) / SECOND == pytest.approx(2.0, abs=0.01)


# --- what goes wrong


def test_a_disk_that_fails_is_not_taken_for_the_end() -> None:
    """What was read is no whole recording, and the system's reason is told."""

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 200_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    with pytest.raises(FileError, match=r"a\.wav cannot be read whole: Input/output error"):
        list(decode(Failing(wav.wrap(tone(1) * 20)), name="a.wav"))


@pytest.mark.parametrize("name", ["notes.gsm", "notes.ulaw", "notes.sln"])
def test_text_is_no_raw_sound(name: str) -> None:
    """Formats without a mark are told by their suffix, and text is text all the same."""
    with pytest.raises(FileError, match="is text, not audio"):
        list(decode(io.BytesIO(b"These are notes.\n" * 100), name=name))


def test_a_wav_file_is_wav_whatever_its_name_says() -> None:
    """A recording that is called .ulaw and has a WAV header is read by its header."""
    pcm = tone(1)
    assert b"".join(decode(io.BytesIO(wav.wrap(pcm)), name="call.ulaw")) == pcm


@pytest.mark.parametrize("silent", ["pcm_s16le", "aac"])
def test_a_silent_first_track_gives_way_to_one_that_is_heard(silent: str) -> None:
    """Screen recorders put the sound of the machine before the microphone's."""
    film = odd.tracks([(silent, bytes(48_000), 0.0), ("pcm_s16le", tone(1.0), 0.0)], container="mov")
    pcm = b"".join(decode(io.BytesIO(film), name="x"))
    assert max(memoryview(pcm).cast("h")) > 1_000


def test_tracks_that_are_all_silent_are_silence() -> None:
    """The first one is taken."""
    film = odd.tracks([("pcm_s16le", bytes(48_000), 0.0)] * 2, container="mov")
    assert not any(b"".join(decode(io.BytesIO(film), name="x")))
