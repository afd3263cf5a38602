"""Who answers: each provider is one file that turns Settings into one ready SDK client, in two steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from audiochat.transport import sdk_imports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audiochat.config import ProviderName, Settings
    from audiochat.progress import Progress
    from audiochat.transport.connection import Connection


Connect: TypeAlias = "Callable[[], Connection]"
"""The second step: what makes the connection that was begun."""


def begin(settings: Settings, progress: Progress) -> Connect:
    """Check what can be checked, and start what takes a while: a sign-in runs while recordings are read.

    Raises:
        ConfigurationError: a setting is missing, or a credential would go astray.
    """
    import logging

    # What these libraries log is for their developers; what a person needs is in our errors.
    for library in ("azure", "openai", "httpx2", "httpcore2", "msal"):
        logging.getLogger(library).addHandler(logging.NullHandler())
    for notice in settings.notices:
        progress.note(notice)
    with sdk_imports.importing():
        second = _beginning(settings.provider)(settings, progress)

    def connect() -> Connection:
        with sdk_imports.importing():
            return second()

    return connect


def connect(settings: Settings, progress: Progress) -> Connection:
    """The connection that the settings ask for, both steps at once.

    Raises:
        ConfigurationError: a setting is missing, or a credential would go astray.
    """
    return begin(settings, progress)()


def _beginning(provider: ProviderName) -> Callable[[Settings, Progress], Connect]:
    if provider == "azure":
        from audiochat.providers import azure

        return azure.begin
    if provider == "openai":
        from audiochat.providers import openai

        return openai.begin
    from audiochat.providers import local

    return local.begin


def sign_in(settings: Settings) -> Callable[[], str] | None:
    """What signs in, and tells with what, where the endpoint is of no use yet; None where no sign-in is needed."""
    if settings.provider != "azure" or settings.azure_api_key is not None:
        return None
    from audiochat.providers import azure

    return azure.sign_in_alone(settings)


@dataclass(frozen=True, slots=True)
class LocalPart:
    """A part of the local engine, as `doctor` finds it."""

    name: str
    works: bool
    what: str
    cure: str | None = None
    mend: Callable[[Progress], str] | None = field(default=None, repr=False, compare=False)
    """Does what the cure says, and tells what was done."""


def local_parts(settings: Settings) -> Iterator[LocalPart]:
    """The parts of the local engine: what is installed, what is fetched, and whether it is what it should be."""
    from audiochat.providers import local

    return local.parts(settings)
