"""Nothing that anybody says does anything to a terminal: real ones, and everybody who gets a word in."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.command_line import CANARY
from support.service import DONE, PCM, Answer, completion, error, event, sound_events, stream

from audiochat.audio import wav
from audiochat.cli.sanitize import escape_control_chars, escape_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from support.command_line import CommandLine
    from support.service import Service

    Tried = Callable[..., None]

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal to look at"),
]

WAV = wav.wrap(PCM)
WIDE = 30_000
"""Columns of a terminal on which nothing is wrapped."""

HOSTILE = {
    "clear the screen": "\x1b[2J\x1b[H",
    "the same in C1": "\x9b2J\x9bH",
    "the clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "the clipboard, in C1": "\x9d52;c;ZXZpbA==\x9c",
    "a link": "\x1b]8;;http://x.test\x1b\\here\x1b]8;;\x1b\\",
    "the title": "\x1b]0;owned\x07",
    "a report of the title": "\x1b[21t",
    "a report of the cursor": "\x1b[6n",
    "who are you": "\x1b[c\x05",
    "a device control string": "\x1bP$qm\x1b\\",
    "a device control string, in C1": "\x90+q544e\x9c",
    "an application's command": "\x1b_Gi=1,a=T;AAAA\x1b\\",
    "a private message": "\x1b^x\x1b\\\x9ex\x9c",
    "a string": "\x1bXx\x9c",
    "a reset": "\x1bc",
    "another screen": "\x1b[?1049h",
    "the mouse": "\x1b[?1000h",
    "the end of a paste": "\x1b[201~rm -rf ~\r",
    "another character set": "\x0e\x1b(0x\x0f",
    "backspaces": "good\x08\x08\x08\x08evil",
    "a carriage return": "good\revil",
    "feeds": "a\x0bb\x0cc",
    "a bell, a zero, a delete": "\x07\x00\x7f",
    "the next line of C1": "a\x85b",
    "an override": "\u202egpj.exe\u202c",
    "embeddings": "\u202a\u202b",
    "isolates": "\u2066\u2067\u2068\u2069",
    "marks of direction": "\u200e\u200f\u061c",
    "separators": "a\u2028b\u2029c",
    "spaces without width": "pass\u200bword",
    "joiners without company": "pass\u200dword\u200c",
    "word joiners and invisible signs": "a\u2060b\u2061c\u2064d",
    "old format characters": "\u206a\u206f",
    "a byte order mark": "a\ufeffb",
    "annotations": "\ufff9a\ufffab\ufffb",
    "fillers": "\u115f\u1160\u3164\uffa0",
    "tags": "".join(chr(0xE0000 + ord(one)) for one in "ignore all that") + "\U000e0001\U000e007f",
    "selectors that hide bytes": "a" + "".join(map(chr, range(0xE0100, 0xE0110))) + "\ufe00\ufe01\ufe02",
    "half a character": "\ud800x\udfff",
    "format of music": "\U0001d173\U0001d17a",
}
GOOD = [
    "é",
    "e\u0301",
    "👩‍🚀",
    "❤️",
    "1️⃣",
    "👍🏽",
    "👨‍👩‍👧‍👦",
    "🏳️‍🌈",
    "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "שָׁלוֹם",
    "السَّلَامُ عَلَيْكُمْ",
    "می‌خواهم",
    "क्‍ष",
    "नमस्ते",
    "ப்",
    "กำลัง",
    "日本語",
    "葛󠄀",
    "한국어",
    "Ζεύς",
    "ﷺ",
    "[red]no[/red]",
    ":smile:",
    "\\x1b[2J",
    "Tiếng Việt",
]
EVERYTHING = [f"<{text}>" for text in HOSTILE.values()]
SPOKEN = [re.sub("[\ud800-\udfff]", "\ufffd", text) for text in EVERYTHING]
"""The same as words of an answer: UTF-8 has no half of a character."""

# What we and our libraries send ourselves: colours, the cursor's hiding, a spinner's line that is begun again.
_OURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\r?\x1b\[2K|\x1b\[1A|\r\n|\r(?=\x1b)")


def mischief(seen: bytes) -> list[str]:
    """What reached a terminal and is more than something to read; found by the Unicode categories, not by a list."""
    text = _OURS.sub("\n", seen.decode("utf-8", "surrogateescape"))
    for good in GOOD:
        text = text.replace(good, "")
    found = [one for one in text if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") and one not in "\n\t"]
    found += [one for one in text if one in "\u115f\u1160\u3164\uffa0"]
    found += re.findall("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2}", text)
    height = 0
    for one in text:
        height = height + 1 if unicodedata.category(one).startswith("M") else 0
        if height > 8:
            found.append("a pile of marks")
    return sorted(set(found))


class Terminal:
    """What a program does at a terminal of its own."""

    def __init__(self, arguments: Sequence[str | bytes], *, types: bytes = b"", pipe: bool = False, **env: str) -> None:
        import fcntl
        import pty
        import termios

        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, WIDE, 0, 0))
        plain = termios.tcgetattr(side)
        plain[3] &= ~termios.ECHO
        termios.tcsetattr(side, termios.TCSANOW, plain)
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(WIDE), "PROMPT_TOOLKIT_NO_CPR": "1", **env}
        process = subprocess.Popen(
            [sys.executable, "-m", "audiochat", *arguments],
            stdin=side,
            stdout=subprocess.PIPE if pipe else side,
            stderr=side,
            env=environment,
        )
        os.close(side)
        os.write(main, types)
        self.seen = b""
        while True:
            try:
                block = os.read(main, 65_536)
            except OSError:  # how Linux tells that the other side is closed
                break
            if not block:
                break
            self.seen += block
        os.close(main)
        self.piped = process.stdout.read() if process.stdout else b""
        self.code = process.wait(timeout=60)
        assert b"A bug in audiochat" not in self.seen
        assert CANARY.encode() not in self.seen


def check(seen: bytes, texts: Sequence[str] = EVERYTHING) -> None:
    """Nothing happened, and each of the texts can be read as it is spelled out."""
    assert mischief(seen) == []
    shown = _OURS.sub("\n", seen.decode()).replace("\n", "")
    for text in texts:
        spelled = escape_control_chars(text.replace("\r\n", "\n")).replace("\n", "")
        assert spelled in shown, (text, spelled)


def test_the_look_finds_every_mischief(tried: Tried) -> None:
    """A check that could not fail would be none."""
    for name, text in HOSTILE.items():
        assert mischief(text.encode("utf-8", "surrogatepass")) != [], name
    assert mischief(("a" + "\u0301" * 10_000).encode()) == ["a pile of marks"]
    for text in GOOD:
        assert mischief(text.encode()) == [], text
    tried("terminals", 0)


@pytest.mark.parametrize("text", GOOD)
def test_what_is_written_somewhere_can_be_read(text: str) -> None:
    """Letters of all scripts, and emoji of many characters, are not spelled out."""
    assert escape_control_chars(text) == text
    assert escape_control_chars(f"a {text} b{text}.") == f"a {text} b{text}."


_ANY = st.text(max_size=40) | st.lists(st.sampled_from([*HOSTILE.values(), *GOOD, "a", " ", "\u0301"])).map("".join)


@settings(max_examples=600, deadline=None)
@given(_ANY)
@example("".join(HOSTILE.values()))
@example("a" + "\u0301" * 10_000)
@example("\U0001f3f4" + "\U000e0067" * 3)
@example("\u200d" * 100)
def test_no_text_does_anything(text: str) -> None:
    """Whatever it is made of: in lines, on one line, and in JSON, which stays what it was."""
    look = {"Cc", "Cs", "Zl", "Zp"}
    for safe in (
        escape_control_chars(text),
        escape_control_chars(text, lines=False),
        escape_json(json.dumps(text, ensure_ascii=False)),
    ):
        assert not [one for one in safe if unicodedata.category(one) in look and one not in "\n\t"]
        assert not set(safe) & set("\u202e\u2066\u200b\u200e\u200f\u2060\ufeff\U000e0001")
    assert "\n" not in escape_control_chars(text, lines=False)
    assert json.loads(escape_json(json.dumps(text, ensure_ascii=False))) == text


# --- transcripts


def _split(text: str) -> Iterator[str]:
    """Every character by itself, so that no sequence comes in one piece."""
    yield from text


WORDS = "\n".join([*EVERYTHING, *GOOD]) + "\n"
SAID = "\n".join([*SPOKEN, *GOOD]) + "\n"
AT_ONCE = completion(WORDS, WAV)


def in_pieces() -> Answer:
    """The same, a character at a time."""
    events = sound_events(PCM)
    words = b"".join(event({"audio": {"id": "audio_abc", "transcript": one}}) for one in _split(WORDS))
    return stream([events[0], words, *[one for one in events[1:] if b'"transcript"' not in one]])


def in_text() -> Answer:
    """The same in text alone, in pieces of three."""
    pieces = [WORDS[start : start + 3] for start in range(0, len(WORDS), 3)]
    return stream([b"".join(event({"content": one}) for one in pieces), DONE])


@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
@pytest.mark.parametrize("answer", [AT_ONCE, in_pieces(), in_text()], ids=["at once", "in pieces", "in text"])
def test_a_transcript_does_nothing(answer: Answer, terminal: str, openai: Service, dog: Path, tried: Tried) -> None:
    """Whole, or split in the middle of every sequence: it is spelled out; letters and emoji are there as they are."""
    openai.answer(answer)
    text = ("--text-only",) if answer is not AT_ONCE and b"content" in b"".join(answer.pieces or [])[400:] else ()
    command = ["analyze", str(dog), *text] if text else ["speak", "hi"]
    at = Terminal(command, TERM=terminal)
    assert at.code == 0
    check(at.seen, SPOKEN)
    for good in GOOD:
        assert good in at.seen.decode(), good
    tried("terminals", len(HOSTILE) + len(GOOD))


def test_a_pipe_gets_a_transcript_as_it_was_sent(openai: Service, cli: CommandLine, tried: Tried) -> None:
    """Byte for byte, but for halves of characters, which UTF-8 does not have."""
    openai.answer(AT_ONCE)
    assert cli("speak", "hi").out == SAID.encode()
    tried("terminals", len(HOSTILE))


def test_json_on_a_terminal_is_harmless_and_json(openai: Service, tried: Tried) -> None:
    """The object has the transcript as it was sent, and nothing of it works on the terminal."""
    openai.answer(AT_ONCE)
    at = Terminal(["speak", "hi", "--json", "-q"])
    assert mischief(at.seen) == []
    assert json.loads(at.seen)["transcript"] == SAID
    tried("terminals", len(HOSTILE))


def test_words_beside_the_sound_do_nothing(openai: Service, tried: Tried) -> None:
    """With the sound in a pipe, the words are on a terminal that is stderr."""
    openai.answer(AT_ONCE)
    at = Terminal(["speak", "hi", "-o", "-"], pipe=True)
    assert (at.code, at.piped[:4]) == (0, b"RIFF")
    check(at.seen, SPOKEN)
    tried("terminals", len(HOSTILE))


# --- errors


def _few(size: int = 200) -> Iterator[list[str]]:
    """The hostile texts, a few at a time: messages are cut when they are long."""
    part: list[str] = []
    for text in EVERYTHING:
        if sum(map(len, part)) + len(text) > size:
            yield part
            part = []
        part.append(text)
    yield part


_FEW = list(_few())


@pytest.mark.parametrize("number", range(len(_FEW)))
def test_an_error_does_nothing(number: int, openai: Service, tried: Tried) -> None:
    """Message, code, reason, headers and body of an error, with --debug too."""
    said = "".join(_FEW[number])
    header = "".join(one for one in said if ord(one) > 0xA0 or one.isprintable()).encode("utf-8", "replace")
    headers = {
        "x-request-id": header.decode("latin-1"),
        "x-told": "\x9b31m \x9d52;c;eA==\x9c \x85",
        "location": "\x9bx",
    }
    openai.answer(error(400, said, said, headers=headers, **{said: said}))
    at = Terminal(["speak", "hi", "--debug", "-o", "a.wav"])
    assert at.code == 4
    assert mischief(at.seen) == []
    assert escape_control_chars(" ".join(said.split()), lines=False) in at.seen.decode()
    at = Terminal(["doctor", "--yes"])
    assert mischief(at.seen) == []
    tried("terminals", 2 * len(_FEW[number]))


@pytest.mark.parametrize(
    "answer",
    [
        lambda said: Answer(said.encode("utf-8", "replace"), 400, {"Content-Type": "text/plain"}),
        lambda _: Answer(b"", 302, {"Location": "https://x.test/\x9b2J\x9d52;c;eA==\x9c"}),
        lambda _: Answer(b"HTTP/1.1 400 \x1b]52;c;eA==\x07\x9b2J\r\nConnection: close\r\n\r\n", raw=True),
        lambda _: Answer(b"\x1b]52;c;eA==\x07\x9b2J\r\n\r\n", raw=True),
        lambda said: stream([b"data: " + json.dumps({"error": {"message": said, "code": said}}).encode() + b"\n\n"]),
        lambda said: stream([event({"audio": {"id": said, "transcript": said}}, model=said)]),
        lambda said: completion("Yes.", WAV, model=said, id=said),
        lambda said: completion("Yes.", b"no sound", model=said),
    ],
    ids=["text", "a redirect", "a reason", "no HTTP", "an event", "a cut stream", "a model", "no sound"],
)
def test_an_odd_answer_does_nothing(answer: Callable[[str], Answer], openai: Service, tried: Tried) -> None:
    """Whatever part of an answer is hostile, with --debug, where all of it is shown."""
    openai.answer(answer("".join(EVERYTHING)))
    at = Terminal(["speak", "hi", "--debug", "--retries", "0"])
    assert mischief(at.seen) == []
    assert at.code in (0, 4, 5)
    tried("terminals", len(HOSTILE))


# --- names


def _as_names(texts: Sequence[str]) -> list[bytes]:
    """As a file can be called: neither a slash nor a zero, not too long, and not UTF-8 where it need not be."""
    name = "".join(texts).replace("/", "").replace("\0", "").encode("utf-8", "surrogatepass")[:240]
    return [name, name[:100] + b"\xff\xfe\x9b2J"]


def test_names_of_files_do_nothing(openai: Service, tried: Tried) -> None:
    """Missing ones, folders, and those that are written: in errors and in notes."""
    openai.answer(completion("Yes.", WAV))
    for texts in _few(150):
        plain, odd = _as_names(texts)
        commands: list[list[str | bytes]] = [
            ["analyze", plain],
            ["analyze", odd],
            ["speak", "hi", "-o", plain + b".m4a"],
            ["speak", "hi", "-s", b"@" + odd],
        ]
        for arguments in commands:
            at = Terminal(arguments)
            assert mischief(at.seen) == [], arguments
            assert at.code in (0, 2, 6), at.seen
        tried("terminals", 4 * len(texts))


@pytest.mark.parametrize(
    "arguments",
    [
        ["{}"],
        ["speak", "hi", "--{}"],
        ["speak", "hi", "-f", "{}"],
        ["speak", "hi", "-v", "{}"],
        ["speak", "hi", "-m", "{}", "--debug"],
        ["speak", "hi", "--provider", "{}"],
        ["speak", "hi", "--param", "{}"],
        ["speak", "hi", "--env-file", "{}"],
        ["speak", "{}", "--debug"],
        ["converse", "-t", "{}", "--debug", "--session", "s"],
        ["converse", "-t", "hi", "--session", "{}"],
        ["sessions", "show", "{}"],
        ["sessions", "export", "x", "-f", "{}"],
    ],
    ids=" ".join,
)
def test_arguments_do_nothing(arguments: list[str], openai: Service, tried: Tried) -> None:
    """Whoever is talked into pasting a command line sees what it holds."""
    openai.answer(completion("Yes.", WAV))
    said = "".join(EVERYTHING).replace("\0", "").encode("utf-8", "replace").decode()
    at = Terminal([word.replace("{}", said) for word in arguments])
    assert mischief(at.seen) == []
    assert at.code in (0, 2, 3, 6)
    tried("terminals", len(HOSTILE))


def test_settings_of_a_strangers_file_do_nothing(openai: Service, tried: Tried) -> None:
    """In what the doctor tells, and in what it asks before anything is paid for."""
    said = "".join(EVERYTHING).replace("\r", "").replace("\n", "").replace("\0", "").encode("utf-8", "replace").decode()
    Path(".env").write_text(
        "".join(
            f'{name}="{said.replace(chr(92), chr(92) * 2)}"\n'
            for name in ("AUDIOCHAT_MODEL", "OPENAI_API_VERSION", "AUDIOCHAT_VOICE", "AUDIOCHAT_LOCAL_LLM")
        )
        + 'AUDIOCHAT_LOCAL_STT="one\nFAILURE  forged: line"\n',
        encoding="utf-8",
    )
    at = Terminal(["doctor"], types=b"n\n", AUDIOCHAT_PROVIDER="openai")
    assert b"Send a request to" in at.seen
    assert mischief(at.seen) == []
    assert b"\nFAILURE  forged" not in at.seen
    for arguments in (["speak", "hi"], ["speak", "hi", "--provider", "local"]):
        openai.answer(completion("Yes.", WAV))
        assert mischief(Terminal(arguments).seen) == []
    tried("terminals", 3 * len(HOSTILE))


def test_what_az_says_does_nothing(service: Service, az: Path, tried: Tried) -> None:
    """The sign-in's own program may say anything, on stdout and stderr."""
    said = "".join(EVERYTHING).replace("\0", "").replace("'", "").encode("utf-8", "replace")
    for script in (b"printf '%%s' '%s' >&2; exit 1", b"printf '%%s' '%s'", b"echo 'ERROR: AADSTS1: %s' >&2; exit 1"):
        (az / "az").write_bytes(b"#!/bin/sh\n" + script % said.replace(b"%", b"") + b"\n")
        at = Terminal(["speak", "hi", "--debug"], AZURE_OPENAI_ENDPOINT=service.url)
        assert at.code == 3
        assert mischief(at.seen) == []
        tried("terminals", len(HOSTILE))


