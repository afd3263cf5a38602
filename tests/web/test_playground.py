"""The routes behind the page: turns, sessions, sound, the request as text; with the cookie, and never with a key."""

from __future__ import annotations

import base64
import io
import json
import threading
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")

from support.command_line import CANARY
from support.page import playing, speechlike, tone
from support.service import Answer, completion, error, sound_events, stream

from audiochat.audio import wav
from audiochat.audio.sniff import sniff
from audiochat.chat.sessions import SessionStore
from audiochat.web.page_files import POLICY
from audiochat.web.waiting_line import WaitingLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.page import Playground
    from support.service import Service
    from support.web import Got

SPOKEN = speechlike(0.5)
QUESTION = "Is a golden retriever a good family dog?"


class Browser:
    """Requests with the cookie that a token bought."""

    def __init__(self, playground: Playground) -> None:
        self.server = playground.server
        got = self.server.ask("POST", "/page/sign-in", {"token": playground.tokens.issue()})
        assert got.status == 204
        self.cookie = got.headers["set-cookie"].partition(";")[0]

    def ask(self, method: str, path: str, body: object = None) -> Got:
        """Send a request."""
        return self.server.ask(method, path, body, {"Cookie": self.cookie})

    def turn(self, **fields: Any) -> list[dict[str, Any]]:
        """Take a turn; the events of its answer."""
        got = self.ask("POST", "/page/turns", {"text": QUESTION, "session": None, **fields})
        assert got.status == 200
        assert got.headers["content-type"].startswith("text/event-stream")
        return [json.loads(line[6:]) for line in got.body.decode().split("\n\n") if line]


@pytest.fixture
def playground(openai: Service) -> Iterator[Playground]:
    """A playground over the scripted service."""
    openai.answer(stream(sound_events(SPOKEN, size=4801)))  # a sample is split between two deltas
    with playing() as running:
        yield running


@pytest.fixture
def browser(playground: Playground) -> Browser:
    """A browser that is signed in."""
    return Browser(playground)


def _json(body: object) -> Answer:
    return Answer(json.dumps(body).encode())


def sound_of(events: list[dict[str, Any]]) -> bytes:
    """The sound of an answer's events."""
    return b"".join(base64.b64decode(event["pcm"]) for event in events if event.get("pcm"))


def recording(pcm: bytes, name: str = "question.wav", *, rate: int = 24_000) -> dict[str, str]:
    """A recording as the page sends it."""
    return {"name": name, "data": base64.b64encode(wav.wrap(pcm, sample_rate=rate)).decode()}


# --- who is let in


