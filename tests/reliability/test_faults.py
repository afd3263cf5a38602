"""Every fault, every command: the right exit code, one helpful message, nothing lost, left over or paid twice."""

from __future__ import annotations

import datetime as dt
import importlib.util
import ipaddress
import json
import ssl
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import pytest
from support import SUPPORT
from support.command_line import CANARY
from support.faults import (
    DISCONNECTIONS,
    FAULTS,
    REDIRECTS,
    STALLED,
    WAV,
    WHOLE,
    WORDS,
    Disconnection,
    Fault,
    close,
    floods,
    keep_silent,
    listening,
    reset,
    speak_plainly,
)
from support.measured import measured
from support.service import PCM, Answer, Service, completion, error, running, sound_events, stream

from audiochat.audio import wav

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from support.command_line import CommandLine, Ran

    Tried = Callable[..., None]

pytestmark = pytest.mark.reliability

PRECIOUS = b"what was there before"
FIRST = "The first answer."
"""The words of the first turn, which goes well."""


@dataclass(frozen=True)
class Command:
    """A way to ask."""

    name: str
    arguments: tuple[str, ...]
    comes: Literal["whole", "stream"] = "whole"
    output: str | None = "out.wav"
    """The file of the spoken answer."""
    speech: bool = True
    terminal: bool = False
    """Whether stdout is one."""
    turns: int = 1
    """The fault hits the last."""
    waits: bool = True
    """Whether it also meets the faults that take time; not where another command goes the same way."""

    @property
    def as_json(self) -> bool:
        """Whether stdout is for a program."""
        return "--json" in self.arguments

    @property
    def words_on_stdout(self) -> bool:
        """Whether the transcript goes there."""
        return self.arguments[-1] != "-"


_TURNS = ("converse", "-t", "first", "-t", "second", "--session", "s", "-o")
COMMANDS = [
    Command("speak", ("speak", "hi", "-o", "out.wav")),
    Command("speak --json", ("speak", "hi", "--json", "-o", "out.wav"), waits=False),
    Command("speak, to a pipe", ("speak", "hi", "-o", "-"), "stream", None),
    Command("speak, on a terminal", ("speak", "hi", "-o", "out.wav"), "stream", terminal=True),
    Command("speak --play", ("speak", "hi", "--play", "-o", "out.wav"), "stream"),
    Command("analyze", ("analyze", "dog.wav", "-o", "out.wav"), waits=False),
    Command("analyze --text-only", ("analyze", "dog.wav", "--text-only"), output=None, speech=False),
    Command("analyze, to a pipe", ("analyze", "dog.wav", "-o", "-"), "stream", None, waits=False),
    Command("converse", (*_TURNS, "turn-{n}.wav"), output="turn-2.wav", turns=2, waits=False),
    Command("converse --json", (*_TURNS, "turn-{n}.wav", "--json"), output="turn-2.wav", turns=2),
    Command("converse, on a terminal", (*_TURNS, "turn-{n}.wav"), "stream", "turn-2.wav", terminal=True, turns=2),
]


def meet(fault: Fault, command: Command) -> bool:
    """Whether the fault can happen to the command."""
    possible = fault.comes in ("any", command.comes) and (command.speech or not fault.sound)
    return possible and (command.waits or not fault.stalls)


@dataclass(frozen=True)
class Certificates:
    """Certificates of 127.0.0.1, each with its key in one file, which is never kept."""

    good: Path
    expired: Path
    elsewhere: Path
    """Of another host."""


def _certificate(path: Path, *, host: str, days: int) -> Path:
    """A certificate that signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "audiochat's tests")])
    now = dt.datetime.now(dt.timezone.utc)
    names: list[x509.GeneralName] = [x509.DNSName(host)]
    if host[0].isdigit():
        names = [x509.IPAddress(ipaddress.ip_address(host))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=30))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates made for these tests."""
    folder = tmp_path_factory.mktemp("certificates")
    return Certificates(
        good=_certificate(folder / "good.pem", host="127.0.0.1", days=1),
        expired=_certificate(folder / "expired.pem", host="127.0.0.1", days=-1),
        elsewhere=_certificate(folder / "elsewhere.pem", host="elsewhere.example.org", days=1),
    )


