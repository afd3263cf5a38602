"""The local engine's chat completions API: the service's shapes, with parts that are made up."""

from __future__ import annotations

import base64
import gc
import io
import json
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiochat.audio import codec, wav
from audiochat.audio.sniff import sniff
from audiochat.chat.completion import parse_completion
from audiochat.chat.recordings import Recording, for_sending
from audiochat.chat.reply import Usage
from audiochat.chat.request import VOICES, AssistantTurn, Request, UserTurn
from audiochat.errors import ConfigurationError, FileError, UnavailableError
from audiochat.local.answer import DELTA_BYTES
from audiochat.local.api import ChatCompletions, Response
from audiochat.local.audio_ids import AudioIds
from audiochat.local.engine import LoadedOnce
from audiochat.local.llm import Limits, TooLongError, Writing
from audiochat.local.prompts import Said
from audiochat.local.request_queue import RequestQueue
from audiochat.local.stt import Heard, NotAudioError
from audiochat.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from audiochat.local.stopping import StopSignal

SPOKEN = b"\x01\x02" * 12_000
"""What the made-up voice says for any sentence: half a second."""
QUESTION = base64.b64encode(wav.wrap(bytes(48_000))).decode()
HEARD = Heard(text="hello there", seconds=1.01, speech_seconds=0.5, loudness=-20.0)


class Ear:
    """Hears the same in every recording, unless it is none."""

    def hear(self, audio: bytes, *, stop: StopSignal | None = None, **_more: Any) -> Heard:  # noqa: ARG002
        """Listen."""
        if audio[:4] != b"RIFF":
            raise NotAudioError("no sound that can be decoded")
        return HEARD


@dataclass
class Writer:
    """Writes the sentences that it was given."""

    sentences: Sequence[str] = ("Hello there.", "How are you?")
    failure: Exception | None = None
    """Raised after the sentences."""
    too_long: bool = False
    endless: bool = False
    finish_reason: str = "stop"
    name: str = "made-up-model"
    said: list[Said] = field(default_factory=list)
    limits: Limits | None = None
    written: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    def warm(self, *, recording: bool) -> None:
        """Nothing to do."""

    def write(self, said: Sequence[Said], limits: Limits, stop: StopSignal) -> Writing:  # noqa: ARG002
        """Answer."""
        if self.too_long:
            raise TooLongError("This model's maximum context length is 8 tokens.")
        self.said, self.limits = list(said), limits
        writing = Writing(prompt_tokens=11)

        def lines() -> Generator[str, None, None]:
            try:
                while True:
                    for sentence in self.sentences:
                        self.written += 1
                        writing.completion_tokens += 4
                        yield sentence
                        if self.endless:
                            time.sleep(0.002)
                    if not self.endless:
                        break
                if self.failure is not None:
                    raise self.failure
                writing.finish_reason = self.finish_reason
            finally:
                self.closed.set()

        writing.sentences = lines()
        return writing


@dataclass
class Voice:
    """Says half a second for every sentence, in two blocks."""

    failure: BaseException | None = None
    said: list[str] = field(default_factory=list)
    wait_for: threading.Event | None = None
    """Something that happens before it has spoken a word."""

    def say(
        self,
        text: str,
        *,
        voice: str | None = None,  # noqa: ARG002
        speed: float = 1.0,  # noqa: ARG002
        language: str | None = None,  # noqa: ARG002
        context: str = "",  # noqa: ARG002
        early: bool = False,  # noqa: ARG002
    ) -> Iterator[bytes]:
        """Speak."""
        self.said.append(text)
        if self.failure is not None:
            raise self.failure
        if self.wait_for is not None:
            assert self.wait_for.wait(10)
        yield SPOKEN[:20_000]
        yield SPOKEN[20_000:]


