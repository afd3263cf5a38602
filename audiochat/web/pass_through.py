"""A cloud behind the API: chat completions are passed on with this server's credentials, and answers come back as sent.

Nothing is taken apart on the way, so tools, log probabilities and whatever the service learns tomorrow work. Only the
model is set: it is the owner of the credentials who chooses what is billed.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from audiochat.chat.client import CONNECT_TIMEOUT
from audiochat.errors import AudiochatError, CancelledError
from audiochat.local.api_errors import ApiError, api_error
from audiochat.local.request_json import read_object
from audiochat.transport import redaction
from audiochat.transport.deadlines import deadline_of
from audiochat.transport.service_errors import translate
from audiochat.web.api import Slots
from audiochat.web.work import EVENT_STREAM, Outcome

if TYPE_CHECKING:
    import threading
    from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence

    import httpx2
    from starlette.requests import Request

    from audiochat.assistant import Assistant

AT_ONCE = 32
"""Requests that are under way at once."""

_PASSED = (
    "content-type",
    "x-request-id",
    "apim-request-id",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "openai-processing-ms",
    "openai-version",
)
"""Headers of an answer that are passed on; besides those about limits."""

_LIMITS = "x-ratelimit-"


class PassThrough:
    """Answers with what a cloud answers; see `api.Service`.

    Args:
        assistant: Its connection is used, and its credentials, which no client sees.
    """

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._connection = assistant.connection
        self.created = int(time.time())
        self.slots = Slots(AT_ONCE)

    @property
    def models(self) -> Sequence[str]:
        """The one model that is asked, whatever clients name."""
        return (self._connection.model,)

    def audio_routes(self) -> Mapping[str, Callable[[Request], Awaitable[Any]]]:
        """None: transcriptions and speech are the engine's."""
        return {}

    def start(self) -> None:
        """Nothing to get ready."""

    def close(self) -> None:
        """Close the connection."""
        self._assistant.close()

    def chat(self, body: bytes, cancelled: threading.Event) -> Outcome:
        """Pass a chat completions request on."""
        import openai

        try:
            response = self._post(_with_model(body, self._connection.model))
        except openai.APIStatusError as exc:
            return self._refused(exc)
        except (openai.OpenAIError, AudiochatError) as exc:
            return _error(exc if isinstance(exc, AudiochatError) else translate(exc, hints=self._connection.hints))
        except ApiError as exc:
            return _of(exc)
        return Outcome(
            response.status_code,
            _headers(response),
            _chunks(response, cancelled),
            whole=EVENT_STREAM not in response.headers.get("content-type", ""),
        )

    def _post(self, body: bytes) -> httpx2.Response:
        import httpx2
        from openai import Stream

        timeout = self._assistant.settings.timeout
        response: Any = self._connection.sdk.post(
            "/chat/completions",
            cast_to=httpx2.Response,
            content=body,
            options={
                "headers": {"Content-Type": "application/json"},
                "timeout": httpx2.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT)),
                "max_retries": 0,  # the client has its own
            },
            stream=True,
            stream_cls=Stream[Any],
        )
        found: httpx2.Response = response
        return found

    def _refused(self, exc: Any) -> Outcome:
        """A refusal as the service sent it, unless it is about this server's own credentials."""
        response: httpx2.Response = exc.response
        error = translate(exc, hints=self._connection.hints)
        if response.status_code in (401, 403) and error.exit_code == 3:
            return _error(error)  # the client's key is not what is wrong
        headers = _headers(response)
        try:
            told = redaction.redact_json(json.loads(response.content), response.request)
        except ValueError:  # a page of some proxy
            return _error(error)
        headers["content-type"] = "application/json"
        return Outcome(response.status_code, headers, iter([json.dumps(told).encode()]), whole=True)


def _with_model(body: bytes, model: str) -> bytes:
    return json.dumps({**read_object(body), "model": model}, ensure_ascii=False).encode()


def _headers(response: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name in _PASSED or name.startswith(_LIMITS)}


def _chunks(response: httpx2.Response, cancelled: threading.Event) -> Generator[bytes, None, None]:
    """The body as it comes. What breaks it breaks the answer to the client too."""
    deadline = deadline_of(response)
    try:
        for chunk in response.iter_bytes():
            if cancelled.is_set():
                raise CancelledError("The client has left.")
            yield chunk
            deadline.extend()
    finally:
        response.close()


def _error(error: AudiochatError) -> Outcome:
    made = api_error(error)
    if made.status == 500:  # this server works; what it was told to ask does not
        made.status = 502
    return _of(made)


def _of(error: ApiError) -> Outcome:
    headers = {"content-type": "application/json", **error.headers}
    return Outcome(error.status, headers, iter([json.dumps(error.body).encode()]), whole=True)
