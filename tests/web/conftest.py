"""The page in Chromium: the fixtures of its tests, which are skipped where there is no Chromium."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")

from support.page import SPOKEN, WORDS, launch, open_page, playing, tone_file
from support.service import sound_events, stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Playwright
    from support.page import Playground
    from support.service import Service


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip("a browser wants the processors for itself: make test-browser")
    with api.sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, whose microphone hears a tone of 440 Hz."""
    microphone = tone_file(tmp_path_factory.mktemp("microphone") / "tone.wav", 440, 20)
    browser = launch(playwright, microphone=microphone)
    yield browser
    browser.close()


@pytest.fixture
def playground(openai: Service) -> Iterator[Playground]:
    """A playground over the scripted service. In the end: nothing on the console, nobody else was asked."""
    openai.answer(stream(sound_events(SPOKEN, WORDS)))
    with playing() as running:
        yield running
        assert running.complaints == []
        assert running.hosts <= {f"127.0.0.1:{running.server.port}"}


@pytest.fixture
def page(chromium: Browser, playground: Playground) -> Iterator[Page]:
    """The page, signed in, a microphone allowed."""
    opened = open_page(chromium, playground)
    yield opened
    opened.context.close()


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where pictures go: beside the documents where they are wanted, else nowhere that stays."""
    return request.config.rootpath / "docs" / "images" if request.config.getoption("--pictures") else tmp_path
