"""What a service can do wrong, each with its exit code, a message and a hint; and no file, ever."""

from __future__ import annotations

import email.utils
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.command_line import CANARY
from support.service import DONE, PCM, Answer, Service, completion, error, event, stream
from support.speechlike import like_speech

from audiochat.audio import wav

if TYPE_CHECKING:
    from support.command_line import CommandLine

WAV = wav.wrap(PCM)
DENIED = "The principal `x` lacks the required data action `Microsoft.CognitiveServices/accounts/OpenAI/...`"
FILTERED: dict[str, Any] = {
    "innererror": {"content_filter_result": {"hate": {"filtered": True}, "violence": {"filtered": False}}}
}
NOT_AUDIO = "Invalid 'messages[1]'. Content blocks are expected to be either text or image_url type."
EITHER = "This model requires that either input content or output modality contain audio."

ROWS = [
    # what the service answers, exit code, code, words of the message, words of the hint
    (error(401, "401", "Access denied due to invalid subscription key"), 3, "wrong_credential", "credential", "KEY"),
    (error(401, "PermissionDenied", DENIED), 3, "permission_denied", "data action", "Cognitive Services OpenAI User"),
    (error(403, "PermissionDenied", DENIED), 3, "permission_denied", "data action", "Cognitive Services OpenAI User"),
    (error(404, "DeploymentNotFound", "no"), 4, "DeploymentNotFound", "no deployment", "exact name"),
    (error(404, "404", "Resource not found"), 4, "not_found", "no such address", "OPENAI_API_VERSION"),
    (error(400, "content_filter", "filtered", **FILTERED), 4, "content_filter", "(hate)", "differently"),
    (error(400, "unsupported_format", "bad"), 4, "unsupported_format", "cannot read the recording", "Convert"),
    (
        error(400, None, "The data provided for 'input_audio' is not of valid mp3 format"),
        *(4, "unsupported_format", "not of valid mp3", "Convert"),
    ),
    (error(400, None, NOT_AUDIO), 4, "not_an_audio_model", "takes no audio", "gpt-audio"),
    (error(400, "invalid_value", EITHER), 4, "invalid_value", "requires that either", None),
    (error(400, "audio_not_found", "Assistant audio audio_x not found."), 4, "audio_not_found", "audio_x", "hour"),
    (error(413, None, "too big"), 4, "http_413", "too large", "shorter"),
    (error(429, "insufficient_quota", "You exceeded"), 4, "insufficient_quota", "No credit", "billing"),
    (error(429, "429", "slow", headers={"retry-after-ms": "1"}), 5, "rate_limited", "asked too much", "later"),
    (error(429, "429", "slow", headers={"retry-after": "86400"}), 5, "rate_limited", "asked too much", "24 hours"),
    (error(500, None, "The server had an error", headers={"retry-after-ms": "1"}), 5, "http_500", "500", "later"),
    (Answer(b"<html><body>Sign in to the WiFi</body></html>", headers={"Content-Type": "text/html"}),
     5, "broken_answer", "web page", "address"),
    (Answer(b"<html>bad gateway</html>", 502, {"retry-after-ms": "1"}), 5, "http_502", "Bad Gateway", "later"),
    (Answer(b'{"id": "chatcmpl-1"'), 5, "broken_answer", "not whole JSON", "again"),
    (Answer(b"[" * 100_000), 5, "broken_answer", "not whole JSON", "again"),
    (Answer(b"null"), 5, "broken_answer", "no chat completion", "again"),
    (Answer(b'{"id": "chatcmpl-1", "object": "chat.completion"}'), 5, "broken_answer", "no choices", "again"),
    (Answer(b'{"choices": []}'), 5, "broken_answer", "no choices", "again"),
    (Answer(b'{"choices": [{"message": null}]}'), 5, "broken_answer", "no message", "again"),
    (Answer(b'{"error": {"message": "proxied", "code": "bad"}}'), 4, "bad", "proxied", None),
    (Answer(b'{"choices": [{"message": {"audio": {"data": "%%%", "transcript": ""}}}]}'),
     5, "broken_answer", "not base64", "again"),
    (Answer(b'{"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}'),
     4, "content_filter", "content filter", "differently"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "exit_code", "code", "message", "hint"), ROWS)
def test_every_fault_has_its_code_message_and_hint(
    cli: CommandLine, azure: Service, answer: Answer, exit_code: int, code: str, message: str, hint: str | None
) -> None:
    """One to three lines on stderr, the same in the envelope, nothing left behind."""
    azure.answer(answer)
    ran = cli("speak", "hi", "-o", "a.wav", "--json", "--retries", "1")
    told = json.loads(ran.out)["error"]
    assert (ran.code, told["exit_code"], told["code"]) == (exit_code, exit_code, code)
    assert message in told["message"]
    assert hint is None or hint in told["hint"]
    assert told["request_id"] == "req_test"
    assert 1 <= len([line for line in ran.err.splitlines() if "rying again" not in line]) <= 3
    assert list(Path().iterdir()) == []


