"""The page's server in a browser: nobody else's page gets in, with its owner signed in."""

from __future__ import annotations

import http.server
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("playwright", reason="Playwright is not installed")

from support.page import launch, open_page, until

from audiochat.chat.sessions import SessionStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Playwright
    from support.page import Playground
    from support.service import Service

pytestmark = pytest.mark.browser

# --- nobody else is let in


def test_a_rebound_name_is_refused(playwright: Playwright, playground: Playground) -> None:
    """A name that was pointed to this machine is not ours, whatever it asks for."""
    browser = launch(playwright, "--host-resolver-rules=MAP rebound.example 127.0.0.1")
    page = browser.new_page()
    for path in ("", "page/state", "static/main.js"):
        got = page.goto(f"http://rebound.example:{playground.server.port}/{path}")
        assert got is not None
        assert got.status == 403
        assert got.json()["error"]["code"] == "host_not_allowed"
    browser.close()


FOREIGN = """<!doctype html><title>elsewhere</title><iframe name="frame"></iframe><script>
window.told = {};
const turns = 'http://127.0.0.1:PORT/page/turns';
const body = JSON.stringify({text: 'x', session: null});
const json = {'content-type': 'application/json'};
const note = (name, sent) => sent.then(() => 'done', () => 'refused').then((what) => { told[name] = what; });
note('json', fetch(turns, {method: 'POST', credentials: 'include', body, headers: json}));
note('read', fetch('http://127.0.0.1:PORT/page/state', {credentials: 'include'}));
note('blind', fetch(turns, {method: 'POST', mode: 'no-cors', credentials: 'include', body}));
const form = document.createElement('form');
Object.assign(form, {method: 'post', action: turns, target: 'frame', enctype: 'text/plain'});
form.append(Object.assign(document.createElement('input'), {name: '{"text": "x", "y": "', value: '"}'}));
document.body.append(form);
form.submit();
const socket = new WebSocket('ws://127.0.0.1:PORT/page/turns');
socket.onopen = () => { told.socket = 'done'; };
socket.onerror = () => { told.socket = 'refused'; };
</script>"""


@contextmanager
def elsewhere(port: int) -> Iterator[int]:
    """A page of somebody else's."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(FOREIGN.replace("PORT", str(port)).encode())

        def log_message(self, *_: Any) -> None:
            """Keep the tests' output clean."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1"])
def test_a_foreign_page_can_ask_nothing(
    playwright: Playwright, playground: Playground, openai: Service, name: str
) -> None:
    """Its fetch, form and websocket are refused with the owner signed in, from another site and from another port."""
    browser = launch(playwright, "--host-resolver-rules=MAP evil.example 127.0.0.1")
    ours = open_page(browser, playground)
    with elsewhere(playground.server.port) as port:
        page = ours.context.new_page()
        before = len(playground.log)
        page.goto(f"http://{name}:{port}/")
        until(page, "['json', 'read', 'blind', 'socket'].every((name) => name in window.told)")
        page.wait_for_timeout(300)
        assert set(page.evaluate("Object.values(window.told)")) == {"refused"}
    asked = playground.log[before:]
    assert len(asked) >= 4
    assert all(line.endswith(" 403") for line in asked), asked
    assert openai.requests == []
    assert SessionStore().names() == []
    browser.close()
