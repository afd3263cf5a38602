"""Hostile command lines by the thousand, made from seeds, and the process in which they are run.

A case is a family and a seed. To see one again: `PYTHONPATH=tests python -m support.hostile analyze 57 --show`.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import copy
import faulthandler
import io
import json
import os
import random
import struct
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from audiochat.audio import wav
from audiochat.audio.sniff import sniff
from support.command_line import CANARY
from support.corpus import KINDS, PLAIN, RARE, SOUNDS, made
from support.service import PCM, Answer, Service, completion, error, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

DEADLINE = 60.0
"""Seconds of a case; one that takes longer hangs, and ends the process with the place where it does."""
LONGEST_ERROR = 10_000
"""Characters on stderr: what is wrong with a megabyte can be said in fewer."""


@dataclass(frozen=True)
class Case:
    """A command line, and what it meets."""

    arguments: Sequence[str]
    stdin: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """In the working directory."""
    env: Mapping[str, str | None] = field(default_factory=dict)
    page: bytes | None = None
    """The session.json of a session named s."""
    sound: bytes | None = None
    """The recording that is sent if anything is."""


# --- texts

_MEGABYTE = 1_000_000
_WORDS = (
    "",
    " ",
    "\n",
    "hi",
    "-",
    "--",
    "--help",
    "--version",
    "-o",
    "-o-",
    "--json",
    "-t",
    "--no-such-option",
    "-qqq",
    "@",
    "@@",
    "@dog.wav",
    '@"',
    '@"dog.wav"',
    "@missing.wav",
    "@.",
    "@-",
    "/etc/passwd",
    "../../..",
    "$(id)",
    "`id`",
    "%s%n{}{0}",
    "{n}",
    "[bold]",
    "\x1b[31m\x1b]0;title\x07",
    "\r",
    "\t",
    "\u202egnp.wav",
    "\ufeff",
    "\u2028",
    "e" + "\u0301" * 50,
    "犬の声",
    "\U0001f415",
    "\udcff",
    "\ud83d",
    '"',
    "'",
    "\\",
    "0",
    "null",
    "nan",
    "1e999",
    "speak",
    "=",
    "a=b",
)


def _text(chance: random.Random, *, nul: bool = False) -> str:
    """A few words that belong nowhere, now and then very many."""
    words = [chance.choice(_WORDS) for _ in range(chance.choice((1, 1, 1, 2, 3, 6)))]
    if nul and chance.random() < 0.2:
        words.append("a\0b")
    if chance.random() < 0.03:
        words.append(chance.choice("a犬-@ \n") * (_MEGABYTE // 3))
    return chance.choice(("", " ", "\n")).join(words)


def _bytes(chance: random.Random) -> bytes:
    """Text as it comes through a pipe: mostly none that is UTF-8."""
    text = _text(chance, nul=True)
    encoded = text.encode(chance.choice(("utf-8", "utf-16", "utf-8-sig", "utf-32-le")), "surrogatepass")
    return chance.choice((encoded, text.encode("latin-1", "replace"), chance.randbytes(chance.randrange(200))))


# --- recordings

_EVIL = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_SMALL = [sound for sound in SOUNDS if "19 MB" not in sound.name]


@cache
def _bases() -> list[bytes]:
    """Short real recordings of every kind."""
    return [made(kind, 0.1) for kind in (*PLAIN.values(), *KINDS.values(), *RARE.values())]


def _recording(chance: random.Random) -> bytes:
    """A recording with some damage; or one of the corpus, which needs none."""
    if chance.random() < 0.2:
        return chance.choice(_SMALL).make()
    data = bytearray(chance.choice(_bases()))
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        chance.choice(_DAMAGES)(data, chance)
    return bytes(data)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 4, 30))):
        if data:
            data[chance.randrange(min(len(data), chance.choice((64, 512, 1 << 20))))] ^= 1 << chance.randrange(8)


def _lie(data: bytearray, chance: random.Random) -> None:
    """A number of the head is another one."""
    if len(data) > 8:
        at = chance.randrange(min(len(data), 400) - 4)
        data[at : at + 4] = struct.pack(chance.choice("<>") + "I", chance.choice(_EVIL))


def _drop(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data) + 1)
    del data[start : start + chance.choice((1, 2, 100, 2_000))]


def _repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data) + 1)
    data[start:start] = data[start : start + chance.choice((1, 8, 500))] * chance.choice((1, 2, 40))


def _insert(data: bytearray, chance: random.Random) -> None:
    start = chance.choice((0, 0, 4, 12, chance.randrange(len(data) + 1)))
    data[start:start] = chance.choice(
        (
            b"\0",
            b"ID3\4\0\0\0\0\0\0",
            b"ID3\3\0\0\x7f\x7f\x7f\x7f",
            b"RIFF",
            b"\xff\xfb",
            bytes(2_000),
            chance.randbytes(50),
        )
    )


def _join(data: bytearray, chance: random.Random) -> None:
    data += chance.choice(_bases())


_DAMAGES = (_cut, _flip, _flip, _lie, _lie, _drop, _repeat, _insert, _join)

_NAMES = (
    "dog.wav",
    "dog.mp3",
    "dog",
    "-dog.wav",
    "--",
    "a\nb.wav",
    " ",
    "ü.wav",
    "犬.wav",
    'a"b.wav',
    "a'b c.wav",
    "*.wav",
    "$(id).wav",
    "%s.wav",
    "{n}.wav",
    "\x1b[31m.wav",
    "@dog.wav",
    "\udcff.wav",
    "\u202egnp.wav",
    "x" * 250 + ".wav",
    "http:",
    "concat:a.wav",
)


# --- families


def _options(chance: random.Random) -> list[str]:
    """Options with values that nobody means."""
    if chance.random() < 0.6:
        return []
    name = chance.choice(
        ("-v", "-m", "-s", "-f", "--provider", "--timeout", "--retries", "--max-seconds", "--param", "-o")
    )
    return [name, chance.choice(_OUTPUTS) if name == "-o" else _text(chance)]


_OUTPUTS = (
    "",
    " ",
    ".",
    "..",
    "/",
    "out.wav",
    "out/",
    "no/such/out.wav",
    "dog.wav/out.wav",
    "-out.wav",
    "a\nb.mp3",
    "\udcff.flac",
    "犬.opus",
    "x" * 300,
    "x" * 5_000,
    "out.txt",
    ".wav",
    "{n}.wav",
    "%d.aac",
    "\x1b[2J.pcm",
    "con",
    "-",
)


def _given(chance: random.Random, *words: str) -> list[str]:
    """Arguments, mostly behind `--`, as careful scripts write it."""
    return ["--", *words] if chance.random() < 0.7 else list(words)


def _speak(chance: random.Random) -> Case:
    words = [_text(chance) for _ in range(chance.choice((1, 1, 2, 5)))]
    return Case(["speak", *_options(chance), *_given(chance, *words)], stdin=_bytes(chance))


def _speak_stdin(chance: random.Random) -> Case:
    return Case(["speak", *_options(chance), *chance.choice(([], ["-"], ["Sum up:", "-"]))], stdin=_bytes(chance))


def _analyze(chance: random.Random) -> Case:
    name, data = chance.choice(_NAMES), _recording(chance)
    question = [_text(chance)] if chance.random() < 0.3 else []
    if chance.random() < 0.5:
        name, question = "dog.wav", []
    arguments = ["analyze", *_options(chance), *_given(chance, name, *question)]
    return Case(arguments, stdin=_bytes(chance), files={name: data}, sound=data)


def _analyze_stdin(chance: random.Random) -> Case:
    data = _recording(chance)
    return Case(
        ["analyze", *_options(chance), *chance.choice(([], ["-"], ["-", "What is it?"]))], stdin=data, sound=data
    )


def _turn(chance: random.Random, name: str) -> str:
    """A turn with a recording in it, or something like it."""
    at = chance.choice(('@"{}"', "@{}", '@ "{}"', '@"{}', "@@{}", "a@{}", "What? @{} And @{}?", '@"{}"@"{}"')).replace(
        "{}", name
    )
    return chance.choice((at, at, f"{at} {_text(chance)}", f"{_text(chance)}\n{at}"))


def _converse(chance: random.Random) -> Case:
    name, data = chance.choice(_NAMES), _recording(chance)
    turns = [_turn(chance, name) for _ in range(chance.choice((1, 1, 2)))]
    keep = chance.choice((["--no-save"], [], ["--session", "s"], ["--session", _text(chance)]))
    options = [*keep, *_options(chance), "--text-only"]
    return Case(["converse", *options, *(part for turn in turns for part in ("-t", turn))], files={name: data})


def _converse_stdin(chance: random.Random) -> Case:
    name, data = chance.choice(_NAMES), _recording(chance)
    lines = [chance.choice((_bytes(chance), _turn(chance, name).encode("utf-8", "surrogatepass"))) for _ in range(2)]
    arguments = ["converse", "--no-save", "--text-only", *chance.choice(([], ["--", name]))]
    return Case(arguments, stdin=b"\n".join(lines), files={name: data})


def _system(chance: random.Random) -> Case:
    name = chance.choice(("system.txt", ".", "missing", "", " ", "x" * 300, "a\nb", "dog.wav/x"))
    return Case(["speak", "hi", "-s", f"@{name}"], files={"system.txt": _bytes(chance), "a\nb": b"Be kind."})


_PARAMS = (
    "a=1",
    "a",
    "a=",
    "=a",
    "=",
    "",
    "a=[",
    "a={}",
    "a=NaN",
    "a=-Infinity",
    "a=1e999",
    'a="\\ud800"',
    'a="\\u0000"',
    "a=\udcff",
    "\udcff=a",
    "\n=1",
    "model=x",
    "messages=[]",
    "modalities=[]",
    "audio=null",
    "stream=true",
    "stop=" + "9" * 5_000,
    'a={"b":{"b":1,"b":2}}',
)


def _param(chance: random.Random) -> Case:
    depth = chance.choice((50, 300, 500, 700, 800, 900, 950, 980, 1_000, 3_000, 20_000, 100_000))
    deep = chance.choice(("[{}]", '{"a":{}}')).split("{}")
    nested = f"a={deep[0] * depth}1{deep[1] * depth}" if len(deep) == 2 else "a=1"
    values = [
        chance.choice((*_PARAMS, nested, nested, nested, f"a={_text(chance)}")) for _ in range(chance.choice((1, 2)))
    ]
    debug = ["--debug"] if chance.random() < 0.3 else []
    return Case(["speak", "hi", *debug, *(part for value in values for part in ("--param", value))])


_LINES = (
    b"AUDIOCHAT_VOICE=alloy",
    b"AUDIOCHAT_VOICE='",
    b'AUDIOCHAT_VOICE="',
    b"AUDIOCHAT_VOICE=\xff",
    b"AUDIOCHAT_VOICE=a\0b",
    b"AUDIOCHAT_MODEL=" + b"m" * 100_000,
    b"AUDIOCHAT_MODEL='a\nb'",
    b'AUDIOCHAT_MODEL="\\x"',
    b"export AUDIOCHAT_VOICE = 'x' # why",
    b"OPENAI_API_KEY=sk-of-the-file",
    b"OPENAI_API_KEY=two words",
    b"OPENAI_API_KEY='two\nlines'",
    b"OPENAI_API_KEY=\xe2\x80\xa6",
    b"=",
    b"= =",
    b"#",
    b"[section]",
    b'{"OPENAI_API_KEY": 1}',
    b"\xef\xbb\xbfAUDIOCHAT_VOICE=ash",
    b"AUDIOCHAT_VOICE=${OPENAI_API_KEY}",
    b"\0" * 100,
    b"\r",
    b"'" * 1_000,
    b"PATH=/",
    b"\x7fELF\2\1\1",
)


def _settings(chance: random.Random) -> Case:
    lines = [chance.choice((*_LINES, _bytes(chance))) for _ in range(chance.choice((1, 2, 5)))]
    data = chance.choice((b"\n", b"\r\n", b"")).join(lines)
    data = chance.choice((data, data, data, data.decode("utf-8", "replace").encode("utf-16")))
    named = chance.random() < 0.5
    name = chance.choice(("named.env", ".", "missing", "", "named.env/x", "x" * 300)) if named else ".env"
    env = {"OPENAI_API_KEY": None} if chance.random() < 0.5 else {}
    return Case(
        ["speak", "hi", *(["--env-file", name] if named else [])], files={".env": data, "named.env": data}, env=env
    )


_KEPT: dict[str, Any] = {
    "text": "What is it?",
    "recordings": [{"file": "turn-1-in-1.wav", "name": "dog.wav"}],
    "transcript": "A dog.",
    "audio": {"file": "turn-1.wav", "name": None},
    "audio_id": "audio_abc",
    "expires_at": 1780697155,
    "origin": "openai http://127.0.0.1/v1/ gpt-audio",
    "model": "gpt-audio",
    "request_id": "req_1",
    "finish_reason": "stop",
    "usage": {"input_tokens": 1, "input_audio_tokens": None, "output_tokens": 2, "output_audio_tokens": 1},
    "answered_at": 1780693555,
}
PAGE: dict[str, Any] = {"version": 1, "name": "s", "created_at": 1780693555, "system": None, "turns": [_KEPT, _KEPT]}
_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**11,
    10**18,
    10**400,
    -(10**30),
    1.5,
    1e308,
    float("inf"),
    float("nan"),
    "",
    "12",
    "\ud800",
    "\ud83d\ude00",
    "a\0b",
    "\x1b[31m",
    "../../../etc/passwd",
    "turn-2.wav",
    "turn-999999999999.mp3",
    [],
    {},
    [[]],
    [None],
    {"a": 1},
    "x" * 100_000,
)


def _places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a page that can be spoiled."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _places(inner, (*path, key))


_PLACES = list(_places(PAGE))


def _page(chance: random.Random) -> bytes:
    """A session's page with something wrong."""
    page = copy.deepcopy(PAGE)
    for _ in range(chance.choice((1, 1, 2))):
        *path, last = chance.choice(_PLACES)
        inner: Any = page
        with contextlib.suppress(LookupError, TypeError):
            for key in path:
                inner = inner[key]
            if chance.random() < 0.2:
                del inner[last]
            else:
                inner[last] = chance.choice(_VALUES)
    with _numbers_of_any_length():
        data = bytearray(json.dumps(page).encode())
    if chance.random() < 0.3:
        chance.choice(_DAMAGES[:-1])(data, chance)
    deep = b"[" * 100_000
    return chance.choice((bytes(data),) * 20 + (b"", b"null", b"[]", deep, b'{"turns":' + deep, _bytes(chance)))


