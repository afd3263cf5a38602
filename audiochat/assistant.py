"""The core that every door uses: asking a model, once or in a conversation, from any thread."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from audiochat import config, providers
from audiochat.background import EitherEvent
from audiochat.chat.reply import Notice, Reply
from audiochat.chat.request import AskOptions, Request, UserTurn
from audiochat.chat.speech import request_format
from audiochat.chat.talk import Talk, in_format, last, user_turn
from audiochat.errors import UsageError
from audiochat.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from audiochat.chat.client import Client
    from audiochat.chat.recordings import Recording
    from audiochat.chat.reply import Events
    from audiochat.chat.request import Turn
    from audiochat.chat.sessions import SessionStore
    from audiochat.config import Settings
    from audiochat.progress import Progress
    from audiochat.transport.connection import Connection
    from audiochat.transport.retry import RetryPolicy

LENGTH = Notice("The answer was cut at the limit of tokens.", "length")


class Assistant:
    """Asks one model at one service.

    It connects once, when it is first asked, and may be used from many threads. Close it, or use it as a context
    manager: that ends its waits, closes its connection and lets go of its conversations.

    Args:
        settings: Whom to ask, and how; see `audiochat.config.load`.
        progress: Told about what takes long: a sign-in, the models of the local engine.
        policy: When a failed request is sent again; by default as the settings say.

    Raises:
        ConfigurationError: a setting is missing or wrong, or a credential would go astray.
    """

    def __init__(
        self, settings: Settings, *, progress: Progress | None = None, policy: RetryPolicy | None = None
    ) -> None:
        self.settings = settings
        self._policy = policy
        self._connect = providers.begin(settings, progress or NoProgress())
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._client: Client | None = None
        self._closed = threading.Event()
        # A server begins a conversation for every turn; one that is over is nobody's.
        self._talks: weakref.WeakSet[Talk] = weakref.WeakSet()

    @classmethod
    def from_environment(
        cls,
        *,
        provider: str | None = None,
        model: str | None = None,
        voice: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
        env_file: Path | None = None,
        progress: Progress | None = None,
    ) -> Assistant:
        """An assistant with the settings of the environment and of `.env`, as the command line has them.

        Args:
            provider: azure, openai or local; by default what is configured, else local.
            model: Deployment (Azure) or model.
            voice: The voice of spoken answers.
            timeout: Seconds for one request.
            retries: How often a failed request is sent again.
            env_file: Read instead of `.env`.
            progress: See `Assistant`.

        Raises:
            ConfigurationError: a setting is missing or wrong.
            FileError: the file of settings cannot be read.
        """
        flags = config.Flags(
            provider=provider, model=model, voice=voice, timeout=timeout, retries=retries, env_file=env_file
        )
        return cls(config.load(flags), progress=progress)

    @property
    def connection(self) -> Connection:
        """The connection; made when it is first needed.

        Raises:
            AudiochatError: it cannot be made, or the assistant is closed.
        """
        with self._lock:
            if self._closed.is_set():
                raise UsageError("The assistant is closed.", hint="Make another one.")
            if self._connection is None:
                self._connection = self._connect()
            return self._connection

    @property
    def client(self) -> Client:
        """What sends requests over the connection."""
        connection = self.connection
        with self._lock:
            if self._client is None:
                from audiochat.chat.client import Client
                from audiochat.transport.retry import RetryPolicy

                policy = self._policy or RetryPolicy(retries=self.settings.retries)
                self._client = Client(connection, timeout=self.settings.timeout, policy=policy)
            return self._client

    @property
    def origin(self) -> str:
        """Who gives out audio ids: provider, endpoint and deployment."""
        connection = self.connection
        return f"{connection.provider} {connection.sdk.base_url} {connection.model}"

    def ask(
        self,
        prompt: str | UserTurn,
        recordings: Sequence[Recording] = (),
        *,
        format: str | None = "wav",
        voice: str | None = None,
        system: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        cancelled: threading.Event | None = None,
    ) -> Reply:
        """Ask once, and wait for the whole answer.

        Args:
            prompt: The question.
            recordings: What goes with it; `audiochat.load_recording` reads files.
            format: Of the spoken answer: wav, mp3, flac, opus, aac, m4a or pcm16; None asks for text alone.
            voice: Instead of that of the settings.
            system: The system message.
            parameters: Any other parameter of the API.
            cancelled: Set it from another thread to end the request.

        Returns:
            The answer, its sound in the format that was asked for; without sound where the model answered in text.

        Raises:
            AudiochatError: of the kind that the failure is.
        """
        options = AskOptions(format, voice, system, parameters or {}, cancelled)
        return last(in_format(self.events((user_turn(prompt, recordings),), options), format))

    def stream(
        self,
        prompt: str | UserTurn,
        recordings: Sequence[Recording] = (),
        *,
        format: str | None = "pcm16",
        voice: str | None = None,
        system: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        cancelled: threading.Event | None = None,
    ) -> Events:
        """Ask once, and take the answer as it comes; for the arguments see `ask`.

        Yields:
            `Delta`: words and sound (pcm16) to add. `Notice`: something worth telling. `Reply`: the whole answer, the
            last event, its sound in the format that was asked for.

        Raises:
            AudiochatError: of the kind that the failure is; it has the words that came.
        """
        options = AskOptions(format, voice, system, parameters or {}, cancelled, live=True)
        return in_format(self.events((user_turn(prompt, recordings),), options), format)

    def events(self, turns: tuple[Turn, ...], options: AskOptions) -> Events:
        """Send turns, and give the events of the answer; what `ask`, `stream` and conversations rest on.

        Args:
            turns: The conversation, up to the user's turn.
            options: How the answer is wanted.

        Yields:
            As `stream` does, but the sound of the reply is as the service sent it, or pcm16 where deltas were wanted:
            `audiochat.chat.speech.spoken_as` makes it what is wanted.
        """
        client = self.client
        if self.connection.audio_only and not _has_audio(turns, options):
            raise UsageError(
                "An audio model takes no request without audio in or out.",
                hint="Attach a recording, or ask for a spoken answer.",
                code="no_audio_at_all",
            )
        request = Request(
            model=self.connection.model,
            turns=turns,
            voice=options.voice or self.settings.voice,
            format=None if options.format is None else request_format(options.format),
            system=options.system,
            parameters=options.parameters,
        )
        cancelled = self._closed if options.cancelled is None else EitherEvent(self._closed, options.cancelled)
        for event in client.events(request, live=options.live, cancelled=cancelled):
            if isinstance(event, Reply) and event.finish_reason == "length":
                yield LENGTH
            yield event

    def converse(
        self, name: str | None = None, *, keep: bool = True, resume: bool = False, store: SessionStore | None = None
    ) -> Talk:
        """A conversation: a new one, or one that goes on.

        Args:
            name: Keep it, or go on, under this name; None takes the next free number.
            keep: Whether it is kept on disk.
            resume: Go on with the conversation that had the latest turn.
            store: Where conversations are kept; by default the user's own.

        Raises:
            UsageError: no conversation can have that name, or there is none to go on with.
            FileError: it is in use elsewhere, or damaged.
        """
        session = None
        if keep:
            from audiochat.chat.sessions import SessionStore

            store = store or SessionStore()
            if resume and name is None:
                name = next(iter(store.names()), None)
                if name is None:
                    raise UsageError("There is no conversation to continue.", code="no_conversation")
            session = store.open(name)
        talk = Talk(self.events, origin=lambda: self.origin, session=session)
        with self._lock:
            self._talks.add(talk)
        return talk

    def close(self) -> None:
        """End waits, let go of conversations, close the connection."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
            talks, connection = list(self._talks), self._connection
            self._connection, self._client = None, None
        for talk in talks:
            talk.close()
        if connection is not None:
            connection.sdk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _has_audio(turns: tuple[Turn, ...], options: AskOptions) -> bool:
    """Whether a request has audio in or out; an earlier answer's id may count, so it is not refused here."""
    return options.format is not None or any(
        turn.recordings if isinstance(turn, UserTurn) else turn.audio_id is not None for turn in turns
    )
