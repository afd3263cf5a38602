"""The pieces of a recording, planned once: a recording that is known is not decoded to find out that it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audiochat.jobs import ears
from audiochat.jobs.piece import AUDIO_TOKENS_IN, Piece, Tokens, key_of
from audiochat.jobs.transcribe.asking import Slice
from audiochat.jobs.transcribe.cutting import Cut, Limits, cut
from audiochat.jobs.transcribe.sound import decoded
from audiochat.jobs.transcribe.speech import find_speech, within
from audiochat.jobs.transcribe.transcript import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audiochat.jobs.job import Job
    from audiochat.jobs.transcribe.asking import Transcribing
    from audiochat.jobs.transcribe.sound import Sound
    from audiochat.jobs.transcribe.sources import Source
    from audiochat.jobs.without_silence import Stretch

_TEXT_IN, _TEXT_OUT = 120, 3.5
"""Tokens of the instructions, and of a second of speech that is written down."""


@dataclass(frozen=True, slots=True)
class Track:
    """One channel of a recording as it was cut."""

    channel: int | None
    """From 1; None is all channels together."""
    start: float
    """Seconds of the recording before its first sample."""
    seconds: float
    cuts: tuple[Cut, ...]
    speech: tuple[tuple[Stretch, ...], ...]
    """For each cut: the stretches of speech in it."""
    sounds: tuple[str, ...]
    """For each cut: a hash of its samples."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Cuts recordings, and makes their pieces.

    Args:
        work: What is done with each.
        model: That is asked.
        limits: Of the pieces.
        channels: Whether each channel is transcribed by itself.
        job: Remembers how recordings were cut; None remembers nothing.
        borrow: Called with keys, before it is looked whether they are done.
    """

    work: Transcribing
    model: str
    limits: Limits
    channels: bool
    job: Job | None
    borrow: Callable[[list[str]], object]

    def key(self, sound: str) -> str:
        """The key of a piece, by the hash of its samples."""
        return key_of("transcribe", 1, sound, self.model, *self.work.identity)

    def pieces(self, source: Source) -> Iterator[tuple[Track, Iterator[Piece[Slice]]]]:
        """The tracks of a recording with their pieces; sound is decoded where it may have to be asked about.

        Raises:
            FileError: it cannot be read, or holds no sound.
        """
        digest = source.digest()
        known = self._remembered(digest)
        if known is not None:
            keys = [self.key(sound) for track in known for sound in track.sounds]
            self.borrow(keys)
            if self.job is not None and all(self.job.has(key) for key in keys):
                for track in known:
                    yield track, self._of_track(track, source, None)
                return
        with source.opened() as file, decoded(file, name=source.name, channels=self.channels) as sounds:
            tracks = known or [self._cut(sound) for sound in sounds]
            if known is None:
                self._remember(digest, tracks)
                self.borrow([self.key(sound) for track in tracks for sound in track.sounds])
            for track, sound in zip(tracks, sounds, strict=True):
                yield track, self._of_track(track, source, sound)

    def outline(self, track: Track, source: Source) -> Iterator[Piece[Slice]]:
        """The pieces of a track without their sound."""
        return self._of_track(track, source, None)

    def _of_track(self, track: Track, source: Source, sound: Sound | None) -> Iterator[Piece[Slice]]:
        for number, hashed in enumerate(track.sounds):
            piece, speech, key = track.cuts[number], track.speech[number], self.key(hashed)
            wanted = sound is not None and (self.job is None or not self.job.has(key))
            payload = Slice(sound.read(piece.start, piece.end), speech) if sound is not None and wanted else None
            seconds = piece.end - piece.start
            label = f"{clock(track.start + piece.start)}–{clock(track.start + piece.end)}"
            yield Piece(
                key,
                payload,
                label=f"{source.name} {label}" + (f", channel {track.channel}" if track.channel else ""),
                weight=seconds,
                tokens=self._tokens(seconds, sum(end - start for start, end in speech)),
            )

    def _tokens(self, seconds: float, spoken: float) -> Tokens:
        if self.work.way == "engine":
            return Tokens()
        text = (_TEXT_IN if self.work.way == "chat" else 0) + len(self.work.prompt or "") // 4
        return Tokens(text, round(seconds * AUDIO_TOKENS_IN), round(spoken * _TEXT_OUT), 0)

    def _cut(self, sound: Sound) -> Track:
        activity = find_speech(sound, detector=ears.voice_detector() if ears.installed() else None)
        cuts = tuple(cut(activity, self.limits))
        return Track(
            sound.channel,
            sound.start,
            sound.seconds,
            cuts,
            tuple(within(activity.speech, one.start, one.end) for one in cuts),
            tuple(key_of(sound.read(one.start, one.end)) for one in cuts),
        )

    # How a recording was cut is kept: the detector may be another one the next time, and the pieces would not fit.

    def _note_name(self, digest: str) -> str:
        limits = self.limits
        return f"cut:{key_of(digest, limits.longest, limits.pause, limits.silence, self.channels)}"

    def _remembered(self, digest: str) -> list[Track] | None:
        kept = None if self.job is None else self.job.noted(self._note_name(digest))
        return None if kept is None else [_track(one) for one in kept]

    def _remember(self, digest: str, tracks: list[Track]) -> None:
        if self.job is not None:
            self.job.note(self._note_name(digest), [_plain(track) for track in tracks])


def _plain(track: Track) -> dict[str, Any]:
    return {
        "channel": track.channel,
        "start": track.start,
        "seconds": track.seconds,
        "cuts": [[one.start, one.end, one.overlap] for one in track.cuts],
        "speech": track.speech,
        "sounds": track.sounds,
    }


def _track(kept: dict[str, Any]) -> Track:
    return Track(
        kept["channel"],
        kept["start"],
        kept["seconds"],
        tuple(Cut(*one) for one in kept["cuts"]),
        tuple(tuple((begin, end) for begin, end in some) for some in kept["speech"]),
        tuple(kept["sounds"]),
    )