@contextlib.contextmanager
def _numbers_of_any_length() -> Iterator[None]:
    limit = getattr(sys, "get_int_max_str_digits", lambda: None)()
    if limit is not None:
        sys.set_int_max_str_digits(0)
    yield
    if limit is not None:
        sys.set_int_max_str_digits(limit)


def _sessions(chance: random.Random) -> Case:
    command = chance.choice(
        (
            ["sessions", "list"],
            ["sessions", "show", "s"],
            ["sessions", "export", "s"],
            ["sessions", "export", "s", "-f", "json"],
            ["sessions", "remove", "s"],
            ["sessions", "show", "--", _text(chance)],
            ["converse", "--session", "s", "-t", "hi", "--text-only"],
            ["converse", "--continue", "-t", "hi", "-o", "x.wav"],
        )
    )
    return Case(command, page=_page(chance))


FAMILIES: dict[str, Callable[[random.Random], Case]] = {
    "speak": _speak,
    "speak, stdin": _speak_stdin,
    "analyze": _analyze,
    "analyze, stdin": _analyze_stdin,
    "converse": _converse,
    "converse, stdin": _converse_stdin,
    "system message": _system,
    "parameters": _param,
    "settings": _settings,
    "sessions": _sessions,
}


def case(family: str, seed: int) -> Case:
    """The case of a family and a seed, always the same."""
    return FAMILIES[family](random.Random(f"{family} {seed}"))


