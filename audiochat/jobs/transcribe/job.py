"""Transcribing recordings as one job, from the first byte to the transcripts.

This is all of it; a recording that cannot be read leaves the others going:

    recordings = sources.find(["talks/"], recursive=True)
    transcriber = Transcriber(recordings, settings, Options(language="en"))
    with JobStore().open("transcribe", transcriber.name, title="talks") as job:
        outcome = transcriber.run(job)
        for source, transcript in transcriber.transcripts(job, outcome):
            print(source.name, transcript.text)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audiochat.errors import AudiochatError, UsageError
from audiochat.jobs import runner
from audiochat.jobs.piece import Failure
from audiochat.jobs.plan import Plan
from audiochat.jobs.runner import Shown
from audiochat.jobs.store import JobStore, name_for
from audiochat.jobs.transcribe.asking import Transcribing, Way, can_listen, words_of
from audiochat.jobs.transcribe.cutting import Limits
from audiochat.jobs.transcribe.pieces import Planner
from audiochat.jobs.transcribe.transcript import Answer, Transcript, put_together
from audiochat.jobs.transcribe.transcriptions import is_transcriber
from audiochat.progress import NoProgress

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from audiochat.config import Settings
    from audiochat.jobs.job import Job
    from audiochat.jobs.piece import Piece
    from audiochat.jobs.runner import Outcome
    from audiochat.jobs.threads import Pool
    from audiochat.jobs.transcribe.asking import Slice
    from audiochat.jobs.transcribe.pieces import Track
    from audiochat.jobs.transcribe.sources import Source
    from audiochat.progress import Progress

KIND = "transcribe"

_LONGEST_PIECE: dict[Way, float] = {"chat": 90.0, "transcriptions": 300.0, "engine": 400.0}
"""Seconds of a piece, by who is asked. A chat model leaves things out of long ones; the others are made for them.

The recogniser works in windows of 30 s, of which the last of a piece is mostly empty: long pieces waste fewer. But its
spectrum of 600 s takes 380 MB, that of 400 s 250 MB."""
SHORTEST, LONGEST = 5.0, 600.0
"""Seconds of a piece that can be asked for: the longest is 19.2 MB as WAV, below the services' 20 MB."""


@dataclass(frozen=True, slots=True)
class Options:
    """How recordings are transcribed."""

    language: str | None = None
    """That is spoken, as a code: `en`. None finds out."""
    prompt: str | None = None
    """Names and spellings."""
    piece: float | None = None
    """Seconds of a piece, at most."""
    check: bool = True
    """Whether an answer that is no transcript is asked for again."""
    channels: bool = False
    """Whether each channel is transcribed by itself."""

    def __post_init__(self) -> None:
        if self.piece is not None and not SHORTEST <= self.piece <= LONGEST:
            raise UsageError(
                f"A piece lasts from {SHORTEST:.0f} to {LONGEST:.0f} seconds.", hint="Leave it out for the default."
            )


@dataclass(slots=True)
class _Recorded:
    """A recording that was planned."""

    source: Source
    tracks: list[Track] = field(default_factory=list)
    failure: AudiochatError | None = None


