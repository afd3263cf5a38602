"""What a service refuses, put into words that say what failed and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audiochat.errors import (
    AudiochatError,
    BrokenAnswerError,
    ConfigurationError,
    FileError,
    RefusedError,
    SignInError,
    UnavailableError,
)
from audiochat.transport.asked_to_wait import asked_to_wait
from audiochat.transport.connection_errors import connection_error, shorten
from audiochat.transport.deadlines import LOCATION
from audiochat.transport.error_body import ErrorBody, read_error_body
from audiochat.transport.redaction import redact, redact_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx2

    from audiochat.transport.refusals import Refusal

LONGEST_WAIT = 120.0
"""Seconds that are waited at most when a service asks for patience; as the SDK does."""

REQUEST_ID_HEADERS = ("apim-request-id", "x-request-id", "x-ms-request-id", "request-id")
"""Azure's gateway, OpenAI, Azure's back end, other servers."""

_PASSING = frozenset({408, 409, 429})
_OUT_OF_QUOTA = re.compile(r"out of (call volume|bandwidth) quota|quota will be replenished", re.IGNORECASE)
_LATER = "Try again later."

_SERVERS_FAULT = re.compile(r"server_?error|internal_?error|unavailable|overloaded|timeout", re.IGNORECASE)
_LIMITED = re.compile(r"rate_?limit|throttl|too_?many", re.IGNORECASE)
_CHALLENGE = re.compile(r'\berror_description="([^"]+)"')
"""Why a token is not accepted, in the header that asks for another."""


@dataclass(frozen=True, slots=True)
class ServiceError:
    """An HTTP answer that is an error, with credentials left out."""

    status: int
    body: ErrorBody
    message: str
    """Fit to be shown; never empty."""
    wait: float | None
    """Seconds that the service asks to be left alone."""
    location: str | None
    """Where a redirect leads."""
    request_id: str | None


def request_id(response: httpx2.Response) -> str | None:
    """The service's id of a request, from the headers of its answer."""
    found = next((response.headers[name] for name in REQUEST_ID_HEADERS if response.headers.get(name)), None)
    return None if found is None else redact(found, response.request)


def translate(exc: Exception, *, hints: Mapping[str, str]) -> AudiochatError:
    """Turn what the SDK or its HTTP library raised into an error that a person can act on.

    Args:
        exc: An `openai.OpenAIError` or `httpx2.RequestError`.
        hints: What the provider advises, by `AudiochatError.code`: it knows its variables, and how we signed in.
    """
    import openai

    if isinstance(exc, openai.APIStatusError):
        return _with_hint(classify(read_service_error(exc.response)), hints)
    if isinstance(exc, openai.OpenAIError) and not isinstance(exc, openai.APIConnectionError):
        return BrokenAnswerError(
            f"The answer cannot be used: {shorten(str(exc))}", hint="Try again; report it if it lasts."
        )
    return _with_hint(connection_error(exc), hints)


def error_in_success(error: object, response: httpx2.Response, *, hints: Mapping[str, str]) -> AudiochatError:
    """The error that stands in a body, an event or a choice which came with the status of a success."""
    told = redact_json(error, response.request)
    body = read_error_body(told)
    kind = f"{body.type} {body.code}"
    status = 500 if _SERVERS_FAULT.search(kind) else 429 if _LIMITED.search(kind) else body.status or 400
    return _with_hint(classify(_service_error(status, told, response)), hints)


