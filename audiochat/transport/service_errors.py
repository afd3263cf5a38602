"""What the SDK raises, once, into words that say what failed and what to do."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audiochat.errors import AudiochatError, BrokenAnswerError, RefusedError, SignInError, UnavailableError
from audiochat.transport.deadlines import LOCATION
from audiochat.transport.redaction import redact, redact_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

MESSAGE_LIMIT = 400
"""Characters of a service's own message that are worth a person's time."""

LONGEST_WAIT = 120.0
"""Seconds that we wait at most when a service asks for patience; as the SDK does."""

REQUEST_ID_HEADERS = ("apim-request-id", "x-request-id", "x-ms-request-id", "request-id")
"""Azure's gateway, OpenAI, Azure's back end, other servers."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP answer that is an error."""

    status: int
    code: str
    """The service's own code, or the empty string."""
    message: str
    body: Any
    wait: float | None
    """Seconds that the service asks to be left alone."""
    location: str | None
    request_id: str | None


def request_id(response: httpx2.Response) -> str | None:
    """The service's id of a request, from the headers of its answer."""
    found = next((response.headers[name] for name in REQUEST_ID_HEADERS if response.headers.get(name)), None)
    return None if found is None else redact(found, response.request)


def translate(exc: Exception, *, hints: Mapping[str, str]) -> AudiochatError:
    """Turn what the SDK or its HTTP library raised into an error that a person can act on.

    Args:
        exc: An `openai.OpenAIError` or `httpx2.RequestError`.
        hints: What the provider advises, by `AudiochatError.code`; it knows its variables' names.
    """
    import openai

    if isinstance(exc, openai.APIStatusError):
        error = _status(_answered(exc))
    elif isinstance(exc, openai.APIConnectionError):
        error = _connection(exc)
    elif isinstance(exc, openai.OpenAIError):
        error = BrokenAnswerError(
            f"The answer cannot be used: {_short(str(exc))}", hint="Try again; report it if it lasts."
        )
    else:
        error = _connection(exc)
    error.hint = hints.get(error.code) or error.hint
    return error


def refusal(body: Mapping[str, Any], response: httpx2.Response, *, hints: Mapping[str, str]) -> AudiochatError:
    """The error that stands in a body (or an event) which came with the status of a success."""
    inner = body.get("error")
    fields = redact_json(inner if isinstance(inner, Mapping) else {"message": str(inner)}, response.request)
    kind = f"{fields.get('type')} {fields.get('code')}"
    status = 500 if "server_error" in kind else 429 if "rate_limit" in kind else max(response.status_code, 400)
    answered = Answered(
        status=status,
        code=_code(fields.get("code")),
        message=_short(str(fields.get("message") or "no reason given")),
        body=fields,
        wait=None,
        location=None,
        request_id=request_id(response),
    )
    error = _status(answered)
    error.hint = hints.get(error.code) or error.hint
    return error


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds in `retry-after-ms` or `retry-after`, which may be a date; None without either."""
    for header, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(header, "").strip()
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
            return float(value) * unit
    return _until(headers.get("retry-after", ""))


def _until(date: str) -> float | None:
    import email.utils
    import time

    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _answered(exc: Any) -> Answered:
    response: httpx2.Response = exc.response
    fields = redact_json(exc.body, response.request) if isinstance(exc.body, Mapping) else {}
    text = fields.get("message") if fields else exc.body
    if not text or "<html" in str(text)[:1000].lower():
        text = response.reason_phrase or "no reason given"
    return Answered(
        status=exc.status_code,
        code=_code(fields.get("code")),
        message=_short(redact(str(text), response.request)),
        body=fields,
        wait=asked_to_wait(response.headers),
        location=redact(response.extensions.get(LOCATION, ""), response.request),
        request_id=request_id(response),
    )


def _code(value: object) -> str:
    return str(value) if value is not None else ""


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= MESSAGE_LIMIT else flat[: MESSAGE_LIMIT - 1] + "…"


def _status(said: Answered) -> AudiochatError:
    """The rows of the wire's error table, by status."""
    if said.status in (401, 403):
        return _not_let_in(said)
    if 300 <= said.status < 400:
        return BrokenAnswerError(
            f"The service sends the request elsewhere ({said.status}, to {said.location or 'nowhere'}).",
            hint="Credentials do not follow redirects; put the address that really answers in the configuration.",
            code="redirected",
            request_id=said.request_id,
        )
    if said.code == "insufficient_quota":
        return _refused(said, f"No credit is left: {said.message}", "See the billing page of your account.")
    if said.status in (408, 409, 429) or said.status >= 500:
        return _overloaded(said)
    if said.status == 404:
        return _not_found(said)
    if said.status == 413:
        return _refused(said, "The request is too large for the service.", "Send a shorter recording.")
    return _bad_request(said)


def _bad_request(said: Answered) -> RefusedError:
    """The rows of the table that differ by code or message."""
    lower = said.message.lower()
    if said.code == "content_filter":
        return _filtered(said)
    if said.code == "audio_not_found":
        return _refused(
            said,
            f"The service no longer knows that spoken answer: {said.message}",
            "Spoken answers expire after an hour; send the transcript instead.",
        )
    if said.code == "unsupported_format" or "data provided for 'input_audio'" in lower:
        return _refused(
            said,
            f"The service cannot read the recording: {said.message}",
            "Convert it, for example to WAV with 16-bit samples, and try again.",
            code="unsupported_format",
        )
    if "either text or image_url" in lower:
        return _refused(
            said,
            "The model takes no audio: it is not one of the audio models.",
            "Name an audio model with -m, such as gpt-audio or your deployment of it.",
            code="not_an_audio_model",
        )
    hint = "Check the options and --param; --debug shows what was sent."
    return _refused(said, f"The service refuses the request: {said.message}", hint)


