"""Conversations on disk: readable JSON and the sound beside it, for nobody but their owner."""

from __future__ import annotations

import json
import re
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from audiochat import config, storage
from audiochat.audio import wav
from audiochat.chat.conversation import Exchange
from audiochat.chat.recordings import Recording
from audiochat.chat.reply import Usage
from audiochat.chat.request import UserTurn
from audiochat.errors import FileError, UsageError
from audiochat.spool import iter_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filelock import FileLock

    from audiochat.chat.reply import Reply

VERSION = 1

_IN_USE = "session_in_use"
_LAST_MOMENT = 253_402_300_799 - 86_400
"""The last day but one of the year 9999."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_FILE = re.compile(r"turn-[0-9]+(-in-[0-9]+)?\.(wav|mp3)")


@dataclass(frozen=True, slots=True)
class KeptAudio:
    """A recording or a spoken answer, in a file of the session's folder."""

    file: str
    name: str | None = None
    """How the user called the file that it came from."""


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A turn as it is kept."""

    text: str | None
    recordings: tuple[KeptAudio, ...]
    transcript: str
    audio: KeptAudio | None
    audio_id: str | None
    expires_at: int | None
    origin: str | None
    model: str | None
    request_id: str | None
    finish_reason: str | None
    usage: Usage
    answered_at: int
    """Seconds since 1970."""


@dataclass(slots=True)
class Session:
    """A conversation that is kept."""

    name: str
    folder: Path
    created_at: int
    system: str | None = None
    turns: list[KeptTurn] = field(default_factory=list)

    def add(self, asked: UserTurn, reply: Reply, sound: bytes | None, *, origin: str) -> None:
        """Keep a turn, on disk, at once: the sound first, then the page that names it.

        Raises:
            FileError: it cannot be written; the session is as it was.
        """
        number = len(self.turns) + 1
        with _as_file_error(self.folder):
            storage.make_folder(self.folder)
            recordings = []
            for index, recording in enumerate(asked.recordings, 1):
                file = f"turn-{number}-in-{index}.{recording.format}"
                storage.write_atomically(self.folder / file, iter_blocks(recording.data))
                recordings.append(KeptAudio(file, recording.name))
            audio = None
            if sound is not None:
                audio = KeptAudio(f"turn-{number}.wav")
                storage.write_atomically(self.folder / audio.file, iter_blocks(wav.mend(sound)))
            spoken = reply.audio
            turn = KeptTurn(
                text=asked.text,
                recordings=tuple(recordings),
                transcript=reply.transcript,
                audio=audio,
                audio_id=spoken.id if spoken else None,
                expires_at=spoken.expires_at if spoken else None,
                origin=origin if spoken else None,
                model=reply.model,
                request_id=reply.request_id,
                finish_reason=reply.finish_reason,
                usage=reply.usage,
                answered_at=int(time.time()),
            )
            self.turns.append(turn)
            try:
                self.save()
            except OSError:
                self.turns.pop()
                raise

    def undo(self) -> None:
        """Forget the last turn.

        Raises:
            FileError: the session cannot be written.
        """
        turn = self.turns.pop()
        try:
            with _as_file_error(self.folder):
                self.save()
        except FileError:
            self.turns.append(turn)
            raise
        for audio in (*turn.recordings, *([turn.audio] if turn.audio else [])):
            with suppress(OSError):
                (self.folder / audio.file).unlink()

    def save(self) -> None:
        """Write the page, atomically.

        Raises:
            OSError: it cannot be written.
        """
        storage.make_folder(self.folder)
        page = {
            "version": VERSION,
            "name": self.name,
            "created_at": self.created_at,
            "system": self.system,
            "turns": [asdict(turn) for turn in self.turns],
        }
        text = json.dumps(page, ensure_ascii=False, indent=1)
        storage.write_atomically(self.folder / "session.json", [text.encode()])

    def exchanges(self) -> list[Exchange]:
        """The turns, their recordings read, as a conversation goes on from them.

        Raises:
            FileError: a recording is gone.
        """
        return [
            Exchange(self._asked(turn), turn.transcript, turn.audio_id, turn.expires_at, turn.origin)
            for turn in self.turns
        ]

    def sound(self, number: int) -> bytes | None:
        """The spoken answer of a turn, counted from 1, as a WAV file.

        Raises:
            FileError: it is gone.
        """
        audio = self.turns[number - 1].audio
        if audio is None:
            return None
        with _as_file_error(self.folder):
            return (self.folder / audio.file).read_bytes()

    def _asked(self, turn: KeptTurn) -> UserTurn:
        with _as_file_error(self.folder):
            return UserTurn(
                turn.text,
                tuple(
                    Recording(
                        (self.folder / kept.file).read_bytes(),
                        cast("Literal['wav', 'mp3']", kept.file.rpartition(".")[2]),
                        kept.name,
                    )
                    for kept in turn.recordings
                ),
            )


class Shelf:
    """The folder of all sessions."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or config.data_directory() / "sessions"

    def names(self) -> list[str]:
        """All sessions, the one that was last spoken in first."""
        with suppress(OSError):
            pages = [path / "session.json" for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
            written = [(page.stat().st_mtime_ns, page.parent.name) for page in pages if page.is_file()]
            return [name for _, name in sorted(written, reverse=True)]
        return []

    @contextmanager
    def opened(self, name: str | None) -> Iterator[Session]:
        """A session to oneself: the one of that name, or a new one; without a name, the next free number.

        Raises:
            UsageError: no session can have that name.
            FileError: another process has it, or it is damaged.
        """
        name, lock = self._next_number() if name is None else (name, self._lock(name))
        try:
            folder = self._path(name)
            begun = (folder / "session.json").exists()
            yield self.load(name) if begun else Session(name, folder, int(time.time()))
        finally:
            lock.release()  # its file stays: removing it would let two others have a lock each

    def _next_number(self) -> tuple[str, FileLock]:
        number = 1 + max((int(name) for name in self.names() if name.isdecimal()), default=0)
        while True:
            try:
                return str(number), self._lock(str(number))
            except FileError as exc:
                if exc.code != _IN_USE:
                    raise
                number += 1  # somebody else has just begun a conversation

    def load(self, name: str) -> Session:
        """Read a session.

        Raises:
            UsageError: no session can have that name, or none has.
            FileError: its page is not what we wrote.
        """
        folder = self._path(name)
        try:
            page = json.loads((folder / "session.json").read_text(encoding="utf-8"))
            turns = [_turn(kept) for kept in page["turns"]]
            return Session(name, folder, _moment(page["created_at"]), _text(page["system"]), turns)
        except FileNotFoundError as exc:
            raise UsageError(f"There is no session {name!r}.", hint="'audiochat sessions list' shows them.") from exc
        except OSError as exc:
            why = exc.strerror or exc
            raise FileError(f"The session {name} cannot be read: {why}.", hint="Mend its permissions.") from exc
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as exc:
            raise FileError(
                f"The session {name} is damaged: {folder / 'session.json'} is not as it was written.",
                hint=f"Mend it by hand, or remove it: audiochat sessions remove {name}",
                code="session_damaged",
            ) from exc

    def remove(self, name: str) -> None:
        """Remove a session and its sound.

        Raises:
            UsageError: there is none of that name.
            FileError: it cannot be removed.
        """
        folder = self._path(name)
        if not folder.is_dir():
            raise UsageError(f"There is no session {name!r}.", hint="'audiochat sessions list' shows them.")
        with self._lock(name), _as_file_error(folder):
            shutil.rmtree(folder)

    def _lock(self, name: str) -> FileLock:
        """Have a session to oneself, until the lock is released."""
        from filelock import FileLock, Timeout

        self._path(name)
        with _as_file_error(self._folder):
            storage.make_folder(self._folder)
            lock = FileLock(self._folder / f".{name}.lock", timeout=0, mode=storage.FILE_MODE)
            try:
                lock.acquire()
            except Timeout as exc:
                raise FileError(
                    f"The session {name} is in use by another audiochat.",
                    hint="End that one first, or choose another --session.",
                    code=_IN_USE,
                ) from exc
        return lock

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot be a session's name.", hint="Letters, digits, - and _ make one, 64 at most."
            )
        folder = self._folder / name
        if folder.is_symlink():
            raise UsageError(f"The session {name!r} is a link to elsewhere.", hint="Sessions are folders of their own.")
        return folder


