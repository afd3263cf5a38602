"""`audiochat transcribe` against a service that writes down the words that lie in the sound it was sent."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pysubs2
import pytest
import webvtt
from support import tones
from support.service import Answer, completion, error

from audiochat.audio import wav

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.command_line import CommandLine
    from support.service import Received, Service

AUDIOCHAT = [sys.executable, "-m", "audiochat"]


def _writes_down(received: Received) -> Answer:
    return completion(content=" ".join(tones.understood(tones.sent(received))))


@pytest.fixture
def listening(openai: Service) -> Service:
    """A service that hears what it is sent."""
    openai.answer_with(_writes_down)
    return openai


@pytest.fixture
def talk() -> tones.Recorded:
    """Two minutes with pauses, in `talk.wav`."""
    recorded = tones.record(tones.sentences(36))
    Path("talk.wav").write_bytes(recorded.wav)
    return recorded


def test_one_recording_goes_to_stdout_as_text(cli: CommandLine, listening: Service, talk: tones.Recorded) -> None:
    """All words, in order, and nothing else; pieces are asked for with a system message that forbids answering."""
    ran = cli("transcribe", "talk.wav")
    assert ran.code == 0
    assert ran.out.decode().split() == talk.text.split()
    assert len(listening.requests) >= 2
    body = listening.last.json
    assert body["modalities"] == ["text"]
    assert body["messages"][0]["role"] == "system"
    assert "do not answer" in body["messages"][0]["content"]


def test_speech_without_a_pause_is_cut_with_overlaps_and_joined_again(cli: CommandLine, listening: Service) -> None:
    """No word is lost, none is doubled, although some lie in two pieces and some are cut by an edge."""
    talk = tones.record(tones.sentences(1, length=400))
    Path("talk.wav").write_bytes(talk.wav)
    ran = cli("transcribe", "talk.wav", "--piece", "20")
    assert (ran.code, ran.out.decode().split()) == (0, talk.text.split())
    assert len(listening.requests) >= 6


def test_a_quiet_second_speaker_and_long_silences(cli: CommandLine, listening: Service) -> None:
    """A speaker who is thirty times quieter is heard, and silence is not sent."""
    loud, quiet = tones.record(tones.sentences(6)), tones.record(tones.sentences(6, seed=3), loud=0.12)
    Path("talk.wav").write_bytes(wav.wrap(loud.pcm + bytes(32_000 * 60) + quiet.pcm, sample_rate=tones.RATE))
    ran = cli("transcribe", "talk.wav", "--json")
    told = json.loads(ran.out)
    assert told["transcript"].split() == [*loud.text.split(), *quiet.text.split()]
    seconds = sum(len(tones.sent(received)) for received in listening.requests) / 32_000
    assert seconds < told["duration"] - 55


def test_all_formats_in_a_folder_as_other_libraries_read_them(
    cli: CommandLine, listening: Service, talk: tones.Recorded
) -> None:
    """Srt and vtt are parsed by libraries of others; cues are short, readable and rising; each word is in its time."""
    assert cli("transcribe", "talk.wav", "-f", "all", "-o", "words/").code == 0
    folder = Path("words")
    assert {path.suffix for path in folder.iterdir()} == {".txt", ".srt", ".vtt", ".tsv", ".json"}
    subtitles = pysubs2.load(str(folder / "talk.srt"))
    captions = webvtt.read(str(folder / "talk.vtt")).captions
    assert len(subtitles) == len(captions) > 20
    assert " ".join(event.plaintext for event in subtitles).split() == talk.text.split()
    assert " ".join(caption.text for caption in captions).split() == talk.text.split()
    before = 0
    for event in subtitles:
        assert before <= event.start < event.end <= event.start + 7000
        assert all(len(line) <= 42 for line in event.plaintext.split("\n"))
        assert event.plaintext.count("\n") <= 1
        before = event.end
    rows = [line.split("\t") for line in (folder / "talk.tsv").read_text().splitlines()]
    assert rows[0] == ["start", "end", "text"]
    assert all(row[0].isdigit() and row[1].isdigit() for row in rows[1:])
    told = json.loads((folder / "talk.json").read_text())
    assert told["status"] == "ok"
    assert abs(told["duration"] - len(talk.pcm) / 32_000) < 0.1
    words = [word for segment in told["segments"] for word in segment["words"]]
    errors = sorted(abs(word["start"] - true[1]) for word, true in zip(words, talk.words, strict=True))
    assert all(word["estimated"] for word in words)
    assert errors[len(errors) // 2] < 0.5
    assert len(listening.requests) < 10


def test_another_format_costs_nothing(cli: CommandLine, listening: Service, talk: tones.Recorded) -> None:
    """What was answered is never asked for again: not for a format, not from another folder, not after a move."""
    assert cli("transcribe", "talk.wav", "-o", "talk.txt").code == 0
    asked = len(listening.requests)
    assert cli("transcribe", "talk.wav", "-o", "talk.srt").code == 0
    Path("moved.wav").write_bytes(talk.wav)
    ran = cli("transcribe", "moved.wav")
    assert (ran.code, len(listening.requests)) == (0, asked)
    assert ran.out.decode().split() == talk.text.split()
    assert cli("transcribe", "talk.wav", "--fresh").code == 0
    assert len(listening.requests) == 2 * asked


def test_a_piece_that_fails_is_a_gap_that_the_next_run_fills(
    cli: CommandLine, listening: Service, talk: tones.Recorded
) -> None:
    """The others go on; the gap is marked, the exit code is 4, and the same command asks for that piece alone."""
    lock, count = threading.Lock(), [0]

    def refuses_the_second(received: Received) -> Answer:
        with lock:
            count[0] += 1
            if count[0] == 2:
                return error(400, "content_filter", "The content was filtered.")
        return _writes_down(received)

    listening.answer_with(refuses_the_second)
    ran = cli("transcribe", "talk.wav", "-j", "1", "-f", "json", "-o", "talk.json")
    assert ran.code == 4
    assert "not transcribed]" in ran.err
    assert "content filter" in ran.err
    told = json.loads(Path("talk.json").read_text())
    assert told["status"] == "partial"
    assert [gap["piece"] for gap in told["gaps"]] == [1]
    assert "not transcribed]" in told["text"]
    asked = len(listening.requests)
    listening.answer_with(_writes_down)
    ran = cli("transcribe", "talk.wav")
    assert (ran.code, len(listening.requests)) == (0, asked + 1)
    assert ran.out.decode().split() == talk.text.split()


ANSWERS = [
    "I'm sorry, but I can't help with that.",
    "Sure! Here are some ideas that you might like to try today with your family and friends at home.",
    "<think>The user wants a transcript.</think>",
    "one more time " * 60,
    "",
    "The speaker is talking about several objects in a calm voice, and there is some noise in the background.",
    "harbour",
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_instead_of_a_transcript_is_asked_for_again(
    cli: CommandLine, listening: Service, answer: str
) -> None:
    """Refusals, answers, descriptions, loops, thoughts, nothing: asked again more strictly, and not written down."""
    talk = tones.record(tones.sentences(7))
    Path("talk.wav").write_bytes(talk.wav)
    listening.answer_with(
        lambda received: completion(content=answer) if len(listening.requests) == 1 else _writes_down(received)
    )
    ran = cli("transcribe", "talk.wav", "-j", "1")
    assert (ran.code, ran.out.decode().split()) == (0, talk.text.split())
    systems = [received.json["messages"][0]["content"] for received in listening.requests]
    assert len(systems) == 2
    assert systems[0] != systems[1]


def test_a_model_that_always_answers_leaves_a_marked_gap(cli: CommandLine, listening: Service) -> None:
    """It is asked three times; then the piece is a gap. --no-check takes what it says."""
    Path("talk.wav").write_bytes(tones.record(tones.sentences(7)).wav)
    listening.answer_with(lambda _: completion(content="I'm sorry, I cannot assist with that request."))
    ran = cli("transcribe", "talk.wav", "-o", "talk.txt")
    assert (ran.code, len(listening.requests)) == (4, 3)
    assert Path("talk.txt").read_text() == "[0:00–0:22 not transcribed]\n"
    assert "--no-check" in ran.err
    ran = cli("transcribe", "talk.wav", "--no-check")
    assert (ran.code, ran.out) == (0, b"I'm sorry, I cannot assist with that request.\n")


@pytest.mark.parametrize(
    "around",
    [
        'Here is the transcription of the audio:\n\n"{}"',
        "Transcript: {}",
        "```\n{}\n```",
        "“{}”",
        "<think>Hm.</think>\n{}",
    ],
)
def test_what_stands_around_a_transcript_is_taken_off(cli: CommandLine, listening: Service, around: str) -> None:
    """Preambles, quotation marks, fences and thoughts are not what was said; nothing is asked again for them."""
    talk = tones.record(tones.sentences(4))
    Path("talk.wav").write_bytes(talk.wav)
    listening.answer_with(
        lambda received: completion(content=around.format(" ".join(tones.understood(tones.sent(received)))))
    )
    ran = cli("transcribe", "talk.wav")
    assert (ran.out.decode().strip(), len(listening.requests)) == (talk.text, 1)


def test_silence_alone_asks_nothing(cli: CommandLine, listening: Service) -> None:
    """An empty output, a note, exit 0."""
    Path("still.wav").write_bytes(wav.wrap(bytes(32_000 * 20), sample_rate=16_000))
    ran = cli("transcribe", "still.wav", "-o", "still.srt")
    assert (ran.code, listening.requests) == (0, [])
    assert Path("still.srt").read_text() == ""
    assert "nobody speaks" in ran.err


def test_folders_keep_their_shape(cli: CommandLine, listening: Service) -> None:
    """-R finds recordings in folders of folders; what is no recording is left alone, what cannot be read is named."""
    talk = tones.record(tones.sentences(2))
    Path("in/deep").mkdir(parents=True)
    for name in ("in/a.wav", "in/deep/b.wav"):
        Path(name).write_bytes(talk.wav)
    Path("in/notes.txt").write_text("no recording")
    Path("in/broken.mp3").write_bytes(b"nothing of the kind" * 100)
    ran = cli("transcribe", "in", "-R", "-o", "out/")
    assert ran.code == 6
    assert "broken.mp3" in ran.err
    assert sorted(str(path) for path in Path("out").rglob("*.txt")) == ["out/a.txt", "out/deep/b.txt"]
    assert Path("out/deep/b.txt").read_text().split() == talk.text.split()
    assert len(listening.requests) == 1  # the same sound is asked for once


def test_two_recordings_with_one_output_are_refused(cli: CommandLine, listening: Service) -> None:
    """Before anything is asked; so are several formats without a folder, and several recordings for one file."""
    for name in ("a.wav", "a.mp3", "b.wav"):
        Path(name).write_bytes(tones.record(tones.sentences(1)).wav)
    assert cli("transcribe", "a.wav", "a.mp3").code == 2
    assert cli("transcribe", "a.wav", "-f", "srt", "-f", "vtt").code == 2
    assert cli("transcribe", "a.wav", "b.wav", "-o", "all.txt").code == 2
    assert cli("transcribe", "a.wav", "-f", "docx").code == 2
    assert cli("transcribe", "a.wav", "-f", "srt", "-o", "a.vtt").code == 2
    assert cli("transcribe", "http://127.0.0.1/a.wav").code == 2
    assert cli("transcribe", "missing.wav").code == 6
    assert listening.requests == []


def test_a_file_of_the_users_own_is_not_replaced(cli: CommandLine, listening: Service) -> None:
    """A file that this job did not write stays, unless -o names it; its own it replaces."""
    for name in ("a.wav", "b.wav"):
        Path(name).write_bytes(tones.record(tones.sentences(1)).wav)
    Path("a.txt").write_text("mine")
    ran = cli("transcribe", "a.wav", "b.wav")
    assert (ran.code, Path("a.txt").read_text(), listening.requests) == (6, "mine", [])
    assert cli("transcribe", "a.wav", "-o", "a.txt").code == 0
    assert Path("a.txt").read_text() != "mine"
    Path("a.txt").unlink()
    assert cli("transcribe", "a.wav", "b.wav").code == 0
    assert cli("transcribe", "a.wav", "b.wav").code == 0


def test_a_pattern_that_no_shell_expanded(cli: CommandLine, listening: Service) -> None:
    """As on Windows; and stdin as a recording."""
    talk = tones.record(tones.sentences(2))
    for name in ("one.wav", "two.wav"):
        Path(name).write_bytes(talk.wav)
    assert cli("transcribe", "*.wav").code == 0
    assert Path("one.txt").read_text() == Path("two.txt").read_text() == f"{talk.text}\n"
    ran = cli("transcribe", "-", stdin=talk.wav)
    assert (ran.code, ran.out.decode().strip()) == (0, talk.text)
    assert len(listening.requests) == 1


def test_the_channels_of_a_call(cli: CommandLine, listening: Service) -> None:
    """Each channel is transcribed by itself, and names who speaks."""
    left, right = tones.record(tones.sentences(2)), tones.record([9.0, *tones.sentences(2, seed=9)])
    count = max(len(left.pcm), len(right.pcm))
    stereo = bytearray()
    for i in range(0, count, 2):
        stereo += left.pcm[i : i + 2].ljust(2, b"\0") + right.pcm[i : i + 2].ljust(2, b"\0")
    header = bytearray(wav.header(len(stereo), sample_rate=16_000))
    header[22:24], header[28:32], header[32:34] = b"\x02\0", (64_000).to_bytes(4, "little"), b"\x04\0"
    Path("call.wav").write_bytes(bytes(header) + stereo)
    ran = cli("transcribe", "call.wav", "--channels", "-f", "all", "-o", "out/")
    assert ran.code == 0
    lines = Path("out/call.txt").read_text().splitlines()
    assert lines == [f"Channel 1: {left.text}", f"Channel 2: {right.text}"]
    assert "<v Channel 2>" in Path("out/call.vtt").read_text()
    assert {one["speaker"] for one in json.loads(Path("out/call.json").read_text())["segments"]} == {
        "Channel 1",
        "Channel 2",
    }
    assert len(listening.requests) == 2


def _file_of_form(received: Received) -> bytes:
    boundary = received.headers["content-type"].partition("boundary=")[2].strip('"').encode()
    part = next(one for one in received.body.split(b"--" + boundary) if b'name="file"' in one)
    return part.partition(b"\r\n\r\n")[2][44:-2]


def test_a_deployment_that_transcribes_is_asked_as_one(cli: CommandLine, openai: Service) -> None:
    """whisper-1 goes to /audio/transcriptions, its own word times are taken, its language is kept for all pieces."""
    talk = tones.record(tones.sentences(30))
    Path("talk.wav").write_bytes(talk.wav)

    def transcribes(received: Received) -> Answer:
        found = tones.understood(_file_of_form(received))
        words = [{"word": word, "start": 0.32 * n, "end": 0.32 * n + 0.26} for n, word in enumerate(found)]
        return Answer(json.dumps({"text": " ".join(found), "language": "english", "words": words}).encode())

    openai.answer_with(transcribes)
    ran = cli(
        "transcribe",
        "talk.wav",
        "-m",
        "whisper-1",
        "--piece",
        "30",
        "--prompt",
        "Menabrea",
        "-f",
        "json",
        "-o",
        "o.json",
    )
    assert ran.code == 0
    told = json.loads(Path("o.json").read_text())
    assert (told["text"].split(), told["language"]) == (talk.text.split(), "en")
    assert not told["segments"][0]["estimated"]
    assert all(received.path == "/v1/audio/transcriptions" for received in openai.requests)
    assert b"Menabrea" in openai.last.body
    assert (
        sum(b'name="language"\r\n\r\nen\r\n' in received.body for received in openai.requests)
        == len(openai.requests) - 1
    )


def test_azures_path_of_a_transcribing_deployment(cli: CommandLine, azure: Service) -> None:
    """The deployment is in the path; one that gives no times is asked for text."""
    talk = tones.record(tones.sentences(3))
    Path("talk.wav").write_bytes(talk.wav)
    azure.answer_with(
        lambda received: Answer(json.dumps({"text": " ".join(tones.understood(_file_of_form(received)))}).encode())
    )
    ran = cli("transcribe", "talk.wav", "-m", "gpt-4o-transcribe")
    assert (ran.code, ran.out.decode().strip()) == (0, talk.text)
    assert azure.last.path.startswith("/openai/deployments/gpt-4o-transcribe/audio/transcriptions?api-version=")


def test_a_dry_run_sends_nothing_and_tells_the_price(
    cli: CommandLine, listening: Service, talk: tones.Recorded
) -> None:
    """Pieces, minutes and tokens; what is done already is left out."""
    prices = {"AUDIOCHAT_PRICES": '{"gpt-audio-1.5": {"input_audio": 1000}}'}
    ran = cli("transcribe", "talk.wav", "--dry-run", "--json", env=prices)
    told = json.loads(ran.out)
    assert (ran.code, told["status"], told["done"], listening.requests) == (0, "planned", 0, [])
    assert told["price"] == pytest.approx(told["tokens"]["input_audio"] / 1000)
    assert told["tokens"]["input_audio"] == pytest.approx(10 * told["seconds"], abs=3)
    assert cli("transcribe", "talk.wav").code == 0
    assert json.loads(cli("transcribe", "talk.wav", "--dry-run", "--json").out)["seconds"] == 0
    assert b"pieces:" in cli("transcribe", "talk.wav", "--dry-run").out
    assert len(talk.words) > 0


def test_limits_stop_a_run_and_keep_what_is_done(cli: CommandLine, listening: Service, talk: tones.Recorded) -> None:
    """--max-tokens and --max-failures; the same command goes on."""
    ran = cli("transcribe", "talk.wav", "-j", "1", "--piece", "20", "--max-tokens", "900")
    assert ran.code == 5
    assert "not transcribed]" in ran.out.decode()
    asked = len(listening.requests)
    assert 0 < asked < 6
    ran = cli("transcribe", "talk.wav", "-j", "1", "--piece", "20")
    assert (ran.code, ran.out.decode().split()) == (0, talk.text.split())
    listening.answer_with(lambda _: error(400, "content_filter", "Filtered."))
    ran = cli("transcribe", "talk.wav", "-j", "1", "--piece", "20", "--fresh", "--max-failures", "1")
    assert ran.code == 4
    assert "more than 1 pieces failed" in ran.err
    assert cli("transcribe", "talk.wav", "-j", "0").code == 2


def test_a_second_run_of_the_same_job_says_so(cli: CommandLine, listening: Service, talk: tones.Recorded) -> None:
    """It ends with 6 and asks nothing."""
    entered, go_on = threading.Event(), threading.Event()

    def slow(received: Received) -> Answer:
        entered.set()
        go_on.wait(20)
        return _writes_down(received)

    listening.answer_with(slow)
    first = subprocess.Popen([*AUDIOCHAT, "transcribe", "talk.wav", "-j", "1"], stdout=subprocess.PIPE)
    try:
        assert entered.wait(20)
        ran = cli("transcribe", "talk.wav")
        assert (ran.code, len(listening.requests)) == (6, 1)
        assert "running already" in ran.err
    finally:
        go_on.set()
        out, _ = first.communicate(timeout=30)
    assert out.decode().split() == talk.text.split()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_what_was_answered_before_a_kill_is_not_asked_for_again(
    cli: CommandLine, listening: Service, talk: tones.Recorded
) -> None:
    """A run is killed at a random moment; the next asks for what was missing, and once more for what was under way."""
    listening.answer_with(lambda received: Answer(_writes_down(received).body, hold=0.1))
    killed = subprocess.Popen(
        [*AUDIOCHAT, "transcribe", "talk.wav", "--piece", "10", "-j", "2"], stdout=subprocess.DEVNULL
    )
    while len(listening.requests) < 7:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    ran = cli("transcribe", "talk.wav", "--piece", "10", "-j", "2")
    assert (ran.code, ran.out.decode().split()) == (0, talk.text.split())
    sounds = [tones.sent(received) for received in listening.requests]
    assert len(sounds) - len(set(sounds)) <= 2


def test_jobs_are_listed_shown_and_removed(cli: CommandLine, listening: Service, talk: tones.Recorded) -> None:
    """For people and as JSON."""
    assert cli("transcribe", "talk.wav", "-o", "talk.srt").code == 0
    (job,) = json.loads(cli("jobs", "list", "--json").out)["jobs"]
    assert (job["status"], job["title"], job["kind"]) == ("done", "talk.wav", "transcribe")
    assert job["done"] == job["pieces"] == len(listening.requests)
    assert job["usage"]["input_tokens"] == 99 * len(listening.requests)
    assert job["name"].encode() in cli("jobs", "list").out
    shown = json.loads(cli("jobs", "show", job["name"], "--json").out)["job"]
    assert [Path(path).name for path in shown["files"]] == ["talk.srt"]
    assert b"done:" in cli("jobs", "show", job["name"]).out
    assert cli("jobs", "remove", job["name"]).code == 0
    assert cli("jobs", "list").out == b""
    assert cli("jobs", "show", job["name"]).code == 2
    assert Path("talk.srt").exists()
    assert len(talk.words) > 0


def test_progress_is_told_on_a_pipe(
    cli: CommandLine, listening: Service, talk: tones.Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line now and then, unless -q."""
    from audiochat.cli import progress_lines

    monkeypatch.setattr(progress_lines, "INTERVAL", 0.0)
    ran = cli("transcribe", "talk.wav", "-j", "1", "-o", "talk.txt")
    assert "Transcribing: " in ran.err
    assert "tokens" in ran.err
    assert cli("transcribe", "talk.wav", "-q", "--fresh", "-o", "talk.txt").err == ""
    assert (len(listening.requests), bool(talk.words)) == (len(listening.requests), True)


