"""The reason that a service, a gateway, a proxy or a sign-in gives reaches the person, with what helps there."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import TYPE_CHECKING

import pytest
from support.command_line import CANARY
from support.service import PCM, Answer, completion, error

from audiochat.audio import wav

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import CommandLine
    from support.service import Service


def _json(status: int, body: object, **headers: str) -> Answer:
    return Answer(json.dumps(body).encode(), status, {name.replace("_", "-"): value for name, value in headers.items()})


# --- The reason, in the shapes that bodies have


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, {"success": False, "errors": [{"code": 7003, "message": "Could not route to /x"}]}, "Could not route"),
        (400, {"__type": "ValidationException", "Message": "The model id is invalid."}, "The model id is invalid."),
        (400, {"type": "about:blank", "title": "Bad Request", "detail": "voice is required"}, "voice is required"),
        (400, {"error": {"message": "Provider returned error", "metadata": {"raw": "codec lost"}}}, "codec lost"),
        (400, {"error": {"code": "BadRequest", "innererror": {"message": "The payload is odd."}}}, "payload is odd"),
        (400, {"message": {"error": {"message": "nested deep"}}}, "nested deep"),
        (422, {"errors": {"voice": ["is not included in the list"]}}, "voice: is not included in the list"),
        (422, {"detail": "voice must be one of a, b"}, "voice must be one of a, b"),
        (400, {"object": "error", "message": "messages is too short", "code": 400}, "messages is too short"),
        (400, '{"fault": {"faultstring": "Body buffer overflow"}}', "Body buffer overflow"),
        (400, "plain words of a proxy", "plain words of a proxy"),
        (400, {"error": {"message": 'litellm.BadRequestError: AzureException - {"error": {"message": "Odd voice."}}. '
                         "Received Model Group=gpt-audio", "code": "400"}}, "Odd voice."),
        (400, {"error": {"message": "OpenAIException - Error code: 400 - {'error': {'message': \"Odd 'voice'.\", "
                         "'param': None}}", "code": "400"}}, "Odd 'voice'."),
        (400, {"detail": '{"error": {"message": "speaker embedding lost"}}'}, "speaker embedding lost"),
        (400, 'upstream said: {"error": "the queue is full"}', "the queue is full"),
        (400, {"statusCode": 400, "message": ["modalities should not exist", "odd"], "error": "Bad Request"},
         "modalities should not exist, odd"),
        (400, {"error": {"message": 'E - b\'{\\n "error": {\\n "message": "Empty text."\\n }\\n}\\n\'', "code": "400"}},
         "Empty text."),
        (424, {"error": {"message": "The request is invalid.", "innerError": {"message": "Scoring failed."}}},
         "Scoring failed."),
        (400, {"model": ["This field is required."], "non_field_errors": ["Unknown speaker."]}, "Unknown speaker."),
        (400, {"error": {"code": "InvalidEngine", "message": None}}, "InvalidEngine"),
        (400, '\ufeff{"error": {"message": "behind a mark"}}', "request: behind a mark"),
    ],
)  # fmt: skip
def test_the_reason_of_a_refusal_is_told(
    cli: CommandLine, openai: Service, status: int, body: object, reason: str
) -> None:
    """Whatever the shape of the body; nobody reads brackets."""
    openai.answer(Answer(body.encode(), status) if isinstance(body, str) else _json(status, body))
    ran = cli("speak", "Hi")
    assert ran.code == 4
    assert reason in ran.err
    assert "{" not in ran.err


def test_what_was_sent_is_no_reason(cli: CommandLine, openai: Service) -> None:
    """A service that quotes the request says its reason before it."""
    openai.answer(error(400, "x", 'Invalid JSON in a field: {"message": "hello"} at line 3'))
    ran = cli("speak", "Hi")
    assert "Invalid JSON in a field" in ran.err


def test_the_reason_in_a_header_is_told(cli: CommandLine, openai: Service) -> None:
    """Gateways that check tokens leave the body empty."""
    challenge = 'Bearer error="invalid_token", error_description="The audience is invalid"'
    openai.answer(Answer(b"", 401, {"WWW-Authenticate": challenge}))
    ran = cli("speak", "Hi")
    assert ran.code == 3
    assert "The audience is invalid" in ran.err


def test_an_overload_with_a_status_of_its_own_is_tried_again(cli: CommandLine, openai: Service) -> None:
    """529, as one vendor has it, with its words."""
    openai.answer(_json(529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))
    ran = cli("speak", "Hi", "--retries", "0")
    assert ran.code == 5
    assert "Overloaded" in ran.err


@pytest.mark.parametrize(
    ("said", "told", "command"),
    [
        (
            "ERROR: AADSTS70043: The refresh token has expired or is invalid. Trace ID: 1",
            "AADSTS70043",
            "az login",
        ),
        (
            'ERROR: AADSTS530003: Access has been blocked by policies.\nPlease run:\naz login --tenant "t-1"',
            "AADSTS530003",
            'az login --tenant "t-1"',
        ),
        ("ERROR: Please run 'az login' to setup account.", "az login", "az login"),
        (
            "WARNING: You have 2 updates available.\nERROR: AADSTS50057: The user account is disabled. Trace ID: 1",
            "AADSTS50057: The user account is disabled.",
            "administrator",
        ),
    ],
)
def test_the_sign_ins_own_reason_and_command_are_told(
    cli: CommandLine, service: Service, az: Path, said: str, told: str, command: str
) -> None:
    """In at most four lines, and nothing is sent."""
    (az / "az").write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{said}\nEND\nexit 1\n")
    ran = cli("speak", "Hi", env={"AZURE_OPENAI_ENDPOINT": service.url})
    assert ran.code == 3
    assert told in ran.err
    assert command in ran.err
    assert len(ran.err.strip().splitlines()) <= 4
    assert service.requests == []


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "http://me:secret@127.0.0.1:9", "http://nowhere.invalid:8080"])
def test_a_proxy_that_is_not_there_is_named(cli: CommandLine, proxy: str) -> None:
    """Not the service, which was never asked; and no password."""
    env = {"OPENAI_BASE_URL": "https://example.com/v1", "OPENAI_API_KEY": CANARY, "HTTPS_PROXY": proxy}
    ran = cli("speak", "Hi", "--retries", "0", env=env)
    assert ran.code == 5
    assert f"The proxy {proxy.rpartition('/')[2].rpartition('@')[2]}" in ran.err
    assert "secret" not in ran.err


def test_a_server_that_still_loads_is_tried_again(cli: CommandLine, openai: Service) -> None:
    """llama.cpp's own type is not the local engine's."""
    loading = _json(503, {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}})
    openai.answer(loading, completion(audio=wav.wrap(PCM)))
    assert cli("speak", "Hi").code == 0


def test_what_a_server_does_not_implement_is_asked_once(cli: CommandLine, openai: Service) -> None:
    """501 does not pass."""
    openai.answer(error(501, None, "Audio is not implemented"))
    assert cli("speak", "Hi").code == 4
    assert len(openai.requests) == 1


# --- Hints that fit


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (error(403, "AuthenticationTypeDisabled", "Key based authentication is disabled."), "az login"),
        (_json(401, {"statusCode": 401, "message": "Access denied due to invalid subscription key. "
                     "Make sure to provide a valid key for an active subscription."}), "Ocp-Apim-Subscription-Key"),
        (error(404, "404", "Unsupported API version '2023-01-01'."), "OPENAI_API_VERSION"),
        (error(410, "ModelDeprecated", "The model has been deprecated."), "AZURE_OPENAI_DEPLOYMENT"),
        (error(400, "OperationNotSupported", "The chatCompletion operation does not work with the specified model."),
         "audio model"),
        (error(403, "403", "Traffic is not from an approved private endpoint."), "private endpoint"),
        (error(403, None, "Your IP 1.2.3.4 is not allowed to access this resource"), "network"),
        (error(403, None, "Network access is restricted: the source is not in the allow list."), "VPN"),
    ],
)  # fmt: skip
def test_a_hint_fits_what_was_refused(cli: CommandLine, azure: Service, answer: Answer, advice: str) -> None:
    """With a key."""
    azure.answer(answer)
    ran = cli("speak", "Hi")
    assert ran.code in (3, 4)
    assert advice in ran.err.partition("→")[2] or advice in ran.err


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (error(400, "Token tenant mismatch", "Tenant provided in token does not match resource tenant."), "--tenant"),
        (error(400, "BadRequest", "Please provide a custom subdomain for token authentication."), "https://NAME."),
        (error(401, "PermissionDenied", "The principal x lacks the required data action."), "OpenAI User"),
        (error(401, "401", "Unauthorized. Access token is missing, invalid, audience is incorrect."), "az login"),
    ],
)
def test_who_signed_in_without_a_key_reads_nothing_of_keys(
    cli: CommandLine, service: Service, az: Path, answer: Answer, advice: str
) -> None:
    """The hint knows how we signed in."""
    assert az.is_dir()
    service.answer(answer)
    ran = cli("speak", "Hi", env={"AZURE_OPENAI_ENDPOINT": service.url})
    assert ran.code == 3
    assert advice in ran.err
    assert "AZURE_OPENAI_API_KEY" not in ran.err


@pytest.mark.parametrize(
    "message",
    [
        "audio input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
        "This model does not support audio output",
        "unknown variant `input_audio`, expected `text` or `image_url`",
    ],
)
def test_a_server_without_audio_is_not_asked_again(cli: CommandLine, openai: Service, dog: Path, message: str) -> None:
    """A 500 that will not pass: another model helps, waiting does not."""
    openai.answer(_json(500, {"error": {"code": 500, "message": message, "type": "server_error"}}))
    ran = cli("analyze", str(dog))
    assert ran.code == 4
    assert len(openai.requests) == 1
    assert "later" not in ran.err
    assert "audio" in ran.err


@pytest.mark.parametrize(
    ("status", "message", "code", "advice"),
    [
        (404, "No endpoints found for openai/gpt-audioo.", 4, "Name another model"),
        (404, "No endpoints found matching your data policy (Paid model training).", 4, "settings for providers"),
        (403, "Key limit exceeded (total limit). Manage it on the page of keys.", 4, "billing"),
        (400, "Budget has been exceeded! Current cost: 0.21, Max budget: 0.2", 4, "billing"),
        (429, "Your account is in arrears, please recharge and try again.", 4, "billing"),
        (401, "key not allowed to access model. This key can only access models=['gpt-4o'].", 4, "it may use"),
        (403, "Project `proj_1` does not have access to model `gpt-audio`", 4, "it may use"),
        (500, "Please install vllm[audio] for audio support", 4, "where the server runs"),
        (500, "ModuleNotFoundError: No module named 'librosa'", 4, "where the server runs"),
        (400, "This model's maximum context length is 128000 tokens.", 4, "shorter"),
        (429, "Request too large for gpt-audio on tokens per min (TPM): Limit 30000, Requested 45123.", 4, "shorter"),
        (400, "Audio duration 1800s exceeds the maximum of 1500s", 4, "audiochat transcribe"),
        (400, "Unsupported voice: nova", 4, "-v names another"),
        (400, "<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>", 3, "https://"),
        (403, "error code: 1010", 3, "firewall"),
    ],
)
def test_what_waiting_and_other_parameters_do_not_mend_is_asked_once(
    cli: CommandLine, openai: Service, status: int, message: str, code: int, advice: str
) -> None:
    """The hint is about what was refused: credit, a model's rights, length, a voice, the server's own lacks."""
    openai.answer(Answer(message.encode(), status))
    ran = cli("speak", "Hi")
    assert ran.code == code, ran.err
    assert advice in ran.err
    assert not any(other in ran.err for other in ("Try again later", "Check the parameters", "usually ends in"))
    assert len(openai.requests) == 1


def test_what_waiting_mends_is_waited_for(cli: CommandLine, openai: Service) -> None:
    """Too many tokens a minute are not too many for the model."""
    openai.answer(
        _json(429, {"message": "Too many tokens, please wait before trying again."}), completion(audio=wav.wrap(PCM))
    )
    ran = cli("speak", "Hi")
    assert ran.code == 0, ran.err
    assert len(openai.requests) == 2


def test_the_voice_that_is_refused_is_named(cli: CommandLine, openai: Service) -> None:
    """OpenAI names the parameter, not the word."""
    openai.answer(error(400, "invalid_value", "Invalid value: 'cedar'. Supported are 'alloy'.", param="audio.voice"))
    ran = cli("speak", "Hi", "-v", "cedar")
    assert ran.code == 4
    assert "'cedar'" in ran.err
    assert "-v names another" in ran.err


def test_https_to_a_server_without_it_is_told(cli: CommandLine, openai: Service) -> None:
    """No proxy is at fault, and no certificate is missing."""
    ran = cli("speak", "Hi", "--retries", "0", env={"OPENAI_BASE_URL": openai.url.replace("http:", "https:") + "/v1"})
    assert ran.code == 5
    assert "http://" in ran.err
    assert "SSL_CERT_FILE" not in ran.err


def test_text_alone_without_a_recording_is_not_sent(cli: CommandLine, azure: Service) -> None:
    """Azure refuses it, so it is not paid for, nor waited for."""
    ran = cli("converse", "--no-save", "--text-only", "-t", "Hi")
    assert ran.code == 2
    assert azure.requests == []


# --- Waits


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (error(429, "429", "slow", headers={"x-ms-retry-after-ms": "400"}), 0.4),
        (error(429, None, "Rate limit reached. Please try again in 400ms."), 0.4),
        (_json(429, {"error": {"details": [{"retryDelay": "0.4s"}], "message": "Quota", "code": 429}}), 0.4),
        (_json(429, {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 seconds."}), 1.0),
        (_json(503, {"error": "Loading", "estimated_time": 3}, Retry_After="1"), 1.0),
        (_json(503, {"error": "Loading", "estimated_time": 1.2}), 1.2),
        (error(429, None, "slow", headers={"retry-after": "1200ms"}), 1.2),
        (error(429, None, "slow", headers={"ratelimit": "limit=100, remaining=0, reset=2"}), 2.0),
        (error(429, None, "slow", headers={"ratelimit": '"default";r=0;t=2'}), 2.0),
        (error(429, None, "slow", headers={"x-rate-limit-reset": "2"}), 2.0),
        (_json(429, {"error": {"message": "slow", "retryAfter": "PT1.2S"}}), 1.2),
        (error(429, "1302", "请求过于频繁，请在 2 秒后重试"), 2.0),
        (error(429, None, "slow", headers={"x-ratelimit-reset-requests": "400ms", "x-ratelimit-reset-tokens": "20s",
                                          "x-ratelimit-remaining-requests": "0",
                                          "x-ratelimit-remaining-tokens": "100"}), 0.4),
    ],
)  # fmt: skip
def test_a_wait_is_understood_however_it_is_told(
    cli: CommandLine, openai: Service, answer: Answer, seconds: float
) -> None:
    """Asked again after that time, neither sooner nor much later."""
    openai.answer(answer, completion(audio=wav.wrap(PCM)))
    started = time.monotonic()
    ran = cli("speak", "Hi")
    elapsed = time.monotonic() - started
    assert ran.code == 0, ran.err
    assert seconds <= elapsed < seconds + 8
    assert len(openai.requests) == 2


@pytest.mark.parametrize("where", ["header", "words"])
def test_a_wait_until_a_moment_is_understood(cli: CommandLine, openai: Service, where: str) -> None:
    """As a header of limits has it, and as a sentence."""
    moment = dt.datetime.fromtimestamp(time.time() + 2.2, tz=dt.timezone.utc).isoformat()
    said, headers = ("slow", {"x-ratelimit-reset": moment}) if where == "header" else (f"Try again at {moment}", {})
    openai.answer(error(429, None, said, headers=headers), completion(audio=wav.wrap(PCM)))
    started = time.time()
    assert cli("speak", "Hi").code == 0
    assert time.time() - started > 1.5


def test_a_wait_of_a_day_is_not_waited_for(cli: CommandLine, openai: Service) -> None:
    """A clock in API Management's words; the person reads how long."""
    said = "Out of call volume quota. Quota will be replenished in 23:10:00."
    openai.answer(_json(403, {"statusCode": 403, "message": said}))
    ran = cli("speak", "Hi")
    assert ran.code == 5
    assert "23 hours" in ran.err
    assert len(openai.requests) == 1
