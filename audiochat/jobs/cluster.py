"""Pieces on other machines: an existing Dask cluster, or any other `concurrent.futures.Executor`.

A task holds the piece and what is done with it, never a credential: each worker reads its own settings. A cluster may
run a task twice (it steals work, it loses workers), so the worker looks into the storage that all share before it asks,
and keeps its result there before it returns.
"""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from concurrent.futures import CancelledError as Cancelled
from concurrent.futures import Executor, Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiochat.errors import (
    AudiochatError,
    BrokenAnswerError,
    CancelledError,
    ConfigurationError,
    FileError,
    UnavailableError,
)
from audiochat.extras import install_command
from audiochat.jobs.job import ClosedError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from audiochat.config import Settings
    from audiochat.jobs.job import Job
    from audiochat.jobs.piece import Piece, Result
    from audiochat.jobs.work import Work

_AHEAD = 2
"""Pieces for each thread of the cluster: one is worked on, the next is on its way."""


@dataclass(frozen=True, slots=True)
class Whom:
    """Whom a worker asks, of the settings that are no secret; the rest it reads from its own environment."""

    provider: str
    model: str | None
    voice: str
    timeout: float
    retries: int

    @classmethod
    def of(cls, settings: Settings) -> Whom:
        """What a worker has to be told."""
        return cls(settings.provider, settings.model, settings.voice, settings.timeout, settings.retries)

    def settings(self) -> Settings:
        """The settings of this process for it.

        Raises:
            ConfigurationError: this worker has no credential; it is named.
        """
        from audiochat import config

        flags = config.Flags(self.provider, self.model, self.voice, timeout=self.timeout, retries=self.retries)
        try:
            return config.load(flags)
        except AudiochatError as exc:
            raise _on_this_worker(exc) from exc


@dataclass(frozen=True, slots=True)
class Shared:
    """A folder that all workers see: a file for each result, named by its key."""

    folder: Path

    def get(self, key: str) -> Result | None:
        """A result that a worker has kept; None where there is none."""
        import pickle

        with suppress(OSError, EOFError, pickle.UnpicklingError):
            result: Result = pickle.loads(self._path(key).read_bytes())  # noqa: S301 - the user's own folder, private
            return result
        return None

    def put(self, key: str, result: Result) -> None:
        """Keep a result: whole, or not at all."""
        import pickle

        from audiochat import storage

        path = self._path(key)
        storage.make_folder(path.parent)
        storage.write_atomically(path, [pickle.dumps(result)])

    def remove(self, key: str) -> None:
        """Forget a result that the job has now."""
        with suppress(OSError):
            self._path(key).unlink()

    def _path(self, key: str) -> Path:
        return self.folder / ".results" / key[:2] / key


@dataclass(frozen=True, slots=True)
class Task:
    """A piece for a worker; it pickles, and holds no credential."""

    work: Work
    whom: Whom
    shared: Shared
    key: str
    payload: Any = field(repr=False)
    again: bool = False
    """Whether it is asked for although there is a result: one with a flaw."""

    def __call__(self) -> Result:
        """Do it, unless a worker has done it before; the sound stays in the shared storage."""
        kept = None if self.again else self.shared.get(self.key)
        if kept is not None:
            return _without_sound(kept)
        try:
            result: Result = _opened(self.work, self.whom)(self.payload)
        except ConfigurationError as exc:
            raise _on_this_worker(exc) from exc
        self.shared.put(self.key, result)
        return _without_sound(result)


def _without_sound(result: Result) -> Result:
    """A result as it travels: where it has sound, there is an empty one."""
    return result if result.blob is None else replace(result, blob=b"")


_lock = threading.Lock()
_open: dict[bytes, Any] = {}
_stack = ExitStack()


def _opened(work: Work, whom: Whom) -> Any:
    """The work, opened once in this process: a connection and models serve all of its pieces."""
    import pickle

    from audiochat.jobs.work import Workplace

    name = pickle.dumps((work, whom))
    with _lock:
        if name not in _open:
            _open[name] = _stack.enter_context(work.open(Workplace(whom.settings())))
        return _open[name]


def _on_this_worker(exc: AudiochatError) -> ConfigurationError:
    """An error of a worker's own settings, with the name of the worker."""
    where = f"{socket.gethostname()}, process {os.getpid()}"
    return ConfigurationError(
        f"The worker at {where} cannot ask: {exc.message}",
        hint=f"Workers read their own environment: set it there, too. {exc.hint or ''}".strip(),
        code="worker_configuration",
    )