@dataclass
class Parts:
    """The three parts, there at once."""

    recognizer: Ear = field(default_factory=Ear)
    language_model: Writer = field(default_factory=Writer)
    synthesizer: Voice = field(default_factory=Voice)
    prepared: list[tuple[bool, bool]] = field(default_factory=list)
    queue: RequestQueue = field(default_factory=lambda: RequestQueue(8))
    progress: NoProgress = field(default_factory=NoProgress)
    model_name: str = "made-up-model"
    small_model: bool = False
    recognizer_name: str = "ear"

    def prepare(self, stop: StopSignal, *, recognizer: bool, language_model: bool, synthesizer: bool) -> None:
        """Note what is needed."""
        assert not stop.is_set()
        assert language_model
        self.prepared.append((recognizer, synthesizer))


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@dataclass
class Api:
    """The API over parts of its own."""

    folder: Path
    parts: Parts = field(default_factory=Parts)
    clock: Clock = field(default_factory=Clock)

    def post(self, payload: object) -> Response:
        """Post a body."""
        answers = AudioIds(self.folder, clock=self.clock)
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return ChatCompletions(self.parts, answers).respond(body)

    def ask(self, payload: object) -> Any:
        """The JSON of an answer that has to be a success."""
        response = self.post(payload)
        raw = b"".join(response.chunks)
        assert (response.status, response.headers["content-type"]) == (200, "application/json"), raw
        return json.loads(raw)

    def refused(self, payload: object) -> Any:
        """The `error` of an answer that has to be a refusal."""
        response = self.post(payload)
        assert (response.status, response.headers["content-type"]) == (400, "application/json")
        body = json.loads(b"".join(response.chunks))
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}
        assert body["error"]["type"] == "invalid_request_error"
        return body["error"]

    def stream(self, payload: object) -> list[Any]:
        """The events of a stream; the last one is the text `[DONE]`."""
        response = self.post(payload)
        assert (response.status, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        return [_event(chunk) for chunk in response.chunks]


def _event(chunk: bytes) -> Any:
    text = chunk.decode()
    assert text.startswith("data: ")
    assert text.endswith("\n\n")
    inner = text.removeprefix("data: ").removesuffix("\n\n")
    return inner if inner == "[DONE]" else json.loads(inner)


@pytest.fixture
def api(tmp_path: Path) -> Api:
    """The API, its answers kept in a folder of the test's."""
    return Api(tmp_path / "answers")


def payload(**changes: Any) -> dict[str, Any]:
    """A request for a spoken answer to a text; a change to None leaves the key out."""
    base = Request("any-name", (UserTurn("Hi."),)).payload()
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def heard_payload(**changes: Any) -> dict[str, Any]:
    """A request for a written answer to a recording."""
    recording = Recording(base64.b64decode(QUESTION), "wav")
    base = Request("any-name", (UserTurn("What is it?", (recording,)),), format=None).payload()
    return {**base, **changes}


STREAMED: dict[str, Any] = {
    "stream": True,
    "stream_options": {"include_usage": True},
    "audio": {"voice": "alloy", "format": "pcm16"},
}


# --- whole answers


def test_a_spoken_answer_has_the_services_shape(api: Api) -> None:
    """Every key that the recorded answer has is there, null content included."""
    before = int(time.time())
    answer = api.ask(payload())
    assert answer["object"] == "chat.completion"
    assert re.fullmatch(r"chatcmpl-\w+", answer["id"])
    assert before <= answer["created"] <= time.time()
    assert answer["model"] == "made-up-model"
    assert len(answer["choices"]) == 1
    choice = answer["choices"][0]
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    message = choice["message"]
    assert (message["role"], message["content"], message["refusal"]) == ("assistant", None, None)
    assert set(message["audio"]) == {"id", "data", "expires_at", "transcript"}
    assert re.fullmatch(r"audio_[0-9a-f]{32}", message["audio"]["id"])
    assert message["audio"]["transcript"] == "Hello there. How are you?"
    assert message["audio"]["expires_at"] == int(api.clock.now) + 3600


def test_the_keys_are_those_of_the_recording(api: Api, recorded: Callable[[str], Any]) -> None:
    """Nothing that the service sends at the top, in the message, its audio or the usage is missing."""
    real = recorded("dotnet-ChatWithAudio.json")["Entries"][0]["ResponseBody"]
    ours = api.ask(payload())
    assert set(ours) == set(real)
    assert set(ours["choices"][0]) == set(real["choices"][0])
    assert set(ours["choices"][0]["message"]) == set(real["choices"][0]["message"])
    assert set(ours["choices"][0]["message"]["audio"]) == set(real["choices"][0]["message"]["audio"])
    assert {"prompt_tokens", "completion_tokens", "total_tokens"} <= set(ours["usage"])


@pytest.mark.parametrize("format_", ["wav", "mp3", "flac", "opus", "aac", "pcm16"])
def test_the_spoken_answer_decodes(api: Api, format_: str) -> None:
    """Both sentences are in the sound, in each format: a second all in all."""
    answer = api.ask(payload(audio={"voice": "alloy", "format": format_}))
    data = base64.b64decode(answer["choices"][0]["message"]["audio"]["data"], validate=True)
    assert codec.duration(data, format_) == pytest.approx(1.0, abs=0.15)
    assert sniff(data) == (None if format_ == "pcm16" else format_)
    if format_ == "pcm16":
        assert data == SPOKEN * 2


def test_the_answer_is_read_by_the_client_side(api: Api) -> None:
    """What the engine sends is what `parse_completion` reads."""
    parsed = parse_completion(api.ask(payload()), format="wav")
    assert parsed.audio is not None
    assert parsed.audio.data == wav.wrap(SPOKEN * 2)
    assert parsed.usage == Usage(11, 0, 28, 20)


def test_a_written_answer_has_no_audio(api: Api) -> None:
    """For text out there is no key `audio`, nothing is spoken, and no id is kept."""
    answer = api.ask(heard_payload())
    message = answer["choices"][0]["message"]
    assert message["content"] == "Hello there. How are you?"
    assert "audio" not in message
    assert api.parts.synthesizer.said == []
    assert not list(api.folder.glob("audio_*"))


def test_tokens_are_counted_as_the_service_does(api: Api) -> None:
    """Ten a second of sound in, twenty out, begun ones whole; words beside them; totals add up."""
    usage = api.ask(heard_payload(modalities=["text", "audio"], audio={"voice": "ash", "format": "wav"}))["usage"]
    assert usage["prompt_tokens_details"] == {"audio_tokens": 11, "text_tokens": 11, "cached_tokens": 0}
    assert usage["completion_tokens_details"] == {"audio_tokens": 20, "text_tokens": 8}
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (22, 28, 50)


def test_the_finish_reason_is_the_writers(api: Api) -> None:
    """An answer that was cut at the limit of tokens says so, though that is known only at its end."""
    api.parts.language_model.finish_reason = "length"
    assert api.ask(payload(max_completion_tokens=8))["choices"][0]["finish_reason"] == "length"
    assert api.parts.language_model.limits == Limits(tokens=8)


@pytest.mark.parametrize(
    ("given_", "limits"),
    [
        ({}, Limits()),
        ({"max_tokens": 9}, Limits(tokens=9)),
        ({"max_tokens": 9, "max_completion_tokens": 7}, Limits(tokens=7)),
        ({"temperature": 0.5, "seed": 3}, Limits(temperature=0.5, seed=3)),
        ({"temperature": 0, "seed": 0}, Limits(temperature=0, seed=0)),
        ({"seed": -1, "max_tokens": 9.0}, Limits(tokens=9, seed=-1)),
        ({"tools": [{"type": "function"}], "tool_choice": "auto", "response_format": {"type": "text"}}, Limits()),
        ({"temperature": None, "unheard_of": [1]}, Limits()),
    ],
)
def test_limits_reach_the_writer(api: Api, given_: dict[str, Any], limits: Limits) -> None:
    """Both names of the limit of tokens, temperature and seed are passed on; other parameters are let be."""
    api.ask({**payload(), **given_})
    assert api.parts.language_model.limits == limits


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        ("there", "Hello"),
        (["you", "are"], "Hello there. How"),
        (["Hello"], ""),
        ([], "Hello there. How are you?"),
        (["cat", ""], "Hello there. How are you?"),
    ],
)
def test_an_answer_ends_before_a_phrase_that_stops_it(api: Api, stop: object, said: str) -> None:
    """The phrase is left out, what follows is not spoken, and the finish reason is the usual one."""
    choice = api.ask(payload(stop=stop))["choices"][0]
    assert (choice["message"]["audio"]["transcript"], choice["finish_reason"]) == (said, "stop")


