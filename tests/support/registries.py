"""Stand-ins on loopback for the places that have voices: npm's registry, and a model hub."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def packed(files: Mapping[str, bytes]) -> bytes:
    """An archive as npm packs one."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


@contextmanager
def npm_registry(name: str, version: str, archive: bytes) -> Iterator[str]:
    """A registry with one package; gives its address."""
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()

    def answer(path: str, base: str) -> tuple[bytes, dict[str, str]] | None:
        if path == f"/{name}":
            dist = {"tarball": f"{base}/{name}/-/{name}-{version}.tgz", "integrity": integrity}
            about = {"name": name, "version": version, "dist": dist}
            page = {"name": name, "dist-tags": {"latest": version}, "versions": {version: about}}
            return json.dumps(page).encode(), {"Content-Type": "application/json"}
        if path.endswith(".tgz"):
            return archive, {"Content-Type": "application/octet-stream"}
        return None

    with _served(answer) as base:
        yield base


@contextmanager
def hub(files: Mapping[str, bytes]) -> Iterator[str]:
    """A model hub with files of one repository, at any revision; gives its address."""

    def answer(path: str, _base: str) -> tuple[bytes, dict[str, str]] | None:
        data = next((data for name, data in files.items() if path.endswith(f"/resolve/main/{name}")), None)
        if data is None:
            return None
        etag = hashlib.sha256(data).hexdigest()
        return data, {"ETag": f'"{etag}"', "X-Repo-Commit": "a" * 40, "Accept-Ranges": "bytes"}

    with _served(answer) as base:
        yield base


@contextmanager
def _served(answer: Callable[[str, str], tuple[bytes, dict[str, str]] | None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(with_body=True)

        def do_HEAD(self) -> None:
            self._reply(with_body=False)

        def _reply(self, *, with_body: bool) -> None:
            found = answer(self.path.partition("?")[0], f"http://{self.headers['Host']}")
            body, headers = found or (b"{}", {})
            self.send_response(404 if found is None else 200)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
