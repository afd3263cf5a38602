"""The page in Chromium: what a person asks, what they hear, and what they find again."""

from __future__ import annotations

import io
import time
import wave
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("playwright", reason="Playwright is not installed")

from playwright.sync_api import expect
from support.page import (
    QUESTION,
    SPOKEN,
    WORDS,
    ask,
    heard,
    open_page,
    pitch,
    playing,
    record,
    recordings,
    samples_of,
    state,
    tone,
    tracks,
    until,
)
from support.service import completion, error, sound_events, stream

from audiochat.audio import wav
from audiochat.chat.sessions import SessionStore
from audiochat.web.waiting_line import WaitingLine

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page
    from support.page import Playground
    from support.service import Service

pytestmark = pytest.mark.browser

# --- asking and hearing


def test_a_recorded_question_is_answered_aloud(page: Page, openai: Service) -> None:
    """Record, send, hear: the tone arrives as 440 Hz at the machine's own rate, the answer's sound sample by sample."""
    record(page)
    expect(page.locator("#status")).to_contain_text("Recorded")
    page.click("#send")
    state(page, "done")
    (sent,) = recordings(openai.last)
    with wave.open(io.BytesIO(sent)) as file:
        rate, count = file.getframerate(), file.getnframes()
        samples = memoryview(file.readframes(count)).cast("h")
    assert rate == page.evaluate("new AudioContext().sampleRate")
    assert 0.8 < count / rate < 2
    assert pitch(samples[count // 2 :], rate) == pytest.approx(440, rel=0.005)
    expect(page.locator(".words")).to_have_text("".join(WORDS))
    assert page.evaluate("window.speakers.length") == 1
    assert page.evaluate("window.speakers[0].currentTime") > 1
    page.wait_for_timeout(400)  # the tap is a block behind
    assert heard(page) == samples_of(SPOKEN)
    assert tracks(page) == ["ended"]


def test_a_typed_question_is_sent_with_enter(page: Page, openai: Service) -> None:
    """Shift+Enter is a new line; an Enter that an input method takes sends nothing."""
    page.fill("#text", "One")
    page.press("#text", "Shift+Enter")
    page.type("#text", "Two")
    composing = "new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true})"
    page.evaluate(f"document.querySelector('#text').dispatchEvent({composing})")
    assert openai.requests == []
    page.press("#text", "Enter")
    state(page, "done")
    assert openai.last.json["messages"][-1]["content"] == "One\nTwo"


def test_attached_recordings_go_with_the_question(page: Page, openai: Service, tmp_path: Path) -> None:
    """Several, heard before they are sent, one of them removed again."""
    for name, hertz in (("dog.wav", 300), ("cat.wav", 500), ("cow.wav", 100)):
        (tmp_path / name).write_bytes(wav.wrap(tone(hertz, 0.4)))
    page.set_input_files("#files", [str(tmp_path / name) for name in ("dog.wav", "cat.wav", "cow.wav")])
    expect(page.locator(".draft")).to_have_count(3)
    page.get_by_role("button", name="Remove cow.wav").click()
    page.get_by_role("button", name="Play cat.wav").click()
    until(page, "window.heard.some((sample) => sample)")
    ask(page, "Who is it?")
    state(page, "done")
    assert recordings(openai.last) == [(tmp_path / name).read_bytes() for name in ("dog.wav", "cat.wav")]
    expect(page.locator(".question .clip-name")).to_have_text(["dog.wav", "cat.wav"])


def test_two_turns_in_a_row_are_both_heard(page: Page, openai: Service) -> None:
    """The second refers to the first, and plays as well."""
    ask(page)
    state(page, "done")
    openai.answer(stream(sound_events(tone(600, 0.6), ("Yes.",))))
    page.evaluate("window.heard.length = 0")
    ask(page, "And for a flat?")
    state(page, "speaking")
    state(page, "done")
    page.wait_for_timeout(400)
    assert heard(page) == samples_of(tone(600, 0.6))
    assert openai.last.json["messages"][1]["audio"] == {"id": "audio_abc"}
    expect(page.locator(".turn")).to_have_count(2)


def test_a_page_that_is_busy_makes_no_gap(page: Page, openai: Service) -> None:
    """For a second nothing but the sound goes on."""
    openai.answer(stream(sound_events(tone(440, 3), WORDS)))
    ask(page)
    state(page, "speaking")
    page.evaluate("for (const end = performance.now() + 1000; performance.now() < end;);")
    state(page, "done")
    page.wait_for_timeout(400)
    assert heard(page) == samples_of(tone(440, 3))


def test_a_page_that_is_slow_overlaps_nothing(page: Page) -> None:
    """Where it takes a tenth of a second to get half a second of sound ready."""
    page.evaluate("""() => {
        const create = AudioContext.prototype.createBuffer;
        AudioContext.prototype.createBuffer = function (...given) {
            for (const end = performance.now() + 100; performance.now() < end;);
            return create.apply(this, given);
        };
    }""")
    ask(page)
    state(page, "done")
    page.wait_for_timeout(400)
    assert heard(page) == samples_of(SPOKEN)


def test_an_answer_in_one_piece_is_heard_too(page: Page, openai: Service) -> None:
    """From a service that does not stream."""
    openai.answer_with(
        lambda asked: (
            error(400, "unsupported", "stream is not supported", param="stream")
            if asked.json.get("stream")
            else completion(audio=wav.wrap(SPOKEN))
        )
    )
    ask(page)
    state(page, "done", timeout=15_000)
    page.wait_for_timeout(400)
    assert heard(page) == samples_of(SPOKEN)


def test_stopping_is_silence_at_once(page: Page, openai: Service) -> None:
    """Within 100 ms nothing is heard, within half a second nothing is asked of the service; then again, or edited."""
    events = sound_events(tone(440, 20), WORDS)
    openai.answer(stream(events, pause=0.05))
    ask(page)
    state(page, "speaking")
    page.wait_for_timeout(1500)
    pressed = page.evaluate("""() => {
        const now = window.speakers[0].currentTime;
        document.querySelector('#stop').click();
        return now;
    }""")
    state(page, "stopped")
    time.sleep(0.5)
    sent = openai.sent_pieces
    page.wait_for_timeout(700)
    silent = page.evaluate("window.starts[0]") + len(heard(page)) / 24_000
    assert silent - pressed < 0.1
    assert openai.sent_pieces == sent < len(events)
    assert SessionStore().names() == []
    expect(page.locator(".ended")).to_contain_text("Stopped")
    openai.answer(stream(sound_events(SPOKEN, WORDS)))
    page.get_by_role("button", name="Again", exact=True).click()
    state(page, "done")
    expect(page.locator(".turn")).to_have_count(1)
    assert SessionStore().names() == ["1"]


def test_escape_stops_too(page: Page, openai: Service) -> None:
    """From the question's field, where the focus is."""
    openai.answer(stream(sound_events(tone(440, 20), WORDS), pause=0.05))
    ask(page)
    state(page, "speaking")
    page.keyboard.press("Escape")
    state(page, "stopped")


def test_a_recording_silences_the_answer(page: Page, openai: Service) -> None:
    """Nobody records the loudspeaker."""
    openai.answer(stream(sound_events(tone(440, 8), WORDS)))
    ask(page)
    state(page, "speaking")
    page.wait_for_selector(".turn-foot span")
    page.click("#record")
    state(page, "recording")
    before = page.evaluate("window.heard.length")
    page.wait_for_timeout(800)
    assert not any(page.evaluate(f"window.heard.slice({before} + 4096)"))
    page.keyboard.press("Escape")
    assert tracks(page) == ["ended"]


def test_speed_keeps_the_pitch(page: Page, openai: Service) -> None:
    """Twice as fast is half as long, and the same tone."""
    openai.answer(stream(sound_events(tone(440, 3), WORDS)))
    page.click("#settings-open")
    page.locator("#autoplay").uncheck()
    page.select_option("#speed", "2")
    page.click("#settings-close")
    ask(page)
    state(page, "done")
    page.get_by_role("button", name="Play the answer").click()
    state(page, "speaking")
    state(page, "done")
    page.wait_for_timeout(400)
    samples = heard(page)
    assert len(samples) / 24_000 == pytest.approx(1.5, abs=0.1)
    assert pitch(samples[2400:-2400], 24_000) == pytest.approx(440, rel=0.01)


def test_what_a_model_says_is_text(page: Page, openai: Service) -> None:
    """Markup in an answer, a question and a name is shown as it is."""
    markup = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    openai.answer(stream(sound_events(SPOKEN, (markup,))))
    ask(page, markup)
    state(page, "done")
    expect(page.locator(".words")).to_have_text(markup)
    expect(page.locator(".asked-text")).to_have_text(markup)
    assert page.locator("#turns img, #turns script").count() == 0
    assert page.title() not in ("1", "2")


def test_without_autoplay_it_waits_for_the_button(page: Page) -> None:
    """The switch is remembered."""
    page.click("#settings-open")
    page.locator("#autoplay").uncheck()
    page.click("#settings-close")
    ask(page)
    state(page, "done")
    assert heard(page) == []
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert not page.locator("#autoplay").is_checked()
    page.get_by_role("button", name="Play the answer").click()
    state(page, "speaking")
    state(page, "done")
    page.wait_for_timeout(400)
    assert heard(page) == samples_of(SPOKEN)


def test_where_the_browser_refuses_to_sound_a_tap_is_asked_for(page: Page) -> None:
    """As after a reload, where nobody has touched the page yet."""
    ask(page)
    state(page, "done")
    page.reload()
    page.wait_for_selector(".answer .play")
    # What Playwright does counts as a touch; so the context is held back instead.
    page.evaluate("""() => {
        const resume = AudioContext.prototype.resume;
        AudioContext.prototype.resume = function () { return window.let ? resume.call(this) : this.suspend(); };
        document.querySelector('.answer .play').click();
    }""")
    tap = page.get_by_role("button", name="Tap to hear")
    tap.wait_for()
    assert heard(page) == []
    page.evaluate("window.let = true")
    tap.click()
    until(page, "window.heard.some((sample) => sample)")
    state(page, "done")


def test_in_a_queue_the_place_is_told(page: Page, playground: Playground, openai: Service) -> None:
    """Where the model answers one at a time, as the local engine does."""
    playground.studio.line = WaitingLine(1, 8)
    first = playground.studio.line.join()
    second = playground.studio.line.join()
    ask(page)
    expect(page.locator("#status")).to_have_text("Waiting: number 2 in the queue")
    playground.studio.line.leave(first)
    expect(page.locator("#status")).to_have_text("Waiting: next in the queue")
    assert openai.requests == []
    playground.studio.line.leave(second)
    state(page, "done")


def test_a_voice_is_chosen(page: Page, openai: Service) -> None:
    """From the list, or by the id of a custom one; it is remembered."""
    page.click("#choice")
    page.select_option("#voice", "coral")
    page.click("#settings-close")
    ask(page)
    state(page, "done")
    assert openai.last.json["audio"]["voice"] == "coral"
    page.click("#choice")
    page.select_option("#voice", "…")
    page.fill("#other", "voice_mine")
    page.press("#other", "Tab")
    page.click("#settings-close")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("#choice")).to_contain_text("voice_mine")
    ask(page, "Again")
    state(page, "speaking")
    state(page, "done")
    assert openai.last.json["audio"]["voice"] == {"id": "voice_mine"}


def test_nothing_jumps_while_an_answer_comes(page: Page, openai: Service) -> None:
    """The place of the sound is kept before it is there (cumulative layout shift)."""
    openai.answer(stream(sound_events(SPOKEN, WORDS), pause=0.03))
    ask(page)
    state(page, "done")
    page.wait_for_timeout(600)
    assert page.evaluate("window.shifts") < 0.02


# --- conversations


def test_a_reload_finds_the_conversation(page: Page) -> None:
    """Words and sound; the list has it, the search finds it, `converse` has it too."""
    ask(page)
    state(page, "done")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator(".words")).to_have_text("".join(WORDS))
    page.get_by_role("button", name="Play the answer").click()
    state(page, "speaking")
    state(page, "done")
    page.wait_for_timeout(400)
    assert heard(page) == samples_of(SPOKEN)
    page.fill("#search", "zebra")
    expect(page.locator("#session-list")).to_contain_text("Nothing found")
    page.fill("#search", "EXCELLENT dog")
    expect(page.locator("#session-list a")).to_have_count(1)
    assert SessionStore().load("1").turns[0].asked.text == QUESTION


