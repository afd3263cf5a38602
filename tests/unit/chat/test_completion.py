"""A whole chat completion: answers as services send them, and as they should not be."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.service import PCM, completion

from audiochat.audio.sniff import sniff
from audiochat.chat.completion import parse_completion, parse_usage
from audiochat.chat.reply import Reply, SpokenAudio, Usage
from audiochat.errors import AudiochatError, BrokenAnswerError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def body(message: object, *, finish_reason: object = "stop", **fields: Any) -> dict[str, Any]:
    """A chat completion around a message."""
    return {
        "id": "chatcmpl-1",
        "model": "gpt-audio",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        **fields,
    }


def spoken(**changes: Any) -> dict[str, Any]:
    """The message of a spoken answer, with these fields of its audio different."""
    audio = {"id": "audio_1", "data": base64.b64encode(PCM).decode(), "expires_at": 1780697149, "transcript": "Hello."}
    return {"role": "assistant", "content": None, "refusal": None, "audio": {**audio, **changes}}


def parse(answer: object, *, request_id: str | None = None) -> Reply:
    """The reply, for a request in pcm16."""
    return parse_completion(answer, format="pcm16", request_id=request_id)


def recorded_body(shared: Path, name: str) -> Any:
    """The JSON of the answer in one of the recordings that are kept as YAML: the second literal block `body`."""
    lines = (shared / "recordings" / name).read_text(encoding="utf-8").splitlines()
    start = [index for index, line in enumerate(lines) if line.strip() == "body: |-"][1]
    block = [line for line in lines[start + 1 :] if re.match(r" {12}", line)]
    end = next(index for index, line in enumerate(block) if line == " " * 12 + "}") + 1
    return json.loads("\n".join(block[:end]))


# --- as recorded


def test_a_recorded_spoken_answer_is_read(recorded: Callable[[str], Any]) -> None:
    """A whole answer of gpt-audio-1.5: words, sound, id, expiry and tokens, as the service sent them."""
    answer = recorded("dotnet-ChatWithAudio.json")["Entries"][0]["ResponseBody"]
    parsed = parse(answer, request_id="req_1")
    assert parsed.transcript.startswith("Hi there! I'm hearing you loud and clear.")
    assert parsed.audio is not None
    assert parsed.audio.id == "audio_6a233a2d7c188191babb522be781ec61"
    assert parsed.audio.expires_at == 1780697149
    assert len(parsed.audio.data) == 223_200  # 4.65 s, for which 93 tokens were counted
    assert parsed.usage == Usage(28, 17, 125, 93)
    assert (parsed.finish_reason, parsed.model, parsed.request_id) == ("stop", "gpt-audio-1.5", "req_1")


def test_a_recorded_answer_in_opus_is_read(shared: Path) -> None:
    """An answer of gpt-4o-mini-audio-preview, whose content is null, in the format that was asked for."""
    parsed = parse(recorded_body(shared, "envoy-chat-text-to-audio.yaml"))
    assert parsed.transcript == "beep"
    assert parsed.audio is not None
    assert (parsed.audio.id, parsed.audio.expires_at) == ("audio_689d37b918708191a17f6a577df19b56", 1755137481)
    assert sniff(parsed.audio.data[:]) == "opus"
    assert parsed.usage == Usage(22, 0, 18, 12)


def test_a_recorded_answer_in_text_is_read(shared: Path) -> None:
    """An answer of gpt-4o-audio-preview to a recording: text, and no key `audio` at all."""
    parsed = parse(recorded_body(shared, "envoy-chat-audio-to-text.yaml"))
    assert parsed.transcript == "Please play the audio, and I'll describe what I hear in up to five words."
    assert parsed.audio is None
    assert parsed.usage == Usage(28, 1, 17, 0)


def test_the_recorded_audio_of_another_library_is_read(recorded: Callable[[str], Any]) -> None:
    """A WAV answer whose words have an apostrophe and a comma; they arrive exactly."""
    audio = recorded("langchainjs-audio.json")
    parsed = parse(body({"role": "assistant", "content": None, "audio": audio}))
    assert parsed.transcript == audio["transcript"]
    assert parsed.audio is not None
    assert parsed.audio.data[:4] == b"RIFF"


# --- made up, and fine


def test_the_scripted_service_answers_what_is_read_back() -> None:
    """The tests' own service sends the shape that is understood."""
    parsed = parse(json.loads(completion("Yes.", PCM).body))
    assert parsed.audio == SpokenAudio(PCM, "pcm16", "audio_abc", 1780697155)
    assert (parsed.transcript, parsed.usage) == ("Yes.", Usage(99, 69, 116, 93))


