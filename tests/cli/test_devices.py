"""Loudspeaker and microphone, behind a sound card that writes down what happens; real processes."""

from __future__ import annotations

import base64
import math
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.service import PCM, Service, completion, event, sound_events, stream

from audiochat.audio import PCM_BYTES_PER_SECOND, wav
from audiochat.audio.silence import SILENCE, EndOfSpeech, level

if TYPE_CHECKING:
    from support.command_line import CommandLine

AUDIOCHAT = [sys.executable, "-m", "audiochat"]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="what POSIX alone has")


SECOND = PCM * 5


def tone(seconds: float, amplitude: float = 8000.0) -> bytes:
    """A tone of 440 Hz: s16le, mono, 24,000 Hz."""
    count = int(seconds * 24_000)
    return struct.pack(f"<{count}h", *(int(amplitude * math.sin(i * 440 * 2 * math.pi / 24_000)) for i in range(count)))


def _log(card: Path) -> list[str]:
    return [line.split()[0] for line in (card / "log").read_text().splitlines()]


def test_the_answer_is_played_and_saved(process: CommandLine, openai: Service, card: Path) -> None:
    """Every sample once, in order, and the device is drained before the program ends."""
    openai.answer(stream(sound_events(SECOND * 2)))
    ran = process("speak", "hi", "--play")
    assert (ran.code, ran.out) == (0, b"Yes, it is.\n")
    assert (card / "heard.pcm").read_bytes() == SECOND * 2
    assert _log(card) == ["opened", "start", "stop", "close"]
    assert Path("speech.wav").read_bytes() == wav.wrap(SECOND * 2)


def test_playing_starts_while_the_answer_comes(openai: Service, card: Path) -> None:
    """Behind a small buffer against jitter, long before the last delta."""
    openai.answer(stream(sound_events(SECOND * 4), pause=0.03))
    process = subprocess.Popen(
        [sys.executable, "-m", "audiochat", "speak", "hi", "--play", "-q"], stdout=subprocess.PIPE
    )
    while "start" not in (_log(card) if (card / "log").exists() else []):
        assert process.poll() is None
        time.sleep(0.005)
    sent = openai.sent_pieces
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert sent < 30
    assert openai.sent_pieces == len(sound_events(SECOND * 4)) > 80
    assert (card / "heard.pcm").read_bytes() == SECOND * 4


@pytest.mark.parametrize("size", [1, 3, 959, 4801])
def test_a_sample_may_be_split_between_two_deltas(process: CommandLine, openai: Service, card: Path, size: int) -> None:
    """No click: the bytes are the same, whatever the pieces."""
    short = SECOND[: 2 * size * 50] if size < 10 else SECOND
    openai.answer(stream(sound_events(short, size=size)))
    assert process("speak", "hi", "--play", "-q").code == 0
    heard = (card / "heard.pcm").read_bytes()
    assert heard[: len(short)] == short
    assert set(heard[len(short) :]) <= {0}


def test_a_short_answer_is_heard_too(process: CommandLine, openai: Service, card: Path) -> None:
    """Shorter than the buffer against jitter, and a whole one from a service that does not stream."""
    openai.answer(completion("Yes.", PCM[:1920]))
    assert process("speak", "hi", "--play", "-q").code == 0
    assert (card / "heard.pcm").read_bytes() == PCM[:1920]


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_ctrl_c_is_silence_at_once(openai: Service, card: Path) -> None:
    """The device is aborted, not drained; exit 130, no file."""
    openai.answer(stream(sound_events(SECOND * 40)))
    process = subprocess.Popen(
        [sys.executable, "-m", "audiochat", "speak", "hi", "--play", "-q"], stderr=subprocess.PIPE
    )
    while not (card / "heard.pcm").exists():
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=5)
    assert process.returncode == 130
    assert "abort" in _log(card)
    assert len((card / "heard.pcm").read_bytes()) < len(SECOND) * 20
    assert list(Path().iterdir()) == []


def test_without_a_device_the_answer_is_saved(process: CommandLine, openai: Service, card: Path) -> None:
    """One line, exit 0."""
    (card / "no-device").touch()
    openai.answer(completion("Yes.", wav.wrap(PCM)))
    ran = process("speak", "hi", "--play")
    assert ran.code == 0
    assert "There is no sound device to use: Error querying device -1." in ran.err
    assert Path("speech.wav").exists()


