"""Conversations on disk: readable JSON and the sound beside it, private to their owner."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import unicodedata
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, cast

from audiochat import storage
from audiochat.chat.conversation import AnsweredTurn
from audiochat.chat.recordings import Recording
from audiochat.chat.reply import Reply, SpokenAudio, Usage
from audiochat.chat.request import UserTurn
from audiochat.chat.speech import spoken_as
from audiochat.errors import FileError, UsageError
from audiochat.spool import FileBytes, iter_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filelock import FileLock

    from audiochat.chat.recordings import InputFormat

VERSION = 1
"""Of the page's shape."""

PAGE = "session.json"

_IN_USE = "session_in_use"
_LAST_MOMENT = 253_402_300_799 - 86_400
"""The last day but one of the year 9999: beyond it, calendars do not go."""
_LONGEST_NAME = 64
"""Characters; in UTF-8 they fit a file's name in any script."""
_FILE = re.compile(r"turn-[0-9]+b*(-in-[0-9]+)?\.(wav|mp3)")
"""The sound of a turn, with a `b` more for each answer that was there when it was asked for again."""


@dataclass(slots=True)
class Session:
    """A conversation that is kept; its turns are on disk as soon as they are in it.

    The sound of its turns is read from their files when it is needed.
    """

    name: str
    folder: Path
    created_at: int
    system: str | None = None
    turns: list[AnsweredTurn] = field(default_factory=list)
    _lock: FileLock | None = field(default=None, repr=False)

    def add(self, turn: AnsweredTurn) -> None:
        """Keep a turn: the sound first, then the page that names it.

        Raises:
            FileError: it cannot be written; the session is as it was.
            BrokenAnswerError: its spoken answer is no sound that can be read.
        """
        with _as_file_error(self.folder):
            storage.make_folder(self.folder)
            kept = self._write_sound(turn, f"turn-{len(self.turns) + 1}")
            self._write_page([*self.turns, kept])
        self.turns.append(kept)

    def replace_last(self, turn: AnsweredTurn) -> None:
        """Keep a turn in the last one's place, which is removed when the page names the new one.

        Raises:
            FileError: it cannot be written; the session is as it was.
            BrokenAnswerError: its spoken answer is no sound that can be read.
        """
        stem = f"turn-{len(self.turns)}"
        while any(self.folder.glob(f"{stem}[.-]*")):  # the old turn's files, and those of a run that was killed
            stem += "b"
        with _as_file_error(self.folder):
            kept = self._write_sound(turn, stem)
            self._write_page([*self.turns[:-1], kept])
        old, self.turns[-1] = self.turns[-1], kept
        _remove_sound(old)

    def undo(self) -> None:
        """Forget the last turn.

        Raises:
            FileError: the session cannot be written; it is as it was.
        """
        with _as_file_error(self.folder):
            self._write_page(self.turns[:-1])
        _remove_sound(self.turns.pop())

    def close(self) -> None:
        """Let others have the session; one without turns is not kept. Safe from any thread, and more than once."""
        if self._lock is None:
            return
        if not self.turns:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()  # its file stays: removing it would let two others have a lock each

    def _write_sound(self, turn: AnsweredTurn, stem: str) -> AnsweredTurn:
        """Write the recordings and the spoken answer of a turn; the turn that reads them from there."""
        recordings = []
        for index, recording in enumerate(turn.asked.recordings, 1):
            path = self.folder / f"{stem}-in-{index}.{recording.format}"
            storage.write_atomically(path, iter_blocks(recording.data))
            recordings.append(Recording(FileBytes(path), recording.format, recording.name))
        audio = turn.reply.audio
        if audio is not None:
            path = self.folder / f"{stem}.wav"
            storage.write_atomically(path, iter_blocks(spoken_as(turn.reply, "wav").data))
            audio = SpokenAudio(FileBytes(path), "wav", audio.id, audio.expires_at)
        reply = _replace_audio(turn.reply, audio)
        return AnsweredTurn(UserTurn(turn.asked.text, tuple(recordings)), reply, turn.origin, turn.answered_at)

    def _write_page(self, turns: list[AnsweredTurn]) -> None:
        text = json.dumps(as_page(self, turns), ensure_ascii=False, indent=1)
        storage.write_atomically(self.folder / PAGE, [text.encode()])


