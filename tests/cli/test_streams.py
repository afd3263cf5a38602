"""Pipes, terminals, signals and full disks, with real processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.service import PCM, Answer, Service, completion
from support.terminals import in_a_terminal

from audiochat.audio import wav

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


@POSIX
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_stdout_that_cannot_be_written_is_an_error(openai: Service) -> None:
    """Exit 6 and one message, nothing from the interpreter's own end."""
    openai.answer(completion("Yes.", WAV))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*AUDIOCHAT, "speak", "hi", "-q"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 6
    assert done.stderr.decode().splitlines() == [
        "audiochat: Standard output cannot be written: No space left on device.",
        "Write to a file with -o.",
    ]


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
