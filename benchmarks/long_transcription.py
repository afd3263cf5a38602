"""Measures `transcribe` on hours of known words: against a service that finds them by the sound, and on the engine.

    python benchmarks/long_transcription.py FOLDER service [-j 16]     seams: words lost and doubled, times
    python benchmarks/long_transcription.py FOLDER engine              word error rate, times, speed
    python benchmarks/long_transcription.py FOLDER alone               faster-whisper on the same file, which finds the
                                                                       language of each of its windows

FOLDER is what spoken_hours.py made; it gets the transcript, `service.json` or `engine.json`.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import wave
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from audiochat.audio.decoder import open_recording
from audiochat.jobs.transcribe.words import plain, plain_words

RATE = 16_000
_SOUNDS = 300
"""The largest of a fiftieth of a second's samples from which on it is no pause."""
_RUN = 4
"""Words in a row that are lost or added, from which on they are printed."""
_NEAR = 8
"""Words around a seam of pieces in which one that is lost or added is the seam's fault."""


def timed_words(recording: Path, spoken: list[dict[str, Any]]) -> list[tuple[str, float]]:
    """All words with their middles, in seconds: an utterance is shared out by letters over what sounds of it."""
    found = []
    with wave.open(str(recording)) as file:
        rate = file.getframerate()
        step = rate // 50
        for one in spoken:
            file.setpos(int(one["start"] * rate))
            samples = np.frombuffer(file.readframes(int((one["end"] - one["start"]) * rate)), dtype="<i2")
            loudest = np.abs(samples[: len(samples) // step * step].reshape(-1, step)).max(axis=1)
            sounds = np.flatnonzero(loudest > _SOUNDS)
            letters = sum(len(word) + 1 for word in one["words"])
            before = 0.0
            for word in one["words"]:
                middle = sounds[int((before + (len(word) + 1) / 2) / letters * len(sounds))]
                found.append((word, one["start"] + float(middle + 0.5) * step / rate))
                before += len(word) + 1
    return found


class Service:
    """Answers with the words whose middle lies in the piece that it was sent; it finds the piece by its samples."""

    def __init__(self, recording: Path, words: list[tuple[str, float]]) -> None:
        with recording.open("rb") as file, open_recording(file, name=recording.name) as opened:
            self.pcm = b"".join(opened.mono(RATE, keep_time=True))
        self.words = words
        self.asked = 0
        self.seconds = 0.0
        lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                (part,) = (one for one in body["messages"][-1]["content"] if one["type"] == "input_audio")
                piece = base64.b64decode(part["input_audio"]["data"])[44:]
                with lock:
                    outer.asked += 1
                    outer.seconds += len(piece) / 2 / RATE
                answer = json.dumps(outer.answer(piece)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, piece: bytes) -> dict[str, Any]:
        """A chat completion with the words of a piece."""
        middle = len(piece) // 4 * 2
        found = self.pcm.find(piece[middle : middle + 4000])
        while found % 2:
            found = self.pcm.find(piece[middle : middle + 4000], found + 1)
        assert found >= 0, "the piece is not of this recording"
        start = (found - middle) / 2 / RATE
        end = start + len(piece) / 2 / RATE
        text = " ".join(word for word, middle in self.words if start <= middle < end)
        message = {"role": "assistant", "content": text}
        return {
            "id": "1", "object": "chat.completion", "created": 0, "model": "scripted",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }  # fmt: skip


def _peak_memory(process: int) -> int:
    """The most kilobytes that a process has had; `getrusage` counts those of its parent before `exec`, too."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)


def transcribe(recording: Path, environment: dict[str, str], *options: str) -> tuple[dict[str, Any], float, float]:
    """Run the command in a home of its own; the JSON transcript, seconds, and seconds of processors."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AZURE_", "OPENAI_", "AUDIOCHAT_"))
        }
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [sys.executable, "-m", "audiochat", "transcribe", str(recording), "-o", str(out), "--store", folder]
        child = subprocess.Popen([*command, *options], env={**clean, **environment})
        peak = 0
        while child.poll() is None:
            peak = max(peak, _peak_memory(child.pid))
            time.sleep(0.2)
        if child.returncode:
            raise subprocess.CalledProcessError(child.returncode, command)
        elapsed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"peak memory {peak / 1024:.0f} MB")
        return json.loads(out.read_text()), elapsed, worked


@dataclass(frozen=True, slots=True)
class Told:
    """A word of a transcript, as it is compared."""

    text: str
    start: float
    piece: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """A word that is said, as it is compared."""

    text: str
    language: str
    utterance: float
    """Seconds at which its utterance begins."""
    first: bool
    """Whether it begins it."""