# --- what has to hold


@dataclass(frozen=True)
class Ran:
    """What a case did."""

    code: int
    out: bytes
    err: str


def broken(tried: Case, ran: Ran, service: Service, folder: Path) -> Iterator[str]:
    """What a run did that no run may do."""
    for stream in (ran.out.decode("utf-8", "replace"), ran.err):
        yield from (f"{word} on a stream" for word in (CANARY, "Traceback", "A bug in audiochat") if word in stream)
    errors = [number for number, line in enumerate(ran.err.splitlines()) if line.startswith("audiochat: ")]
    several = tried.arguments[0] in ("converse", "sessions")  # what went well before the failure is shown
    if ran.code not in (0, 2, 3, 4, 5, 6):
        yield f"exit code {ran.code}"
    if ran.code and len(errors) != 1:
        yield f"{len(errors)} errors"
    if ran.code and errors and not 2 <= len(ran.err.splitlines()) - errors[0] <= 3:
        yield "an error of other than two or three lines"
    if ran.code not in (0, 5) and ran.out and not several and not _envelope(ran.out):  # 5 may have words: they are paid
        yield "a failure with something on stdout"
    if not ran.code and errors and tried.arguments[:2] != ["sessions", "list"]:
        yield "a success with an error"
    if len(ran.err) > LONGEST_ERROR and "--debug" not in tried.arguments:
        yield f"{len(ran.err)} characters on stderr"
    if ran.code in (2, 3, 6) and service.requests and not several:
        yield "a request that was sent in vain"
    yield from _sent(tried, service)
    yield from (f"{left} is left" for left in _left(folder))