def test_an_existing_file_survives_a_failure(cli: CommandLine, azure: Service) -> None:
    """It is neither emptied nor touched."""
    Path("a.wav").write_bytes(b"mine")
    azure.answer(error(400, "content_filter", "no"))
    assert cli("speak", "hi", "-o", "a.wav").code == 4
    assert Path("a.wav").read_bytes() == b"mine"


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_a_passing_fault_is_tried_again(cli: CommandLine, openai: Service, status: int) -> None:
    """As often as --retries says, with a line about it."""
    openai.answer(error(status, None, "wait", headers={"retry-after-ms": "1"}), completion("Yes.", WAV))
    ran = cli("speak", "hi")
    assert (ran.code, len(openai.requests)) == (0, 2)
    assert "rying again" in ran.err
    assert openai.requests[0].body == openai.requests[1].body


def test_a_wait_may_be_a_date(cli: CommandLine, openai: Service) -> None:
    """A `retry-after` in the past means at once."""
    date = email.utils.formatdate(time.time() - 5, usegmt=True)
    openai.answer(error(503, None, "wait", headers={"retry-after": date}), completion("Yes.", WAV))
    started = time.monotonic()
    assert cli("speak", "hi").code == 0
    assert time.monotonic() - started < 2


def test_no_retries_is_one_request(cli: CommandLine, openai: Service) -> None:
    """`--retries 0` gives up at once."""
    openai.answer(error(500, None, "no"))
    assert cli("speak", "hi", "--retries", "0").code == 5
    assert len(openai.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        error(400, "content_filter", "no"),
        error(401, "401", "no"),
        error(429, "429", "a day", headers={"retry-after": "86400"}),
        error(500, None, "no", headers={"x-should-retry": "false"}),
        Answer(b"<html>"),
        completion("Yes.", b"no sound"),
    ],
)
def test_what_will_not_pass_is_asked_once(cli: CommandLine, openai: Service, answer: Answer) -> None:
    """An answer is money: none is asked for twice."""
    openai.answer(answer)
    assert cli("speak", "hi", "--retries", "3").code != 0
    assert len(openai.requests) == 1


def test_a_connection_that_breaks_before_the_answer_is_tried_again(cli: CommandLine, openai: Service) -> None:
    """Nothing has been made then, as far as anybody knows."""
    openai.answer(Answer(cut=0), completion("Yes.", WAV))
    assert cli("speak", "hi", "-o", "a.wav").code == 0
    assert len(openai.requests) == 2
    openai.answer(Answer(cut=0))
    ran = cli("speak", "hi", "--retries", "0")
    assert ran.code == 5
    assert "connection" in ran.err


BROKEN_OFF = {
    "in the body": Answer(completion("Yes.", WAV).body, cut=40),
    "before the body": Answer(pieces=[b""], cut=-1),
    "closed": Answer(completion("Yes.", WAV).body, headers={"Content-Length": "99999"}, cut=40, end="close"),
    "before the first event": stream([b""], cut=-1),
}


@pytest.mark.parametrize("where", BROKEN_OFF)
@pytest.mark.parametrize(
    "command",
    [
        ["speak", "hi"],
        ["analyze", "dog.wav", "--text-only"],
        ["speak", "hi", "-o", "-"],
        ["transcribe", "dog.wav", "--no-check"],
        ["transcribe", "dog.wav", "--no-check", "-m", "whisper-1"],
        ["speak", "--verbatim", "hi", "-m", "tts-1"],
    ],
    ids=" ".join,
)
def test_an_answer_that_has_begun_is_not_paid_for_twice(
    cli: CommandLine, openai: Service, where: str, command: list[str]
) -> None:
    """After the head of a success it was made: exit 5 at once, and the message says why it is not asked for again."""
    Path("dog.wav").write_bytes(wav.wrap(like_speech(2.0)))
    openai.answer(BROKEN_OFF[where])
    ran = cli(*command)
    assert (ran.code, len(openai.requests)) == (5, 1)
    assert "in the middle of the answer" in ran.err
    assert not list(Path().glob("speech*"))


@pytest.mark.parametrize("slow", [Answer(b"{}", hold=3), Answer(b"{}", pause=3), Answer(pieces=[b" "] * 40, pause=0.2)])
def test_a_service_that_takes_too_long_is_left_and_not_asked_twice(
    cli: CommandLine, openai: Service, slow: Answer
) -> None:
    """`--timeout` is for the whole request, also when a byte comes now and then."""
    openai.answer(slow)
    started = time.monotonic()
    ran = cli("speak", "hi", "--timeout", "0.5")
    assert ran.code == 5
    assert "--timeout" in ran.err
    assert time.monotonic() - started < 2.5
    assert len(openai.requests) == 1


