"""Bad input of every kind: taken whole, or refused in a few words; never a traceback, a hang or memory without end.

The named cases are those of `corpus.py`; the thousands are made, and run in processes of their own, by `hostile.py`.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import wave
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import SUPPORT, hostile
from support.command_line import CANARY
from support.corpus import KINDS, LIMIT, PLAIN, PLAYLISTS, SAMPLES, SOUNDS, id3, made, playlist, sun
from support.measured import measured
from support.service import PCM, Answer, Service, completion, sound_events, stream

from audiochat.audio import wav
from audiochat.chat.completion import parse_completion
from audiochat.chat.recordings import for_sending
from audiochat.chat.reply import Reply
from audiochat.chat.sessions import SessionStore
from audiochat.chat.stream import StreamAssembly
from audiochat.errors import AudiochatError, BrokenAnswerError, FileError, RefusedError
from audiochat.spool import SpooledBytes
from audiochat.transport import service_errors
from audiochat.transport.asked_to_wait import asked_to_wait
from audiochat.transport.streaming_json import StreamingJson

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.command_line import CommandLine
    from support.corpus import Sound

    Tried = Callable[..., None]

pytestmark = pytest.mark.reliability

WAV = wav.wrap(PCM)
CATEGORY = "bad input"
AUDIOCHAT = ["-m", "audiochat"]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="FIFOs and devices are what POSIX alone has")
MOMENT = 20.0
"""Seconds that an end may take on a machine that does much else."""
MEGABYTES = 300
"""Of memory, at most, whatever comes."""
REAL_TEMPORARY = tempfile.gettempdir()


@pytest.fixture(autouse=True)
def few_authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One certificate to trust: reading those of the whole world would be half of the time of these tests."""
    authority = tmp_path / "authority.pem"
    authority.write_text(hostile.authority(), encoding="ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))


def refused(ran: Any, code: int, *words: str) -> None:
    """The run failed as it should: one error, of two or three lines, with these words."""
    assert ran.code == code, ran.err[-500:]
    assert ran.out == b""
    lines = ran.err.splitlines()
    assert 2 <= len(lines) <= 3, ran.err[-500:]
    assert [line.startswith("audiochat: ") for line in lines] == [True, *[False] * (len(lines) - 1)]
    for word in words:
        assert word in ran.err


def sent_sound(service: Service) -> tuple[str, bytes]:
    """The format and the bytes of the recording in the last request."""
    (part,) = [part for part in service.last.json["messages"][-1]["content"] if part["type"] == "input_audio"]
    return part["input_audio"]["format"], base64.b64decode(part["input_audio"]["data"], validate=True)


def has_true_sizes(data: bytes) -> bool:
    """Whether a WAV file that ends in its samples tells their size, whole frames of them, and its own."""
    at, (frame,) = data.index(b"data"), struct.unpack_from("<H", data, data.index(b"fmt ") + 20)
    (riff,), (size,) = struct.unpack_from("<I", data, 4), struct.unpack_from("<I", data, at + 4)
    return bool(riff == len(data) - 8 and size == len(data) - at - 8 and size % frame == 0)


def written(name: str, data: bytes) -> Path:
    """A file in the working directory, where this system has such a name."""
    path = Path(name)
    if sys.platform == "win32" and (":" in name or name != name.strip()):
        pytest.skip("Windows takes such a name for another")
    try:
        path.write_bytes(data)
    except (OSError, ValueError):
        pytest.skip("there is no such name on this system")
    return path


# --- recordings


@pytest.mark.parametrize("way", ["file", "stdin"])
@pytest.mark.parametrize("sound", SOUNDS, ids=lambda sound: sound.name)
def test_a_recording_is_sent_or_refused(
    sound: Sound, way: str, cli: CommandLine, openai: Service, tried: Tried
) -> None:
    """What the API takes goes byte for byte, with true sizes, what can be read as WAV; the rest is refused, unsent."""
    tried(CATEGORY)
    openai.answer(completion(content="A dog."))
    data = sound.make()
    if way == "file":
        Path(sound.file).write_bytes(data)
        ran = cli("analyze", sound.file, "--text-only")
    else:
        ran = cli("analyze", "-", "--text-only", stdin=data)
    if sound.outcome == "refused":
        refused(ran, 6, sound.file if way == "file" else "stdin")
        assert openai.requests == []
        return
    assert (ran.code, ran.out) == (0, b"A dog.\n")
    format_, given = sent_sound(openai)
    if sound.outcome == "as it is":
        assert given == data
        assert format_ == ("mp3" if "MP3" in sound.name.upper() else "wav")
        return
    assert format_ == "wav"
    if sound.outcome == "mended":
        assert has_true_sizes(given)
        assert given[8:40] == data[8:40]
        return
    with wave.open(io.BytesIO(given)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert file.getnframes() > 1_000


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_file_that_names_another_opens_nothing(name: str, cli: CommandLine, openai: Service, tried: Tried) -> None:
    """Neither a file of the user's nor an address: what a stranger's recording asks for is not fetched."""
    tried(CATEGORY, 6)
    secret = Path("secret.wav").resolve()
    secret.write_bytes(WAV)
    for target in (
        str(secret),
        secret.as_uri(),
        "secret.wav",
        f"concat:{secret}",
        f"{openai.url}/secret.wav",
        "subfile:x",
    ):
        Path("dog.wav").write_bytes(playlist(name, target))
        refused(cli("analyze", "dog.wav"), 6, "dog.wav")
    assert openai.requests == []


@pytest.mark.parametrize(
    ("name", "make", "format_"),
    [
        ("WAV of the limit", lambda: wav.wrap(bytes(LIMIT - 44)), "wav"),
        ("WAV of a byte more", lambda: wav.wrap(bytes(LIMIT - 44)) + b"\0", "mp3"),
        ("MP3 of the limit", lambda: (b"\xff\xfb\x90\x00".ljust(417, b"\0") * (LIMIT // 417 + 1))[:LIMIT], "mp3"),
        ("Sun audio that fits as WAV", lambda: sun(24_000, (LIMIT - 44) // 2), "wav"),
        ("Sun audio that does not", lambda: sun(24_000, LIMIT // 2), "mp3"),
        ("MP3 behind a tag of the limit", lambda: id3(LIMIT) + made(PLAIN["mp3"], 0.5), "mp3"),
    ],
)
@pytest.mark.parametrize("way", ["file", "stdin"])
def test_the_largest_recordings(
    name: str, make: Callable[[], bytes], format_: str, way: str, openai: Service, tried: Tried
) -> None:
    """20,000,000 bytes go as they are, a byte more is made smaller; and the memory stays small."""
    tried(CATEGORY)
    openai.answer(completion(content="Silence."))
    data = make()
    Path("large").write_bytes(data)
    if way == "file":
        ran = measured([*AUDIOCHAT, "analyze", "large", "--text-only"])
    else:
        with Path("large").open("rb") as file:
            ran = measured([*AUDIOCHAT, "analyze", "--text-only"], stdin=file)
    assert (ran.code, ran.out, ran.err) == (0, b"Silence.\n", ""), name
    assert ran.megabytes < MEGABYTES
    given_format, given = sent_sound(openai)
    assert given_format == format_
    assert (given == data) is (len(data) == LIMIT)
    assert len(given) <= LIMIT


@pytest.mark.parametrize(
    "prompt", ["a", "\0", "\n", "\0" * 3_999_990 + "\U0001f415"], ids=lambda prompt: ascii(prompt[-1])
)
def test_the_largest_texts(prompt: str, openai: Service, tried: Tried) -> None:
    """4,000,000 bytes are sent, whatever they are as JSON, and the memory stays small; a byte more is refused."""
    tried(CATEGORY, 2)
    openai.answer(completion("Yes.", WAV))
    prompt = prompt * 3_999_990 if len(prompt) == 1 else prompt
    prompt += "x" * (4_000_000 - len(prompt.encode()))
    ran = measured([*AUDIOCHAT, "speak", "-o", "x.wav"], stdin=prompt.encode())
    assert ran.code == 0, ran.err
    assert ran.megabytes < MEGABYTES
    assert openai.last.json["messages"] == [{"role": "user", "content": prompt}]
    ran = measured([*AUDIOCHAT, "speak", "-o", "x.wav"], stdin=prompt.encode() + b"x")
    refused(ran, 6, "stdin is more text than any model reads")
    assert len(openai.requests) == 1


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"RIFF\0\0\0\0WAVE", bytes(8)),
        (b"RIFF\0\0\0\0WAVE", b"abcd\0\0\0\0"),
        (b"", b"\0\0\0\x08free"),
        (b"#!AMR\n", b"\x7f" * 8),
        (b"ID3\4\0\0\0\0\0\0", b"ID3\4\0\0\0\0\0\0"),
        (b"", b"OggS"),
        (b"", b"\xff\xfb\x90\x00"),
        (b"\x1a\x45\xdf\xa3", bytes(8)),
    ],
    ids=[
        "WAV of empty chunks",
        "WAV of named chunks",
        "MP4 of empty boxes",
        "AMR of nothing",
        "tags",
        "pages",
        "frames",
        "EBML",
    ],
)
def test_millions_of_empty_parts_do_not_take_long(head: bytes, more: bytes, openai: Service, tried: Tried) -> None:
    """A file that consists of nothing else is given up soon."""
    tried(CATEGORY)
    Path("dog.wav").write_bytes(head + more * (6_000_000 // len(more)))
    started = time.monotonic()
    ran = measured([*AUDIOCHAT, "analyze", "dog.wav"])
    refused(ran, 6, "not audio")
    assert time.monotonic() - started < MOMENT
    assert ran.megabytes < MEGABYTES
    assert openai.requests == []


class _Failing(io.BytesIO):
    """A disk with a broken sector."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 100_000:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_disk_that_fails_is_no_end_of_the_recording() -> None:
    """Half of a recording is not taken for the whole."""
    with pytest.raises(FileError, match="cannot be read whole: Input/output error"):
        for_sending(_Failing(made(KINDS["aiff"], 2.0)), name="x")


@POSIX
def test_a_damaged_recording_prints_nothing_of_the_librarys(process: CommandLine, openai: Service) -> None:
    """FFmpeg seeks where no file goes; PyAV would print a traceback."""
    guid = b"\xf3\xac\xd3\x11\x8c\xd1\0\xc0O\x8e\xdb\x8a"
    lying = b"fmt!" + guid + (1 << 62).to_bytes(8, "little")
    head = b"riff.\x91\xcf\x11\xa5\xd6(\xdb\x04\xc1\0\0" + bytes(8) + b"wave" + guid
    for data in (head + lying * 20, head + lying.replace(b"\0@", b"\xff\xff") * 20):
        Path("dog.wav").write_bytes(data + bytes(5_000))
        refused(process("analyze", "dog.wav"), 6, "dog.wav is not audio")
    assert openai.requests == []


# --- what has no end, and what does not begin


@POSIX
@pytest.mark.parametrize(
    ("arguments", "source", "words"),
    [
        (["analyze", "-"], "/dev/zero", "stdin goes on for more than a gigabyte"),
        (["analyze", "/dev/urandom"], None, "/dev/urandom goes on for more than a gigabyte"),
        (["speak"], "/dev/zero", "stdin is more text than any model reads"),
        (["speak", "Sum up:", "-"], "/dev/zero", "stdin is more text than any model reads"),
        (["analyze", "dog.wav", "-"], "/dev/zero", "stdin is more text than any model reads"),
        (["converse", "--no-save", "--text-only"], "/dev/zero", "a line of stdin is more text than any model reads"),
        (["speak", "hi", "-s", "@/dev/zero"], None, "/dev/zero is more text than any model reads"),
        (["speak", "hi", "--env-file", "/dev/zero"], None, "/dev/zero is too large to be settings"),
    ],
)
@pytest.mark.usefixtures("dog")
def test_what_has_no_end_is_given_up(
    arguments: list[str], source: str | None, words: str, openai: Service, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """Exit 6, the memory stays small, the disk is free again, and nothing is sent."""
    tried(CATEGORY)
    if shutil.disk_usage(REAL_TEMPORARY).free < 4e9:
        pytest.skip("there is not enough room for temporary files")
    temporary = Path("temporary").resolve()
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with Path(source or os.devnull).open("rb") as stdin:
        ran = measured([*AUDIOCHAT, *arguments], stdin=stdin)
    refused(ran, 6, words)
    assert ran.megabytes < MEGABYTES
    assert list(temporary.iterdir()) == []
    assert openai.requests == []


def opened_for_writing(name: str, reader: subprocess.Popen[bytes]) -> int:
    """The writing end of a FIFO, as soon as somebody reads it."""
    deadline = time.monotonic() + MOMENT
    while True:
        try:
            end = os.open(name, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody does yet
            assert reader.poll() is None, "it ended without having read"
            assert time.monotonic() < deadline, "it does not read"
            time.sleep(0.02)
        else:
            os.set_blocking(end, True)
            return end


@POSIX
@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze", "fifo"],
        ["speak", "hi", "-s", "@fifo"],
        ["converse", "--no-save", "-t", "@fifo"],
        ["speak", "hi", "--env-file", "fifo"],
    ],
    ids=lambda arguments: arguments[0] + arguments[-2],
)
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("writer", [False, True], ids=["no writer", "a silent writer"])
def test_a_fifo_is_waited_for_until_somebody_stops_it(
    arguments: list[str], number: str, *, writer: bool, openai: Service, tried: Tried
) -> None:
    """Like cat: it waits for whoever writes, and ends at once at Ctrl-C or a signal, having sent nothing."""
    tried(CATEGORY)
    os.mkfifo("fifo")
    command = [sys.executable, *AUDIOCHAT, *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as waiting:
        end = None
        if writer:
            end = opened_for_writing("fifo", waiting)
        else:
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(1.5)
        waiting.send_signal(getattr(signal, number))
        out, err = waiting.communicate(timeout=MOMENT)
        if end is not None:
            os.close(end)
    assert waiting.returncode == (130 if number == "SIGINT" else 143)
    assert out == b""
    assert err in (b"Interrupted.\n", b"")
    assert openai.requests == []


@POSIX
@pytest.mark.parametrize(("written_", "code"), [(WAV, 0), (b"", 6)], ids=["a recording", "nothing"])
def test_what_comes_through_a_fifo_is_a_recording(written_: bytes, code: int, openai: Service, tried: Tried) -> None:
    """As from any file: `audiochat analyze <(record)`; a writer that writes nothing made an empty one."""
    tried(CATEGORY)
    openai.answer(completion(content="A dog."))
    os.mkfifo("fifo")
    command = [sys.executable, *AUDIOCHAT, "analyze", "fifo", "--text-only"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reading:
        with open(opened_for_writing("fifo", reading), "wb") as fifo:
            fifo.write(written_)
        out, err = reading.communicate(timeout=MOMENT)
    assert reading.returncode == code, err
    if code:
        assert b"fifo is empty" in err
        assert openai.requests == []
    else:
        assert out == b"A dog.\n"
        assert sent_sound(openai) == ("wav", WAV)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["analyze", "."], "is a folder, not a recording"),
        (["analyze", "sub/"], "is a folder, not a recording"),
        (["converse", "--no-save", "-t", "@."], "is a folder, not a recording"),
        (["converse", "--no-save", "-t", "What is @sub ?"], "is a folder, not a recording"),
        (["converse", "--no-save", "-t", "hi", "."], "is a folder, not a recording"),
        (["speak", "hi", "-s", "@."], "cannot be read"),
        (["speak", "hi", "--env-file", "."], "is a folder"),
        (["speak", "hi", "-o", "dog.wav/"], "cannot be made"),
        (["speak", "hi", "-o", "missing/deeper/"], "cannot be made"),
        (["speak", "hi", "-o", "dog.wav/out.wav"], "no folder"),
    ],
)
@pytest.mark.usefixtures("dog")
def test_a_folder_is_no_file(arguments: list[str], words: str, cli: CommandLine, openai: Service, tried: Tried) -> None:
    """Wherever a file is wanted, a folder is refused, before anything is sent."""
    tried(CATEGORY)
    Path("sub").mkdir()
    refused(cli(*arguments), 6, words)
    assert openai.requests == []
    assert sorted(path.name for path in Path().iterdir()) == ["dog.wav", "sub"]


# --- prompts


@pytest.mark.parametrize(
    "prompt",
    [
        "--",
        "-",
        "--help",
        "-o",
        "--output=x.wav",
        "-qqq",
        "--no-such-option",
        "a\0b",
        "\0" * 1_000,
        "\x1b[31mred\x1b[0m",
        "a\r\nb\rc",
        "  a  ",
        "\u202egnp.wav",
        "e" + "\u0301" * 1_000,
        "\U0001f415",
        "%s %n {} {0} $(id) `id`",
        '"\\"',
        "x" * 1_000_000,
        "犬" * 333_333,
        "\n" * 999_999 + "x",
    ],
    ids=lambda prompt: ascii(prompt[:20]),
)
def test_a_prompt_arrives_as_it_is(prompt: str, cli: CommandLine, openai: Service, tried: Tried) -> None:
    """Through stdin, and behind `--` as an argument: also what looks like an option, and a megabyte of it."""
    tried(CATEGORY, 2)
    openai.answer(completion("Yes.", WAV))
    assert cli("speak", "-o", "x.wav", stdin=prompt.encode()).code == 0
    assert openai.last.json["messages"] == [{"role": "user", "content": prompt}]
    if prompt != "-":  # which is stdin
        assert cli("speak", "-o", "x.wav", "--", prompt).code == 0
        assert openai.last.json["messages"] == [{"role": "user", "content": prompt}]


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"caf\xe9",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        "\ufeffhi".encode("utf-16-le"),
        b"ok\n" * 9 + b"\x80",
    ],
)
@pytest.mark.parametrize("way", ["speak", "analyze", "converse", "system"])
@pytest.mark.usefixtures("dog")
def test_text_that_is_no_utf8_is_refused(
    data: bytes, way: str, cli: CommandLine, openai: Service, tried: Tried
) -> None:
    """From stdin and from a file: nobody should be answered about garbage."""
    tried(CATEGORY)
    Path("system.txt").write_bytes(data)
    arguments = {
        "speak": ["speak"],
        "analyze": ["analyze", "dog.wav", "-"],
        "converse": ["converse", "--no-save", "--text-only", "-t", "hi", "-s", "@system.txt"],
        "system": ["speak", "hi", "-s", "@system.txt"],
    }[way]
    refused(cli(*arguments, stdin=data), 6, "is not text in UTF-8")
    assert openai.requests == []


@POSIX
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no such arguments")
@pytest.mark.parametrize(
    "arguments",
    [
        [b"speak", b"caf\xe9"],
        [b"analyze", b"dog.wav", b"\xff"],
        [b"converse", b"-t", b"\xff\xfe"],
        [b"speak", b"hi", b"-s", b"\xff"],
        [b"speak", b"hi", b"-v", b"\xff"],
        [b"speak", b"hi", b"--param", b"a=\xff"],
        [b"speak", b"hi", b"--param", b"\xff=a"],
        [b"speak", b"hi", b"-m", b"\xff"],
    ],
)
@pytest.mark.usefixtures("dog")
def test_arguments_that_are_no_utf8_are_refused(arguments: list[bytes], openai: Service, tried: Tried) -> None:
    """Exit 2, in a real process, which alone can be given such bytes."""
    tried(CATEGORY)
    command = [sys.executable.encode(), b"-m", b"audiochat", *arguments]
    done = subprocess.run(command, input=b"", capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, b"")
    lines = [line for line in done.stderr.splitlines() if not line.startswith(b"The voice")]
    assert len(lines) == 2
    assert openai.requests == []


@pytest.mark.parametrize(
    ("arguments", "stdin", "code"),
    [
        (["speak", ""], b"", 2),
        (["speak", " ", "\n"], b"", 2),
        (["speak"], b"", 2),
        (["speak"], b" \n\n", 2),
        (["speak", "-", "-"], b"hi", 2),
        (["analyze", "dog.wav", "-"], b"", 2),
        (["analyze", "dog.wav", "-"], b" \n", 2),
        (["analyze", "-", "-"], b"hi", 2),
        (["analyze", "-"], b"", 6),
        (["converse", "--no-save"], b"", 2),
        (["converse", "--no-save"], b"\n\n \n", 2),
        (["converse", "--no-save", "-t", ""], b"", 2),
        (["converse", "--no-save", "-t", " \n"], b"", 2),
        (["converse", "--no-save", "-t", '@"dog.wav'], b"", 6),
        (["converse", "--no-save", "-t", "@missing"], b"", 6),
        (["converse", "--no-save", "-t", "@" + "x" * 100_000], b"", 6),
        (["converse", "--no-save", "--text-only"], b"@a\0b\n", 6),
        (["converse", "--no-save", "--text-only"], b"@\n@\0\n", 6),
        (["speak", "--no-such-option", "x" * 1_000_000], b"", 2),
        (["speak", "hi", "-f", "x" * 1_000_000], b"", 2),
        (["speak", "hi", "--provider", "x" * 1_000_000], b"", 2),
        (["speak", "hi", "--param", "x" * 1_000_000], b"", 2),
        (["speak", "hi", "--timeout", "nan"], b"", 2),
        (["speak", "hi", "--retries", "9" * 30 + "x"], b"", 2),
        (["no-such-command"], b"", 2),
        (["x" * 1_000_000], b"", 2),
        (["converse", "--session", "../../x", "-t", "hi"], b"", 2),
        (["converse", "--session", "x" * 1_000_000, "-t", "hi"], b"", 2),
        (["sessions", "show", "a\nb"], b"", 2),
    ],
    ids=lambda value: ascii(value)[:40],
)
@pytest.mark.usefixtures("dog")
def test_what_makes_no_sense_is_refused(
    arguments: list[str], stdin: bytes, code: int, cli: CommandLine, openai: Service, tried: Tried
) -> None:
    """In a few words, however many were given; and nothing is sent, unless it is an earlier turn."""
    tried(CATEGORY)
    openai.answer(completion(content="Yes."))
    ran = cli(*arguments, stdin=stdin)
    assert ran.code == code
    if stdin[:2] != b"@\n":  # whose first turn is a plain @
        refused(ran, code)
        assert openai.requests == []
    assert len(ran.err) < 5_000


NAMES = [
    "-dog.wav",
    "--",
    "--help",
    "a\nb.wav",
    "a\rb.wav",
    " ",
    " dog.wav ",
    "ü.wav",
    "犬の声.wav",
    'a"b.wav',
    "a'b c.wav",
    "*.wav",
    "$(id).wav",
    "%s%n.wav",
    "{n}.wav",
    "\x1b[31m.wav",
    "\u202egnp.wav",
    "@dog.wav",
    "\udcff.wav",
    "http:",
    "file:dog.wav",
    "concat:dog.wav",
    "pipe:0",
    "x" * 251 + ".wav",
]
"""Of files, legal where a system has them."""


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_file_may_have_any_name(name: str, cli: CommandLine, openai: Service, tried: Tried) -> None:
    """It is read and written under that name exactly; notes and errors show it on one line, harmless."""
    tried(CATEGORY, 3)
    openai.answer(completion("A dog.", WAV))
    written(name, WAV)
    Path("out").mkdir()
    ran = cli("analyze", "-o", os.path.join("out", name), "--", name)  # noqa: PTH118 - a Path would tidy the name
    assert (ran.code, ran.out) == (0, b"A dog.\n")
    assert sent_sound(openai) == ("wav", WAV)
    assert (Path("out") / name).read_bytes() == WAV
    assert "\x1b" not in ran.err
    assert len(ran.err.splitlines()) == 1 + (name == " dog.wav ")  # which has a suffix that nobody knows: a note more
    Path(name).unlink()
    refused(cli("analyze", "--", name), 6, "There is no file")
    if '"' not in name:
        written(name, WAV)
        ran = cli("converse", "--session", "s", "--text-only", "-t", f'What is @"{name}"?')
        assert ran.code == 0, ran.err
        assert sent_sound(openai) == ("wav", WAV)
        assert cli("converse", "--session", "s", "--text-only", "-t", "And now?").code == 0
        assert cli("sessions", "show", "s").code == 0


# --- parameters


@pytest.mark.parametrize("depth", [100, 101, 500, 900, 950, 980, 1_000, 20_000, 200_000])
@pytest.mark.parametrize("parts", [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_a_parameter_is_not_too_deep(
    depth: int, parts: tuple[str, str], cli: CommandLine, openai: Service, tried: Tried
) -> None:
    """A hundred levels are sent, more are refused, whatever Python's own limits are."""
    tried(CATEGORY)
    openai.answer(completion("Yes.", WAV))
    ran = cli("speak", "hi", "--debug", "--param", f"a={parts[0] * depth}1{parts[1] * depth}")
    if depth == 100:
        assert ran.code == 0
        assert json.dumps(openai.last.json["a"]).count(parts[0][0]) == 100
    else:
        refused(ran, 2, "nested too deeply")
        assert openai.requests == []


@pytest.mark.parametrize("depth", [50, 300, 600, 900, 950, 20_000, 100_000])
def test_an_answer_that_is_too_deep_is_shown_or_not(
    depth: int, cli: CommandLine, openai: Service, tried: Tried
) -> None:
    """With --debug, too: it is the answer's own business how deep it is."""
    tried(CATEGORY, 2)
    deep = b"[" * depth + b"]" * depth
    openai.answer(Answer(completion("Yes.", WAV).body[:-1] + b', "deep": ' + deep + b"}"))
    for more in ([], ["--debug"]):
        assert cli("speak", "hi", *more).code in (0, 5)


# --- settings


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", 0),
        (b"\0" * 1_000, 6),
        ("AUDIOCHAT_VOICE=ash".encode("utf-16-le"), 6),
        ("AUDIOCHAT_VOICE=ash".encode("utf-16-be"), 6),
        (b"\xef\xbb\xbfAUDIOCHAT_VOICE=ash\n", 0),
        (b"AUDIOCHAT_VOICE='ash\n", 0),
        (b"if [ -f x ]; then\n  . x\nfi\n", 0),
        (b"= = =\n" * 10_000, 0),
        (b"'" * 90_000, 0),
        (b"AUDIOCHAT_VOICE='" + b"\n" * 90_000, 0),
        (b"A=" + b"\\" * 90_000, 0),
        (b"AUDIOCHAT_MODEL=" + b"m" * 90_000, 0),
        (b"AUDIOCHAT_VOICE=\xff\n", 6),
        ("AUDIOCHAT_VOICE=ash".encode("utf-16"), 0),
        (b"\x7fELF\2\1\1" + b"\x80" * 100, 6),
        (b"#" * 100_001, 6),
        (b"OPENAI_API_KEY=two words\n", 3),
        (b"OPENAI_API_KEY='two\nlines'\n", 3),
        (b"OPENAI_API_KEY=a\0b\n", 3),
        ("OPENAI_API_KEY=sk-…\n".encode(), 3),
    ],
    ids=lambda value: ascii(value)[:40],
)
@pytest.mark.parametrize("name", [".env", "other.env"])
def test_settings_that_are_none(
    data: bytes, code: int, name: str, cli: CommandLine, openai: Service, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """A file of settings that cannot be read is told; what merely makes no sense in it is left out."""
    tried(CATEGORY)
    openai.answer(completion("Yes.", WAV))
    if code == 3:
        monkeypatch.delenv("OPENAI_API_KEY")
    Path(name).write_bytes(data)
    named = [] if name == ".env" else ["--env-file", name]
    ran = cli("speak", "hi", *named)
    assert ran.code == code, ran.err[:500]
    assert len(ran.err) < 5_000
    if code:
        refused(ran, code)
        assert openai.requests == []


def test_lines_that_are_no_settings_are_told_once(process: CommandLine, openai: Service, tried: Tried) -> None:
    """A file of ten thousand of them gets one line, which names the file and the first of them."""
    tried(CATEGORY)
    openai.answer(completion("Yes.", WAV))
    Path(".env").write_bytes(b"AUDIOCHAT_VOICE=ash\n" + b"= = =\n" * 10_000)
    ran = process("speak", "hi", "-o", "x.wav")
    assert (ran.code, ran.out) == (0, b"Yes.\n")
    first, second = ran.err.splitlines()
    assert ".env: line 2 is no setting" in first
    assert second.startswith("x.wav")
    assert openai.last.json["audio"]["voice"] == "ash"


# --- sessions


def _session(**changes: Any) -> bytes:
    page = json.loads(json.dumps(hostile.PAGE))
    for place, value in changes.items():
        *path, last = place.split("__")
        inner = page
        for key in path:
            inner = inner[int(key)] if key.isdecimal() else inner[key]
        inner[last] = value
    return json.dumps(page).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"turns":' + b"[" * 100_000,
        b"{" + b"9" * 10_000,
        _session(created_at=float("inf")),
        _session(created_at=float("nan")),
        _session(created_at=10**11 * 10**7),
        _session(created_at=-(10**18)),
        _session(created_at=None),
        _session(turns={"a": 1}),
        _session(turns="abc"),
        _session(system=1),
        _session(turns__0__text="\ud800"),
        _session(turns__0__text=["a"]),
        _session(turns__1__answered_at=10**18),
        _session(turns__1__answered_at=float("inf")),
        _session(turns__0__expires_at=float("inf")),
        _session(turns__0__usage__input_tokens=float("inf")),
        _session(turns__0__usage__other=1),
        _session(turns__0__recordings__0__file="../../../../etc/passwd"),
        _session(turns__0__recordings__0__file="turn-1-in-1.wav\n"),
        _session(turns__0__recordings__0__file=1),
        _session(turns__0__audio={"file": "/etc/passwd", "name": None}),
    ],
    ids=lambda data: data[-60:].decode("latin-1"),
)
def test_a_session_that_is_damaged_is_told(
    data: bytes, cli: CommandLine, openai: Service, home: Path, tried: Tried
) -> None:
    """Whatever is done with it, exit 6 says that the page is damaged, nothing is sent, and it can be removed."""
    tried(CATEGORY, 6)
    folder = home / "data" / "audiochat" / "sessions" / "s"
    folder.mkdir(parents=True)
    (folder / "session.json").write_bytes(data)
    for arguments in (
        ["sessions", "show", "s"],
        ["sessions", "export", "s"],
        ["sessions", "export", "s", "-f", "json"],
        ["converse", "--session", "s", "-t", "hi"],
    ):
        refused(cli(*arguments), 6, "The session s is damaged")
    ran = cli("sessions", "list")
    assert (ran.code, ran.out) == (0, b"")
    assert "The session s is damaged" in ran.err
    assert cli("sessions", "remove", "s").code == 0
    assert not folder.exists()
    assert openai.requests == []


def test_the_session_that_the_damage_was_done_to_is_whole(cli: CommandLine, openai: Service, home: Path) -> None:
    """Without the damage it is shown, and goes on: the cases above fail for their own reason alone."""
    openai.answer(completion(content="Yes."))
    folder = home / "data" / "audiochat" / "sessions" / "s"
    folder.mkdir(parents=True)
    (folder / "session.json").write_bytes(_session())
    for name in ("turn-1-in-1.wav", "turn-1.wav"):
        (folder / name).write_bytes(WAV)
    assert "A dog." in cli("sessions", "show", "s").out.decode()
    assert cli("converse", "--session", "s", "-t", "hi", "--text-only").code == 0


# --- halves of characters, in answers

HIGH, LOW = "\ud83d", "\udc15"
"""The halves of a dog, as UTF-16 has them."""


@pytest.mark.parametrize("half", [HIGH, LOW], ids=ascii)
def test_half_a_character_in_an_answer_does_no_harm(half: str, cli: CommandLine, openai: Service, tried: Tried) -> None:
    """It is replaced where it is shown and kept, and the conversation goes on."""
    tried(CATEGORY)
    openai.answer(completion(f"A dog: {half}!", WAV))
    ran = cli("converse", "--session", "s", "-t", "What is it?", "-o", "x.wav")
    assert (ran.code, ran.out.decode()) == (0, "A dog: \ufffd!\n")
    assert "A dog: \ufffd!" in cli("sessions", "show", "s").out.decode()
    openai.answer(completion(content="Yes."))
    assert cli("converse", "--session", "s", "-t", "Sure?", "--text-only", "-m", "another").code == 0
    assert openai.last.json["messages"][1] == {"role": "assistant", "content": "A dog: \ufffd!"}


@pytest.mark.parametrize("pieces", [[HIGH, LOW], ["a" + HIGH, "", LOW + "b"], [HIGH], [LOW, HIGH]], ids=ascii)
def test_a_character_that_is_cut_between_events_is_joined(
    pieces: list[str], cli: CommandLine, shown: CommandLine, openai: Service, tried: Tried
) -> None:
    """Some servers cut text anywhere: both halves together are what was meant."""
    tried(CATEGORY, 2)
    openai.answer(stream(sound_events(PCM, pieces)))
    whole = "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert cli("speak", "hi", "-o", "-").err == f"{whole}\n"
    # What is shown while it comes lacks the half that nothing has followed.
    assert shown("speak", "hi", "-o", "x.wav").out.decode().strip() in (whole, whole[:-1])


# --- thousands


@pytest.mark.parametrize("family", hostile.FAMILIES)
def test_hostile_command_lines(family: str, tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of each kind: no traceback, no hang, one error of a few lines, nothing left, nothing sent in vain."""
    count = 250
    tried(CATEGORY, count)
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT.parent))
    ran = measured(["-m", "support.hostile", family, "0", str(count)], timeout=600)
    told = [json.loads(line) for line in ran.out.splitlines()]
    last = told[-1]["seed"] if told else None
    again = f"to see it again: PYTHONPATH=tests python -m support.hostile {family!r} SEED --show"
    assert ran.code == 0, f"seed {last} did not end; {again}\n{ran.err[-4000:]}"
    done = [line for line in told if "code" in line]
    assert [line["seed"] for line in done] == list(range(count))
    wrong = [line for line in done if line["wrong"]]
    assert not wrong, f"{again}\n" + "\n".join(map(str, wrong[:20]))
    assert ran.err == ""
    assert len({line["code"] for line in done}) > 2, "hostile, and of more than one kind"
    assert ran.megabytes < MEGABYTES


# --- properties

_FIELDS = (
    "choices message delta audio data transcript content id expires_at usage error code type innererror "
    "content_filter_result finish_reason model prompt_tokens_details"
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["AAAA", "A===", "\ud83d", "content_filter", "audio_not_found"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(_FIELDS.split()) | st.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)
EXAMPLES = 300
in_memory = settings(deadline=None, max_examples=EXAMPLES)
through_the_command_line = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@in_memory
@given(JSON | st.builds(lambda message: {"choices": [{"message": message}]}, JSON))
def test_any_json_is_an_answer_or_a_broken_one(body: Any) -> None:
    """A reply whose words are text, or an error that tells; nothing else."""
    try:
        found = parse_completion(body, format="wav")
    except (BrokenAnswerError, RefusedError):
        return
    found.transcript.encode()


@in_memory
@given(st.lists(JSON | st.builds(lambda delta: {"choices": [{"delta": delta}]}, JSON), max_size=6))
def test_any_events_are_an_answer_or_a_broken_one(events: list[Any]) -> None:
    """The same for a stream; the deltas' words are the whole's."""
    assembly = StreamAssembly()
    words = ""
    try:
        for one in events:
            words += assembly.add(one).text
        assembly.mark_done()
        *_, whole = assembly.finish()
    except (BrokenAnswerError, RefusedError):
        return
    assert isinstance(whole, Reply)
    assert whole.transcript.startswith(words)
    whole.transcript.encode()


@in_memory
@given(JSON, st.integers(200, 599), st.text(max_size=30))
def test_any_error_is_told(body: Any, status: int, wait: str) -> None:
    """Whatever an error holds, it is one of ours, with a short message."""
    import httpx2

    request = httpx2.Request(
        "POST", "http://127.0.0.1/v1/chat/completions", headers={"authorization": f"Bearer {CANARY}"}
    )
    response = httpx2.Response(status, request=request, headers={"retry-after": ascii(wait)})
    error = service_errors.error_in_success(body, response, hints={})
    assert isinstance(error, AudiochatError)
    assert len(error.message) < 1_000
    seconds = asked_to_wait(response.headers)
    assert seconds is None or seconds >= 0


def _contents(value: Any) -> Any:
    """The same JSON, with base64 for what was decoded on the way."""
    if isinstance(value, SpooledBytes):
        return base64.b64encode(value[:]).decode()
    if isinstance(value, dict):
        return {key: _contents(inner) for key, inner in value.items()}
    return [_contents(inner) for inner in value] if isinstance(value, list) else value


@in_memory
@given(
    st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    st.sampled_from(["", "QUJD", "QUI", 'He said "no".' * 6_000, "\\" * 70_001, '\\"' * 40_000, "é" * 70_000]),
    st.sampled_from([61, 4_096, 65_536, 10**6]) | st.integers(1_000, 70_000),
    st.booleans(),
)
def test_unpacking_says_what_the_json_says(rest: Any, note: str, size: int, escaped: bool) -> None:  # noqa: FBT001
    """However it is cut; only a long text under `data` that is no base64 is another one."""
    body = {**rest, "note": {"data": note}, "audio": {"data": "QUJD" * 20_000}}
    encoded = json.dumps(body, ensure_ascii=escaped).encode(errors="backslashreplace")
    unpacking = StreamingJson()
    for start in range(0, len(encoded), size):
        unpacking.add(encoded[start : start + size])
    found = unpacking.json()
    assert isinstance(found["audio"]["data"], SpooledBytes)
    expected = json.loads(encoded)
    expected["note"]["data"] = "?" if len(note) > 5 else note
    assert repr(_contents(found)) == repr(expected)


@in_memory
@given(st.binary(max_size=300), st.binary(max_size=40))
def test_any_wav_is_mended_once(data: bytes, head: bytes) -> None:
    """What is mended is read as it was, and mending it again changes nothing."""
    for file in (data, b"RIFF" + head[:4].ljust(4) + b"WAVE" + data, wav.wrap(SAMPLES)[:40] + head[:4].ljust(4) + data):
        mended = wav.mend(file)
        assert wav.mend(mended) == mended
        assert wav.read(mended) == wav.read(file)


@in_memory
@given(JSON | st.builds(lambda turns: {**hostile.PAGE, "turns": turns}, JSON))
def test_any_page_is_a_session_or_damaged(page: Any) -> None:
    """Whatever stands in a session's page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "s"
        folder.mkdir()
        (folder / "session.json").write_text(json.dumps(page), encoding="utf-8")
        with suppress(FileError):
            assert SessionStore(Path(name)).load("s").name == "s"


@through_the_command_line
@given(st.text(min_size=1).filter(lambda text: text.strip() and text != "-"))
def test_any_text_arrives(cli: CommandLine, openai: Service, text: str) -> None:
    """As an argument it is sent as it is, or refused because no JSON can carry it; an @ at its start is doubled."""
    openai.requests.clear()
    openai.answer(completion("Yes.", WAV))
    ran = cli("speak", "-q", "-o", "x.wav", "--", text.replace("@", "@@", 1) if text.startswith("@") else text)
    try:
        text.encode()
    except UnicodeEncodeError:
        refused(ran, 2)
        return
    assert (ran.code, ran.err) == (0, "")
    assert openai.last.json["messages"][-1]["content"] == text


@through_the_command_line
@given(st.binary())
def test_any_bytes_on_stdin_arrive_or_are_refused(cli: CommandLine, openai: Service, data: bytes) -> None:
    """Text in UTF-8 is sent, without its mark and the newline at its end; the rest is refused."""
    openai.requests.clear()
    openai.answer(completion("Yes.", WAV))
    ran = cli("speak", "-q", "-o", "x.wav", stdin=data)
    try:
        text = data.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        refused(ran, 6)
        return
    if not text.strip():
        refused(ran, 2)
        return
    assert (ran.code, ran.err) == (0, "")
    assert openai.last.json["messages"][-1]["content"] == text