def test_what_is_said_and_heard_reaches_the_writer(api: Api) -> None:
    """System and developer messages, text parts, recordings and earlier answers, in their order."""
    content = [
        {"type": "text", "text": "One."},
        {"type": "input_audio", "input_audio": {"data": QUESTION, "format": "wav"}},
        {"type": "text", "text": "Two."},
    ]
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": content},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "Why?"},
    ]
    api.ask(payload(messages=messages))
    assert api.parts.language_model.said == [
        Said("system", "Be brief."),
        Said("system", "Be kind."),
        Said("user", "One.\nTwo.", (HEARD,)),
        Said("assistant", "Yes."),
        Said("user", "Why?"),
    ]


def test_only_what_is_needed_is_prepared(api: Api) -> None:
    """Parts are loaded for what a request has in it: an ear for recordings, a voice for spoken answers."""
    api.ask(payload())
    api.ask(heard_payload())
    assert api.parts.prepared == [(False, True), (True, False)]


def test_each_response_has_a_request_id(api: Api) -> None:
    """Answers and refusals carry ids of their own, as the service's do."""
    ids = [api.post(body).headers["x-request-id"] for body in (payload(), payload(), b"nonsense")]
    assert len(set(ids)) == 3


# --- earlier answers


def following(id_: str) -> dict[str, Any]:
    """A request whose third message, after the system's and the user's, refers to an earlier answer."""
    turns = (UserTurn("Hi."), AssistantTurn(audio_id=id_), UserTurn("Why?"))
    return Request("any-name", turns, system="Be brief.").payload()


def test_an_earlier_answer_is_remembered_by_its_id(api: Api) -> None:
    """Its words stand in the conversation, also for another process that has the same folder."""
    id_ = api.ask(payload())["choices"][0]["message"]["audio"]["id"]
    other = Api(api.folder, clock=api.clock)
    other.ask(following(id_))
    assert other.parts.language_model.said[2] == Said("assistant", "Hello there. How are you?")


def test_an_earlier_answer_expires_after_an_hour(api: Api) -> None:
    """To the second before it is known, and then it is not."""
    id_ = api.ask(payload())["choices"][0]["message"]["audio"]["id"]
    made_at = int(api.clock.now)
    api.clock.now = made_at + 3599
    api.ask(following(id_))
    api.clock.now = made_at + 3600
    error = api.refused(following(id_))
    assert error["code"] == "audio_not_found"
    assert error["message"] == f"Assistant audio {id_} not found."


def test_two_answers_have_two_ids(api: Api) -> None:
    """Ids do not repeat, and each one recalls its own words."""
    first = api.ask(payload())["choices"][0]["message"]["audio"]["id"]
    api.parts.language_model.sentences = ["Something else."]
    second = api.ask(payload())["choices"][0]["message"]["audio"]["id"]
    assert first != second
    api.ask(following(first))
    assert api.parts.language_model.said[2].text == "Hello there. How are you?"
    api.ask(following(second))
    assert api.parts.language_model.said[2].text == "Something else."


@pytest.mark.parametrize(
    "id_",
    ["audio_" + "0" * 32, "audio_1", "", "../../../etc/passwd", "audio_" + "0" * 32 + "/../x", "audio_\u0661" * 4],
)
def test_an_unknown_id_is_not_found(api: Api, id_: str) -> None:
    """Ids that were never given out, also those that look like paths."""
    error = api.refused(following(id_))
    assert (error["code"], error["message"]) == ("audio_not_found", f"Assistant audio {id_} not found.")


def test_the_parameter_of_an_unknown_id_is_the_services(api: Api) -> None:
    """`content.messages[2].audio.id`, as the service names it."""
    assert api.refused(following("audio_" + "0" * 32))["param"] == "content.messages[2].audio.id"


def test_a_damaged_memory_is_no_memory(api: Api) -> None:
    """A file that was cut off when the machine went down is as good as none."""
    id_ = api.ask(payload())["choices"][0]["message"]["audio"]["id"]
    (api.folder / f"{id_}.json").write_text('{"transcript": "He')
    assert api.refused(following(id_))["code"] == "audio_not_found"