def test_tags_of_a_recording_do_nothing(openai: Service, tried: Tried) -> None:
    """What a file says of itself, to libraries that like to talk."""
    import av

    openai.answer(completion("Yes.", WAV))
    said = "".join(EVERYTHING).replace("\0", "").encode("utf-8", "replace").decode()
    for name in ("a.ogg", "a.mp3", "a.flac"):
        with av.open(name, "w") as container:
            container.metadata.update({"title": said, "artist": said})
            track: Any = container.add_stream({"a.ogg": "libopus", "a.mp3": "mp3", "a.flac": "flac"}[name], rate=24_000)
            frame = av.AudioFrame(format="s16", layout="mono", samples=4800)
            frame.rate = 24_000
            frame.planes[0].update(bytes(9600))
            for resampled in av.AudioResampler(
                format=track.format.name, layout=track.layout.name, rate=24_000
            ).resample(frame):
                container.mux(track.encode(resampled))
            container.mux(track.encode(None))
        data = Path(name).read_bytes()
        Path(f"broken-{name}").write_bytes(data[: len(data) - 200] + b"\x1b]52;c;eA==\x07" * 50)
        for one in (name, f"broken-{name}"):
            at = Terminal(["analyze", one, "--debug"])
            assert mischief(at.seen) == []
            tried("terminals")


