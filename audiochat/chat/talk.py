"""A conversation under way: each turn is asked, recovered where the service refuses it, and kept."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from audiochat.chat.conversation import ASK_FOR_SPEECH, AnsweredTurn, Recall, next_request, recover
from audiochat.chat.reply import Notice, Reply, Usage
from audiochat.chat.request import AskOptions, UserTurn
from audiochat.chat.speech import spoken_as
from audiochat.errors import (
    AudiochatError,
    BrokenAnswerError,
    FileError,
    RefusedError,
    SignInError,
    UnavailableError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from audiochat.chat.conversation import NextRequest
    from audiochat.chat.recordings import Recording
    from audiochat.chat.reply import Events
    from audiochat.chat.request import Turn
    from audiochat.chat.sessions import Session

ASKED_AGAIN = Notice("The model answered in text; asking once more for speech.", "asked_again")


class Ask(Protocol):
    """Sends turns, and gives the events of the answer: `Assistant.events`."""

    def __call__(self, turns: tuple[Turn, ...], options: AskOptions, /) -> Events:
        """Ask."""


class Talk:
    """A conversation under way: its turns, and the session that keeps them, if one does.

    One turn at a time: another thread that asks meanwhile is refused.

    Args:
        ask: Sends the turns.
        origin: Tells who gives out audio ids.
        session: Keeps the turns; None where nothing does.
    """

    def __init__(self, ask: Ask, *, origin: Callable[[], str], session: Session | None = None) -> None:
        self._ask = ask
        self._origin = origin
        self._session = session
        self._turns: list[AnsweredTurn] = session.turns if session else []
        self._recall = Recall()
        self._told: set[Notice] = set()
        self._busy = threading.Lock()

    @property
    def name(self) -> str | None:
        """Of the session; None where the conversation is not kept."""
        return self._session.name if self._session else None

    @property
    def turns(self) -> Sequence[AnsweredTurn]:
        """The turns so far."""
        return self._turns

    @property
    def usage(self) -> Usage:
        """Tokens of all turns together."""
        return sum((turn.reply.usage for turn in self._turns), Usage())

    @property
    def system(self) -> str | None:
        """The system message that the session remembers."""
        return self._session.system if self._session else None

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
        """Take a turn, and wait for the whole answer; for the arguments see `Assistant.ask`.

        Raises:
            AudiochatError: it failed; the conversation is as it was.
        """
        options = AskOptions(format, voice, system, parameters or {}, cancelled)
        return last(in_format(self.events(user_turn(prompt, recordings), options), format))

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
        """Take a turn, and take the answer as it comes; for the arguments and the events see `Assistant.stream`.

        Raises:
            AudiochatError: it failed; the conversation is as it was.
        """
        options = AskOptions(format, voice, system, parameters or {}, cancelled, live=True)
        return in_format(self.events(user_turn(prompt, recordings), options), format)

    def events(self, asked: UserTurn, options: AskOptions, *, again: bool = False) -> Events:
        """Take a turn, and give the events of its answer; for the events see `Assistant.events`.

        The turn is kept before its reply is given. Where it cannot be kept, the reply is given all the same, for it
        is paid for, and then the error is raised; the conversation is as it was.

        Args:
            asked: What the user says.
            options: How the answer is wanted; without a system message, the one that the session remembers holds.
            again: Let the turn take the last one's place, which stays until this one is answered.
        """
        if not self._busy.acquire(blocking=False):
            raise UsageError("This conversation is still answering.", hint="Wait for the answer, then ask.")
        try:
            if self._session is not None and options.system is not None:
                self._session.system = options.system or None  # an empty one takes the remembered one away
            options = replace(options, system=options.system or self.system)
            before = self._turns[:-1] if again else self._turns
            for event in self._answer(asked, options, before):
                failure = self._keep(asked, event, again=again) if isinstance(event, Reply) else None
                yield event
                if failure is not None:
                    raise failure
        finally:
            self._busy.release()

    def go_on_with(self, ask: Ask, *, origin: Callable[[], str]) -> None:
        """Change who answers from the next turn on, for example another model; for the arguments see `Talk`."""
        self._ask, self._origin, self._recall = ask, origin, Recall()

    def undo(self) -> bool:
        """Forget the last turn; False where there is none.

        Raises:
            FileError: the session cannot be written.
        """
        if not self._turns:
            return False
        if self._session is not None:
            self._session.undo()
        else:
            self._turns.pop()
        return True

    def close(self) -> None:
        """Let others have the session."""
        if self._session is not None:
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, asked: UserTurn, options: AskOptions, before: Sequence[AnsweredTurn]) -> Events:
        """Ask; once more where the model slipped into text. The reply has the tokens of all that was paid for."""
        reply = None
        for event in self._recovered(asked, options, before):
            if isinstance(event, Reply):
                reply = event
            else:
                yield event
        assert reply is not None  # noqa: S101 - the events of an answer end with a reply or an error
        if options.format is None or reply.audio is not None or not self._next(asked, before).sends_words:
            yield reply
            return
        yield ASKED_AGAIN
        usage = reply.usage
        system = "\n\n".join(part for part in (options.system, ASK_FOR_SPEECH) if part)
        try:
            for event in self._recovered(asked, replace(options, system=system), before):
                if isinstance(event, Reply):
                    reply, usage = event, usage + event.usage
                else:
                    yield event
        except AudiochatError as error:  # the answer in text is there, and paid for
            yield Notice(error.message, error.code)
        yield replace(reply, usage=usage)

    def _recovered(self, asked: UserTurn, options: AskOptions, before: Sequence[AnsweredTurn]) -> Events:
        """Ask; where the service refuses what the request says of earlier turns, say it in another way."""
        sent = self._next(asked, before)
        while True:
            for notice in sent.notices:
                if notice not in self._told:
                    self._told.add(notice)
                    yield notice
            try:
                yield from self._ask(sent.turns, options)
            except (RefusedError, SignInError, UnavailableError) as refusal:
                recall = recover(refusal, sent, before)
                if recall is None:
                    raise
                sent = self._next(asked, before, recall)
            else:
                self._recall = sent.recall
                return

    def _next(self, asked: UserTurn, before: Sequence[AnsweredTurn], recall: Recall | None = None) -> NextRequest:
        return next_request(before, asked, recall or self._recall, origin=self._origin(), now=time.time())

    def _keep(self, asked: UserTurn, reply: Reply, *, again: bool) -> AudiochatError | None:
        """Add a turn to the conversation, or put it in the last one's place; the error where it cannot be kept."""
        turn = AnsweredTurn(asked, reply, self._origin(), int(time.time()))
        if self._session is None:
            self._turns[len(self._turns) - again :] = [turn]
            return None
        try:
            (self._session.replace_last if again else self._session.add)(turn)
        except (BrokenAnswerError, FileError) as error:
            return error
        return None


def user_turn(prompt: str | UserTurn, recordings: Sequence[Recording] = ()) -> UserTurn:
    """A turn of the user: a text and recordings, or a turn and more recordings."""
    if isinstance(prompt, UserTurn):
        return replace(prompt, recordings=(*prompt.recordings, *recordings))
    return UserTurn(prompt, tuple(recordings))


def in_format(events: Events, format: str | None) -> Events:
    """The same events, the reply's sound in the format that is wanted.

    Raises:
        BrokenAnswerError: what came is no sound that can be read.
    """
    for event in events:
        if isinstance(event, Reply) and event.audio is not None and format is not None:
            yield replace(event, audio=spoken_as(event, format))
        else:
            yield event


def last(events: Events) -> Reply:
    """The reply that ends the events of an answer."""
    for event in events:
        if isinstance(event, Reply):
            return event
    raise AssertionError("every answer ends with a reply or an error")  # pragma: no cover