@dataclass
class Errors:
    """What differs between what is said and what is written."""

    words: int = 0
    lost: int = 0
    added: int = 0
    different: int = 0
    times: list[float] = field(default_factory=list)
    """Seconds, at the beginnings of utterances."""

    def note(self, code: Any) -> None:
        """Count an edit of rapidfuzz."""
        self.lost += (code.src_end - code.src_start) * (code.tag == "delete")
        self.added += (code.dest_end - code.dest_start) * (code.tag == "insert")
        self.different += (code.src_end - code.src_start) * (code.tag == "replace")

    def __str__(self) -> str:
        rate = (self.lost + self.added + self.different) / max(1, self.words)
        text = f"{self.words} words: {self.lost} lost, {self.added} added, {self.different} different"
        text += f"; word error rate {rate:.4f}"
        if not self.times:
            return text
        median, last = statistics.median(self.times), sorted(self.times)[int(0.95 * len(self.times))]
        return f"{text}; {len(self.times)} times: median error {median:.3f} s, 95 % within {last:.3f} s"


def compare(told: list[Told], spoken: list[dict[str, Any]]) -> None:
    """Print the errors of each language, of all, and how many words are lost and added at the seams of pieces."""
    said = [
        Said(plain(word), one["language"], one["start"], n == 0)
        for one in spoken
        for n, word in enumerate(one["words"])
    ]
    each = {one.language: Errors() for one in said}
    everything, at_seams = Errors(len(said)), Errors()
    for one in said:
        each[one.language].words += 1
    seams = [n for n in range(1, len(told)) if told[n].piece != told[n - 1].piece]
    for code in Levenshtein.opcodes([one.text for one in said], [one.text for one in told]):
        here = said[min(code.src_start, len(said) - 1)]
        each[here.language].note(code)
        everything.note(code)
        if code.tag == "equal":
            for true, written in zip(
                said[code.src_start : code.src_end], told[code.dest_start : code.dest_end], strict=False
            ):
                if true.first:
                    each[true.language].times.append(abs(written.start - true.utterance))
                    everything.times.append(abs(written.start - true.utterance))
        if any(code.dest_start - _NEAR < seam < code.dest_end + _NEAR for seam in seams):
            at_seams.note(code)
        words = said[code.src_start : code.src_end] or told[code.dest_start : code.dest_end]
        if code.tag in ("delete", "insert") and len(words) >= _RUN:
            print(f"  {here.utterance:.1f} s: {code.tag} {' '.join(word.text for word in words)}")
    for language, errors in each.items():
        print(f"{language}: {errors}")
    print(f"all: {everything}")
    if seams:
        print(f"{len(seams)} seams: {at_seams.lost} words lost and {at_seams.added} added within {_NEAR} words of them")


def words_told(told: dict[str, Any]) -> list[Told]:
    """The words of a JSON transcript."""
    words = [(word, segment["piece"]) for segment in told["segments"] for word in segment["words"]]
    return [Told(one, word["start"], piece) for word, piece in words for one in plain_words(word["word"])]


def alone(recording: Path) -> None:
    """faster-whisper by itself, with the same model and settings."""
    from faster_whisper import WhisperModel

    from audiochat.local import models
    from audiochat.local.processors import usable_processors

    began = time.perf_counter()
    threads = usable_processors()
    model = WhisperModel(str(models.WHISPER.folder), device="cpu", compute_type="int8", cpu_threads=threads)
    segments, _ = model.transcribe(
        str(recording),
        vad_filter=True,
        beam_size=1,
        word_timestamps=True,
        condition_on_previous_text=False,
        multilingual=True,
    )
    words = [Told(one, word.start) for segment in segments for word in segment.words for one in plain_words(word.word)]
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(f"alone: {time.perf_counter() - began:.1f} s, {usage.ru_utime + usage.ru_stime:.1f} s of processors")
    compare(words, json.loads((recording.parent / "speech.json").read_text()))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("what", choices=["service", "engine", "alone"])
    parser.add_argument("--ears", action="store_true", help="with the engine's recogniser for checks and times")
    parser.add_argument("-j", "--jobs", default="16")
    given = parser.parse_args()
    recording = given.folder / "speech.wav"
    spoken = json.loads((given.folder / "speech.json").read_text())
    if given.what == "alone":
        alone(recording)
        return
    if given.what == "engine":
        told, elapsed, worked = transcribe(recording, {"AUDIOCHAT_PROVIDER": "local"})
    else:
        service = Service(recording, timed_words(recording, spoken))
        address = f"http://127.0.0.1:{service.server.server_address[1]}/v1"
        environment = {"OPENAI_BASE_URL": address, "OPENAI_API_KEY": "none"}
        if not given.ears:
            environment["XDG_CACHE_HOME"] = str(given.folder / "no-models")
        told, elapsed, worked = transcribe(recording, environment, "-j", given.jobs)
        print(f"{service.asked} pieces, {service.seconds:.0f} s of sound sent")
    minutes, gaps = told["duration"] / 60, len(told["gaps"])
    print(f"{minutes:.1f} minutes in {elapsed:.1f} s, {worked:.1f} s of processors; gaps: {gaps}")
    (given.folder / f"{given.what}.json").write_text(json.dumps(told, ensure_ascii=False))
    compare(words_told(told), spoken)


if __name__ == "__main__":
    main()
