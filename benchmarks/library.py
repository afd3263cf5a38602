"""Many requests at once through one shared client, as a program that uses audiochat as a library would.

python benchmarks/library.py REQUESTS THREADS     prints the seconds they took
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from audiochat import config, providers
from audiochat.chat.client import Client
from audiochat.chat.request import Request, UserTurn
from audiochat.progress import NoProgress


def main() -> None:
    """Ask one question to connect, then all the others at once."""
    requests, threads = map(int, sys.argv[1:])
    settings = config.load(config.Flags())
    connection = providers.connect(settings, NoProgress())
    client = Client(connection, timeout=settings.timeout)
    request = Request(model=connection.model, turns=(UserTurn("Is a golden retriever a good family dog?"),))
    client.ask(request)
    with ThreadPoolExecutor(threads) as pool:
        started = time.monotonic()
        replies = list(pool.map(lambda _: client.ask(request), range(requests)))
        print(time.monotonic() - started)
    assert all(reply.audio is not None for reply in replies)


if __name__ == "__main__":
    main()
