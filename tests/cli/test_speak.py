"""`audiochat speak`, as a script meets it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.service import PCM, Answer, Service, completion

from audiochat.audio import codec, wav

if TYPE_CHECKING:
    from support.command_line import CommandLine

WAV = wav.wrap(PCM)


def test_the_spoken_answer_is_a_file_and_its_words_are_stdout(cli: CommandLine, openai: Service) -> None:
    """Nothing but the transcript reaches a pipe, exactly as it was sent; the note about the file is for people."""
    openai.answer(completion("Yes — [laughs] :smile: \x1b[31mred\x1b[0m", WAV))
    ran = cli("speak", "Is", "it?", "-o", "dog.wav")
    assert (ran.code, ran.out.decode()) == (0, "Yes — [laughs] :smile: \x1b[31mred\x1b[0m\n")
    assert Path("dog.wav").read_bytes() == WAV
    assert ran.err == "dog.wav  0.2 s\n"
    assert openai.last.json["messages"] == [{"role": "user", "content": "Is it?"}]


def test_without_o_no_existing_file_is_touched(cli: CommandLine, openai: Service) -> None:
    """speech.wav, then speech-2.wav, then speech-3.wav."""
    openai.answer(completion(audio=WAV))
    for _ in range(3):
        assert cli("speak", "hi").code == 0
    assert sorted(path.name for path in Path().iterdir()) == ["speech-2.wav", "speech-3.wav", "speech.wav"]


def test_with_o_an_existing_file_is_replaced_and_keeps_its_mode(cli: CommandLine, openai: Service) -> None:
    """What the user named is replaced, in one step."""
    old = Path("a.wav")
    old.write_bytes(b"old")
    old.chmod(0o640)
    openai.answer(completion(audio=WAV))
    assert cli("speak", "hi", "-o", "a.wav").code == 0
    assert old.read_bytes() == WAV
    if sys.platform != "win32":
        assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert list(Path().iterdir()) == [old]


def test_a_wav_with_unknown_sizes_is_written_with_true_ones(cli: CommandLine, openai: Service) -> None:
    """A header made for a pipe becomes one made for a file."""
    openai.answer(completion(audio=wav.header(None) + PCM))
    assert cli("speak", "hi", "-o", "a.wav").code == 0
    assert Path("a.wav").read_bytes() == WAV


@pytest.mark.parametrize(("name", "asked"), [("a.mp3", "mp3"), ("a.flac", "flac"), ("a.ogg", "opus"), ("a.WAV", "wav")])
def test_what_the_service_can_make_comes_from_the_service(
    cli: CommandLine, openai: Service, name: str, asked: str
) -> None:
    """The output's suffix is the format that is asked for, and the bytes are the service's own."""
    sound = codec.encode(PCM, asked)
    openai.answer(completion(audio=sound))
    assert cli("speak", "hi", "-o", name).code == 0
    assert openai.last.json["audio"] == {"voice": "alloy", "format": asked}
    assert Path(name).read_bytes() == sound


def test_what_the_service_cannot_make_is_converted(cli: CommandLine, openai: Service) -> None:
    """AAC, by itself and in MP4, is asked for as WAV and made here."""
    openai.answer(completion(audio=WAV))
    assert cli("speak", "hi", "-f", "aac", "-o", "a.bin").code == 0
    assert openai.last.json["audio"]["format"] == "wav"
    assert codec.duration(Path("a.bin").read_bytes(), "aac") == pytest.approx(0.2, abs=0.1)
    assert cli("speak", "hi", "-o", "a.m4a").code == 0
    assert openai.last.json["audio"]["format"] == "wav"
    made = Path("a.m4a").read_bytes()
    assert made[4:11] == b"ftypM4A"
    assert codec.duration(made, "m4a") == pytest.approx(0.2, abs=0.1)


def test_another_sound_than_was_asked_for_is_converted(cli: CommandLine, openai: Service) -> None:
    """A server that answers MP3 whatever is asked still leaves a true WAV."""
    openai.answer(completion(audio=codec.encode(PCM * 5, "mp3")))
    assert cli("speak", "hi", "-o", "a.wav").code == 0
    found = wav.read(Path("a.wav").read_bytes())
    assert found is not None
    assert found.seconds == pytest.approx(1.0, abs=0.1)


def test_the_prompt_comes_from_stdin_where_it_is_asked_for(cli: CommandLine, openai: Service) -> None:
    """Piped stdin alone is the prompt; `-` puts it among the words."""
    openai.answer(completion(audio=WAV))
    assert cli("speak", stdin=b"from a pipe\n").code == 0
    assert openai.last.json["messages"][0]["content"] == "from a pipe"
    assert cli("speak", "Sum this up:", "-", stdin=b"the notes\n").code == 0
    assert openai.last.json["messages"][0]["content"] == "Sum this up: the notes"


def test_stdin_is_left_alone_when_there_is_a_prompt(openai: Service) -> None:
    """A loop that reads names from stdin keeps its list."""
    if sys.platform == "win32":
        pytest.skip("there is no sh")
    openai.answer(completion("ok", WAV))
    loop = f'while read f; do {sys.executable} -m audiochat speak "$f" -q; done'
    done = subprocess.run(
        ["sh", "-c", loop], input=b"one\ntwo\n", capture_output=True, check=False, env=dict(os.environ)
    )
    assert done.stdout == b"ok\nok\n"
    assert [request.json["messages"][0]["content"] for request in openai.requests] == ["one", "two"]


@pytest.mark.parametrize("stdin", [b"", b"  \n\n"])
def test_an_empty_prompt_is_wrong_usage(cli: CommandLine, openai: Service, stdin: bytes) -> None:
    """Nothing is sent, and a line says what to do."""
    ran = cli("speak", stdin=stdin)
    assert (ran.code, ran.out) == (2, b"")
    assert ran.err.startswith("audiochat: The prompt is empty.\n")
    assert openai.requests == []


def test_stdin_that_is_no_text_is_a_bad_file(cli: CommandLine, openai: Service) -> None:
    """Bytes that are not UTF-8 are not sent as something else."""
    assert cli("speak", "-", stdin=b"\xff\xfe\x00").code == 6
    assert openai.requests == []


def test_the_sound_goes_to_stdout_and_the_words_to_stderr(cli: CommandLine, openai: Service) -> None:
    """`-o -` keeps stdout free of anything else."""
    openai.answer(completion("Yes.", WAV))
    ran = cli("speak", "hi", "-o", "-")
    assert (ran.code, ran.out, ran.err) == (0, wav.header(None) + PCM, "Yes.\n")
    assert list(Path().iterdir()) == []


def test_json_is_one_object_with_the_promised_keys(cli: CommandLine, openai: Service) -> None:
    """The envelope that scripts read."""
    openai.answer(completion("Yes.", WAV))
    ran = cli("speak", "hi", "--json", "-q")
    envelope = json.loads(ran.out)
    assert isinstance(envelope.pop("elapsed"), float)
    assert envelope == {
        "version": 1,
        "command": "speak",
        "status": "ok",
        "provider": "openai",
        "model": "gpt-audio-2025-08-28",
        "transcript": "Yes.",
        "audio": {
            "path": "speech.wav",
            "format": "wav",
            "seconds": 0.2,
            "bytes": len(WAV),
            "id": "audio_abc",
            "expires_at": 1780697155,
        },
        "usage": {"input_tokens": 99, "input_audio_tokens": 69, "output_tokens": 116, "output_audio_tokens": 93},
        "finish_reason": "stop",
        "request_id": "apim_test",
    }
    assert ran.out.count(b"\n") == 1
    assert ran.err == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["speak", "--json", "--bogus"], 2),
        (["--json"], 2),
        (["speak", "hi", "--json", "-o", "missing/a.wav"], 6),
        (["speak", "hi", "--json", "--provider", "nobody"], 2),
        (["speak", "hi", "--json", "--timeout", "soon"], 2),
    ],
)
def test_the_envelope_stands_on_failure_too(cli: CommandLine, openai: Service, arguments: list[str], code: int) -> None:
    """Wrong usage included; a person reads the same on stderr."""
    ran = cli(*arguments)
    told = json.loads(ran.out)
    assert told["version"] == 1
    assert told["status"] == "error"
    assert told["command"] == ("speak" if "speak" in arguments else None)
    assert set(told["error"]) == {"code", "exit_code", "message", "hint", "request_id"}
    assert told["error"]["exit_code"] == ran.code == code
    assert ran.err.startswith("audiochat: ")
    assert openai.requests == []


def test_options_reach_the_request(cli: CommandLine, openai: Service) -> None:
    """Voice, model, system message from a file, and any other parameter."""
    Path("system.txt").write_text("Be brief.\n", encoding="utf-8")
    openai.answer(completion(audio=WAV))
    arguments = ["-v", "verse", "-m", "gpt-audio-mini", "-s", "@system.txt"]
    arguments += ["--param", "max_completion_tokens=200", "--param", "user=me", "--param", "temperature=NaN"]
    assert cli("speak", "hi", *arguments).code == 0
    assert openai.last.json == {
        "model": "gpt-audio-mini",
        "modalities": ["text", "audio"],
        "audio": {"voice": "verse", "format": "wav"},
        "messages": [{"role": "system", "content": "Be brief.\n"}, {"role": "user", "content": "hi"}],
        "max_completion_tokens": 200,
        "user": "me",
        "temperature": "NaN",
    }


def test_an_unknown_voice_is_warned_of_and_asked_for(cli: CommandLine, openai: Service) -> None:
    """A service may have voices that we do not know yet."""
    openai.answer(completion(audio=WAV))
    ran = cli("speak", "hi", "-v", "nova")
    assert ran.code == 0
    assert "The voice 'nova' is not one that is known" in ran.err
    assert openai.last.json["audio"]["voice"] == "nova"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-o", "missing/a.wav"], 6),
        (["-f", "midi"], 2),
        (["-f", "mp3", "-o", "a.wav"], 2),
        (["-f", "AAC", "-o", "a.m4a"], 2),
        (["-f", "opus", "-o", "a.MP3"], 2),
        (["--param", "novalue"], 2),
        (["--param", "messages=[]"], 2),
        (["-s", "@missing.txt"], 6),
        (["--env-file", "missing.env"], 6),
        (["--timeout", "0"], 2),
        (["--json", "-o", "-"], 2),
    ],
)
def test_what_cannot_work_is_refused_before_it_costs(
    cli: CommandLine, openai: Service, arguments: list[str], code: int
) -> None:
    """Each with its exit code and a hint, and without a request."""
    Path("folder").mkdir()
    ran = cli("speak", "hi", *arguments)
    assert ran.code == code
    assert 1 <= len(ran.err.splitlines()) <= 3
    assert openai.requests == []


def test_quiet_leaves_the_data_and_the_errors(cli: CommandLine, openai: Service) -> None:
    """No notes; an error is never muted."""
    openai.answer(completion("Yes.", WAV), completion(None, None))
    assert cli("speak", "hi", "-q").err == ""
    ran = cli("speak", "hi", "-q")
    assert (ran.code, ran.err.splitlines()[0]) == (5, "audiochat: The answer is empty: neither text nor sound.")


def test_debug_shows_the_exchange_without_credential_and_sound(cli: CommandLine, openai: Service) -> None:
    """Headers and bodies on stderr; base64 is only counted."""
    openai.answer(completion("Yes.", WAV))
    ran = cli("speak", "hi", "--debug")
    assert "POST" in ran.err
    assert '"voice": "alloy"' in ran.err
    assert "characters of base64>" in ran.err
    assert "[left out]" in ran.err
    assert ran.out == b"Yes.\n"


def test_an_answer_in_text_alone_is_an_error_that_keeps_the_words(cli: CommandLine, openai: Service) -> None:
    """The model slipped into text: no file, exit 5, and what it said is still there."""
    openai.answer(completion(content="I can only write."))
    ran = cli("speak", "hi", "-o", "a.wav")
    assert (ran.code, ran.out) == (5, b"I can only write.\n")
    assert "in text" in ran.err
    assert not Path("a.wav").exists()
    told = json.loads(cli("speak", "hi", "--json").out)
    assert (told["status"], told["transcript"]) == ("error", "I can only write.")


@pytest.mark.parametrize("sound", [b"no sound at all, but long enough to look like it" * 9, b"RIFF\0\0\0\0WAVE"])
def test_sound_that_is_none_is_a_broken_answer_that_keeps_the_words(
    cli: CommandLine, openai: Service, sound: bytes
) -> None:
    """What cannot be played is not saved under the user's name."""
    openai.answer(completion("Yes.", sound))
    ran = cli("speak", "hi", "-o", "a.wav")
    assert (ran.code, ran.out) == (5, b"Yes.\n")
    assert list(Path().iterdir()) == []