def test_a_token_opens_the_page_once(playground: Playground) -> None:
    """The second browser with the same address is told where another one is."""
    token = playground.tokens.issue()
    first = playground.server.ask("POST", "/page/sign-in", {"token": token})
    assert first.status == 204
    cookie = first.headers["set-cookie"]
    assert cookie.startswith(f"audiochat-{playground.server.port}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    again = playground.server.ask("POST", "/page/sign-in", {"token": token})
    assert (again.status, again.error["code"]) == (401, "token_used")


@pytest.mark.parametrize(("provider", "groups"), [("openai", 1), ("local", 10)])
def test_the_page_lists_the_voices_that_the_provider_has(
    provider: str, groups: int, openai: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API's names first; with the engine its own too, by language."""
    from audiochat import config
    from audiochat.progress import NoProgress
    from audiochat.web.studio import Studio

    assert openai.url
    if provider == "local":
        pytest.importorskip("faster_whisper")
        monkeypatch.delenv("OPENAI_BASE_URL")
    told = Studio(config.load(config.Flags(provider=provider)), progress=NoProgress()).voices
    assert len(told) == groups
    assert "alloy" in str(told[0]["names"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/page/state"),
        ("GET", "/page/models"),
        ("GET", "/page/sessions"),
        ("GET", "/page/sessions/1"),
        ("PATCH", "/page/sessions/1"),
        ("DELETE", "/page/sessions/1"),
        ("GET", "/page/sessions/1/export"),
        ("GET", "/page/sessions/1/turns/1/answer"),
        ("GET", "/page/sessions/1/turns/1/recordings/1"),
        ("POST", "/page/turns"),
        ("POST", "/page/request"),
    ],
)
def test_without_the_cookie_nothing_is_told(
    playground: Playground, browser: Browser, openai: Service, method: str, path: str
) -> None:
    """Every route of the page that knows something wants it; another server's cookie is none."""
    browser.turn()
    asked = len(openai.requests)
    body = None if method in ("GET", "DELETE") else {"text": "x"}
    for headers in ({}, {"Cookie": "audiochat-1=x"}, {"Cookie": f"audiochat-{playground.server.port}=guess"}):
        got = playground.server.ask(method, path, body, headers)
        assert (got.status, got.error["code"]) == (401, "not_signed_in")
    assert len(openai.requests) == asked
    assert SessionStore().names() == ["1"]


def test_the_key_opens_the_page_too(openai: Service) -> None:  # noqa: ARG001 - configures
    """From another machine, whoever has the server's key needs no token; a wrong one is no use."""
    with playing(key="the-servers-key") as running:
        assert running.server.ask("POST", "/page/sign-in", {"token": "the-servers-kex"}).status == 401
        assert running.server.ask("POST", "/page/sign-in", {"token": "the-servers-key"}).status == 204


def test_the_page_needs_nothing_from_elsewhere(playground: Playground) -> None:
    """Its policy allows no inline script or style and no other server; every file that it names is there."""
    page = playground.server.ask("GET", "/")
    assert page.status == 200
    policy = page.headers["content-security-policy"]
    assert policy == POLICY
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert page.headers["permissions-policy"].startswith("microphone=(self)")
    for name, value in {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}.items():
        assert page.headers[name] == value
    text = page.body.decode()
    assert " style=" not in text
    assert " onclick=" not in text
    assert "://" not in text
    for part in text.split('"'):
        if part.startswith("/static/"):
            assert playground.server.ask("GET", part).status == 200


@pytest.mark.parametrize(
    "name", ["../playground.py", "..%2Fplayground.py", "%2e%2e/playground.py", "none.js", "a/b.js"]
)
def test_only_the_files_of_the_page_are_served(playground: Playground, name: str) -> None:
    """Whatever the address says."""
    assert playground.server.ask("GET", f"/static/{name}").status == 404


def test_no_key_reaches_the_page(browser: Browser, openai: Service) -> None:
    """Not in what the page is told, not in the request as text, not in an error that echoes it."""
    browser.turn()
    openai.answer(error(401, "invalid_api_key", f"Incorrect API key provided: {CANARY}."))
    paths = ("/page/state", "/page/sessions", "/page/sessions/1", "/page/models")
    told = [str(browser.turn()), *(browser.ask("GET", path).body.decode() for path in paths)]
    told.append(browser.ask("POST", "/page/request", {"text": "x", "session": "1"}).body.decode())
    assert CANARY in openai.last.headers["authorization"]
    assert not [text for text in told if CANARY in text]


# --- turns


def test_an_answer_comes_in_pieces_and_is_kept(browser: Browser, openai: Service) -> None:
    """Words and whole samples as they arrive, then the turn as `converse` keeps it."""
    events = browser.turn(system="Be short.", voice="coral")
    assert events[0]["type"] == "asking"
    assert "".join(event.get("text", "") for event in events if event["type"] == "delta") == "Yes, it is."
    assert sound_of(events) == SPOKEN
    assert all(len(base64.b64decode(event["pcm"])) % 2 == 0 for event in events if event.get("pcm"))
    reply = events[-1]
    assert (reply["type"], reply["session"]) == ("reply", "1")
    assert reply["turn"]["transcript"] == "Yes, it is."
    assert reply["turn"]["usage"]["output_tokens"] == 24
    assert reply["turn"]["seconds"] == 0.5
    assert openai.last.json["audio"] == {"voice": "coral", "format": "pcm16"}
    assert openai.last.json["messages"][0] == {"role": "system", "content": "Be short."}
    kept = SessionStore().load("1")
    assert kept.system == "Be short."
    assert kept.turns[0].asked.text == QUESTION


def test_the_next_turn_refers_to_the_one_before(browser: Browser, openai: Service) -> None:
    """By its audio id; and the command line goes on where the page ended."""
    browser.turn()
    browser.turn(session="1", text="And for a flat?")
    roles = [message["role"] for message in openai.last.json["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert openai.last.json["messages"][1]["audio"] == {"id": "audio_abc"}
    with_lock = SessionStore().open("1")
    assert len(with_lock.turns) == 2
    with_lock.close()


def test_an_empty_system_message_takes_the_remembered_one_away(browser: Browser, openai: Service) -> None:
    """Rather than send an empty one, or the old one for ever."""
    browser.turn(system="Be short.")
    browser.turn(session="1", system="")
    assert [message["role"] for message in openai.last.json["messages"]] == ["user", "assistant", "user"]
    assert SessionStore().load("1").system is None


def test_recordings_go_with_a_turn(browser: Browser, openai: Service) -> None:
    """As they were recorded, at their own rate; their names are for reading alone."""
    sent = recording(tone(440, 0.3, rate=48_000), "../../etc/<b>dog</b>.wav", rate=48_000)
    events = browser.turn(text="", recordings=[sent])
    content = openai.last.json["messages"][0]["content"]
    assert content == [{"type": "input_audio", "input_audio": {"data": sent["data"], "format": "wav"}}]
    kept = events[-1]["turn"]["recordings"][0]
    assert kept["name"] == "b>.wav"
    got = browser.ask("GET", kept["sound"])
    assert (got.status, got.headers["content-type"]) == (200, "audio/wav")
    assert base64.b64encode(got.body).decode() == sent["data"]


def test_text_alone_can_be_asked_for(browser: Browser, openai: Service) -> None:
    """No sound is asked for, and none is missed."""
    openai.answer(completion(content="Yes.", audio=None))
    reply = browser.turn(spoken=False)[-1]
    assert openai.last.json["modalities"] == ["text"]
    assert (reply["spoken"], reply["turn"]["sound"], reply["turn"]["transcript"]) == (False, None, "Yes.")


def test_another_model_is_asked_by_its_name(browser: Browser, openai: Service) -> None:
    """The page chooses the model; the credentials and the server stay."""
    browser.turn(model="gpt-audio-mini")
    assert openai.last.json["model"] == "gpt-audio-mini"
    assert openai.last.headers["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize(
    ("answer", "listed"),
    [
        (_json({"data": [{"id": "gpt-4o"}, {"id": "gpt-audio-mini"}, {"id": 5}, "x"]}), ["gpt-audio-mini"]),
        (_json({"data": {"id": "gpt-audio-mini"}}), []),
        (_json([]), []),
        (Answer(b"<html>", headers={"Content-Type": "text/html"}), []),
        (Answer(b"<html>"), []),
        (stream(sound_events(SPOKEN)), []),
        (error(404, "not_found", "Not here."), []),
    ],
)
def test_models_are_listed_where_the_service_lists_them(
    browser: Browser, openai: Service, answer: Answer, listed: list[str]
) -> None:
    """Those that can hear and speak; a service need have no list, and may answer anything where one would be."""
    openai.answer(answer)
    got = browser.ask("GET", "/page/models")
    assert (got.status, json.loads(got.body)[1:]) == (200, listed)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"text": 5},
        {"text": "\ud800"},
        {"recordings": 5},
        {"recordings": [{"data": "%"}]},
        {"recordings": ["x"]},
        {"text": "x" * 300_000},
        {"session": {}},
        {"text": "  ", "recordings": [{"data": base64.b64encode(b"no sound").decode()}]},
        {"text": ""},
        {"text": "x", "session": "../../etc"},
        {"text": "x", "session": "a b"},
        {"recordings": [{"data": base64.b64encode(wav.wrap(b"\0\0" * 100)).decode()}] * 9},
    ],
)
def test_what_is_no_turn_is_an_error_with_a_hint(browser: Browser, openai: Service, body: object) -> None:
    """Before anything is sent; never a stack trace, never a session."""
    got = browser.ask("POST", "/page/turns", body)
    assert got.status == 200
    told = json.loads(got.body.decode().split("\n\n")[-2][6:])
    assert told["type"] == "error"
    assert told["message"]
    assert told["hint"]
    assert openai.requests == []
    assert SessionStore().names() == []


def test_an_error_has_the_words_of_the_command_line(browser: Browser, openai: Service) -> None:
    """Message and hint; nothing is kept."""
    openai.answer(error(400, "content_filter", "The response was filtered."))
    events = browser.turn()
    assert events[-1]["type"] == "error"
    assert events[-1]["code"] == "content_filter"
    assert events[-1]["hint"]
    assert SessionStore().names() == []


def test_a_body_must_say_that_it_is_json(playground: Playground, browser: Browser) -> None:
    """A form of a page elsewhere cannot."""
    headers = {"Cookie": browser.cookie, "Content-Type": "text/plain"}
    assert playground.server.ask("POST", "/page/turns", b'{"text": "x"}', headers).status == 415


def test_a_turn_has_a_largest_size(playground: Playground, browser: Browser) -> None:
    """It is refused before it is read."""
    lines = ["Content-Type: application/json", "Content-Length: 96000001", f"Cookie: {browser.cookie}"]
    host = f"Host: 127.0.0.1:{playground.server.port}"
    assert playground.server.raw("POST /page/turns HTTP/1.1", host, *lines, body=b"{").status == 413


# --- sessions


def test_sessions_are_listed_searched_renamed_and_removed(browser: Browser) -> None:
    """What was said is found in any case; a new name keeps the sound; what is gone is gone."""
    browser.turn()
    browser.turn(text="Sing me a song")
    listed = browser.ask("GET", "/page/sessions").json
    assert [one["name"] for one in listed] == ["2", "1"]
    assert listed[0]["began"] == "Sing me a song"
    assert [one["name"] for one in browser.ask("GET", "/page/sessions?q=RETRIEVER%20dog").json] == ["1"]
    assert browser.ask("GET", "/page/sessions?q=zebra").json == []
    assert browser.ask("PATCH", "/page/sessions/1", {"name": "dogs"}).json == {"name": "dogs"}
    assert [one["name"] for one in browser.ask("GET", "/page/sessions").json] == ["2", "dogs"]
    turn = browser.ask("GET", "/page/sessions/dogs").json["turns"][0]
    assert browser.ask("GET", turn["sound"]).body[-len(SPOKEN) :] == SPOKEN
    assert json.loads((SessionStore().load("dogs").folder / "session.json").read_text())["name"] == "dogs"
    assert browser.ask("DELETE", "/page/sessions/2").status == 200
    assert SessionStore().names() == ["dogs"]


@pytest.mark.parametrize("name", ["", "a b", "../x", "2", "x" * 65])
def test_a_name_that_cannot_be_is_refused(browser: Browser, name: str) -> None:
    """With a sentence for the person; both sessions stay."""
    browser.turn()
    browser.turn()
    got = browser.ask("PATCH", "/page/sessions/1", {"name": name})
    assert got.status == 400
    assert got.error["message"]
    assert SessionStore().names() == ["2", "1"]


def test_a_session_in_use_elsewhere_is_not_renamed(browser: Browser) -> None:
    """`converse` has it open."""
    browser.turn()
    taken = SessionStore().open("1")
    got = browser.ask("PATCH", "/page/sessions/1", {"name": "dogs"})
    assert (got.status, got.error["code"]) == (409, "session_in_use")
    assert browser.turn(session="1")[-1]["code"] == "session_in_use"
    taken.close()


def test_a_damaged_session_is_listed_and_hurts_no_other(browser: Browser) -> None:
    """It cannot be opened, and says so."""
    browser.turn()
    folder = SessionStore().load("1").folder.parent / "broken"
    folder.mkdir()
    (folder / "session.json").write_text("{")
    assert {one["name"]: one["damaged"] for one in browser.ask("GET", "/page/sessions").json} == {
        "1": False,
        "broken": True,
    }
    assert browser.ask("GET", "/page/sessions/broken").error["code"] == "session_damaged"


@pytest.mark.parametrize("format_", ["wav", "mp3", "flac", "opus"])
def test_an_answer_is_downloaded_in_a_format(browser: Browser, format_: str) -> None:
    """As a file with a name."""
    browser.turn()
    got = browser.ask("GET", f"/page/sessions/1/turns/1/answer?format={format_}")
    assert got.status == 200
    assert got.headers["content-disposition"] == f"attachment; filename*=UTF-8''1-turn-1.{format_}"
    assert sniff(got.body) == format_


def test_a_name_may_be_in_any_script(browser: Browser) -> None:
    """In addresses, in lists, and as the name of a file."""
    browser.turn()
    assert browser.ask("PATCH", "/page/sessions/1", {"name": "犬の話"}).status == 200
    turn = browser.ask("GET", f"/page/sessions/{quote('犬の話')}").json["turns"][0]
    assert browser.ask("GET", turn["sound"]).status == 200
    got = browser.ask("GET", f"/page/sessions/{quote('犬の話')}/export?format=zip")
    assert got.headers["content-disposition"] == f"attachment; filename*=UTF-8''{quote('犬の話.zip')}"


@pytest.mark.parametrize(
    "path",
    [
        "/page/sessions/2",
        "/page/sessions/1/turns/2/answer",
        "/page/sessions/1/turns/0/answer",
        "/page/sessions/1/turns/1/answer?format=exe",
        "/page/sessions/1/turns/1/recordings/1",
        "/page/sessions/1/export?format=exe",
        f"/page/sessions/{quote('../1', safe='')}",
    ],
)
def test_what_is_not_there_is_told(browser: Browser, path: str) -> None:
    """As an error in the service's shape."""
    browser.turn()
    got = browser.ask("GET", path)
    assert got.status in (400, 404)
    assert got.error["message"]


def test_a_conversation_is_exported(browser: Browser) -> None:
    """As Markdown, as JSON, and with its sound."""
    browser.turn(recordings=[recording(tone(440, 0.2))])
    assert QUESTION in browser.ask("GET", "/page/sessions/1/export?format=markdown").body.decode()
    assert browser.ask("GET", "/page/sessions/1/export?format=json").json["turns"][0]["transcript"] == "Yes, it is."
    packed = zipfile.ZipFile(io.BytesIO(browser.ask("GET", "/page/sessions/1/export?format=zip").body))
    assert sorted(packed.namelist()) == [
        "1/conversation.md",
        "1/session.json",
        "1/turn-1-in-1.wav",
        "1/turn-1.wav",
    ]
    assert "](turn-1.wav)" in packed.read("1/conversation.md").decode()
    assert packed.read("1/turn-1.wav")[-len(SPOKEN) :] == SPOKEN


# --- the request as text


def described(browser: Browser, **fields: Any) -> Mapping[str, str]:
    """The request that a turn would be."""
    got = browser.ask("POST", "/page/request", {"text": "It's $HOME `x`", "session": None, **fields})
    assert got.status == 200
    told: Mapping[str, str] = got.json
    return told


def test_the_request_as_text_is_the_request(browser: Browser, openai: Service) -> None:
    """The JSON is what would be sent; Python compiles; curl quotes what a shell would look at."""
    browser.turn()
    told = described(browser, session="1", recordings=[recording(tone(440, 0.2))])
    sent = json.loads(told["json"])
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "user"]
    assert sent["messages"][2]["content"][1]["type"] == "input_audio"
    compile(told["python"], "shown.py", "exec")
    assert 'encoded("recording-1.wav")' in told["python"]
    assert "@request.json" in told["curl"]
    plain = described(browser)["curl"]
    assert "It'\\''s $HOME `x`" in plain
    assert f"{openai.url}/v1/chat/completions" in plain
    assert '"Authorization: Bearer $OPENAI_API_KEY"' in plain


