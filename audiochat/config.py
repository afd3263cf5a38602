"""Settings: flag, then environment, then `.env`, then the user's own `.env`, then the default.

This is the only room that reads the environment.
"""

from __future__ import annotations

import io
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

from audiochat.errors import ConfigurationError, FileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ProviderName = Literal["azure", "openai", "local"]
PROVIDERS: tuple[ProviderName, ...] = get_args(ProviderName)

AZURE_DEPLOYMENT = "gpt-4o-mini-audio-preview"
AZURE_API_VERSION = "2025-01-01-preview"
OPENAI_MODEL = "gpt-audio-1.5"
OPENAI_BASE_URL = "https://api.openai.com/v1"
VOICE = "alloy"
TIMEOUT = 300.0
LONGEST = 86_400.0
"""Seconds of a request, at most: a day."""
RETRIES = 2
LARGEST_FILE = 100_000
"""Bytes of a `.env`; a stranger's may have no end."""


HEADER = re.compile(r"[\x21-\x7e]+")
"""What a header can carry of a credential."""


class Source(Enum):
    """Where a value comes from, strongest first."""

    FLAG = "the command line"
    ENVIRONMENT = "the environment"
    NAMED_FILE = "the file of --env-file"
    PROJECT_FILE = ".env in the working directory"
    """Possibly somebody else's: a repository can bring one."""
    USER_FILE = "the user's own .env"
    DEFAULT = "the default"


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line said; None where it said nothing."""

    provider: str | None = None
    model: str | None = None
    voice: str | None = None
    timeout: float | None = None
    retries: int | None = None
    env_file: Path | None = None


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """The parts of the embedded engine that a user brings; None is the engine's own model."""

    llm: str | None = None
    """A GGUF file, or the base URL of a server that speaks OpenAI's chat completions in text."""
    llm_model: str | None = None
    """The model to ask that server for."""
    llm_key: str | None = field(default=None, repr=False)
    """The key of that server."""
    stt: str | None = None
    """A folder with a CTranslate2 Whisper model, or the name of one that faster-whisper fetches."""
    tts: Path | None = None
    """A Piper voice, `.onnx` with its `.onnx.json` beside it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a run needs to know from outside."""

    provider: ProviderName
    model: str | None
    """Deployment (Azure) or model; None lets the local engine name its own."""
    voice: str
    timeout: float
    """Seconds for one request."""
    retries: int
    """How often a failed request is sent again."""
    azure_endpoint: str | None = None
    azure_api_version: str = AZURE_API_VERSION
    azure_api_key: str | None = field(default=None, repr=False)
    openai_base_url: str = OPENAI_BASE_URL
    openai_api_key: str | None = field(default=None, repr=False)
    local: LocalSettings = field(default_factory=LocalSettings)
    sdk_headers: bool = False
    """Whether the SDK will add headers from OPENAI_CUSTOM_HEADERS, which it reads by itself."""
    allowed_hosts: frozenset[str] = frozenset()
    """Hosts that the user trusts with credentials against the rules, from the environment alone."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """Where each value comes from, by its variable's name."""

    def source(self, variable: str) -> Source:
        """Where the value of `variable` comes from."""
        return self.sources.get(variable, Source.DEFAULT)


