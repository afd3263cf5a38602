"""A made-up model in a wheel, and a folder of wheels that stands for the package index."""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from audiochat.local.models import Model, ModelFile, Wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from audiochat.progress import Unit, Update

CONTENTS = {"config.json": b'{"layers": 3}', "weights.bin": bytes(range(256)) * 4096}
PACKAGE, VERSION = "audiochat-made-up-model", "1.2.3"


@dataclass
class Watcher:
    """Writes down what is reported."""

    transfers: list[str] = field(default_factory=list)
    reports: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep a note."""
        self.notes.append(text)

    @contextmanager
    def task(self, label: str, *, total: float | None = None, unit: Unit = "bytes") -> Iterator[Update]:  # noqa: ARG002
        """A task begins; those with a total are transfers here."""
        if total is not None:
            self.transfers.append(label)
        yield lambda done, _detail="": self.reports.append(done)


def sha256(data: bytes) -> str:
    """The hash in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def make_wheel(folder: Path, package: str | None = None, contents: Mapping[str, bytes] = CONTENTS) -> Path:
    """A wheel with the model in it, or with other files under another name."""
    module = "made_up" if package is None else package.replace("-", "_")
    package = package or PACKAGE
    stem = f"{package.replace('-', '_')}-{VERSION}"
    files = {f"{module}/data/{name}": data for name, data in contents.items()}
    files[f"{module}/__init__.py"] = b"raise RuntimeError('models are never imported')\n"
    files[f"{stem}.dist-info/METADATA"] = f"Metadata-Version: 2.1\nName: {package}\nVersion: {VERSION}\n".encode()
    files[f"{stem}.dist-info/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')},{len(data)}\n"
        for name, data in files.items()
    )
    files[f"{stem}.dist-info/RECORD"] = record.encode()
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in files.items():
            wheel.writestr(name, data)
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, which pip is told to use instead of any index."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


@pytest.fixture
def model(index: Path) -> Model:
    """A small model, whose wheel is in the folder."""
    wheel = make_wheel(index).read_bytes()
    return made_up(wheel)


def made_up(wheel: bytes) -> Model:
    """The model of a wheel, if its files are what they should be."""
    return Model(
        title="Made-up",
        origin="nobody/made-up",
        licence="CC0",
        key=f"{PACKAGE}-{VERSION}",
        wheels=(Wheel(PACKAGE, VERSION, sha256(wheel), len(wheel)),),
        files=tuple(
            ModelFile(name, len(data), sha256(data), (f"made_up/data/{name}",)) for name, data in CONTENTS.items()
        ),
    )


def kept(home: Path) -> dict[str, bytes]:
    """The files in the folder of models, by their paths there, the lock left out."""
    folder = home / "cache" / "audiochat" / "models"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


WHOLE = {f"{PACKAGE}-{VERSION}/{name}": data for name, data in CONTENTS.items()}