# --- conversations


def _session(home: Path) -> None:
    """A session that somebody made up."""
    said = "".join(SPOKEN)
    folder = home / "data" / "audiochat" / "sessions" / "evil"
    folder.mkdir(parents=True)
    (folder / "turn-1-in-1.wav").write_bytes(WAV)
    turn: dict[str, Any] = {
        "text": said, "recordings": [{"file": "turn-1-in-1.wav", "name": said}], "transcript": SAID, "audio": None,
        "audio_id": None, "expires_at": None, "origin": said, "model": said, "request_id": said,
        "finish_reason": said, "usage": {}, "answered_at": 1_780_693_555,
    }  # fmt: skip
    page = {"version": 1, "name": said, "created_at": 1_780_693_555, "system": said, "turns": [turn]}
    (folder / "session.json").write_text(json.dumps(page), encoding="utf-8")


@pytest.mark.parametrize(
    "arguments", [["list"], ["show", "evil"], ["export", "evil"], ["export", "evil", "-f", "json"]], ids=" ".join
)
def test_a_made_up_session_does_nothing(arguments: list[str], home: Path, cli: CommandLine, tried: Tried) -> None:
    """Its words, names and models: harmless on a terminal, and as they are in a pipe."""
    _session(home)
    at = Terminal(["sessions", *arguments])
    assert at.code == 0
    assert mischief(at.seen) == []
    ran = cli("sessions", *arguments)
    assert (ran.code, ran.err) == (0, "")
    if arguments[0] != "list":
        told = ran.out.decode()
        assert escape_control_chars("\x1b]52;c;ZXZpbA==\x07") in at.seen.decode().replace("\\u00", "\\x")
        said = json.loads(told)["turns"][0]["transcript"] if "json" in arguments else told
        assert "\u202egpj" in said
    tried("terminals", len(HOSTILE))


def test_the_prompt_does_nothing(home: Path, openai: Service, tried: Tried) -> None:
    """Names of recordings, what was said before (arrow up), system messages and answers, at the prompt of converse."""
    _session(home)
    name = "".join(EVERYTHING).replace("/", "").replace("\0", "").replace("\n", "").replace("\r", "")[:60]
    Path(name).write_bytes(WAV)
    openai.answer(AT_ONCE)
    typed = b"\x1b[A\x01/help\x0b\r/system\r/usage\r/save \x16\x1b[2J.wav\r/nonsense\r\x1b[A\x03/quit\r"
    at = Terminal(["converse", name, "--session", "evil"], types=typed)
    assert at.code == 0
    text = at.seen.decode("utf-8", "replace")
    for bad in (
        "\x9b",
        "\x9d",
        "\x1b]52",
        "\x1b]8;",
        "\x1bP",
        "\x1b[2J\x1b[H\x1b",
        "\u202e",
        "\u2066",
        "\u200b",
        "\U000e0001",
    ):
        assert bad not in text
    assert escape_control_chars(name)[:20] in text
    tried("terminals", len(HOSTILE))
