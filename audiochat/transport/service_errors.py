"""What a service refuses, put into words that say what failed and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
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
    from collections.abc import Iterator

    import httpx2

LONGEST_WAIT = 120.0
"""Seconds that are waited at most when a service asks for patience; as the SDK does."""

REQUEST_ID_HEADERS = ("apim-request-id", "x-request-id", "x-ms-request-id", "request-id")
"""Azure's gateway, OpenAI, Azure's back end, other servers."""

_PASSING = frozenset({408, 409, 429})


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
    body = read_error_body(redact_json(error, response.request))
    kind = f"{body.type} {body.code}"
    status = 500 if "server_error" in kind else 429 if "rate_limit" in kind else body.status or 400
    return _with_hint(classify(_service_error(status, body, response)), hints)


def read_service_error(response: httpx2.Response) -> ServiceError:
    """The error that an answer is; its body has been read."""
    try:
        body: object = json.loads(response.text)
    except (ValueError, RecursionError):
        body = response.text
    return _service_error(response.status_code, read_error_body(redact_json(body, response.request)), response)


def _service_error(status: int, body: ErrorBody, response: httpx2.Response) -> ServiceError:
    message = shorten(body.message or redact(response.reason_phrase, response.request) or "no reason given")
    return ServiceError(
        status=status,
        body=body,
        message=message,
        wait=asked_to_wait(response.headers, body.message),
        location=redact(response.extensions.get(LOCATION, ""), response.request),
        request_id=request_id(response),
    )


def _with_hint(error: AudiochatError, hints: Mapping[str, str]) -> AudiochatError:
    error.hint = hints.get(error.code) or error.hint
    return error


@dataclass(frozen=True, slots=True)
class _Row:
    """One kind of refusal: how it is recognised, and what is said about it."""

    code: str
    """Of the error that comes of it; the service's own where this is empty."""
    kind: Callable[..., AudiochatError]
    says: str
    """What failed; `{message}` is the service's own reason."""
    hint: str
    words: re.Pattern[str] | None = None
    """In the service's message."""
    codes: frozenset[str] = frozenset()
    """The service's codes, in lower case."""
    statuses: frozenset[int] = frozenset()
    """Where it is recognised by its words or code among these alone; all of them where this is empty."""

    def fits(self, error: ServiceError) -> bool:
        """Whether an error is of this kind."""
        if self.statuses and error.status not in self.statuses:
            return False
        if error.body.code.lower() in self.codes:
            return True
        if self.words is not None:
            return self.words.search(error.message) is not None
        return not self.codes


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


def _codes(*codes: str) -> frozenset[str]:
    return frozenset(code.lower() for code in codes)


_CREDENTIAL = frozenset({401, 403})
_LATER = "Try again later."
_OTHER_MODEL = "Name an audio model or deployment (gpt-audio, gpt-audio-mini)."

