"""A credential goes only where its owner meant it to, and is never seen again, whatever wants it."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import pytest
from support.faults import Listener, close, listening
from support.service import DONE, PCM, Answer, completion, error, event, running, sound_events, stream

from audiochat.audio import wav

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from support.command_line import CommandLine, Ran
    from support.service import Service

    Tried = Callable[..., None]

pytestmark = pytest.mark.reliability

WAV = wav.wrap(PCM)
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="what POSIX alone has")
LIMIT = 60.0
"""Seconds of a process that should take one; a hang is longer."""

SECRETS = {
    name: f"ca/{number}+nary-{name.lower().replace('_', '')[::-1]}=="
    for number, name in enumerate(
        [
            "AZURE_OPENAI_API_KEY",
            "AZURE_OPENAI_AD_TOKEN",
            "OPENAI_API_KEY",
            "AUDIOCHAT_LOCAL_LLM_KEY",
            "AZURE_CLIENT_SECRET",
        ]
    )
}
"""What the environment of every run holds; with characters that percent-encoding and JSON spell in other ways."""
HEADER = "ca+nary/of-the-gateways-header=="
BASIC = "ca-nary-password-in-basic"
PASSWORD = "ca-nary-password-of-a-proxy"
TOKEN = "ca-nary.token.of-az"
CANARIES = [*SECRETS.values(), HEADER, BASIC, PASSWORD, TOKEN]

HEADERS = f"X-Gateway-Key: {HEADER}\nX-Gateway-Sign-In: Basic {base64.b64encode(f'me:{BASIC}'.encode()).decode()}"


def readings(data: bytes) -> Iterator[str]:
    """Everything that somebody could read out of bytes, who knows what programs write."""
    text = data.decode("utf-8", "replace")
    yield text
    yield unquote(text)
    yield re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)


def betrayed(data: bytes) -> list[str]:
    """The canaries that can be read out of it."""
    return sorted({canary for text in readings(data) for canary in CANARIES if canary in text})


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda secret: quote(secret, safe=""),
    "escapes of JSON": lambda secret: "".join(f"\\u{ord(one):04x}" for one in secret),
}


def test_the_readings_find_every_spelling() -> None:
    """A check that could not fail would be none."""
    for spell in SPELLINGS.values():
        for canary in CANARIES:
            assert canary in betrayed(f'{{"a": "x {spell(canary)} y"}}'.encode()), spell(canary)


@dataclass
class Room:
    """Where a run happens; everything that it can write is below it."""

    top: Path
    before: dict[Path, bytes] = field(default_factory=dict)

    def look(self) -> dict[Path, bytes]:
        """Every file there is."""
        return {path: path.read_bytes() for path in self.top.rglob("*") if path.is_file() and not path.is_symlink()}

    def check(self, ran: Ran | subprocess.CompletedProcess[bytes], *, words: bytes = b"") -> None:
        """No canary in what was shown or written.

        Args:
            ran: What was shown.
            words: The words of the answer, which are data: they are handed on, and kept, as they came.
        """
        err = ran.err.encode() if not isinstance(ran, subprocess.CompletedProcess) else ran.stderr
        out = ran.out if not isinstance(ran, subprocess.CompletedProcess) else ran.stdout
        shown = {"stdout": out, "stderr": err}
        wrote = {str(path): data for path, data in self.look().items() if self.before.get(path) != data}
        for name, data in {**shown, **wrote}.items():
            assert betrayed(data.replace(words, b"") if words else data) == [], (name, data)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One certificate of all those in the world."""
    import certifi

    end = "-----END CERTIFICATE-----"
    path = tmp_path_factory.mktemp("authority") / "one.pem"
    path.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition(end)[0] + end, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def few_authorities(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading all of them would be half of the time of these tests."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Room:
    """A room with a secret in every variable, and temporary files in it."""
    assert home.is_relative_to(tmp_path)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", HEADERS)
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{PASSWORD}@127.0.0.1:9")
    room = Room(tmp_path)
    room.before = room.look()
    return room


# --- what a server quotes


def _all(spelling: str, *, key: str = "OPENAI_API_KEY") -> str:
    """What went with a request in confidence, in a spelling."""
    spell = SPELLINGS[spelling]
    return " ".join(spell(secret) for secret in (SECRETS[key], f"Bearer {SECRETS[key]}", HEADER, BASIC))


def _raw(head: str, body: str = "") -> Answer:
    return Answer(f"HTTP/1.1 {head}\r\n\r\n{body}".encode(), raw=True)


def _event(body: object) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()


def _changed(**changes: object) -> Answer:
    """A success with these fields; those of its audio and its choice among them."""
    body = json.loads(completion("Yes.", WAV).body)
    body["choices"][0]["message"]["audio"].update({"id": changes.pop("audio_id", "audio_abc")})
    body["choices"][0]["finish_reason"] = changes.pop("finish_reason", "stop")
    body.update(changes)
    return Answer(json.dumps(body).encode())


_NOW = {"retry-after-ms": "1", "x-should-retry": "false"}
_EVENT = {"Content-Type": "text/event-stream"}
STATUSES = (400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 451, 500, 502, 503, 504, 529)

PLACES: dict[str, Callable[[str], Answer]] = {
    **{f"the message of a {one}": lambda q, one=one: error(one, None, f"no: {q}", headers=_NOW) for one in STATUSES},  # type: ignore[misc]
    "the code": lambda q: error(400, q, "no"),
    "the code of a refusal": lambda q: error(401, q, "no"),
    "the type and the parameter": lambda q: error(400, "bad", "no", type=q, param=q),
    "a name in the error": lambda q: error(400, "bad", "no", **{q: {"a": [q]}}),  # type: ignore[arg-type]
    "the filter's categories": lambda q: error(
        400, "content_filter", "no", innererror={"content_filter_result": {q: {"filtered": True}}}
    ),
    "a lack of a model": lambda q: error(404, "model_not_found", f"no {q}"),
    "no credit": lambda q: error(429, "insufficient_quota", f"no {q}"),
    "a message that is no text": lambda q: error(400, "bad", {"why": [q]}),  # type: ignore[arg-type]
    "a body that is text": lambda q: Answer(f"no: {q}".encode(), 400, {"Content-Type": "text/plain"}),
    "a page": lambda q: Answer(f"<html><h1>{q}</h1></html>".encode(), 400, {"Content-Type": "text/html"}),
    "a page that is a success": lambda q: Answer(f"<html>{q}</html>".encode(), 200, {"Content-Type": "text/html"}),
    "broken JSON": lambda q: Answer(f'{{"error": {{"message": "{q}'.encode(), 500, _NOW),
    "broken JSON that is a success": lambda q: Answer(f'{{"id": "{q}'.encode()),
    "JSON of another shape": lambda q: Answer(json.dumps([q, {q: q}]).encode()),
    "the reason of a status": lambda q: _raw(f"400 No {q}\r\nConnection: close"),
    "a status line that is none": lambda q: _raw(f"{q} {q}"),
    "a head that is none": lambda q: _raw(f"200 OK\r\n{q}"),
    "a header": lambda q: error(400, "bad", "no", headers={"x-told": q}),
    "a header's name": lambda q: _raw(f"400 No\r\nx-{re.sub('[^a-zA-Z0-9+-]', '', q)}: 1\r\nConnection: close"),
    "a cookie": lambda q: error(400, "bad", "no", headers={"set-cookie": f"a={q}", "www-authenticate": q}),
    "the id of the request": lambda q: error(400, "bad", "no", headers={"x-request-id": q, "apim-request-id": q}),
    "the kind of the content": lambda q: Answer(b"{}", 200, {"Content-Type": f"text/{q}"}),
    "the encoding of the content": lambda q: Answer(b"{}", 200, {"Content-Encoding": q}),
    **{f"a {status}'s location": lambda q, s=status: Answer(b"", s, {"Location": f"https://x.test/?k={q}"})  # type: ignore[misc]
       for status in (301, 302, 303, 307, 308)},
    "a location that is none": lambda q: Answer(b"", 307, {"Location": q}),
    "an error with status 200": lambda q: Answer(json.dumps({"error": {"message": q, "code": q}}).encode()),
    "an error that is text": lambda q: Answer(json.dumps({"error": q}).encode()),
    "an error in a stream": lambda q: stream([_event({"error": {"message": q, "code": q}})]),
    "an event that is none": lambda q: stream([f"data: {q}\n\n".encode()]),
    "an event's name": lambda q: stream([f"event: {q}\nid: {q}\ndata: [1]\n\n".encode()]),
    "a comment in a stream": lambda q: stream([f": {q}\n\n".encode(), *sound_events(PCM)]),
    "the model": lambda q: _changed(model=q, system_fingerprint=q, service_tier=q),
    "the reason of the end": lambda q: _changed(finish_reason=q),
    "the id of the sound": lambda q: _changed(audio_id=q),
    "the usage": lambda q: _changed(usage={q: q, "prompt_tokens": q}),
    "the model in a stream": lambda q: stream(
        [*sound_events(PCM)[:-1], event({"audio": {"id": q, "expires_at": 4_000_000_000}}, model=q, x=q), DONE]
    ),
}  # fmt: skip
"""Where a server can put what it got."""

COMMANDS = {
    "speak": ("speak", "hi", "-o", "a.wav", "--retries", "0"),
    "speak, to a pipe": ("speak", "hi", "-o", "-", "--retries", "0"),
    "analyze": ("analyze", "dog.wav", "-o", "a.wav", "--retries", "0"),
    "converse": ("converse", "-t", "first", "-t", "second", "--session", "s", "--retries", "0"),
    "doctor": ("doctor", "--yes"),
}
MODES = {"plainly": (), "--debug": ("--debug",), "--json": ("--json",), "--debug --json": ("--debug", "--json")}


def met(command: str, mode: str) -> bool:
    """Whether the two go together, and no other pair shows the same."""
    if command == "doctor":
        return mode == "--json"
    return command == "speak" or mode == ("--debug" if command == "speak, to a pipe" else "--debug --json")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.usefixtures("dog")
def test_no_server_gets_a_credential_shown(
    place: str, room: Room, cli: CommandLine, service: Service, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """Whatever a server quotes, wherever and in whatever spelling: nothing of it is shown, and nothing is kept."""
    monkeypatch.setenv("OPENAI_BASE_URL", f"{service.url}/v1")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", service.url)
    runs = [("plain", command, mode) for command in COMMANDS for mode in MODES if met(command, mode)]
    runs += [(spelling, "speak", "--debug --json") for spelling in SPELLINGS]
    for number, (spelling, command, mode) in enumerate(runs):
        provider, key = (("openai", "OPENAI_API_KEY"), ("azure", "AZURE_OPENAI_API_KEY"))[number % 2]
        service.answer(PLACES[place](_all(spelling, key=key)))
        ran = cli(*COMMANDS[command], *MODES[mode], "--provider", provider)
        assert service.requests.pop().headers["x-gateway-key"] == HEADER
        room.check(ran)
        assert ran.code in (0, 3, 4, 5), ran
    tried("credentials", len(runs))


@pytest.mark.parametrize("mode", MODES)
def test_the_words_of_an_answer_are_data(
    mode: str, room: Room, cli: CommandLine, service: Service, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """A transcript reaches stdout and the session as it was sent, the credential in it as well; not so with --debug."""
    tried("credentials")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{service.url}/v1")
    said = f"Your key is {SECRETS['OPENAI_API_KEY']}."
    service.answer(completion(said, WAV))
    ran = cli("converse", "-t", "hi", "--session", "s", "--provider", "openai", *MODES[mode])
    assert ran.code == 0
    assert said in (json.loads(ran.out)["transcript"] if "--json" in mode else ran.out.decode())
    assert betrayed(ran.err.encode()) == []
    room.check(ran, words=said.encode())
    shown = cli("sessions", "show", "s")
    assert said in shown.out.decode()
    for arguments in (["show", "s"], ["list"], ["export", "s"], ["export", "s", "-f", "json"]):
        room.check(cli("sessions", *arguments), words=said.encode())


def test_what_everybody_guesses_is_no_secret(
    cli: CommandLine, service: Service, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """A server of one's own often wants any key at all: `none` or `ollama` tear no hole into what it says."""
    tried("credentials")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{service.url}/v1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Trace: 1")
    service.answer(error(400, "bad", "1 of them, none of which llama3-ollamas know: nonetheless"))
    for key in ("none", "ollama"):
        assert (
            "1 of them, none of which llama3-ollamas know: nonetheless"
            in cli("speak", "hi", env={"OPENAI_API_KEY": key}).err
        )


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_proxy_gets_its_password_shown(
    spelling: str, room: Room, cli: CommandLine, service: Service, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """What a proxy quotes of its own sign-in is left out too: in its refusal, its headers and its page."""
    monkeypatch.setenv("HTTP_PROXY", f"http://me:{PASSWORD}@{service.url.removeprefix('http://')}")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://gateway.test/v1")
    monkeypatch.setenv("AUDIOCHAT_ALLOW_HOST", "gateway.test")
    told = SPELLINGS[spelling](PASSWORD)
    for answer in (
        Answer(f"<h1>{told}</h1>".encode(), 407, {"Proxy-Authenticate": told}),
        error(407, told, f"wrong: {told}", headers={"x-request-id": told, "x-more": told}),
    ):
        for mode in MODES.values():
            service.answer(answer)
            ran = cli("speak", "hi", "--provider", "openai", *mode)
            assert ran.code != 0
            assert service.last.path.startswith("http://gateway.test/")
            room.check(ran)
            tried("credentials")


# --- what is configured wrongly

_WRONG = [
    f"https://me:{PASSWORD}@api.example.test/v1",
    f"HTTPS://me:{PASSWORD}@api.example.test/v1",
    f"me:{PASSWORD}@api.example.test/v1",
    f"//me:{PASSWORD}@api.example.test/v1",
    f"https:/me:{PASSWORD}@api.example.test/v1",
    f"https://api.example.test/v1?key={PASSWORD}",
    f"api.example.test/v1?key={PASSWORD}",
    f"api.example.test/v1#key={PASSWORD}",
]
_ADDRESSES = ["OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT", "AUDIOCHAT_LOCAL_LLM"]
_PROXIES = [
    f"http://me:{PASSWORD}@proxy.test:port",
    f"socks9://me:{PASSWORD}@proxy.test:1",
    f"socks5://me:{PASSWORD}@127.0.0.1:9",
    f"http://me:{PASSWORD}@127.0.0.1:9",
    f"http://me:{PASSWORD}@[::1",
    f"http://me:{PASSWORD}@:99999",
    f"me:{PASSWORD}@127.0.0.1:9",
]


@pytest.mark.parametrize("variable", [*_ADDRESSES, "AUDIOCHAT_LOCAL_TTS", "AUDIOCHAT_LOCAL_STT"])
def test_a_password_in_an_address_is_not_shown(
    variable: str, room: Room, cli: CommandLine, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """An address that somebody mistyped is told by the name of its variable, never by its value."""
    provider = {"OPENAI_BASE_URL": "openai", "AZURE_OPENAI_ENDPOINT": "azure"}.get(variable, "local")
    monkeypatch.setenv("AUDIOCHAT_LOCAL_LLM", "http://127.0.0.1:9/v1")  # nothing is fetched
    monkeypatch.setenv("AUDIOCHAT_LOCAL_TTS", "voice.onnx")
    Path("voice.onnx").touch()
    for value in _WRONG:
        if variable == "AUDIOCHAT_LOCAL_STT":
            commands = [["doctor"], ["doctor", "--json"]]  # by itself it can be the name of a model
        else:
            commands = [["speak", "hi"], ["speak", "hi", "--json", "--debug"], ["doctor"]]
        for arguments in commands:
            ran = cli(*arguments, "--provider", provider, env={variable: value})
            assert ran.code == 3 or (arguments[0] == "doctor" and provider == "local"), ran
            room.check(ran)
            tried("credentials")


@pytest.mark.parametrize("value", _PROXIES)
def test_a_password_of_a_proxy_is_not_shown(value: str, room: Room, cli: CommandLine, tried: Tried) -> None:
    """A proxy that is none, or does not answer: its variable is named, or the host that cannot be reached."""
    for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        env = {"OPENAI_BASE_URL": "https://api.example.test/v1", "HTTPS_PROXY": "", name: value}
        for arguments in (["speak", "hi", "--retries", "0", "--debug"], ["doctor", "--yes"]):
            ran = cli(*arguments, "--provider", "openai", env=env)
            assert ran.code in (3, 5), ran
            room.check(ran)
            tried("credentials")


# --- signing in

_SAYS = {
    "a token that has expired": f'echo "ERROR: AADSTS700082: The refresh token {TOKEN} has expired" >&2; exit 1',
    "the token as an error": f'echo "{TOKEN}" >&2; exit 1',
    "what is no JSON": f'echo "not JSON: {TOKEN}"',
    "JSON without a date": f'echo \'{{"accessToken": "{TOKEN}"}}\'',
    "JSON with a date that is none": f'echo \'{{"accessToken": "{TOKEN}", "expiresOn": "{TOKEN}"}}\'',
    "a token of two lines": f'echo \'{{"accessToken": "{TOKEN}\\nHost: x", "expires_on": 4070908800}}\'',
    "a token that is no text": f'echo \'{{"accessToken": "{TOKEN}\\u20ac", "expires_on": 4070908800}}\'',
    "a token in an odd place": f'kill -9 $$ "{TOKEN}"',
}


@POSIX
@pytest.mark.parametrize("says", _SAYS)
def test_what_az_says_is_not_repeated(
    says: str, room: Room, cli: CommandLine, service: Service, az: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """A sign-in that goes wrong with the token in its hand tells what was tried, and nothing of the token."""
    (az / "az").write_text(f"#!/bin/sh\n{_SAYS[says]}\n")
    room.before = room.look()
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", service.url)
    monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    for arguments in (["speak", "hi"], ["speak", "hi", "--debug", "--json"], ["doctor"]):
        ran = cli(*arguments)
        assert ran.code == 3
        assert "az login" in ran.err + ran.out.decode()
        room.check(ran)
        tried("credentials")
    assert service.requests == []


@POSIX
@pytest.mark.parametrize("place", ["the message of a 401", "the reason of a status", "the model", "a 307's location"])
def test_no_server_gets_a_token_shown(
    place: str, room: Room, cli: CommandLine, service: Service, az: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """A token is left out like a key."""
    said = {"accessToken": TOKEN, "expires_on": 4_070_908_800, "tokenType": "Bearer"}
    (az / "az").write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n")
    room.before = room.look()
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", service.url)
    monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    for spell in SPELLINGS.values():
        service.answer(PLACES[place](spell(TOKEN)))
        ran = cli("speak", "hi", "--debug", "--json")
        assert service.last.headers["authorization"] == f"Bearer {TOKEN}"
        room.check(ran)
        tried("credentials")


def test_a_secret_for_entra_goes_nowhere_else(
    room: Room, cli: CommandLine, service: Service, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """Behind a proxy that lets nobody through, the sign-in fails, and the proxy has seen a host's name at most."""
    tried("credentials")
    monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    seen: list[bytes] = []
    refusal = f"HTTP/1.1 407 No {PASSWORD}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()

    def refuse(connection: socket.socket) -> None:
        seen.append(connection.recv(65_536))
        connection.sendall(refusal)

    with listening(refuse) as proxy:
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
            monkeypatch.setenv(name, f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", service.url)
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
        monkeypatch.setenv("AZURE_TENANT_ID", "11111111-2222-3333-4444-555555555555")
        monkeypatch.setenv("AZURE_CLIENT_ID", "66666666-2222-3333-4444-555555555555")
        ran = cli("speak", "hi", "--debug")
    assert ran.code == 5
    assert "proxy" in ran.err
    room.check(ran)
    assert service.requests == []
    assert seen
    for asked in seen:
        assert SECRETS["AZURE_CLIENT_SECRET"].encode() not in asked
        assert asked.startswith(b"CONNECT login.microsoftonline.com:443 ")


@pytest.mark.parametrize(
    "env",
    [
        {"AZURE_AUTHORITY_HOST": f"http://me:{PASSWORD}@x"},
        {"AZURE_TENANT_ID": f"../{PASSWORD} x"},
        {"AZURE_TOKEN_CREDENTIALS": PASSWORD},
    ],
    ids=lambda env: next(iter(env)),
)
def test_a_sign_in_that_cannot_be_set_up_is_no_bug(
    env: Mapping[str, str], room: Room, cli: CommandLine, service: Service, tried: Tried
) -> None:
    """Exit 3 and the variables to check, not their values."""
    base = {"AZURE_OPENAI_ENDPOINT": service.url, "AZURE_OPENAI_API_KEY": "", "AZURE_CLIENT_ID": "c", **env}
    for arguments in (["speak", "hi"], ["doctor"]):
        ran = cli(*arguments, env={"AZURE_TENANT_ID": "t", **base})
        assert ran.code == 3
        assert next(iter(env)) in ran.err + ran.out.decode()
        room.check(ran)
        tried("credentials")


# --- crashes and logs

_RAISES = ["RuntimeError", "ImportError", "SystemExit", "OSError", "BaseException"]
_IMPORTED = ["openai", "httpx2", "typer", "filelock", "platformdirs", "json", "tempfile"]
_STUB = "import os\nraise {}(' '.join(os.environ[name] for name in ('OPENAI_API_KEY', 'OPENAI_CUSTOM_HEADERS')))\n"


@pytest.mark.parametrize("module", _IMPORTED)
def test_a_crash_tells_no_secret(module: str, room: Room, service: Service, tried: Tried) -> None:
    """A library that breaks with the key in its message: its kind and its place are told, and exit 1; no traceback."""
    stubs = room.top / "stubs"
    (stubs / module).mkdir(parents=True)
    env = {**os.environ, "PYTHONPATH": str(stubs), "OPENAI_BASE_URL": f"{service.url}/v1"}
    for number, kind in enumerate(_RAISES if module == "json" else _RAISES[:3]):
        (stubs / module / "__init__.py").write_text(_STUB.format(kind))
        arguments = ["converse", "-t", "hi", "--provider", "openai", *list(MODES.values())[number % 4]]
        command = [sys.executable, "-B", "-m", "audiochat", *arguments]
        done = subprocess.run(command, capture_output=True, env=env, timeout=LIMIT, check=False)
        assert (done.returncode, b"A bug in audiochat" in done.stderr) == (1, True), done
        assert b"Traceback" not in done.stderr
        room.check(done)
        tried("credentials")
    assert service.requests == []


@pytest.mark.parametrize("place", ["the message of a 401", "a header", "the model"])
def test_the_sdks_own_log_tells_no_credential(place: str, room: Room, service: Service, tried: Tried) -> None:
    """OPENAI_LOG, which somebody sets to see more, shows requests without what went with them."""
    tried("credentials")
    service.answer(PLACES[place](_all("plain")))
    env = {**os.environ, "OPENAI_LOG": "debug", "OPENAI_BASE_URL": f"{service.url}/v1"}
    command = [sys.executable, "-m", "audiochat", "speak", "hi", "--provider", "openai"]
    done = subprocess.run(command, capture_output=True, env=env, timeout=LIMIT, check=False)
    assert done.returncode in (0, 3, 4)
    room.check(done)


# --- the files of strangers

STRANGER = "attacker.test"


@pytest.fixture
def trap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """The user's own proxy, where every connection to elsewhere would be seen."""
    with listening(close) as listener:
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{listener.port}")
        yield listener


_FORMS = {
    "plainly": "{name}={url}",
    "exported": "export {name}={url}",
    "in quotes": "{name}='{url}'",
    "in double quotes": '{name}="{url}"',
    "with spaces": "  {name} =  {url}  # a comment",
    "behind a mark": "\ufeff{name}={url}",
    "with the line ends of Windows": "A=b\r\n{name}={url}\r\n",
    "behind a value of several lines": 'A="b\nc\n"\n{name}={url}',
    "behind garbage": "}}{{ ;; $(curl x)\n\x00\n{name}={url}",
    "twice": "{name}=https://a.openai.azure.com\n{name}={url}",
    "in an escape": '{name}="https:\\/\\/attacker.test"',
    "behind another's name": "HTTPS_PROXY=\nAUDIOCHAT_ALLOW_HOST=attacker.test\nNO_PROXY=*\n{name}={url}",
    "with a key for a while": "{name}={url}\nAUDIOCHAT_VOICE=${{OPENAI_API_KEY}}",
}
_URLS = [
    "https://attacker.test/v1",
    "HTTPS://ATTACKER.TEST/v1",
    "https://attacker.test:443/openai/v1",
    "https://attacker.test./v1",
    "http://attacker.test/v1",
    "https://a.openai.azure.com.attacker.test/v1",
    "https://api.openai.com.attacker.test/v1",
    "https://a.openai.azure.com@attacker.test/v1",
    "https://attacker.test/a.openai.azure.com",
    "https://attacker.test\\@a.openai.azure.com/v1",
    "https://attacker.test/${OPENAI_API_KEY}${AZURE_OPENAI_API_KEY}",
    "https://[::ffff:a00:1]/v1",
    "https://10.0.0.7/v1",
    "https://2130706434/v1",
    "https://0/v1",
    "https://xn--attacker-.test/v1",
    "https://а.openai.azure.com.test/v1",  # noqa: RUF001 - looks like the vendor's own
]
_NAMED = {"AZURE_OPENAI_ENDPOINT": "azure", "OPENAI_BASE_URL": "openai", "AUDIOCHAT_LOCAL_LLM": "local"}


@pytest.mark.parametrize("name", _NAMED)
@pytest.mark.parametrize("credential", ["key", "header", "token"])
def test_a_strangers_file_gets_no_credential(
    name: str, credential: str, room: Room, trap: Listener, cli: CommandLine, monkeypatch: pytest.MonkeyPatch,
    tried: Tried, request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """However it is written, whatever it names: exit 3 before anything is sent, and before anybody signs in."""
    if name == "AUDIOCHAT_LOCAL_LLM":
        pytest.importorskip("faster_whisper")
        pytest.importorskip("piper")
    az = None
    if credential == "token":
        if name != "AZURE_OPENAI_ENDPOINT":
            pytest.skip("a token is for Azure")
        az = request.getfixturevalue("az")
    for secret in SECRETS:
        if credential != "key":
            monkeypatch.delenv(secret)
    if credential != "header":
        monkeypatch.delenv("OPENAI_CUSTOM_HEADERS")
    monkeypatch.setenv("OPENAI_API_KEY", SECRETS["OPENAI_API_KEY"])
    forms = [(form, _URLS[0]) for form in _FORMS.values()] + [(_FORMS["plainly"], url) for url in _URLS]
    for number, (form, url) in enumerate(forms):
        Path(".env").write_bytes(form.format(name=name, url=url).encode() + b"\n")
        room.before = room.look()
        arguments = (["speak", "hi", "--debug"], ["doctor", "--yes"], ["speak", "hi", "--json"])[number % 3]
        ran = cli(*arguments, "--provider", _NAMED[name])
        assert ran.code == 3 or (arguments[0] == "doctor" and name == "AUDIOCHAT_LOCAL_LLM"), (form, url, ran)
        room.check(ran)
        tried("credentials")
    assert trap.accepted == 0, "somebody was asked"
    assert az is None or not (az / "asked").exists()


_VARIABLES = {
    "HTTPS_PROXY": "http://{trap}",
    "HTTP_PROXY": "http://{trap}",
    "ALL_PROXY": "http://{trap}",
    "https_proxy": "http://{trap}",
    "SSL_CERT_FILE": "nothing.pem",
    "SSL_CERT_DIR": "nothing",
    "REQUESTS_CA_BUNDLE": "nothing.pem",
    "CURL_CA_BUNDLE": "nothing.pem",
    "SSLKEYLOGFILE": "keys.log",
    "OPENAI_ORG_ID": "stranger",
    "OPENAI_PROJECT_ID": "stranger",
    "OPENAI_ADMIN_KEY": "stranger",
    "OPENAI_LOG": "debug",
    "AZURE_OPENAI_AD_TOKEN": "stranger",
    "AZURE_AUTHORITY_HOST": "{trap}",
    "AZURE_TENANT_ID": "stranger",
    "AZURE_CLIENT_ID": "stranger",
    "AZURE_CLIENT_SECRET": "stranger",
    "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
    "AUDIOCHAT_ALLOW_HOST": "attacker.test",
    "AUDIOCHAT_LOCAL_LLM": "http://{trap}/v1",
    "PIP_INDEX_URL": "http://{trap}/simple",
    "PATH": ".",
    "PYTHONPATH": ".",
    "LD_PRELOAD": "./stranger.so",
    "HOME": "elsewhere",
    "XDG_DATA_HOME": "elsewhere",
    "XDG_CONFIG_HOME": "elsewhere",
    "TMPDIR": "elsewhere",
}
"""What a file may not set: the environment is the user's."""


@pytest.mark.parametrize("token", [False, True], ids=["key", "token"])
@pytest.mark.usefixtures("room")
def test_a_strangers_file_changes_no_way(
    cli: CommandLine, service: Service, monkeypatch: pytest.MonkeyPatch, tried: Tried,
    request: pytest.FixtureRequest, *, token: bool,
) -> None:  # fmt: skip
    """Proxies, certificates, authorities, headers, folders: with them in `.env`, the request is what it is without."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", service.url)
    for name in _VARIABLES:
        if name not in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "TMPDIR", "PATH"):
            monkeypatch.delenv(name, raising=False)
    if token:
        request.getfixturevalue("az")
        monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    service.answer(completion("Yes.", WAV))

    def sent() -> tuple[str, dict[str, str], bytes]:
        ran = cli("converse", "-t", "hi", "-q", "-o", "answer-{n}.wav")
        assert (ran.code, ran.out, ran.err) == (0, b"Yes.\n", "")
        return service.last.path, dict(service.last.headers), service.last.body

    usual = sent()
    with listening(close) as listener:
        for name, value in _VARIABLES.items():
            Path(".env").write_text(f"{name}={value.format(trap=f'127.0.0.1:{listener.port}')}\n", encoding="utf-8")
            assert sent() == usual, name
            assert sorted(path.name for path in Path().iterdir()) == [".env", "answer-1.wav"], name
            tried("credentials")
        assert listener.accepted == 0
    assert os.environ.get("OPENAI_LOG") is None


_NO_FILES: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "a link to zeros without end": lambda path: path.symlink_to("/dev/zero"),
    "a link to a terminal": lambda path: path.symlink_to("/dev/tty"),
    "an empty file": lambda path: path.touch(),
}


@POSIX
def test_a_pipe_of_settings_that_nobody_writes_to_is_an_error(
    room: Room, service: Service, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """After a few seconds: its settings may name another provider, so it is not passed over."""
    tried("credentials")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{service.url}/v1")
    os.mkfifo(".env")
    command = [sys.executable, "-m", "audiochat", "speak", "hi", "--provider", "openai", "-q"]
    done = subprocess.run(command, capture_output=True, timeout=LIMIT, check=False)
    assert (done.returncode, done.stdout) == (6, b"")
    assert b".env" in done.stderr
    assert service.requests == []
    room.check(done)


@POSIX
@pytest.mark.parametrize("kind", _NO_FILES)
def test_what_is_no_file_of_settings_is_passed_over(
    kind: str, room: Room, service: Service, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """Nobody waits for a pipe called `.env`, and nobody reads a device."""
    tried("credentials")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{service.url}/v1")
    _NO_FILES[kind](Path(".env"))
    service.answer(completion("Yes.", WAV))
    command = [sys.executable, "-m", "audiochat", "speak", "hi", "--provider", "openai", "-q"]
    done = subprocess.run(command, capture_output=True, timeout=LIMIT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"Yes.\n", b"")
    room.check(done)


@POSIX
@pytest.mark.parametrize("leads_to", [".env", "nothing"])
def test_a_link_of_settings_that_leads_nowhere_is_an_error(
    leads_to: str, room: Room, cli: CommandLine, service: Service, tried: Tried
) -> None:
    """Settings were meant to be there, and they may name another provider: it is not passed over."""
    tried("credentials")
    Path(".env").symlink_to(leads_to)
    ran = cli("speak", "hi", env={"OPENAI_BASE_URL": f"{service.url}/v1"})
    assert ran.code == 6
    assert ".env" in ran.err
    assert service.requests == []
    room.check(ran)


@POSIX
def test_a_socket_is_no_file_of_settings(cli: CommandLine, service: Service, tried: Tried) -> None:
    """Neither is a socket."""
    tried("credentials")
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind(".env")
        service.answer(completion("Yes.", WAV))
        assert cli("speak", "hi", "-q", env={"OPENAI_BASE_URL": f"{service.url}/v1"}).code == 0


@pytest.mark.parametrize("line", [b"A=b\n", b"A='x\n", b"          \n", b"#\n", b"\0"], ids=repr)
def test_a_file_of_settings_has_an_end(
    line: bytes, room: Room, cli: CommandLine, service: Service, tried: Tried
) -> None:
    """One of many megabytes is not read, and is told with its name: exit 6."""
    tried("credentials")
    with Path(".env").open("wb") as file:
        file.write(line * 30_000)
        file.truncate(50_000_000)
    ran = cli("speak", "hi", env={"OPENAI_BASE_URL": f"{service.url}/v1"})
    Path(".env").unlink()
    assert ran.code == 6
    assert ".env is too large" in ran.err
    assert service.requests == []
    room.check(ran)


@POSIX
def test_a_named_file_without_end_is_not_read_to_it(cli: CommandLine, tried: Tried) -> None:
    """`--env-file /dev/zero` is exit 6 too; a pipe from another program is read."""
    tried("credentials", 2)
    assert cli("speak", "hi", "--env-file", "/dev/zero").code == 6
    read, write = os.pipe()
    os.write(write, b"AUDIOCHAT_PROVIDER=bing\n")
    os.close(write)
    ran = cli("speak", "hi", "--env-file", f"/dev/fd/{read}")
    os.close(read)
    assert ran.code == 3
    assert "bing" in ran.err


@POSIX
@pytest.mark.parametrize("target", ["their own .env", "a private key"])
def test_a_link_to_the_users_own_file_tells_nothing_of_it(
    target: str, room: Room, trap: Listener, cli: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch,
    tried: Tried,
) -> None:  # fmt: skip
    """A repository's `.env` that links to what only the user may read: no word of it is shown, nothing is sent."""
    for secret in SECRETS:
        monkeypatch.delenv(secret)
    monkeypatch.delenv("OPENAI_CUSTOM_HEADERS")
    own = home / "secret"
    key = SECRETS["OPENAI_API_KEY"]
    own.write_text(
        f"OPENAI_API_KEY={key}\nOPENAI_BASE_URL=http://10.0.0.7/v1\n"
        if "own" in target
        else f"-----BEGIN PRIVATE KEY-----\n{key}\n\xff{HEADER}\n-----END\n",
        encoding="latin-1",
    )
    Path(".env").symlink_to(own)
    room.before = room.look()
    for arguments in (["speak", "hi", "--debug"], ["doctor"], ["doctor", "--json"]):
        ran = cli(*arguments)
        assert ran.code in (3, 6)
        room.check(ran)
        tried("credentials")
    assert trap.accepted == 0


# --- redirects


@dataclass(frozen=True)
class Provider:
    """A way to a service."""

    name: str
    env: Mapping[str, str]
    """`{url}` is the service's."""
    arguments: tuple[str, ...] = ("speak", "hi")
    header: str = "authorization"
    az: bool = False


_VOICE = {"AUDIOCHAT_LOCAL_STT": ".", "AUDIOCHAT_LOCAL_TTS": "voice.onnx", "AUDIOCHAT_LOCAL_LLM_MODEL": "m"}
PROVIDERS = [
    Provider("openai", {"OPENAI_BASE_URL": "{url}/v1"}),
    Provider("azure", {"AZURE_OPENAI_ENDPOINT": "{url}"}, header="api-key"),
    Provider("azure", {"AZURE_OPENAI_ENDPOINT": "{url}/openai/v1"}),
    Provider("azure", {"AZURE_OPENAI_ENDPOINT": "{url}", "AZURE_OPENAI_API_KEY": ""}, az=True),
    Provider("local", {"AUDIOCHAT_LOCAL_LLM": "{url}/v1", **_VOICE}),
]
_ELSEWHERE = ["{url}/v1/chat/completions", "//{host}/steal", "https://{host}/steal", "http://localhost:{port}/steal",
              "/steal", "steal?x=1", "http://user:pass@{host}/", "file:///etc/passwd", "javascript:x", "http://[::1",
              "\\\\{host}\\steal", "HTTP://{host}", "http:{host}", "http://{host}\tx"]  # fmt: skip


@pytest.mark.parametrize(
    "provider", PROVIDERS, ids=lambda one: f"{one.name} {one.header}{' with az' if one.az else ''}"
)
@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
def test_no_credential_follows_a_redirect(
    provider: Provider, status: int, room: Room, cli: CommandLine, service: Service, tried: Tried,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """To whatever host, port or scheme, with whatever provider: nobody there is asked, and it is exit 5."""
    if provider.name == "local":
        pytest.importorskip("faster_whisper")
        pytest.importorskip("piper")
        Path("voice.onnx").touch()
    if provider.az:
        request.getfixturevalue("az")
        room.before = room.look()
    env = {name: value.format(url=service.url) for name, value in provider.env.items()}
    with running() as elsewhere:
        elsewhere.answer(completion("Stolen.", WAV))
        host = elsewhere.url.removeprefix("http://")
        for place in _ELSEWHERE if status in (302, 307) else _ELSEWHERE[:2]:
            where = place.format(url=elsewhere.url, host=host, port=host.rpartition(":")[2])
            service.answer(Answer(b"", status, {"Location": where}))
            ran = cli(*provider.arguments, "--provider", provider.name, "--debug", env=env)
            assert (ran.code, ran.out) == (5, b""), (where, ran)
            assert len(service.requests) == 1, where
            assert service.requests.pop().headers[provider.header]
            room.check(ran)
            tried("credentials")
        assert elsewhere.requests == []