def load(
    flags: Flags,
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Settings:
    """Gather the settings of a run.

    Raises:
        ConfigurationError: a value is none that its setting can have.
        FileError: the file of `--env-file` cannot be read.
    """
    environment = os.environ if environment is None else environment
    layers = _layers(flags, environment, directory or _working_directory())
    found = _Lookup(layers)
    provider = _provider(flags.provider, found)
    return _checked(
        Settings(
            provider=provider,
            model=_model(provider, flags.model, found),
            voice=found.flag(flags.voice, "AUDIOCHAT_VOICE") or VOICE,
            timeout=TIMEOUT if flags.timeout is None else flags.timeout,
            retries=RETRIES if flags.retries is None else flags.retries,
            azure_endpoint=found.get("AZURE_OPENAI_ENDPOINT"),
            azure_api_version=found.get("OPENAI_API_VERSION") or AZURE_API_VERSION,
            azure_api_key=found.get("AZURE_OPENAI_API_KEY"),
            openai_base_url=found.get("OPENAI_BASE_URL") or OPENAI_BASE_URL,
            openai_api_key=found.get("OPENAI_API_KEY"),
            local=_local(provider, flags.model, found),
            sdk_headers=bool(environment.get("OPENAI_CUSTOM_HEADERS")),
            allowed_hosts=_allowed_hosts(environment),
            sources=dict(found.sources),
        )
    )


def _checked(settings: Settings) -> Settings:
    """The same settings, unless one has a value that it cannot have."""
    if not 0 < settings.timeout <= LONGEST or settings.retries < 0:
        raise UsageError(
            f"--timeout wants seconds above 0, at most {LONGEST:.0f}; --retries a number from 0 up.",
            hint="Leave them out for the defaults.",
        )
    secrets = {
        "AZURE_OPENAI_API_KEY": settings.azure_api_key,
        "OPENAI_API_KEY": settings.openai_api_key,
        "AUDIOCHAT_LOCAL_LLM_KEY": settings.local.llm_key,
    }
    for variable, secret in secrets.items():
        if secret and not HEADER.fullmatch(secret):
            raise ConfigurationError(
                f"{variable} is no key: it holds spaces or characters that no key has.", hint="Copy it again, whole."
            )
    return settings


class _Lookup:
    """Finds values in layers and remembers where; an empty value counts as not set."""

    def __init__(self, layers: list[tuple[Source, Mapping[str, str]]]) -> None:
        self._layers = layers
        self.sources: dict[str, Source] = {}

    def get(self, variable: str) -> str | None:
        for source, values in self._layers:
            if value := values.get(variable, "").strip():
                self.sources[variable] = source
                return value
        return None

    def flag(self, given: str | None, variable: str) -> str | None:
        if given:
            self.sources[variable] = Source.FLAG
            return given
        return self.get(variable)


def _working_directory() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was removed meanwhile; there is no .env in it then
        return None


def _layers(
    flags: Flags, environment: Mapping[str, str], directory: Path | None
) -> list[tuple[Source, Mapping[str, str]]]:
    project = None if directory is None else directory / ".env"
    layers: list[tuple[Source, Mapping[str, str]]] = [(Source.ENVIRONMENT, environment)]
    if flags.env_file is not None:
        if not _is_there(flags.env_file) or flags.env_file.is_dir():
            raise FileError(f"{flags.env_file}: there is no such file to read settings from.", hint="Check its name.")
        named_project = project is not None and flags.env_file.resolve() == project.resolve()
        source = Source.PROJECT_FILE if named_project else Source.NAMED_FILE
        layers.append((source, _read(flags.env_file)))
    elif project is not None and _is_there(project) and project.is_file():
        layers.append((Source.PROJECT_FILE, _read(project)))
    own = config_directory(environment) / ".env"
    if _is_there(own) and own.is_file():
        layers.append((Source.USER_FILE, _read(own)))
    return layers


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that may not be entered
        return False


def _read(path: Path) -> dict[str, str]:
    from dotenv import dotenv_values

    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
        text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig").read()
    except (OSError, UnicodeDecodeError) as exc:
        raise FileError(f"{path}: the settings in it cannot be read ({exc}).", hint="See .env.example.") from exc
    if len(data) > LARGEST_FILE:
        raise FileError(f"{path} is too large to be settings.", hint=f"At most {LARGEST_FILE} bytes are read.")
    with _one_warning(path):
        # No interpolation: a stranger's .env could send `${AZURE_OPENAI_API_KEY}` along in its endpoint.
        values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value}


@contextmanager
def _one_warning(path: Path) -> Iterator[None]:
    """Let the library warn of the first line that is no setting, not of each: a file can have thousands."""
    import logging

    told = False

    def first(record: logging.LogRecord) -> bool:
        nonlocal told
        record.msg = f"{path}: line %s is no setting; what is none is left out."
        again, told = told, True
        return not again

    logger = logging.getLogger("dotenv.main")
    logger.addFilter(first)
    try:
        yield
    finally:
        logger.removeFilter(first)