def read_service_error(response: httpx2.Response) -> ServiceError:
    """The error that an answer is; its body has been read."""
    try:
        body: object = json.loads(response.text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        body = response.text
    return _service_error(response.status_code, redact_json(body, response.request), response)


def _service_error(status: int, told: object, response: httpx2.Response) -> ServiceError:
    body = read_error_body(told)
    message = shorten(_reason(body, response) or "no reason given")
    return ServiceError(
        status=status,
        body=body,
        message=message,
        wait=asked_to_wait(response.headers, body.message, body=told, limited=status in (403, 429)),
        location=redact(response.extensions.get(LOCATION, ""), response.request),
        request_id=request_id(response),
    )


def _reason(body: ErrorBody, response: httpx2.Response) -> str:
    """Why, in the body's words, else in those of a header, else in the status line's."""
    phrase: str = response.reason_phrase
    if body.message.rstrip(".").lower() not in ("", phrase.lower()):
        return body.message
    challenge = _CHALLENGE.search(response.headers.get("www-authenticate", ""))
    return redact(challenge[1] if challenge else body.message or phrase, response.request)


def _with_hint(error: AudiochatError, hints: Mapping[str, str]) -> AudiochatError:
    error.hint = hints.get(error.code) or error.hint
    return error


_ENGINES_KINDS: Mapping[str, Callable[..., AudiochatError]] = {
    "configuration_error": ConfigurationError,
    "sign_in_error": SignInError,
    "unavailable_error": UnavailableError,
    "broken_answer_error": BrokenAnswerError,
    "file_error": FileError,
    "refused_error": RefusedError,
}
"""By the type that the local engine's errors have; see `local.api_errors`."""

_LLAMA_CPPS_TOO = "unavailable_error"
"""A type that llama.cpp gives as well, without a hint: `Loading model`."""


def classify(error: ServiceError) -> AudiochatError:
    """The error that a person reads, of the kind and with the hint that fit."""
    # Some forty patterns, which a run that goes well never needs.
    from audiochat.transport.refusals import ANY, REFUSALS

    own = _ENGINES_KINDS.get(error.body.type)
    if own is not None and (error.body.hint or error.body.type != _LLAMA_CPPS_TOO):  # said for people already
        return own(error.message, hint=error.body.hint, code=error.body.code or "engine_failed")
    if 300 <= error.status < 400:
        return BrokenAnswerError(
            f"The service sends the request elsewhere ({error.status}, to {error.location or 'nowhere'}).",
            hint="Credentials do not follow redirects; put the address that really answers in the configuration.",
            code="redirected",
            request_id=error.request_id,
        )
    if error.status == 403 and _OUT_OF_QUOTA.search(error.message):
        return _overloaded(error)
    body = error.body
    for refusal in REFUSALS:
        if refusal.fits(status=error.status, code=body.code, message=error.message, page=body.page, param=body.param):
            return _refused(error, refusal)
    if error.status in _PASSING or error.status >= 500:
        return _overloaded(error)
    return _refused(error, ANY)


def _refused(error: ServiceError, refusal: Refusal) -> AudiochatError:
    own = error.body.code
    code = refusal.code or (own if own and not own.isdigit() else f"http_{error.status}")
    found = ", ".join(sorted(_categories(error.body.fields)))
    message = refusal.says.format(message=error.message, status=error.status, categories=f" ({found})" if found else "")
    told = refusal.error(message, hint=refusal.hint, code=code, request_id=error.request_id)
    told.param, told.status = error.body.param, error.status
    return told


def _categories(fields: Mapping[str, object]) -> Iterator[str]:
    """What a content filter found, in Azure's `innererror`."""
    inner = fields.get("innererror")
    result = inner.get("content_filter_result") if isinstance(inner, Mapping) else None
    for name, verdict in result.items() if isinstance(result, Mapping) else ():
        if isinstance(verdict, Mapping) and (verdict.get("filtered") or verdict.get("detected")):
            yield str(name)


def _overloaded(error: ServiceError) -> UnavailableError:
    code, what, hint = f"http_{error.status}", f"The service has trouble ({error.status}): {error.message}", _LATER
    if error.status in (403, 429):  # 403 is API Management's for a quota that is used up
        code, what = "rate_limited", f"The service is asked too much: {error.message}"
        hint = "Try again later, or have the quota raised."
        if error.wait and error.wait > LONGEST_WAIT:
            hint = f"It asks for a pause of {_duration(error.wait)}; a daily quota is used up, it seems."
    told = UnavailableError(what, hint=error.body.hint or hint, code=code, request_id=error.request_id)
    told.status = error.status
    return told


def _duration(seconds: float) -> str:
    if seconds > 366 * 86_400:
        return "more than a year"
    for unit, name in ((3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"
