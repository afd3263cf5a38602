"""Servers with ways of their own: how they are asked, where an answer ends, what shape it has, which ids they know."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.service import DONE, PCM, Answer, completion, error, event, sound_events, stream

from audiochat.audio import codec, wav

if TYPE_CHECKING:
    from support.command_line import CommandLine
    from support.service import Received, Service


def _detail(*where: str) -> Answer:
    """A refusal as FastAPI says it."""
    detail = [{"type": "extra_forbidden", "loc": ["body", *where], "msg": "Extra inputs are not permitted"}]
    return Answer(json.dumps({"detail": detail}).encode(), 422)


def _streams(asked: Received) -> bool:
    return bool(asked.json.get("stream"))


# --- One way of asking


def test_a_server_that_streams_wav_alone_is_asked_for_it(cli: CommandLine, openai: Service) -> None:
    """Neither whole nor in pcm16: the format that it names, while streaming."""

    def answer(asked: Received) -> Answer:
        if not _streams(asked):
            return error(400, None, "stream must be true for audio output", param="stream")
        if asked.json["audio"]["format"] != "wav":
            return error(400, "invalid_value", "audio.format must be 'wav' when streaming", param="audio.format")
        return stream(sound_events(PCM))

    openai.answer_with(answer)
    ran = cli("speak", "Hi", "-o", "a.wav")
    assert ran.code == 0, ran.err
    assert ran.out == b"Yes, it is.\n"
    assert len(openai.requests) == 3


@pytest.mark.parametrize(
    "refusal",
    [
        error(405, None, "Streaming is not enabled on this deployment"),
        error(404, None, "stream=true is not available for this route"),
        _detail("stream"),
        Answer(b'{"error": "stream: not implemented"}', 400),
    ],
)
def test_a_server_that_does_not_stream_is_asked_for_the_whole(
    cli: CommandLine, openai: Service, refusal: Answer
) -> None:
    """Whatever the status and the shape of the refusal."""
    openai.answer_with(lambda asked: refusal if _streams(asked) else completion(audio=wav.wrap(PCM)))
    ran = cli("speak", "Hi", "-o", "-", "-f", "wav")
    assert ran.code == 0, ran.err
    assert ran.out.startswith(b"RIFF")
    assert len(openai.requests) == 2


def test_stream_options_that_are_forbidden_are_left_out(cli: CommandLine, openai: Service) -> None:
    """FastAPI names the field by its place in the body."""
    openai.answer_with(
        lambda asked: _detail("stream_options") if "stream_options" in asked.json else stream(sound_events(PCM))
    )
    ran = cli("speak", "Hi", "-o", "-")
    assert (ran.code, len(openai.requests)) == (0, 2)


def test_what_a_server_takes_is_remembered_for_the_run(cli: CommandLine, openai: Service) -> None:
    """The second turn is asked that way at once."""
    openai.answer_with(
        lambda asked: stream(sound_events(PCM)) if _streams(asked) else error(400, None, "Set stream to true.")
    )
    ran = cli("converse", "--no-save", "-t", "one", "-t", "two", "-o", "turn-{n}.wav")
    assert ran.code == 0, ran.err
    assert [_streams(asked) for asked in openai.requests] == [False, True, True]


# --- The end of an answer


def test_words_that_the_filter_ends_are_kept_in_json(cli: CommandLine, openai: Service, dog: Path) -> None:
    """An answer in text, whole: exit 4, the filter is named, the words are there."""
    choice = {"index": 0, "finish_reason": "content_filter", "message": {"role": "assistant", "content": "It is a"}}
    openai.answer(completion(choices=[choice]))
    ran = cli("analyze", str(dog), "--text-only", "--json")
    assert ran.code == 4
    told = json.loads(ran.out)["error"]
    assert (told["code"], told["transcript"]) == ("content_filter", "It is a")


def test_a_filtered_stream_with_its_end_mark_is_filtered_all_the_same(cli: CommandLine, openai: Service) -> None:
    """[DONE] after it makes no answer of it."""
    events = [event({"audio": {"id": "audio_1", "transcript": "I can"}})]
    events += [event(choices=[{"index": 0, "delta": {}, "finish_reason": "content_filter"}]), DONE]
    openai.answer(stream(events))
    ran = cli("speak", "Hi", "-o", "-")
    assert ran.code == 4
    assert "filter" in ran.err
    assert "I can" in ran.err
    assert len(openai.requests) == 1


def test_an_answer_that_reached_its_length_is_an_answer(cli: CommandLine, openai: Service) -> None:
    """With a note, and exit 0."""
    answer = json.loads(completion(audio=wav.wrap(PCM)).body)
    answer["choices"][0]["finish_reason"] = "length"
    openai.answer(Answer(json.dumps(answer).encode()))
    ran = cli("speak", "Hi", "-o", "a.wav")
    assert ran.code == 0
    assert "length" in ran.err or "cut" in ran.err or "limit" in ran.err


def test_a_stream_that_ends_with_its_mark_alone_is_whole(cli: CommandLine, openai: Service) -> None:
    """No finish_reason, no expires_at, no line break after [DONE]."""
    sound = {"audio": {"id": "audio_1", "transcript": "Yes.", "data": base64.b64encode(PCM).decode()}}
    openai.answer(stream([event(sound), b"data: [DONE]"]))
    ran = cli("speak", "Hi", "-o", "-")
    assert ran.code == 0, ran.err
    assert ran.out


# --- The shape of an answer


def _spoken(**changes: Any) -> Answer:
    answer = json.loads(completion(audio=wav.wrap(PCM)).body)
    answer["choices"][0]["message"]["audio"].update(changes)
    return Answer(json.dumps(answer).encode())


def test_base64_in_the_url_alphabet_without_padding_is_sound(cli: CommandLine, openai: Service) -> None:
    """As it goes into addresses."""
    sound = wav.wrap(PCM + b"\xfb\xef\xff\xfe")
    openai.answer(_spoken(data=base64.urlsafe_b64encode(sound).decode().rstrip("=")))
    ran = cli("speak", "Hi", "-o", "a.wav")
    assert ran.code == 0, ran.err
    assert Path("a.wav").read_bytes() == sound


def test_a_data_uri_in_a_stream_is_sound(cli: CommandLine, openai: Service) -> None:
    """Its head in the first piece alone."""
    first, second = base64.b64encode(PCM[:2400]).decode(), base64.b64encode(PCM[2400:]).decode()
    events = [
        event({"audio": {"id": "a", "data": f"data:audio/pcm;base64,{first}"}}),
        event({"audio": {"data": second}}),
    ]
    openai.answer(stream([*events, DONE]))
    ran = cli("speak", "Hi", "-o", "-", "-f", "pcm16")
    assert ran.code == 0, ran.err
    assert ran.out == PCM


def test_an_mp3_in_the_place_of_pcm16_is_sound(cli: CommandLine, openai: Service) -> None:
    """Some models send MP3 whatever is asked."""
    openai.answer(stream(sound_events(codec.encode(PCM * 8, "mp3"), size=700)))
    ran = cli("speak", "Hi", "-o", "-", "-f", "wav")
    assert ran.code == 0, ran.err
    assert ran.out.startswith(b"RIFF")


def test_text_in_parts_is_text(cli: CommandLine, openai: Service, dog: Path) -> None:
    """A list of parts in the place of a string."""
    parts = [{"type": "text", "text": "It is "}, {"type": "text", "text": "a dog."}]
    message = {"role": "assistant", "content": parts}
    openai.answer(completion(choices=[{"index": 0, "message": message, "finish_reason": "stop"}]))
    assert cli("analyze", str(dog), "--text-only").out == b"It is a dog.\n"


def test_an_empty_id_is_no_id(cli: CommandLine, openai: Service) -> None:
    """The next turn says the words instead."""
    openai.answer(_spoken(id=""))
    ran = cli("converse", "--no-save", "-t", "one", "-t", "two", "-o", "turn-{n}.wav")
    assert ran.code == 0, ran.err
    earlier = [message for message in openai.last.json["messages"] if message["role"] == "assistant"]
    assert "audio" not in earlier[0]
    assert "Yes, it is." in str(earlier[0])


# --- Ids that a server does not know


@pytest.mark.parametrize(
    "refusal",
    [
        _detail("messages", "1", "audio"),
        Answer(b'{"detail": "no such audio"}', 404),
        Answer(b'{"error": "missing field `content` at line 1"}', 422),
        error(400, None, "Invalid value for 'content': expected a string, got null."),
    ],
)
def test_ids_that_are_refused_are_replaced_by_the_words(cli: CommandLine, openai: Service, refusal: Answer) -> None:
    """Whatever the refusal says: one more try."""

    def answer(asked: Received) -> Answer:
        ids = any("audio" in message for message in asked.json["messages"])
        return refusal if ids else _spoken(expires_at=int(time.time()) + 3600)

    openai.answer_with(answer)
    ran = cli("converse", "--no-save", "-t", "one", "-t", "two", "-o", "turn-{n}.wav")
    assert ran.code == 0, ran.err
    assert len(openai.requests) == 3


def test_words_that_are_refused_too_end_it(cli: CommandLine, openai: Service) -> None:
    """One try with the words, not more; the second refusal is told."""
    fresh = _spoken(expires_at=int(time.time()) + 3600)
    openai.answer(fresh, error(400, None, "no ids"), error(400, None, "Nothing pleases this server."))
    ran = cli("converse", "--no-save", "-t", "one", "-t", "two", "-o", "turn-{n}.wav")
    assert ran.code == 4
    assert "Nothing pleases this server." in ran.err
    assert len(openai.requests) == 3
