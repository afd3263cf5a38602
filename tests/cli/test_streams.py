"""Pipes, terminals, signals and full disks, with real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.service import PCM, Answer, Service, completion, event, sound_events, stream
from support.terminals import in_a_terminal, in_a_terminal_of

from audiochat.audio import codec, wav

WAV = wav.wrap(PCM)
AUDIOCHAT = [sys.executable, "-m", "audiochat"]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="what POSIX alone has")


@POSIX
def test_sound_is_refused_by_a_terminal_before_anything_is_sent(openai: Service) -> None:
    """`-o -` without a pipe is wrong usage."""
    code, seen = in_a_terminal(["speak", "hi", "-o", "-"])
    assert code == 2
    assert "Sound is not for a terminal." in seen
    assert openai.requests == []


@POSIX
@pytest.mark.parametrize("arguments", [["speak"], ["analyze"], ["analyze", "-"]])
def test_nothing_to_ask_on_a_terminal_is_wrong_usage(openai: Service, arguments: list[str]) -> None:
    """Never a silent wait for somebody to type."""
    code, seen = in_a_terminal(arguments)
    assert code == 2
    assert "audiochat: There is no" in seen
    assert openai.requests == []


@POSIX
def test_a_transcript_does_nothing_to_a_terminal(openai: Service) -> None:
    """Escape sequences are spelled out, markup stays as it is, long lines are wrapped."""
    openai.answer(completion("\x1b]52;c;ZXZpbA==\x07 [laughs] :smile: [bold]x[/bold] " + "word " * 40, WAV))
    code, seen = in_a_terminal(["speak", "hi"], NO_COLOR="1")
    assert code == 0
    assert "\x1b]52" not in seen
    assert "\\x1b]52;c;ZXZpbA==\\x07 [laughs] :smile: [bold]x[/bold]" in seen
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert max(len(line) for line in plain.splitlines() if "word" in line) <= 60


@POSIX
def test_a_dumb_terminal_sees_no_spinner(openai: Service) -> None:
    """TERM=dumb gets the words and the note, without a single escape sequence."""
    openai.answer(completion("Yes.", WAV))
    code, seen = in_a_terminal(["speak", "hi"], TERM="dumb")
    assert (code, seen) == (0, "Yes.\r\nspeech.wav  0.2 s\r\n")


@POSIX
def test_a_reader_that_leaves_early_ends_the_program_quietly(openai: Service) -> None:
    """`| head -c 4` gets its four bytes; nobody hears about a broken pipe."""
    openai.answer(completion("Yes.", wav.wrap(PCM * 600)))
    command = f"{' '.join(AUDIOCHAT)} speak hi -o - | head -c 4"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"RIFF", b"")


@POSIX
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_long_answer_passes_a_pipe_whole(openai: Service, unbuffered: str) -> None:
    """Also where Python's own buffering is off and a write takes only what fits."""
    openai.answer(completion("Yes.", wav.wrap(PCM * 600)))
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    command = f"{' '.join(AUDIOCHAT)} speak hi -o - | (sleep 0.2; wc -c)"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False, env=env)
    assert int(done.stdout) == 44 + 600 * len(PCM)


@POSIX
def test_the_answer_is_saved_when_nobody_reads_the_words(openai: Service) -> None:
    """A closed stdout loses the transcript, not the sound."""
    openai.answer(completion("Yes.", WAV))
    done = subprocess.run(["sh", "-c", f"{' '.join(AUDIOCHAT)} speak hi -q | true"], capture_output=True, check=False)
    assert done.stderr == b""
    assert Path("speech.wav").read_bytes() == WAV