def _sent(tried: Case, service: Service) -> Iterator[str]:
    """What is wrong with what was sent."""
    for request in service.requests:
        try:
            messages = request.json["messages"]
        except (ValueError, KeyError, UnicodeDecodeError) as exc:
            yield f"a body that is no request: {exc!r}"
            continue
        for part in (part for message in messages for part in message.get("content") or () if isinstance(part, dict)):
            if part["type"] != "input_audio":
                continue
            given = part["input_audio"]
            data = base64.b64decode(given["data"], validate=True)
            if sniff(data) != given["format"]:
                yield f"{given['format']} that is {sniff(data)}"
            if tried.sound is not None and data != tried.sound and (wav.read(data) is None or data[:4] != b"RIFF"):
                yield "a converted recording that is no WAV"


def _envelope(out: bytes) -> bool:
    """Whether it is what a failure with --json prints."""
    return out.startswith(b'{"version": 1') and json.loads(out)["status"] == "error"


def _left(folder: Path) -> list[str]:
    """Temporary files that are still there."""
    return [path.name for path in folder.rglob("*") if path.name.endswith(".part") or path.parent.name == "temporary"]


# --- the process

_ANSWERS: tuple[Answer, ...] = (
    completion("Yes, it is.", wav.wrap(PCM)),
    completion("Yes, it is.", wav.wrap(PCM)),
    completion(content="Yes, in text."),
    completion("Half a character: \ud83d", wav.wrap(PCM)),
    error(400, "unsupported_format", "The data provided for 'input_audio' is not of valid mp3 format"),
)


