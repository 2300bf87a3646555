"""A real board with the shipped video pack, some clips on it, and a real browser in front of its page.

EDGEREEL_PYTHON is the Python that the board runs with, CHROMIUM the browser.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from tests.mosquitto import Mosquitto
from tests.page_shop import PageBoard, wait_for

CHECKOUT = Path(__file__).resolve().parent.parent.parent
expect.set_options(timeout=60_000)  # of a machine that also runs the board, and others

CLIPS = (
    "A red kite sways over the beach",
    "Two orange fish swim in the deep sea, bubbles",
    "A yellow rocket flies through space, sparkles",
    "A green car drives through the city in the rain",
    "A white boat at sunset, watercolour",
    "A purple butterfly over a meadow, paper cut",
    "Three lanterns rise into the night sky, fireflies",
    "A blue bird flies through the forest, leaves fall",
    "A glowing pink jellyfish rises in the deep sea",
)
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 960}


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageBoard]:
    """It makes clips, and is logged into over HTTP."""
    folder = tmp_path_factory.mktemp("board")
    server = Mosquitto(folder / "mosquitto")
    server.start()
    pack = ("models.video=tinyreel", f"paths.models={CHECKOUT / 'models'}", "node.id=kitchen")
    one = PageBoard(folder, server, *pack, "governor.without_swap=think", fake=False)
    one.board.command[0] = os.environ["EDGEREEL_PYTHON"]
    try:
        one.start()
        one.log_in()
        yield one
    finally:
        one.board.end()
        server.stop()
        print(one.board.log.read_text())


@pytest.fixture(scope="session")
def stocked(board: PageBoard) -> PageBoard:
    """The board, with a clip of each of CLIPS."""
    for number, prompt in enumerate(CLIPS):
        assert board.ask(id=f"clip-{number}", prompt=prompt, mode="direct", seconds=2).status == 202
    wait_for(lambda: len(board.jobs()["clips"]) == len(CLIPS), within_s=600)
    return board


@pytest.fixture
def clips(stocked: PageBoard) -> PageBoard:
    """The same, with nothing under way."""
    for job in stocked.jobs()["unfinished"]:
        stocked.say("POST", f"/api/jobs/{job['id']}/cancel", {})
    wait_for(lambda: not stocked.jobs()["unfinished"])
    return stocked


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which(os.environ["CHROMIUM"])
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # which root cannot have
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=sandbox)
        yield browser
        browser.close()


@contextmanager
def looking(
    browser: Browser, board: PageBoard, *, cookie: bool = True, answers: list[Response] | None = None, **options: object
) -> Iterator[Page]:
    """A page of a fresh visitor; with `cookie`, of one who has logged in. A fault of a script is a fault of the test.

    `answers` gets all that was fetched. Clips play by themselves with `reduced_motion="no-preference"` only.
    """
    given = {"viewport": DESKTOP, "color_scheme": "dark", "reduced_motion": "reduce", **options}
    context = browser.new_context(base_url=f"http://127.0.0.1:{board.port}", **given)  # type: ignore[arg-type]
    context.set_default_timeout(90_000)
    if cookie:
        name, _, value = board.cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{board.port}"}])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    if answers is not None:
        page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - it takes no built-in function
    try:
        page.goto("/")
        yield page
        assert faults == []
    finally:
        context.close()
