"""What a file holds is told by its first bytes, whatever its name says."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.corpus import id3
from support.service import PCM

from audiochat.audio import codec
from audiochat.audio.sniff import HEAD, sniff

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("wav", "mp3", "flac", "opus", "aac")
MP3_44100 = b"\xff\xfb\x90\x00".ljust(417, b"\0")
"""One frame: MPEG 1 layer III, 128 kbit/s, 44,100 Hz, which lasts 417 bytes."""
MP3_22050 = b"\xff\xf3\x80\x00".ljust(208, b"\0")
"""One frame: MPEG 2 layer III, 64 kbit/s, 22,050 Hz, which lasts 208 bytes."""
ADTS = b"\xff\xf1\x5c\x80\x01\x1f\xfc".ljust(8, b"\0")
"""One frame of AAC: MPEG 4, no checksum, 22,050 Hz, one channel."""


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_encoder_makes_is_recognised(kind: str) -> None:
    """A file of each format that can be made here is recognised by its head, and by all of it."""
    made = codec.encode(PCM * 5, kind)
    assert sniff(made[:HEAD]) == kind
    assert sniff(made) == kind


@pytest.mark.parametrize("form", [b"RIFF", b"RIFX", b"RF64"])
def test_wav_is_riff_with_the_form_wave(form: bytes) -> None:
    """Little-endian, big-endian and 64-bit WAV are WAV; another RIFF file is not."""
    assert sniff(form + struct.pack("<I", 36) + b"WAVEfmt ") == "wav"
    assert sniff(form + struct.pack("<I", 36) + b"AVI LIST") is None


@pytest.mark.parametrize("frame", [MP3_44100, MP3_22050], ids=["MPEG 1", "MPEG 2"])
def test_mp3_without_a_tag_is_recognised_by_two_frames(frame: bytes) -> None:
    """A frame that another follows is MP3, of either generation of MPEG."""
    assert sniff(frame * 3) == "mp3"


def test_one_frame_alone_is_mp3() -> None:
    """The shortest MP3 file has one frame."""
    assert sniff(MP3_44100) == "mp3"


@pytest.mark.parametrize("footer", [False, True], ids=["plain", "with footer"])
@pytest.mark.parametrize("length", [0, 10, 127, 128, 300, 20_000])
def test_mp3_is_found_behind_an_id3_tag(length: int, *, footer: bool) -> None:
    """The tag's length is read with seven bits a byte, and its footer is skipped."""
    assert sniff(id3(length, footer=footer) + MP3_44100 * 2) == "mp3"


def test_a_tag_longer_than_the_head_is_mp3() -> None:
    """A tag with pictures can fill all that is looked at: then MP3 is the best there is to say."""
    data = id3(300_000) + MP3_44100 * 2
    assert sniff(data[:HEAD]) == "mp3"
    assert sniff(data) == "mp3"


@pytest.mark.parametrize("behind", [b"hello, world, this is text", b"\x89PNG\r\n\x1a\n" * 40], ids=["text", "PNG"])
def test_a_tag_before_something_else_is_not_mp3(behind: bytes) -> None:
    """The tag alone does not make a file MP3."""
    assert sniff(id3(40) + behind) is None


@pytest.mark.parametrize(
    "text", [b"ID3 tags explained\n\nA tag stands before the sound of an MP3 file.\n", b"ID3 \xc3\xa9t\xc3\xa9: notes"]
)
def test_text_that_begins_with_id3_is_not_mp3(text: bytes) -> None:
    """A tag has the version 2, 3 or 4 and lengths of seven bits a byte; words have not."""
    assert sniff(text) is None


def test_the_recorded_question_is_mp3(recorded: Callable[[str], Any]) -> None:
    """The question that a real client sent and the service took, MPEG-2 layer III without a tag, is MP3."""
    request = recorded("dotnet-ChatWithAudio.json")["Entries"][0]["RequestBody"]
    sent = request["messages"][0]["content"][0]["input_audio"]
    assert sent["format"] == "mp3"
    assert sniff(base64.b64decode(sent["data"])) == "mp3"


