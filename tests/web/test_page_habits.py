"""The page as people use it who do not think of it: keys held too long, two clicks at once, a lost line, a reload."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("playwright", reason="Playwright is not installed")

from playwright.sync_api import expect
from support.page import QUESTION, SPOKEN, WORDS, ask, open_page, record, recordings, state, tone, tracks
from support.service import sound_events, stream

from audiochat.chat.sessions import SessionStore

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Route
    from support.page import Playground
    from support.service import Service

pytestmark = pytest.mark.browser


def focused(page: Page) -> str:
    """What has the focus: its id, or its name."""
    named: str = page.evaluate("document.activeElement.id || document.activeElement.tagName")
    return named


# --- keys


def test_the_key_is_held_to_talk_from_the_empty_question_too(page: Page, openai: Service) -> None:
    """The focus is there when the page opens and after every turn; a space that is held is no text."""
    assert focused(page) == "text"
    for _ in range(2):
        page.keyboard.down("Space")
        page.keyboard.down("Space")  # the keyboard repeats it
        state(page, "recording")
        page.wait_for_timeout(600)
        page.keyboard.up("Space")
        page.wait_for_selector(".draft")
        expect(page.locator("#text")).to_have_value("")
        page.keyboard.press("Enter")
        state(page, "done")
    assert len(recordings(openai.last)) == 1
    assert set(tracks(page)) == {"ended"}


def test_a_space_that_is_held_in_a_text_is_text(page: Page) -> None:
    """Nothing is recorded."""
    page.fill("#text", "Is it")
    page.keyboard.down("Space")
    page.keyboard.down("Space")
    page.keyboard.up("Space")
    expect(page.locator("#text")).to_have_value("Is it  ")
    assert tracks(page) == []


def test_the_keys_are_listed_from_the_empty_question_too(page: Page) -> None:
    """As the page says when it opens; after a word it is a question mark."""
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.fill("#text", "Is it")
    page.press("#text", "?")
    expect(page.locator("#text")).to_have_value("Is it?")


def test_enter_held_too_long_sends_a_recording_once(page: Page, openai: Service) -> None:
    """The focus is on the button that began it: the key's repetitions do not press it again."""
    openai.answer(stream(sound_events(tone(440, 3), WORDS), pause=0.05))
    page.fill("#text", "What do you hear?")
    page.click("#record")
    state(page, "recording")
    page.wait_for_timeout(600)
    for _ in range(6):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    state(page, "speaking")
    assert len(openai.requests) == 1
    assert len(recordings(openai.last)) == 1
    assert set(tracks(page)) == {"ended"}


def test_the_focus_stays_where_the_keyboard_can_go_on(page: Page, openai: Service) -> None:
    """Buttons that go away pass it on: it is never on nothing."""
    openai.answer(stream(sound_events(tone(440, 8), WORDS), pause=0.05))
    page.fill("#text", QUESTION)
    page.focus("#send")
    page.keyboard.press("Enter")
    state(page, "speaking")
    assert focused(page) == "text"
    page.focus("#stop")
    page.keyboard.press("Enter")
    state(page, "stopped")
    assert focused(page) == "text"
    page.get_by_role("button", name="Again", exact=True).focus()
    page.keyboard.press("Enter")
    state(page, "speaking")
    assert focused(page) != "BODY"
    page.keyboard.press("Escape")
    page.click("#record")
    state(page, "recording")
    page.focus("#discard")
    page.keyboard.press("Enter")
    assert focused(page) == "text"


# --- conversations


def test_the_conversation_that_was_clicked_last_is_shown(page: Page) -> None:
    """However slowly the server gives the one before."""
    for question in ("The first", "The second"):
        page.click("#new")
        ask(page, question)
        state(page, "done")
    page.click("#new")

    def slowly(route: Route) -> None:
        time.sleep(0.5)
        route.continue_()

    page.route("**/page/sessions/1", slowly)
    page.locator("#session-list a", has_text="The first").click(no_wait_after=True)
    page.locator("#session-list a", has_text="The second").click()
    page.wait_for_timeout(1500)
    expect(page.locator(".asked-text")).to_have_text("The second")
    assert page.url.endswith("?session=2")


def test_what_was_recorded_goes_along_into_a_new_conversation(page: Page, openai: Service) -> None:
    """A question that is not sent yet is not lost with the conversation before it."""
    ask(page)
    state(page, "done")
    record(page)
    page.fill("#text", "What do you hear?")
    page.click("#new")
    expect(page.locator("#welcome")).to_be_visible()
    page.press("#text", "Enter")
    state(page, "done")
    assert len(recordings(openai.last)) == 1
    assert len(openai.last.json["messages"]) == 1