def test_a_text_answer_to_a_question_for_sound_is_an_answer() -> None:
    """A model may answer in text although sound was asked for."""
    parsed = parse(body({"role": "assistant", "content": "In text.", "audio": None}))
    assert parsed == Reply("In text.", None, Usage(), "stop", "gpt-audio", None)


def test_words_arrive_exactly() -> None:
    """Spaces, line breaks, brackets and other scripts are data."""
    words = "  [laughs]\r\nÇa va? \u4f60\u597d \x1b[31m  "
    assert parse(body(spoken(transcript=words))).transcript == words
    assert parse(body({"content": words})).transcript == words


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "refusal": "I can't help with that."},
        {"content": [{"type": "refusal", "refusal": "I can't help with that."}]},
        {"content": "I can't help with that.", "refusal": "I can't help with that."},
    ],
)
def test_a_refusal_of_the_model_is_no_answer(message: dict[str, Any]) -> None:
    """It has a code of its own, and its words."""
    with pytest.raises(RefusedError) as caught:
        parse(body(message))
    assert (caught.value.code, caught.value.transcript) == ("refused", "I can't help with that.")


def test_a_half_filtered_answer_is_a_refusal_with_its_words() -> None:
    """An answer that the filter ended is no whole answer; the words that came are kept, and the filter is named."""
    answer = body({"content": "Once upon a"}, finish_reason="content_filter")
    answer["choices"][0]["content_filter_results"] = {"violence": {"filtered": True}, "hate": {"filtered": False}}
    with pytest.raises(RefusedError, match=r"\(violence\)") as raised:
        parse(answer)
    assert raised.value.transcript == "Once upon a"


def test_sound_without_words_is_an_answer() -> None:
    """A laugh has no transcript."""
    parsed = parse(body(spoken(transcript=None)))
    assert parsed.transcript == ""
    assert parsed.audio is not None
    assert parsed.audio.data == PCM


def test_an_answer_whose_id_is_missing_is_still_heard() -> None:
    """Servers of one's own may give neither ids nor expiry."""
    audio = spoken()
    del audio["audio"]["id"], audio["audio"]["expires_at"]
    assert parse(body(audio)).audio == SpokenAudio(PCM, "pcm16")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, Usage()),
        ([], Usage()),
        ("many", Usage()),
        ({}, Usage()),
        ({"prompt_tokens": 3}, Usage(input_tokens=3)),
        ({"prompt_tokens": 3.0, "completion_tokens": 0}, Usage(input_tokens=3, output_tokens=0)),
        ({"prompt_tokens": "3", "completion_tokens": True}, Usage()),
        ({"prompt_tokens": float("nan"), "completion_tokens": float("inf")}, Usage()),
        ({"prompt_tokens": 1.5, "completion_tokens": [1]}, Usage()),
        ({"prompt_tokens_details": None, "completion_tokens_details": []}, Usage()),
        (
            {"prompt_tokens_details": {"audio_tokens": 7}, "completion_tokens_details": {"audio_tokens": None}},
            Usage(input_audio_tokens=7),
        ),
    ],
)
def test_tokens_are_counted_where_the_service_counts(usage: object, expected: Usage) -> None:
    """Half a count is half a count, and nonsense is none; an answer is never thrown away for its bill."""
    assert parse_usage(usage) == expected
    assert parse(body({"content": "x"}, usage=usage)).usage == expected


def test_nan_in_a_body_is_what_json_lets_in() -> None:
    """Python's JSON reads NaN and Infinity; they are no counts and no expiry."""
    text = json.dumps(body(spoken(expires_at=float("nan")), usage={"prompt_tokens": float("-inf")}))
    parsed = parse(json.loads(text))
    assert parsed.audio == SpokenAudio(PCM, "pcm16", "audio_1")
    assert parsed.usage == Usage()