def _turn(kept: Any) -> KeptTurn:
    """A turn from its JSON; raises ValueError, KeyError or TypeError where that is something else."""
    recordings = tuple(_audio(one) for one in kept["recordings"])
    return KeptTurn(
        text=_text(kept["text"]),
        recordings=recordings,
        transcript=_text(kept["transcript"]) or "",
        audio=None if kept["audio"] is None else _audio(kept["audio"]),
        audio_id=_text(kept["audio_id"]),
        expires_at=None if kept["expires_at"] is None else int(kept["expires_at"]),
        origin=_text(kept["origin"]),
        model=_text(kept["model"]),
        request_id=_text(kept["request_id"]),
        finish_reason=_text(kept["finish_reason"]),
        usage=Usage(**{name: None if value is None else int(value) for name, value in kept["usage"].items()}),
        answered_at=_moment(kept["answered_at"]),
    )


def _audio(kept: Any) -> KeptAudio:
    if not _FILE.fullmatch(kept["file"]):  # a page made by hand names no file elsewhere
        raise ValueError(kept["file"])
    return KeptAudio(kept["file"], _text(kept["name"]))


def _text(value: Any) -> str | None:
    if value is not None:
        value.encode()  # raises ValueError where it has half a character, which no request can carry
    return cast("str | None", value)


def _moment(value: Any) -> int:
    """Seconds since 1970, of a year that calendars have."""
    if not 0 <= int(value) <= _LAST_MOMENT:
        raise ValueError(value)
    return int(value)


@contextmanager
def _as_file_error(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise FileError(
            f"The session in {where} cannot be kept: {exc.strerror or exc}.",
            hint="Make room or mend its permissions; --no-save goes without.",
        ) from exc
