"""A long book as EPUB, and a service that reads it aloud after a fixed time and notes what it was asked for.

The first piece of a chapter begins with a high tone, all others are low ones, so that a mark can be compared with what
is heard in the finished file.
"""

from __future__ import annotations

import base64
import json
import math
import random
import struct
import threading
import time
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from players import COVER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RATE = 24_000
WORD = 0.1
"""Seconds of sound for a word: a third of what people take, so that a book of 11 hours is encoded in minutes."""
_LETTERS = 6
"""Letters of a word."""
HIGH, LOW = 3000, 300
BURST = 0.2
"""Seconds of the high tone."""
OPENING = "Opening"
TITLE, AUTHOR = "A Long Book", "A. Author"
_VOCABULARY = (  # noqa: SIM905 - a list of them would be a column of forty lines
    "the a of and to in on with under over river house garden morning evening winter letter captain sister stranger "
    "walked looked thought remembered carried opened closed followed found lost slowly quietly gladly suddenly old "
    "young narrow golden distant familiar was had could not never seven twelve every another"
).split()


def book(path: Path, words: int, chapters: int) -> None:
    """Write an EPUB with a table of contents, an author and a cover."""
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
            f'<package xmlns:dc="d"><metadata><dc:title>{TITLE}</dc:title><dc:creator>{AUTHOR}</dc:creator>'
            '</metadata><manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
            f'<item id="cover" href="cover.png" media-type="image/png" properties="cover-image"/>{items}</manifest>'
            f"<spine>{spine}</spine></package>",
        )
        archive.writestr(
            "nav.xhtml", f'<html xmlns:epub="e"><body><nav epub:type="toc"><ol>{entries}</ol></nav></body></html>'
        )
        archive.writestr("cover.png", COVER)
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


@dataclass(slots=True)
class Request:
    """A request for a piece; times in seconds of the monotonic clock."""

    began: float
    answered: float | None = None
    """When the last byte of the answer was sent; None as long as it was not."""


class Service:
    """Answers after a fixed time, and notes when it was asked for what.

    Args:
        latency: Seconds that it takes for each piece.
        word: Seconds of sound for a word.
        says: What it says of a text, and of how often it was asked for that before; by default just that.
    """

    def __init__(
        self, latency: float, word: float = WORD, says: Callable[[str, int], str] = lambda text, _: text
    ) -> None:
        self.asked: dict[str, list[Request]] = {}
        self._latency = latency
        self._word = word
        self._says = says
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def requests(self) -> int:
        """How many there were."""
        with self._lock:
            return sum(map(len, self.asked.values()))

    def note(self, text: str) -> Request:
        """Note a request."""
        request = Request(time.monotonic())
        with self._lock:
            self.asked.setdefault(text, []).append(request)
        return request

    def answer(self, text: str) -> bytes:
        """The answer to a request that was noted: words, and a sound as long as they are."""
        with self._lock:
            before = len(self.asked[text]) - 1
        said = self._says(text, before)
        letters = sum(map(str.isalnum, said))  # an address is one word, and takes as long as several
        audio = sound(letters / _LETTERS * self._word, opening=text.startswith(OPENING))
        message = {"role": "assistant", "audio": {"id": "a", "data": audio, "expires_at": 1, "transcript": said}}
        usage = {"prompt_tokens": 100, "completion_tokens": 100}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return json.dumps({"id": "c", "choices": choices, "usage": usage}).encode()

    def wait(self, seconds: float) -> None:
        """Wait for the next request, and then for so long."""
        before, ends = self.requests, time.monotonic() + 120
        while self.requests == before and time.monotonic() < ends:
            time.sleep(0.01)
        time.sleep(seconds)

    def until_answered(self, began: float) -> float:
        """When to send the answer of a request that began then."""
        return max(0.0, began + self._latency - time.monotonic())


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that was killed is no error."""


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["content-length"])))
            text = told["messages"][-1]["content"]
            request = service.note(text)
            body = service.answer(text)
            time.sleep(service.until_answered(request.began))
            try:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                request.answered = time.monotonic()
            except OSError:
                pass

        def log_message(self, *_: object) -> None:
            pass

    return Handler
