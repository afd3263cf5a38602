"""Files that people name: the only opener of output files, and of what is read from them or stdin."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from audiochat.content import Data, blocks
from audiochat.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN_LIMIT = 1_000_000_000
"""Bytes of a recording on stdin; it is kept on disk beyond the first few."""

TEXT_LIMIT = 4_000_000
"""Bytes of a prompt or a system message: more than a million tokens, and little enough for the memory as JSON."""

_SPOOLED = 32_000_000
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Target:
    """Where an output file goes."""

    path: Path
    replace: bool
    """Take the place of an existing file; otherwise a free number is added to the name."""

    def check(self, *, folder: bool = False) -> None:
        """Find out what can be found out before an answer is paid for.

        Args:
            folder: Whether the name is written as that of a folder.

        Raises:
            FileError: the file cannot be written.
        """
        try:
            self._check(folder=folder)
        except OSError as exc:  # a name that is too long, a folder that may not be entered
            raise FileError(f"{self.path} cannot be written: {exc.strerror}.", hint="Choose another with -o.") from exc

    def _check(self, *, folder: bool) -> None:
        if folder or self.path.is_dir():
            raise FileError(f"{self.path} is a folder, not a file to write.", hint="Add a file name to it.")
        self.path.exists()  # raises where the name itself is impossible
        where = self.path.parent
        if not where.is_dir():
            raise FileError(f"There is no folder {where} to write {self.path.name} in.", hint="Make it first.")
        if _is_special(self.path):
            return
        if not os.access(where, os.W_OK | os.X_OK):
            raise FileError(f"The folder {where} cannot be written to.", hint="Choose another with -o.")

    def save(self, data: Data) -> Path:
        """Write a whole file, atomically; the path it got.

        Raises:
            FileError: it cannot be written; `data` is then kept among the temporary files.
        """
        try:
            if _is_special(self.path):
                with self.path.open("wb") as device:
                    device.writelines(blocks(data))
                return self.path
            with _temporary(self.path, data) as temporary:
                return _replace(temporary, self.path) if self.replace else _place(temporary, self.path)
        except OSError as exc:
            why = exc.strerror or str(exc)
            hint = _rescue(data, self.path) or "Make room, or choose another place with -o."
            raise FileError(f"{self.path} cannot be written: {why}.", hint=hint) from exc


def _is_special(path: Path) -> bool:
    """A device or a pipe has no content to replace: it is written to."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode)


@contextlib.contextmanager
def _temporary(path: Path, data: Data) -> Iterator[Path]:
    """A new file beside `path` with `data` in it; gone at the end unless it was moved."""
    # Short, whatever the name: a file system counts bytes, of which a character can have four.
    temporary = path.with_name(f".audiochat-{secrets.token_hex(6)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(temporary, flags, 0o666), "wb") as file:  # noqa: PTH123 - a descriptor, umask applied
            file.writelines(blocks(data))
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _replace(temporary: Path, path: Path) -> Path:
    if path.is_file() and not path.is_symlink():
        shutil.copymode(path, temporary)
    temporary.replace(path)
    return path


def _place(temporary: Path, path: Path) -> Path:
    """Give the file the first free name, without a moment in which somebody else's could be overwritten."""
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
        temporary.replace(path)


def _rescue(data: Data, path: Path) -> str | None:
    """The answer has been paid for: keep it where temporary files go."""
    name = None
    try:
        with tempfile.NamedTemporaryFile(prefix="audiochat-", suffix=path.suffix[:9], delete=False) as file:
            name = Path(file.name)
            file.writelines(blocks(data))
    except OSError:
        if name is not None:
            name.unlink(missing_ok=True)
        return None
    return f"The answer is kept as {name}."


def make_folder(path: Path) -> None:
    """Make a folder that a person named, unless it is there.

    Raises:
        FileError: it cannot be made.
    """
    try:
        path.mkdir(exist_ok=True)
    except OSError as exc:
        raise FileError(f"The folder {path} cannot be made: {exc.strerror or exc}.", hint="Choose another.") from exc


def _opened(path: Path) -> BinaryIO:
    """A file to read."""
    if "\0" in str(path):
        raise FileNotFoundError(errno.ENOENT, "no name has a NUL in it", str(path))
    return path.open("rb")


@contextlib.contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Open a file that a person named, seekable: what cannot be sought in is read to its end first.

    Raises:
        FileError: it cannot be read.
    """
    try:
        if path.is_dir():
            raise FileError(f"{path} is a folder, not a recording.", hint="Name a file in it.")
        with _opened(path) as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # a device may say that it can be sought in
                yield file
                return
            with spooled(file, name=str(path)) as copy:
                yield copy
    except FileNotFoundError as exc:
        raise FileError(f"There is no file {path}.", hint="Check the name; quote it if it has spaces.") from exc
    except OSError as exc:
        raise FileError(f"{path} cannot be read: {exc.strerror or exc}.", hint="Check its permissions.") from exc


@contextlib.contextmanager
def spooled(source: BinaryIO, *, name: str) -> Iterator[BinaryIO]:
    """A copy of a stream that can be sought in: in memory while small, else on disk.

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


def read_text(path: Path) -> str:
    """The text of a file that a person named.

    Raises:
        FileError: it cannot be read, is not UTF-8, or has no end.
    """
    try:
        with _opened(path) as file:
            return text_of(file, name=str(path))
    except OSError as exc:
        raise FileError(f"{path} cannot be read: {exc.strerror or exc}.", hint="Check the name.") from exc


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
        raise FileError(f"{name} is not text in UTF-8.", hint="Convert it, for example with iconv.") from exc
