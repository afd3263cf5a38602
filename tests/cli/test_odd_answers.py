"""Answers in the words and shapes of other vendors and gateways: their ends, errors with status 200, fields."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.service import DONE, PCM, Answer, completion, error, event, sound_events, stream

from audiochat.audio import wav

if TYPE_CHECKING:
    from support.command_line import CommandLine
    from support.service import Received, Service

WAV = wav.wrap(PCM)
TONE = b"".join((8_000 if step // 40 % 2 else -8_000).to_bytes(2, "little", signed=True) for step in range(12_000))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _whole(message: dict[str, Any], finish: Any = "stop", **choice: Any) -> Answer:
    return completion(choices=[{"index": 0, "message": message, "finish_reason": finish, **choice}])


def _spoken(data: object = None) -> dict[str, Any]:
    sound = _base64(WAV) if data is None else data
    return {"role": "assistant", "content": None, "audio": {"id": "audio_1", "data": sound, "transcript": "Hello."}}


def _events(text: str | bytes, kind: str = "text/event-stream") -> Answer:
    return Answer(text if isinstance(text, bytes) else text.encode(), headers={"Content-Type": kind})


# --- How an answer ended, in other vendors' words


@pytest.mark.parametrize("finish", ["sensitive", "SAFETY", "PROHIBITED_CONTENT", "guardrail_intervened", "refusal"])
def test_an_answer_that_a_filter_ended_is_refused(cli: CommandLine, openai: Service, finish: str) -> None:
    """The words that came are told; nothing is saved as if it were whole."""
    openai.answer(_whole(_spoken(), finish))
    ran = cli("speak", "Hi", "-o", "a.wav")
    assert ran.code == 4
    assert b"Hello." in ran.out
    assert "filter" in ran.err or "refuses" in ran.err
    assert not Path("a.wav").exists()


@pytest.mark.parametrize("finish", ["error", "network_error", "abort", "cancelled", "insufficient_system_resource"])
def test_an_answer_that_a_fault_ended_is_cut(cli: CommandLine, openai: Service, finish: str) -> None:
    """The end mark after it makes no whole answer of it."""
    cut = event(choices=[{"index": 0, "delta": {}, "finish_reason": finish}])
    openai.answer(stream([*sound_events(PCM)[:-2], cut, DONE]))
    ran = cli("speak", "Hi", "-o", "-")
    assert ran.code == 5
    assert "Yes, it is." in ran.err
    assert "cut" in ran.err
    assert len(openai.requests) == 1


@pytest.mark.parametrize("finish", ["MAX_TOKENS", "max_output_tokens", {"type": "length", "length": 10}])
def test_an_answer_at_its_limit_says_so(cli: CommandLine, openai: Service, finish: object) -> None:
    """It is an answer, with a note."""
    openai.answer(_whole(_spoken(), finish))
    ran = cli("speak", "Hi", "-o", "a.wav")
    assert ran.code == 0, ran.err
    assert "length" in ran.err or "limit" in ran.err


@pytest.mark.parametrize("end", ['data: "[DONE]"\n\n', "data:   [DONE]  \n\n", "data: bye\n\n"])
def test_an_end_mark_is_known_however_it_is_written(cli: CommandLine, openai: Service, end: str) -> None:
    """Also where a server says goodbye behind the end."""
    finished = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    openai.answer(stream([*sound_events(PCM)[:-1], finished, end.encode()]))
    ran = cli("speak", "Hi", "-o", "-")
    assert ran.code == 0, ran.err


# --- Errors that came with the status of a success


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        ({"code": "InvalidParameter", "message": "The voice is odd.", "request_id": "r"}, 4, "The voice is odd."),
        ({"object": "error", "message": "audio too long for the encoder", "code": 400}, 4, "too long for the encoder"),
        ({"success": False, "errors": [{"code": 5006, "message": "must have 'prompt'"}]}, 4, "must have 'prompt'"),
        ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}, "choices": None}, 4, "login fail"),
        ({"status": "449", "msg": "over the current rate", "body": None}, 4, "over the current rate"),
        ({"code": "Throttling.RateQuota", "message": "Requests rate limit exceeded"}, 5, "Requests rate limit"),
    ],
)
def test_an_error_with_the_status_of_a_success_is_told(
    cli: CommandLine, openai: Service, body: object, code: int, told: str
) -> None:
    """Whole, and as an event of a stream."""
    for sent in (Answer(json.dumps(body).encode()), _events(f"data: {json.dumps(body)}\n\ndata: [DONE]\n\n")):
        openai.answer(sent)
        ran = cli("speak", "Hi")
        assert ran.code == code, ran.err
        assert told in ran.err


@pytest.mark.parametrize(
    ("data", "code", "told"),
    [
        ('{"code": "DataInspectionFailed", "message": "Output may be inappropriate."}', 4, "filter"),
        ("upstream model crashed", 4, "upstream model crashed"),
    ],
)
def test_an_event_that_is_called_an_error_is_one(
    cli: CommandLine, openai: Service, data: str, code: int, told: str
) -> None:
    """With the reason that stands in it, JSON or not."""
    openai.answer(_events(f"id: 1\nevent: error\n:HTTP_STATUS/400\ndata: {data}\n\n"))
    ran = cli("speak", "Hi", "-o", "-")
    assert ran.code == code
    assert told in ran.err


@pytest.mark.parametrize(
    "between",
    [
        "event: ping\ndata: keepalive\n\n",
        'event: ping\ndata: {"type": "ping"}\n\n',
        'data: {"type": "heartbeat", "message": "still at work"}\n\n',
        'data: {"code": 0, "message": "ok", "status": "processing"}\n\n',
    ],
)
def test_what_stands_between_events_is_no_error(cli: CommandLine, openai: Service, between: str) -> None:
    """The answer is paid for."""
    events = sound_events(PCM)
    openai.answer(stream([between.encode(), events[0], between.encode(), *events[1:]]))
    ran = cli("speak", "Hi", "-o", "-", "-f", "pcm16")
    assert ran.code == 0, ran.err
    assert ran.out == PCM


# --- What an answer looks like


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain; charset=utf-8"])
def test_a_stream_is_known_by_its_first_bytes(cli: CommandLine, openai: Service, kind: str) -> None:
    """Whatever the content type, and behind a comment that keeps the connection alive."""
    openai.answer(_events(b": wait\n\n" + b"".join(sound_events(PCM)), kind))
    ran = cli("speak", "Hi", "-o", "-", "-f", "pcm16")
    assert ran.code == 0, ran.err
    assert ran.out == PCM


def test_a_whole_answer_that_is_called_a_stream_is_read(cli: CommandLine, openai: Service) -> None:
    """And so is an error."""
    openai.answer(_events(completion(audio=WAV).body), _events('{"error": {"message": "no such voice here"}}'))
    assert cli("speak", "Hi", "-o", "-").code == 0
    ran = cli("speak", "Hi", "-o", "-")
    assert ran.code == 4
    assert "no such voice here" in ran.err


@pytest.mark.parametrize(
    "answer",
    [
        completion(choices=[{"index": 0, "delta": _spoken(), "finish_reason": "stop"}]),
        _whole({"role": "assistant", "content": "Hello.", "audio": _base64(WAV)}),
        _whole({"role": "assistant", "content": "Hello.", "audio": [{"data": _base64(WAV)}]}),
        _whole(_spoken([_base64(WAV[:999]), _base64(WAV[999:])])),
        _whole(_spoken(_base64(TONE))),
        Answer(json.dumps({"code": 0, "message": "ok", "data": json.loads(_whole(_spoken()).body)}).encode()),
        stream([event(choices=[{"index": 0, "message": _spoken(), "finish_reason": "stop"}]), DONE]),
    ],
    ids=["delta", "bare", "list", "pieces", "without header", "wrapped", "message"],
)
def test_sound_is_found_where_servers_put_it(cli: CommandLine, openai: Service, answer: Answer) -> None:
    """Once, and paid for once."""
    openai.answer(answer)
    ran = cli("speak", "Hi", "-o", "a.wav")
    assert ran.code == 0, ran.err
    assert ran.out == b"Hello.\n"
    assert wav.read(Path("a.wav").read_bytes()) is not None
    assert len(openai.requests) == 1


def test_a_message_that_repeats_the_deltas_adds_nothing(cli: CommandLine, openai: Service, dog: Path) -> None:
    """Some servers send both in every event."""
    said = [("It is ", "It is "), ("a dog.", "It is a dog.")]
    choices = [{"index": 0, "delta": {"content": new}, "message": {"content": all_}} for new, all_ in said]
    last = {"index": 0, "delta": None, "message": {"content": "It is a dog."}, "finish_reason": "stop"}
    openai.answer(stream([*(event(choices=[one]) for one in [*choices, last]), DONE]))
    ran = cli("analyze", str(dog), "--text-only")
    assert (ran.code, ran.out) == (0, b"It is a dog.\n")


# --- Ways of asking, and ids


@pytest.mark.parametrize(
    "refusal",
    [
        error(501, None, "Streaming is not implemented for audio"),
        error(500, None, "NotImplementedError: audio output does not support streaming"),
        error(403, None, "Streaming is not allowed for this key"),
    ],
)
def test_streaming_that_is_refused_with_any_status_is_not_asked_for_twice(
    cli: CommandLine, openai: Service, refusal: Answer
) -> None:
    """Then the whole answer is."""
    openai.answer_with(lambda asked: refusal if asked.json.get("stream") else completion(audio=WAV))
    ran = cli("speak", "Hi", "-o", "-")
    assert ran.code == 0, ran.err
    assert len(openai.requests) == 2


def test_a_format_that_is_refused_in_words_is_replaced_by_the_one_they_name(cli: CommandLine, openai: Service) -> None:
    """LiteLLM before Gemini: pcm16 alone, whole; its samples have no header."""
    said = "Unsupported audio format for this model: wav. It only supports 'pcm16' format."

    def answer(asked: Received) -> Answer:
        plain = asked.json["audio"]["format"] == "pcm16"
        return _whole(_spoken(_base64(TONE))) if plain else error(400, None, said)

    openai.answer_with(answer)
    ran = cli("speak", "Hi", "-o", "a.wav")
    assert ran.code == 0, ran.err
    assert len(openai.requests) == 2


@pytest.mark.parametrize("said", ["'modalities' is not supported with this model.", "Extra inputs: modalities"])
def test_modalities_are_left_out_where_text_is_wanted(cli: CommandLine, openai: Service, dog: Path, said: str) -> None:
    """Servers that hear and answer in text often do not know them."""
    openai.answer_with(
        lambda asked: (
            error(400, None, said, param="modalities")
            if "modalities" in asked.json
            else _whole({"role": "assistant", "content": "A dog."})
        )
    )
    ran = cli("analyze", str(dog), "--text-only")
    assert (ran.code, ran.out) == (0, b"A dog.\n")
    assert len(openai.requests) == 2


@pytest.mark.parametrize(
    "refusal",
    [
        error(500, None, "'NoneType' object is not iterable"),
        error(403, None, "The audio belongs to another project."),
        error(410, None, "Gone"),
        Answer(b'{"object": "error", "message": "content: a string is wanted", "code": 422}'),
    ],
)
def test_ids_that_a_server_stumbles_over_are_replaced_by_the_words(
    cli: CommandLine, openai: Service, refusal: Answer
) -> None:
    """Also with a fault of its own, after the usual retries."""
    fresh = _spoken()
    fresh["audio"]["expires_at"] = int(time.time()) + 3600
    openai.answer_with(
        lambda asked: refusal if any("audio" in one for one in asked.json["messages"]) else _whole(fresh)
    )
    ran = cli("converse", "--no-save", "--retries", "0", "-t", "one", "-t", "two", "-o", "turn-{n}.wav")
    assert ran.code == 0, ran.err
    assert len(openai.requests) == 3