def test_expired_answers_are_cleared_away(api: Api) -> None:
    """What nobody can ask for is not kept on disk for ever."""
    api.ask(payload())
    api.clock.now += 3602
    api.ask(payload())
    assert len(list(api.folder.glob("*.json"))) == 1


# --- refusals


def part(**changes: Any) -> list[dict[str, Any]]:
    """Messages with one recording, whose `input_audio` is different."""
    audio = {"data": QUESTION, "format": "wav", **changes}
    return [{"role": "user", "content": [{"type": "input_audio", "input_audio": audio}]}]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"", "invalid_json", None),
        (b"{", "invalid_json", None),
        (b"\xff\xfe", "invalid_json", None),
        (b"[1]", "invalid_json", None),
        (b"[" * 100_000, "invalid_json", None),
        (payload(modalities="audio"), "invalid_value", "modalities"),
        (payload(modalities=["text", "video"]), "invalid_value", "modalities"),
        (payload(audio=None), "missing_required_parameter", "audio"),
        (payload(audio="loud"), "missing_required_parameter", "audio"),
        (payload(audio={"voice": "nobody", "format": "wav"}), "invalid_value", "audio.voice"),
        (payload(audio={"voice": ["alloy"], "format": "wav"}), "invalid_value", "audio.voice"),
        (payload(audio={"voice": "alloy", "format": "vinyl"}), "invalid_value", "audio.format"),
        (payload(audio={"voice": "alloy"}), "invalid_value", "audio.format"),
        (payload(messages=None), "missing_required_parameter", "messages"),
        (payload(messages=[]), "missing_required_parameter", "messages"),
        (payload(messages="Hi."), "missing_required_parameter", "messages"),
        (payload(messages=["Hi."]), "invalid_value", "messages[0]"),
        (payload(messages=[{"role": "king", "content": "Hi."}]), "invalid_value", "messages[0]"),
        (payload(messages=[{"role": "user"}]), "invalid_type", "messages[0].content"),
        (payload(messages=[{"role": "user", "content": 7}]), "invalid_type", "messages[0].content"),
        (payload(messages=[{"role": "user", "content": ["Hi."]}]), "invalid_value", "messages[0].content[0]"),
        (
            payload(messages=part(format=None)),
            "missing_required_parameter",
            "messages[0].content[0].input_audio.format",
        ),
        (payload(temperature="hot"), "invalid_type", "temperature"),
        (payload(temperature=True), "invalid_type", "temperature"),
        (payload(temperature=-1), "decimal_below_min_value", "temperature"),
        (payload(temperature=2.5), "decimal_above_max_value", "temperature"),
        (payload(temperature=10**400), "decimal_above_max_value", "temperature"),
        (payload(max_completion_tokens=-1), "integer_below_min_value", "max_completion_tokens"),
        (payload(max_completion_tokens=1.5), "invalid_type", "max_completion_tokens"),
        (payload(max_completion_tokens=10**400), "integer_above_max_value", "max_completion_tokens"),
        (payload(seed="x"), "invalid_type", "seed"),
        (payload(seed=2**63), "integer_above_max_value", "seed"),
        (payload(stream="true"), "invalid_type", "stream"),
        (payload(stop=3), "invalid_type", "stop"),
        (payload(stop=[3]), "invalid_type", "stop"),
        (payload(stop=["a", "b", "c", "d", "e"]), "array_above_max_length", "stop"),
        (payload(response_format={"type": "json_object"}), None, "response_format"),
        (payload(response_format="json"), None, "response_format"),
        (payload(tool_choice="required"), "unsupported_value", "tool_choice"),
        (payload(tool_choice={"type": "function", "function": {"name": "f"}}), "unsupported_value", "tool_choice"),
        (payload(messages=[{"role": "tool", "content": "5"}]), "unsupported_value", "messages[0]"),
        (
            payload(messages=[{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}]),
            "unsupported_value",
            "messages[0]",
        ),
        (payload(messages=[{"role": "user", "content": "\ud83d"}]), "invalid_json", None),
        (payload(metadata={"\ud83d": 1}), "invalid_json", None),
        (payload(seed=float("nan")), "invalid_json", None),
        (payload(max_tokens=0), "integer_below_min_value", "max_tokens"),
        (payload(max_completion_tokens=0), "integer_below_min_value", "max_completion_tokens"),
        (payload(n=0), "integer_below_min_value", "n"),
        (payload(n=2), "unsupported_value", "n"),
    ],
    ids=lambda value: value if isinstance(value, str) else "" if value is None else None,
)
def test_a_wrong_request_is_refused_in_the_services_words(
    api: Api, body: object, code: str | None, param: str | None
) -> None:
    """Each mistake has its code, names its parameter, and no part of the engine is bothered with writing."""
    error = api.refused(body)
    assert (error["code"], error["param"]) == (code, param)
    assert error["message"]
    assert api.parts.language_model.written == 0


@pytest.mark.parametrize("changes", [{"modalities": ["text"]}, {"modalities": None, "audio": None}])
def test_neither_sound_in_nor_out_is_refused(api: Api, changes: dict[str, Any]) -> None:
    """An audio model wants audio on one side: the service's own words and code."""
    error = api.refused(payload(**changes))
    assert error["code"] == "invalid_value"
    assert error["message"] == "This model requires that either input content or output modality contain audio."