_ROWS = (
    # --- the network and gateways before the service
    _Row(
        "network_rules", SignInError, "The service refuses this network: {message}",
        "Call from a network, VPN or private endpoint that the resource allows, or have this address allowed in its "
        "network settings.",
        _words("virtual network", "firewall", r"private (endpoint|link)", r"\bvnet\b",
               "public (network )?access is (disabled|denied)", "not allowed from your (ip|network)",
               r"\bip (address )?\S* ?(is )?not (allowed|authorized)"),
        statuses=frozenset({401, 403, 404}),
    ),
    _Row(
        "subscription_key_missing", SignInError, "The gateway before the service wants a key of its own: {message}",
        "API Management takes it in a header: OPENAI_CUSTOM_HEADERS='Ocp-Apim-Subscription-Key: KEY'.",
        _words("missing subscription key", "Ocp-Apim-",
               r"invalid subscription key\. make sure to provide a valid key for an active subscription\.?$"),
        statuses=_CREDENTIAL,
    ),
    _Row(
        "proxy", UnavailableError, "The proxy on the way wants a password (407): {message}",
        "Put user and password into the proxy's address: http://USER:PASSWORD@PROXY:PORT.",
        statuses=frozenset({407}),
    ),
    # --- who we are
    _Row(
        "permission_denied", SignInError,
        "The sign-in works, but has no right to use this resource: {message}",
        "Have the role 'Cognitive Services OpenAI User' assigned on the resource; it takes some minutes to work.",
        _words("data action", "does not have (authorization|permission)", "lacks the required"),
        _codes("PermissionDenied", "AuthorizationFailed"), _CREDENTIAL,
    ),
    _Row(
        "keys_disabled", SignInError, "The resource takes no keys: {message}",
        "Unset the key to sign in with Microsoft Entra ID ('az login').",
        _words("key.based authentication is disabled", "local auth(entication)? is disabled",
               "disableLocalAuth"),
        _codes("AuthenticationTypeDisabled"),
    ),
    _Row(
        "custom_subdomain", SignInError, "This endpoint takes no sign-in: {message}",
        "Use the resource's own endpoint, https://NAME.openai.azure.com; regional ones take keys only.",
        _words("custom (sub)?domain"), statuses=frozenset({400, 401, 403}),
    ),
    _Row(
        "tenant_mismatch", SignInError, "The sign-in is for another tenant than the resource's: {message}",
        "Sign in to the resource's tenant: az login --tenant TENANT, or set AZURE_TENANT_ID.",
        _words("tenant provided in token", r"token.{0,40}tenant.{0,40}(match|mismatch)", "wrong (issuer|tenant)"),
        statuses=frozenset({400, 401, 403}),
    ),
    _Row(
        "no_region", SignInError, "The service is not offered here: {message}",
        "Use it from a country that the service supports.",
        codes=_codes("unsupported_country_region_territory"), statuses=_CREDENTIAL,
    ),
    # --- what is asked for
    _Row(
        "content_filter", RefusedError, "The content filter refused the request{categories}.",
        "Say it differently, or have the deployment's content filter changed.",
        _words("content management policy", "content (filter|policy)", "responsible ?ai", "flagged by moderation",
               "requires moderation"),
        _codes("content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"),
        frozenset({400, 403, 422, 500}),
    ),
    _Row(
        "insufficient_quota", RefusedError, "No credit is left: {message}", "See the billing page of your account.",
        _words("insufficient (credits|balance|funds)"), _codes("insufficient_quota"),
    ),
    _Row("", RefusedError, "No credit is left: {message}", "See the billing page of your account.",
         statuses=frozenset({402})),
    _Row(
        "model_retired", RefusedError, "The model is no longer offered: {message}", _OTHER_MODEL,
        _words(r"\b(has been|was|is) (retired|deprecated|shut ?down|decommissioned|discontinued)",
               "no longer (available|supported|offered)"),
        _codes("model_deprecated", "ModelDeprecated", "DeploymentRetired", "model_retired"),
        frozenset({400, 404, 410}),
    ),
    _Row(
        "", RefusedError, "The service refuses the request: {message}", "Check the parameters of the request.",
        _words(r"(?<![\w.])stream(ing|ed|s|_options)?\b", r"(?<![\w.])audio\.format\b"),
        statuses=frozenset({400, 404, 405, 422}),
    ),
    _Row(
        "not_an_audio_model", RefusedError,
        "The model takes no audio, or cannot answer in it: {message}", _OTHER_MODEL,
        _words("either text or image_url", "unsupported modalit", "audio (input|output) is not supported",
               "(does not|doesn't|not) support(s|ed)?.{0,30}audio", "audio.{0,40}(is|are) not supported",
               "operation does not work with the specified model", "support (input|output) audio",
               "not a chat model", "only supported in v1/(responses|completions)", "invalid modalit"),
        _codes("OperationNotSupported", "unsupported_modality"),
    ),
    _Row(
        "api_version", RefusedError, "The service does not know this API version: {message}",
        "Set OPENAI_API_VERSION to one that it knows, 2025-01-01-preview for one.",
        _words(r"api[- ]?version"), _codes("UnsupportedApiVersion"), frozenset({400, 404}),
    ),
    _Row(
        "DeploymentNotFound", RefusedError, "The resource has no deployment of that name.",
        "Check the deployment's exact name.", codes=_codes("DeploymentNotFound"),
    ),
    _Row(
        "model_not_found", RefusedError, "There is no such model: {message}", "Name another model.",
        _words(r"\bmodel\b.{0,60}(does not exist|not found|not loaded|is unknown)", "invalid model",
               "no such model"),
        _codes("model_not_found"), frozenset({400, 403, 404}),
    ),
    _Row(
        "audio_not_found", RefusedError, "The service no longer knows that spoken answer: {message}",
        "Spoken answers expire after an hour; send the transcript instead.", codes=_codes("audio_not_found"),
    ),
    _Row(
        "unsupported_format", RefusedError, "The service cannot read the recording: {message}",
        "Convert it, for example to WAV with 16-bit samples, and try again.",
        _words("data provided for 'input_audio'"), _codes("unsupported_format"), frozenset({400, 415, 422}),
    ),
    _Row(
        "", RefusedError, "The request is too large for the service.", "Send a shorter recording.",
        statuses=frozenset({413}),
    ),
    _Row(
        "not_found", RefusedError, "The service knows no such address: {message}",
        "Check the endpoint's path and the API version.", statuses=frozenset({404}),
    ),
    # --- by status alone
    _Row(
        "wrong_credential", SignInError, "The service does not accept the credential: {message}",
        "Check that the key belongs to this endpoint.", statuses=_CREDENTIAL,
    ),
)  # fmt: skip
"""The first row that fits has it. Source: API.md's table of errors, and reports of people who met them."""

