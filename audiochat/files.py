"""The files that users name: inputs read from them or from stdin, outputs written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from audiochat import storage
from audiochat.errors import FileError, UsageError
from audiochat.progress import NoProgress
from audiochat.spool import Data, iter_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from audiochat.progress import Progress

NO_SUCH_FILE = "no_such_file"
"""The code of the error that a file to read is not there."""

STDIN_LIMIT = 1_000_000_000
"""Bytes of a recording on stdin; it is kept on disk beyond the first few."""

TEXT_LIMIT = 4_000_000
"""Bytes of a prompt or a system message: more than a million tokens, and little enough for the memory as JSON."""

_OPEN_FILES = re.compile("/dev|/dev/fd|/proc/.+/fd")
"""Folders whose names lead to open files, /dev/stdout and the like: no new file can be made there."""

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
"""How an address begins; a drive of Windows has one letter."""

_SPOOLED = 32_000_000
_BLOCK = 1 << 20


def user_path(name: str, *, command: str = "analyze") -> Path:
    """The path that a name given by a user means: `~` is the home folder, a `file://` address is its path.

    Raises:
        UsageError: it is empty, another address (fetched by a pipe into `command`), or there is no home folder.
    """
    if not name:
        raise UsageError("An empty name is no file's.", hint="A variable that is not set?")
    if name.lower().startswith("file://"):
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        try:
            parts = urlsplit(name)
        except ValueError as exc:  # brackets of an address that is none
            raise UsageError(f"{name} is no file:// address.", hint="Give the path itself.") from exc
        if parts.netloc not in ("", "localhost"):
            raise UsageError(f"{name} names a file on another machine.", hint="Give its path on this one.")
        return Path(url2pathname(parts.path))
    if _ADDRESS.match(name):
        raise UsageError(
            f"{name} is an address, and files are read here.", hint=f"Fetch it: curl -L {name} | audiochat {command} -"
        )
    if name != "~" and not name.startswith(("~/", f"~{os.sep}")):
        return Path(name)
    try:
        return Path(name).expanduser()
    except RuntimeError as exc:
        raise UsageError(f"There is no home folder for {name}.", hint="Give the whole path.") from exc


def name_as_text(name: str) -> str:
    """A file's name as UTF-8 can hold it: one that is not UTF-8 has lone surrogates, which no database takes."""
    return name.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Target:
    """Where an output file goes."""

    path: Path
    replace: bool
    """Take the place of an existing file; otherwise a free number is added to the name."""

    def check(self) -> None:
        """Check, before an answer is paid for, whether it can be written.

        Raises:
            FileError: the file cannot be written.
        """
        try:
            self._check()
        except OSError as exc:  # a name that is too long, a folder that may not be entered
            raise FileError(f"{self.path} cannot be written: {exc.strerror}.", hint="Choose another with -o.") from exc

    def _check(self) -> None:
        if self.path.is_dir():
            raise FileError(f"{self.path} is a folder, not a file to write.", hint="Add a file name to it.")
        where = self.path.parent
        if not where.is_absolute():
            Path.cwd()  # raises where the working directory is gone, which still answers as "."
        if not where.is_dir():
            raise FileError(f"There is no folder {where} to write {self.path.name} in.", hint="Create it first.")
        with contextlib.suppress(FileNotFoundError):
            self.path.lstat()  # raises where the name itself is impossible
        if _is_printed_on(self.path):
            raise FileError(f"{self.path} is where words are printed.", hint="For the sound on stdout: -o -")
        if self.replace and self.path.exists() and not os.access(self.path, os.W_OK):
            raise FileError(f"{self.path} is protected from writing.", hint="Choose another with -o, or unprotect it.")
        if not is_special(self.path) and not os.access(where, os.W_OK | os.X_OK):
            raise FileError(f"The folder {where} cannot be written to.", hint="Choose another with -o.")

    def save(self, data: Data, progress: Progress | None = None) -> Path:
        """Write a whole file, atomically; the path it got.

        Args:
            data: What is in it.
            progress: Told when a named pipe has no reader yet.

        Raises:
            FileError: it cannot be written; `data` is then kept where there is room.
        """
        progress = progress or NoProgress()
        try:
            if is_special(self.path):
                try:
                    write_in_place(self.path, iter_blocks(data), progress)
                except (KeyboardInterrupt, SystemExit):  # the pipe's reader has not come, or is slow
                    if kept := rescue(data, self.path.suffix):
                        progress.note(f"The answer is kept as {kept}.")
                    raise
                return self.path
            with _written_beside(self.path, data, replace=self.replace) as temporary:
                return _replace(temporary, self.path) if self.replace else _place(temporary, self.path)
        except OSError as exc:
            why = exc.strerror or str(exc)
            kept = rescue(data, self.path.suffix)
            hint = f"The answer is kept as {kept}." if kept else "Its sound finds no room anywhere, and is lost."
            raise FileError(f"{self.path} cannot be written: {why}.", hint=hint) from exc