def test_the_sound_of_a_film_that_begins_late(
    cli: CommandLine, listening: Service, film: Callable[[float], str]
) -> None:
    """Times count from the film's own start."""
    told = json.loads(cli("transcribe", film(4.5), "--json").out)
    assert told["segments"][0]["start"] == pytest.approx(4.5, abs=0.4)
    assert len(listening.requests) == 1


@pytest.fixture
def film() -> Callable[[float], str]:
    """Makes a film whose sound begins after so many seconds."""

    def make(late: float) -> str:
        import av

        talk = tones.record(tones.sentences(3))
        with av.open("film.mkv", "w") as container:
            picture = container.add_stream("mpeg4", rate=5)
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
            sound = container.add_stream("pcm_s16le", rate=tones.RATE, layout="mono")
            for n in range(80):
                frame = av.VideoFrame(64, 64, "yuv420p")
                frame.pts = n
                container.mux(picture.encode(frame))
            whole = av.AudioFrame(format="s16", layout="mono", samples=len(talk.pcm) // 2)
            whole.planes[0].update(talk.pcm.ljust(whole.planes[0].buffer_size, b"\0"))
            whole.sample_rate, whole.pts = tones.RATE, int(late * tones.RATE)
            container.mux(sound.encode(whole))
            container.mux(picture.encode(None))
            container.mux(sound.encode(None))
        return "film.mkv"

    return make


_WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima"]


def _transcribed(cli: CommandLine, *options: str) -> Any:
    Path("talk.wav").write_bytes(tones.record(tones.sentences(12)).wav)
    ran = cli("transcribe", "talk.wav", "-f", "json", "-o", "o.json", *options)
    return ran, json.loads(Path("o.json").read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.parametrize("times", [("NaN", "Infinity"), ("1000", "1001"), ("9.0", "-1")])
def test_times_that_are_none_are_not_taken(cli: CommandLine, openai: Service, times: tuple[str, str]) -> None:
    """A server's times beyond the recording, backwards or no numbers are worked out instead."""
    words = ", ".join(f'{{"word": "{word}", "start": {times[0]}, "end": {times[1]}}}' for word in _WORDS)
    openai.answer(Answer(f'{{"text": "{" ".join(_WORDS)}", "words": [{words}]}}'.encode()))
    ran, told = _transcribed(cli, "-m", "whisper-1", "--no-check")
    assert ran.code == 0
    assert all(segment["estimated"] and segment["end"] <= told["duration"] for segment in told["segments"])


def test_times_of_segments_alone_are_taken(cli: CommandLine, openai: Service) -> None:
    """Many servers tell when sentences are said, and not words: better than the whole piece."""
    segments = [
        {"text": " ".join(_WORDS[:6]), "start": 0, "end": 1},
        {"text": " ".join(_WORDS[6:]), "start": 3, "end": 4},
    ]
    openai.answer(Answer(json.dumps({"text": " ".join(_WORDS), "segments": segments}).encode()))
    _, told = _transcribed(cli, "-m", "whisper-1", "--no-check")
    words = {word["word"]: word for segment in told["segments"] for word in segment["words"]}
    assert words["foxtrot"]["end"] <= 1.0
    assert words["golf"]["start"] >= 3.0
    assert words["golf"]["estimated"]


@pytest.mark.parametrize("field", ["timestamp_granularities[]", "temperature"])
def test_a_field_that_a_server_refuses_is_left_out(cli: CommandLine, openai: Service, field: str) -> None:
    """Servers that know fewer parameters transcribe all the same; it is remembered for the run."""

    def answer(received: Received) -> Answer:
        if field.encode() in received.body:
            return error(400, "unknown_parameter", f"Unknown parameter: '{field}'")
        return Answer(json.dumps({"text": " ".join(_WORDS)}).encode())

    openai.answer_with(answer)
    ran, told = _transcribed(cli, "-m", "whisper-1", "--no-check")
    assert (ran.code, told["text"].split()) == (0, _WORDS)


def test_plain_text_and_an_error_in_disguise_are_understood(cli: CommandLine, openai: Service) -> None:
    """Some servers answer in text alone; some tell an error as if it were an answer."""
    openai.answer(Answer(" ".join(_WORDS).encode(), headers={"Content-Type": "text/plain; charset=utf-8"}))
    assert _transcribed(cli, "-m", "whisper-1", "--no-check")[1]["text"].split() == _WORDS
    openai.answer(Answer(b'{"error": {"message": "The quota is used up."}}'))
    ran, _ = _transcribed(cli, "-m", "whisper-1", "--fresh")
    assert ran.code == 5
    assert "The answer is no transcription: The quota is used up." in ran.err


def test_a_refusal_in_its_own_field_is_asked_for_again(cli: CommandLine, openai: Service) -> None:
    """More strictly, like one in words."""
    refusal = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    refused = completion(choices=[{"index": 0, "message": refusal, "finish_reason": "stop"}])
    openai.answer_with(
        lambda received: (
            refused
            if len(openai.requests) == 1
            else completion(content=" ".join(tones.understood(tones.sent(received))))
        )
    )
    ran, told = _transcribed(cli)
    assert (ran.code, told["status"], len(openai.requests)) == (0, "ok", 2)