def test_conversations_are_opened_renamed_and_removed(page: Page) -> None:
    """In the page, and on disk."""
    ask(page)
    state(page, "done")
    page.click("#new")
    expect(page.locator("#welcome")).to_be_visible()
    ask(page, "Another one")
    state(page, "done")
    page.locator("#session-list a", has_text=QUESTION).click()
    expect(page.locator(".asked-text")).to_have_text(QUESTION)
    page.get_by_label("This conversation").click()
    page.click("#rename")
    page.fill("dialog input", "Dogs & families")
    page.click("dialog .solid")
    expect(page.locator("#title")).to_have_text("Dogs-families")
    assert sorted(SessionStore().names()) == ["2", "Dogs-families"]
    page.get_by_role("button", name="Play the answer").click()
    state(page, "speaking")
    page.get_by_label("This conversation").click()
    with page.expect_download() as download:
        page.click("#export-zip")
    assert download.value.suggested_filename == "Dogs-families.zip"
    page.get_by_label("This conversation").click()
    page.click("#remove")
    page.click("dialog .solid.bad")
    expect(page.locator("#welcome")).to_be_visible()
    assert SessionStore().names() == ["2"]


def test_the_answer_and_the_request_can_be_taken_along(page: Page) -> None:
    """The sound in a format, the request as curl and Python."""
    ask(page)
    state(page, "done")
    page.get_by_label("Download the answer").click()
    with page.expect_download() as download:
        page.locator(".slot a", has_text="MP3").click()
    assert download.value.suggested_filename == "1-turn-1.mp3"
    page.fill("#text", "And then?")
    page.click("#show-request")
    expect(page.locator("dialog pre")).to_contain_text("curl ")
    expect(page.locator("dialog pre")).to_contain_text("And then?")
    page.get_by_role("button", name="Python").click()
    expect(page.locator("dialog pre")).to_contain_text("client.chat.completions.create")
    page.keyboard.press("Escape")


