"""The page in a real browser: asked, watched, played, cancelled, reloaded; on a phone, by keyboard, for a screen reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Response, expect

from tests.page.conftest import CHECKOUT, PHONE, looking
from tests.page_shop import TOKEN, PageBoard, wait_for

DOCS = CHECKOUT / "docs"
MAX_PAGE_BYTES = 60_000
MAX_PICTURE_BYTES = 400_000
PROMPT = "A red balloon rises over snowy mountains"
OTHER = "A neon heart beats in space"
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


def test_a_prompt_is_typed_watched_and_played_another_is_cancelled_and_a_reload_in_the_middle_loses_nothing(
    clips: PageBoard, browser: Browser
) -> None:
    with looking(browser, clips, cookie=False) as page:
        log_in(page)
        box(page).fill(PROMPT)
        page.get_by_text("Direct", exact=True).click()
        page.get_by_text("Length and seed").click()
        page.get_by_label("Seconds").fill("12")
        page.get_by_role("button", name="Make the clip").click()
        running = page.get_by_role("progressbar", name=f"Progress: {PROMPT}")
        expect(running).to_be_visible()
        expect(box(page)).to_have_value("")

        page.get_by_label("Seconds").fill("60")
        box(page).fill(OTHER)
        page.keyboard.press("Enter")
        waiting = page.get_by_role("button", name=f"Cancel: {OTHER}")
        expect(waiting).to_be_visible()

        first = grown(running, beyond=0.0)
        assert grown(running, beyond=first) > first
        page.reload()
        expect(running).to_be_visible()
        assert 0 < grown(running, beyond=0.0) <= 1
        waiting.click()
        expect(page.locator("#queue li")).to_have_count(1)
        expect(page.locator("#faults")).to_contain_text("Cancelled")

        done = page.get_by_role("button", name=f"Play: {PROMPT}")
        expect(done).to_be_visible(timeout=300_000)
        expect(page.locator("#say")).to_have_text(f"Done: {PROMPT}")
        expect(page.locator("#queue-box progress")).to_have_count(0)
        done.click()
        assert plays(page, "#film")
        with page.expect_download() as saved:
            page.locator("#save").click()
        assert saved.value.suggested_filename == "edgereel-a-red-balloon-rises-over-snowy.mp4"
        assert Path(saved.value.path()).read_bytes()[4:8] == b"ftyp"

        page.get_by_role("dialog").get_by_role("button", name="New take").click()
        page.keyboard.press("Escape")
        again = page.get_by_role("button", name=f"Cancel: {PROMPT}")
        expect(page.get_by_role("progressbar", name=f"Progress: {PROMPT}")).to_be_visible()
        again.click()
        expect(again).to_have_count(0)


def test_a_desktop_has_the_prompt_beside_the_clips_and_they_play(
    clips: PageBoard, browser: Browser, tmp_path: Path
) -> None:
    clips.ask(id="desktop-1", prompt=PROMPT, seconds=30, mode="direct")
    clips.ask(id="desktop-2", prompt=OTHER, mode="direct")
    with looking(browser, clips, reduced_motion="no-preference") as page:
        seen(page, "document.querySelectorAll('.poster.plays').length >= 4")
        grown(page.get_by_role("progressbar"), beyond=0.25)
        page.wait_for_timeout(600)
        page.screenshot(path=tmp_path / "desktop.png")
        left, right = (page.locator(name).bounding_box() for name in ("#ask", "#clips"))
        assert left and right and left["x"] + left["width"] <= right["x"] and abs(left["y"] - right["y"]) < 5
    keep(Image.open(tmp_path / "desktop.png"), DOCS / "gallery-desktop.png")


def test_it_fits_a_phone_and_clips_play_there_as_they_come_into_sight(
    clips: PageBoard, browser: Browser, tmp_path: Path
) -> None:
    clips.ask(id="phone-1", prompt="A yellow star rises over a city at night, sparkles", seconds=30, mode="direct")
    clips.ask(id="phone-2", prompt="A turquoise kite over the beach", mode="lite")
    phone = {"viewport": PHONE, "device_scale_factor": 1.5, "is_mobile": True, "has_touch": True}
    with looking(browser, clips, reduced_motion="no-preference", **phone) as page:
        bar = page.get_by_role("progressbar")
        grown(bar, beyond=0.15)
        page.screenshot(path=tmp_path / "top.png")
        for name in ("phone-1", "phone-2"):
            clips.say("POST", f"/api/jobs/{name}/cancel", {})
        expect(page.locator("#queue li")).to_have_count(0)
        page.locator("#clips").scroll_into_view_if_needed()
        page.evaluate("document.getElementById('clips').scrollIntoView()")
        seen(page, "document.querySelectorAll('.poster.plays').length >= 1")
        assert page.evaluate("document.querySelectorAll('.poster.plays').length") <= 3
        page.wait_for_timeout(600)
        page.screenshot(path=tmp_path / "clips.png")
        for width in (320, 360, 768):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    keep(side_by_side(tmp_path / "top.png", tmp_path / "clips.png"), DOCS / "gallery-phone.png")


def test_it_weighs_less_than_60_kb_and_asks_nobody_but_the_board(clips: PageBoard, browser: Browser) -> None:
    weights: dict[str, int] = {}
    answers: list[Response] = []
    with looking(browser, clips, answers=answers) as page:
        expect(page.locator(".card")).not_to_have_count(0)
        page.wait_for_timeout(500)
        for answer in answers:
            path = answer.url.removeprefix(f"http://127.0.0.1:{clips.port}")
            weights |= {} if path.startswith(("/api/", "/c/")) else {path: len(answer.body())}
    total = sum(weights.values())
    print(f"\npage weight: {total} bytes: {weights}")

    assert {answer.url[: len(f"http://127.0.0.1:{clips.port}/")] for answer in answers} == {
        f"http://127.0.0.1:{clips.port}/"
    }
    assert {"/", "/page.css", "/page.js", "/cards.js", "/api.js", "/icon.svg"} <= set(weights)
    assert 0 < total < MAX_PAGE_BYTES


def test_all_of_it_can_be_done_by_keyboard(clips: PageBoard, browser: Browser) -> None:
    with looking(browser, clips) as page:
        expect(page.locator(".card")).not_to_have_count(0)
        page.keyboard.press("Tab")
        expect(page.get_by_text("Skip to the clips")).to_be_focused()
        page.keyboard.press("Enter")
        tab_to(page, page.locator(".poster").first)
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        title = page.locator("#viewer-title").inner_text()
        tab_to(page, page.locator("#next"))
        page.keyboard.press("Enter")
        expect(page.locator("#viewer-title")).not_to_have_text(title)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(page.locator(".poster").first).to_be_focused()


def tab_to(page: Page, wanted: Locator) -> None:
    for _ in range(60):
        if wanted.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_screen_reader_finds_a_name_for_everything_and_an_eye_enough_contrast(
    clips: PageBoard, browser: Browser, scheme: str
) -> None:
    clips.ask(id=f"read-{scheme}", prompt="a boat at sunset", seconds=60, mode="direct")
    with looking(browser, clips, color_scheme=scheme) as page:
        expect(page.get_by_role("progressbar")).to_be_visible()
        page.get_by_text("Length and seed").click()
        found = {"page": faults(page)}
        clips.say("POST", f"/api/jobs/read-{scheme}/cancel", {})
        page.locator(".poster").first.click()
        found["viewer"] = faults(page)
    with looking(browser, clips, cookie=False, color_scheme=scheme) as page:
        expect(page.get_by_label("Token")).to_be_visible()
        found["login"] = faults(page)

    assert found == {"page": [], "viewer": [], "login": []}


def faults(page: Page) -> list[str]:
    return [
        f"{fault['id']}: {node['html'][:120]} {node['failureSummary']}"
        for fault in Axe().run(page, options=RULES).response["violations"]
        for node in fault["nodes"]
    ]


def test_nothing_moves_for_whoever_wants_no_motion_until_they_say_so(clips: PageBoard, browser: Browser) -> None:
    with looking(browser, clips) as page:
        expect(page.locator(".card")).not_to_have_count(0)
        page.wait_for_timeout(1500)
        assert page.evaluate("[...document.querySelectorAll('video')].every(video => video.paused && !video.src)")
        page.get_by_role("button", name="Play all").click()
        seen(page, "document.querySelectorAll('.poster.plays').length >= 1")
        page.get_by_role("button", name="Pause all").click()
        seen(page, "[...document.querySelectorAll('video')].every(video => video.paused)")


@pytest.mark.parametrize(
    ("field", "text", "says", "do"),
    [
        ("What shall move?", "", "The prompt is empty.", "Say what to show"),
        (
            "What shall move?",
            "x" * 2001,
            "The prompt has 2001 characters; 2000 is the most.",
            "Say it in a few sentences.",
        ),
        ("Seconds", "ten", "seconds 'ten' is out of bounds.", "Use a number from 0.5 to 60."),
        ("Seed", "1.5", "seed '1.5' is out of bounds.", "Use a whole number from 0 to 2147483647."),
    ],
)
def test_what_is_wrong_is_said_where_it_is_wrong(
    clips: PageBoard, browser: Browser, field: str, text: str, says: str, do: str
) -> None:
    with looking(browser, clips) as page:
        box(page).fill("a fish")
        page.get_by_text("Length and seed").click()
        page.get_by_role("textbox", name=field).fill(text)
        page.get_by_role("button", name="Make the clip").click()

        expect(page.get_by_role("alert").filter(has_text=says)).to_contain_text(do)
        expect(page.get_by_role("textbox", name=field)).to_be_focused()
        expect(page.get_by_role("textbox", name=field)).to_have_attribute("aria-invalid", "true")


def test_a_prompt_is_never_read_as_markup(clips: PageBoard, browser: Browser) -> None:
    prompt = '<img src=x onerror="document.title=1"><b>fish</b> \u202e "\'&amp;'
    clips.ask(id="markup", prompt=prompt, mode="spare")
    with looking(browser, clips) as page:
        card = page.locator("[data-id=markup]").filter(has=page.locator(".poster"))
        expect(card).to_be_visible(timeout=120_000)
        expect(card.locator(".what")).to_have_text(prompt)
        assert card.locator("b").count() == 0


def test_a_board_that_is_gone_is_missed_and_comes_back_by_itself(clips: PageBoard, browser: Browser) -> None:
    with looking(browser, clips) as page:
        expect(page.locator(".card")).not_to_have_count(0)
        before = page.locator(".card").count()
        clips.board.kill()
        expect(page.get_by_text("The board does not answer")).to_be_visible(timeout=20_000)
        clips.start()
        expect(page.get_by_text("The board does not answer")).to_be_hidden(timeout=30_000)
        assert page.locator(".card").count() == before


def log_in(page: Page) -> None:
    """With a wrong token first."""
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert").filter(has_text="This is not the token")).to_be_visible()
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator(".card")).not_to_have_count(0)


def grown(bar: Locator, *, beyond: float) -> float:
    """How far the bar is, once it is farther than that."""
    wait_for(lambda: (bar.first.evaluate("bar => bar.value") or 0) > beyond, within_s=240)
    return float(bar.first.evaluate("bar => bar.value"))


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="What shall move?")


def seen(page: Page, script: str) -> None:
    """Wait until it is true. The page's own policy forbids Playwright's way to wait for that."""
    wait_for(lambda: page.evaluate(script), within_s=120)


def plays(page: Page, name: str) -> bool:
    seen(page, f"document.querySelector('{name}').currentTime > 0.2")
    before = float(page.evaluate(f"document.querySelector('{name}').currentTime"))
    seen(page, f"Math.abs(document.querySelector('{name}').currentTime - {before}) > 0.3")
    return bool(page.evaluate(f"document.querySelector('{name}').videoWidth") == 848)


def side_by_side(*paths: Path) -> Image.Image:
    """Several screens of a phone as one picture."""
    screens = [Image.open(path).convert("RGB") for path in paths]
    width, gap = sum(screen.width for screen in screens), 40
    whole = Image.new("RGB", (width + gap * (len(screens) - 1), screens[0].height), "#5b5f6b")
    for number, screen in enumerate(screens):
        whole.paste(screen, (number * (screens[0].width + gap), 0))
    return whole


def keep(picture: Image.Image, path: Path) -> None:
    """Write it with as many colours as a small file has room for."""
    picture = picture.convert("RGB")
    palette = picture.quantize(256, method=Image.Quantize.MEDIANCUT)
    picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    assert path.stat().st_size < MAX_PICTURE_BYTES
    print(f"\n{path.name}: {path.stat().st_size} bytes, {picture.width} x {picture.height}")
