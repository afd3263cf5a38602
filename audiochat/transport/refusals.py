"""The kinds of refusal that services, gateways and proxies give: how to recognise each, what to say and advise.

Source: API.md's table of errors, vendors' documents, and reports of people who met them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audiochat.errors import RefusedError, SignInError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from audiochat.errors import AudiochatError


@dataclass(frozen=True, slots=True)
class Refusal:
    """One kind of refusal."""

    code: str
    """Of the error that comes of it; the service's own where this is empty."""
    error: Callable[..., AudiochatError]
    says: str
    """What failed; `{message}` is the service's own reason, `{status}` the HTTP status."""
    hint: str
    """What to do, whatever the provider; a provider that knows better has a hint for the code."""
    words: re.Pattern[str] | None = None
    """Found in the service's message."""
    codes: frozenset[str] = frozenset()
    """The service's codes, in lower case."""
    statuses: frozenset[int] = frozenset()
    """Words and codes count with these alone; with all where this is empty."""
    page: bool = False
    """Whether the body has to be a web page."""
    params: frozenset[str] = frozenset()
    """The parameters that the service takes exception to."""

    def fits(self, *, status: int, code: str, message: str, page: bool, param: str | None = None) -> bool:
        """Whether an answer is this refusal.

        Args:
            status: Of HTTP.
            code: The service's own.
            message: What the service says.
            page: Whether its body is a web page.
            param: The parameter that it names.
        """
        if (self.statuses and status not in self.statuses) or (self.page and not page):
            return False
        if code.lower() in self.codes or param in self.params:
            return True
        if self.words is not None:
            return self.words.search(message) is not None
        return not self.codes and not self.params


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


def _codes(*codes: str) -> frozenset[str]:
    return frozenset(code.lower() for code in codes)


_CREDENTIAL = frozenset({401, 403})
_BAD_REQUEST = frozenset({400, 422})
_AUDIO_MODEL = "Name a model or deployment that takes and gives audio (gpt-audio, gpt-audio-mini)."
_PROXY_PASSWORD = "Put user and password into the proxy's address: http://USER:PASSWORD@PROXY:PORT."  # noqa: S105

_NETWORK = (
    Refusal(
        "network_rules", SignInError, "The service refuses this network: {message}",
        "Call from a network, VPN or private endpoint that the resource allows, or have this address allowed in its "
        "network settings.",
        _words("virtual network", "firewall", r"private (endpoint|link)", r"\bvnet\b",
               "public (network )?access is (disabled|denied)", "not allowed from your (ip|network)",
               r"\bip (address )?\S* ?(is )?not (allowed|authorized|whitelisted|permitted)",
               r"network (rules?|security|acls?)\b", "network access (is|was|has been) (restricted|denied|blocked)",
               r"(allow(ed)?|white)[- ]?list\b"),
        _codes("ip_not_authorized", "PublicNetworkAccessDisabled"),
        frozenset({401, 403, 404}),
    ),
    Refusal(
        "subscription_key_missing", SignInError, "The gateway before the service wants a key of its own: {message}",
        "API Management takes it in a header: OPENAI_CUSTOM_HEADERS='Ocp-Apim-Subscription-Key: KEY'.",
        _words("missing subscription key", "Ocp-Apim-",
               r"invalid subscription key\. make sure to provide a valid key for an active subscription\.?$"),
        statuses=_CREDENTIAL,
    ),
    Refusal(
        "proxy", UnavailableError, "The proxy on the way wants a password (407): {message}", _PROXY_PASSWORD,
        statuses=frozenset({407}),
    ),
    Refusal(
        "web_page", SignInError, "Something before the service answers with a web page ({status}): {message}",
        "A gateway, a firewall or a proxy refuses the request, or the address is not the API's.",
        statuses=_CREDENTIAL, page=True,
    ),
    Refusal(  # Cloudflare's own refusals, without a page
        "web_page", SignInError, "Something before the service refuses the request ({status}): {message}",
        "A gateway, a firewall or a proxy refuses the request, or the address is not the API's.",
        _words(r"^error code: 1\d{3}$"), statuses=_CREDENTIAL,
    ),
    Refusal(
        "plain_http", SignInError, "The server wants https: {message}", "Let its address begin with https://.",
        _words("plain http request was sent to https", "sent an http request to an https server"),
    ),
)  # fmt: skip
"""The network, and gateways before the service."""

