"""`audiochat analyze`, as a script meets it."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.service import PCM, Service, completion

from audiochat.audio import codec, wav

if TYPE_CHECKING:
    from support.command_line import CommandLine

WAV = wav.wrap(PCM)
QUESTION = "Describe in detail the spoken audio input."


def test_the_quickstarts_question_is_the_default(cli: CommandLine, openai: Service, dog: Path) -> None:
    """The recording goes as it is, behind the question; the answer is saved as analysis.wav."""
    openai.answer(completion("A dog.", WAV))
    ran = cli("analyze", str(dog))
    assert (ran.code, ran.out) == (0, b"A dog.\n")
    assert Path("analysis.wav").read_bytes() == WAV
    assert openai.last.json["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": QUESTION},
                {"type": "input_audio", "input_audio": {"data": base64.b64encode(WAV).decode(), "format": "wav"}},
            ],
        }
    ]


def test_text_only_asks_for_text_and_prints_nothing_else(cli: CommandLine, openai: Service, dog: Path) -> None:
    """`modalities` says so, `audio` is left out, no file appears."""
    openai.answer(completion(content="A dog."))
    ran = cli("analyze", str(dog), "What animal?", "--text-only")
    assert (ran.code, ran.out, ran.err) == (0, b"A dog.\n", "")
    assert openai.last.json["modalities"] == ["text"]
    assert "audio" not in openai.last.json
    assert sorted(Path().iterdir()) == [dog]


def test_json_of_text_only_has_no_audio(cli: CommandLine, openai: Service, dog: Path) -> None:
    """`audio` is null when there is none."""
    import json

    openai.answer(completion(content="A dog."))
    told = json.loads(cli("analyze", str(dog), "--text-only", "--json").out)
    assert (told["command"], told["transcript"], told["audio"]) == ("analyze", "A dog.", None)


def test_the_recording_comes_from_stdin(cli: CommandLine, openai: Service) -> None:
    """As `-`, or alone on a pipe."""
    openai.answer(completion(content="A dog."))
    for arguments in (["-", "What?"], []):
        assert cli("analyze", *arguments, "--text-only", stdin=WAV).code == 0
        sent = openai.last.json["messages"][0]["content"][1]["input_audio"]
        assert base64.b64decode(sent["data"]) == WAV


def test_the_question_comes_from_stdin(cli: CommandLine, openai: Service, dog: Path) -> None:
    """A prompt of `-` reads it; both from stdin is wrong usage."""
    openai.answer(completion(content="A dog."))
    assert cli("analyze", str(dog), "-", "--text-only", stdin=b"What animal?\n").code == 0
    assert openai.last.json["messages"][0]["content"][0]["text"] == "What animal?"
    assert cli("analyze", "-", "-", stdin=WAV).code == 2


def test_the_content_counts_not_the_suffix(cli: CommandLine, openai: Service) -> None:
    """An MP3 named .wav goes as MP3; FLAC is converted to WAV."""
    openai.answer(completion(content="A dog."))
    for name, format_, sent_as in (("a.wav", "mp3", "mp3"), ("b.mp3", "flac", "wav")):
        Path(name).write_bytes(codec.encode(PCM * 5, format_))
        assert cli("analyze", name, "--text-only").code == 0
        sent = openai.last.json["messages"][0]["content"][1]["input_audio"]
        assert sent["format"] == sent_as
        assert codec.duration(base64.b64decode(sent["data"]), sent_as) == pytest.approx(1.0, abs=0.1)


def test_an_m4a_is_analysed(cli: CommandLine, openai: Service) -> None:
    """What a telephone records is converted on the way."""
    import av

    sink = io.BytesIO()
    with av.open(sink, "w", format="ipod") as container:
        track = container.add_stream("aac", rate=24_000, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(PCM) // 2)
        frame.planes[0].update(PCM.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate = 24_000
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    Path("memo.m4a").write_bytes(sink.getvalue())
    openai.answer(completion(content="A dog."))
    assert cli("analyze", "memo.m4a", "--text-only").code == 0
    assert openai.last.json["messages"][0]["content"][1]["input_audio"]["format"] == "wav"


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("text.wav", b"this is no recording\n" * 50, "not audio"),
        ("empty.wav", b"", "empty"),
        ("header.wav", wav.header(0), "not audio"),
        ("cut.flac", b"fLaC\0\0\0\x22", "not audio"),
    ],
)
def test_what_is_no_recording_is_not_sent(
    cli: CommandLine, openai: Service, name: str, content: bytes, what: str
) -> None:
    """Exit 6, the file's name and a hint."""
    Path(name).write_bytes(content)
    ran = cli("analyze", name)
    assert ran.code == 6
    assert name in ran.err
    assert what in ran.err
    assert len(ran.err.splitlines()) == 2
    assert openai.requests == []


@pytest.mark.parametrize(
    ("arguments", "code"), [(["missing.wav"], 6), (["."], 6), (["dog.wav", "--text-only", "-o", "a.wav"], 2)]
)
def test_wrong_arguments_are_told_before_it_costs(
    cli: CommandLine, openai: Service, dog: Path, arguments: list[str], code: int
) -> None:
    """A missing file, a folder, a file for the sound that is not wanted."""
    assert dog.exists()
    assert cli("analyze", *arguments).code == code
    assert openai.requests == []


def test_a_name_that_would_trick_a_terminal_is_spelled_out(cli: CommandLine, openai: Service) -> None:
    """Escape sequences, bidi controls and newlines in a file's name do nothing."""
    ran = cli("analyze", "\x1b]0;owned\x07\u202egav.god\nnext")
    assert ran.code == 6
    assert "\x1b" not in ran.err
    assert "\u202e" not in ran.err
    assert len(ran.err.splitlines()) == 2
    assert openai.requests == []


def test_a_recording_is_not_replaced_by_what_is_made_of_it(cli: CommandLine, openai: Service, dog: Path) -> None:
    """`-o` that names what is read is refused before anything is asked; by another path too."""
    before = dog.read_bytes()
    Path("two.txt").write_text("A book.")
    for arguments in (["transcribe", "dog.wav", "-f", "txt"], ["narrate", "two.txt", "-f", "wav"]):
        name = arguments[1]
        for output in (name, f"./{name}", str(Path(name).absolute())):
            ran = cli(*arguments, "-o", output)
            assert ran.code == 2, ran.err
            assert "would be replaced" in ran.err
    assert openai.requests == []
    assert (dog.read_bytes(), Path("two.txt").read_text()) == (before, "A book.")


@pytest.mark.parametrize(("language", "code"), [("german", 0), ("en-US", 0), ("klingon", 2)])
def test_a_language_is_taken_as_people_write_it(
    cli: CommandLine, openai: Service, dog: Path, language: str, code: int
) -> None:
    """By code, with a region, by name; another is wrong usage."""
    openai.answer_with(lambda _: completion(content="A dog."))
    assert cli("transcribe", str(dog), "--language", language, "--no-check", "--dry-run").code == code