@POSIX
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_keeps_the_answer_elsewhere(openai: Service) -> None:
    """Exit 6; the words on stdout, and the sound where the hint says."""
    openai.answer(completion("Yes.", WAV))
    done = subprocess.run([*AUDIOCHAT, "speak", "hi", "-o", "/dev/full"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (6, "Yes.\n")
    kept = Path(done.stderr.strip().rpartition(" ")[2].rstrip("."))
    assert kept.read_bytes() == WAV
    kept.unlink()


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
"""For stdout alone: as an output's name, root could replace it."""


def on_a_full_disk(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A run whose stdout has no room."""
    with Path("/dev/full").open("wb") as full:
        return subprocess.run(
            [*AUDIOCHAT, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )


@POSIX
@FULL
@pytest.mark.parametrize("more", [[], ["--json"], ["-q"]], ids=str)
def test_a_stdout_that_cannot_be_written_is_an_error(openai: Service, more: list[str]) -> None:
    """Exit 6; the words are on stderr, and where the sound is; nothing from the interpreter's own end."""
    openai.answer(completion("Yes.", WAV))
    done = on_a_full_disk("speak", "hi", *more)
    assert done.returncode == 6
    assert done.stderr.splitlines()[-3:] == [
        "Yes.",
        "audiochat: Standard output cannot be written: No space left on device.",
        "The spoken answer is saved as speech.wav. Send it elsewhere: … > FILE",
    ]
    assert Path("speech.wav").read_bytes() == WAV


@POSIX
@FULL
@pytest.mark.parametrize("more", [[], ["--json"]], ids=str)
def test_words_that_cannot_be_printed_are_told(openai: Service, more: list[str]) -> None:
    """Text alone has nowhere else to go; the hint names no option that the command refuses."""
    Path("dog.wav").write_bytes(WAV)
    openai.answer(completion(content="A dog."))
    done = on_a_full_disk("analyze", "dog.wav", "--text-only", *more)
    assert (done.returncode, "A dog." in done.stderr.splitlines(), "-o" in done.stderr) == (6, True, False)
    done = on_a_full_disk("completion", "bash")
    assert (done.returncode, "-o" in done.stderr) == (6, False)


@POSIX
@FULL
@pytest.mark.parametrize("format_", ["wav", "pcm16", "mp3"])
def test_sound_that_cannot_be_piped_is_kept(openai: Service, format_: str) -> None:
    """The stream is taken to its end; the words are on stderr, the whole sound where the hint says."""
    openai.answer(stream(sound_events(PCM * 20)))
    done = on_a_full_disk("speak", "hi", "-o", "-", "-f", format_)
    *_, words, message, hint = done.stderr.splitlines()
    assert (done.returncode, words) == (6, "Yes, it is.")
    assert message == "audiochat: Standard output cannot be written: No space left on device."
    kept = Path(hint.removeprefix("The answer is kept as ").rstrip("."))
    assert codec.duration(kept.read_bytes(), format_) == pytest.approx(4.0, abs=0.1)
    kept.unlink()


@POSIX
@pytest.mark.parametrize("more", [["-o", "-"], ["--play", "--json"]], ids=" ".join)
def test_an_interrupted_stream_shows_its_words(openai: Service, more: list[str]) -> None:
    """Ctrl-C drops none that came: they are paid for."""
    openai.answer(stream(sound_events(PCM * 20), pause=0.2))
    command = [*AUDIOCHAT, "speak", "hi", *more]
    fakes = str(Path(__file__).parents[1] / "support" / "fakes")
    Path("card").mkdir()
    env = {**os.environ, "FAKE_SOUND": "card", "PYTHONPATH": os.pathsep.join([fakes, os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    while openai.sent_pieces < 6 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    if "--json" in more:
        assert json.loads(out)["transcript"] == json.loads(out)["error"]["transcript"] == "Yes, it is."
    else:
        assert err.decode().splitlines() == ["Yes, it is.", "Interrupted."]


@POSIX
def test_a_pipe_or_device_as_output_is_written_to(openai: Service) -> None:
    """-o /dev/null throws the sound away; nothing is renamed over a device."""
    openai.answer(completion("Yes.", WAV))
    done = subprocess.run([*AUDIOCHAT, "speak", "hi", "-o", "/dev/null"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"Yes.\n")
    assert not Path("/dev/null").is_file()


@POSIX
def test_a_link_in_the_outputs_place_is_replaced_not_followed(openai: Service) -> None:
    """What it pointed to stays as it was."""
    Path("target").write_bytes(b"mine")
    Path("a.wav").symlink_to("target")
    openai.answer(completion("Yes.", WAV))
    done = subprocess.run([*AUDIOCHAT, "speak", "hi", "-o", "a.wav"], capture_output=True, check=False)
    assert done.returncode == 0
    assert Path("target").read_bytes() == b"mine"
    assert not Path("a.wav").is_symlink()


@POSIX
def test_ctrl_c_ends_at_once_and_leaves_nothing(openai: Service) -> None:
    """Exit 130 while the answer is waited for, one line, no file."""
    openai.answer(Answer(hold=20))
    process = subprocess.Popen(
        [*AUDIOCHAT, "speak", "hi", "-o", "a.wav"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 10
    while not openai.requests and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, out, err) == (130, b"", b"Interrupted.\n")
    assert list(Path().iterdir()) == []


@POSIX
def test_a_closed_stdin_is_an_empty_prompt(openai: Service) -> None:
    """`audiochat speak <&-` does not crash."""
    done = subprocess.run(["sh", "-c", f"{' '.join(AUDIOCHAT)} speak <&-"], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"The prompt is empty." in done.stderr
    assert openai.requests == []


@POSIX
def test_an_argument_that_is_no_text_is_wrong_usage(openai: Service) -> None:
    """Bytes that are not UTF-8 in the prompt."""
    done = subprocess.run([*AUDIOCHAT, "speak", b"caf\xe9"], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"not text in UTF-8" in done.stderr
    assert openai.requests == []


@POSIX
def test_a_process_substitution_is_read(openai: Service) -> None:
    """What cannot be sought in is a recording all the same."""
    Path("dog.wav").write_bytes(WAV)
    openai.answer(completion(content="A dog."))
    command = f"{' '.join(AUDIOCHAT)} analyze <(cat dog.wav) --text-only"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"A dog.\n")


@POSIX
@pytest.mark.parametrize("arguments", [["--help"], ["speak", "--help"]])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_help_on_a_full_disk(arguments: list[str]) -> None:
    """Exit 6 and one message."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*AUDIOCHAT, *arguments], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 6
    assert done.stderr.startswith(b"audiochat: Standard output cannot be written.")


@POSIX
def test_help_that_is_not_read_to_its_end() -> None:
    """Quiet."""
    command = f"{' '.join(AUDIOCHAT)} speak --help | true"
    done = subprocess.run(["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@POSIX
def test_a_closed_stdout_is_told_before_it_costs(openai: Service) -> None:
    """The words would be lost; with --json too, and without a traceback."""
    for more in ("", "--json"):
        command = f"{' '.join(AUDIOCHAT)} speak hi {more} >&-"
        done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, check=False)
        assert done.returncode == 2
        assert b"Traceback" not in done.stderr
        assert b"Standard output is closed" in done.stderr
    assert openai.requests == []


@POSIX
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_end_from_outside_is_an_envelope_too(openai: Service, number: signal.Signals, code: int) -> None:
    """SIGINT with --json says so on stdout; SIGTERM ends at once; nothing is left."""
    openai.answer(Answer(hold=20))
    process = subprocess.Popen(
        [*AUDIOCHAT, "speak", "hi", "--json", "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while not openai.requests:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, err) == (code, b"")
    if number is signal.SIGINT:
        told = json.loads(out)
        assert (told["status"], told["error"]["code"], told["error"]["exit_code"]) == ("error", "interrupted", 130)
    assert list(Path().iterdir()) == []


@POSIX
@pytest.mark.parametrize("delay", [0.0, 0.01, 0.03, 0.06, 0.1, 0.2])
def test_ctrl_c_while_it_starts_is_quiet(openai: Service, delay: float) -> None:
    """Whenever it comes after Python itself has started, there is no traceback of ours."""
    process = subprocess.Popen([*AUDIOCHAT, "speak", "hi", "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.08 + delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert b"audiochat/cli" not in err
    assert b"audiochat/terminal" not in err
    assert len(openai.requests) <= 1


@POSIX
def test_a_terminal_of_another_encoding_loses_no_answer(openai: Service) -> None:
    """What it cannot show is replaced."""
    from support.terminals import in_a_terminal

    openai.answer(completion("café 日本", WAV))
    code, seen = in_a_terminal(["speak", "hi"], PYTHONIOENCODING="latin-1", TERM="dumb")
    assert code == 0
    assert "caf" in seen
    assert Path("speech.wav").read_bytes() == WAV


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "geteuid"), reason="needs a folder that goes away")
def test_a_working_directory_that_is_gone(openai: Service, tmp_path: Path) -> None:
    """The words come all the same; the file is told to have no place."""
    (tmp_path / "gone").mkdir()
    openai.answer(completion(content="A dog."))
    (tmp_path / "dog.wav").write_bytes(WAV)
    command = f"cd {tmp_path}/gone && rmdir ../gone && {' '.join(AUDIOCHAT)} analyze {tmp_path}/dog.wav --text-only"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"A dog.\n")


def test_a_reader_who_pauses_loses_nothing(openai: Service) -> None:
    """Its time is not the service's: --timeout counts what the service takes."""
    openai.answer(stream(sound_events(PCM * 200, size=96_000)))
    command = [*AUDIOCHAT, "speak", "hi", "-o", "-", "-f", "pcm16", "-q", "--timeout", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    head = process.stdout.read(1)
    time.sleep(2)
    assert len(head + process.stdout.read()) == 200 * len(PCM)
    assert process.wait() == 0


@POSIX
def test_a_working_directory_that_is_gone_takes_no_answer(openai: Service, tmp_path: Path) -> None:
    """It is told before it costs."""
    (tmp_path / "gone").mkdir()
    command = f"cd {tmp_path}/gone && rmdir ../gone && {' '.join(AUDIOCHAT)} speak hi -o x.wav"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert done.returncode == 6
    assert openai.requests == []


@POSIX
def test_a_script_without_spaces_is_shown_while_it_comes(openai: Service) -> None:
    """Not only at the end: Chinese and Japanese have no spaces to wait for."""
    import pty

    words = [event({"audio": {"transcript": word}}) for word in "金毛寻回犬是很好的家庭犬"]
    openai.answer(stream([*words, event(), event()], pause=0.3))
    pid, terminal = pty.fork()
    if not pid:
        os.execv(sys.executable, [*AUDIOCHAT, "speak", "hi"])  # noqa: S606 - what a terminal does
    seen = b""
    while "金毛".encode() not in seen:
        seen += os.read(terminal, 1024)
    assert openai.sent_pieces < len(words)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)


@pytest.mark.skipif(sys.platform == "win32", reason="wants a pseudo-terminal")
@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize(
    ("arguments", "stdout_too"),
    [
        (["doctor"], True),
        (["speak", "hi", "--retries", "0"], True),
        (["speak", "hi", "--retries", "1", "-o", "-"], False),
        (["-q", "speak", "a text of many words that takes more than one line of the terminal"], False),
    ],
)
def test_no_word_is_cut(
    monkeypatch: pytest.MonkeyPatch, columns: int, arguments: list[str], *, stdout_too: bool
) -> None:
    """Notes, errors and the doctor wrap between words, at the width of the terminal that shows them."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/a/path/that/is/long/enough/to/need/a/line/of/its/own/v1")
    seen = in_a_terminal_of(columns, arguments, stdout_too=stdout_too)
    assert seen
    address = "http://127.0.0.1:9/a/path/that/is/long/enough/to/need/a/line/of/its/own/v1"
    for line in seen.splitlines():
        assert len(line) <= columns or address in line.split()[-1], line
    assert arguments != ["doctor"] or f"{address}/chat/completions" in seen


@pytest.mark.skipif(sys.platform == "win32", reason="wants a pseudo-terminal")
def test_a_bar_leaves_nothing_behind(openai: Service, dog: Path) -> None:
    """What was drawn is taken away before the data and the error that follow it."""
    openai.answer(completion("A dog."))
    for arguments in (["transcribe", str(dog), "-f", "txt", "--no-check"], ["transcribe", "missing.wav"]):
        seen = in_a_terminal(arguments, NO_COLOR="1")[1]
        if "\u2501" in seen:  # it took long enough to be drawn
            assert "\x1b[1A\x1b[2K" in seen[seen.rindex("\u2501") :]
    assert "There is no file missing.wav." in seen
    assert "\u2501" in seen
