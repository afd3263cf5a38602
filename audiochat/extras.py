"""How to add to this installation: the exact command, wherever audiochat came from."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from urllib.parse import urlsplit
from urllib.request import url2pathname


def install_command(extra: str) -> str:
    """The command that adds an extra of audiochat to this Python."""
    return f"Install it with: {sys.executable} -m pip install '{_where_from()}[{extra}]'"


def _where_from() -> str:
    """The name, or the folder that this copy was installed from: PEP 610's direct_url.json tells."""
    try:
        url = json.loads(metadata.distribution("audiochat").read_text("direct_url.json") or "{}").get("url", "")
    except (metadata.PackageNotFoundError, ValueError):
        return "audiochat"
    parts = urlsplit(url)
    return url2pathname(parts.path) if parts.scheme == "file" else "audiochat"