class Transcriber:
    """Transcribes recordings as one job.

    Args:
        sources: The recordings.
        settings: Whom to ask.
        options: How.
        progress: Told how far it is.

    Raises:
        ConfigurationError: the engine is asked for and not installed.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        settings: Settings,
        options: Options | None = None,
        *,
        progress: Progress | None = None,
    ) -> None:
        self.sources = tuple(sources)
        self.settings = settings
        self.options = options or Options()
        self.model = model_of(settings)
        self.work = _work(settings, self.options, self.model)
        self._progress = progress or NoProgress()
        self._recorded: list[_Recorded] = []
        self._planner: Planner | None = None

    @property
    def name(self) -> str:
        """The job's name: the same for the same recordings."""
        first = self.sources[0].place.name
        stem = first if len(self.sources) == 1 else f"{first}-and-{len(self.sources) - 1}-more"
        return name_for(stem, KIND, sorted(source.identity for source in self.sources))

    @property
    def title(self) -> str:
        """What a person calls the job."""
        more = len(self.sources) - 1
        return self.sources[0].name + (f" and {more} more" if more else "")

    def plan(self, job: Job | None) -> Plan:
        """What will be asked for.

        Args:
            job: What was done before; None where nothing was.
        """
        self._begin(job, None)
        return Plan.of(self._pieces(None), job)

    def run(
        self,
        job: Job,
        *,
        limits: runner.Limits | None = None,
        store: JobStore | None = None,
        cancelled: threading.Event | None = None,
        pool: Pool | None = None,
    ) -> Outcome:
        """Ask for all words that are missing.

        Args:
            job: Where they are kept.
            limits: How much is asked, at once and in all.
            store: Where other jobs may have some of them; None looks nowhere.
            cancelled: Set it from another thread to end the run.
            pool: See `jobs.runner.run`.

        Raises:
            AudiochatError: nothing can be asked at all; or the only recording cannot be read.
        """
        self._begin(job, store)
        total = self._seconds()
        outcome = runner.run(
            self._pieces(job),
            self.work,
            job,
            settings=self.settings,
            limits=limits or runner.Limits(jobs=1 if self.work.way == "engine" else 4),
            shown=Shown(self._progress, "Transcribing", total, "seconds"),
            cancelled=cancelled,
            pool=pool,
        )
        if len(self._recorded) == 1 and self._recorded[0].failure is not None:
            raise self._recorded[0].failure
        return outcome

    @property
    def unreadable(self) -> list[tuple[Source, AudiochatError]]:
        """Recordings that could not be read, and why."""
        return [(one.source, one.failure) for one in self._recorded if one.failure is not None]

    def transcripts(self, job: Job, outcome: Outcome) -> Iterator[tuple[Source, Transcript]]:
        """The transcripts of all recordings that could be read, in order."""
        assert self._planner is not None  # noqa: S101 - there is an outcome
        for one in self._recorded:
            if one.failure is None:
                yield one.source, _transcript(one.tracks, self._planner, job, outcome, self.options.language)

    def _begin(self, job: Job | None, store: JobStore | None) -> None:
        self._recorded.clear()

        def borrow(keys: list[str]) -> None:
            if store is not None and job is not None and not all(job.has(key) for key in keys):
                store.borrow(job, keys)

        longest = self.options.piece or _LONGEST_PIECE[self.work.way]
        # The recogniser is given no silence, so that longer pieces cost it nothing.
        limits = Limits(longest, pause=1e9, silence=1e9) if self.work.way == "engine" else Limits(longest)
        self._planner = Planner(self.work, self.model, limits, self.options.channels, job, borrow)

    def _seconds(self) -> float | None:
        """How long all recordings last, as far as their headers tell."""
        from audiochat.audio.decoder import open_recording

        total = 0.0
        for source in self.sources:
            try:
                with source.opened() as file, open_recording(file, name=source.name) as recording:
                    if recording.duration is None:
                        return None
                    total += recording.duration * (recording.channels if self.options.channels else 1)
            except AudiochatError:
                continue
        return total

    def _pieces(self, job: Job | None) -> Iterator[Piece[Slice]]:
        """All pieces; a recording that cannot be read leaves the others going.

        Args:
            job: Told of all pieces of a recording as soon as it is cut: a run that is stopped knows how much there is.
        """
        assert self._planner is not None  # noqa: S101 - `_begin` comes first
        planned = 0
        for source in self.sources:
            recorded = _Recorded(source)
            self._recorded.append(recorded)
            try:
                for track, pieces in self._planner.pieces(source):
                    recorded.tracks.append(track)
                    if job is not None:
                        job.plan(planned, self._planner.outline(track, source))
                    planned += len(track.cuts)
                    yield from pieces
            except AudiochatError as error:
                recorded.failure = error
                if len(self.sources) == 1:
                    raise
                self._progress.note(f"{error.message} The others go on.")


def model_of(settings: Settings) -> str:
    """The model or deployment that will be asked, as far as it is known before anything is connected."""
    if settings.provider == "local":
        return settings.local.stt or "whisper"
    if settings.provider == "azure" and settings.azure_endpoint is not None:
        from audiochat.config import Source as From
        from audiochat.transport import addresses

        target = addresses.parse(settings.azure_endpoint, variable="AZURE_OPENAI_ENDPOINT")
        named = settings.source("AZURE_OPENAI_DEPLOYMENT_NAME"), settings.source("AUDIOCHAT_MODEL")
        if target.deployment is not None and all(one is From.DEFAULT for one in named):
            return target.deployment
    return settings.model or ""


def _work(settings: Settings, options: Options, model: str) -> Transcribing:
    way: Way = "chat"
    if settings.provider == "local":
        from audiochat.jobs import ears

        ears.require()
        way = "engine"
    elif is_transcriber(model):
        way = "transcriptions"
    listens = way != "engine" and options.check and can_listen(settings)
    return Transcribing(way, options.language, options.prompt, options.check, listens)


def _transcript(
    tracks: Sequence[Track], planner: Planner, job: Job, outcome: Outcome, language: str | None
) -> Transcript:
    segments, gaps, number = [], [], 0
    duration = 0.0
    for track in tracks:
        results = [job.get(planner.key(sound)) for sound in track.sounds]
        answers = []
        for sound, result in zip(track.sounds, results, strict=True):
            if result is None:
                answers.append(Answer(failure=outcome.failures.get(planner.key(sound)) or _unasked(outcome)))
            else:
                answers.append(Answer(result.data["text"], words_of(result.data)))
                language = language or result.data.get("language")
        found, missing = put_together(
            track.cuts,
            answers,
            track.speech,
            start=track.start,
            first_piece=number,
            speaker=f"Channel {track.channel}" if track.channel else None,
        )
        segments += found
        gaps += missing
        number += len(track.cuts)
        duration = max(duration, track.start + track.seconds)
    segments.sort(key=lambda segment: segment.start)
    gaps.sort(key=lambda gap: gap.start)
    return Transcript(language, duration, tuple(segments), tuple(gaps))


def _unasked(outcome: Outcome) -> Failure:
    return Failure("not_asked", f"It was not asked for: {outcome.stopped or 'the run ended'}.", 5)
