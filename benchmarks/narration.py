"""Measure a narration: 100,000 words in 300 chapters against a scripted service, and with kills in between.

    python benchmarks/narration.py                  # throughput, memory, marks
    python benchmarks/narration.py --kills 20       # the same, killed with SIGKILL at random moments
    python benchmarks/narration.py --words 5000 --chapters 15 --latency 0.2    # a look

The service answers each piece with its words after a fixed time. The first piece of a chapter begins with a high tone,
all others are low ones, so that a mark can be compared with what is heard in the finished file.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import math
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from contextlib import closing
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = 24_000
WORD = 0.1
"""Seconds of sound for a word: a third of what people take, so that a book of 11 hours is encoded in minutes."""
HIGH, LOW = 3000, 300
BURST = 0.2
"""Seconds of the high tone."""
OPENING = "Opening"
_VOCABULARY = (  # noqa: SIM905 - a list of them would be a column of forty lines
    "the a of and to in on with under over river house garden morning evening winter letter captain sister stranger "
    "walked looked thought remembered carried opened closed followed found lost slowly quietly gladly suddenly old "
    "young narrow golden distant familiar was had could not never seven twelve every another"
).split()


def book(path: Path, words: int, chapters: int) -> None:
    """Write an EPUB."""
    chance = random.Random(7)
    pages = []
    for number in range(1, chapters + 1):
        left = words // chapters
        paragraphs = []
        while left > 0:
            sentences = []
            for _ in range(chance.randint(3, 7)):
                count = chance.randint(8, 18)
                left -= count
                sentence = " ".join(chance.choice(_VOCABULARY) for _ in range(count))
                sentences.append(f"{sentence.capitalize()}.")
            paragraphs.append(" ".join(sentences))
        body = "".join(f"<p>{text} Number {number}.</p>" for text in paragraphs)
        pages.append(f"<html><body><h1>{OPENING} of chapter {number}</h1>{body}</body></html>")
    entries = "".join(f'<li><a href="c{n}.xhtml">Chapter {n}</a></li>' for n in range(1, chapters + 1))
    items = "".join(
        f'<item id="c{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(1, chapters + 1)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(1, chapters + 1))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "META-INF/container.xml", '<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>'
        )
        archive.writestr(
            "b.opf",
            '<package xmlns:dc="d"><metadata><dc:title>A Long Book</dc:title></metadata><manifest>'
            f'<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>{items}</manifest>'
            f"<spine>{spine}</spine></package>",
        )
        archive.writestr(
            "nav.xhtml", f'<html xmlns:epub="e"><body><nav epub:type="toc"><ol>{entries}</ol></nav></body></html>'
        )
        for number, page in enumerate(pages, 1):
            archive.writestr(f"c{number}.xhtml", page)


@lru_cache(maxsize=256)
def sound(seconds: float, *, opening: bool) -> str:
    """A WAV in base64."""
    count = max(round(RATE * seconds), round(RATE * BURST))
    high = round(RATE * BURST) if opening else 0
    samples = [
        round(9000 * math.sin(2 * math.pi * (HIGH if index < high else LOW) * index / RATE)) for index in range(count)
    ]
    pcm = struct.pack(f"<{count}h", *samples)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(pcm),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        RATE,
        RATE * 2,
        2,
        16,
        b"data",
        len(pcm),
    )
    return base64.b64encode(head + pcm).decode()


class Service:
    """Answers after a fixed time, and notes when it was asked for what."""

    def __init__(self, latency: float, word: float = WORD) -> None:
        self.asked: dict[str, list[float]] = {}
        lock = threading.Lock()
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                text = request["messages"][-1]["content"]
                with lock:
                    asked.setdefault(text, []).append(time.monotonic())
                began = time.monotonic()
                audio = sound(len(text.split()) * word, opening=text.startswith(OPENING))
                message = {
                    "role": "assistant",
                    "audio": {"id": "audio_1", "data": audio, "expires_at": 1, "transcript": text},
                }
                usage = {"prompt_tokens": 100, "completion_tokens": 100}
                body = json.dumps(
                    {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
                ).encode()
                time.sleep(max(0.0, latency - (time.monotonic() - began)))
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._asked_at = lambda: max((times[-1] for times in list(asked.values())), default=0.0)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def wait(self, seconds: float) -> None:
        """Wait for the next request, and then for so long."""
        before = self._asked_at()
        ends = time.monotonic() + 120
        while self._asked_at() == before and time.monotonic() < ends:
            time.sleep(0.01)
        time.sleep(seconds)


def run(
    command: list[str], env: dict[str, str], killed: Callable[[], object] | None = None
) -> tuple[int, float, float]:
    """Run a command; its status, seconds, and peak memory in MB.

    Args:
        command: What to run.
        env: Its environment.
        killed: Returns when it is to be killed.
    """
    began = time.monotonic()
    process = subprocess.Popen(command, env=env)
    if killed is not None:
        killed()
        process.send_signal(signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, time.monotonic() - began, usage.ru_maxrss / 1024


def onsets(path: Path) -> list[float]:
    """When the high tone begins, each time, in seconds: by counting its turns of sign in blocks of 5 ms."""
    import av

    found: list[float] = []
    position = 0
    last = -10.0
    block = RATE // 200
    turns = BURST and 2 * HIGH / 200
    left: list[int] = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for frame in container.decode(container.streams.audio[0]):
            for one in resampler.resample(frame):
                data = bytes(one.planes[0])[: one.samples * 2]
                left += struct.unpack(f"<{one.samples}h", data)
            while len(left) >= block:
                now = left[:block]
                del left[:block]
                signs = sum((a < 0) != (b < 0) for a, b in itertools.pairwise(now))
                loud = max(map(abs, now)) > 1500
                at = position / RATE
                if loud and signs > turns * 0.7:
                    if at - last > 2 * BURST:
                        found.append(at)
                    last = at
                position += block
    return found


def marks(path: Path) -> list[float]:
    """The chapters' marks, in seconds."""
    import av

    with av.open(str(path)) as container:
        return [float(one["start"] * one["time_base"]) for one in container.chapters()]


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--chapters", type=int, default=300)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--word", type=float, default=WORD, help="seconds of sound for a word")
    parser.add_argument("--keep", type=Path, help="where to copy the audiobook")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="narration-"))
    try:
        measure(options, folder)
    finally:
        shutil.rmtree(folder)