def test_a_service_that_is_not_there(cli: CommandLine, service: Service) -> None:
    """Nobody listens: exit 5, the host and its port, and what to do."""
    service.stop()
    ran = cli("speak", "hi", "--retries", "0", env={"OPENAI_BASE_URL": service.url})
    assert ran.code == 5
    assert re.match(r"audiochat: 127.0.0.1:\d+ cannot be reached: .+\.\nStart the server, or correct", ran.err)


def test_a_service_that_quotes_the_credential_is_not_quoted(cli: CommandLine, openai: Service) -> None:
    """A secret is in no error, whoever put it there."""
    openai.answer(error(401, "401", f"Incorrect API key provided: {CANARY}"))
    ran = cli("speak", "hi", "--debug")
    assert ran.code == 3
    assert "[credential left out]" in ran.err


def test_a_message_with_escape_sequences_does_nothing(cli: CommandLine, openai: Service) -> None:
    """Whatever a server says is spelled out."""
    openai.answer(error(400, None, "\x1b]52;c;ZXZpbA==\x07 \u202e evil"))
    ran = cli("speak", "hi")
    assert ran.code == 4
    assert not {"\x1b", "\x07", "\u202e"} & set(ran.err)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=400, pieces=[b"x"] * 60, pause=0.1),
        Answer(pieces=[b": ping\n\n"] * 60, pause=0.1, headers={"Content-Type": "text/event-stream"}),
        Answer(pieces=[event({"role": "assistant"})] * 60, pause=0.1, headers={"Content-Type": "text/event-stream"}),
    ],
    ids=["an error that drips", "comments for ever", "events without content"],
)
def test_what_never_comes_to_a_point_ends_after_the_timeout(cli: CommandLine, openai: Service, answer: Answer) -> None:
    """Bytes alone do not keep a request alive."""
    openai.answer(answer)
    started = time.monotonic()
    ran = cli("speak", "hi", "-o", "-", "--timeout", "0.7", "--retries", "0")
    assert ran.code == 5
    assert time.monotonic() - started < 3
    assert len(openai.requests) == 1


def test_an_endless_error_is_not_read_whole(cli: CommandLine, openai: Service) -> None:
    """A quarter of a megabyte is enough to know what is wrong."""
    openai.answer(Answer(status=400, pieces=[b"x" * 65_536] * 400))
    assert cli("speak", "hi").code == 4
    assert openai.sent_pieces < 400


@pytest.mark.parametrize(
    "answer",
    [
        Answer(completion("Yes.", WAV).body, headers={"Content-Encoding": "gzip"}),
        stream([event({"role": "assistant"}), event()], cut=2),
    ],
    ids=["a false encoding", "a stream that has begun"],
)
def test_a_service_that_has_answered_is_not_asked_again(cli: CommandLine, openai: Service, answer: Answer) -> None:
    """An answer is money, also one that cannot be used."""
    openai.answer(answer)
    assert cli("speak", "hi", "-o", "-").code == 5
    assert len(openai.requests) == 1


def test_an_error_about_a_voice_is_no_reason_to_ask_again(cli: CommandLine, openai: Service) -> None:
    """Only a service that does not stream is asked without; this one does not know the voice."""
    openai.answer(error(400, "unsupported_value", "No such voice.", param="audio.voice"))
    assert cli("speak", "hi", "-o", "-", "-v", "xyz").code == 4
    assert len(openai.requests) == 1


@pytest.mark.parametrize(
    "command", [["speak", "hi"], ["analyze", "dog.wav", "--text-only"], ["speak", "hi", "-o", "-"]]
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_refusal_of_the_model(cli: CommandLine, openai: Service, command: list[str], *, streamed: bool) -> None:
    """Exit 4, its words shown, one request, no file, and no advice to pay for the same question again."""
    Path("dog.wav").write_bytes(WAV)
    words = "I can't help with that."
    openai.answer(refusal(words, streamed=streamed))
    ran = cli(*command)
    assert (ran.code, len(openai.requests)) == (4, 1)
    assert words in (ran.err if "-" in command else ran.out.decode())
    assert "refuses" in ran.err
    assert "again: ask it in another way" in ran.err
    assert not list(Path().glob("speech*"))
    if "-" not in command:
        told = json.loads(cli(*command, "--json").out)
        assert (told["status"], told["error"]["code"], told["transcript"]) == ("error", "refused", words)


def refusal(words: str, *, streamed: bool) -> Answer:
    """An answer in which the model refuses, whole or as a stream."""
    if not streamed:
        message = {"role": "assistant", "content": None, "refusal": words}
        return completion(choices=[{"index": 0, "message": message, "finish_reason": "stop"}])
    return stream([event({"role": "assistant", "refusal": half}) for half in (words[:5], words[5:])] + [DONE])
