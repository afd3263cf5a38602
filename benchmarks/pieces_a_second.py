"""How many pieces of long work one process does in a second: a scripted service that takes 200 ms for each.

python benchmarks/pieces_a_second.py [--pieces 3000] [-j 64] [--seconds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from audiochat import config
from audiochat.jobs.piece import Piece, key_of
from audiochat.jobs.runner import Limits, run
from audiochat.jobs.store import JobStore
from audiochat.jobs.transcribe.asking import Slice, Transcribing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

_MESSAGE = {"role": "assistant", "content": "what was said"}
_BODY = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()


def serve(port: Connection, delay: float) -> None:
    """Answer each request after `delay` seconds."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
                await asyncio.sleep(delay)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(f"Content-Length: {len(_BODY)}\r\n\r\n".encode() + _BODY)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 24)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def pieces(count: int, seconds: float) -> Iterator[Piece[Slice]]:
    """Pieces whose sound differs."""
    for n in range(count):
        pcm = n.to_bytes(4, "little") + os.urandom(1000) + bytes(int(seconds * 32_000) - 1004)
        yield Piece(key_of(pcm), Slice(pcm, ((0.0, seconds),)), label=str(n), weight=seconds)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=3000)
    parser.add_argument("-j", "--jobs", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--delay", type=float, default=0.2)
    given = parser.parse_args()
    mine, its = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(its, given.delay), daemon=True)
    server.start()
    environment = {"OPENAI_BASE_URL": f"http://127.0.0.1:{mine.recv()}/v1", "OPENAI_API_KEY": "none"}
    settings = config.load(config.Flags(provider="openai"), environment=environment)
    work = Transcribing("chat", check=False)
    with (
        tempfile.TemporaryDirectory() as folder,
        JobStore(Path(folder)).open("measured", "measured", title="measured") as job,
    ):
        began = time.perf_counter()
        outcome = run(pieces(given.pieces, given.seconds), work, job, settings=settings, limits=Limits(given.jobs))
        elapsed = time.perf_counter() - began
    server.terminate()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    ideal = given.jobs / given.delay
    rate = outcome.asked / elapsed
    print(f"{outcome.asked} pieces in {elapsed:.1f} s: {rate:.0f} a second, {100 * rate / ideal:.0f} % of {ideal:.0f}")
    each = 1000 * (usage.ru_utime + usage.ru_stime) / outcome.asked
    print(f"{each:.1f} ms of processor each; failed: {len(outcome.failures)}")


if __name__ == "__main__":
    main()
