"""The folders where audiochat keeps things, private to their owner, and the one atomic write."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

from audiochat.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FILE_MODE = 0o600
"""Of a file that its owner alone may read."""
_FOLDER_MODE = 0o700


def config_folder(environment: Mapping[str, str] | None = None) -> Path | None:
    """The folder of the user's own `.env`; None where there is no home folder.

    Args:
        environment: Instead of the process's own.
    """
    return _own_folder("config", os.environ if environment is None else environment)


def cache_folder() -> Path:
    """The folder of what can be had again: models, and the ids of the local engine's answers.

    Raises:
        FileError: there is no home folder for it.
    """
    return _own_folder("cache", os.environ) or _fail_without_home("XDG_CACHE_HOME")


def data_folder() -> Path:
    """The folder of what cannot be had again: conversations and jobs.

    Raises:
        FileError: there is no home folder for it.
    """
    return _own_folder("data", os.environ) or _fail_without_home("XDG_DATA_HOME")


def _own_folder(kind: Literal["config", "cache", "data"], environment: Mapping[str, str]) -> Path | None:
    """Our folder of a kind: where XDG's variable says, else where the system keeps such things."""
    import platformdirs

    chosen = environment.get(f"XDG_{kind.upper()}_HOME")
    if chosen and (path := expand_home(chosen)).is_absolute():  # the standard has relative ones ignored
        return path / "audiochat"
    try:
        usual = Path(getattr(platformdirs, f"user_{kind}_dir")("audiochat", appauthor=False))
    except RuntimeError:  # a container can run a user that has no home
        return None
    return usual if usual.is_absolute() else None  # older releases say `~/.cache` then


def _fail_without_home(variable: str) -> NoReturn:
    raise FileError(
        "There is no home folder to keep things in.",
        hint=f"Set HOME, or {variable}, to a folder that you may write to.",
        code="no_home",
    )


def expand_home(name: str) -> Path:
    """A path in which a leading `~` means the home folder, where there is one."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def make_folder(path: Path) -> None:
    """Make a private folder, with its missing parents; an existing one that others may enter is closed to them.

    Raises:
        OSError: it cannot be made.
    """
    for folder in reversed((path, *path.parents)):  # mkdir's `parents` would leave those to the umask
        if not folder.is_dir():
            folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    ours = [top for top in (_own_folder("cache", os.environ), _own_folder("data", os.environ)) if top is not None]
    for folder in (path, *path.parents):
        if folder == path or any(folder.is_relative_to(top) for top in ours):
            _close(folder)


def _close(folder: Path) -> None:
    """Leave its owner's rights alone; not where the owner or the file system will not have it."""
    if os.name == "nt" or folder.is_symlink():  # the folder behind a link serves other purposes too
        return
    with suppress(OSError):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & ~_FOLDER_MODE & 0o777:
            folder.chmod(mode & ~0o077)


@contextmanager
def written_beside(path: Path, data: Iterable[bytes], *, mode: int) -> Iterator[Path]:
    """Write a new file in the folder of `path`, to be moved into place; it is removed at the end if it was not.

    Args:
        path: Where the file is to go.
        data: What it holds, in order.
        mode: Of the new file; the umask applies.

    Raises:
        OSError: it cannot be written.
    """
    # Short, whatever the name: file systems limit the bytes of a name, of which a character can have four.
    temporary = path.with_name(f".audiochat-{secrets.token_hex(6)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(temporary, flags, mode), "wb") as file:  # noqa: PTH123 - pathlib cannot set the mode
            file.writelines(data)
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_atomically(path: Path, data: Iterable[bytes], *, mode: int = FILE_MODE) -> None:
    """Write a file whole or not at all; one that is there is replaced.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    with written_beside(path, data, mode=mode) as temporary:
        temporary.replace(path)
