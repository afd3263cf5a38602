"""The files that a job writes for the user: whole, and never over a file that it did not write itself."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from audiochat import storage
from audiochat.errors import FileError
from audiochat.spool import BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from audiochat.jobs.job import Job

_MODE = 0o666
"""Of a new file, before the umask: the user's files are like those of other programs."""


def check_output(job: Job, path: Path, *, replace: bool) -> None:
    """Find out what can be found out before anything is asked.

    Args:
        job: That will write the file.
        path: Where it goes.
        replace: Whether the user named it, so that it may be replaced.

    Raises:
        FileError: it cannot be written, or is there and not this job's.
    """
    from audiochat.files import Target

    Target(path, replace=True).check()
    if not replace and path.exists() and not _is_own(job, path):
        raise _not_own(path)


def write_output(job: Job, path: Path, blocks: Iterable[bytes], *, replace: bool = False) -> Path:
    """Write a file whole, by renaming it into place.

    Args:
        job: That writes it.
        path: Where it goes.
        blocks: What is in it.
        replace: Whether a file that the job did not write may be replaced: the user named it.

    Raises:
        FileError: it cannot be written, or is there and not this job's; what was there is as it was.
    """
    try:
        with storage.written_beside(path, blocks, mode=_MODE) as temporary:
            return place_output(job, temporary, path, replace=replace)
    except OSError as exc:
        raise FileError(
            f"{path} cannot be written: {exc.strerror or exc}.", hint="The job keeps its results; run it again."
        ) from exc


def place_output(job: Job, temporary: Path, path: Path, *, replace: bool = False) -> Path:
    """Move a finished file into its place; for writers that need the file's name.

    Raises:
        FileError: a file is there that is not this job's.
        OSError: it cannot be moved.
    """
    if not replace and path.exists() and not _is_own(job, path):
        raise _not_own(path)
    # Noted before, not after: if the run is killed between the two, the file is known as this job's.
    job.writes(path.absolute(), _hash(temporary))
    temporary.replace(path)
    return path


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A new private file in the folder of `path`, to be written and moved into place; removed if it was not."""
    with storage.written_beside(path, (), mode=_MODE) as temporary:
        yield temporary


def _is_own(job: Job, path: Path) -> bool:
    with suppress(OSError):
        return job.wrote(path.absolute(), _hash(path))
    return False


def _not_own(path: Path) -> FileError:
    return FileError(
        f"{path} is there already, and this job did not write it, or it was changed since.",
        hint=f"Move it away, or name it: -o {path}",
        code="exists",
    )


def _hash(path: Path) -> str:
    hashed = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            hashed.update(block)
    return hashed.hexdigest()