_ENGINES_KINDS: Mapping[str, Callable[..., AudiochatError]] = {
    "configuration_error": ConfigurationError,
    "sign_in_error": SignInError,
    "unavailable_error": UnavailableError,
    "broken_answer_error": BrokenAnswerError,
    "file_error": FileError,
    "refused_error": RefusedError,
}
"""By the type that the local engine's errors have; see `local.api_errors`."""


def classify(error: ServiceError) -> AudiochatError:
    """The error that a person reads, of the kind and with the hint that fit."""
    if (own := _ENGINES_KINDS.get(error.body.type)) is not None:  # said for people already
        return own(error.message, hint=error.body.hint, code=error.body.code or "engine_failed")
    if 300 <= error.status < 400:
        return BrokenAnswerError(
            f"The service sends the request elsewhere ({error.status}, to {error.location or 'nowhere'}).",
            hint="Credentials do not follow redirects; put the address that really answers in the configuration.",
            code="redirected",
            request_id=error.request_id,
        )
    for row in _ROWS:
        if row.fits(error):
            return _refused(error, row)
    if error.status in _PASSING or error.status >= 500:
        return _overloaded(error)
    return _refused(error, _PLAIN)


_PLAIN = _Row("", RefusedError, "The service refuses the request: {message}", "Check the parameters of the request.")


def _refused(error: ServiceError, row: _Row) -> AudiochatError:
    own = error.body.code
    code = row.code or (own if own and not own.isdigit() else f"http_{error.status}")
    categories = ", ".join(sorted(_categories(error.body.fields)))
    message = row.says.format(message=error.message, categories=f" ({categories})" if categories else "")
    told = row.kind(message, hint=row.hint, code=code, request_id=error.request_id)
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
    if error.status == 429:
        code, what = "rate_limited", f"The service is asked too much: {error.message}"
        hint = "Try again later, or have the quota raised."
        if error.wait and error.wait > LONGEST_WAIT:
            hint = f"It asks for a pause of {_duration(error.wait)}; a daily quota is used up, it seems."
    return UnavailableError(what, hint=error.body.hint or hint, code=code, request_id=error.request_id)


def _duration(seconds: float) -> str:
    if seconds > 366 * 86_400:
        return "more than a year"
    for unit, name in ((3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"
