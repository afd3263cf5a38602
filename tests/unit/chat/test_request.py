"""Payloads: what Azure's quickstart sends, and what the specifications allow."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.service import PCM

from audiochat.audio import wav
from audiochat.audio.formats import SERVICE_FORMATS
from audiochat.chat.recordings import Recording
from audiochat.chat.request import OWNED, VOICES, AssistantTurn, Request, Turn, UserTurn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUESTION = wav.wrap(PCM)
RECORDING = Recording(QUESTION, "wav")
ENCODED = base64.b64encode(QUESTION).decode()

PAIRS: dict[str, Request] = {
    "text to text and audio": Request("m", (UserTurn("Is a golden retriever a good family dog?"),)),
    "audio to text and audio": Request("m", (UserTurn(None, (RECORDING,)),)),
    "audio to text": Request("m", (UserTurn(None, (RECORDING,)),), format=None),
    "text and audio to text and audio": Request("m", (UserTurn("Describe it.", (RECORDING,)),)),
    "text and audio to text": Request("m", (UserTurn("Describe it.", (RECORDING,)),), format=None),
}
"""The five pairs of modalities that the audio models take and give."""

FOLLOWING = (
    UserTurn("Describe it.", (RECORDING,)),
    AssistantTurn(audio_id="audio_1", text="A dog barks."),
    UserTurn("Say it shorter."),
)


@pytest.fixture
def validates(shared: Path) -> Callable[[str, str, dict[str, Any]], None]:
    """Validates a payload against a schema of one of the specifications."""

    def validate(file: str, schema: str, payload: dict[str, Any]) -> None:
        document = json.loads((shared / "spec" / file).read_text(encoding="utf-8"))
        rooted = {**document, "$ref": f"#/components/schemas/{schema}"}
        jsonschema.Draft202012Validator(rooted).validate(json.loads(json.dumps(payload)))

    return validate


SPECIFICATIONS = [
    ("openai-chat.json", "CreateChatCompletionRequest"),
    ("azure-2025-03-01-preview-chat.json", "createChatCompletionRequest"),
]


# --- the specifications


@pytest.mark.parametrize(("file", "schema"), SPECIFICATIONS, ids=["OpenAI", "Azure"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("pair", PAIRS)
def test_payloads_follow_the_specifications(
    validates: Callable[[str, str, dict[str, Any]], None], file: str, schema: str, pair: str, *, stream: bool
) -> None:
    """All five pairs of modalities, whole and streamed, are what OpenAI's and Azure's specifications allow."""
    validates(file, schema, PAIRS[pair].payload(stream=stream))


@pytest.mark.parametrize(("file", "schema"), SPECIFICATIONS, ids=["OpenAI", "Azure"])
@pytest.mark.parametrize(
    "turns",
    [FOLLOWING, (*FOLLOWING[:1], AssistantTurn(text="A dog barks."), *FOLLOWING[2:])],
    ids=["by id", "by words"],
)
def test_following_turns_follow_the_specifications(
    validates: Callable[[str, str, dict[str, Any]], None], file: str, schema: str, turns: tuple[Turn, ...]
) -> None:
    """A conversation with a system message, and an earlier answer by its id or by its words, is allowed."""
    validates(file, schema, Request("m", turns, system="Be brief.", parameters={"temperature": 0.5}).payload())


@pytest.mark.parametrize(("file", "schema"), SPECIFICATIONS, ids=["OpenAI", "Azure"])
@pytest.mark.parametrize("format_", SERVICE_FORMATS)
def test_every_format_of_the_service_is_in_the_specifications(
    validates: Callable[[str, str, dict[str, Any]], None], file: str, schema: str, format_: str
) -> None:
    """What can be asked of any deployment is what both specifications name."""
    validates(file, schema, Request("m", (UserTurn("Hi."),), format=format_).payload())


@pytest.mark.parametrize("voice", VOICES)
def test_every_known_voice_is_in_openais_specification(
    validates: Callable[[str, str, dict[str, Any]], None], voice: str
) -> None:
    """No voice that we call known is unknown to OpenAI."""
    validates(*SPECIFICATIONS[0], Request("m", (UserTurn("Hi."),), voice=voice).payload())


@pytest.mark.parametrize(
    "wrong",
    [
        {"modalities": ["smell"]},
        {"audio": {"voice": "alloy", "format": "vinyl"}},
        {"audio": {"format": "wav"}},
        {"messages": []},
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"format": "wav"}}]}]},
    ],
    ids=repr,
)
@pytest.mark.parametrize(("file", "schema"), SPECIFICATIONS, ids=["OpenAI", "Azure"])
def test_the_validation_would_see_a_mistake(
    validates: Callable[[str, str, dict[str, Any]], None], file: str, schema: str, wrong: dict[str, Any]
) -> None:
    """The specifications are really applied: a payload with one mistake in it does not pass."""
    payload = PAIRS["text to text and audio"].payload()
    with pytest.raises(jsonschema.ValidationError):
        validates(file, schema, {**payload, **wrong})


# --- the quickstart


def test_the_quickstarts_audio_from_text() -> None:
    """Azure's quickstart, "generate audio from text input": the same body, key for key."""
    assert Request(
        "gpt-4o-mini-audio-preview",
        (UserTurn("Is a golden retriever a good family dog?"),),
        voice="alloy",
        format="wav",
    ).payload() == {
        "model": "gpt-4o-mini-audio-preview",
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
        "messages": [{"role": "user", "content": "Is a golden retriever a good family dog?"}],
    }