def is_special(path: Path) -> bool:
    """Whether it is written to in place: a device, a named pipe, or the name of an open file (`/dev/fd/3`)."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) or _OPEN_FILES.fullmatch(os.path.realpath(path.parent)) is not None


def _is_printed_on(path: Path) -> bool:
    """Whether it is our own stdout or stderr, where the words go; /dev/null does not count."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            opened = os.fstat(descriptor)
            if os.path.samestat(path.stat(), opened):
                return os.isatty(descriptor) or not stat.S_ISCHR(opened.st_mode)
    return False


def write_in_place(path: Path, blocks: Iterable[bytes], progress: Progress) -> None:
    """Write into a device or a named pipe, whose reader is waited for.

    Raises:
        OSError: it takes no more.
    """
    flags = os.O_WRONLY | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    except OSError as exc:
        if exc.errno != errno.ENXIO or not path.is_fifo():
            raise
        progress.note(f"{path} is a pipe that nobody reads yet: waiting for its reader.")
        descriptor = os.open(path, flags)
    if sys.platform != "win32":
        os.set_blocking(descriptor, True)
    with open(descriptor, "wb", buffering=0) as device:  # noqa: PTH123 - a descriptor
        for block in blocks:  # unbuffered: what a reader does not take is not tried again at the end
            rest = memoryview(block)
            while rest:
                rest = rest[device.write(rest) :]


def _written_beside(path: Path, data: Data, *, replace: bool) -> contextlib.AbstractContextManager[Path]:
    """A new file beside `path` with `data` in it, for those whom the umask lets read it.

    What is to replace a private file is private from its first moment.
    """
    mode = storage.FILE_MODE if replace and _has_mode(path) else 0o666
    return storage.written_beside(path, iter_blocks(data), mode=mode)


def _replace(temporary: Path, path: Path) -> Path:
    with contextlib.suppress(FileNotFoundError):  # it can go away meanwhile
        if _has_mode(path):
            shutil.copymode(path, temporary)
    temporary.replace(path)
    return path


def _has_mode(path: Path) -> bool:
    """Whether there is a file whose mode the new one takes over."""
    return path.is_file() and not path.is_symlink()


def _place(temporary: Path, path: Path) -> Path:
    """Move the file to the first free name; no other file is overwritten, however many processes do so at once."""
    for candidate in _numbered(path):
        try:
            _link(temporary, candidate)
        except FileExistsError:
            continue
        return candidate
    raise AssertionError("numbers do not end")  # pragma: no cover


def _numbered(path: Path) -> Iterator[Path]:
    yield path
    for number in itertools.count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def _link(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError, AttributeError):  # a file system without hard links
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(path.unlink)  # the empty file that holds the name
            temporary.replace(path)
            on_failure.pop_all()


def rescue(data: Data, suffix: str) -> Path | None:
    """Keep an answer, which is paid for, among the temporary files, or else in our data folder."""
    with contextlib.suppress(OSError):
        return _kept(data, None, suffix[:9])
    with contextlib.suppress(OSError, FileError):  # there may be no home folder
        ours = storage.data_folder()
        storage.make_folder(ours)
        return _kept(data, ours, suffix[:9])
    return None


def _kept(data: Data, folder: Path | None, suffix: str) -> Path:
    with contextlib.ExitStack() as on_failure:
        with tempfile.NamedTemporaryFile(prefix="audiochat-", suffix=suffix, dir=folder, delete=False) as file:
            path = Path(file.name)
            on_failure.callback(path.unlink)
            file.writelines(iter_blocks(data))
        on_failure.pop_all()
    return path


