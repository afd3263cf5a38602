"""A streamed chat completion, event by event: as services send it, and in the shapes that others send."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.service import PCM

from audiochat.audio import codec, wav
from audiochat.audio.sniff import sniff
from audiochat.chat.reply import Delta, Reply
from audiochat.chat.sound_stream import SoundStream
from audiochat.chat.stream import StreamAssembly
from audiochat.errors import BrokenAnswerError, RefusedError


def event(delta: object = None, *, index: int = 0, finish: str | None = None, **beside: Any) -> dict[str, Any]:
    """One event with one choice."""
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}], **beside}


def in_base64(data: bytes) -> str:
    """As the wire has it."""
    return base64.b64encode(data).decode()


def assembled(*events: object, done: bool = True) -> tuple[list[Delta], Reply]:
    """The deltas of a stream, and the reply."""
    assembly = StreamAssembly()
    deltas = [assembly.add(one) for one in events]
    if done:
        assembly.mark_done()
    *rest, reply = assembly.finish()
    assert isinstance(reply, Reply)
    return [*deltas, *(one for one in rest if isinstance(one, Delta))], reply


def pcm_of(deltas: list[Delta]) -> bytes:
    """All the sound."""
    return b"".join(delta.pcm for delta in deltas)


def test_the_reply_has_all_that_the_deltas_had() -> None:
    """Words, sound as pcm16, id and expiry."""
    deltas, reply = assembled(
        event({"audio": {"id": "audio_1", "transcript": "Hel"}}),
        event({"audio": {"transcript": "lo."}}),
        event({"audio": {"data": in_base64(PCM)}}),
        event({"audio": {"expires_at": 1780697149}}),
    )
    assert "".join(delta.text for delta in deltas) == reply.transcript == "Hello."
    assert reply.audio is not None
    assert reply.audio.data[:] == pcm_of(deltas) == PCM
    assert (reply.audio.format, reply.audio.id, reply.audio.expires_at) == ("pcm16", "audio_1", 1780697149)


@pytest.mark.parametrize(
    "events",
    [
        [event({"content": "Hi"}), event({}, finish="stop")],
        [event({"audio": {"data": in_base64(PCM), "id": "a"}}), event({"audio": {"expires_at": 1}})],
    ],
)
def test_a_stream_is_whole_without_its_end_mark(events: list[object]) -> None:
    """A finish reason or an expiry is enough."""
    assembled(*events, done=False)


def test_a_stream_without_any_end_is_cut() -> None:
    """Neither mark, nor reason, nor expiry."""
    with pytest.raises(BrokenAnswerError) as raised:
        assembled(event({"content": "Hi"}), done=False)
    assert raised.value.code == "cut"


def test_words_and_sound_in_different_choices() -> None:
    """Both are taken, and a third choice with more words is not."""
    deltas, reply = assembled(
        {
            "choices": [
                {"index": 0, "delta": {"content": "Hello."}},
                {"index": 1, "delta": {"audio": {"data": in_base64(PCM)}}},
                {"index": 2, "delta": {"content": "Another answer."}},
            ]
        }
    )
    assert (reply.transcript, pcm_of(deltas)) == ("Hello.", PCM)


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo."}],
        ["Hel", "lo."],
        [{"type": "output_text", "text": "Hello."}, {"type": "audio", "audio": {"data": in_base64(PCM)}}],
    ],
)
def test_words_as_a_list_of_parts(content: list[object]) -> None:
    """Each part is joined to the one before."""
    assert assembled(event({"content": content}))[1].transcript == "Hello."


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_sound_as_content_that_is_marked_as_audio(pieces: int) -> None:
    """Each piece a WAV file of its own: never shown, the headers left out."""
    events = [event({"content": in_base64(wav.wrap(PCM))}, modality="audio") for _ in range(pieces)]
    deltas, reply = assembled(event({"content": "Hello."}, modality="text"), *events)
    assert (reply.transcript, pcm_of(deltas)) == ("Hello.", PCM * pieces)


@pytest.mark.parametrize("size", [7, 100, 4096, 10**6])
@pytest.mark.parametrize("format_", ["pcm16", "wav", "mp3", "flac", "opus"])
def test_a_file_in_the_place_of_pcm16(format_: str, size: int) -> None:
    """Whatever kind of file a server streams, in pieces of any size, comes out as samples."""
    data = codec.encode(PCM * 10, format_)
    stream = SoundStream()
    pcm = b"".join(stream.feed(data[start : start + size]) for start in range(0, len(data), size))
    pcm += b"".join(stream.finish())
    if format_ in ("pcm16", "wav"):
        assert pcm == PCM * 10
    else:
        assert len(pcm) == pytest.approx(len(PCM * 10), rel=0.1)


def test_a_wav_of_another_rate_is_resampled() -> None:
    """8,000 Hz become 24,000."""
    stream = SoundStream()
    assert stream.feed(wav.wrap(PCM, sample_rate=8000)) == b""
    assert sum(map(len, stream.finish())) == pytest.approx(3 * len(PCM), rel=0.05)


def test_a_function_call_in_pieces_is_named() -> None:
    """Its name comes in the first piece, its arguments in the others."""
    call = {"tool_calls": [{"index": 0, "function": {"name": "lamp", "arguments": ""}}]}
    more = {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}
    with pytest.raises(RefusedError, match="lamp") as raised:
        assembled(event(call), event(more), event({}, finish="tool_calls"))
    assert raised.value.code == "tool_calls"


@given(st.binary(max_size=200), st.lists(st.integers(1, 30), min_size=1), st.booleans())
def test_base64_split_anywhere(data: bytes, sizes: list[int], url_alphabet: bool) -> None:  # noqa: FBT001
    """In either alphabet, padded or not, broken at any character: the bytes are the same."""
    assume(sniff(data) is None)  # the beginning of a file would be decoded
    text = base64.urlsafe_b64encode(data).decode().rstrip("=") if url_alphabet else in_base64(data)
    assembly, start = StreamAssembly(), 0
    while start < len(text):
        size = sizes[start % len(sizes)]
        assembly.add(event({"audio": {"data": text[start : start + size]}}))
        start += size
    assembly.add(event({"content": "x"}, finish="stop"))
    *_, reply = assembly.finish()
    assert isinstance(reply, Reply)
    assert (reply.audio.data[:] if reply.audio else b"") == data


def test_much_padding_is_decoded_in_one_go() -> None:
    """A megabyte of base64 in pieces of one byte each: every one is looked at once."""
    started = time.monotonic()
    delta = StreamAssembly().add(event({"audio": {"data": "QQ==" * 400_000}}))
    assert delta.pcm == b"A" * 400_000
    assert time.monotonic() - started < 5
