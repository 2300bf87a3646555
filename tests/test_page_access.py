"""Who may use the page: tokens, cookies, and pages of elsewhere that speak with a visitor's browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.message import Message

import pytest

from edge.clip_access import Access, Address
from edge.page_access import SESSION_S, PageAccess, page_access_of
from edge.sections import Http
from tests.mosquitto import Mosquitto
from tests.page_shop import JSON, TOKEN, PageBoard, page_board

LOOPBACK = Address(family=2, host="127.0.0.1", loopback=True, anywhere=False)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, broker: Mosquitto) -> Iterator[PageBoard]:
    with page_board(tmp_path_factory.mktemp("page"), broker) as one:
        yield one


@pytest.fixture
def inside(page: PageBoard) -> Iterator[PageBoard]:
    """The same, logged in."""
    page.log_in()
    yield page
    page.cookie = ""


@pytest.fixture(scope="module")
def open_page(tmp_path_factory: pytest.TempPathFactory, broker: Mosquitto) -> Iterator[PageBoard]:
    """A board without a token, on the loopback."""
    with page_board(tmp_path_factory.mktemp("open"), broker, "node.id=n2", token="") as one:
        yield one


def access(token: str = TOKEN, **more: object) -> PageAccess:
    http = Http(**more)  # type: ignore[arg-type]
    return page_access_of(http, access=Access(token=token), address=LOOPBACK, node="n1")


def kept(cookie: str | None) -> str:
    return (cookie or "").partition(";")[0]


def test_the_page_is_open_and_what_it_shows_is_not(page: PageBoard) -> None:
    said = [page.say("GET", path) for path in ("/api/state", "/api/events", "/api/clips?before=a", "/api/none")]

    assert page.say("GET", "/").status == 200
    assert {(one.status, one.json["code"]) for one in said} == {(401, "no_token")}
    assert page.ask(prompt="a fish").status == 401


def test_a_token_becomes_a_cookie_that_no_script_reads_and_no_other_page_sends(page: PageBoard) -> None:
    said = page.log_in()
    named, *marks = said.headers["set-cookie"].split("; ")

    assert set(marks) == {f"Max-Age={SESSION_S}", "Path=/", "HttpOnly", "SameSite=Strict"}
    assert named.startswith("edgereel-n1=") and TOKEN not in named
    assert (page.say("GET", "/api/state").status, page.ask(prompt="a fish", mode="lite").status) == (200, 202)
    gone = page.say("POST", "/api/logout", {})
    page.cookie = kept(gone.headers["set-cookie"])
    assert page.say("GET", "/api/state").status == 401


@pytest.mark.parametrize("token", ["", "open-sesam", "open-sesame ?", "öffne dich", "\ud800", "x" * 10_000])
def test_a_wrong_token_gives_no_cookie(token: str) -> None:
    assert access().cookie(token, now=0) is None


def test_where_no_token_is_set_none_is_right() -> None:
    unset = page_access_of(Http(), access=Access(), address=LOOPBACK, node="n1")

    assert unset.cookie("", now=0) is None and not unset.knows("edgereel-n1=9.x", now=0)


def test_a_wrong_token_is_refused_slowly(page: PageBoard) -> None:
    begun = time.monotonic()
    said = page.say("POST", "/api/login", {"token": ["open-sesame"]})

    assert (said.status, said.json["code"]) == (403, "wrong_token")
    assert "set-cookie" not in said.headers
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize("cookie", ["", "edgereel-n1=", "edgereel-n1=9999999999.", "edgereel-n1=9999999999.00", "x=1;;=;",
                                    "edgereel-n1=open-sesame", "edgereel-n1=٣.x", f"edgereel-n1={'9' * 400}.x"])  # fmt: skip
def test_a_cookie_that_nobody_was_given_opens_nothing(page: PageBoard, cookie: str) -> None:
    sent = cookie.encode("utf-8").decode("latin-1")

    assert page.say("GET", "/api/state", Cookie=sent).status == 401
    assert page.say("GET", "/c/x.mp4", Cookie=sent).status == 401


def test_a_cookie_ends_and_holds_for_one_board_and_one_token() -> None:
    cookie = kept(access().cookie(TOKEN, now=1000))
    other_board = page_access_of(Http(), access=Access(token=TOKEN), address=LOOPBACK, node="n2")

    assert access().knows(f"a=b; {cookie}", now=1000 + SESSION_S - 1)
    assert not access().knows(cookie, now=1000 + SESSION_S)
    assert not access("another").knows(cookie, now=1000)
    assert not other_board.knows(cookie.replace("-n1", "-n2"), now=1000)
    later = cookie.replace(str(1000 + SESSION_S), str(2000 + SESSION_S))
    assert not access().knows(later, now=1000)


def test_behind_https_the_cookie_never_goes_without() -> None:
    assert "; Secure" in (access(url="https://reel.example").cookie(TOKEN, now=0) or "")
    assert "; Secure" not in (access().cookie(TOKEN, now=0) or "")


def test_the_cookie_and_the_bearer_open_the_clips_and_a_token_in_an_address_opens_no_page(inside: PageBoard) -> None:
    bearer = {"Cookie": None, "Authorization": f"Bearer {TOKEN}"}

    assert inside.say("GET", "/c/none.mp4").status == 404
    assert inside.say("GET", "/c/none.mp4", Cookie=None).status == 401
    assert inside.say("GET", "/api/state", **bearer).status == 200
    assert inside.say("GET", f"/api/state?token={TOKEN}", Cookie=None).status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": None},
        {"Origin": None, "Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": None},
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/jobs", "/api/login", "/api/jobs/a/cancel"])
def test_no_other_page_can_have_a_browser_do_anything(
    inside: PageBoard, path: str, headers: dict[str, str | None]
) -> None:
    said = inside.say("POST", path, {"prompt": "a fish", "token": TOKEN}, **headers)

    assert (said.status, said.json["code"]) == (403, "not_from_here")


def test_what_is_no_browser_shows_the_token_and_needs_no_origin(page: PageBoard) -> None:
    said = page.say(
        "POST", "/api/jobs", {"prompt": "a fish", "mode": "lite"}, Origin=None, Authorization=f"Bearer {TOKEN}"
    )

    assert said.status == 202


def test_a_page_behind_a_proxy_is_known_by_the_address_that_is_set() -> None:
    message = Message()
    for name, value in (("Origin", "https://reel.example:8443"), ("Host", "127.0.0.1:8080"), ("Content-Type", JSON)):
        message[name] = value

    assert access(url="https://reel.example:8443/board").from_the_page(message, must_tell=True)
    assert not access().from_the_page(message, must_tell=True)


def test_an_open_board_answers_to_its_own_name_only(open_page: PageBoard) -> None:
    port = open_page.port
    ours = [f"127.0.0.1:{port}", f"localhost:{port}", "LOCALHOST", f"[::1]:{port}"]
    others = ["evil.example", f"evil.example:{port}", "localhost.evil.example", "", "[", "127.0.0.2"]

    assert {open_page.say("GET", "/api/state", Host=name).status for name in ours} == {200}
    assert {open_page.say("GET", "/api/state", Host=name).status for name in others} == {421}
    rebound = {"Host": f"evil.example:{port}", "Origin": f"http://evil.example:{port}"}
    assert open_page.say("POST", "/api/jobs", {"prompt": "a fish"}, **rebound).status == 421
    assert open_page.say("POST", "/api/jobs", {"prompt": "a fish"}, Origin="http://evil.example").status == 403
    assert open_page.ask(prompt="a fish", mode="lite").status == 202
