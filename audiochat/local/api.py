"""The chat completions API over the engine, for whatever carries HTTP: a transport in this process, or a server."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audiochat.errors import CancelledError
from audiochat.local import events
from audiochat.local.answer import Answer
from audiochat.local.answering import Answering
from audiochat.local.api_errors import ApiError, api_error
from audiochat.local.prefetch import Prefetch
from audiochat.local.stopping import StopSignal
from audiochat.local.task import understand

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterator, Mapping

    from audiochat.local.audio_ids import AudioIds
    from audiochat.local.engine import Parts
    from audiochat.local.request_queue import RequestQueue

JSON = "application/json"
EVENT_STREAM = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response. Close it when it is not read to its end: that ends the work."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes] = field(repr=False)

    def close(self) -> None:
        """End the work on it."""
        close = getattr(self.chunks, "close", None)
        if close is not None:
            close()


class ChatCompletions:
    """`POST /chat/completions`, answered by the engine; safe to use from many threads.

    Args:
        engine: Its parts, and its queue.
        audio_ids: Remembers spoken answers by their ids.
    """

    def __init__(self, engine: Parts, audio_ids: AudioIds) -> None:
        self._engine = engine
        self._answering = Answering(engine)
        self._audio_ids = audio_ids

    def respond(self, body: bytes, *, cancelled: threading.Event | None = None) -> Response:
        """Answer a request. It returns when the first chunk is there; every failure is a response too.

        Args:
            body: Of the request.
            cancelled: Set it from another thread to end the work.
        """
        try:
            task = understand(body, self._audio_ids.recall)
        except ApiError as error:
            return refused(error)

        def chunks(stop: StopSignal) -> Generator[bytes, None, None]:
            return Answer(task, self._engine, self._answering, self._audio_ids, stop).chunks()

        return perform(self._engine, chunks, content_type=EVENT_STREAM if task.stream else JSON, cancelled=cancelled)


def perform(
    engine: Parts,
    work: Callable[[StopSignal], Generator[bytes, None, None]],
    *,
    content_type: str,
    cancelled: threading.Event | None = None,
) -> Response:
    """Let the engine do some work, when its turn has come, and give what it makes as a response.

    The work goes on in a thread of its own, whether the chunks are taken or not, so that a slow reader holds nobody up.

    Args:
        engine: Whose queue the work waits in.
        work: Makes the chunks of the response's body. What it raises before the first one becomes the response; what it
            raises later becomes the last event of a stream.
        content_type: Of the response, if all goes well.
        cancelled: Set it from another thread to end the work.
    """
    stop = StopSignal(cancelled)
    chunks = _Chunks(_in_turn(engine.queue, work, stop, streams=content_type == EVENT_STREAM), stop, name="answering")
    try:
        chunks.wait()
    except Exception as exc:  # noqa: BLE001 - every failure is a response
        chunks.close()
        return refused(api_error(exc))
    except BaseException:  # Ctrl-C
        chunks.close()
        raise
    return Response(200, _headers(content_type), chunks)


def refused(error: ApiError) -> Response:
    """The response that an error is."""
    return Response(error.status, {**_headers(JSON), **error.headers}, iter([json.dumps(error.body).encode()]))


def _headers(content_type: str) -> dict[str, str]:
    return {"content-type": content_type, "x-request-id": f"req_{secrets.token_hex(16)}"}


def _in_turn(
    queue: RequestQueue,
    work: Callable[[StopSignal], Generator[bytes, None, None]],
    stop: StopSignal,
    *,
    streams: bool,
) -> Generator[bytes, None, None]:
    """The chunks of some work, once its turn has come; a failure in the middle of a stream is its last event."""
    begun = False
    try:
        with queue.turn(stop):
            for chunk in work(stop):
                yield chunk
                begun = True
    except (GeneratorExit, CancelledError):
        raise
    except BaseException as exc:
        error = api_error(exc)
        if not (begun and streams):
            raise error from exc
        yield events.failure(error)


class _Chunks(Prefetch[bytes]):
    """The chunks of a response, which end where the work was cancelled."""

    def __next__(self) -> bytes:
        try:
            return super().__next__()
        except CancelledError:
            raise StopIteration from None