def is_folder(path: Path) -> bool:
    """Whether there is a folder of that name; not where the name is impossible."""
    with contextlib.suppress(OSError):
        return path.is_dir()
    return False


def is_file(path: Path) -> bool:
    """Whether there is a file of that name; not where the name is impossible."""
    with contextlib.suppress(OSError, ValueError):
        return path.is_file()
    return False


def refuse_input(output: Path, inputs: Iterable[Path]) -> None:
    """Refuse an output that would replace what is read.

    Raises:
        UsageError: it is one of the inputs.
    """
    for path in inputs:
        with contextlib.suppress(OSError):
            if output.samefile(path):
                raise UsageError(f"{output} is what is read; it would be replaced.", hint="Choose another with -o.")


def make_folder(path: Path) -> Path:
    """Make a folder that a user named, unless it is there; its path.

    Raises:
        FileError: it cannot be made.
    """
    try:
        path.mkdir(exist_ok=True)
    except OSError as exc:
        raise FileError(f"The folder {path} cannot be made: {exc.strerror or exc}.", hint="Choose another.") from exc
    return path


def _opened(path: Path) -> BinaryIO:
    if "\0" in str(path):
        raise FileNotFoundError(errno.ENOENT, "no name has a NUL in it", str(path))
    return path.open("rb")


@contextlib.contextmanager
def reading(path: Path, *, wanted: str = "a recording") -> Iterator[BinaryIO]:
    """Open a file that a user named; what is not seekable is copied first.

    Args:
        path: The file.
        wanted: What it should be, for the message about a folder.

    Raises:
        FileError: it cannot be read.
    """
    try:
        if path.is_dir():
            raise FileError(f"{path} is a folder, not {wanted}.", hint="Name a file in it.")
        with _opened(path) as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # a device may claim to be seekable
                yield file
                return
            with spooled(file, name=str(path)) as copy:
                yield copy
    except OSError as exc:
        raise _unreadable(path, exc) from exc


@contextlib.contextmanager
def spooled(source: BinaryIO, *, name: str) -> Iterator[BinaryIO]:
    """A seekable copy of a stream: in memory while small, else on disk.

    Raises:
        FileError: it has no end within `STDIN_LIMIT`.
    """
    with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as copy:
        try:
            while block := source.read(_BLOCK):
                copy.write(block)
                if copy.tell() > STDIN_LIMIT:
                    raise FileError(f"{name} goes on for more than a gigabyte.", hint="Save it to a file first.")
            copy.seek(0)
        except OSError as exc:
            hint = "Make room where temporary files go (TMPDIR)."
            raise FileError(f"{name} cannot be read whole: {exc.strerror or exc}.", hint=hint) from exc
        yield copy  # type: ignore[misc] # a BinaryIO in all but name since Python 3.11


def _unreadable(path: Path, exc: OSError) -> FileError:
    if isinstance(exc, FileNotFoundError):
        hint = "Check the name; quote it if it has spaces."
        return FileError(f"There is no file {path}.", hint=hint, code=NO_SUCH_FILE)
    return FileError(f"{path} cannot be read: {exc.strerror or exc}.", hint="Check its permissions.")


def read_text(path: Path) -> str:
    """The text of a file that a user named.

    Raises:
        FileError: it cannot be read, is not UTF-8, or has no end.
    """
    try:
        with _opened(path) as file:
            return text_of(file, name=str(path))
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def text_of(source: BinaryIO, *, name: str) -> str:
    """The text of a stream.

    Raises:
        FileError: it is not UTF-8, or has no end.
    """
    data = source.read(TEXT_LIMIT + 1)
    while len(data) <= TEXT_LIMIT and (more := source.read(TEXT_LIMIT + 1 - len(data))):
        data += more
    if len(data) > TEXT_LIMIT:
        raise too_much_text(name)
    return decode_text(data, name=name)


def too_much_text(name: str) -> FileError:
    """The error of a text beyond `TEXT_LIMIT`."""
    return FileError(f"{name} is more text than any model reads.", hint=f"At most {TEXT_LIMIT} bytes are taken.")


def decode_text(data: bytes, *, name: str) -> str:
    """Text from bytes, which are UTF-8, with or without its mark.

    Raises:
        FileError: they are not.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise FileError(f"{name} is not text in UTF-8.", hint="Convert it with iconv.", code="not_text") from exc
