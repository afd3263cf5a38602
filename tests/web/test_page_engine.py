"""The page over the real engine, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("playwright", reason="Playwright is not installed")

from playwright.sync_api import expect
from support.page import ask, heard, launch, open_page, playing, state

from audiochat.chat.sessions import SessionStore

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

pytestmark = [pytest.mark.browser, pytest.mark.engine]

MINUTES = 240_000
"""Milliseconds in which a machine of two busy processors loads the models and answers."""


@pytest.mark.usefixtures("engine")
def test_the_engine_is_heard_stopped_and_asked_again(playwright: Playwright, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first answer, one that is stopped in the middle, and the next, which the stopped one does not hold up."""
    monkeypatch.setenv("AUDIOCHAT_PROVIDER", "local")
    with playing() as running:
        browser = launch(playwright)
        page = open_page(browser, running)
        ask(page, "Is a golden retriever a good family dog?")
        state(page, "speaking", timeout=MINUTES)
        state(page, "done", timeout=MINUTES)
        expect(page.locator(".words")).not_to_be_empty()
        assert len(heard(page)) > 24_000
        ask(page, "Tell me a long story about a dog.")
        state(page, "speaking", timeout=MINUTES)
        page.keyboard.press("Escape")
        state(page, "stopped")
        ask(page, "And a cat?")
        state(page, "speaking", timeout=MINUTES)
        state(page, "done", timeout=MINUTES)
        assert len(SessionStore().load("1").turns) == 2
        assert running.complaints == []
        browser.close()