@cache
def authority() -> str:
    """A certificate to trust."""
    import certifi

    end = "-----END CERTIFICATE-----\n"
    text = certifi.contents()
    return text[: text.index(end) + len(end)]


def _prepare(tried: Case, folder: Path, service: Service, patch: pytest.MonkeyPatch) -> None:
    """A working directory and an environment for a case alone."""
    for name in list(os.environ):
        if name.startswith(("AZURE_", "OPENAI_", "AUDIOCHAT_", "XDG_")) or name.upper().endswith("_PROXY"):
            patch.delenv(name)
    for name in ("home", "work"):
        (folder / name).mkdir()
    for name in ("HOME", "USERPROFILE", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        patch.setenv(name, str(folder / "home"))
    settings = {"OPENAI_BASE_URL": f"{service.url}/v1", "OPENAI_API_KEY": CANARY, "AUDIOCHAT_PROVIDER": "openai"}
    settings["SSL_CERT_FILE"] = str(folder / "authority.pem")  # one: to read them all would be most of the time
    (folder / "authority.pem").write_text(authority(), encoding="ascii")
    for variable, value in {**settings, **tried.env}.items():
        if value is not None:
            patch.setenv(variable, value)
    patch.chdir(folder / "work")
    for name, data in tried.files.items():
        with contextlib.suppress(OSError, ValueError):  # names that this system does not have
            Path(name).write_bytes(data)
    if tried.page is not None:
        session = folder / "home" / "audiochat" / "sessions" / "s"
        session.mkdir(parents=True)
        (session / "session.json").write_bytes(tried.page)
        for name in ("turn-1-in-1.wav", "turn-1.wav", "turn-2.wav"):
            (session / name).write_bytes(wav.wrap(PCM))


def _run(tried: Case, patch: pytest.MonkeyPatch) -> Ran:
    """The command line in this process, its streams being pipes."""
    from audiochat.__main__ import run as run_audiochat

    streams = {"stdin": io.BytesIO(tried.stdin), "stdout": io.BytesIO(), "stderr": io.BytesIO()}
    with patch.context() as streamed:
        for name, raw in streams.items():
            wrapper = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)
            streamed.setattr(sys, name, wrapper)
        code = run_audiochat(list(tried.arguments))
        return Ran(code, streams["stdout"].getvalue(), streams["stderr"].getvalue().decode())