def config_directory(environment: Mapping[str, str] | None = None) -> Path:
    """The folder of the user's own `.env`."""
    import platformdirs

    if chosen := (os.environ if environment is None else environment).get("XDG_CONFIG_HOME"):
        return Path(chosen) / "audiochat"
    return platformdirs.user_config_path("audiochat", appauthor=False)


def cache_directory() -> Path:
    """The folder of what can be had again: models, and the ids of the local engine's answers."""
    import platformdirs

    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "audiochat"
    return platformdirs.user_cache_path("audiochat", appauthor=False)


def environment(**changes: str) -> dict[str, str]:
    """The environment of this process, changed, for a process of ours."""
    return {**os.environ, **changes}


def ordinary_imports() -> bool:
    """Whether libraries are to be imported as Python does it, not on demand."""
    return bool(os.environ.get("AUDIOCHAT_ORDINARY_IMPORTS"))


def without_plugins() -> None:
    """Let pydantic look for none of its plugins: it would read a file of every package that is installed."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def without_telemetry() -> None:
    """Keep onnxruntime, which the engine's voice and ear run on, from collecting events for its makers."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def data_directory() -> Path:
    """The folder of what cannot be had again: conversations."""
    import platformdirs

    if chosen := os.environ.get("XDG_DATA_HOME"):
        return Path(chosen) / "audiochat"
    return platformdirs.user_data_path("audiochat", appauthor=False)


def _provider(flag: str | None, found: _Lookup) -> ProviderName:
    chosen = found.flag(flag, "AUDIOCHAT_PROVIDER")
    if chosen is None:
        if found.get("AZURE_OPENAI_ENDPOINT"):
            return "azure"
        return "openai" if found.get("OPENAI_API_KEY") or found.get("OPENAI_BASE_URL") else "local"
    if chosen.lower() not in PROVIDERS:
        kind = UsageError if flag else ConfigurationError
        raise kind(f"There is no provider {chosen!r}.", hint=f"Choose one of {', '.join(PROVIDERS)}.")
    return cast("ProviderName", chosen.lower())


def _model(provider: ProviderName, flag: str | None, found: _Lookup) -> str | None:
    model = found.flag(flag, "AUDIOCHAT_MODEL")
    if provider == "azure":
        return model or found.get("AZURE_OPENAI_DEPLOYMENT_NAME") or AZURE_DEPLOYMENT
    if provider == "openai":
        return model or OPENAI_MODEL
    return flag  # AUDIOCHAT_MODEL is the default for the cloud; the engine would not know it.


def _local(provider: ProviderName, model_flag: str | None, found: _Lookup) -> LocalSettings:
    llm, llm_model = found.get("AUDIOCHAT_LOCAL_LLM"), found.get("AUDIOCHAT_LOCAL_LLM_MODEL")
    if provider == "local" and model_flag:
        if model_flag.lower().endswith(".gguf"):
            llm = model_flag
        elif llm and llm.startswith(("http://", "https://")):
            llm_model = model_flag
        else:
            raise ConfigurationError(
                f"The local engine has no model {model_flag!r}.",
                hint="Give -m a GGUF file, or set AUDIOCHAT_LOCAL_LLM to a file or a server; see .env.example.",
            )
    voice = found.get("AUDIOCHAT_LOCAL_TTS")
    return LocalSettings(
        llm=llm,
        llm_model=llm_model,
        llm_key=found.get("AUDIOCHAT_LOCAL_LLM_KEY"),
        stt=found.get("AUDIOCHAT_LOCAL_STT"),
        tts=Path(voice).expanduser() if voice else None,
    )


def _allowed_hosts(environment: Mapping[str, str]) -> frozenset[str]:
    names = environment.get("AUDIOCHAT_ALLOW_HOST", "").replace(",", " ").split()
    return frozenset(name.lower() for name in names)