# --- broken


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        "text",
        3,
        {},
        {"choices": None},
        {"choices": []},
        {"choices": {}},
        {"choices": "abc"},
        {"choices": [None]},
        {"choices": [[]]},
        {"choices": [{}]},
        body(None),
        body("text"),
        body([]),
        body({}),
        body({"content": None, "refusal": None, "audio": None}),
        body({"content": ""}),
        body({"content": None, "audio": {}}),
        body({"content": None, "audio": 7}),
        body({"content": [1, None]}),
        body({"content": {"text": "x"}}),
        body({"content": 7}),
    ],
    ids=repr,
)
def test_what_is_no_answer_is_a_broken_answer(broken: object) -> None:
    """Whatever is missing or of the wrong kind: exit code 5, one sentence, a hint, and the request's id."""
    with pytest.raises(BrokenAnswerError) as raised:
        parse(broken, request_id="req_7")
    error = raised.value
    assert (error.exit_code, error.request_id) == (5, "req_7")
    assert error.code in ("broken_answer", "empty")
    assert error.message
    assert error.hint


@pytest.mark.parametrize("data", [None, "", 5, [], {}, "not base64!", "A", "\u00e4\u00e4\u00e4\u00e4", "A" * 5])
def test_words_are_saved_when_their_sound_is_broken(data: object) -> None:
    """The words of an answer whose sound is missing or cannot be decoded are kept on the error: they are paid for."""
    with pytest.raises(BrokenAnswerError) as raised:
        parse(body(spoken(data=data)), request_id="req_7")
    assert raised.value.transcript == "Hello."
    assert raised.value.request_id == "req_7"


def test_sound_that_is_missing_altogether_keeps_the_words() -> None:
    """No key `data` at all is the same as none in it."""
    audio = spoken()
    del audio["audio"]["data"]
    with pytest.raises(BrokenAnswerError) as raised:
        parse(body(audio))
    assert raised.value.transcript == "Hello."


@pytest.mark.parametrize("message", [{"content": None}, {"content": ""}, {"content": None, "audio": None}])
def test_an_answer_that_the_filter_took_away_is_a_refusal(message: dict[str, Any]) -> None:
    """Nothing but a finish reason of content_filter is the service's no: exit code 4."""
    with pytest.raises(RefusedError) as raised:
        parse(body(message, finish_reason="content_filter"), request_id="req_7")
    assert (raised.value.exit_code, raised.value.code, raised.value.request_id) == (4, "content_filter", "req_7")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)


def _shape(optional: dict[str, Any]) -> Any:
    return st.fixed_dictionaries({}, optional=optional)


ALMOST = _shape(
    {
        "choices": JSON
        | st.lists(
            _shape(
                {
                    "finish_reason": JSON,
                    "message": JSON
                    | _shape(
                        {
                            "content": JSON,
                            "refusal": JSON,
                            "audio": JSON
                            | _shape(
                                {"id": JSON, "data": JSON | st.just("AAAA"), "transcript": JSON, "expires_at": JSON}
                            ),
                        }
                    ),
                }
            ),
            max_size=2,
        ),
        "usage": JSON | _shape({"prompt_tokens": JSON, "completion_tokens": JSON, "prompt_tokens_details": JSON}),
        "model": JSON,
    }
)


@given(JSON | ALMOST)
def test_any_json_is_an_answer_or_an_error_of_ours(value: Any) -> None:
    """Whatever JSON a server sends: an answer of the promised types, or an error that a person can read."""
    try:
        parsed = parse(value)
    except AudiochatError:
        return
    assert isinstance(parsed.transcript, str)
    assert parsed.transcript or parsed.audio is not None
    for count in (parsed.usage.input_tokens, parsed.usage.output_tokens, parsed.usage.input_audio_tokens):
        assert count is None or type(count) is int


def test_secrets_and_sound_stay_out_of_representations() -> None:
    """A reply can be printed without its megabytes."""
    assert "\\x" not in repr(parse(body(spoken())))