_IDENTITY = (
    Refusal(
        "model_not_allowed", RefusedError, "The credential may not use this model: {message}",
        "Name a model that it may use, or have this one allowed for it.",
        _words("(not allowed|not authorized|not entitled|unauthorized|no permission) to (access|use|call|invoke) "
               "(this |the )?model", "does not have access to (the )?model", "can only access models?"),
        statuses=frozenset({400, 401, 403, 404}),
    ),
    Refusal(
        "missing_scope", SignInError, "The key has no right to this: {message}",
        "Give the key the rights that are missing, or use another.",
        _words("missing scopes?", "insufficient permissions for this operation"), _codes("missing_scope"), _CREDENTIAL,
    ),
    Refusal(
        "wrong_organization", SignInError, "The key does not belong to the organization or project: {message}",
        "Check OPENAI_ORG_ID and OPENAI_PROJECT_ID, or unset them.",
        _words("no such (organization|project)", "openai-(organization|project) header"),
        _codes("invalid_organization", "mismatched_organization", "invalid_project", "mismatched_project"),
        frozenset({400, 401, 403, 404}),
    ),
    Refusal(
        "account_inactive", RefusedError, "The account is not active: {message}",
        "Ask the account's owner, or the vendor's support.",
        _words("has been (deactivated|disabled|suspended)", "subscription (is|was) (disabled|suspended|expired)",
               "account (is )?(deactivated|disabled|suspended|not active)"),
        _codes("account_deactivated", "account_disabled", "access_terminated", "billing_not_active",
               "SubscriptionDisabled"),
        frozenset({400, 401, 403, 429}),
    ),
    Refusal(
        "permission_denied", SignInError, "There is no right to use this: {message}",
        "Ask the service's administrator for it.",
        _words("data action", "does not have (access to api|authorization|permission)", "lacks the required",
               "principal does not have access"),
        _codes("PermissionDenied", "AuthorizationFailed", "permission_denied"), _CREDENTIAL,
    ),
    Refusal(
        "keys_disabled", SignInError, "The resource takes no keys: {message}",
        "Unset the key to sign in with Microsoft Entra ID ('az login').",
        _words("key.based auth(entication|orization)? is (disabled|not (permitted|allowed))",
               "local auth(entication)? (is |has been )?disabled", "disableLocalAuth", "api keys? (is|are) disabled"),
        _codes("AuthenticationTypeDisabled"),
    ),
    Refusal(
        "custom_subdomain", SignInError, "This endpoint takes no sign-in: {message}",
        "Use the resource's own endpoint, https://NAME.openai.azure.com; regional ones take keys only.",
        _words("custom (sub)?domain"), statuses=frozenset({400, 401, 403}),
    ),
    Refusal(
        "tenant_mismatch", SignInError, "The sign-in is for another tenant than the resource's: {message}",
        "Sign in to the resource's tenant: az login --tenant TENANT, or set AZURE_TENANT_ID.",
        _words("tenant provided in token", r"token.{0,20}tenant.{0,80}match", r"tenant.{0,80}mismatch",
               "wrong (issuer|tenant)", "issuer .{0,80}(invalid|does not match|not allowed)"),
        statuses=frozenset({400, 401, 403}),
    ),
    Refusal(
        "no_region", SignInError, "The service is not offered here: {message}",
        "Use it from a country that the service supports.",
        _words("country, region,? or territory", "not available in your (country|region)"),
        _codes("unsupported_country_region_territory"), _CREDENTIAL,
    ),
)  # fmt: skip
"""Who asks, and with what right."""

_TOO_LONG = "It is too much for one request: {message}"
_SHORTER = "Send a shorter recording or less text; 'audiochat transcribe' takes recordings of any length."