def test_a_new_conversation_in_the_middle_of_an_answer_is_ready(page: Page, openai: Service) -> None:
    """The answer ends with the conversation that it belongs to, and the next one says nothing of it."""
    openai.answer(stream(sound_events(tone(440, 8), WORDS), pause=0.05))
    ask(page)
    state(page, "speaking")
    page.click("#new")
    page.wait_for_timeout(800)
    assert page.locator("#status").get_attribute("data-state") == "idle"
    openai.answer(stream(sound_events(SPOKEN, WORDS)))
    ask(page, "Another")
    state(page, "done")
    expect(page.locator(".turn")).to_have_count(1)
    assert SessionStore().names() == ["1"]


def test_a_reload_in_the_middle_of_a_turn_leaves_nothing_half(page: Page, openai: Service) -> None:
    """The request ends, and no empty conversation stands in the list."""
    openai.answer(stream(sound_events(tone(440, 20), WORDS), pause=0.05))
    ask(page)
    state(page, "speaking")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.wait_for_timeout(800)
    sent = openai.sent_pieces
    page.wait_for_timeout(400)
    assert openai.sent_pieces == sent
    assert SessionStore().names() == []
    expect(page.locator("#session-list a")).to_have_count(0)
    openai.answer(stream(sound_events(SPOKEN, WORDS)))
    ask(page)
    state(page, "done")


def test_two_tabs_of_one_conversation_take_turns(page: Page, openai: Service) -> None:
    """Each turn is kept, and the second tab's knows of the first's."""
    ask(page)
    state(page, "done")
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("html[data-ready]")
    expect(other.locator(".turn")).to_have_count(1)
    ask(page, "The second")
    state(page, "done")
    ask(other, "The third")
    state(other, "done")
    assert [turn.asked.text for turn in SessionStore().load("1").turns] == [QUESTION, "The second", "The third"]
    assert len(openai.last.json["messages"]) == 5


def test_the_title_of_the_tab_is_the_conversations(page: Page) -> None:
    """So that two tabs can be told from each other."""
    ask(page)
    state(page, "done")
    expect(page).to_have_title(f"{QUESTION} · audiochat")
    page.click("#new")
    expect(page).to_have_title("New conversation · audiochat")


# --- the way to the server, and the machine


def test_a_line_that_is_cut_is_told_and_the_question_is_kept(
    page: Page, playground: Playground, openai: Service
) -> None:
    """And asked again with one press."""
    page.route("**/page/turns", lambda route: route.abort())
    ask(page)
    state(page, "failed")
    expect(page.locator(".ended .what")).to_contain_text("does not answer")
    page.unroute("**/page/turns")
    page.get_by_role("button", name="Again", exact=True).click()
    state(page, "done")
    assert len(openai.requests) == 1
    assert len(playground.complaints) == 1, "the browser's own, about the line"
    playground.complaints.clear()


def test_files_that_are_too_large_together_are_told_before_they_are_sent(page: Page, tmp_path: Path) -> None:
    """With what to do; those that fit stay."""
    for name in ("one.wav", "two.wav"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(40_000_000)
    page.set_input_files("#files", [tmp_path / "one.wav", tmp_path / "two.wav"])
    expect(page.locator("#status")).to_contain_text("two.wav is too large for one question together with the others")
    expect(page.locator("#status")).to_contain_text("a question of its own")
    expect(page.locator(".draft")).to_have_count(1)


@pytest.mark.parametrize("how", ["refused", "missing"])
def test_words_are_copied_where_the_browser_gives_no_clipboard(page: Page, how: str) -> None:
    """A page that came over plain http from another machine has none; what is copied is told."""
    if how == "missing":
        page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    else:
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    page.evaluate(
        "window.copied = []; document.addEventListener('copy', () => copied.push(String(getSelection())"
        " || document.activeElement.value))"
    )
    ask(page)
    state(page, "done")
    page.get_by_role("button", name="Copy the words").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.click("#show-request")
    expect(page.locator("dialog pre")).to_contain_text("curl ")
    page.locator("dialog").get_by_role("button", name="Copy").click()
    expect(page.locator("dialog").get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("copied")
    assert copied[0] == "".join(WORDS)
    assert copied[1].startswith("curl ")


def test_a_voice_of_another_provider_is_not_kept(chromium: Browser, playground: Playground, openai: Service) -> None:
    """The choice that is shown is the one that is sent."""
    page = open_page(chromium, playground)
    page.evaluate("localStorage.setItem('audiochat-playground', JSON.stringify({ at: 'local', voice: 'zf_xiaoxiao' }))")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.click("#settings-open")
    assert page.locator("#voice").evaluate("(select) => select.selectedOptions.length") == 1
    ask(page)
    state(page, "done")
    assert openai.last.json["audio"]["voice"] == "alloy"
    page.context.close()
