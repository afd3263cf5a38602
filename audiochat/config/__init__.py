"""Settings: flag, then environment, then `.env`, then the user's own `.env`, then the default."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

from audiochat import storage
from audiochat.config import checks, names, values
from audiochat.config.checks import HEADER_VALUE
from audiochat.config.dotenv import is_there, read_dotenv
from audiochat.config.values import Source
from audiochat.errors import ConfigurationError, FileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audiochat.config.names import Unread

__all__ = ["HEADER_VALUE", "PROVIDERS", "Flags", "LocalSettings", "ProviderName", "Settings", "Source", "load"]

ProviderName = Literal["azure", "openai", "local"]
PROVIDERS: tuple[ProviderName, ...] = get_args(ProviderName)

AZURE_DEPLOYMENT = "gpt-4o-mini-audio-preview"
AZURE_API_VERSION = "2025-01-01-preview"
OPENAI_MODEL = "gpt-audio-1.5"
OPENAI_BASE_URL = "https://api.openai.com/v1"
VOICE = "alloy"
TIMEOUT = 300.0
RETRIES = 2

SECRETS = (
    "AZURE_OPENAI_API_KEY",
    "OPENAI_API_KEY",
    "AUDIOCHAT_LOCAL_LLM_KEY",
    "AUDIOCHAT_SERVE_KEY",
    "AZURE_CLIENT_SECRET",
    "OPENAI_CUSTOM_HEADERS",
)
"""Variables whose values are never shown."""

KNOWN = frozenset(
    {
        *SECRETS,
        "AZURE_OPENAI_ENDPOINT",
        "AZURE_OPENAI_DEPLOYMENT_NAME",
        "OPENAI_API_VERSION",
        "OPENAI_BASE_URL",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AUDIOCHAT_PROVIDER",
        "AUDIOCHAT_MODEL",
        "AUDIOCHAT_VOICE",
        "AUDIOCHAT_LOCAL_LLM",
        "AUDIOCHAT_LOCAL_LLM_MODEL",
        "AUDIOCHAT_LOCAL_STT",
        "AUDIOCHAT_LOCAL_TTS",
        "AUDIOCHAT_ALLOW_HOST",
        "AUDIOCHAT_ORDINARY_IMPORTS",
        "AUDIOCHAT_PRICES",
    }
)
"""Every variable that is read."""


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line, or a program, said; None where it said nothing."""

    provider: str | None = None
    model: str | None = None
    voice: str | None = None
    timeout: float | None = None
    retries: int | None = None
    env_file: Path | None = None
    serve_key: str | None = field(default=None, repr=False)


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
class EntraSettings:
    """What a sign-in with Microsoft Entra ID is told; None leaves it to azure-identity."""

    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    authority: str | None = None
    """AZURE_AUTHORITY_HOST, which azure-identity reads itself, from the environment alone."""


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
    entra: EntraSettings = field(default_factory=EntraSettings)
    openai_base_url: str = OPENAI_BASE_URL
    openai_api_key: str | None = field(default=None, repr=False)
    openai_organization: str | None = None
    openai_project: str | None = None
    custom_headers: str | None = field(default=None, repr=False)
    """Headers to send with every request: a line each, `Name: value`."""
    local: LocalSettings = field(default_factory=LocalSettings)
    serve_key: str | None = field(default=None, repr=False)
    """What clients of our own server have to send; from no file: one that came with a repository would be known."""
    allowed_hosts: frozenset[str] = frozenset()
    """Hosts that the user trusts with credentials against the rules, from the environment alone."""
    prices: str | None = None
    """What models cost, as JSON; `jobs.plan` reads it."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """Where each value comes from, by its variable's name."""
    unread: tuple[Unread, ...] = ()
    """Variables that are set and not read."""
    notices: tuple[str, ...] = ()
    """What a person should know about the settings."""
    searched: tuple[str, ...] = ()
    """Where variables were looked for, strongest first."""

    def source(self, variable: str) -> Source:
        """Where the value of `variable` comes from."""
        return self.sources.get(variable, Source.DEFAULT)


def load(
    flags: Flags,
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    refuse: bool = True,
) -> Settings:
    """Gather the settings of a run.

    Args:
        flags: What the command line or a program said.
        environment: Instead of the process's own.
        directory: Instead of the working directory.
        refuse: Whether settings that cannot be meant are an error; `doctor` goes on, and lists them.

    Raises:
        ConfigurationError: a value is none that its setting can have.
        FileError: a file of settings cannot be read.
    """
    environment = os.environ if environment is None else environment
    found = _Lookup.of(flags, environment, directory or _working_directory())
    settings = _settings(flags, found, environment)
    if refuse:
        checks.check(settings)
    return replace(settings, notices=(*found.notices, *checks.notices(settings, found.peek)))


