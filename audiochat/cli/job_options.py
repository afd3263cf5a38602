"""The options that long work shares (`transcribe`, `narrate`), and what becomes of them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from audiochat.cli.options import RequestOptions, option
from audiochat.cli.signals import Terminated
from audiochat.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audiochat.cli.terminal import Terminal
    from audiochat.config import Settings
    from audiochat.jobs.job import Job
    from audiochat.jobs.plan import Plan
    from audiochat.jobs.runner import Limits, Outcome
    from audiochat.jobs.store import JobStore
    from audiochat.jobs.threads import Pool
    from audiochat.jobs.work import Work

MOST_JOBS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions(RequestOptions):
    """The options of every command whose work may last for hours."""

    output: Annotated[
        str | None,
        option("Output", "-o", "--output", metavar="PATH", text="A file, a folder (DIR/), or - for stdout."),
    ] = None
    jobs: Annotated[
        int | None,
        option(
            "Network",
            "-j",
            "--jobs",
            metavar="N",
            text="How many pieces to ask about at once. [default: 4; with the local engine 1]",
        ),
    ] = None
    dry_run: Annotated[
        bool,
        option("Output", "--dry-run", text="Say what would be sent, with its price where it is known; send nothing."),
    ] = False
    max_tokens: Annotated[
        int | None,
        option("Network", "--max-tokens", metavar="N", text="Stop before using more tokens than this."),
    ] = None
    max_failures: Annotated[
        int | None,
        option("Network", "--max-failures", metavar="N", text="Stop when more pieces than this have failed."),
    ] = None
    fresh: Annotated[bool, option("Output", "--fresh", text="Begin again, without the results of earlier runs.")] = (
        False
    )
    store: Annotated[
        str | None,
        option("Output", "--store", metavar="DIR", text="Keep jobs here; with --on, a folder that all workers share."),
    ] = None
    on: Annotated[
        str | None,
        option(
            "Network",
            "--on",
            metavar="ADDRESS",
            text="Send the pieces to an existing Dask cluster: tcp://HOST:PORT or tls://HOST:PORT.",
        ),
    ] = None
    tls_ca: Annotated[
        str | None,
        option("Network", "--tls-ca", metavar="FILE", text="For tls://: the certificate of the authority to trust."),
    ] = None
    tls_cert: Annotated[
        str | None,
        option("Network", "--tls-cert", metavar="FILE", text="For tls://: this machine's certificate."),
    ] = None
    tls_key: Annotated[
        str | None,
        option("Network", "--tls-key", metavar="FILE", text="For tls://: the key of the certificate."),
    ] = None

    def settings(self, *, voice: str | None = None) -> Settings:
        """The settings of a run: what the options say, else the environment and `.env`."""
        return self.load_settings(voice=voice, retries=self.retries)

    def limits(self, settings: Settings) -> Limits:
        """The limits of a run: pieces at once, tokens and failures in all.

        Raises:
            UsageError: a number is none that makes sense.
        """
        from audiochat.jobs.runner import Limits

        usual = 1 if settings.provider == "local" else 4
        jobs = usual if self.jobs is None else self.jobs
        if not 1 <= jobs <= MOST_JOBS:
            raise UsageError(f"-j wants a number from 1 to {MOST_JOBS}, not {jobs}.", hint=f"-j {usual}")
        for name, number in (("--max-tokens", self.max_tokens), ("--max-failures", self.max_failures)):
            if number is not None and number < 0:
                raise UsageError(f"{name} wants a number from 0 up, not {number}.", hint="Leave it out for no limit.")
        return Limits(jobs, self.max_tokens, self.max_failures)

    def pool(self, work: Work, settings: Settings) -> Pool | None:
        """The cluster that works on the pieces; None for this machine.

        Raises:
            UsageError: it is no address of a cluster.
            AudiochatError: there is none, or its workers cannot do it.
        """
        if self.on is None:
            if self.tls_ca or self.tls_cert or self.tls_key:
                raise UsageError("--tls-ca, --tls-cert and --tls-key are for a cluster.", hint="--on tls://HOST:PORT")
            return None
        if not self.on.startswith(("tcp://", "tls://")):
            raise UsageError(
                f"--on wants tcp://HOST:PORT or tls://HOST:PORT, not {self.on}.", hint="See docs/scale.md."
            )
        from audiochat.jobs.cluster import Tls, dask_cluster

        tls = Tls(self.tls_ca, self.tls_cert, self.tls_key)
        return dask_cluster(self.on, work, settings, self.job_store().folder, tls=tls, room=self.jobs)

    def job_store(self) -> JobStore:
        """The store that keeps the jobs."""
        from audiochat.files import user_path
        from audiochat.jobs.store import JobStore

        return JobStore(None if self.store is None else user_path(self.store))


@contextmanager
def note_when_stopped(job: Job, screen: Terminal) -> Iterator[None]:
    """Tell how far a run came, and that it can go on, when a signal ends the block."""
    try:
        yield
    except (KeyboardInterrupt, Terminated):
        done, pieces = job.progress()
        if pieces:
            screen.note(f"Stopped: {done} of {pieces} planned pieces are done; the same command goes on from there.")
        raise


def price_of(plan: Plan, model: str, settings: Settings, screen: Terminal) -> float | None:
    """What a plan costs by the user's prices; None, and a note, where they have none for the model."""
    from audiochat.jobs.plan import PRICES, prices_for

    prices = prices_for(model, settings.prices)
    if prices is None:
        if settings.prices is not None and settings.provider != "local":
            screen.note(f"{PRICES} has no price for {model}.")
        return None
    return prices.of(plan.tokens, plan.weight)


def told(plan: Plan, *, unit: str, price: float | None) -> str:
    """A plan for a person."""
    from audiochat.cli.progress_lines import clock_time

    tokens = plan.tokens
    lines = [
        f"pieces: {plan.pieces}, {plan.done} of them done before",
        f"{unit} to ask for: {clock_time(plan.weight)}",
    ]
    if tokens.total:
        spoken = (f"{tokens.audio_in:,} of them sound", f"{tokens.audio_out:,} of them sound")
        into = f"{tokens.text_in + tokens.audio_in:,} tokens in ({spoken[0]})"
        out = f"{tokens.text_out + tokens.audio_out:,} out" + (f" ({spoken[1]})" if tokens.audio_out else "")
        lines.append(f"tokens, about: {into}, {out}")
    if price is not None:
        lines.append(f"price, about: {price:.2f} (by AUDIOCHAT_PRICES)")
    return "\n".join(lines)


def failures_told(outcome: Outcome) -> list[str]:
    """Why a run did not get everything, a line for each reason."""
    reasons: dict[str, int] = {}
    for failure in outcome.failures.values():
        told_reason = " ".join(part for part in (failure.message, failure.hint) if part)
        reasons[told_reason] = reasons.get(told_reason, 0) + 1
    lines = [f"{count} times: {reason}" if count > 1 else reason for reason, count in reasons.items()]
    if outcome.stopped is not None:
        lines.append(f"It was stopped: {outcome.stopped}; {len(outcome.unasked)} pieces were not asked for.")
    return lines
