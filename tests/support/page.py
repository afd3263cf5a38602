"""The playground in a real browser: Debian's Chromium or another, through Playwright, with a microphone from a file."""

from __future__ import annotations

import math
import shutil
import struct
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from audiochat.audio import wav
from audiochat.chat.sessions import SessionStore
from audiochat.config import Flags, load
from audiochat.progress import NoProgress
from audiochat.web.playground import make_page
from audiochat.web.rules import Rules
from audiochat.web.server import bind, make_app
from audiochat.web.studio import Studio
from audiochat.web.tokens import PageTokens
from support.web import Server, running_app

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=document-user-activation-required",
)

TAP = """
(() => {
  // What reaches the loudspeaker, sample by sample, and when the first of it did.
  window.heard = []; window.contexts = [];
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...more) {
    if (to instanceof AudioDestinationNode && !this.isTap) {
      const context = to.context;
      if (!context.tap) {
        window.contexts.push(context);
        context.tap = context.createScriptProcessor(1024, 1, 1);
        context.tap.isTap = true;
        context.tap.onaudioprocess = (event) => {
          window.heard.push({ at: performance.now(), samples: Array.from(event.inputBuffer.getChannelData(0)) });
        };
        connect.call(context.tap, to);
      }
      connect.call(this, context.tap);
    }
    return connect.call(this, to, ...more);
  };
})();
"""


@dataclass
class Playground:
    """A running playground, and what browsers complained of."""

    server: Server
    tokens: PageTokens
    studio: Studio
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    @property
    def address(self) -> str:
        """An address that signs in."""
        return f"{self.server.url}/#{self.tokens.issue()}"

    def watch(self, page: Page) -> None:
        """Note every complaint of a page's console, and every host that it asks."""
        page.on("console", lambda told: self._note(told.type, told.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]) if "//" in request.url else None)

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")


@contextmanager
def playing(*, key: str | None = None) -> Iterator[Playground]:
    """Run the playground with the settings of the environment, as the command does."""
    listening = bind("127.0.0.1", 0)
    tokens = PageTokens(listening.port)
    with Studio(load(Flags()), NoProgress(), store=SessionStore()) as studio:
        app = make_app(make_page(studio, tokens, key=key), Rules.of("127.0.0.1", listening.port))
        with running_app(app, listening) as server:
            yield Playground(server, tokens, studio)


def launch(playwright: Playwright, *switches: str, microphone: Path | None = None) -> Browser:
    """Start Chromium, with a microphone that hears a file again and again."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    more = [] if microphone is None else [f"--use-file-for-fake-audio-capture={microphone}"]
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*SWITCHES, *more, *switches])


def open_page(
    browser: Browser, playground: Playground, *, permissions: Sequence[str] = ("microphone",), **more: Any
) -> Page:
    """A page that is signed in and ready, with the tap in place."""
    context = browser.new_context(permissions=list(permissions), **more)
    context.add_init_script(TAP)
    page = context.new_page()
    page.set_default_timeout(10_000)
    playground.watch(page)
    page.goto(playground.address)
    page.wait_for_selector("html[data-ready]")
    return page


def tone(hertz: float, seconds: float, *, rate: int = 24_000, amplitude: float = 0.5) -> bytes:
    """A tone as pcm16."""
    count = int(seconds * rate)
    values = (round(amplitude * 32_767 * math.sin(2 * math.pi * hertz * at / rate)) for at in range(count))
    return struct.pack(f"<{count}h", *values)


def speechlike(seconds: float, *, rate: int = 24_000) -> bytes:
    """Sound with the rise and fall of syllables, so that a drawing of it looks like one of speech."""
    count = int(seconds * rate)
    values = []
    for at in range(count):
        time = at / rate
        syllable = max(0.0, math.sin(2 * math.pi * (2.1 * time + 0.4 * math.sin(1.3 * time)))) ** 0.7
        phrase = 0.35 + 0.65 * max(0.0, math.sin(2 * math.pi * 0.31 * time + 0.5)) ** 0.5
        voice = sum(math.sin(2 * math.pi * 130 * number * time) / number for number in (1, 2, 3, 5))
        values.append(round(9_000 * syllable * phrase * voice))
    return struct.pack(f"<{count}h", *(max(-32_768, min(32_767, value)) for value in values))


def tone_file(path: Path, hertz: float, seconds: float, *, rate: int = 48_000) -> Path:
    """A file for the microphone."""
    path.write_bytes(wav.wrap(tone(hertz, seconds, rate=rate), sample_rate=rate))
    return path
