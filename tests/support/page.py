"""The playground in a real browser: Debian's Chromium or another, through Playwright, with a microphone from a file."""

from __future__ import annotations

import asyncio
import base64
import math
import shutil
import struct
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from starlette.responses import Response

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
    from starlette.types import ASGIApp, Receive, Scope, Send

    from support.service import Received

WORDS = ("A golden retriever is ", "an excellent family dog.")
QUESTION = "Is a golden retriever a good family dog?"

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
  // What reaches the loudspeaker, as pcm16; when each piece of it was to start; and every track of the microphone.
  Object.assign(window, { heard: [], starts: [], speakers: [], tracks: [], shifts: 0 });
  if (isSecureContext) window.AudioContext = class extends AudioContext {
    // Runs once its tap is there: a worklet, which misses nothing however busy the page is.
    constructor(...given) {
      super(...given);
      this.tapped = this.audioWorklet.addModule('/tap.js').then(() => {
        this.tap = new AudioWorkletNode(this, 'tap', { numberOfOutputs: 0 });
        this.tap.port.onmessage = ({ data }) => {
          window.heard.push(...data.map((sample) => Math.round(sample * 32768)));
        };
        this.dispatchEvent(new Event('statechange'));
      });
      this.tapped.catch(() => {}); // closed before
    }

    get state() {
      return super.state === 'running' && !this.tap ? 'suspended' : super.state;
    }
  };
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...more) {
    const context = to.context;
    if (to instanceof AudioDestinationNode && context.tapped) {
      if (!window.speakers.includes(context)) window.speakers.push(context);
      if (context.tap) connect.call(this, context.tap);
      else context.tapped.then(() => connect.call(this, context.tap));
    }
    return connect.call(this, to, ...more);
  };
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (at, ...more) {
    window.starts.push(at);
    return start.call(this, at, ...more);
  };
  const ask = navigator.mediaDevices?.getUserMedia;
  if (ask) navigator.mediaDevices.getUserMedia = async function (...given) {
    const stream = await ask.apply(navigator.mediaDevices, given);
    window.tracks.push(...stream.getTracks());
    return stream;
  };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
})();
"""
"""Before the page's own script."""

_TAP_WORKLET = """
registerProcessor('tap', class extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) this.port.postMessage(samples.slice());
    return true;
  }
});
"""


@dataclass
class Playground:
    """A running playground, and what browsers complained of."""

    server: Server
    tokens: PageTokens
    studio: Studio
    log: list[str]
    """A line for each request: method, path, status."""
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
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")


@contextmanager
def playing(
    *, key: str | None = None, allow_hosts: Sequence[str] = (), sign_in_takes: float = 0.0
) -> Iterator[Playground]:
    """Run the playground with the settings of the environment, as the command does; where a sign-in takes seconds."""
    listening = bind("127.0.0.1", 0)
    tokens = PageTokens(listening.port)
    with Studio(load(Flags()), NoProgress(), store=SessionStore()) as studio:
        log: list[str] = []
        names = [name.format(port=listening.port) for name in allow_hosts]
        rules = Rules.of("127.0.0.1", listening.port, allow_hosts=names)
        app = make_app(make_page(studio, tokens, key=key), rules, log=log.append)
        with running_app(_with_tap(app, sign_in_takes), listening) as server:
            yield Playground(server, tokens, studio, log)


def _with_tap(app: ASGIApp, sign_in_takes: float) -> ASGIApp:
    """The application, and the script of the tap: Playwright cannot answer what a worklet asks for."""
    script = Response(_TAP_WORKLET, media_type="text/javascript")

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path")
        if path == "/page/sign-in":
            await asyncio.sleep(sign_in_takes)
        await (script if path == "/tap.js" else app)(scope, receive, send)

    return answer


def launch(playwright: Playwright, *switches: str, microphone: Path | None = None) -> Browser:
    """Start Chromium, with a microphone that hears a file again and again."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    more = [] if microphone is None else [f"--use-file-for-fake-audio-capture={microphone}"]
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*SWITCHES, *more, *switches])


def open_page(
    browser: Browser,
    playground: Playground,
    *,
    permissions: Sequence[str] = ("microphone",),
    host: str = "",
    **more: Any,
) -> Page:
    """A page that is signed in and ready, with the tap in place.

    Args:
        browser: Chromium.
        playground: The server.
        permissions: What the page may.
        host: Another name of the server.
        more: Of Playwright's `new_context`.
    """
    context = browser.new_context(permissions=list(permissions), **more)
    context.add_init_script(TAP)
    page = context.new_page()
    page.set_default_timeout(10_000)
    playground.watch(page)
    page.goto(playground.address.replace("127.0.0.1", host or "127.0.0.1"))
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


def until(page: Page, condition: str, *, timeout: float = 10) -> None:
    """Wait until an expression is true; Playwright's own way evaluates strings, which the page's policy forbids."""
    end = time.monotonic() + timeout
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(50)


def heard(page: Page) -> list[int]:
    """What the loudspeaker got, from its first sample that is no silence to its last."""
    samples: list[int] = page.evaluate("window.heard")
    sounding = [at for at, sample in enumerate(samples) if sample]
    return samples[sounding[0] : sounding[-1] + 1] if sounding else []


def samples_of(pcm: bytes) -> list[int]:
    """The samples of pcm16, without silence at the ends."""
    samples = list(struct.unpack(f"<{len(pcm) // 2}h", pcm))
    sounding = [at for at, sample in enumerate(samples) if sample]
    return samples[sounding[0] : sounding[-1] + 1]


def pitch(samples: Sequence[float], rate: int) -> float:
    """The frequency of a tone, by its rising zero crossings, in hertz."""
    rising = [at for at in range(1, len(samples)) if samples[at - 1] < 0 <= samples[at]]
    return (len(rising) - 1) * rate / (rising[-1] - rising[0])


def state(page: Page, name: str, *, timeout: float = 10_000) -> None:
    """Wait until the status line is in a state."""
    page.wait_for_selector(f"#status[data-state={name}]", timeout=timeout)


def ask(page: Page, text: str = QUESTION) -> None:
    """Type a question and send it."""
    page.fill("#text", text)
    page.press("#text", "Enter")


def record(page: Page, seconds: float = 1.0) -> None:
    """Click, speak, click."""
    page.click("#record")
    state(page, "recording")
    page.wait_for_timeout(seconds * 1000)
    page.click("#record")
    page.wait_for_selector(".draft")


def recordings(received: Received) -> list[bytes]:
    """The recordings of a request's last message."""
    parts = received.json["messages"][-1]["content"]
    return [base64.b64decode(part["input_audio"]["data"]) for part in parts if part["type"] == "input_audio"]


def tracks(page: Page) -> list[str]:
    """The states of every track that the microphone gave."""
    states: list[str] = page.evaluate("window.tracks.map((track) => track.readyState)")
    return states


SPOKEN = speechlike(1.2)
"""The answer of the scripted service."""