def test_the_request_as_curl_runs(browser: Browser, openai: Service) -> None:
    """Pasted into a shell, it asks the service and writes the answer, where curl and jq are."""
    import os
    import shutil
    import subprocess
    from pathlib import Path

    if not shutil.which("curl"):
        pytest.skip("curl is not on this machine")
    command = described(browser)["curl"].partition(" | jq")[0]
    openai.answer(completion(audio=wav.wrap(SPOKEN)))
    subprocess.run(["sh", "-c", command], env={**os.environ, "OPENAI_API_KEY": "k"}, check=True, capture_output=True)
    assert openai.last.json["messages"] == [{"role": "user", "content": "It's $HOME `x`"}]
    assert openai.last.headers["authorization"] == "Bearer k"
    assert not Path("answer.wav").exists()


def test_the_request_as_python_runs(browser: Browser, openai: Service) -> None:
    """Saved to a file, it writes the answer."""
    import os
    import subprocess
    import sys
    from pathlib import Path

    Path("shown.py").write_text(described(browser)["python"], encoding="utf-8")
    openai.answer(completion(audio=wav.wrap(SPOKEN)))
    done = subprocess.run(
        [sys.executable, "shown.py"], env={**os.environ, "OPENAI_API_KEY": "k"}, check=True, capture_output=True
    )
    assert done.stdout.decode().strip() == "Yes, it is."
    assert Path("answer.wav").read_bytes() == wav.wrap(SPOKEN)