def _remove_sound(turn: AnsweredTurn) -> None:
    """Remove the files of a turn that the page names no more."""
    sounds = [recording.data for recording in turn.asked.recordings]
    sounds += [turn.reply.audio.data] if turn.reply.audio else []
    for sound in sounds:
        if isinstance(sound, FileBytes):
            with suppress(OSError):
                sound.path.unlink()


def as_page(session: Session, turns: list[AnsweredTurn] | None = None) -> dict[str, Any]:
    """A session as JSON, the sound named by its files."""
    return {
        "version": VERSION,
        "name": session.name,
        "created_at": session.created_at,
        "system": session.system,
        "turns": [turn_as_json(turn) for turn in (session.turns if turns is None else turns)],
    }


class SessionStore:
    """The folder of all sessions.

    Args:
        folder: Another folder than the user's own.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or storage.data_folder() / "sessions"

    def names(self) -> list[str]:
        """All sessions, the one with the latest turn first."""
        with suppress(OSError):
            pages = [path / PAGE for path in self._folder.iterdir() if _can_be_name(path.name)]
            written = [(page.stat().st_mtime_ns, page.parent.name) for page in pages if page.is_file()]
            return [name for _, name in sorted(written, reverse=True)]
        return []

    def open(self, name: str | None) -> Session:
        """A session for one writer alone, until it is closed.

        Args:
            name: Of the session; a new one begins where there is none. None takes the next free number.

        Raises:
            UsageError: no session can have that name.
            FileError: another writer has it, or it is damaged.
        """
        name, lock = self._next_number() if name is None else (name, self._lock(name))
        with ExitStack() as on_failure:
            on_failure.callback(lock.release)
            folder = self._path(name)
            begun = (folder / PAGE).exists()
            session = self.load(name) if begun else Session(name, folder, int(time.time()))
            on_failure.pop_all()
        session._lock = lock  # noqa: SLF001 - the store and its sessions are one
        return session

    def load(self, name: str) -> Session:
        """Read a session, to look at.

        Raises:
            UsageError: no session can have that name, or none has.
            FileError: its page is not as it was written, or a sound that it names is gone.
        """
        folder = self._path(name)
        try:
            page = json.loads((folder / PAGE).read_text(encoding="utf-8"))
            turns = [_turn_of_json(kept, folder) for kept in page["turns"]]
            return Session(name, folder, _moment(page["created_at"]), _text(page["system"]), turns)
        except FileNotFoundError as exc:
            raise UsageError(f"There is no session {name!r}.", hint="'audiochat sessions list' shows them.") from exc
        except OSError as exc:
            why = exc.strerror or exc
            raise FileError(f"The session {name} cannot be read: {why}.", hint="Mend its permissions.") from exc
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as exc:
            raise FileError(
                f"The session {name} is damaged: {folder / PAGE} is not as it was written.",
                hint=f"Mend it by hand, or remove it: audiochat sessions remove {name}",
                code="session_damaged",
            ) from exc

    def check(self, name: str) -> None:
        """Refuse a name that no session has.

        Raises:
            UsageError: there is none of that name.
        """
        if not self._path(name).is_dir():
            raise UsageError(f"There is no session {name!r}.", hint="'audiochat sessions list' shows them.")

    def remove(self, name: str) -> None:
        """Remove a session and its sound.

        Raises:
            UsageError: there is none of that name.
            FileError: it cannot be removed.
        """
        self.check(name)
        folder = self._path(name)
        with self._lock(name), _as_file_error(folder):
            shutil.rmtree(folder)

    def rename(self, name: str, new: str) -> None:
        """Give a session another name.

        Raises:
            UsageError: there is none of that name, there is one of the new name, or no session can have that.
            FileError: one of the two is in use, or the session cannot be written.
        """
        folder, target = self._path(name), self._path(new)
        if not (folder / PAGE).is_file():
            raise UsageError(f"There is no session {name!r}.", hint="'audiochat sessions list' shows them.")
        if name == new:
            return
        if target.exists():
            raise UsageError(f"There is a session {new!r} already.", hint="Choose another name.")
        with self._lock(name), self._lock(new), _as_file_error(folder):
            written = (folder / PAGE).stat()
            folder.rename(target)
            session = self.load(new)
            session._write_page(session.turns)  # noqa: SLF001 - the store and its sessions are one
            # The list has the session with the latest turn first: a name is no turn.
            os.utime(target / PAGE, ns=(written.st_atime_ns, written.st_mtime_ns))

    def _next_number(self) -> tuple[str, FileLock]:
        number = 1 + max((int(name) for name in self.names() if name.isdecimal()), default=0)
        while True:
            try:
                return str(number), self._lock(str(number))
            except FileError as exc:
                if exc.code != _IN_USE:
                    raise
                number += 1  # another conversation has just begun

    def _lock(self, name: str) -> FileLock:
        """A lock on a session; any thread may release it."""
        from filelock import FileLock, Timeout

        self._path(name)
        with _as_file_error(self._folder):
            storage.make_folder(self._folder)
            path = self._folder / f".{unicodedata.normalize('NFC', name)}.lock"
            lock = FileLock(path, timeout=0, mode=storage.FILE_MODE, thread_local=False)
            try:
                lock.acquire()
            except Timeout as exc:
                raise FileError(
                    f"The session {name} is in use elsewhere.",
                    hint="End that one first, or choose another name.",
                    code=_IN_USE,
                ) from exc
        return lock

    def _path(self, name: str) -> Path:
        name = unicodedata.normalize("NFC", name)
        if not _can_be_name(name):
            raise UsageError(
                f"A session cannot be called {name!r}.",
                hint=f"Use letters, digits, - and _, at most {_LONGEST_NAME}, with a letter or digit in front.",
            )
        folder = self._folder / name
        if folder.is_symlink():
            raise UsageError(f"The session {name!r} is a link to elsewhere.", hint="Sessions are folders of their own.")
        return folder


def _can_be_name(name: str) -> bool:
    """Whether a session can be called so: letters, marks and digits of any script, - and _, no dash in front."""
    kinds = [unicodedata.category(character)[0] for character in name]
    return (
        0 < len(name) <= _LONGEST_NAME
        and kinds[0] in "LN"
        and all(kind in "LMN" or character in "-_" for kind, character in zip(kinds, name, strict=True))
    )


def turn_as_json(turn: AnsweredTurn) -> dict[str, Any]:
    """A turn as a session's page has it; sound that is kept in no file has no name."""
    reply, audio = turn.reply, turn.reply.audio
    return {
        "text": turn.asked.text,
        "recordings": [
            {"file": _file_name(recording.data), "name": recording.name} for recording in turn.asked.recordings
        ],
        "transcript": reply.transcript,
        "audio": None if audio is None else {"file": _file_name(audio.data), "name": None},
        "audio_id": audio.id if audio else None,
        "expires_at": audio.expires_at if audio else None,
        "origin": turn.origin if audio else None,
        "model": reply.model,
        "request_id": reply.request_id,
        "finish_reason": reply.finish_reason,
        "usage": asdict(reply.usage),
        "answered_at": turn.answered_at,
    }