def _refused(said: Answered, message: str, hint: str, *, code: str | None = None) -> RefusedError:
    code = code or (said.code if said.code and not said.code.isdigit() else f"http_{said.status}")
    error = RefusedError(message, hint=hint, code=code, request_id=said.request_id)
    param = said.body.get("param") if isinstance(said.body, Mapping) else None
    error.param = param if isinstance(param, str) else None
    error.status = said.status
    return error


def _not_let_in(said: Answered) -> SignInError:
    if said.code == "PermissionDenied" or "data action" in said.message.lower():
        return SignInError(
            f"The sign-in works, but has no right to use this resource: {said.message}",
            hint="Have the role 'Cognitive Services OpenAI User' assigned on the resource; it takes some minutes.",
            code="permission_denied",
            request_id=said.request_id,
        )
    return SignInError(
        f"The service does not accept the credential: {said.message}",
        hint="Check that the key belongs to this endpoint.",
        code="wrong_credential",
        request_id=said.request_id,
    )


def _not_found(said: Answered) -> RefusedError:
    if said.code == "DeploymentNotFound":
        return _refused(said, "The resource has no deployment of that name.", "Check the deployment's exact name.")
    if said.code == "model_not_found":
        return _refused(said, f"There is no such model: {said.message}", "Name another model with -m.")
    return _refused(
        said,
        f"The service knows no such address: {said.message}",
        "Check the endpoint's path and the API version.",
        code="not_found",
    )


def _filtered(said: Answered) -> RefusedError:
    categories = ", ".join(sorted(_categories(said.body)))
    return RefusedError(
        f"The content filter refused the request{f' ({categories})' if categories else ''}.",
        hint="Say it differently, or have the deployment's content filter changed.",
        code="content_filter",
        request_id=said.request_id,
    )


def _categories(body: Mapping[str, Any]) -> Iterator[str]:
    inner = body.get("innererror")
    result = inner.get("content_filter_result") if isinstance(inner, Mapping) else None
    for name, verdict in result.items() if isinstance(result, Mapping) else ():
        if isinstance(verdict, Mapping) and (verdict.get("filtered") or verdict.get("detected")):
            yield str(name)


def _overloaded(said: Answered) -> UnavailableError:
    code, what = f"http_{said.status}", f"The service has trouble ({said.status}): {said.message}"
    hint = "Try again later."
    if said.status == 429:
        code, what = "rate_limited", f"The service is asked too much: {said.message}"
        hint = "Try again later, or have the quota raised."
        if said.wait and said.wait > LONGEST_WAIT:
            hint = f"It asks for a pause of {_duration(said.wait)}; a daily quota is used up, it seems."
    return UnavailableError(what, hint=hint, code=code, request_id=said.request_id)


def _duration(seconds: float) -> str:
    if seconds > 366 * 86_400:
        return "more than a year"
    for unit, name in ((3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"


def causes(exc: BaseException | None) -> Iterator[BaseException]:
    """An exception and what led to it, outermost first."""
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def _connection(exc: Exception) -> AudiochatError:
    """Why there was no answer, from the chain of causes below an exception of the HTTP library."""
    import httpx2

    request: httpx2.Request | None = getattr(exc, "_request", None) or getattr(exc, "request", None)
    host = request.url.host if request is not None else "the service"
    chain = list(causes(exc))
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        return UnavailableError(
            f"{host} cannot be found.", hint="Check the endpoint's name and the network.", code="no_such_host"
        )
    for cause in chain:
        if isinstance(cause, ssl.SSLError):
            return UnavailableError(
                f"No secure connection to {host}: {_short(str(cause))}",
                hint="Behind a proxy that inspects TLS, point SSL_CERT_FILE at its certificate.",
                code="tls",
            )
    if any(isinstance(cause, httpx2.ConnectTimeout | httpx2.ConnectError | httpx2.ProxyError) for cause in chain):
        why = next((str(cause) for cause in chain if isinstance(cause, OSError) and str(cause)), "no connection")
        return UnavailableError(
            f"{host} cannot be reached: {_short(why)}",
            hint="Check the endpoint, the network and the proxy settings.",
            code="not_reachable",
        )
    return _unfinished(exc, chain, host)


def _unfinished(exc: Exception, chain: list[BaseException], host: str) -> AudiochatError:
    """Why an answer from a service that was reached did not become whole."""
    import httpx2

    if any(isinstance(cause, httpx2.DecodingError | httpx2.SSEError) for cause in chain):
        return BrokenAnswerError(
            f"What {host} answered cannot be decoded: {_short(str(exc))}",
            hint="The service, or something between, is at fault; try again, and report it if it lasts.",
        )
    if any(isinstance(cause, httpx2.TimeoutException) for cause in chain):
        return UnavailableError(
            f"{host} did not answer in time.",
            hint="It may be at work all the same, so it was not asked twice.",
            code="timeout",
        )
    return UnavailableError(
        f"The connection to {host} broke before the answer was whole.",
        hint="Try again; if it lasts, look at proxies and firewalls on the way.",
        code="connection_broken",
    )