def test_azure_is_shown_with_its_deployment(azure: Service) -> None:  # noqa: ARG001 - configures
    """The dated address, the key's own header, and AzureOpenAI."""
    with playing() as running:
        told = described(Browser(running))
    assert (
        "/openai/deployments/gpt-4o-mini-audio-preview/chat/completions?api-version=2025-01-01-preview" in told["curl"]
    )
    assert '"api-key: $AZURE_OPENAI_API_KEY"' in told["curl"]
    assert "AzureOpenAI(" in told["python"]
    compile(told["python"], "shown.py", "exec")


# --- the line before the model


def test_the_line_tells_places_and_lets_through_in_order() -> None:
    """The first goes, the second is next; when the first leaves, the second goes."""
    line, cancelled = WaitingLine(1, 8), threading.Event()
    first, second, third = line.join(), line.join(), line.join()
    assert list(line.places(first, cancelled)) == []
    waiting, behind = line.places(second, cancelled), line.places(third, cancelled)
    assert (next(waiting), next(behind)) == (1, 2)
    line.leave(first)
    line.leave(first)
    assert list(waiting) == []
    assert next(behind) == 1
    cancelled.set()
    assert list(behind) == []
    line.leave(second)


def test_more_than_may_wait_are_told_to_come_back() -> None:
    """At once, rather than after minutes."""
    from audiochat.local.api_errors import ApiError

    line = WaitingLine(1, 1)
    line.join()
    line.join()
    with pytest.raises(ApiError) as refused:
        line.join()
    assert refused.value.status == 429
