"""Folders of ours, where conversations and caches are kept: for nobody but their owner."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from audiochat import config

if TYPE_CHECKING:
    from pathlib import Path

FILE_MODE = 0o600
_FOLDER_MODE = 0o700


def make_folder(path: Path) -> None:
    """Make a folder of ours, and what is missing above it; one that is there and open to others is closed to them.

    Raises:
        OSError: it cannot be made.
    """
    for folder in reversed((path, *path.parents)):  # mkdir's `parents` would leave those to the umask
        if not folder.is_dir():
            folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    ours = (config.cache_directory(), config.data_directory())
    for folder in (path, *path.parents):
        if folder == path or any(folder.is_relative_to(top) for top in ours):
            _close(folder)


def _close(folder: Path) -> None:
    """Leave its owner's rights alone; not where the owner or the file system will not have it."""
    if os.name == "nt" or folder.is_symlink():  # a link leads to a folder that somebody made for more than this
        return
    with suppress(OSError):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & ~_FOLDER_MODE & 0o777:
            folder.chmod(mode & ~0o077)
