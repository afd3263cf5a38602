"""What works and what does not, each with the one thing to do about it: what `doctor` tells."""

from __future__ import annotations

from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING

from audiochat.background import run_in_thread, wait_for
from audiochat.diagnosis import machine, service
from audiochat.diagnosis import settings as used_settings
from audiochat.diagnosis.finding import SECONDS, Finding, failed
from audiochat.diagnosis.service import COST
from audiochat.errors import AudiochatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from audiochat.config import Settings
    from audiochat.progress import Progress

__all__ = ["COST", "SECONDS", "Finding", "diagnose", "diagnose_without_settings", "mended"]


def diagnose(settings: Settings, *, send_request: bool) -> Iterator[Finding]:
    """Examine everything at once, in ten seconds at most; the findings come in a fixed order.

    Args:
        settings: As the commands would use them.
        send_request: Whether the request that proves the deployment may be sent, and paid for.
    """
    yield from _examined(
        _Check("settings", used_settings.examine(settings)),
        _Check("service", service.examine(settings, send_request=send_request)),
        _Check("files", machine.secret_files()),
        _Check("models", machine.models(settings)),
        *_of_the_machine(),
    )


def diagnose_without_settings(error: AudiochatError) -> Iterator[Finding]:
    """Examine what can be examined where the settings cannot even be read: `error` says why."""
    yield failed("settings", error)
    yield from _examined(_Check("files", machine.secret_files()), *_of_the_machine())


def _of_the_machine() -> list[_Check]:
    return [
        _Check("codecs", machine.codecs()),
        _Check("devices", machine.loudspeaker_and_microphone()),
        _Check("folders", machine.folders()),
        _Check("versions", machine.versions()),
    ]


def _examined(*checks: _Check) -> Iterator[Finding]:
    deadline = monotonic() + SECONDS
    for check, future in [(check, run_in_thread(check.run, name="doctor")) for check in checks]:
        yield from check.found_until(deadline, future)


def mended(finding: Finding, progress: Progress) -> Finding:
    """Do what a finding's cure says; what is found then."""
    if finding.mend is None or finding.status == "ok":
        return finding
    try:
        done = finding.mend(progress)
    except AudiochatError as error:
        return replace(finding, what=f"{finding.what} {error.message}", cure=error.hint)
    return replace(finding, status="ok", what=done, cure=None, mend=None, used=True)


@dataclass(slots=True)
class _Check:
    """Something to examine, and what was found so far."""

    name: str
    steps: Iterator[Finding]
    findings: list[Finding] = field(default_factory=list)

    def run(self) -> None:
        """Find all of it."""
        for finding in self.steps:
            self.findings.append(finding)

    def found_until(self, deadline: float, future: Future[None]) -> Iterator[Finding]:
        """The findings up to its end, or up to the deadline."""
        try:
            wait_for(future, timeout=deadline - monotonic())
        except FutureTimeoutError:
            yield from (found := tuple(self.findings))
            after = f", after {', '.join(finding.check for finding in found)}" if found else ""
            what = f"No result within {SECONDS:.0f} seconds{after}."
            yield Finding(self.name, "failure", what, "Check the network and the sign-in ('az login'), then again.")
        except Exception as exc:  # noqa: BLE001 - the other checks are of use all the same
            yield from self.findings
            yield Finding(self.name, "failure", f"This could not be examined: {type(exc).__name__}.", "Report it.")
        else:
            yield from self.findings