def test_an_answer_cut_at_the_limit_says_so(cli: CommandLine, openai: Service) -> None:
    """A person should know that there would have been more."""
    body = json.loads(completion("Yes.", WAV).body)
    body["choices"][0]["finish_reason"] = "length"
    openai.answer(Answer(json.dumps(body).encode()))
    assert "cut at the limit of tokens" in cli("speak", "hi").err


def test_no_arguments_at_all_show_the_help(cli: CommandLine) -> None:
    """A person who types the name alone wants to know what there is."""
    ran = cli()
    assert ran.code == 0
    assert "analyze" in ran.out.decode() + ran.err


def test_the_version_is_told(process: CommandLine) -> None:
    """`--version` names the program and its version."""
    from audiochat import __version__

    assert process("--version").out.decode() == f"audiochat {__version__}\n"


def test_a_name_of_many_bytes_is_written(cli: CommandLine, openai: Service) -> None:
    """Eighty characters of three bytes are a legal name."""
    openai.answer(completion("Yes.", WAV))
    name = "犬" * 80 + ".wav"
    assert cli("speak", "hi", "-o", name).code == 0
    assert Path(name).read_bytes() == WAV


def test_a_suffix_without_a_format_is_warned_of(cli: CommandLine, openai: Service) -> None:
    """a.wma holds WAV, and a line says so."""
    openai.answer(completion("Yes.", WAV))
    assert "a.wma will hold WAV" in cli("speak", "hi", "-o", "a.wma").err
    assert "a.m4b will hold WAV: audiobooks (m4b) are made by narrate" in cli("speak", "hi", "-o", "a.m4b").err


@pytest.mark.parametrize("arguments", [["-o", "-"], ["-o-"], ["--output=-"], ["-o", "-", "-q"]])
def test_words_never_go_among_the_sound(cli: CommandLine, openai: Service, arguments: list[str]) -> None:
    """The model answered in text: stdout stays empty, however -o is written, and the words are on stderr."""
    openai.answer(completion(content="I can only write."))
    ran = cli("speak", "hi", *arguments)
    assert (ran.code, ran.out) == (5, b"")
    assert "I can only write." in ran.err


@pytest.mark.parametrize("output", ["out/", "out", "."])
def test_a_folder_gets_an_answer_of_its_own_each_time(cli: CommandLine, openai: Service, output: str) -> None:
    """`-o out/` makes the folder; an answer that is there is not overwritten: only its folder was named."""
    openai.answer_with(lambda _: completion(audio=WAV))
    if output == "out":
        Path(output).mkdir()
    for _ in range(2):
        assert cli("speak", "hi", "-o", output).code == 0
    assert sorted(path.name for path in Path(output).glob("*.wav")) == ["speech-2.wav", "speech.wav"]
