"""What works and what does not, each with the one thing to do about it: what `doctor` tells."""

from __future__ import annotations

import io
import os
import platform
import socket
import ssl
import tempfile
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from importlib import metadata
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from audiochat import __version__, providers, storage
from audiochat.audio import codec, devices, formats, wav
from audiochat.background import run_in_thread
from audiochat.chat.recordings import Recording
from audiochat.chat.request import Request, UserTurn
from audiochat.errors import AudiochatError
from audiochat.progress import NoProgress
from audiochat.transport import addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from audiochat.config import Settings
    from audiochat.transport.connection import Connection
    from audiochat.transport.endpoint import Endpoint

SECONDS = 10.0
"""A doctor who takes longer is no help."""

COST = "about 20 tokens: a tenth of a second of silence, answered in one word of text"
"""Of the request that shows whether the deployment answers."""

Status = Literal["ok", "warning", "failure"]

_LIBRARIES = ("openai", "azure-identity", "httpx2", "av", "typer")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis."""

    check: str
    """A stable word for scripts."""
    status: Status
    what: str
    cure: str | None = None
    """The one thing to do; None where nothing is to be done."""


def diagnose(settings: Settings, *, send_request: bool) -> Iterator[Finding]:
    """Examine everything at once, in ten seconds at most; the findings come in a fixed order.

    Args:
        settings: As the commands would use them.
        send_request: Whether the request that proves the deployment may be sent, and paid for.
    """
    checks = [
        _Check("versions", _versions()),
        _Check("settings", _settings(settings)),
        _Check("service", _service(settings, send_request=send_request)),
        _Check("codecs", _codecs()),
        _Check("devices", _devices()),
        _Check("models", _models(settings)),
        _Check("folders", _folders()),
    ]
    deadline = monotonic() + SECONDS
    for check, future in [(check, run_in_thread(check.run, name="doctor")) for check in checks]:
        yield from check.found_until(deadline, future)


@dataclass(slots=True)
class _Check:
    """Something to examine, and what was found so far."""

    name: str
    steps: Iterator[Finding]
    findings: list[Finding] = field(default_factory=list)

    def run(self) -> None:
        """Find all of it."""
        for finding in self.steps:
            self.findings.append(finding)

    def found_until(self, deadline: float, future: Future[None]) -> Iterator[Finding]:
        """What was found when it ended, or when there was no more time."""
        try:
            future.result(timeout=max(0.0, deadline - monotonic()))
        except FutureTimeoutError:
            yield from (found := tuple(self.findings))
            after = f", after {', '.join(finding.check for finding in found)}" if found else ""
            what = f"No result within {SECONDS:.0f} seconds{after}."
            yield Finding(self.name, "failure", what, "Check the network and the sign-in ('az login'), then again.")
        except Exception as exc:  # noqa: BLE001 - the other checks are of use all the same
            yield from self.findings
            yield Finding(self.name, "failure", f"This could not be examined: {type(exc).__name__}.", "Report it.")
        else:
            yield from self.findings


def _versions() -> Iterator[Finding]:
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    what = f"audiochat {__version__}, Python {platform.python_version()} on {platform.system()}; {libraries}"
    yield Finding("versions", "ok", what)


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("provider", "ok", f"{settings.provider}, model {settings.model or 'of the engine'}")
    values = {
        "AUDIOCHAT_PROVIDER": settings.provider,
        "AZURE_OPENAI_ENDPOINT": addresses.shown(settings.azure_endpoint),
        "AZURE_OPENAI_DEPLOYMENT_NAME": settings.model,
        "OPENAI_API_VERSION": settings.azure_api_version,
        "OPENAI_BASE_URL": addresses.shown(settings.openai_base_url),
        "AUDIOCHAT_MODEL": settings.model,
        "AUDIOCHAT_VOICE": settings.voice,
        "AUDIOCHAT_LOCAL_LLM": addresses.shown(settings.local.llm),
        "AUDIOCHAT_LOCAL_STT": addresses.shown(settings.local.stt),
        "AUDIOCHAT_LOCAL_TTS": addresses.shown(settings.local.tts),
    }
    for variable, source in settings.sources.items():
        told = f"is {values[variable]}" if variable in values else "is set"  # never the value of a secret
        yield Finding("setting", "ok", f"{variable} {told}, from {source.value}")


def _service(settings: Settings, *, send_request: bool) -> Iterator[Finding]:
    """The way to the service, step by step; the first that fails is the one to mend."""
    if settings.provider == "local":
        return
    try:
        connection = providers.connect(settings, NoProgress())
        variable = "AZURE_OPENAI_ENDPOINT" if settings.provider == "azure" else "OPENAI_BASE_URL"
        given = settings.azure_endpoint if settings.provider == "azure" else settings.openai_base_url
        target = addresses.parse(given or "", variable=variable)
    except AudiochatError as error:
        yield _failed("endpoint", error)
        return
    yield Finding("endpoint", "ok", f"{target.url}, and the credential may go there")
    for step in (_found, _secured):
        finding = step(target)
        yield finding
        if finding.status == "failure":
            return
    if connection.sign_in is not None:
        try:
            yield Finding("sign-in", "ok", f"signed in with {connection.sign_in()}")
        except AudiochatError as error:
            yield _failed("sign-in", error)
            return
    if not send_request:
        yield Finding("request", "warning", "The deployment was not asked.", f"--yes asks it; it costs {COST}.")
        return
    yield _answered(connection)


def _found(target: Endpoint) -> Finding:
    if _proxied(target):
        return Finding("dns", "ok", "left to the proxy")
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(target.host, None, type=socket.SOCK_STREAM)}
    except OSError as exc:
        return Finding("dns", "failure", f"{target.host} cannot be found: {exc}", "Check its name, and the network.")
    return Finding("dns", "ok", f"{target.host} is {', '.join(sorted(map(str, addresses)))}")


def _secured(target: Endpoint) -> Finding:
    if not target.secure:
        return Finding("tls", "ok", "not used, on this machine" if target.loopback else "not used, as allowed")
    if _proxied(target):
        return Finding("tls", "ok", "left to the proxy")
    import httpx2

    try:
        with (
            socket.create_connection((target.host, target.port), timeout=SECONDS / 2) as plain,
            httpx2.create_ssl_context().wrap_socket(plain, server_hostname=target.host) as secure,
        ):
            return Finding("tls", "ok", f"{secure.version()}, certificate accepted")
    except ssl.SSLError as exc:
        cure = "Behind a proxy that inspects TLS, point SSL_CERT_FILE at its certificate."
        return Finding("tls", "failure", f"No secure connection: {exc.reason or exc}", cure)
    except OSError as exc:
        return Finding("tls", "failure", f"No connection: {exc.strerror or exc}", "Check firewall and proxy settings.")


def _proxied(target: Endpoint) -> bool:
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    asked = ("https" if target.secure else "http") in proxies or "all" in proxies
    return asked and not target.loopback and not proxy_bypass(target.host)


def _answered(connection: Connection) -> Finding:
    """The cheapest request that an audio model takes: silence in, one token of text out."""
    from audiochat.chat.client import Client
    from audiochat.transport.retry import RetryPolicy

    silence = Recording(wav.wrap(bytes(4800)), "wav")
    request = Request(
        model=connection.model,
        turns=(UserTurn("Say ok.", (silence,)),),
        format=None,
        parameters={"max_completion_tokens": 1},
    )
    try:
        reply = Client(connection, timeout=SECONDS - 1, policy=RetryPolicy(retries=0)).ask(request)
    except AudiochatError as error:
        if error.code == "empty":  # one token can be nothing to see
            return Finding("request", "ok", f"{connection.model} answers")
        return _failed("request", error)
    return Finding("request", "ok", f"{reply.model or connection.model} answers")


def _failed(check: str, error: AudiochatError) -> Finding:
    return Finding(check, "failure", error.message, error.hint)


def _codecs() -> Iterator[Finding]:
    pcm = bytes(9600)
    missing = []
    for format_ in formats.ANSWER_FORMATS:
        try:
            encoded = codec.encode(pcm, format_)
            if format_ != "pcm16":
                b"".join(codec.decode(io.BytesIO(encoded), name=format_))
        except Exception:  # noqa: BLE001 - a build of FFmpeg without a codec says so in many ways
            missing.append(format_)
    if missing:
        cure = "Install PyAV from its wheel: pip install --force-reinstall --only-binary=av av"
        yield Finding("codecs", "failure", f"cannot read and write {', '.join(missing)}", cure)
    else:
        yield Finding("codecs", "ok", f"can read and write {', '.join(formats.ANSWER_FORMATS)}")


def _devices() -> Iterator[Finding]:
    yield _device("loudspeaker", devices.loudspeaker)
    yield _device("microphone", devices.microphone)


def _device(name: str, open_device: Callable[[], Any]) -> Finding:
    try:
        open_device()
    except devices.NoDeviceError as exc:
        return Finding(name, "warning", f"no {name}", str(exc))
    return Finding(name, "ok", f"there is a {name}")


def _models(settings: Settings) -> Iterator[Finding]:
    """The local engine; a lack of it only matters to who uses it."""
    lack: Status = "failure" if settings.provider == "local" else "warning"
    for part in providers.local_parts(settings):
        yield Finding(f"local-{part.name}", "ok" if part.works else lack, part.what, part.cure)


def _folders() -> Iterator[Finding]:
    yield _folder("cache", storage.cache_folder())
    yield _folder("sessions", storage.data_folder())


def _folder(name: str, path: Path) -> Finding:
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as exc:
        cure = f"Mend its permissions, or set {'XDG_CACHE_HOME' if name == 'cache' else 'XDG_DATA_HOME'}."
        return Finding(f"{name}-folder", "failure", f"{existing} cannot be written to: {exc.strerror or exc}", cure)
    free = os.statvfs(existing).f_bavail * os.statvfs(existing).f_frsize if hasattr(os, "statvfs") else None
    return Finding(f"{name}-folder", "ok", f"{path}{'' if free is None else f', {free / 1e9:.0f} GB free'}")
