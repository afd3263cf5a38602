"""What can go wrong, as a person should read it: each kind has its exit code and, mostly, a hint."""

from __future__ import annotations

from typing import ClassVar


class AudiochatError(Exception):
    """An error that a person can act on; shown as one to three lines, never as a traceback."""

    exit_code: ClassVar[int] = 1
    """The process' exit code, as the README's table has it."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: str = "error",
        request_id: str | None = None,
        transcript: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        """What failed and why, one sentence."""
        self.hint = hint
        """What to do about it."""
        self.code = code
        """A stable word for scripts: the service's own code where it sent one."""
        self.request_id = request_id
        """The service's id of the request, for its support."""
        self.transcript = transcript
        """What could be saved of an answer that is broken otherwise: it has been paid for."""
        self.param: str | None = None
        """The parameter that the service takes exception to, where it names one."""
        self.status: int | None = None
        """The HTTP status of a refusal."""


class UsageError(AudiochatError):
    """The command line asks for something impossible."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str | None = None, code: str = "usage") -> None:
        super().__init__(message, hint=hint, code=code)


class ConfigurationError(AudiochatError):
    """A setting is missing or wrong, or a credential would go where its owner did not mean it to."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str | None = None, code: str = "configuration") -> None:
        super().__init__(message, hint=hint, code=code)


class SignInError(AudiochatError):
    """The service, or Microsoft Entra ID, does not accept who we are."""

    exit_code = 3


class RefusedError(AudiochatError):
    """The service understood the request and will not answer it."""

    exit_code = 4


class UnavailableError(AudiochatError):
    """The service is not reachable or overloaded, after all retries."""

    exit_code = 5


class BrokenAnswerError(AudiochatError):
    """The service answered, and the answer is not what the API promises."""

    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: str = "broken_answer",
        request_id: str | None = None,
        transcript: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code, request_id=request_id, transcript=transcript)


class FileError(AudiochatError):
    """A file cannot be read or written, or is not audio."""

    exit_code = 6

    def __init__(self, message: str, *, hint: str | None = None, code: str = "file") -> None:
        super().__init__(message, hint=hint, code=code)


class CancelledError(AudiochatError):
    """The request was cancelled by its caller."""

    exit_code = 130
