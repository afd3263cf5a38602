"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from audiochat.errors import AudiochatError
    from audiochat.progress import Progress

Status: TypeAlias = Literal["ok", "warning", "failure"]

SECONDS = 10.0
"""The most that an examination may take."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis."""

    check: str
    """A stable word for scripts."""
    status: Status
    what: str
    cure: str | None = None
    """The one thing to do; None where nothing is to be done."""
    used: bool = True
    """Whether it matters to what the settings ask for; a lack of the local engine does not while Azure answers."""
    mend: Callable[[Progress], str] | None = field(default=None, repr=False, compare=False)
    """Does what the cure says, and tells what was done; None where a person has to."""

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        values = {"check": self.check, "status": self.status, "what": self.what, "cure": self.cure}
        return {**values, "used": self.used, "fixable": self.mend is not None}


def failed(check: str, error: AudiochatError) -> Finding:
    """The failure that an error is."""
    return Finding(check, "failure", error.message, error.hint)