@pytest.fixture(autouse=True)
def few_authorities(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    """One certificate to trust: reading those of the whole world would be half of the time of these tests."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.expired))


@dataclass
class Room:
    """The folders in which a command could leave something."""

    work: Path
    temporary: Path
    home: Path
    before: dict[str, bytes] = field(default_factory=dict)

    def look(self) -> dict[str, bytes]:
        """Every file, hidden ones too, and what it holds; of the home those that are half written."""
        files = [path for folder in (self.work, self.temporary) for path in folder.rglob("*")]
        files += [path for path in self.home.rglob("*") if path.name.endswith(".part")]
        return {str(path): path.read_bytes() for path in files if path.is_file()}


@pytest.fixture
def room(tmp_path: Path, home: Path, dog: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    """A working directory with a recording and a precious file, and a folder for temporary ones of our own."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert dog.exists()
    return Room(tmp_path / "work", temporary, home)


@pytest.fixture
def silent_card(card: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sound card for commands that run in this process."""
    spec = importlib.util.spec_from_file_location("sounddevice", SUPPORT / "fakes" / "sounddevice.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return card


def errors_of(ran: Ran) -> list[str]:
    """The lines of the error on stderr, after notes and words; there is one error at most."""
    lines = ran.err.splitlines()
    starts = [index for index, line in enumerate(lines) if line.startswith("audiochat: ")]
    assert len(starts) <= 1
    for line in lines[: starts[0]] if starts else lines:
        known = ("trying again in", "turn-1.wav", "turn-2.wav", "out.wav")
        assert line in (WORDS, FIRST) or any(part in line for part in known), line
    return lines[starts[0] :] if starts else []


def check_told(ran: Ran, fault: Fault, command: Command) -> None:
    """One message of three lines at most, a hint among them; the same in the envelope."""
    lines = errors_of(ran)
    assert ran.code == fault.exit_code
    if fault.exit_code == 0:
        assert lines == []
        return
    assert 2 <= len(lines) <= 3
    assert fault.says in lines[0]
    assert fault.hints in lines[1]
    if command.as_json:
        told = [json.loads(line) for line in ran.out.splitlines()]
        assert [one["status"] for one in told] == ["ok"] * (command.turns - 1) + ["error"]
        failure = told[-1]["error"]
        assert (failure["code"], failure["exit_code"]) == (fault.code, fault.exit_code)
        assert [f"audiochat: {failure['message']}", failure["hint"]] == lines[:2]


def check_words(ran: Ran, fault: Fault, command: Command) -> None:
    """What was said is paid for, and shown."""
    if command.turns > 1:
        assert FIRST in ran.out.decode()
    if fault.words or fault.exit_code == 0:
        assert WORDS in (ran.out.decode() if command.words_on_stdout else ran.err)


def check_files(room: Room, fault: Fault, command: Command) -> None:
    """Nothing that was there is touched, nothing is left beside it."""
    after = room.look()
    if command.turns > 1:
        assert after.pop(str(room.work / "turn-1.wav")) == WAV
        page = json.loads((room.home / "data/audiochat/sessions/s/session.json").read_text(encoding="utf-8"))
        expected = [FIRST, WORDS] if fault.exit_code == 0 else [FIRST]
        assert [turn["transcript"] for turn in page["turns"]] == expected
    if fault.exit_code == 0 and command.output is not None:
        assert after.pop(str(room.work / command.output)) == WAV
        del room.before[str(room.work / command.output)]
    assert after == room.before


def first_answer() -> Answer:
    """The answer to a turn that goes well, which the next turn can refer to."""
    body = json.loads(completion(FIRST, WAV).body)
    body["choices"][0]["message"]["audio"]["expires_at"] = int(time.time()) + 3600
    return Answer(json.dumps(body).encode())


def case(fault: Fault, command: Command) -> Any:
    """A row of the table."""
    return pytest.param(fault, command, id=f"{fault.name} - {command.name}")


CASES = [case(fault, command) for fault in FAULTS for command in COMMANDS if meet(fault, command)]


@pytest.mark.parametrize(("fault", "command"), CASES)
@pytest.mark.usefixtures("silent_card")
def test_every_fault_for_every_command(
    fault: Fault, command: Command, room: Room, cli: CommandLine, shown: CommandLine, openai: Service, tried: Tried
) -> None:
    """Its exit code, one message with a hint; no file is left or harmed; no answer is asked for twice, no word lost."""
    tried("faults x commands")
    if command.output is not None:
        (room.work / command.output).write_bytes(PRECIOUS)
    room.before = room.look()
    good = first_answer() if command.comes == "whole" else stream(sound_events(PCM, [FIRST]))
    openai.answer(*[good] * (command.turns - 1), fault.answer)
    timeout = str(STALLED) if fault.stalls else "20"
    started = time.monotonic()
    run = shown if command.terminal else cli
    ran = run(*command.arguments, "--timeout", timeout, "--retries", str(fault.retries))
    assert time.monotonic() - started < 10
    check_told(ran, fault, command)
    check_words(ran, fault, command)
    check_files(room, fault, command)
    assert len(openai.requests) == command.turns - 1 + fault.requests


ONE_TURN = [command for command in COMMANDS if command.turns == 1 and not command.terminal]


ELSEWHERE = [(status, command) for status in REDIRECTS for command in COMMANDS if status == 307 or command.turns > 1]


@pytest.mark.parametrize(
    ("status", "command"), ELSEWHERE, ids=[f"{status} - {command.name}" for status, command in ELSEWHERE]
)
@pytest.mark.usefixtures("silent_card")
def test_nobody_is_sent_elsewhere(
    command: Command, status: int, room: Room, cli: CommandLine, shown: CommandLine, openai: Service, tried: Tried
) -> None:
    """Neither the question nor the credential follows a redirect, which is named; nothing is asked twice."""
    tried("faults x commands")
    with running() as elsewhere:
        elsewhere.answer(WHOLE)
        where = Answer(b"", status, {"Location": f"{elsewhere.url}/v1/chat/completions"})
        fault = Fault("elsewhere", where, f"elsewhere ({status}, to {elsewhere.url}", "redirected", hints="redirects")
        room.before = room.look()
        good = first_answer() if command.comes == "whole" else stream(sound_events(PCM, [FIRST]))
        openai.answer(*[good] * (command.turns - 1), fault.answer)
        ran = (shown if command.terminal else cli)(*command.arguments)
        check_told(ran, fault, command)
        check_words(ran, fault, command)
        check_files(room, fault, command)
        assert len(openai.requests) == command.turns
        assert elsewhere.requests == []


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_to_nowhere(cli: CommandLine, openai: Service, status: int, tried: Tried) -> None:
    """Also where it does not say where to."""
    tried("faults x commands")
    openai.answer(Answer(b"", status))
    ran = cli("speak", "hi")
    assert (ran.code, len(openai.requests), len(errors_of(ran))) == (5, 1, 3)


# --- below HTTP


@pytest.mark.parametrize("fault", DISCONNECTIONS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("command", ONE_TURN, ids=lambda command: command.name)
@pytest.mark.usefixtures("silent_card")
def test_a_connection_that_brings_nothing(
    fault: Disconnection, command: Command, room: Room, cli: CommandLine, tried: Tried
) -> None:
    """Exit 5 and what to look at; what a gateway says while the request is still on its way is heard."""
    tried("faults x commands")
    (room.work / "dog.wav").write_bytes(wav.wrap(PCM * 200))  # more than the buffers of a connection hold
    room.before = room.look()
    long = ["--param", f"user={'x' * 6_000_000}"] if command.arguments[0] == "speak" else []
    with listening(fault.behave) as listener:
        env = {"OPENAI_BASE_URL": f"http://127.0.0.1:{listener.port}/v1"}
        again = fault.again and command.name == "speak"
        timeout, retries = "0.4" if fault.code == "timeout" else "20", "2" if not fault.again else "01"[again]
        ran = cli(*command.arguments, *long, "--timeout", timeout, "--retries", retries, env=env)
        assert listener.accepted == 1 + again
    assert ran.code == fault.exit_code
    assert 2 <= len(errors_of(ran)) <= 3
    if command.as_json:
        assert json.loads(ran.out)["error"]["code"] in (fault.code, fault.or_else)
    assert room.look() == room.before


TLS = {
    "as it should be": ("good", True, WHOLE, 0, ""),
    "signed by nobody": ("good", False, WHOLE, 5, "tls"),
    "expired": ("expired", True, WHOLE, 5, "tls"),
    "of another host": ("elsewhere", True, WHOLE, 5, "tls"),
    "a client's is wanted": ("good", True, WHOLE, 5, "tls"),
    "reset in the body": ("good", True, replace(WHOLE, cut=3000), 5, "connection_broken"),
    "closed in the body": ("good", True, replace(WHOLE, cut=3000, end="close"), 5, "connection_broken"),
    "closed before the head": ("good", True, Answer(cut=0, end="close"), 5, "connection_broken"),
}
"""Which certificate, whether it is trusted, what is answered, the exit code, the code."""


@pytest.mark.parametrize("name", TLS)
@pytest.mark.parametrize("command", ONE_TURN, ids=lambda command: command.name)
@pytest.mark.usefixtures("silent_card")
def test_trouble_with_tls(
    name: str, command: Command, room: Room, cli: CommandLine, certificates: Certificates, tried: Tried
) -> None:
    """Exit 5; where a certificate is not accepted nothing is sent, and the hint names SSL_CERT_FILE."""
    tried("faults x commands")
    which, trusted, answer, exit_code, code = TLS[name]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(getattr(certificates, which))
    if name == "a client's is wanted":
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates.good)
    room.before = room.look()
    with running(context) as service:
        service.answer(answer)
        env = {"OPENAI_BASE_URL": f"{service.url}/v1", "OPENAI_API_KEY": CANARY}
        if trusted:
            env["SSL_CERT_FILE"] = str(getattr(certificates, which))
        ran = cli(*command.arguments, "--retries", "0", env=env)
        assert len(service.requests) == (code != "tls")
    assert ran.code == exit_code
    lines = errors_of(ran)
    assert (len(lines) == 0) if exit_code == 0 else (2 <= len(lines) <= 3)
    if code == "tls":
        assert "SSL_CERT_FILE" in lines[1]
    if command.as_json and code:
        assert json.loads(ran.out)["error"]["code"] == code
    if exit_code:
        assert room.look() == room.before


@pytest.mark.parametrize("behave", [close, reset, keep_silent, speak_plainly], ids=lambda behave: behave.__name__)
@pytest.mark.parametrize("command", ONE_TURN, ids=lambda command: command.name)
@pytest.mark.usefixtures("silent_card")
def test_a_handshake_that_fails(
    behave: Callable[[socket.socket], object], command: Command, room: Room, cli: CommandLine, tried: Tried
) -> None:
    """Exit 5, one message with a hint; not a byte of the question has left."""
    tried("faults x commands")
    room.before = room.look()
    with listening(behave) as listener:
        env = {"OPENAI_BASE_URL": f"https://127.0.0.1:{listener.port}/v1", "OPENAI_API_KEY": CANARY}
        timeout = "0.4" if behave is keep_silent else "20"
        ran = cli(*command.arguments, "--retries", "0", "--timeout", timeout, env=env)
    assert ran.code == 5
    assert 2 <= len(errors_of(ran)) <= 3
    assert room.look() == room.before


# --- doctor


# One of each kind: beyond the connection, all of them go the same way.
FOR_THE_DOCTOR = {
    (fault.says, fault.code): fault for fault in FAULTS if fault.comes != "stream" and not (fault.stalls or fault.sound)
}


@pytest.mark.parametrize("fault", FOR_THE_DOCTOR.values(), ids=lambda fault: fault.name)
def test_the_doctor_meets_every_fault(
    fault: Fault, cli: CommandLine, openai: Service, room: Room, tried: Tried
) -> None:
    """Exit 3, and the line of the request says what the commands would say; it is asked once."""
    tried("faults x commands")
    room.before = room.look()
    openai.answer(fault.answer)
    ran = cli("doctor", "--yes", "--json")
    found = {finding["check"]: finding for finding in json.loads(ran.out)["findings"]}["request"]
    assert (ran.code, found["status"]) == ((0, "ok") if fault.exit_code == 0 else (3, "failure"))
    assert fault.says in found["what"]
    assert fault.hints in (found["cure"] or "")
    assert len(openai.requests) == 1
    assert ran.err == ""
    assert room.look() == room.before


# --- too much


LARGEST = 150.0
"""Megabytes: some of an answer before it is given up, a copy or two, and Python with its libraries."""


@pytest.mark.skipif(sys.platform == "win32", reason="measures memory as POSIX does")
@pytest.mark.parametrize("name", floods())
def test_too_much_is_not_taken(name: str, room: Room, openai: Service, tried: Tried) -> None:
    """Answers of 250 MB and gzip bombs end early, in little memory, and are not asked for again."""
    tried("faults x commands")
    fault = floods()[name]
    arguments = ("speak", "hi", "-o", "-", "-f", "pcm16") if fault.comes == "stream" else ("speak", "hi", "-o", "a.wav")
    room.before = room.look()
    openai.answer(fault.answer)
    ran = measured(["-m", "audiochat", *arguments, "-q"])
    assert ran.code == fault.exit_code
    lines = ran.err.splitlines()
    assert 2 <= len(lines) <= 3
    assert fault.says in lines[0]
    assert ran.megabytes < LARGEST
    assert len(openai.requests) == 1
    assert room.look() == room.before


@pytest.mark.skipif(sys.platform == "win32", reason="measures memory as POSIX does")
def test_a_large_answer_is_taken(room: Room, openai: Service, tried: Tried) -> None:
    """Half an hour of speech, 110 MB on the wire, becomes its file."""
    tried("faults x commands")
    sound = wav.wrap(PCM * 8_700)
    openai.answer(completion(WORDS, sound))
    ran = measured(["-m", "audiochat", "speak", "hi", "-o", "a.wav", "-q"])
    assert (ran.code, ran.err) == (0, "")
    assert (room.work / "a.wav").read_bytes() == sound
    assert ran.megabytes < LARGEST, ran.megabytes


# --- asking again


@pytest.mark.parametrize("command", ["speak", "to a pipe", "text"])
def test_a_wait_grows_and_varies(command: str, room: Room, openai: Service, tried: Tried, cli: CommandLine) -> None:
    """Half a second, then a whole one, each somewhat shorter by chance; told once; and as often as --retries says."""
    tried("faults x commands")
    arguments = {
        "speak": ("speak", "hi"),
        "to a pipe": ("speak", "hi", "-o", "-"),
        "text": ("analyze", "dog.wav", "--text-only"),
    }[command]
    times: list[float] = []
    openai.answer(replace(error(503, None, "busy"), before=lambda: times.append(time.monotonic())))
    ran = cli(*arguments, "--retries", "2")
    assert ran.code == 5
    assert len(times) == 3
    first, second = times[1] - times[0], times[2] - times[1]
    assert 0.35 < first < 3
    assert 0.7 < second < 4
    assert second > first
    notes = [line for line in ran.err.splitlines() if "trying again in" in line]
    assert len(notes) == 1  # no note comes twice in a minute
    assert "busy" in notes[0]
    assert room.work.exists()


def test_waits_are_exponential_with_jitter(tried: Tried) -> None:
    """Twice as long each time up to a limit, and never two alike: a crowd does not come back at once."""
    tried("faults x commands")
    import httpx2
    from openai import APIConnectionError

    from audiochat.transport.retry import RetryPolicy

    lost = APIConnectionError(request=httpx2.Request("POST", "http://127.0.0.1"))
    for attempt, longest in enumerate([0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]):
        waits = [RetryPolicy(retries=9).delay(lost, attempt=attempt, waited=0) or 0.0 for _ in range(50)]
        assert all(longest * 0.5 <= wait <= longest for wait in waits)
        assert len(set(waits)) > 25
