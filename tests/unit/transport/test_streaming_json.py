"""Large bodies pass through without being whole in memory: what is sent, and what is answered."""

from __future__ import annotations

import base64
import io
import json
import random
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.service import Answer, completion

from audiochat.audio import wav
from audiochat.spool import Base64View, ConcatenatedReader, SpooledBytes, open_data, spool
from audiochat.transport.streaming_json import StreamingJson

if TYPE_CHECKING:
    from support.command_line import CommandLine
    from support.service import Service

SOUND = random.Random(7).randbytes(200_001)


def unpacked(body: bytes, size: int) -> StreamingJson:
    """A body that came in pieces of this size."""
    unpacking = StreamingJson()
    for start in range(0, len(body), size):
        unpacking.add(body[start : start + size])
    return unpacking


@pytest.mark.parametrize("size", [1, 7, 64, 65_536, 10**7])
@pytest.mark.parametrize("escape", ["none", "solidus", "unicode"])
def test_sound_is_decoded_however_the_body_is_split(size: int, escape: str) -> None:
    """Any pieces, and any of JSON's ways to write base64, give the same bytes and the same rest."""
    words = 'He said "data": "x" and \\"data\\":\\"'
    text = base64.b64encode(SOUND).decode()
    body = json.dumps({"transcript": words, "audio": {"data": "@", "id": "a"}, "data": "short"})
    if escape == "solidus":
        text = text.replace("/", "\\/")
    if escape == "unicode":
        text = text.replace("+", "\\u002B")
    unpacking = unpacked(body.replace("@", text).encode(), size)
    answer = unpacking.json()
    data = answer["audio"].pop("data")
    assert isinstance(data, SpooledBytes)
    assert data[:] == SOUND
    assert answer == {"transcript": words, "audio": {"id": "a"}, "data": "short"}
    assert len(unpacking.text) < 1000


@pytest.mark.parametrize("spoil", ["=", "=AAAA", "*", "\\", "\\u00", "A", "é"])
def test_what_is_not_base64_is_not_taken_for_sound(spoil: str) -> None:
    """A wrong character, padding in the middle or half an escape anywhere in a long string."""
    text = base64.b64encode(SOUND).decode()
    body = json.dumps({"data": "@"}).replace("@", text[:120_000] + spoil + text[120_000:]).encode()
    try:
        data = unpacked(body, 4096).json()["data"]
    except ValueError:
        return
    assert not isinstance(data, SpooledBytes)


def test_a_body_that_ends_too_early_is_no_json() -> None:
    """Half of the sound is no sound."""
    body = json.dumps({"data": base64.b64encode(SOUND).decode()}).encode()
    for end in (100_000, len(body) - 2, len(body) - 1):
        with pytest.raises(ValueError, match=r"."):
            unpacked(body[:end], 4096).json()


def test_content_is_read_in_any_part() -> None:
    """In memory or in a file, slices are those of the bytes."""
    for size in (0, 10, 3_000_000):
        data = random.Random(size).randbytes(size)
        content = spool(io.BytesIO(data))
        assert len(content) == size
        assert content[:] == data
        assert content[3:7] == data[3:7]
        assert content[-5:] == data[-5:]
        assert content[size:] == b""
        with open_data(content) as file:
            assert file.read() == data


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 1000, 100_003])
def test_a_body_of_parts_reads_as_if_they_were_joined(size: int) -> None:
    """Its length is known beforehand, and every read gives the same bytes, however large."""
    data = SOUND[:size]
    whole = b"{" + base64.b64encode(data) + b"}"
    body = ConcatenatedReader([b"{", Base64View(data), b"}"])
    assert body.seek(0, io.SEEK_END) == len(whole)
    for block in (5, 4096, 10**6):
        body.seek(0)
        assert b"".join(iter(partial(body.read, block), b"")) == whole


def test_a_large_recording_and_a_large_answer_arrive_byte_for_byte(cli: CommandLine, openai: Service) -> None:
    """The request has a length and the recording's base64; the file has the answer's sound."""
    Path("in.wav").write_bytes(wav.wrap(SOUND[:-1]))
    openai.answer(Answer(status=500, headers={"retry-after-ms": "1"}), completion("Rain.", wav.wrap(SOUND[1:])))
    ran = cli("analyze", "in.wav", "-o", "out.wav")
    assert (ran.code, ran.out) == (0, b"Rain.\n")
    assert Path("out.wav").read_bytes() == wav.wrap(SOUND[1:])
    assert len(openai.requests) == 2
    for request in openai.requests:
        assert int(request.headers["content-length"]) == len(request.body)
        part = request.json["messages"][0]["content"][1]["input_audio"]
        assert base64.b64decode(part["data"]) == Path("in.wav").read_bytes()


@pytest.mark.parametrize("spoiled", [b"*", b"=A"])
def test_a_large_answer_that_is_not_base64_keeps_its_words(
    cli: CommandLine, openai: Service, tmp_path: Path, spoiled: bytes
) -> None:
    """It is a broken answer, its transcript is shown, and no file is left."""
    answer = completion("Rain.", wav.wrap(SOUND[1:]))
    half = len(answer.body) // 2
    openai.answer(Answer(answer.body[:half] + spoiled + answer.body[half:], headers=answer.headers))
    ran = cli("speak", "hi", "-o", "out.wav")
    assert (ran.code, ran.out) == (5, b"Rain.\n")
    assert "base64" in ran.err
    assert len(openai.requests) == 1
    assert not list((tmp_path / "work").iterdir())


def test_debug_tells_sizes_and_no_sound(cli: CommandLine, openai: Service) -> None:
    """What was sent and what came is described by its length."""
    openai.answer(completion("Rain.", wav.wrap(SOUND[1:])))
    ran = cli("speak", "hi", "-o", "out.wav", "--debug")
    assert ran.code == 0
    assert "bytes of sound>" in ran.err
    assert len(ran.err) < 5000
