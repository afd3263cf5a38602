"""Measures what `serve` adds to the engine: an engine without a model, which takes the time that it is told to.

python benchmarks/server.py    the table goes to docs/server.md
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import re
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measurements import Row
from run import machine

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.scripted_engine import ScriptedEngine, Voice, Writer, tone  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

PAGE = ROOT / "docs" / "server.md"
_TABLE = re.compile(r"(?<=<!-- bench -->\n).*(?=<!-- /bench -->)", re.DOTALL)
JSON = {"Content-Type": "application/json"}
CHAT = "/v1/chat/completions"
REQUESTS = 200


@dataclass(frozen=True)
class Script:
    """How the engine behaves."""

    sentences: int = 2
    pace: float = 0.0
    """Seconds for a sentence."""

    def engine(self) -> ScriptedEngine:
        """An engine that speaks half a second for each sentence."""
        writer = Writer(sentences=["The dog is called Rex."] * self.sentences, pace=self.pace)
        return ScriptedEngine(language_model=writer, synthesizer=Voice(pcm=tone(0.5)))


def ask(*, stream: bool = False) -> bytes:
    """A request for a spoken answer."""
    audio = {"voice": "alloy", "format": "pcm16" if stream else "wav"}
    messages = [{"role": "user", "content": "What is the dog called?"}]
    body = {"model": "any", "modalities": ["text", "audio"], "audio": audio, "messages": messages, "stream": stream}
    return json.dumps(body).encode()


@dataclass(frozen=True)
class Server:
    """A server in a process of its own."""

    port: int
    process: multiprocessing.process.BaseProcess
    stopped: Connection
    """Gives the moment at which the engine gave up an answer, once."""

    def connect(self) -> http.client.HTTPConnection:
        """A connection that is kept."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    @property
    def memory(self) -> int:
        """Bytes that the process holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    """Run the server of `serve` over a scripted engine."""
    context = multiprocessing.get_context("spawn")
    port, port_of_server = context.Pipe(duplex=False)
    stopped, stopped_of_server = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=_serve, args=(script, folder, port_of_server, stopped_of_server))
        process.start()
        try:
            yield Server(port.recv(), process, stopped)
        finally:
            process.terminate()
            process.join()


def _serve(script: Script, folder: str, port: Connection, stopped: Connection) -> None:
    from audiochat.local.audio_ids import AudioIds
    from audiochat.web.api import serve_api
    from audiochat.web.engine_service import EngineService
    from audiochat.web.rules import Rules
    from audiochat.web.server import bind, run

    engine = script.engine()

    def watch() -> None:
        engine.language_model.stopped.wait()
        stopped.send(time.monotonic())

    threading.Thread(target=watch, daemon=True).start()
    listening = bind("127.0.0.1", 0)
    app = serve_api(EngineService(engine, AudioIds(Path(folder))), Rules.of("127.0.0.1", listening.port))
    run(app, listening, ready=lambda: port.send(listening.port))


def _timed(work: Callable[[], object], count: int) -> list[float]:
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return taken


def _post(connection: http.client.HTTPConnection, body: bytes) -> bytes:
    connection.request("POST", CHAT, body, JSON)
    response = connection.getresponse()
    content = response.read()
    assert response.status == 200, content
    return content


def overhead() -> Iterator[Row]:
    """What a request takes more than the same engine in this process, whole and streamed."""
    for kind in ("whole", "streamed"):
        served, alone = _compared(ask(stream=kind == "streamed"))
        told = f"**{served - alone:.1f} ms**: {served:.1f} and {alone:.1f} ms"
        met = served - alone <= 5
        yield Row(f"{REQUESTS} {kind} answers: the median, over the engine's own time", told, "≤ 5 ms", met=met)


def _compared(body: bytes) -> tuple[float, float]:
    """The medians in milliseconds: over the server, and of the engine in this process; they take turns."""
    from audiochat.local.api import ChatCompletions
    from audiochat.local.audio_ids import AudioIds

    with tempfile.TemporaryDirectory() as folder, serving(Script()) as server:
        completions = ChatCompletions(Script().engine(), AudioIds(Path(folder)))
        connection = server.connect()
        served, alone = [], []
        for _ in range(REQUESTS + 20):  # some to warm up
            alone += _timed(lambda: b"".join(completions.respond(body).chunks), 1)
            served += _timed(lambda: _post(connection, body), 1)
    return 1000 * statistics.median(served[20:]), 1000 * statistics.median(alone[20:])


def first_delta() -> Iterator[Row]:
    """When the first sound leaves, after the first sentence was written."""
    pace, late = 0.3, []
    with serving(Script(sentences=4, pace=pace)) as server:
        for _ in range(20):
            connection = server.connect()
            started = time.perf_counter()
            connection.request("POST", CHAT, ask(stream=True), JSON)
            response = connection.getresponse()
            while b'"data"' not in response.readline():
                pass
            late.append(time.perf_counter() - started - pace)
            response.read()
            connection.close()
    worst = 1000 * max(late)
    told = f"**{1000 * statistics.median(late):.0f} ms** after it, {worst:.0f} at worst of {len(late)}"
    yield Row(
        "the first delta of sound, after the first sentence", told, "≤ 50 ms", met=statistics.median(late) <= 0.05
    )


def cancelling() -> Iterator[Row]:
    """From the moment at which a client leaves to the one at which the engine stops."""
    for stream in (False, True):
        taken = []
        for _ in range(5):
            with serving(Script(sentences=1000, pace=0.02)) as server:
                connection = server.connect()
                connection.request("POST", CHAT, ask(stream=stream), JSON)
                time.sleep(0.3)
                left = time.monotonic()
                assert connection.sock is not None
                connection.sock.close()
                connection.close()
                taken.append(server.stopped.recv() - left)
        kind = "streamed" if stream else "whole"
        told = f"**{1000 * statistics.median(taken):.0f} ms**, {1000 * max(taken):.0f} at worst of {len(taken)}"
        row = f"a client leaves in the middle of a {kind} answer: the engine stops after"
        yield Row(row, told, "≤ 500 ms", met=max(taken) <= 0.5)


def crowd() -> Iterator[Row]:
    """Sixteen clients at once, each of whom asks four times; and the health meanwhile."""
    statuses: Counter[int] = Counter()
    health: list[float] = []
    with serving(Script(pace=0.02)) as server:

        def client() -> None:
            for _ in range(4):
                connection = server.connect()
                connection.request("POST", CHAT, ask(), JSON)
                response = connection.getresponse()
                told = json.loads(response.read())
                assert ("choices" in told) == (response.status == 200)
                statuses[response.status] += 1
                connection.close()

        clients = [threading.Thread(target=client) for _ in range(16)]
        for one in clients:
            one.start()
        while any(one.is_alive() for one in clients):
            health += _timed(lambda: _ask_health(server), 1)
            time.sleep(0.05)
    lost = 64 - statuses[200] - statuses[429]
    told = f"**{lost} lost**: {statuses[200]} answered, {statuses[429]} told 429"
    yield Row("16 clients at once, 4 requests each", told, "0 lost", met=lost == 0)
    slowest = 1000 * sorted(health)[int(len(health) * 0.95)]
    told = f"**{1000 * statistics.median(health):.0f} ms**, {slowest:.0f} at the 95th percentile"
    yield Row("`/health` meanwhile", told, "≤ 50 ms", met=slowest <= 50)


def _ask_health(server: Server) -> None:
    connection = server.connect()
    connection.request("GET", "/health")
    connection.getresponse().read()
    connection.close()


def memory() -> Iterator[Row]:
    """What the server holds after 1,000 requests more than after the first 200."""
    with serving(Script()) as server:
        connection = server.connect()
        held = []
        for count in (200, 400, 400):
            _timed(lambda: _post(connection, ask()), count)
            held.append(server.memory / 1e6)
    grown = held[-1] - held[0]
    told = f"**{grown:+.1f} MB**: {', '.join(f'{one:.1f}' for one in held)} MB after 200, 600, 1,000"
    yield Row("memory over 1,000 requests", told, "≤ 2 MB more", met=grown <= 2)


def main() -> None:
    """Measure, print, and write the table."""
    lines = [f"{machine()}.", "", "| what | figure | target | met |", "|---|---|---|---|"]
    print("\n".join(lines))
    measurements: tuple[Callable[[], Iterator[Any]], ...] = (overhead, first_delta, cancelling, crowd, memory)
    for measurement in measurements:
        for row in measurement():
            lines.append(str(row))
            print(row, flush=True)
    if PAGE.exists():
        text = "\n".join(lines) + "\n"
        PAGE.write_text(_TABLE.sub(lambda _: text, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