@pytest.mark.parametrize("format_", ["mp3", "mpeg", "x-wav", "mp4", "webm"])
def test_a_recording_is_taken_whatever_it_is_called(api: Api, format_: str) -> None:
    """LangChain names recordings by the subtype of a media type; what decodes is listened to."""
    api.ask(payload(messages=part(format=format_)))
    assert [one.text for one in api.parts.language_model.said] == [HEARD.text], "alone, it is the question"


@pytest.mark.parametrize("format_", ["wav", "mp3"])
@pytest.mark.parametrize(
    "data",
    ["not base64!", f"data:audio/wav;base64,{QUESTION}", base64.b64encode(b"no sound").decode(), "", None, 7, ["x"]],
)
def test_a_recording_that_is_none_is_refused(api: Api, data: object, format_: str) -> None:
    """Broken base64 and bytes that are no sound: the service's own words, which name the format."""
    error = api.refused(payload(messages=part(data=data, format=format_)))
    assert error["message"] == f"The data provided for 'input_audio' is not of valid {format_} format."


def test_a_picture_is_refused(api: Api) -> None:
    """Parts that are neither text nor sound are named by their place."""
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    error = api.refused(payload(messages=[{"role": "user", "content": content}]))
    assert (error["code"], error["param"]) == ("invalid_value", "messages[0].content[1]")


@pytest.mark.parametrize("streamed", [False, True])
def test_a_conversation_that_does_not_fit_is_refused(api: Api, *, streamed: bool) -> None:
    """Also for a stream the refusal comes with its own status and not inside of a success."""
    api.parts.language_model.too_long = True
    error = api.refused(payload(**(STREAMED if streamed else {})))
    assert (error["code"], error["param"]) == ("context_length_exceeded", "messages")


@pytest.mark.parametrize("format_", ["wav", "mp3", "flac", "opus", "aac"])
def test_only_pcm16_streams(api: Api, format_: str) -> None:
    """Any other format is refused with unsupported_value, and the message names the parameter."""
    error = api.refused(payload(**{**STREAMED, "audio": {"voice": "alloy", "format": format_}}))
    assert (error["code"], error["param"]) == ("unsupported_value", "audio.format")
    assert "audio.format" in error["message"]


@pytest.mark.parametrize("voice", VOICES)
def test_every_voice_of_the_service_is_taken(api: Api, voice: str) -> None:
    """Programs that were written for the service get an answer, whichever voice they name."""
    api.ask(payload(audio={"voice": voice, "format": "wav"}))


@pytest.mark.parametrize(
    "body",
    [
        payload(modalities=[["audio"]]),
        payload(modalities=[{}]),
        json.dumps(payload(max_tokens=7)).encode().replace(b'"max_tokens": 7', b'"max_tokens": 1e999'),
        payload(seed=float("nan")),
    ],
    ids=["list of lists", "list of objects", "infinite", "not a number"],
)
def test_json_of_the_wrong_kind_is_refused_and_does_not_crash(api: Api, body: object) -> None:
    """A server answers 400 to whatever JSON it gets."""
    assert api.refused(body)["code"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "id", "x"]), inner, max_size=2)
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "audio": VALUES,
            "messages": VALUES
            | st.lists(
                st.fixed_dictionaries(
                    {"role": st.sampled_from(["system", "user", "assistant"])},
                    optional={
                        "content": VALUES
                        | st.lists(
                            st.fixed_dictionaries(
                                {"type": st.sampled_from(["text", "input_audio"])},
                                optional={"text": VALUES, "input_audio": VALUES},
                            ),
                            max_size=2,
                        ),
                        "audio": VALUES,
                    },
                ),
                min_size=1,
                max_size=3,
            ),
            "temperature": VALUES,
            "stream": VALUES,
            "stream_options": VALUES,
        },
    )
)
def test_any_json_is_answered(api: Api, changes: dict[str, Any]) -> None:
    """Requests that are wrong anywhere are refused or answered, and never an exception."""
    response = api.post({**payload(), **changes})
    list(response.chunks)
    assert response.status in (200, 400)


# --- streams


def kind_of(event: Any) -> str:
    """What one event of a stream is about."""
    if event == "[DONE]":
        return "done"
    if event.get("usage"):
        return "usage"
    if not event.get("choices"):
        return "nothing"
    delta = event["choices"][0]["delta"]
    audio = delta.get("audio") or {}
    if "data" in audio:
        return "data"
    if "transcript" in audio:
        return "transcript"
    return "expires_at" if "expires_at" in audio else "role" if "role" in delta else "content"


def without_repeats(kinds: Sequence[str]) -> list[str]:
    """The order of kinds, neighbours of one kind taken together, events about nothing left out."""
    meant = [kind for kind in kinds if kind != "nothing"]
    return [kind for index, kind in enumerate(meant) if index == 0 or meant[index - 1] != kind]


def test_a_stream_has_the_order_of_the_recording(api: Api, recorded: Callable[[str], Any]) -> None:
    """Role, id with transcript, sound, usage, expiry, [DONE]: for one sentence exactly as it was recorded."""
    entry = recorded("dotnet-ChatWithBasicAudioOutput.json")["Entries"][0]
    lines = [line for chunk in entry["ResponseBody"] for line in chunk.split("\n") if line]
    real = [kind_of(_event(f"{line}\n\n".encode())) for line in lines]
    api.parts.language_model.sentences = ["Hello."]
    ours = [kind_of(event) for event in api.stream(payload(**STREAMED))]
    assert without_repeats(ours) == without_repeats(real)
    assert without_repeats(real) == ["role", "transcript", "data", "usage", "expires_at", "done"]