def _settings(flags: Flags, found: _Lookup, environment: Mapping[str, str]) -> Settings:
    provider = _provider(flags.provider, found)
    return Settings(
        provider=provider,
        model=_model(provider, flags.model, found),
        voice=found.flag(flags.voice, "AUDIOCHAT_VOICE") or VOICE,
        timeout=TIMEOUT if flags.timeout is None else flags.timeout,
        retries=RETRIES if flags.retries is None else flags.retries,
        azure_endpoint=found.get("AZURE_OPENAI_ENDPOINT"),
        azure_api_version=values.api_version(found.get("OPENAI_API_VERSION")) or AZURE_API_VERSION,
        azure_api_key=found.get("AZURE_OPENAI_API_KEY"),
        entra=_entra(found, environment),
        openai_base_url=found.get("OPENAI_BASE_URL") or OPENAI_BASE_URL,
        openai_api_key=found.get("OPENAI_API_KEY"),
        openai_organization=found.get("OPENAI_ORG_ID"),
        openai_project=found.get("OPENAI_PROJECT_ID"),
        custom_headers=found.get("OPENAI_CUSTOM_HEADERS"),
        local=_local(provider, flags.model, found),
        serve_key=_serve_key(flags, found, environment),
        allowed_hosts=_allowed_hosts(environment),
        prices=found.get("AUDIOCHAT_PRICES"),
        sources=dict(found.sources),
        unread=tuple(names.unread(found.layers, KNOWN)),
        searched=found.searched,
    )


class _Lookup:
    """Finds values in layers and remembers where; an empty value counts as not set."""

    def __init__(
        self, layers: list[tuple[Source, Mapping[str, str]]], notices: list[str], searched: tuple[str, ...]
    ) -> None:
        self.searched = searched
        self._layers = layers
        self.layers = tuple(layer for _, layer in layers)
        self.notices = notices
        self.sources: dict[str, Source] = {}

    @classmethod
    def of(cls, flags: Flags, environment: Mapping[str, str], directory: Path | None) -> _Lookup:
        """The layers of a run."""
        layers: list[tuple[Source, Mapping[str, str]]] = [(Source.ENVIRONMENT, environment)]
        notices: list[str] = []
        places = _places(flags, environment, directory)
        found = {path for _, path in places if is_there(path, named=path == flags.env_file)}
        for source, path in places:
            if path in found:
                file = read_dotenv(path)
                layers.append((source, file.values))
                notices += [file.notice] if file.notice else []
        searched = (f"{path}{'' if path in found else ' (not there)'}" for _, path in places)
        return cls(layers, notices, (Source.ENVIRONMENT.value, *searched))

    def get(self, variable: str) -> str | None:
        """The value of a variable, whose source is remembered."""
        for source, layer in self._layers:
            if value := values.pasted(layer.get(variable, ""), variable):
                self.sources[variable] = source
                return value
        return None

    def peek(self, variable: str) -> bool:
        """Whether a variable is set."""
        return any(values.unquoted(layer.get(variable, "")) for layer in self.layers)

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


def _places(flags: Flags, environment: Mapping[str, str], directory: Path | None) -> list[tuple[Source, Path]]:
    """The files that settings are looked for in, strongest first; only one that is named has to be there."""
    places = []
    project = None if directory is None else directory / ".env"
    if flags.env_file is not None:
        if not is_there(flags.env_file, named=True):
            raise _no_settings(flags.env_file)
        named_project = project is not None and flags.env_file.resolve() == project.resolve()
        places.append((Source.PROJECT_FILE if named_project else Source.NAMED_FILE, flags.env_file))
    elif project is not None:
        places.append((Source.PROJECT_FILE, project))
    own = storage.config_folder(environment)
    if own is not None:
        places.append((Source.USER_FILE, own / ".env"))
    return places


def _no_settings(path: Path) -> FileError:
    try:
        is_folder = path.is_dir()
    except OSError:  # no file can have such a name
        is_folder = False
    if is_folder:
        return FileError(f"{path} is a folder, not a file of settings.", hint="Name a file in it.")
    return FileError(f"There is no file {path} to read settings from.", hint="Check the name.")


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
        return model or values.deployment(found.get("AZURE_OPENAI_DEPLOYMENT_NAME")) or AZURE_DEPLOYMENT
    if provider == "openai":
        return model or OPENAI_MODEL
    return flag  # AUDIOCHAT_MODEL is the default for the cloud; the engine would not know it.


def _serve_key(flags: Flags, found: _Lookup, environment: Mapping[str, str]) -> str | None:
    """The key of our own server, from no file: one that came with a repository would be known."""
    key = flags.serve_key or values.unquoted(environment.get("AUDIOCHAT_SERVE_KEY", ""))
    if key:
        found.sources["AUDIOCHAT_SERVE_KEY"] = Source.FLAG if flags.serve_key else Source.ENVIRONMENT
    return key or None


def _entra(found: _Lookup, environment: Mapping[str, str]) -> EntraSettings:
    return EntraSettings(
        found.get("AZURE_TENANT_ID"),
        found.get("AZURE_CLIENT_ID"),
        found.get("AZURE_CLIENT_SECRET"),
        environment.get("AZURE_AUTHORITY_HOST") or None,
    )


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
                hint="Set AUDIOCHAT_LOCAL_LLM to a GGUF file or to a server; see .env.example.",
                code="no_local_model",
            )
    voice = found.get("AUDIOCHAT_LOCAL_TTS")
    return LocalSettings(
        llm=llm,
        llm_model=llm_model,
        llm_key=found.get("AUDIOCHAT_LOCAL_LLM_KEY"),
        stt=found.get("AUDIOCHAT_LOCAL_STT"),
        tts=None if voice is None else storage.expand_home(voice),
    )


def _allowed_hosts(environment: Mapping[str, str]) -> frozenset[str]:
    hosts = environment.get("AUDIOCHAT_ALLOW_HOST", "").replace(",", " ").split()
    return frozenset(host.lower() for host in hosts)
