"""What this machine has: codecs, devices, models, folders, and who else may read what is kept there."""

from __future__ import annotations

import io
import os
import platform
import stat
import tempfile
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiochat import __version__, config, providers, storage
from audiochat.audio import codec, devices, formats
from audiochat.diagnosis.finding import Finding
from audiochat.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audiochat.config import Settings
    from audiochat.diagnosis.finding import Status
    from audiochat.progress import Progress

_LIBRARIES = ("openai", "azure-identity", "httpx2", "av", "typer")
_OTHERS = 0o077


def versions() -> Iterator[Finding]:
    """Of the program, of Python, of the libraries."""
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    what = f"audiochat {__version__}, Python {platform.python_version()} on {platform.system()}; {libraries}"
    yield Finding("versions", "ok", what, used=False)


def codecs() -> Iterator[Finding]:
    """Whether every format can be written and read."""
    pcm = bytes(9600)
    missing = []
    for format_ in formats.ANSWER_FORMATS:
        try:
            encoded = codec.encode(pcm, format_)
            if format_ != "pcm16":
                b"".join(codec.decode(io.BytesIO(encoded), name=format_))
        except Exception:  # noqa: BLE001 - a build of FFmpeg without a codec says so in many ways
            missing.append(format_)
    if missing:
        cure = "Install PyAV from its wheel: pip install --force-reinstall --only-binary=av av"
        yield Finding("codecs", "failure", f"cannot read and write {', '.join(missing)}", cure)
    else:
        yield Finding("codecs", "ok", f"can read and write {', '.join(formats.ANSWER_FORMATS)}", used=False)


def loudspeaker_and_microphone() -> Iterator[Finding]:
    """Devices, which only playing and recording need."""
    yield _device("loudspeaker", devices.loudspeaker)
    yield _device("microphone", devices.microphone)


def _device(name: str, open_device: Callable[[], Any]) -> Finding:
    try:
        open_device()
    except devices.NoDeviceError as exc:
        return Finding(name, "warning", f"no {name}", str(exc), used=False)
    return Finding(name, "ok", f"there is a {name}", used=False)


def models(settings: Settings) -> Iterator[Finding]:
    """The local engine; a lack of it only matters to who uses it."""
    used = settings.provider == "local"
    lack: Status = "failure" if used else "warning"
    try:
        for part in providers.local_parts(settings):
            status = "ok" if part.works else lack
            yield Finding(f"local-{part.name}", status, part.what, part.cure, used=used, mend=part.mend)
    except FileError as error:  # there is no home to keep them in
        yield Finding("local-models", lack, error.message, error.hint, used=used)


def folders() -> Iterator[Finding]:
    """Whether the folders of the cache and the sessions can be written to."""
    yield _folder("cache", storage.cache_folder, "XDG_CACHE_HOME")
    yield _folder("sessions", storage.data_folder, "XDG_DATA_HOME")


def _folder(name: str, find: Callable[[], Path], variable: str) -> Finding:
    check = f"{name}-folder"
    try:
        path = find()
    except FileError as error:  # a user without a home folder goes without
        return Finding(check, "warning", error.message, error.hint, used=False)
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as exc:
        cure = f"Mend its permissions, or set {variable}."
        return Finding(check, "failure", f"{existing} cannot be written to: {exc.strerror or exc}.", cure)
    if path.is_dir() and _others_may(path):
        what = f"{path} is open to other users of this machine."
        mend = partial(_close, path, 0o700)
        return Finding(check, "warning", what, f"Close it: chmod 700 '{path}'", mend=mend)
    free = os.statvfs(existing).f_bavail * os.statvfs(existing).f_frsize if hasattr(os, "statvfs") else None
    return Finding(check, "ok", f"{path}{'' if free is None else f', {free / 1e9:.0f} GB free'}", used=False)


def secret_files() -> Iterator[Finding]:
    """Files of settings that hold a key and that other users may read."""
    own = storage.config_folder()
    for path in (Path(".env"), *(() if own is None else (own / ".env",))):
        try:
            if not (path.is_file() and _others_may(path) and _holds_secret(path)):
                continue
        except OSError:
            continue
        what = f"{path} holds a key, and other users of this machine can read it."
        yield Finding(
            "secret-file", "warning", what, f"Close it: chmod 600 '{path}'", mend=partial(_close, path, 0o600)
        )


def _holds_secret(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    names = {line.partition("=")[0].removeprefix("export").strip() for line in text.splitlines() if "=" in line}
    return bool(names & set(config.SECRETS))


def _others_may(path: Path) -> bool:
    return os.name != "nt" and bool(stat.S_IMODE(path.stat().st_mode) & _OTHERS)


def _close(path: Path, mode: int, _progress: Progress) -> str:
    """Leave a file or folder to its owner alone.

    Raises:
        FileError: the owner is another user.
    """
    try:
        path.chmod(mode)
    except OSError as exc:
        raise FileError(f"{path} cannot be closed: {exc.strerror or exc}.", hint="Ask its owner.") from exc
    return f"{path} is yours alone now"