def run(family: str, seed: int, service: Service) -> tuple[Case, Ran, list[str]]:
    """Run a case; what it did, and what of that is wrong."""
    tried = case(family, seed)
    service.requests.clear()
    service.answer(random.Random(seed).choice(_ANSWERS))
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name).resolve()
        (folder / "temporary").mkdir()
        patch.setattr(tempfile, "tempdir", str(folder / "temporary"))
        _prepare(tried, folder, service, patch)
        faulthandler.dump_traceback_later(DEADLINE, exit=True)
        try:
            ran = _run(tried, patch)
        finally:
            faulthandler.cancel_dump_traceback_later()
            os.chdir(folder.parent)
        return tried, ran, list(broken(tried, ran, service, folder))


def main() -> None:
    """Run some cases; tell about each on a line of JSON, the last of which is what was under way when it hangs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int, nargs="?", default=1)
    parser.add_argument("--show", action="store_true", help="what was run, and what came of it")
    asked = parser.parse_args()

    def tell(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    with running() as service:
        for seed in range(asked.first, asked.first + asked.count):
            tell(json.dumps({"seed": seed}))
            tried, ran, wrong = run(asked.family, seed, service)
            told = ran.err[:500] if wrong else ""
            tell(json.dumps({"seed": seed, "code": ran.code, "wrong": wrong, "stderr": told}))
            if asked.show:
                tell(ascii(tried)[:20_000])
                tell(ascii(ran)[:20_000])


if __name__ == "__main__":
    main()