def measure(options: Any, folder: Path) -> None:
    """Measure, in a folder."""
    path = folder / "book.epub"
    book(path, options.words, options.chapters)
    service = Service(options.latency, options.word)
    env = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OPENAI_", "AZURE_", "AUDIOCHAT_"))
        },
        "OPENAI_BASE_URL": service.url,
        "OPENAI_API_KEY": "none",
        "XDG_DATA_HOME": str(folder),
    }
    command = [sys.executable, "-m", "audiochat", "narrate", str(path), "-o", str(folder / "book.m4b")]
    command += ["--provider", "openai", "-j", str(options.jobs), "--check", "words"]
    planned = json.loads(
        subprocess.run([*command, "--dry-run", "--json"], env=env, capture_output=True, check=True).stdout
    )
    pieces = planned["pieces"]
    ideal = math.ceil(pieces / options.jobs) * options.latency
    chance = random.Random(11)
    lost: list[set[str]] = []
    memory = 0.0
    for _ in range(options.kills):
        _, _, peak = run(command, env, lambda: service.wait(chance.uniform(0, 0.9 * ideal / options.kills)))
        memory = max(memory, peak)
        lost.append(in_flight(folder))
    code, elapsed, peak = run(command, env)
    memory = max(memory, peak)
    first = min(times[0] for times in service.asked.values())
    last = max(times[-1] for times in service.asked.values()) + options.latency
    asked = sum(map(len, service.asked.values()))
    print(f"exit {code}; {pieces} pieces, {asked} requests, {len(service.asked)} different, -j {options.jobs}")
    if not lost:
        print(f"asking took {last - first:.1f} s, ideal {ideal:.1f} s: {ideal / (last - first):.1%}")
        print(f"all of it took {elapsed:.1f} s")
    else:
        again, bad = asked - len(service.asked), unexplained(service, folder, lost)
        print(f"killed {len(lost)} times with {sum(map(len, lost))} pieces in flight")
        print(f"asked again: {again}, of them not in flight at a kill: {bad}")
    print(f"peak memory {memory:.0f} MB")
    if options.keep:
        shutil.copy(folder / "book.m4b", options.keep)
    heard, told = onsets(folder / "book.m4b"), marks(folder / "book.m4b")
    off = max(abs(a - b) for a, b in zip(heard, told, strict=True))
    print(f"{len(told)} marks, {len(heard)} heard; the worst is {off * 1000:.0f} ms off")


def in_flight(folder: Path) -> set[str]:
    """The keys of the pieces that were asked for when the process was killed, as its job knows."""
    keys: set[str] = set()
    for path in folder.glob("audiochat/jobs/*/job.sqlite"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            keys |= {key for (key,) in database.execute("SELECT DISTINCT key FROM asked WHERE ended IS NULL")}
    return keys


def unexplained(service: Service, folder: Path, lost: list[set[str]]) -> int:
    """How many requests were for a piece that was asked for before, and not in flight when the process was killed."""
    count = 0
    for path in folder.glob("audiochat/jobs/*/job.sqlite"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            for key, data in database.execute("SELECT key, data FROM results"):
                again = len(service.asked[json.loads(data)["text"]]) - 1
                count += max(0, again - sum(key in keys for keys in lost))
    return count


if __name__ == "__main__":
    main()
