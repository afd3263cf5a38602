"""The files that a job writes for the user: whole, and never over a file that it did not write itself."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from audiochat import storage
from audiochat.errors import FileError
from audiochat.files import Target, is_special, write_in_place
from audiochat.progress import NoProgress
from audiochat.spool import BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from audiochat.jobs.job import Job
    from audiochat.progress import Progress

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
    Target(path, replace=True).check()
    if not replace and path.exists() and not _is_own(job, path):
        raise _not_own(path)


def write_output(
    job: Job,
    path: Path,
    blocks: Iterable[bytes],
    *,
    replace: bool = False,
    origin: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a file whole, by renaming it into place; a device or a named pipe is written into.

    Args:
        job: That writes it.
        path: Where it goes.
        blocks: What is in it.
        replace: Whether a file that the job did not write may be replaced: the user named it.
        origin: What it is made from, where other jobs can make it from the same; see `JobStore.adopt`.
        progress: Told when a named pipe has no reader yet.

    Raises:
        FileError: it cannot be written, or is there and not this job's; what was there is as it was.
    """
    try:
        with beside(path, blocks) as temporary:
            return place_output(job, temporary, path, replace=replace, origin=origin, progress=progress)
    except OSError as exc:
        raise FileError(
            f"{path} cannot be written: {exc.strerror or exc}.", hint="The job keeps its results; run it again."
        ) from exc


def place_output(
    job: Job,
    temporary: Path,
    path: Path,
    *,
    replace: bool = False,
    origin: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Move a finished file into its place; for writers that need the file's name.

    A device or a named pipe takes what is in it, and stays what it is.

    Raises:
        FileError: a file is there that is not this job's.
        OSError: it cannot be moved, or written.
    """
    if not replace and path.exists() and not _is_own(job, path):
        raise _not_own(path)
    if is_special(path):
        with temporary.open("rb") as file:
            write_in_place(path, iter(lambda: file.read(BLOCK), b""), progress or NoProgress())
        return path
    # Noted before, not after: if the run is killed between the two, the file is known as this job's.
    job.writes(path.absolute(), _hash(temporary), origin)
    temporary.replace(path)
    return path


@contextmanager
def beside(path: Path, blocks: Iterable[bytes] = ()) -> Iterator[Path]:
    """A new file to be finished and then given to `place_output`; it is removed if that did not move it.

    It is in the folder of `path`, or among the temporary files where that is a device's: nothing can be made in /dev.
    """
    with ExitStack() as stack:
        if is_special(path):
            path = Path(stack.enter_context(tempfile.TemporaryDirectory()), "output")
        yield stack.enter_context(storage.written_beside(path, blocks, mode=_MODE))


def _is_own(job: Job, path: Path) -> bool:
    if is_special(path):  # the end of a pipe would be waited for
        return False
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
