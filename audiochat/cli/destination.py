"""Where a spoken answer goes: a file, stdout, a loudspeaker, nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audiochat import files
from audiochat.audio import formats
from audiochat.errors import AudiochatError, FileError, UsageError

if TYPE_CHECKING:
    from audiochat.chat.reply import Reply
    from audiochat.cli.options import AnswerOptions
    from audiochat.cli.sinks import AudioSink, MemorySink, PipeSink, SpeakerSink
    from audiochat.cli.terminal import Terminal

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class SavedAudio:
    """The spoken answer as it was handed over."""

    path: Path | None
    """None is stdout, or nowhere."""
    format: str
    seconds: float | None
    size: int
    """Bytes."""
    id: str | None
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the spoken answer of one turn goes."""

    format: str
    """The format of the sound that the user gets."""
    target: files.Target | None = None
    """The file that the answer is saved in when it is whole."""
    pipe: PipeSink | None = None
    """stdout, written while the answer comes."""
    speaker: SpeakerSink | None = None
    partial: MemorySink | None = None
    """Keeps what came, for `--keep-partial`."""

    @property
    def live(self) -> bool:
        """Whether the sound is wanted while it comes."""
        return self.pipe is not None or self.speaker is not None

    def sink(self) -> AudioSink:
        """The sink for the sound while it arrives."""
        from audiochat.cli.sinks import TeeSink

        return TeeSink(*(one for one in (self.pipe, self.partial, self.speaker) if one is not None))

    def save(self, reply: Reply, screen: Terminal) -> SavedAudio | None:
        """Save a whole answer; None where it is kept nowhere.

        Raises:
            BrokenAnswerError: there is no spoken answer, or it cannot be read.
            FileError: it cannot be written; the words are kept with the error.
        """
        from audiochat.audio import codec
        from audiochat.chat.speech import spoken, spoken_as

        if self.target is None:
            audio = spoken(reply)
            if self.pipe is None:
                return None
            if self.pipe.failure is not None:
                raise self._kept(reply, self.pipe.failure)
            seconds = codec.duration(audio.data, audio.format)
            return SavedAudio(None, self.format, seconds, self.pipe.size, audio.id, audio.expires_at)
        audio = spoken_as(reply, self.format)
        try:
            path = self.target.save(audio.data, screen)
        except FileError as error:
            error.transcript = reply.transcript
            raise
        seconds = codec.duration(audio.data, self.format)
        return SavedAudio(path, self.format, seconds, len(audio.data), audio.id, audio.expires_at)

    def _kept(self, reply: Reply, failure: FileError) -> FileError:
        """The failure of stdout, with the words; the sound is kept where the hint says."""
        from audiochat.chat.speech import spoken_as

        rescued = files.rescue(spoken_as(reply, self.format).data, formats.named(self.format).suffix)
        failure.hint = (
            f"The answer is kept as {rescued}." if rescued else "Its sound finds no room anywhere, and is lost."
        )
        failure.transcript = reply.transcript
        return failure

    def save_partial(self, screen: Terminal) -> None:
        """Save what came of an answer that will not become whole, if the user wants it."""
        from audiochat.audio import PCM_BYTES_PER_SECOND, codec

        if self.partial is None or self.target is None or not self.partial.pcm:
            return
        pcm = self.partial.pcm
        try:
            path = self.target.save(codec.encode(pcm, self.format), screen)
        except AudiochatError as error:
            screen.note(error.message)
        else:
            screen.note(f"{path}  {len(pcm) / PCM_BYTES_PER_SECOND:.1f} s, not the whole answer")


def is_folder(output: str) -> bool:
    """Whether `-o` names a folder: it ends in a slash, or is one."""
    if output in ("", STDOUT):
        return False
    return output.endswith(("/", "\\")) or files.is_folder(files.user_path(output))


def choose(name: str, format: str, options: AnswerOptions, screen: Terminal, *, replace: bool) -> Destination:
    """The destination of an answer that is saved under a name; refused before it costs where it cannot work.

    Args:
        name: The file; `-` is stdout.
        format: Of the spoken answer.
        options: Of the command.
        screen: The terminal.
        replace: Whether it takes the place of a file of that name.

    Raises:
        UsageError: the name cannot be meant.
        FileError: the file cannot be written.
    """
    from audiochat.cli.sinks import MemorySink, PipeSink

    speaker = find_speaker(screen) if options.play else None
    if name == STDOUT:
        if options.as_json:
            raise UsageError("--json and -o - would mix on stdout.", hint="Name a file with -o.")
        if screen.streams.stdout_is_terminal:
            raise UsageError("Sound is not for a terminal.", hint="Name a file with -o, or pipe it: … -o - | ffplay -")
        return Destination(format, pipe=PipeSink(screen, format), speaker=speaker)
    target = files.Target(files.user_path(name), replace=replace)
    target.check()
    if Path(name).suffix and options.format is None and formats.of_suffix(Path(name).suffix) is None:
        is_book = formats.of_suffix(Path(name).suffix, formats.BOOK_FORMATS) is not None
        why = "audiobooks (m4b) are made by narrate" if is_book else "there is no format of that name"
        screen.note(f"{name} will hold WAV: {why}; -f chooses another.")
    partial = MemorySink() if options.keep_partial else None
    return Destination(format, target=target, speaker=speaker, partial=partial)


def find_speaker(screen: Terminal) -> SpeakerSink | None:
    """The loudspeaker; a note where there is none."""
    from audiochat.audio import devices
    from audiochat.cli.sinks import SpeakerSink

    try:
        return SpeakerSink(devices.loudspeaker())
    except devices.NoDeviceError as exc:
        screen.note(f"{exc} The answer is not played.")
        return None
