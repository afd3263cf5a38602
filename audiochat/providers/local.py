"""The embedded engine, behind the same SDK client as the cloud: an HTTP transport that stays in this process."""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from audiochat.chat.voices import find
from audiochat.config import Source
from audiochat.errors import ConfigurationError, FileError
from audiochat.extras import install_command
from audiochat.providers import LocalPart
from audiochat.transport import addresses, endpoint
from audiochat.transport.attempts import cancellation
from audiochat.transport.connection import ACCOUNT, Connection, certificates, http_client, without
from audiochat.transport.endpoint import Credential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from openai import OpenAI

    from audiochat.config import LocalSettings, Settings
    from audiochat.local.api import ChatCompletions, Response
    from audiochat.local.engine import Engine
    from audiochat.local.models import Model
    from audiochat.progress import Progress
    from audiochat.providers import Connect

LLM = "AUDIOCHAT_LOCAL_LLM"
LLM_KEY = "AUDIOCHAT_LOCAL_LLM_KEY"

_CONNECT = "To use Azure OpenAI set AZURE_OPENAI_ENDPOINT, to use OpenAI set OPENAI_API_KEY."


def begin(settings: Settings, progress: Progress) -> Connect:
    """Do nothing yet: connecting may fetch models, which waits until the question itself has been checked."""
    return partial(_connect, settings, progress)


def make_engine(settings: Settings, progress: Progress, *, waiting: int | None = None) -> Engine:
    """Make the engine, which fetches and loads its models when they are first needed.

    Args:
        settings: The parts that the user brings.
        progress: Told about what takes long.
        waiting: How many requests may wait while one is answered; None leaves it to the engine.

    Raises:
        ConfigurationError: the extra `local` is not installed, or a part that the user brings is not there.
    """
    own = settings.local
    served = own.llm is not None and own.llm.startswith(("http://", "https://"))
    _require(["faster_whisper", "filelock", *([] if served else ["cyllama"]), *_speaks(own)])
    _check_files(own, served=served)
    server = _text_server(settings) if served else None
    from audiochat.local.engine import WAITING, Engine

    return Engine(own, progress=progress, server=server, waiting=WAITING if waiting is None else waiting)


def _connect(settings: Settings, progress: Progress) -> Connection:
    """Make the SDK client of the engine."""
    engine = make_engine(settings, progress)
    from openai import OpenAI

    from audiochat.local.api import ChatCompletions
    from audiochat.local.audio_ids import AudioIds

    progress.note(_notice(settings, engine.model_name))
    transport = InProcess(ChatCompletions(engine, AudioIds()))
    sdk = OpenAI(
        base_url="http://127.0.0.1/v1",  # never opened: the transport answers
        api_key="none",
        http_client=httpx2.Client(transport=transport),
        max_retries=0,
    )
    return Connection(sdk=sdk, provider="local", model=engine.model_name, audio_only=True)


def parts(settings: Settings) -> Iterator[LocalPart]:
    """What of the engine is here, for `doctor`; see `providers.local_parts`."""
    from audiochat.local import models

    own = settings.local
    missing = [name for name in ("cyllama", "faster_whisper", *_speaks(own)) if not _installed(name)]
    if missing:
        yield LocalPart("engine", works=False, what=f"{', '.join(missing)} missing", cure=install_command("local"))
        return
    yield LocalPart("engine", works=True, what="installed")
    speaker = models.speaker(own.tts) or models.KOKORO
    replaced = (("llm", models.SMOLLM2, own.llm), ("stt", models.WHISPER, own.stt), ("tts", speaker, own.tts))
    for name, model, instead in replaced:
        if instead is not None:
            there = str(instead).startswith(("http://", "https://")) or Path(instead).expanduser().exists()
            cure = None if there else f"Correct AUDIOCHAT_LOCAL_{name.upper()}."
            yield LocalPart(name, works=there, what=addresses.shown(instead), cure=cure)
        elif not model.present:
            what = f"{model.title} is not fetched yet"
            yield LocalPart(name, works=True, what=f"{what} ({model.size / 1e6:.0f} MB, on first use)")
        elif not model.intact():
            cure = f"Remove {model.folder}, and it is fetched again."
            what = f"{model.title} is damaged"
            yield LocalPart(name, works=False, what=what, cure=cure, mend=partial(_fetch_again, model))
        else:
            yield LocalPart(name, works=True, what=f"{model.title}, checksum verified")
    for folder in models.old_models():
        yield LocalPart("old-model", works=True, what=f"{folder} is of an earlier version; remove it if you like")


def _fetch_again(model: Model, progress: Progress) -> str:
    """Fetch a damaged model once more.

    Raises:
        UnavailableError, ConfigurationError, FileError: as `local.fetch.ensure`; the damaged one is gone then.
    """
    from audiochat.local import fetch

    fetch.remove(model)
    fetch.ensure([model], progress)
    return f"{model.title} was fetched again, checksum verified"