def test_a_stream_carries_the_whole_answer(api: Api) -> None:
    """Words and sound of all pieces together are those of a whole answer; one id, known from the first words on."""
    events = api.stream(payload(**STREAMED))
    chunks = [event for event in events[:-1] if event["choices"]]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    audio = [event["choices"][0]["delta"].get("audio", {}) for event in chunks]
    assert "".join(one.get("transcript", "") for one in audio) == "Hello there. How are you?"
    assert b"".join(base64.b64decode(one.get("data", "")) for one in audio) == SPOKEN * 2
    assert len({one["id"] for one in audio if "id" in one}) == 1
    assert "id" in audio[1]
    assert audio[-1] == {"expires_at": int(api.clock.now) + 3600}
    assert len({(event["id"], event["created"], event["model"]) for event in events[:-1]}) == 1
    assert all(event["object"] == "chat.completion.chunk" for event in events[:-1])


def test_an_audio_stream_never_has_a_finish_reason(api: Api) -> None:
    """As the service's; programs have to do without, also here."""
    events = api.stream(payload(**STREAMED))[:-1]
    assert {choice.get("finish_reason") for event in events for choice in event["choices"]} == {None}


def test_pieces_of_sound_are_small_and_whole_samples(api: Api) -> None:
    """No event holds more than a fifth of a second, and none splits a sample."""
    events = api.stream(payload(**STREAMED))[:-1]
    sizes = [
        len(base64.b64decode(choice["delta"]["audio"]["data"]))
        for event in events
        for choice in event["choices"]
        if "data" in choice["delta"].get("audio", {})
    ]
    assert max(sizes) <= DELTA_BYTES == 9_600
    assert all(size % 2 == 0 for size in sizes)


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}])
def test_usage_comes_only_when_asked_for(api: Api, options: dict[str, Any] | None) -> None:
    """Without include_usage no event has a count."""
    events = api.stream(payload(**{**STREAMED, "stream_options": options}))[:-1]
    assert [event["usage"] for event in events] == [None] * len(events)


def test_usage_of_a_stream_is_that_of_the_whole_answer(api: Api) -> None:
    """The same request costs the same."""
    events = api.stream(payload(**STREAMED))
    usage = next(event["usage"] for event in events if kind_of(event) == "usage")
    assert usage == api.ask(payload())["usage"]


def test_a_streamed_answer_is_remembered(api: Api) -> None:
    """A next turn may refer to its id."""
    events = api.stream(payload(**STREAMED))
    id_ = next(event["choices"][0]["delta"]["audio"]["id"] for event in events if kind_of(event) == "transcript")
    api.ask(following(id_))
    assert api.parts.language_model.said[2].text == "Hello there. How are you?"


def test_text_streams_too(api: Api) -> None:
    """A written answer comes in pieces of content and ends with its finish reason."""
    api.parts.language_model.finish_reason = "length"
    events = api.stream(heard_payload(stream=True))
    assert events[-1] == "[DONE]"
    deltas = [event["choices"][0] for event in events[:-1]]
    assert "".join(one["delta"].get("content") or "" for one in deltas) == "Hello there. How are you?"
    assert [one["finish_reason"] for one in deltas] == [None] * (len(deltas) - 1) + ["length"]


def test_the_first_sound_leaves_before_the_last_sentence_is_written(api: Api) -> None:
    """An answer without an end streams all the same."""
    api.parts.language_model.endless = True
    chunks = api.post(payload(**STREAMED)).chunks
    kinds = [kind_of(_event(next(chunks))) for _ in range(3)]
    assert kinds == ["role", "transcript", "data"]
    getattr(chunks, "close")()  # noqa: B009 - an Iterator by its type


def test_words_do_not_wait_for_the_sound_of_those_before_them(api: Api) -> None:
    """A sentence that is written while an earlier one is spoken is given between its sounds."""
    api.parts.synthesizer.wait_for = api.parts.language_model.closed  # speaking takes longer than writing
    kinds = [kind_of(event) for event in api.stream(payload(**STREAMED))[:-1]]
    assert kinds[:4] == ["role", "transcript", "data", "transcript"]
    assert kinds.count("transcript") == 2
    words = [
        event["choices"][0]["delta"]["audio"].get("transcript", "") for event in api.stream(payload(**STREAMED))[1:5]
    ]
    assert "".join(words) == "Hello there. How are you?"


def writers() -> list[threading.Thread]:
    """The threads that write and answer."""
    return [one for one in threading.enumerate() if one.name in ("audiochat-writing", "audiochat-answering")]