def test_without_the_library_the_answer_is_saved(
    process: CommandLine, openai: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that says how to get it."""
    (tmp_path / "lacking").mkdir()
    (tmp_path / "lacking" / "sounddevice.py").write_text("raise ImportError('none')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lacking"))
    openai.answer(completion("Yes.", wav.wrap(PCM)))
    ran = process("speak", "hi", "--play")
    assert ran.code == 0
    assert "[devices]'" in ran.err
    assert Path("speech.wav").exists()
    ran = process("analyze", "-r")
    assert ran.code == 3
    assert "[devices]'" in ran.err


def test_the_question_is_recorded_until_silence(process: CommandLine, openai: Service, card: Path) -> None:
    """24 kHz mono WAV: the room, the words, and the pause that ends it."""
    spoken = tone(0.5, 20) + tone(1.0) + tone(0.4, 20) + tone(0.5)
    (card / "spoken.pcm").write_bytes(spoken)
    openai.answer(completion(content="A tone."))
    ran = process("analyze", "-r", "What is it?", "--text-only")
    assert (ran.code, ran.out) == (0, b"A tone.\n")
    assert "Recording" in ran.err
    text, audio = openai.last.json["messages"][0]["content"]
    assert text["text"] == "What is it?"
    data = base64.b64decode(audio["input_audio"]["data"])
    found = wav.read(data)
    assert found is not None
    assert (found.sample_rate, found.channels, found.bits) == (24_000, 1, 16)
    assert data[44 : 44 + len(spoken)] == spoken
    assert found.seconds == pytest.approx(2.4 + 1.5, abs=0.1)
    assert _log(card) == ["opened", "start", "abort", "close"]


def test_speak_takes_the_question_from_the_microphone_too(process: CommandLine, openai: Service, card: Path) -> None:
    """Sound alone, or with words before it."""
    (card / "spoken.pcm").write_bytes(tone(0.5))
    openai.answer(completion("Yes.", wav.wrap(PCM)))
    assert process("speak", "-r", "-q").code == 0
    assert [part["type"] for part in openai.last.json["messages"][0]["content"]] == ["input_audio"]
    assert process("speak", "Translate:", "-r", "-q").code == 0
    assert [part["type"] for part in openai.last.json["messages"][0]["content"]] == ["text", "input_audio"]


def test_a_recording_ends_at_its_longest(process: CommandLine, openai: Service, card: Path) -> None:
    """`--max-seconds`, when nobody stops speaking."""
    (card / "spoken.pcm").write_bytes(tone(10))
    openai.answer(completion(content="A tone."))
    assert process("analyze", "-r", "--max-seconds", "2", "--text-only").code == 0
    data = base64.b64decode(openai.last.json["messages"][0]["content"][1]["input_audio"]["data"])
    assert len(data) - 44 == 2 * PCM_BYTES_PER_SECOND


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal")
def test_enter_ends_a_recording(openai: Service, card: Path) -> None:
    """On a terminal, with a level meter to look at."""
    import pty

    (card / "spoken.pcm").write_bytes(tone(60))
    openai.answer(completion(content="A tone."))
    main, side = pty.openpty()
    command = [sys.executable, "-m", "audiochat", "analyze", "-r", "--text-only"]
    process = subprocess.Popen(
        command, stdin=side, stdout=subprocess.PIPE, stderr=side, env={**os.environ, "TERM": "xterm"}
    )
    os.close(side)
    seen = b""
    while "▮".encode() not in seen:
        seen += os.read(main, 4096)
    os.write(main, b"\n")
    out, _ = process.communicate(timeout=10)
    os.close(main)
    assert (process.returncode, out) == (0, b"A tone.\n")
    data = base64.b64decode(openai.last.json["messages"][0]["content"][1]["input_audio"]["data"])
    assert 0 < len(data) < 40 * PCM_BYTES_PER_SECOND


def test_with_record_there_is_no_file(process: CommandLine, openai: Service, card: Path) -> None:
    """Two arguments are one too many."""
    assert card.exists()
    assert process("analyze", "-r", "dog.wav", "What is it?").code == 2
    assert openai.requests == []


@pytest.mark.parametrize(("pcm", "expected"), [(b"", SILENCE), (bytes(960), SILENCE), (tone(0.1, 32_767), -3.0)])
def test_loudness_is_measured_in_dbfs(pcm: bytes, expected: float) -> None:
    """A full sine wave is 3 dB below full scale."""
    assert level(pcm) == pytest.approx(expected, abs=0.1)


def test_a_click_is_no_speech() -> None:
    """Nor is the hum of a room; a pause between words does not end a sentence."""
    room, click, words = tone(0.02, 300), tone(0.02, 9000), tone(0.02, 9000)
    ear = EndOfSpeech()
    assert not any(ear.hears(block) for block in [room] * 50 + [click] + [room] * 200)
    assert not any(ear.hears(block) for block in [words] * 20 + [room] * 50 + [words] * 20 + [room] * 70)
    assert any(ear.hears(block) for block in [room] * 10)


def test_whoever_speaks_at_once_is_heard() -> None:
    """Speech from the first moment, then silence, ends the recording too."""
    ear = EndOfSpeech()
    assert not any(ear.hears(block) for block in [tone(0.02)] * 50 + [bytes(960)] * 70)
    assert any(ear.hears(block) for block in [bytes(960)] * 10)


@pytest.fixture
def alsa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ALSA's own device that plays into a file and records from one, below the real sounddevice and PortAudio."""
    try:
        import sounddevice  # noqa: F401
    except (ImportError, OSError):
        pytest.skip("there is no PortAudio")
    system = Path("/usr/share/alsa/alsa.conf")
    if not system.exists():
        pytest.skip("there is no ALSA")
    (tmp_path / "spoken.raw").write_bytes(tone(1.0) + bytes(5 * PCM_BYTES_PER_SECOND))
    (tmp_path / "asoundrc").write_text(
        f'pcm.!default {{ type file slave.pcm "null" file "{tmp_path}/heard.raw" '
        f'infile "{tmp_path}/spoken.raw" format "raw" }}\n'
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", f"{system}:{tmp_path}/asoundrc")
    return tmp_path


def test_a_real_device_gets_every_sample(process: CommandLine, openai: Service, alsa: Path) -> None:
    """Through PortAudio and ALSA to a file: the same bytes."""
    openai.answer(stream(sound_events(SECOND * 2)))
    ran = process("speak", "hi", "--play")
    assert ran.code == 0
    heard = (alsa / "heard.raw").read_bytes()
    assert heard[: len(SECOND) * 2] == SECOND * 2
    assert set(heard[len(SECOND) * 2 :]) <= {0}


def test_a_real_device_is_heard(process: CommandLine, openai: Service, alsa: Path) -> None:
    """From a file through ALSA and PortAudio: the tone, and the silence that ends it."""
    openai.answer(completion(content="A tone."))
    ran = process("analyze", "-r", "--text-only", "--max-seconds", "5")
    assert ran.code == 0
    data = base64.b64decode(openai.last.json["messages"][0]["content"][1]["input_audio"]["data"])
    assert (alsa / "spoken.raw").read_bytes().startswith(data[44 : 44 + PCM_BYTES_PER_SECOND])
    found = wav.read(data)
    assert found is not None
    assert found.seconds == pytest.approx(2.5, abs=0.2)


@POSIX
def test_stopping_to_play_is_quick_while_nothing_comes(openai: Service, card: Path) -> None:
    """The player waits for more sound when Ctrl-C comes."""
    openai.answer(stream([b"".join(sound_events(PCM * 3)[:-3]), *[event()] * 100], pause=0.3))
    process = subprocess.Popen([*AUDIOCHAT, "speak", "hi", "--play", "-q"], stderr=subprocess.PIPE)
    while not (card / "heard.pcm").exists():
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.3)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130
    assert time.monotonic() - started < 1.5


@POSIX
def test_ctrl_c_while_it_is_heard_keeps_words_and_file(openai: Service, card: Path) -> None:
    """The answer is whole: only the sound ends."""
    openai.answer(stream(sound_events(PCM * 5 * 20)))
    process = subprocess.Popen([*AUDIOCHAT, "speak", "hi", "--play", "-q"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    line = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=5)
    assert (process.returncode, line) == (130, b"Yes, it is.\n")
    assert len((card / "heard.pcm").read_bytes()) < 100 * len(PCM)
    assert Path("speech.wav").read_bytes() == wav.wrap(PCM * 100)


def test_a_recording_is_not_asked_for_in_vain(process: CommandLine, openai: Service, card: Path) -> None:
    """What cannot be written or configured is told before anybody speaks."""
    assert process("analyze", "-r", "-o", "missing/a.wav").code == 6
    assert process("analyze", "-r", "--provider", "azure").code == 3
    assert process("analyze", "-r", "--max-seconds", "nan").code in (2, 3)
    assert not (card / "log").exists()
    assert openai.requests == []