class Cluster:
    """Hands pieces to an executor; a `Pool` of `jobs.threads`.

    Args:
        executor: Of a cluster: `distributed.Client.get_executor()`, or any other.
        work: What is done with each piece.
        settings: Whom the workers ask.
        shared: Storage that they all see.
        room: How many pieces may be under way.
        close: Called at the end.
    """

    def __init__(
        self, executor: Executor, work: Work, settings: Settings, shared: Shared, *, room: int, close: Any = None
    ) -> None:
        self._executor = executor
        self._work = work
        self._whom = Whom.of(settings)
        self._shared = shared
        self._room = room
        self._close = close
        self._abandoned = False
        self._brought: list[str] = []

    @property
    def room(self) -> int:
        """How many pieces may be under way."""
        return self._room

    def submit(self, piece: Piece[Any], job: Job) -> Future[Result]:
        """Begin a piece; see `Pool`."""
        job.ask(piece.key)
        task = Task(self._work, self._whom, self._shared, piece.key, piece.payload, job.get(piece.key) is not None)
        begun: Future[Result] = self._executor.submit(task)
        kept: Future[Result] = _Following(begun)
        kept.set_running_or_notify_cancel()
        begun.add_done_callback(lambda done: self._keep(piece.key, done, job, kept))
        return kept

    def _keep(self, key: str, done: Future[Result], job: Job, kept: Future[Result]) -> None:
        """Bring a result from the shared storage into the job; called from a thread of the executor's."""
        try:
            result = done.result()
            job.put(key, self._whole(key, result))
            self._brought.append(key)
            kept.set_result(result)
        except (CancelledError, Cancelled, ClosedError):  # the run ended: the shared storage has it for the next
            kept.set_exception(CancelledError("The run was cancelled."))
        except AudiochatError as exc:
            kept.set_exception(exc)
        except BaseException as exc:  # noqa: BLE001 - of a library, or a worker that died again and again
            kept.set_exception(_lost(exc))

    def _whole(self, key: str, result: Result) -> Result:
        """A result with its sound, from the shared storage."""
        whole = self._shared.get(key)
        if whole is None and result.blob is not None:
            raise _not_seen(self._shared.folder)
        return whole or result

    def abandon(self) -> None:
        """Begin nothing more; see `Pool`."""
        self._abandoned = True
        try:
            self._executor.shutdown(wait=False, cancel_futures=True)
        except TypeError:  # Dask's cancels by itself
            self._executor.shutdown(wait=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._abandoned:
            self._executor.shutdown(wait=True)
            # Only now: a task that was run twice finds the first one's result until the end.
            for key in self._brought:
                self._shared.remove(key)
        if self._close is not None:
            self._close()


class _Following(Future):  # type: ignore[type-arg]
    """A future that can be taken back as long as the one it follows can."""

    def __init__(self, followed: Future[Any]) -> None:
        super().__init__()
        self._followed = followed

    def cancel(self) -> bool:
        """Whether it will not run."""
        return self._followed.cancel()


def _not_seen(folder: Path) -> FileError:
    return FileError(
        f"A worker has kept a piece in {folder}, and it is not there.",
        hint="--store names a folder that this machine and all workers share.",
        code="store_not_shared",
    )


def _lost(exc: BaseException) -> AudiochatError:
    if type(exc).__name__ == "KilledWorker":
        return BrokenAnswerError(
            "Several workers died while they had this piece.",
            hint="Look at their logs: memory, perhaps.",
            code="worker_died",
        )
    why = " ".join(str(exc).split())[:200] or type(exc).__name__
    return UnavailableError(f"The cluster failed: {why}.", hint="Look at its scheduler.", code="cluster_failed")


@dataclass(frozen=True, slots=True)
class Tls:
    """How a cluster is reached over TLS."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None


def dask_cluster(
    address: str, work: Work, settings: Settings, store: Path, *, tls: Tls | None = None, room: int | None = None
) -> Cluster:
    """An existing Dask cluster.

    Args:
        address: Of its scheduler: `tcp://HOST:PORT`, `tls://HOST:PORT`.
        work: What is done with each piece.
        settings: Whom the workers ask.
        store: A folder that this machine and all workers share.
        tls: Certificates for `tls://`.
        room: How many pieces may be under way; by default two for each thread of the cluster.

    Raises:
        ConfigurationError: the extra `dask` is not installed, or there is no cluster, or its workers do not share the
            folder.
        UnavailableError: the scheduler does not answer.
    """
    client = _connected(address, tls)
    with ExitStack() as on_failure:
        on_failure.callback(client.close)
        _check_workers(client, store)
        threads = sum(client.nthreads().values())
        on_failure.pop_all()
    executor = client.get_executor(pure=False)
    # Workers run in other working directories.
    return Cluster(
        executor, work, settings, Shared(store.absolute()), room=room or _AHEAD * threads, close=client.close
    )


def _connected(address: str, tls: Tls | None) -> Any:
    try:
        distributed: Any = import_module("distributed")
    except ImportError as exc:
        raise ConfigurationError("Dask is not installed.", hint=install_command("dask"), code="not_installed") from exc
    security = None
    if tls is not None and any((tls.ca, tls.cert, tls.key)):
        security = distributed.Security(
            tls_ca_file=tls.ca, tls_client_cert=tls.cert, tls_client_key=tls.key, require_encryption=True
        )
    try:
        return distributed.Client(address, security=security, timeout=20, set_as_default=False)
    except (OSError, ValueError, TimeoutError, TypeError) as exc:
        why = " ".join(str(exc).split())[:200]
        raise UnavailableError(
            f"There is no Dask scheduler at {address}: {why}", hint="Start one: dask scheduler", code="no_cluster"
        ) from exc


def _check_workers(client: Any, store: Path) -> None:
    """Find out whether there are workers, and whether they see the folder."""
    with suppress(TimeoutError):  # they may be joining just now
        client.wait_for_workers(1, timeout=10)
    if not client.nthreads():
        raise ConfigurationError(
            "The cluster has no workers.", hint="Start some: dask worker ADDRESS", code="no_workers"
        )
    store.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=store) as mark:
        try:
            seen = client.run(_sees, mark.name)
        except Exception as exc:  # whatever a worker raised: an import that fails there, an older version's own error
            why = " ".join(str(exc).split())[:200]
            raise ConfigurationError(
                f"The workers cannot run audiochat: {why}", hint="Install this version of it on all of them."
            ) from exc
    blind = sorted(worker for worker, sees in seen.items() if not sees)
    if blind:
        raise ConfigurationError(
            f"The workers {', '.join(blind)} do not see {store}.",
            hint="--store names a folder that this machine and all workers share.",
            code="store_not_shared",
        )


def _sees(name: str) -> bool:
    return Path(name).exists()
