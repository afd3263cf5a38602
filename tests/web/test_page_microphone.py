"""The page and the microphone, which hears a file: held, let go, refused, missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("playwright", reason="Playwright is not installed")

from playwright.sync_api import expect
from support.page import (
    SPOKEN,
    WORDS,
    ask,
    launch,
    open_page,
    playing,
    recordings,
    state,
    tracks,
)
from support.service import sound_events, stream

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright
    from support.page import Playground
    from support.service import Service

pytestmark = pytest.mark.browser

# --- the microphone


def test_a_key_is_held_to_talk(page: Page, openai: Service) -> None:
    """Space, where nobody types; let go, it is a clip to send."""
    page.locator("#conversation").focus()
    page.keyboard.down("Space")
    state(page, "recording")
    page.wait_for_timeout(900)
    page.keyboard.up("Space")
    page.wait_for_selector(".draft")
    assert tracks(page) == ["ended"]
    page.locator("#text").press("Enter")
    state(page, "done")
    assert len(recordings(openai.last)) == 1


@pytest.mark.parametrize("held", [0, 40, 200])
def test_a_key_that_was_only_touched_records_nothing(page: Page, held: int) -> None:
    """Let go before the microphone was live, or just after: it is off again, and a sentence says why."""
    page.locator("#conversation").focus()
    page.keyboard.down("Space")
    page.wait_for_timeout(held)
    page.keyboard.up("Space")
    expect(page.locator("#status")).to_contain_text("Too short")
    page.wait_for_timeout(500)
    assert set(tracks(page)) <= {"ended"}
    assert page.locator(".draft").count() == 0
    page.click("#record")
    state(page, "recording")


@pytest.mark.parametrize("how", ["Escape", "discard", "pagehide"])
def test_whatever_ends_it_the_microphone_is_let_go(page: Page, how: str) -> None:
    """A key, the button, leaving the page."""
    page.click("#record")
    state(page, "recording")
    assert tracks(page) == ["live"]
    if how == "discard":
        page.click("#discard")
    elif how == "pagehide":
        page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide'))")
    else:
        page.keyboard.press(how)
    assert tracks(page) == ["ended"]


def test_a_refused_microphone_is_told_with_what_to_do(chromium: Browser, playground: Playground) -> None:
    """The page can be used without."""
    page = open_page(chromium, playground, permissions=())
    page.click("#record")
    state(page, "failed")
    expect(page.locator("#status")).to_contain_text("does not let this page use the microphone. Allow it")
    assert tracks(page) == []
    ask(page)
    state(page, "done")
    page.context.close()


@pytest.mark.parametrize(
    ("name", "words"),
    [("NotFoundError", "There is no microphone. Plug one in"), ("NotReadableError", "another program may be using it")],
)
def test_a_microphone_that_cannot_be_had_is_told(page: Page, name: str, words: str) -> None:
    """None there, and in use: two sentences."""
    page.evaluate(
        "(name) => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', name); }; }", name
    )
    page.click("#record")
    state(page, "failed")
    expect(page.locator("#status")).to_contain_text(words)


def test_over_plain_http_from_elsewhere_the_reason_is_told(playwright: Playwright, openai: Service) -> None:
    """Browsers give no microphone there; the rest works."""
    openai.answer(stream(sound_events(SPOKEN, WORDS)))
    with playing(allow_hosts=["box.example:{port}"]) as running:
        browser = launch(playwright, "--host-resolver-rules=MAP box.example 127.0.0.1")
        page = open_page(browser, running, host="box.example", permissions=())
        page.click("#record")
        state(page, "failed")
        expect(page.locator("#status")).to_contain_text("only to pages of this machine")
        ask(page)
        state(page, "done")
        browser.close()