@pytest.fixture
def no_collector() -> Iterator[None]:
    """No garbage collector: what it would tidy up at some later time is not tidied up."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("taken", [0, 1, 2, 5])
def test_closing_a_stream_stops_the_writing(api: Api, taken: int) -> None:
    """Whoever goes away early leaves no thread behind, and no more is written, wherever the stream was."""
    api.parts.language_model.endless = True
    chunks = api.post(payload(**STREAMED)).chunks
    for _ in range(taken):
        next(chunks)
    getattr(chunks, "close")()  # noqa: B009 - an Iterator by its type
    assert writers() == []
    so_far = api.parts.language_model.written
    time.sleep(0.02)
    assert api.parts.language_model.written == so_far


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("taken", [2, 5])
def test_closing_a_stream_closes_the_writer(api: Api, taken: int) -> None:
    """The language model is told to let go, at once, since it can answer only one at a time."""
    api.parts.language_model.endless = True
    chunks = api.post(payload(**STREAMED)).chunks
    for _ in range(taken):
        next(chunks)
    getattr(chunks, "close")()  # noqa: B009 - an Iterator by its type
    del chunks
    assert api.parts.language_model.closed.is_set()


# --- failures


def failure_of(response: Response) -> dict[str, Any]:
    """The error of an answer that fails at once, or in the middle of its stream."""
    raw = b"".join(response.chunks)
    if response.headers["content-type"] == "application/json":
        assert response.status == 500
        assert response.headers["x-should-retry"] == "false"
    else:
        assert b"[DONE]" not in raw
        raw = raw.rstrip().rpartition(b"data: ")[2]
    error: dict[str, Any] = json.loads(raw)["error"]
    return error


@pytest.mark.parametrize("streamed", [False, True])
def test_a_writer_that_fails_is_an_error_of_the_api(api: Api, *, streamed: bool) -> None:
    """An exception in the thread that writes becomes an error, after the sentences before it."""
    api.parts.language_model.failure = RuntimeError("out of memory")
    error = failure_of(api.post(payload(**(STREAMED if streamed else {}))))
    assert (error["type"], error["code"]) == ("server_error", "engine_failed")
    assert "out of memory" in error["message"]
    assert api.parts.synthesizer.said == ["Hello there.", "How are you?"]
    assert writers() == []


@pytest.mark.parametrize("streamed", [False, True])
def test_a_voice_that_fails_is_an_error_of_the_api(api: Api, *, streamed: bool) -> None:
    """An exception while speaking becomes an error, and the writing stops."""
    api.parts.language_model.endless = True
    api.parts.synthesizer.failure = RuntimeError("no voice")
    assert "no voice" in failure_of(api.post(payload(**(STREAMED if streamed else {}))))["message"]
    assert writers() == []


@pytest.mark.parametrize("streamed", [False, True])
def test_a_model_that_is_damaged_keeps_its_hint(api: Api, *, streamed: bool) -> None:
    """What is wrong with the user's installation is told as that, with what to do."""
    api.parts.synthesizer.failure = ConfigurationError("The voice is damaged.", hint="Fetch it again.")
    error = failure_of(api.post(payload(**(STREAMED if streamed else {}))))
    assert (error["type"], error["message"], error["hint"]) == (
        "configuration_error",
        "The voice is damaged.",
        "Fetch it again.",
    )


def test_a_failed_answer_is_not_remembered(api: Api) -> None:
    """Half an answer has no id that could be referred to."""
    api.parts.synthesizer.failure = RuntimeError("no voice")
    failure_of(api.post(payload()))
    assert not list(api.folder.glob("*"))


# --- many requests


def test_requests_are_answered_one_after_another(api: Api) -> None:
    """Eight threads, whole and streamed: each gets its answer, and never are two at work."""
    working = threading.Semaphore(1)
    clashes: list[str] = []
    say = api.parts.synthesizer.say

    def alone(text: str, **_how: Any) -> Iterator[bytes]:
        if not working.acquire(blocking=False):
            clashes.append(text)
            return iter([b""])
        try:
            time.sleep(0.01)
            return iter(list(say(text)))
        finally:
            working.release()

    api.parts.synthesizer.say = alone  # type: ignore[method-assign]
    completions = ChatCompletions(api.parts, AudioIds(api.folder))

    def ask(number: int) -> bytes:
        body = payload(**(STREAMED if number % 2 else {}))
        return b"".join(completions.respond(json.dumps(body).encode()).chunks)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(16)))
    assert clashes == []
    assert all(b"How are you?" in answer for answer in answers)
    assert api.parts.queue.length == 0


def test_too_many_requests_are_told_to_come_back(api: Api) -> None:
    """Beyond the queue: 429 with retry-after, in the service's shape; and there is room again afterwards."""
    api.parts.language_model.endless = True
    api.parts.queue = RequestQueue(1)
    completions = ChatCompletions(api.parts, AudioIds(api.folder))
    body = json.dumps(payload(**STREAMED)).encode()
    first = completions.respond(body)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(completions.respond, body)
        while api.parts.queue.length < 2:
            time.sleep(0.01)
        third = completions.respond(body)
        error = json.loads(b"".join(third.chunks))["error"]
        assert (third.status, error["code"]) == (429, "rate_limit_exceeded")
        assert int(third.headers["retry-after"]) > 0
        first.close()
        assert second.result(timeout=2).status == 200
    second.result().close()
    assert completions.respond(body).status == 200


@pytest.mark.parametrize("how", ["closed", "cancelled", "forgotten"])
def test_a_client_that_leaves_stops_the_work(api: Api, how: str) -> None:
    """Its stream closed, its event set, or simply dropped: the writing ends, and the next request is answered."""
    api.parts.language_model.endless = True
    cancelled = threading.Event()
    api.parts.queue = RequestQueue(0)
    completions = ChatCompletions(api.parts, AudioIds(api.folder))
    response = completions.respond(json.dumps(payload(**STREAMED)).encode(), cancelled=cancelled)
    for _ in range(4):
        next(response.chunks)
    if how == "closed":
        response.chunks.close()  # type: ignore[attr-defined] # a generator
    elif how == "cancelled":
        cancelled.set()
        assert b"[DONE]" not in b"".join(response.chunks)
    else:
        del response
        gc.collect()
    assert api.parts.language_model.closed.wait(0.5)
    deadline = time.monotonic() + 0.5
    while api.parts.queue.length and time.monotonic() < deadline:
        time.sleep(0.01)
    assert api.parts.queue.length == 0


