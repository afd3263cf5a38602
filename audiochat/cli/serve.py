"""`audiochat serve`: the local engine, or a cloud, behind the API that clients already speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from audiochat.cli.options import option, takes
from audiochat.cli.server_options import SERVE_PORT, ServerOptions
from audiochat.cli.signals import interrupts
from audiochat.cli.terminal import Terminal

if TYPE_CHECKING:
    from audiochat.config import Settings
    from audiochat.web.api import Service


EXAMPLES = """\
audiochat serve
audiochat serve --port 0 --allow-origin http://localhost:3000
AUDIOCHAT_SERVE_KEY=secret audiochat serve --host 0.0.0.0 --allow-host voice.lan
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions(ServerOptions):
    """The options of `serve`."""

    provider: Annotated[
        str | None,
        option(
            "Model",
            "--provider",
            metavar="PROVIDER",
            text="azure or openai: pass chat completions through to it. [default: local]",
        ),
    ] = None


@takes(ServeOptions)
def serve(*, options: ServeOptions, screen: Terminal) -> None:
    """Serve the local engine to any OpenAI or Azure OpenAI client.

    It listens until Ctrl-C. Clients need nothing but its address as their base URL, and any API key.
    """
    settings = options.settings(provider="local")
    listening, rules = options.listen(settings, port=SERVE_PORT)
    from audiochat.web.api import serve_api
    from audiochat.web.server import run

    service = _service(settings, screen)
    app = serve_api(service, rules, key=settings.serve_key, log=screen.aside if options.debug else None)

    def ready() -> None:
        screen.aside(f"Serving {service.models[0]} at {listening.url}/v1; Ctrl-C ends it.", always=True)
        service.start()

    try:
        run(app, listening, ready=ready)
    finally:
        service.close()
    interrupts.reset()  # the Ctrl-C that ended it was meant to


def _service(settings: Settings, screen: Terminal) -> Service:
    if settings.provider == "local":
        from audiochat.providers.local import make_engine
        from audiochat.web.engine_service import WAITING, EngineService

        return EngineService(make_engine(settings, screen, waiting=WAITING))
    from audiochat.assistant import Assistant
    from audiochat.web.pass_through import PassThrough

    return PassThrough(Assistant(settings, progress=screen))
