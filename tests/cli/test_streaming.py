"""Sound while it comes: what streams bring, how they break, and when the first byte leaves."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.service import DONE, PCM, Answer, Service, completion, error, event, sound_events, stream
from support.terminals import in_a_terminal

from audiochat.audio import codec, wav
from audiochat.audio.formats import ANSWER_FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.command_line import CommandLine

FORMATS = ANSWER_FORMATS
SECOND = PCM * 5
SPEAK = [sys.executable, "-m", "audiochat", "speak", "hi", "-o", "-"]


def test_a_stream_is_asked_for_in_pcm16(cli: CommandLine, openai: Service) -> None:
    """`-o -` streams: nothing else can be, and usage is asked for besides."""
    openai.answer(stream(sound_events(PCM)))
    ran = cli("speak", "hi", "-o", "-", "-f", "pcm16")
    assert (ran.code, ran.out, ran.err) == (0, PCM, "Yes, it is.\n")
    sent = openai.last.json
    assert sent["stream"] is True
    assert sent["stream_options"] == {"include_usage": True}
    assert sent["audio"] == {"voice": "alloy", "format": "pcm16"}


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_decodes_from_a_pipe_and_from_a_file(cli: CommandLine, openai: Service, format_: str) -> None:
    """The right duration, whether encoded on the fly or at once."""
    openai.answer(stream(sound_events(SECOND * 2)))
    piped = cli("speak", "hi", "-o", "-", "-f", format_)
    assert piped.code == 0
    assert codec.duration(piped.out, format_) == pytest.approx(2.0, abs=0.1)
    openai.answer(completion(audio=codec.encode(SECOND * 2, "wav")))
    assert cli("speak", "hi", "-o", "a.out", "-f", format_).code == 0
    assert codec.duration(Path("a.out").read_bytes(), format_) == pytest.approx(2.0, abs=0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="reads a pipe as it fills")
@pytest.mark.parametrize("format_", ["pcm16", "wav", "mp3"])
def test_the_first_sound_leaves_before_a_quarter_has_come(openai: Service, format_: str) -> None:
    """A hundred deltas, 20 ms apart."""
    words = [event({"audio": {"id": "audio_abc", "transcript": "Yes."}})]
    data = base64.b64encode(PCM).decode()
    deltas = [event({"audio": {"data": data}}) for _ in range(100)]
    openai.answer(stream([*words, *deltas, event({"audio": {"expires_at": 1}}), DONE], pause=0.02))
    command = [sys.executable, "-m", "audiochat", "speak", "hi", "-o", "-", "-f", format_, "-q"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    first = os.read(process.stdout.fileno(), 1)
    sent = openai.sent_pieces
    rest = process.stdout.read()
    assert process.wait(timeout=10) == 0
    assert sent < 25
    assert codec.duration(first + rest, format_) == pytest.approx(20.0, abs=0.1)


@pytest.mark.parametrize("before", [b"", b"something else\n"])
def test_the_header_is_mended_where_stdout_is_a_file(openai: Service, before: bytes) -> None:
    """`-o - > file.wav`: the file tells its true length, and what was in it before stays as it is."""
    openai.answer(stream(sound_events(SECOND * 2)))
    with Path("a.wav").open("wb", buffering=0) as file:
        file.write(before)
        assert subprocess.run([*SPEAK, "-q"], stdout=file, check=False).returncode == 0
        file.write(b"behind")
    assert Path("a.wav").read_bytes() == before + wav.wrap(SECOND * 2) + b"behind"


def test_a_flac_on_stdout_tells_its_length_too(openai: Service) -> None:
    """Its number of samples is known at the end."""
    openai.answer(stream(sound_events(SECOND)))
    with Path("a.flac").open("wb") as file:
        assert subprocess.run([*SPEAK, "-f", "flac", "-q"], stdout=file, check=False).returncode == 0
    assert int.from_bytes(Path("a.flac").read_bytes()[21:26], "big") & 0xFFFFFFFFF == 24_000


def test_what_is_appended_to_is_left_alone(openai: Service) -> None:
    """`-o - >> file.wav` can only write at its end: no header is written there."""
    openai.answer(stream(sound_events(PCM)))
    Path("a.wav").write_bytes(b"before")
    with Path("a.wav").open("ab") as file:
        assert subprocess.run([*SPEAK, "-q"], stdout=file, check=False).returncode == 0
    assert Path("a.wav").read_bytes() == b"before" + wav.header(None) + PCM


def test_a_cut_answer_mends_no_header(openai: Service) -> None:
    """What is not whole does not claim to be."""
    openai.answer(stream(sound_events(SECOND)[:9]))
    with Path("a.wav").open("wb") as file:
        assert subprocess.run([*SPEAK, "-q", "--retries", "0"], stdout=file, check=False).returncode == 5
    assert Path("a.wav").read_bytes()[:44] == wav.header(None)


def test_the_small_recorded_stream_is_whole(cli: CommandLine, openai: Service, recorded: Callable[[str], Any]) -> None:
    """Byte for byte as the service sent it: 45,600 bytes of sound, the transcript, the usage."""
    entry = recorded("dotnet-ChatWithBasicAudioOutput.json")["Entries"][0]
    openai.answer(stream([piece.encode() for piece in entry["ResponseBody"]]))
    ran = cli("speak", "Say the exact word 'hello' and nothing else.", "-o", "-", "-f", "pcm16")
    assert (ran.code, len(ran.out), ran.err) == (0, 45_600, "Hello\n")


def test_the_large_recorded_stream_is_whole(cli: CommandLine, openai: Service, recorded: Callable[[str], Any]) -> None:
    """All its sound and words, added up here another way."""
    body = recorded("dotnet-ChatWithAudio.json")["Entries"][1]["ResponseBody"]
    whole = "".join(body)
    data = re.findall(r'"data":"([^"]+)"', whole)
    words = [json.loads(f'"{text}"') for text in re.findall(r'"transcript":"((?:[^"\\]|\\.)*)"', whole)]
    openai.answer(stream([piece.encode() for piece in body]))
    ran = cli("speak", "hi", "-o", "-", "-f", "pcm16")
    assert ran.code == 0
    assert ran.out == b"".join(base64.b64decode(piece) for piece in data)
    assert ran.err == "".join(words) + "\n"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 4096])
def test_events_may_be_split_at_any_byte(cli: CommandLine, openai: Service, size: int) -> None:
    """The pieces of a connection have nothing to do with events, lines or characters."""
    small = PCM[:300]
    whole = b"".join(sound_events(small, ["Grüße, ", "😀 ", "日本."], size=101))
    openai.answer(stream([whole[start : start + size] for start in range(0, len(whole), size)]))
    ran = cli("speak", "hi", "-o", "-", "-f", "pcm16")
    assert (ran.code, ran.out, ran.err) == (0, small, "Grüße, 😀 日本.\n")


@pytest.mark.parametrize("size", range(1, 9))
def test_base64_may_be_split_at_any_character(cli: CommandLine, openai: Service, size: int) -> None:
    """Also where a piece by itself is no base64."""
    small = PCM[:100]
    text = base64.b64encode(small).decode()
    pieces = [event({"audio": {"data": text[start : start + size]}}) for start in range(0, len(text), size)]
    openai.answer(stream([*pieces, event({"audio": {"expires_at": 1, "transcript": "x"}}), DONE]))
    assert cli("speak", "hi", "-o", "-", "-f", "pcm16").out == small


def test_what_azure_sends_besides_is_no_trouble(cli: CommandLine, openai: Service) -> None:
    """`delta: null`, empty choices, comments, events without data, unknown fields."""
    odd = [b": keep-alive\n\n", event(choices=[{"index": 0, "delta": None}]), event(choices=[]), b"event: ping\n\n"]
    events = sound_events(PCM)
    openai.answer(stream([*odd, *events[:3], *odd, *events[3:]]))
    ran = cli("speak", "hi", "-o", "-", "-f", "pcm16")
    assert (ran.code, ran.out) == (0, PCM)


@pytest.mark.parametrize("answer", [stream(sound_events(PCM)[:-1]), stream([*sound_events(PCM)[:-2], DONE])])
def test_either_mark_ends_an_answer(cli: CommandLine, openai: Service, answer: Answer) -> None:
    """A stream without [DONE], or without expires_at, is whole: servers send one of them."""
    openai.answer(answer)
    ran = cli("speak", "hi", "-o", "-", "-f", "pcm16")
    assert (ran.code, ran.out) == (0, PCM)


CUTS = {
    "reset in the middle": stream(sound_events(SECOND), cut=8),
    "ends without any mark": stream(sound_events(SECOND)[:-2]),
    "ends in the middle of a sample's base64": stream(
        [event({"audio": {"data": "AAAAA"}}), event({"audio": {"expires_at": 1}}), DONE]
    ),
}


@pytest.mark.parametrize("answer", CUTS.values(), ids=CUTS)
def test_a_cut_stream_is_no_answer(cli: CommandLine, openai: Service, answer: Answer) -> None:
    """Exit 5 and one request: what was sent to a pipe is sent, and another voice is not spliced to it."""
    openai.answer(answer)
    ran = cli("speak", "hi", "-o", "-")
    assert ran.code == 5
    assert "cut before its end" in ran.err
    assert len(openai.requests) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal")
@pytest.mark.parametrize("keep", [False, True])
def test_a_cut_stream_leaves_no_file_unless_it_is_wanted(openai: Service, *, keep: bool) -> None:
    """On a terminal the answer streams into a file: nothing is left, or with --keep-partial what came."""
    Path("a.wav").write_bytes(b"mine")
    openai.answer(stream(sound_events(SECOND), cut=8))
    code, seen = in_a_terminal(["speak", "hi", "-o", "a.wav", *(["--keep-partial"] if keep else [])])
    assert code == 5
    assert "Yes, it is." in seen
    found = wav.read(Path("a.wav").read_bytes())
    if keep:
        assert found is not None
        assert 0 < found.seconds < 1
        assert "not the whole answer" in seen
    else:
        assert Path("a.wav").read_bytes() == b"mine"
    assert len(list(Path().iterdir())) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal")
def test_a_terminal_sees_the_words_while_they_come(openai: Service) -> None:
    """Word by word, wrapped, harmless; the sound is in its file at the end."""
    import pty

    words = [f"word{number} " for number in range(40)] + ["\x1b[31m\u202e end."]
    openai.answer(stream(sound_events(PCM, words), pause=0.02))
    main, side = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "60", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "audiochat", "speak", "hi"]
    process = subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env=env)
    os.close(side)
    seen, early = b"", 0
    while True:
        try:
            block = os.read(main, 4096)
        except OSError:
            break
        if not block:
            break
        seen += block
        if b"word1 " in seen and not early:
            early = openai.sent_pieces
    os.close(main)
    assert process.wait(timeout=10) == 0
    assert 0 < early < 20
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode()).replace("\r", "")
    assert "\\x1b[31m\\u202e" in text
    assert max(len(line) for line in text.splitlines() if "word" in line) <= 60
    assert re.findall(r"word(\d+)", text) == [str(number) for number in range(40)]
    assert Path("speech.wav").read_bytes() == wav.wrap(PCM)


def test_a_stall_ends_after_the_timeout(cli: CommandLine, openai: Service) -> None:
    """`--timeout` is the longest silence between two deltas of a stream, which may last longer as a whole."""
    openai.answer(stream(sound_events(PCM, size=960), pause=0.15))
    assert cli("speak", "hi", "-o", "-", "--timeout", "0.6").code == 0
    events = sound_events(PCM)
    openai.answer(stream([b"".join(events[:5]), b"", *events[5:]], pause=1.5))
    started = time.monotonic()
    ran = cli("speak", "hi", "-o", "-", "--timeout", "0.6")
    assert ran.code == 5
    assert time.monotonic() - started < 3.5
    assert len(openai.requests) == 2


@pytest.mark.parametrize(
    ("garbage", "code"),
    [
        (b"data: {not json\n\n", 5),
        (b"data: [1, 2]\n\n", 5),
        (event({"audio": {"data": "%%%%"}}), 5),
        (b'data: {"error": {"message": "The server had an error", "code": "server_error"}}\n\n', 5),
        (b'data: {"error": {"message": "filtered", "code": "content_filter"}}\n\n', 4),
    ],
)
def test_garbage_in_a_stream_is_told(cli: CommandLine, openai: Service, garbage: bytes, code: int) -> None:
    """One message, no second request."""
    events = sound_events(PCM)
    openai.answer(stream([*events[:4], garbage, *events[4:]]))
    ran = cli("speak", "hi", "-o", "-")
    assert ran.code == code
    words, *error = ran.err.splitlines()
    assert words == "Yes, it is."  # they are paid for, and stdout carries the sound
    assert 2 <= len(error) <= 3
    assert len(openai.requests) == 1


def test_a_service_that_does_not_stream_is_asked_again_without(cli: CommandLine, openai: Service) -> None:
    """400 `unsupported_value`: one note, the whole answer, the same output."""
    refusal = error(400, "unsupported_value", "Unsupported value: 'stream' does not support true with this model.")
    openai.answer(refusal, completion("Yes.", PCM))
    ran = cli("speak", "hi", "-o", "-", "-f", "pcm16")
    assert (ran.code, ran.out) == (0, PCM)
    assert "does not stream" in ran.err
    assert ["stream" in request.json for request in openai.requests] == [True, False]


def test_not_streaming_is_remembered_for_the_run(openai: Service) -> None:
    """The second request of one client does not ask for a stream again."""
    from audiochat import config, providers
    from audiochat.chat.client import Client
    from audiochat.chat.reply import Delta, Notice, Reply
    from audiochat.chat.request import Request, UserTurn
    from audiochat.progress import NoProgress

    client = Client(providers.connect(config.load(config.Flags()), NoProgress()), timeout=5)
    request = Request(model="m", turns=(UserTurn("hi"),), format="pcm16")
    openai.answer(error(400, "unsupported_value", "no stream"), completion("Yes.", PCM))
    for _ in range(2):
        *deltas, reply = (event for event in client.events(request, live=True) if not isinstance(event, Notice))
        assert b"".join(delta.pcm for delta in deltas if isinstance(delta, Delta)) == PCM
        assert isinstance(reply, Reply)
        assert reply.transcript == "Yes."
    assert ["stream" in received.json for received in openai.requests] == [True, False, False]


def test_another_unsupported_value_is_still_told(cli: CommandLine, openai: Service) -> None:
    """A refusal that has nothing to do with streaming is an error at once."""
    openai.answer(error(400, "unsupported_value", "voice"))
    assert cli("speak", "hi", "-o", "-").code == 4
    assert len(openai.requests) == 1


def test_a_stream_that_breaks_before_it_begins_is_tried_again(cli: CommandLine, openai: Service) -> None:
    """Nothing was heard yet, so nothing has to be spliced."""
    openai.answer(Answer(cut=0), error(503, None, "busy", headers={"retry-after-ms": "1"}), stream(sound_events(PCM)))
    ran = cli("speak", "hi", "-o", "-", "-f", "pcm16")
    assert (ran.code, ran.out) == (0, PCM)
    assert len(openai.requests) == 3


def test_words_without_sound_in_a_stream_are_an_error_that_keeps_them(cli: CommandLine, openai: Service) -> None:
    """The model slipped into text: exit 5; the words are told, but not as sound on stdout."""
    openai.answer(stream([event({"content": "I can "}), event({"content": "only write."}), DONE]))
    ran = cli("speak", "hi", "-o", "-")
    assert (ran.code, ran.out) == (5, b"")
    assert "in text" in ran.err
    assert "I can only write." in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_ctrl_c_in_the_middle_of_a_stream_leaves_its_words(openai: Service) -> None:
    """Exit 130 at once."""
    openai.answer(stream(sound_events(SECOND * 10), pause=0.1))
    command = [sys.executable, "-m", "audiochat", "speak", "hi", "-o", "-", "-q"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.read(4) == b"RIFF"
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=5)
    assert (process.returncode, err) == (130, b"Yes, it is.\n")
    assert time.monotonic() - started < 2


def test_text_alone_streams_to_a_terminal_only(cli: CommandLine, openai: Service) -> None:
    """A pipe gets the words whole, from one whole answer."""
    Path("dog.wav").write_bytes(wav.wrap(PCM))
    openai.answer(completion(content="A dog."))
    assert cli("analyze", "dog.wav", "--text-only").out == b"A dog.\n"
    assert "stream" not in openai.last.json


@pytest.mark.skipif(sys.platform == "win32", reason="reads a pipe as it fills")
def test_a_slow_reader_slows_the_download(openai: Service) -> None:
    """What nobody reads is not fetched into memory: the service has to wait."""
    data = base64.b64encode(SECOND * 20).decode()
    pieces = [event({"audio": {"data": data}}) for _ in range(80)]  # 77 MB of sound
    openai.answer(stream([*pieces, event({"audio": {"expires_at": 1, "transcript": "x"}}), DONE]))
    command = [sys.executable, "-m", "audiochat", "speak", "hi", "-o", "-", "-f", "pcm16", "-q"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    os.read(process.stdout.fileno(), 1)
    time.sleep(1.5)
    sent = openai.sent_pieces
    time.sleep(0.5)
    assert openai.sent_pieces == sent < 60
    assert 1 + len(process.stdout.read()) == 80 * 20 * len(SECOND)
    assert process.wait(timeout=10) == 0


def test_one_answer_is_taken(cli: CommandLine, openai: Service) -> None:
    """--param n is refused; where a service sends a second answer all the same, it is not mixed with the first."""
    assert cli("speak", "hi", "--param", "n=2").code == 2
    assert openai.requests == []
    second = event(choices=[{"index": 1, "delta": {"audio": {"transcript": "Second ", "data": "AAAA"}}}])
    openai.answer(stream([second if number == 2 else one for number, one in enumerate(sound_events(PCM))]))
    ran = cli("speak", "hi", "-o", "-", "-f", "pcm16")
    assert (ran.code, ran.out) == (0, PCM)
    assert "Second" not in ran.err