def test_the_quickstarts_audio_and_text_from_audio() -> None:
    """Azure's quickstart, "generate audio and text from audio input": the same body, the text part first."""
    assert Request(
        "gpt-4o-mini-audio-preview", (UserTurn("Describe in detail the spoken audio input.", (RECORDING,)),)
    ).payload() == {
        "model": "gpt-4o-mini-audio-preview",
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Describe in detail the spoken audio input."},
                    {"type": "input_audio", "input_audio": {"data": ENCODED, "format": "wav"}},
                ],
            }
        ],
    }


def test_the_quickstarts_next_turn() -> None:
    """Azure's quickstart, "multi-turn": earlier user parts again, the answer by its audio id, the new question."""
    first = UserTurn("Describe in detail the spoken audio input.", (RECORDING,))
    turns = (first, AssistantTurn(audio_id="audio_abc"), UserTurn("Very briefly, summarize the favorability."))
    assert Request("gpt-4o-mini-audio-preview", turns).payload()["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Describe in detail the spoken audio input."},
                {"type": "input_audio", "input_audio": {"data": ENCODED, "format": "wav"}},
            ],
        },
        {"role": "assistant", "audio": {"id": "audio_abc"}},
        {"role": "user", "content": "Very briefly, summarize the favorability."},
    ]


# --- the details


def test_text_alone_asks_for_no_audio() -> None:
    """For text out `audio` is left out, and the modalities say so."""
    payload = PAIRS["audio to text"].payload()
    assert payload["modalities"] == ["text"]
    assert "audio" not in payload


def test_a_recorded_request_is_made_again(recorded: Callable[[str], Any]) -> None:
    """What another client sent and the service took, a recorded stream, is what we would send for it."""
    sent = recorded("dotnet-ChatWithBasicAudioOutput.json")["Entries"][0]["RequestBody"]
    text = sent["messages"][0]["content"]
    made = Request("gpt-audio-1.5", (UserTurn(text),), voice="ash", format="pcm16").payload(stream=True)
    assert made == sent


def test_a_recorded_following_turn_is_made_again(recorded: Callable[[str], Any]) -> None:
    """The recorded second turn: recording, answer by id, text with another recording."""
    sent = recorded("dotnet-ChatWithAudio.json")["Entries"][1]["RequestBody"]
    parts = [sent["messages"][0]["content"][0], sent["messages"][2]["content"][1]]
    first, second = (base64.b64decode(part["input_audio"]["data"]) for part in parts)
    turns = (
        UserTurn(None, (Recording(first, "mp3"),)),
        AssistantTurn(audio_id=sent["messages"][1]["audio"]["id"]),
        UserTurn(sent["messages"][2]["content"][0]["text"], (Recording(second, "wav"),)),
    )
    assert Request("gpt-audio-1.5", turns, format="pcm16").payload(stream=True) == sent


def test_an_answer_by_its_words_is_plain_text() -> None:
    """An answer whose id has expired goes as what was said."""
    assert AssistantTurn(text="A dog barks.").message() == {"role": "assistant", "content": "A dog barks."}


def test_the_system_message_stands_first() -> None:
    """It comes before all turns."""
    messages = Request("m", FOLLOWING, system="Be brief.").payload()["messages"]
    assert messages[0] == {"role": "system", "content": "Be brief."}
    assert [message["role"] for message in messages[1:]] == ["user", "assistant", "user"]


def test_other_parameters_go_along() -> None:
    """`--param` reaches the body; what has an option of its own is told apart by name."""
    payload = Request("m", (UserTurn("Hi."),), parameters={"max_completion_tokens": 200, "seed": 7}).payload()
    assert (payload["max_completion_tokens"], payload["seed"]) == (200, 7)
    assert set(payload) - {"max_completion_tokens", "seed"} <= OWNED


@given(st.binary(min_size=1, max_size=200), st.sampled_from(["wav", "mp3"]), st.text(max_size=50))
def test_recordings_and_words_arrive_exactly(data: bytes, format_: Any, text: str) -> None:
    """Any bytes and any words come out of the payload's JSON as they went in."""
    payload = json.loads(json.dumps(Request("m", (UserTurn(text, (Recording(data, format_),)),)).payload()))
    words, sound = payload["messages"][0]["content"]
    assert words == {"type": "text", "text": text}
    assert base64.b64decode(sound["input_audio"]["data"], validate=True) == data
    assert sound["input_audio"]["format"] == format_


def test_a_recordings_bytes_stay_out_of_representations() -> None:
    """A request can be printed without its megabytes."""
    assert repr(RECORDING) == "Recording(format='wav', name=None)"
