"""The page's side of the daemon, in a real one: what is asked there, what it shows, what survives a kill."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from edge.page_request import MAX_STREAMS
from edge.request import MAX_BODY_BYTES
from tests.conftest import CHECKOUT
from tests.mosquitto import Mosquitto
from tests.page_shop import PageBoard, page_board, wait_for
from tests.test_daemon import request

MAX_PAGE_BYTES = 60_000


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, broker: Mosquitto) -> Iterator[PageBoard]:
    with page_board(tmp_path_factory.mktemp("page"), broker, "queue.limit=6") as one:
        one.log_in()
        yield one


def test_the_page_weighs_less_than_60_kb_and_needs_nothing_from_elsewhere(page: PageBoard) -> None:
    folder = CHECKOUT / "edge/page"
    served = {file.name: page.say("GET", f"/{file.name}").body for file in folder.iterdir()}
    print(f"page weight: {sum(map(len, served.values()))} bytes")

    assert served == {file.name: file.read_bytes() for file in folder.iterdir()}
    assert page.say("GET", "/").body == served["index.html"]
    assert sum(map(len, served.values())) < MAX_PAGE_BYTES
    own = b"http://www.w3.org/2000/svg"  # the name of a namespace, which is not fetched
    assert [name for name, body in served.items() if b"//" in body.replace(own, b"").replace(b"// ", b"")] == []


def test_the_page_is_kept_by_its_mark_and_may_run_only_what_is_its_own(page: PageBoard) -> None:
    first = page.say("GET", "/")
    again = page.say("GET", "/", If_None_Match=first.headers["etag"])

    assert (again.status, again.body) == (304, b"")
    policy = first.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert re.search(rb"<style|\sstyle=|\son\w+=|<script(?! type=.module. src=)", first.body) is None


def test_a_request_from_the_page_becomes_a_clip_that_the_page_shows(page: PageBoard) -> None:
    asked = page.ask(id="first", prompt="/think  a  fish", mode="lite", seconds=2)
    clip = page.wait_clip("first")

    assert (asked.status, asked.json["id"], asked.json["state"]) == (202, "first", "queued")
    assert (clip["prompt"], clip["asked"], clip["mode"], clip["seed"]) == ("a fish", "lite", "lite", 1)
    assert page.say("GET", "/c/first.mp4").body == b"a fish"


def test_the_same_request_twice_is_one_job_and_another_under_its_id_is_refused(page: PageBoard) -> None:
    assert [page.ask(id="twice", prompt="a fish").status for _ in range(2)] == [202, 202]
    other = page.ask(id="twice", prompt="a bird")

    assert (other.status, other.json["code"]) == (409, "id_conflict")
    page.wait_clip("twice")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"prompt": ""}, "The prompt is empty."),
        ({"prompt": "x" * 2001}, "The prompt has 2001 characters; 2000 is the most."),
        ({"prompt": "a", "mode": "best"}, "mode 'best' is not known."),
        ({"prompt": "a", "seconds": "ten"}, "seconds 'ten' is out of bounds."),
        ({"prompt": "a", "id": "../x"}, "The id '../x' is not allowed."),
        ({"prompt": "a", "image": "http://x/y.jpg"}, "The image 'http://x/y.jpg' is an address; nothing is fetched."),
        ([1], "The request is a JSON list, not an object."),
    ],
)
def test_what_is_wrong_is_said_as_over_mqtt(page: PageBoard, body: object, says: str) -> None:
    said = page.say("POST", "/api/jobs", body)

    assert (said.status, said.json["message"]) == (400, says)
    assert said.json["hint"] and said.json["code"] == "bad_request"


def test_a_body_is_bounded_and_its_length_has_to_be_told(page: PageBoard) -> None:
    large = page.say("POST", "/api/jobs", raw=b"x" * (MAX_BODY_BYTES + 1))
    token = page.say("POST", "/api/login", raw=b"x" * 5000, Cookie=None)
    chunked = page.say("POST", "/api/jobs", raw=b"0\r\n\r\n", Transfer_Encoding="chunked", Content_Length="5")
    odd = page.say("POST", "/api/jobs", raw=b"", Content_Length="+5")

    assert {(said.status, said.json["code"]) for said in (large, token)} == {(413, "too_large")}
    assert [said.status for said in (chunked, odd)] == [411, 411]


def test_a_body_that_never_comes_ends_the_request_and_nothing_else(page: PageBoard) -> None:
    head = f"POST /api/jobs HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nCookie: {page.cookie}\r\n"
    with closing(socket.create_connection(("127.0.0.1", page.port), timeout=10)) as sock:
        sock.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{{".encode())
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(100) == b""

    assert page.say("GET", "/api/state").status == 200


def test_another_take_is_a_new_job_with_another_seed_and_one_click_is_one_take(page: PageBoard) -> None:
    page.ask(id="base", prompt="a slow boat", mode="lite", min_mode="lite", seconds=3, path=[[0, 0], [1, 1]], seed=7)
    page.wait_clip("base")
    first = page.say("POST", "/api/jobs/base/again", {"id": "take"})
    again = page.say("POST", "/api/jobs/base/again", {"id": "take"})
    page.wait_clip("take")
    with closing(sqlite3.connect(page.board.folder / "state/queue.sqlite")) as db:
        rows = dict(db.execute("SELECT id, request FROM job WHERE id IN ('base', 'take')").fetchall())
    base, take = json.loads(rows["base"]), json.loads(rows["take"])

    assert (first.status, again.status, first.json["id"]) == (202, 202, "take")
    assert take["seed"] not in (None, base["seed"])
    assert {**take, "id": "base", "seed": 7} == base


def test_another_take_of_nothing_is_refused(page: PageBoard) -> None:
    said = page.say("POST", "/api/jobs/none/again", {})

    assert (said.status, said.json["message"]) == (400, "There is no job none here.")


def test_a_running_and_a_waiting_job_are_shown_and_can_be_cancelled(page: PageBoard) -> None:
    page.ask(id="runs", prompt="a long river")
    page.ask(id="waits", prompt="a fish")
    wait_for(lambda: [(job["id"], job["state"]) for job in page.jobs()["unfinished"]] == [
        ("runs", "running"), ("waits", "queued")])  # fmt: skip
    wait_for(lambda: page.say("GET", "/api/state").json["progress"].get("id") == "runs")
    cancelled = [page.say("POST", f"/api/jobs/{name}/cancel", {}) for name in ("waits", "runs")]
    wait_for(lambda: page.jobs()["unfinished"] == [])

    assert [said.status for said in cancelled] == [202, 202]
    assert {job["id"]: job["state"] for job in page.jobs()["faults"]} == {"runs": "cancelled", "waits": "cancelled"}
    assert page.say("POST", "/api/jobs/none/cancel", {}).status == 404


def test_a_full_queue_says_when_to_come_back(page: PageBoard) -> None:
    page.ask(id="hold", prompt="a long river")
    said = [page.ask(id=f"full-{number}", prompt="a fish") for number in range(6)]
    for name in ("full-0", "full-1", "full-2", "full-3", "full-4", "hold"):
        page.say("POST", f"/api/jobs/{name}/cancel", {})
    wait_for(lambda: page.jobs()["unfinished"] == [])

    assert [one.status for one in said] == [202] * 5 + [503]
    assert said[-1].json["code"] == "overloaded" and int(said[-1].headers["retry-after"]) > 0


def test_a_job_that_failed_says_why_on_the_page(page: PageBoard) -> None:
    page.ask(id="bad", prompt="refuse")
    wait_for(lambda: any(job["id"] == "bad" for job in page.jobs()["faults"]))
    error = next(job for job in page.jobs()["faults"] if job["id"] == "bad")["error"]

    assert (error["message"], error["hint"]) == ("The pack is gone.", "Fetch it again.")


def test_the_page_and_mqtt_see_the_same_jobs(page: PageBoard, broker: Mosquitto) -> None:
    with broker.listen("edgereel/v1/#") as seen:
        broker.publish("edgereel/v1/node/n1/req", request("over-mqtt"))
        page.ask(id="over-page", prompt="a fish", mode="lite")
        clips = [page.wait_clip(name) for name in ("over-mqtt", "over-page")]
        told = seen.wait_state("over-page", "done")

    assert [clip["state"] for clip in clips] == ["done", "done"]
    assert told["result"]["url"].endswith("/c/over-page.mp4")


def test_older_clips_are_told_page_by_page(page: PageBoard) -> None:
    newest = page.jobs()["clips"]
    older = page.say("GET", f"/api/clips?before={newest[0]['id']}").json

    assert [clip["id"] for clip in older["clips"]] == [clip["id"] for clip in newest[1:]]
    assert older["next"] is None
    assert page.say("GET", "/api/clips?before=../x").status == 400


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/none", "/api/jobs/x", "/index", "/page/index.html", "/../settings"]
)
def test_there_is_nothing_else(page: PageBoard, path: str) -> None:
    assert (page.say("GET", path).status, page.say("PUT", "/").status) == (404, 405)
    assert page.say("POST", path if path.startswith("/api/") else "/api/none", {}).status == 404


def test_a_watcher_hears_of_a_job_from_its_beginning_to_its_end(page: PageBoard) -> None:
    with closing(watch(page)) as sock:
        page.ask(id="seen", prompt="a slow fish")
        text = read_until(sock, b'"clips":[{"id":"seen"')

    names = [line.removeprefix("event: ") for line in text.decode().splitlines() if line.startswith("event: ")]
    assert {"board", "jobs", "progress"} == set(names)
    shares = [json.loads(line[6:])["fraction"] for line in text.decode().splitlines() if '"fraction"' in line]
    assert len({share for share in shares if 0 < share < 1}) >= 2


def test_no_more_than_four_watch_and_a_place_is_free_at_once_when_one_goes(page: PageBoard) -> None:
    with ExitStack() as stack:
        socks = [stack.enter_context(closing(watch(page))) for _ in range(MAX_STREAMS)]
        for sock in socks:
            read_until(sock, b"event: jobs")
        refused = page.say("GET", "/api/events")
        polled = page.say("GET", "/api/state")
        socks[0].close()
        wait_for(lambda: takes_one_more(page), within_s=3)

    assert (refused.status, refused.json["code"], polled.status) == (503, "busy", 200)


def takes_one_more(page: PageBoard) -> bool:
    with closing(watch(page)) as sock:
        return b" 200 " in sock.recv(100)


def test_a_watched_daemon_stops_in_time_and_what_the_page_asked_for_survives_a_kill(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with page_board(tmp_path, broker, "node.id=n2") as one:
        one.log_in()
        one.ask(id="kept", prompt="a slow fish", mode="lite")
        one.board.kill()
        one.start()
        one.wait_clip("kept")  # and the cookie still holds
        with closing(watch(one)) as sock:
            read_until(sock, b"event: jobs")
            begun = time.monotonic()
            assert one.board.terminate() == 0
            assert time.monotonic() - begun < 5
            assert read_until(sock, b"", at_most_s=5) is not None


def test_without_the_setting_there_is_no_page(tmp_path: Path, broker: Mosquitto) -> None:
    with page_board(tmp_path, broker, "node.id=n3", "http.page=false") as one:
        bearer = {"Authorization": "Bearer open-sesame"}
        said = [one.say("GET", path, **bearer).status for path in ("/", "/api/state")]

        assert (said, one.say("POST", "/api/jobs", {"prompt": "a"}, **bearer).status) == ([404, 404], 405)


def watch(page: PageBoard) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", page.port), timeout=20)
    sock.sendall(f"GET /api/events HTTP/1.1\r\nHost: x\r\nCookie: {page.cookie}\r\n\r\n".encode())
    return sock


def read_until(sock: socket.socket, words: bytes, *, at_most_s: float = 20.0) -> bytes:
    """What came until these words; with none, until the end."""
    until, text = time.monotonic() + at_most_s, b""
    while not words or words not in text:
        assert time.monotonic() < until
        piece = sock.recv(65536)
        if not piece:
            assert not words, f"ended without {words!r}"
            return text
        text += piece
    return text