_REQUEST = (
    Refusal(
        "content_filter", RefusedError, "The content filter refused the request{categories}.",
        "Say it differently, or have the deployment's content filter changed.",
        _words("content management policy", "content (filter|policy)", "responsible ?ai", "flagged by moderation",
               "requires moderation", "data_inspection_failed", "inappropriate content"),
        _codes("content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation", "data_inspection_failed",
               "DataInspectionFailed"),
        frozenset({400, 403, 422, 500}),
    ),
    Refusal(
        "insufficient_quota", RefusedError, "No credit is left: {message}",
        "See the billing page of your account, or have the limit of the key raised.",
        _words("insufficient.{0,9} (credits?|balance|funds)", "billing hard limit", "requires more credits",
               r"\bbudget\b.{0,20}exceeded|exceed(s|ed|ing)? .{0,30}\bbudget",
               r"\b(key|credit|spend(ing)?) limit exceeded",
               "in arrears|arrearage|account .{0,30}good standing", r"\brecharge\b|top up (your|the) (account|balance)",
               "余额不足|欠费"),
        _codes("insufficient_quota", "billing_hard_limit_reached", "budget_exceeded", "Arrearage"),
    ),
    Refusal(
        "", RefusedError, "No credit is left: {message}", "See the billing page of your account.",
        statuses=frozenset({402}),
    ),
    Refusal(
        "model_retired", RefusedError, "The model is no longer offered: {message}",
        "Name one that is offered and takes and gives audio (gpt-audio, gpt-audio-mini).",
        _words(r"\b(has been|was|is) (retired|deprecated|shut ?down|decommissioned|discontinued|sunset)",
               "no longer (available|supported|offered)", r"past (its|the|their) (retirement|end)", "end.of.life"),
        _codes("model_deprecated", "ModelDeprecated", "DeprecatedModel", "DeploymentRetired", "model_retired",
               "ServiceModelDeprecated", "ModelRetired"),
        frozenset({400, 403, 404, 410}),
    ),
    Refusal(
        "provider_policy", RefusedError, "The account's settings leave no provider of the model: {message}",
        "Change the account's settings for providers and privacy, or name another model.",
        _words("no endpoints found matching your", "no allowed providers",
               "no providers? .{0,40}(privacy|data policy)"),
        statuses=frozenset({400, 403, 404}),
    ),
    Refusal(  # a conversation goes on without its oldest recording; see `chat.conversation`
        "context_length_exceeded", RefusedError, "It is too much for the model: {message}", _SHORTER,
        _words(r"context (length|size|window)", "too many tokens", "reduce the length", r"\btokens exceed"),
        _codes("context_length_exceeded", "string_above_max_length"), frozenset({400, 413, 422, 500}),
    ),
    Refusal(
        "too_long", RefusedError, _TOO_LONG, _SHORTER,
        _words(r"\b(audio|recording|clip|file)\b.{0,50}\b(too long|exceeds?)\b"),
        _codes("audio_too_long"), frozenset({400, 413, 422, 500}),
    ),
    Refusal(  # more than a minute's tokens, which no wait makes fewer; "Too many tokens, please wait" is another matter
        "too_long", RefusedError, _TOO_LONG, _SHORTER, _words("request too large for", "tokens must be reduced"),
        statuses=frozenset({400, 429}),
    ),
    Refusal(
        "unknown_voice", RefusedError, "The service does not take the voice: {message}", "Name a voice that it has.",
        _words(r"\b(invalid|unknown|unsupported) voice\b",
               r"\bvoice\b.{0,60}(not (supported|found|available|valid)|is (invalid|unknown)|does not exist)"),
        _codes("voice_not_found", "invalid_voice"), frozenset({400, 404, 422}),
        params=frozenset({"audio.voice", "voice"}),
    ),
    Refusal(  # another way of asking may be taken; see `chat.fallbacks`
        "", RefusedError, "The service refuses the request: {message}", "Check the parameters of the request.",
        _words(r"(?<![\w.])stream(ing|ed|s|_options)?\b", r"(?<![\w.])audio\.format\b", r"\bSSE\b"),
        statuses=frozenset({400, 404, 405, 406, 422}),
    ),
    Refusal(  # the same, where the status says something else
        "", RefusedError, "The service refuses the request: {message}", "Check the parameters of the request.",
        _words(r"\bstream(ing|ed|s)?\b.{0,40}\b(not |un)(yet )?(supported|implemented|available|enabled|allowed)",
               r"\b(not|only|n't) (support|implement|allow)(s|ed)?\b.{0,40}\b(stream(s|ing)?|SSE)\b",
               r"\bsupports? (only )?(stream(s|ing)?|SSE) only"),
        statuses=frozenset({403, 500, 501}),
    ),
    Refusal(
        "unsupported_format", RefusedError, "The service cannot read the recording: {message}",
        "Convert it, for example to WAV with 16-bit samples, and try again.",
        _words("data provided for 'input_audio'", "(decode|read|parse|open)(ing)? (the )?(audio|recording)"),
        _codes("unsupported_format", "invalid_audio", "audio_decode_error"), frozenset({400, 415, 422}),
    ),
    Refusal(
        "unknown_modalities", RefusedError, "The service does not know what asks for audio: {message}",
        _AUDIO_MODEL,
        _words(r"(unrecognized|unknown|unexpected|extra|additional) [^.]{0,60}\b(audio|modalities)\b",
               r"\b(audio|modalities)\b\W{0,3}( is| are)? ?(unsupported|unrecognized|unknown|extra|unexpected"
               r"|not (permitted|allowed|expected|recognized))"),
        statuses=_BAD_REQUEST,
    ),
    Refusal(
        "not_an_audio_model", RefusedError, "The model takes no audio, or cannot answer in it: {message}",
        _AUDIO_MODEL,
        _words("either '?text'?,? or '?image_url", "unsupported modalit", "invalid modalit",
               "modalit(y|ies).{0,60}(not supported|unsupported)",
               "audio (input|output)s? (is|are) not (supported|enabled|available)",
               "(does not|doesn't|not|n't|cannot|no) (support(s|ed)?|accept|take|handle|process).{0,30}\\baudio",
               r"\baudio\b.{0,40}(is|are) not (supported|enabled|available)", "audio.{0,20}unsupported",
               "operation does not work with the specified model", "support (input|output) audio",
               "not a chat model", "only supported in v1/(responses|completions)", "not a multimodal model",
               "at most 0 audio", r"unsupported content\[\]\.type", r"'audio'\. supported values",
               r"(variant|part|type|content|kind|value)\W{1,6}(type\W{0,4})?input_audio",
               r"input_audio\W.{0,40}(supported|expected|allowed|recognized)", "no mmproj"),
        _codes("OperationNotSupported", "unsupported_modality"),
    ),
    Refusal(
        "server_without_audio", RefusedError, "The server lacks what it needs for audio: {message}",
        "Install that where the server runs.",
        _words(r"install\b.{0,40}(\[audio\]|librosa|soundfile|torchaudio|torchcodec|ffmpeg|pyav)",
               r"no module named '?(librosa|soundfile|av|torchaudio|torchcodec)\b"),
    ),
    Refusal(
        "api_version", RefusedError, "The service does not know this version of the API: {message}",
        "Set OPENAI_API_VERSION to one that it knows, 2025-01-01-preview for one.",
        _words(r"api[- ]?versions?\b"), _codes("UnsupportedApiVersion", "InvalidApiVersionParameter"),
        frozenset({400, 404}),
    ),
    Refusal(
        "DeploymentNotFound", RefusedError, "The resource has no deployment of that name.",
        "Check the deployment's exact name.", codes=_codes("DeploymentNotFound"),
    ),
    Refusal(
        "model_not_found", RefusedError, "There is no such model: {message}", "Name another model.",
        _words(r"\bmodel\b.{0,80}(do(es)? not exist|not found|not loaded|is unknown|not (a )?valid|not available)",
               "(invalid|unknown) model", "no such model", "not a valid model", "model_not_found",
               r"\bmodels?\b.{0,20} (isn't|not) (hosted|served|deployed)",
               "unavailable model", "no endpoints found for"),
        _codes("model_not_found", "ModelNotFound", "InvalidModel", "unavailable_model"), frozenset({400, 403, 404}),
    ),
    Refusal(
        "audio_not_found", RefusedError, "The service no longer knows that spoken answer: {message}",
        "Spoken answers expire after an hour; send the transcript instead.", codes=_codes("audio_not_found"),
    ),
    Refusal(
        "not_implemented", RefusedError, "The server cannot do what is asked: {message}",
        "Ask a server that takes and gives audio.", statuses=frozenset({501}),
    ),
    Refusal(
        "", RefusedError, "The request is too large for the service: {message}", "Send a shorter recording.",
        statuses=frozenset({413}),
    ),
    Refusal(
        "not_found", RefusedError, "The service knows no such address: {message}",
        "Check the endpoint's path and the version of the API.", statuses=frozenset({404}),
    ),
    Refusal(
        "wrong_credential", SignInError, "The service does not accept the credential: {message}",
        "Check that it belongs to this endpoint.", statuses=_CREDENTIAL,
    ),
)  # fmt: skip
"""What is asked for; at last what the status alone says."""

REFUSALS = (*_NETWORK, *_IDENTITY, *_REQUEST)
"""The first that fits has it."""

ANY = Refusal("", RefusedError, "The service refuses the request: {message}", "Check the parameters of the request.")
"""A refusal of no kind that is known."""