def have_voices(names: Sequence[str], progress: Progress, *, place: Path | None = None) -> None:
    """Fetch voices of the engine, or take them from where the user has them.

    Args:
        names: The voices; see `chat.voices`.
        progress: Told what is fetched.
        place: A file or folder of the user's that has them.

    Raises:
        AudiochatError: they cannot be fetched, or are not what they should be.
    """
    _require(["filelock"])
    from audiochat.local import voice_files, voice_sources

    if place is None:
        voice_sources.ensure(names, progress, again=True)
        return
    taken = voice_files.take_from(place, names)
    missing = [name for name in names if find(name) is None or find(name) not in map(find, taken)]
    if missing:
        raise FileError(f"{_named(place)} has no voice {', '.join(missing)}.", code="no_such_voice")


def voices_here() -> frozenset[str]:
    """The engine's voices that are fetched, by their own names."""
    from audiochat.local import voice_files

    return frozenset(voice_files.all_present())


def sample(settings: Settings, progress: Progress) -> Callable[[str, str], Iterator[bytes]]:
    """What speaks a text, given first, with one of the engine's voices: s16le, mono, 24,000 Hz.

    Raises:
        ConfigurationError: the extra `local` is not installed.
    """
    _require(_speaks(settings.local))
    from audiochat.local.engine import Engine

    engine = Engine(settings.local, progress=progress)
    return lambda text, voice: engine.synthesizer.say(text, voice=voice)


class InProcess(httpx2.BaseTransport):
    """Hands requests to the engine as if there were a server."""

    def __init__(self, completions: ChatCompletions) -> None:
        self._completions = completions

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request; see `httpx2.BaseTransport`."""
        answer = self._completions.respond(request.read(), cancelled=cancellation())
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Body(answer))


class _Body(httpx2.SyncByteStream):
    def __init__(self, answer: Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.chunks

    def close(self) -> None:
        self._answer.close()


def _require(packages: list[str]) -> None:
    missing = [name for name in packages if not _installed(name)]
    if missing:
        raise ConfigurationError(
            f"The local engine is not installed ({', '.join(missing)} missing).",
            hint=f"{install_command('local')}  {_CONNECT}",
            code="not_installed",
        )


def _speaks(own: LocalSettings) -> list[str]:
    """The packages that speak, which differ by Python until kokoro-onnx takes them all."""
    if own.tts is not None:
        return []  # `_check_files` says how to get Piper
    return ["kokoro_onnx", "py3langid"] if sys.version_info < (3, 14) else ["piper"]


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _check_files(own: LocalSettings, *, served: bool) -> None:
    if own.llm and not served and not Path(own.llm).expanduser().is_file():
        raise ConfigurationError(
            f"{LLM}: there is no file {_named(own.llm)}.", hint="Name a GGUF file or the base URL of a text server."
        )
    if own.tts and not own.tts.is_file():
        raise ConfigurationError(
            f"AUDIOCHAT_LOCAL_TTS: there is no file {_named(own.tts)}.",
            hint="Name the .onnx file of a Piper voice, or unset it: the engine has 54 voices of its own.",
        )
    if own.tts and not _installed("piper"):
        raise ConfigurationError(
            "AUDIOCHAT_LOCAL_TTS names a Piper voice, and Piper is not installed.",
            hint=f"{install_command('piper')}  Or unset it: the engine has 54 voices of its own, for -v.",
            code="not_installed",
        )


def _named(file: object) -> str:
    """Its name, unless it is an address that was mistyped."""
    told = addresses.shown(file)
    return "of that name" if told != str(file) else told


def _text_server(settings: Settings) -> OpenAI:
    target = addresses.parse(settings.local.llm or "", variable=LLM)
    key = settings.local.llm_key
    sent = [Credential(LLM_KEY, settings.source(LLM_KEY))] if key else []
    for credential in (*sent, *endpoint.header_credentials(settings)):
        endpoint.check(target, credential, settings=settings, variable=LLM, vendor_hosts=())
    trusted = certificates()
    from openai import OpenAI

    return OpenAI(
        base_url=target.url,
        api_key=key or "none",
        http_client=http_client(target, trusted, auth=without(*(() if key else ("Authorization",)), *ACCOUNT)),
        default_headers=endpoint.custom_headers(settings),
        timeout=settings.timeout,
        max_retries=settings.retries,
    )


def _notice(settings: Settings, name: str) -> str:
    from audiochat.local import models

    what = f"local engine, {name}"
    if settings.local.llm is None:
        what += ": a small model, its answers can be wrong"
    chosen = settings.source("AUDIOCHAT_PROVIDER") is not Source.DEFAULT
    # Whole the first time, which is when the models are not here yet; who goes on with the engine knows it by then.
    return what if chosen or models.SMOLLM2.present else f"{what}. {_CONNECT}"