# --- errors


def test_an_error_is_told_with_its_hint(page: Page, openai: Service) -> None:
    """As on the command line; the question can be edited, and sent again."""
    openai.answer(error(400, "content_filter", "The response was filtered."))
    ask(page, "Something bad")
    state(page, "failed")
    expect(page.locator(".ended .what")).to_have_text("The content filter refused the request.")
    expect(page.locator(".ended .hint")).not_to_be_empty()
    page.get_by_role("button", name="Edit and send").click()
    expect(page.locator("#text")).to_have_value("Something bad")
    expect(page.locator(".turn")).to_have_count(0)
    openai.answer(stream(sound_events(SPOKEN, WORDS)))
    ask(page, "Something good")
    state(page, "done")


def test_an_address_is_not_lost_with_the_page_that_signs_in(
    chromium: Browser,
    openai: Service,  # noqa: ARG001 - configures
) -> None:
    """Loaded again before the server has answered, it is signed in all the same as soon as it has."""
    with playing(sign_in_takes=0.5) as running:
        page = chromium.new_context().new_page()
        page.goto(running.address)
        page.reload()
        until(page, "document.readyState === 'complete'")
        page.wait_for_timeout(1000)
        page.reload()
        page.wait_for_selector("html[data-ready]")
        page.context.close()


def test_a_used_address_says_where_another_is(chromium: Browser, openai: Service) -> None:  # noqa: ARG001 - configures
    """And the key's field opens the page as well."""
    with playing(key="the-servers-key") as running:
        address = running.address
        open_page(chromium, running).context.close()
        page = chromium.new_context().new_page()
        page.goto(address)
        page.goto(address)
        page.reload()
        page.wait_for_selector("html[data-ready]")
        assert page.url == f"{running.server.url}/"
        other = chromium.new_context().new_page()
        other.goto(address)
        expect(other.locator("#signed-out")).to_contain_text("used already")
        other.fill("#key", "the-servers-key")
        other.press("#key", "Enter")
        other.wait_for_selector("html[data-ready]")
        page.context.close()
        other.context.close()