def test_recorded_wav_is_wav(recorded: Callable[[str], Any]) -> None:
    """A WAV file as a client sent it, and one as the service answered it, are WAV."""
    request = recorded("dotnet-ChatWithAudio.json")["Entries"][1]["RequestBody"]
    sent = request["messages"][2]["content"][1]["input_audio"]
    assert sniff(base64.b64decode(sent["data"])) == sent["format"] == "wav"
    assert sniff(base64.b64decode(recorded("langchainjs-audio.json")["data"])) == "wav"


@pytest.mark.parametrize("second", [b"\xf1", b"\xf9", b"\xf0", b"\xf8"])
def test_adts_is_aac_and_not_mp3(second: bytes) -> None:
    """AAC's frames start with the same eleven bits as MP3's, but their layer is 0."""
    assert sniff(b"\xff" + second + ADTS[2:]) == "aac"


def test_ogg_is_opus_only_with_opus_inside() -> None:
    """The container alone does not settle it: Vorbis, which the services do not make, is in Ogg too."""
    page = b"OggS\0\2" + bytes(20) + b"\x01\x1e"
    assert sniff(page + b"OpusHead\1\1") == "opus"
    assert sniff(page + b"\x01vorbis\0\0\0\0\1") is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"\xff\xfb",
        b"\xff\xfb\x90",
        b"ID3",
        b"RIFF\0\0\0\0WAV",
        b"OggS",
        b"Hello, this is a text and no sound at all.\n",
        "\ufeffHallo".encode("utf-16-le"),
        "\ufeffHallo".encode("utf-16-be"),
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0",
        b"\xff\xd8\xff\xe1\0\x18Exif\0\0",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"%PDF-1.7\n",
        b"#EXTM3U\n#EXT-X-VERSION:3\n",
        b"\0" * 2000,
        b"\xff" * 2000,
    ],
    ids=[
        "empty",
        "one byte",
        "two bytes",
        "three bytes",
        "half a tag",
        "half a form",
        "half a page",
        "text",
        "UTF-16 little-endian",
        "UTF-16 big-endian",
        "JPEG",
        "Exif",
        "PNG",
        "PDF",
        "playlist",
        "zeros",
        "ones",
    ],
)
def test_what_is_no_sound_is_not_taken_for_any(data: bytes) -> None:
    """Text, pictures, documents and fragments have no kind."""
    assert sniff(data) is None


@pytest.mark.parametrize(
    "header",
    [b"\xff\xfb\xf0\x00", b"\xff\xfb\x00\x00", b"\xff\xfb\x9c\x00", b"\xff\xeb\x90\x00", b"\xff\xfd\x90\x00"],
    ids=["forbidden bit rate", "free bit rate", "reserved rate", "reserved version", "layer II"],
)
def test_a_frame_that_layer_iii_cannot_have_is_not_mp3(header: bytes) -> None:
    """Reserved values and other layers are refused."""
    assert sniff(header.ljust(417, b"\0") * 2) is None


def test_a_lonely_header_in_other_bytes_is_not_mp3() -> None:
    """Four bytes that look like a header do not make a file MP3 when no frame follows where the first one ends."""
    assert sniff(MP3_44100 + b"something else, and quite long") is None


@given(
    st.binary(max_size=600)
    | st.builds(
        lambda start, rest: start + rest,
        st.sampled_from(
            [b"ID3", b"ID3\4\0\x10\0\0\0\x05", b"\xff\xfb", b"\xff\xf3", b"RIFF", b"OggS", b"fLaC", b"\xff"]
        ),
        st.binary(max_size=600),
    )
)
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    """Whatever comes in, the answer is a kind or None."""
    assert sniff(data) in (*KINDS, None)
