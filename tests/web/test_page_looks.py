"""How the page looks, and how it is for those who do not look: sizes, contrast, names; its pictures."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("playwright", reason="Playwright is not installed")

from playwright.sync_api import expect
from support.page import (
    SPOKEN,
    ask,
    launch,
    open_page,
    record,
    speechlike,
    state,
    until,
)
from support.service import error, sound_events, stream

from audiochat.audio import wav

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Playwright
    from support.page import Playground
    from support.service import Service

pytestmark = pytest.mark.browser


SIZES = {"light": (1180, 720), "dark": (1180, 720), "phone": (390, 760)}

LONG = (
    "Yes. ",
    "A golden retriever is gentle, patient ",
    "and easy to train, ",
    "which makes it one of the best dogs for a family. ",
    "It needs company, and an hour outside every day.",
)


def violations(page: Page) -> list[str]:
    """What axe-core finds that is serious or worse."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {[node['html'][:120] for node in one['nodes']]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(chromium: Browser, playground: Playground, openai: Service, scheme: str) -> None:
    """In every state: empty, answered, recording, failed, with the settings, with a dialog, on a phone."""
    pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    page = open_page(chromium, playground, color_scheme=scheme, reduced_motion="reduce")
    found = {"empty": violations(page)}
    record(page, 0.5)
    ask(page)
    state(page, "done")
    found["answered"] = violations(page)
    page.click("#record")
    state(page, "recording")
    found["recording"] = violations(page)
    page.keyboard.press("Escape")
    openai.answer(error(400, "content_filter", "The response was filtered."))
    ask(page)
    state(page, "failed")
    found["failed"] = violations(page)
    page.click("#settings-open")
    found["settings"] = violations(page)
    page.click("#settings-close")
    page.click("#show-request")
    expect(page.locator("dialog pre")).to_contain_text("curl")
    found["dialog"] = violations(page)
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 360, "height": 640})
    page.click("#sessions-open")
    found["phone"] = violations(page)
    page.context.close()
    assert {name: one for name, one in found.items() if one} == {}


@pytest.mark.parametrize("width", [320, 390, 700, 800, 1000, 1400])
def test_nothing_sticks_out(page: Page, openai: Service, width: int) -> None:
    """At no width does the page scroll sideways, whatever it shows."""
    openai.answer(stream(sound_events(SPOKEN, ("Donaudampfschifffahrtsgesellschaft" * 8,))))
    page.set_viewport_size({"width": width, "height": 640})
    record(page, 0.5)
    ask(page, "https://example.org/" + "a" * 300)
    state(page, "done")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for parts in (".turn", ".asked", ".words", ".sound", "#conversation"):
        fits = f"[...document.querySelectorAll('{parts}')].every((one) => one.scrollWidth <= one.clientWidth + 1)"
        assert page.evaluate(fits), parts


def test_the_state_is_told_in_one_line(page: Page) -> None:
    """A screen reader hears the status, and not every word as it comes."""
    ask(page)
    state(page, "done")
    live = "'[aria-live], [role=status], [role=alert], [role=log], output:not([aria-hidden])'"
    live = page.evaluate(f"[...document.querySelectorAll({live})].map((one) => one.id)")
    assert live == ["status"]
    expect(page.locator("#status")).to_have_text("Done")


def test_the_keys_are_listed(page: Page) -> None:
    """With ?, where nobody types; / finds, n begins anew."""
    page.locator("#conversation").focus()
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_contain_text("Space, held")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("?/n")
    expect(page.locator("#search")).to_have_value("?/n")


@pytest.mark.parametrize("name", list(SIZES))
def test_it_has_its_pictures_taken(
    playwright: Playwright, playground: Playground, openai: Service, pictures: Path, tmp_path: Path, name: str
) -> None:
    """In use: light, dark, and on a phone. With `--pictures` they are those of the documents."""
    width, height = SIZES[name]
    size = {"width": width, "height": height}
    scheme = "light" if name == "light" else "dark"
    (tmp_path / "voice.wav").write_bytes(wav.wrap(speechlike(8)))
    browser = launch(playwright, microphone=tmp_path / "voice.wav")
    page = open_page(browser, playground, color_scheme=scheme, viewport=size, device_scale_factor=1.5)
    ask(page, "Tell me a very short bedtime story.")
    state(page, "done")
    page.click("#new") if name != "phone" else page.goto(playground.server.url)
    page.wait_for_selector("html[data-ready]")
    openai.answer(stream(sound_events(speechlike(7), LONG)))
    record(page, 2.2)
    page.evaluate("window.heard.length = 0")
    page.fill("#text", "Would this breed suit us?")
    page.press("#text", "Enter")
    state(page, "speaking")
    until(page, "window.heard.length > 24000 * 2.5", timeout=20)
    page.wait_for_selector(".turn-foot span")
    path = pictures / f"playground-{name}.png"
    page.screenshot(path=path)
    assert 20_000 < path.stat().st_size < 200_000
    browser.close()
