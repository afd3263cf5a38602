"""Take one answer: hand it on while it comes, save its sound, show its words."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any

from audiochat.chat.reply import Notice, Reply
from audiochat.cli import envelope
from audiochat.cli.terminal import ReaderGone
from audiochat.errors import AudiochatError, FileError

if TYPE_CHECKING:
    from audiochat.assistant import Assistant
    from audiochat.chat.reply import Events
    from audiochat.cli.destination import Destination, SavedAudio
    from audiochat.cli.terminal import Terminal


def is_live(destination: Destination | None, screen: Terminal) -> bool:
    """Whether deltas help: words on a terminal, or sound that is piped or played while it comes."""
    return screen.shows_words or (destination is not None and destination.live)


class Delivery:
    """Takes the events of one answer to where they belong.

    Args:
        command: For the envelope of `--json`.
        assistant: Who answers.
        screen: The terminal.
        destination: Of the sound; None where text alone was asked for.
        speech_required: Whether an answer in text alone is an error where speech was asked for.
        more: Further fields of the envelope.
    """

    def __init__(
        self,
        command: str,
        assistant: Assistant,
        screen: Terminal,
        destination: Destination | None,
        *,
        speech_required: bool = True,
        **more: Any,
    ) -> None:
        self._command = command
        self._assistant = assistant
        self._screen = screen
        self._destination = destination
        self._sink = None if destination is None else destination.sink()
        self._speech_required = speech_required
        self._more = more
        self._words = screen.live_text()
        self._heard: list[str] = []
        """The words that came so far."""
        self.reply: Reply | None = None
        """The answer, once it is whole."""
        self._failure: AudiochatError | None = None
        """Why the answer, which is there, could not be kept in its session."""

    def take(self, events: Events) -> None:
        """Take the answer to its end.

        Raises:
            AudiochatError: the answer failed, or cannot be saved or kept. The words that came are shown before.
        """
        started = time.monotonic()
        try:
            reply = self.reply = self._consume(events)
            saved = self._save(reply)
        except AudiochatError as error:
            if error.transcript and not self._words.begun:
                self._show_words_of_failure(error.transcript)
            raise
        try:
            self._show(reply, saved, time.monotonic() - started)
        except FileError as error:  # of stdout
            self._screen.aside(reply.transcript, always=True)
            if saved is not None and saved.path is not None:
                error.hint = f"The spoken answer is saved as {saved.path}. {error.hint or ''}".strip()
            raise
        if self._failure is not None:
            raise self._failure

    def _consume(self, events: Events) -> Reply:
        """Hand the deltas on; a spinner turns until the first comes."""
        reply: Reply | None = None
        try:
            with ExitStack() as spinner, closing(events):
                spinner.enter_context(self._screen.task("Waiting for the answer"))
                for event in events:
                    if isinstance(event, Notice):
                        self._note(event)
                        continue
                    spinner.close()
                    if isinstance(event, Reply):
                        reply = event
                        continue
                    self._words.add(event.text)
                    self._heard.append(event.text)
                    if self._sink is not None and event.pcm:
                        self._sink.write(event.pcm)
        except BaseException as exc:  # Ctrl-C, and a reader that has gone, among them
            if reply is None or not isinstance(exc, AudiochatError):
                self._abort()
                if isinstance(exc, KeyboardInterrupt):
                    self._show_interrupted()
                raise
            self._failure = exc
        finally:
            self._words.end()
        assert reply is not None  # noqa: S101 - the events of an answer end with a reply or an error
        return reply

    def _note(self, notice: Notice) -> None:
        if notice.code == "asked_again":  # another answer begins
            self._words.end()
            self._heard.clear()
        self._screen.note(notice.text)

    def _abort(self) -> None:
        self._words.end()
        if self._destination is not None and self._sink is not None:
            self._sink.abort()
            self._destination.save_partial(self._screen)

    def _save(self, reply: Reply) -> SavedAudio | None:
        if self._destination is None or self._sink is None:
            return None
        if reply.audio is None and not self._speech_required:
            self._sink.abort()
            return None
        try:
            self._sink.close()
            return self._destination.save(reply, self._screen)
        except (KeyboardInterrupt, SystemExit):  # the answer is whole, only its sound finds no end
            if not self._words.begun:
                with suppress(AudiochatError, ReaderGone):
                    self._show_words_of_failure(reply.transcript)
            raise

    def _show(self, reply: Reply, saved: SavedAudio | None, elapsed: float) -> None:
        """Show the words, unless they were shown while they came, and hear the sound to its end."""
        screen = self._screen
        if screen.as_json:
            connection = self._assistant.connection
            result = envelope.answer(self._command, reply, saved, connection=connection, elapsed=elapsed)
            screen.envelope({**result, **self._more})
        elif self._destination is not None and self._destination.pipe is not None and reply.audio is not None:
            screen.aside(reply.transcript)
        elif not self._words.begun:  # a reading is only handed on when it is found to be good
            screen.transcript(reply.transcript)
        if saved is not None and saved.path is not None:
            screen.note(f"{saved.path}  {saved.seconds or 0:.1f} s")
        if self._destination is not None and self._destination.speaker is not None and reply.audio is not None:
            failure = self._destination.speaker.wait()
            if failure is not None:
                screen.note(f"The loudspeaker failed: {failure}")

    def _show_interrupted(self) -> None:
        """Show the words that had come, as those of a stream that is cut."""
        words = self._screen.interrupted = "".join(self._heard) or None
        if words and not self._words.begun:
            with suppress(AudiochatError, ReaderGone):
                self._show_words_of_failure(words)

    def _show_words_of_failure(self, transcript: str) -> None:
        """Show what an answer says that is spoiled otherwise: it is paid for."""
        if self._screen.as_json:  # the envelope has them
            return
        if self._destination is not None and self._destination.pipe is not None:
            self._screen.aside(transcript, always=True)
        else:
            self._screen.transcript(transcript)
