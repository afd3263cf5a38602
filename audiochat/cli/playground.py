"""`audiochat playground`: the conversation in a browser."""

from __future__ import annotations

import webbrowser
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from audiochat.background import run_in_thread
from audiochat.cli.options import option, takes
from audiochat.cli.server_options import PLAYGROUND_PORT, ServerOptions, require_web
from audiochat.cli.signals import interrupts
from audiochat.cli.terminal import Terminal

if TYPE_CHECKING:
    from audiochat.web.server import Listening
    from audiochat.web.tokens import PageTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaygroundOptions(ServerOptions):
    """The options of `playground`."""

    browser: Annotated[
        bool,
        option("Output", "--browser/--no-browser", text="Open the page in a browser."),
    ] = True


EXAMPLES = """\
audiochat playground
audiochat playground --provider azure --no-browser
audiochat playground --port 8700
"""


@takes(PlaygroundOptions)
def playground(*, options: PlaygroundOptions, screen: Terminal) -> None:
    """Record, attach, type and listen in a browser, until Ctrl-C."""
    require_web()
    settings = options.settings()
    from audiochat.web.playground import make_page
    from audiochat.web.server import make_app, run
    from audiochat.web.studio import Studio
    from audiochat.web.tokens import PageTokens

    listening, rules = options.listen(settings, port=PLAYGROUND_PORT)
    tokens = PageTokens(listening.port)
    with Studio(settings, screen) as studio:
        # What is wrong with the settings is told here, not in the page; and the engine's models are fetched.
        model = studio.model
        page = make_page(studio, tokens, key=settings.serve_key, refused=_Spare(listening, tokens, screen))
        app = make_app(page, rules, log=screen.note if options.debug else None)

        def ready() -> None:
            address = f"{listening.url}/#{tokens.issue()}"
            screen.aside(f"The playground ({model}) is at {address}; Ctrl-C ends it.", always=True)
            if options.browser:
                run_in_thread(lambda: webbrowser.open(address), name="browser")

        run(app, listening, ready=ready)
    interrupts.reset()  # the Ctrl-C that ended it was meant to


class _Spare:
    """Shows another address when one was used already, for a second browser; one until that is used as well."""

    def __init__(self, listening: Listening, tokens: PageTokens, screen: Terminal) -> None:
        self._listening = listening
        self._tokens = tokens
        self._screen = screen
        self._address: str | None = None

    def __call__(self) -> None:
        """Show it."""
        token = None if self._address is None else self._address.partition("#")[2]
        if token is None or not self._tokens.knows(token):
            self._address = f"{self._listening.url}/#{self._tokens.issue()}"
            self._screen.aside(f"For another browser: {self._address}", always=True)