def _turn_of_json(page: Any, folder: Path) -> AnsweredTurn:
    """A turn from its JSON; raises ValueError, KeyError or TypeError where that is something else."""
    recordings = []
    for recording in page["recordings"]:
        file = _checked_file(recording["file"])
        format_ = cast("InputFormat", file.rpartition(".")[2])
        recordings.append(Recording(FileBytes(folder / file), format_, _text(recording["name"])))
    audio = None
    if page["audio"] is not None:
        expires_at = None if page["expires_at"] is None else int(page["expires_at"])
        data = FileBytes(folder / _checked_file(page["audio"]["file"]))
        audio = SpokenAudio(data, "wav", _text(page["audio_id"]), expires_at)
    reply = Reply(
        transcript=_text(page["transcript"]) or "",
        audio=audio,
        usage=Usage(**{name: None if value is None else int(value) for name, value in page["usage"].items()}),
        finish_reason=_text(page["finish_reason"]),
        model=_text(page["model"]),
        request_id=_text(page["request_id"]),
    )
    asked = UserTurn(_text(page["text"]), tuple(recordings))
    return AnsweredTurn(asked, reply, _text(page["origin"]) or "", _moment(page["answered_at"]))


def _replace_audio(reply: Reply, audio: SpokenAudio | None) -> Reply:
    return Reply(reply.transcript, audio, reply.usage, reply.finish_reason, reply.model, reply.request_id)


def _file_name(data: object) -> str | None:
    return data.path.name if isinstance(data, FileBytes) else None


def _checked_file(name: Any) -> str:
    """A file's name as sessions have them: a page that was made by hand names no file elsewhere."""
    if not _FILE.fullmatch(name):
        raise ValueError(name)
    return str(name)


def _text(value: Any) -> str | None:
    if value is not None:
        value.encode()  # raises ValueError at half a character, which no request can carry
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
            hint="Make room or mend its permissions.",
            code="session_unwritable",
        ) from exc
