"""How to add to this installation: the exact command, for whatever made it.

What a start without anything missing does not need is imported where it is used: a fortieth of a second.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Literal, TypeAlias

Installer: TypeAlias = Literal["uv tool", "pipx", "uv", "pip"]
"""What made this environment."""


def install_command(extra: str) -> str:
    """The command that adds an extra of audiochat to this installation."""
    tool = installer()
    if tool in ("uv tool", "pipx"):
        # These make the environment anew, so the extras that are here already are named too.
        wanted = f"'{_where_from()}[{','.join(sorted({extra, *_installed_extras()}))}]'"
        command = f"uv tool install --force {wanted}" if tool == "uv tool" else f"pipx install --force {wanted}"
    elif tool == "uv":
        command = f"uv pip install --python {sys.executable} '{_where_from()}[{extra}]'"
    else:
        command = f"{sys.executable} -m pip install '{_where_from()}[{extra}]'"
    return f"Install it with: {command}"


def pip_command() -> str:
    """The command that adds pip to this installation, where there is none."""
    if installer() == "pipx":
        return "pipx inject audiochat pip"
    return f"{sys.executable} -m ensurepip"


def installer() -> Installer:
    """What made this environment, by the marks that each of them leaves."""
    prefix = Path(sys.prefix)
    if (prefix / "uv-receipt.toml").is_file():
        return "uv tool"
    if (prefix / "pipx_metadata.json").is_file():
        return "pipx"
    try:
        made_by_uv = re.search(r"^uv\s*=", (prefix / "pyvenv.cfg").read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        made_by_uv = None
    return "uv" if made_by_uv else "pip"


def _installed_extras() -> set[str]:
    """The extras whose packages are all here."""
    from importlib import metadata

    packages: dict[str, list[str]] = {}
    try:
        requirements = metadata.requires("audiochat") or []
    except metadata.PackageNotFoundError:
        return set()
    for line in requirements:
        if found := re.match(r"""([\w.-]+).*;.*\bextra == ['"]([\w-]+)['"]""", line):
            packages.setdefault(found[2], []).append(found[1])
    return {extra for extra, names in packages.items() if all(map(_is_installed, names))}


def _is_installed(package: str) -> bool:
    from importlib import metadata

    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _where_from() -> str:
    """The name, or the folder or file that this copy was installed from: PEP 610's direct_url.json tells."""
    from importlib import metadata
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        url = json.loads(metadata.distribution("audiochat").read_text("direct_url.json") or "{}").get("url", "")
    except (metadata.PackageNotFoundError, ValueError):
        return "audiochat"
    parts = urlsplit(url)
    return url2pathname(parts.path) if parts.scheme == "file" else "audiochat"