def test_a_client_that_leaves_the_queue_is_not_answered(api: Api) -> None:
    """Its turn passes to the next."""
    api.parts.language_model.endless = True
    completions = ChatCompletions(api.parts, AudioIds(api.folder))
    body = json.dumps(payload(**STREAMED)).encode()
    first = completions.respond(body)
    cancelled = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(completions.respond, body, cancelled=cancelled)
        while api.parts.queue.length < 2:
            time.sleep(0.01)
        cancelled.set()
        assert second.result(timeout=2).status == 499
    first.close()
    assert api.parts.queue.length == 0


def test_an_answer_that_nobody_takes_holds_nobody_up(api: Api) -> None:
    """A stream that was begun and is left lying does not keep the next question, of the same thread even, waiting."""
    completions = ChatCompletions(api.parts, AudioIds(api.folder))
    body = json.dumps(payload(**STREAMED)).encode()
    first = completions.respond(body)
    next(first.chunks)
    assert b"[DONE]" in b"".join(completions.respond(body).chunks)
    assert b"[DONE]" in b"".join(first.chunks)


def test_the_callers_event_is_looked_at_and_never_set(api: Api) -> None:
    """One event can stand for many requests."""
    cancelled = threading.Event()
    body = json.dumps(payload()).encode()
    response = ChatCompletions(api.parts, AudioIds(api.folder)).respond(body, cancelled=cancelled)
    b"".join(response.chunks)
    assert not cancelled.is_set()


def test_a_recording_is_no_longer_listened_to_when_nobody_waits(api: Api) -> None:
    """The response to a request that was cancelled meanwhile comes at once, whatever the recogniser is at."""
    cancelled = threading.Event()
    listening = threading.Event()

    class Slow(Ear):
        def hear(self, audio: bytes, *, stop: StopSignal | None = None, **_more: Any) -> Heard:
            listening.set()
            assert stop is not None
            while not stop.is_set():
                time.sleep(0.01)
            stop.check()
            return super().hear(audio)

    api.parts.recognizer = Slow()
    completions = ChatCompletions(api.parts, AudioIds(api.folder))
    with ThreadPoolExecutor(1) as pool:
        response = pool.submit(completions.respond, json.dumps(heard_payload()).encode(), cancelled=cancelled)
        assert listening.wait(2)
        cancelled.set()
        assert response.result(timeout=0.5).status == 499


@pytest.mark.parametrize(
    ("failure", "status", "kind", "code"),
    [
        (MemoryError(), 503, "unavailable_error", "out_of_memory"),
        (FileError("The disk is full.", hint="Make room."), 507, "file_error", "file"),
        (UnavailableError("No network.", hint="Plug it in.", code="models_unavailable"), 503, "unavailable_error", ""),
        (SystemExit(3), 500, "server_error", "engine_failed"),
        (OSError("libgomp.so.1: cannot open shared object file"), 500, "server_error", "engine_failed"),
    ],
)
def test_whatever_goes_wrong_has_its_status(
    api: Api, failure: BaseException, status: int, kind: str, code: str
) -> None:
    """Every exception of a part is a response; it is not worth asking again at once."""
    api.parts.synthesizer.failure = failure
    response = api.post(payload())
    error = json.loads(b"".join(response.chunks))["error"]
    assert (response.status, error["type"], response.headers["x-should-retry"]) == (status, kind, "false")
    assert error["code"] == (code or "models_unavailable")
    assert error["message"]
    assert api.parts.queue.length == 0


def test_a_part_is_loaded_once_by_eight_threads_at_once() -> None:
    """Two hundred times: however many ask first, one loads."""
    for _ in range(200):
        loads: list[int] = []

        def load(loads: list[int] = loads) -> object:
            loads.append(1)
            time.sleep(0.001)
            return object()

        part = LoadedOnce(load, name="test")
        barrier = threading.Barrier(8)

        def ask(part: LoadedOnce[object] = part, barrier: threading.Barrier = barrier) -> object:
            barrier.wait()
            return part.get()

        with ThreadPoolExecutor(8) as pool:
            found = {id(future.result()) for future in [pool.submit(ask) for _ in range(8)]}
        assert (len(loads), len(found)) == (1, 1)


def test_a_part_that_could_not_be_loaded_is_tried_again() -> None:
    """What was missing may be there by then."""
    there: list[str] = []

    def load() -> str:
        return there[0]

    part = LoadedOnce(load, name="test")
    with pytest.raises(IndexError):
        part.get()
    there.append("a model")
    assert part.get() == "a model"


def test_the_made_up_recording_is_one() -> None:
    """What these tests send as sound is sound."""
    assert for_sending(io.BytesIO(base64.b64decode(QUESTION)), name="x").format == "wav"


def test_a_second_question_does_not_listen_again(api: Api) -> None:
    """What was heard is known by the recording's hash for an hour; other recordings are listened to."""
    listened: list[bytes] = []

    class Counting(Ear):
        def hear(self, audio: bytes, *, stop: StopSignal | None = None, **_more: Any) -> Heard:
            listened.append(audio)
            return super().hear(audio, stop=stop)

    api.parts.recognizer = Counting()
    for _ in range(2):
        api.ask(heard_payload())
    assert len(listened) == 1
    assert [one.heard for said in api.parts.language_model.said for one in [said]] == [(HEARD,)]
    for path in api.folder.glob("heard_*.json"):
        os.utime(path, (0, 0))
    api.ask(heard_payload())
    assert len(listened) == 2
