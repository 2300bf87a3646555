"""`edgereel serve` in a fleet: commands, pools, what its answers carry; daemons as processes, a real broker."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.boards import Board
from tests.mosquitto import Listener, Mosquitto, free_port
from tests.test_daemon import REQ, ended, online, request

POOL = "edgereel/v1/pool/p/req"
CMD = "edgereel/v1/node/n1/cmd"
FLEET = ("fleet.pools=[p]", "fleet.calm_s=0.3")
Make = Callable[..., Board]


@pytest.fixture
def make(tmp_path: Path, server: Mosquitto) -> Iterator[Make]:
    made: list[Board] = []

    def start(*values: str, node: str = "n1") -> Board:
        board = Board(tmp_path / node, server, *values, node=node, fake=True)
        made.append(board)
        board.start()
        return board

    yield start
    for board in made:
        board.end()
        print(board.log.read_text())


def loads(seen: Listener, node: str = "n1") -> list[dict[str, Any]]:
    return [m["body"] for m in seen.messages() if m["topic"] == f"edgereel/v1/node/{node}/load"]


def pools(seen: Listener, joined: bool, node: str = "n1") -> None:  # noqa: FBT001 - a word of the message
    """Wait until the last load message says so."""
    seen.wait(lambda _: [load["pools"]["joined"] for load in loads(seen, node)][-1:] == [joined])


def ask(server: Mosquitto, topic: str, body: str, *, reply: str = "r/x") -> None:
    server.publish(topic, body, "-D", "publish", "response-topic", reply, "-D", "publish", "correlation-data", "k")


def test_a_drained_board_gives_its_work_to_another_and_comes_back_when_it_is_told(
    make: Make, server: Mosquitto, seen: Listener
) -> None:
    first = make(*FLEET)
    pools(seen, joined=True)
    assert loads(seen)[-1]["pools"] == {"names": ["p"], "joined": True, "reason": None}
    server.publish(POOL, request("runs", "a long fish"))
    seen.wait_state("runs", "running")
    server.publish(POOL, request("waits"))
    seen.wait_state("waits", "accepted")
    make(*FLEET, node="n2")
    pools(seen, joined=True, node="n2")
    server.publish(CMD, "drain")
    assert seen.wait_state("waits", "done")["node"] == "n2"
    pools(seen, joined=False)
    assert loads(seen)[-1]["pools"]["reason"] == "drained"
    assert [state["state"] for state in seen.states("waits") if state["node"] == "n1"] == ["accepted", "handed_back"]
    assert ended(seen, "waits") == ["done"]
    assert [state["state"] for state in seen.states("runs")] == ["accepted", "running"]  # what has begun goes on
    server.publish("edgereel/v1/job/runs/cancel", "")
    seen.wait_state("runs", "cancelled")

    first.terminate()
    first.start()
    online(seen, 3)
    server.publish(REQ, request("mine"))
    assert seen.wait_state("mine", "done")["node"] == "n1"  # what is sent to it by name it does
    pools(seen, joined=False)
    server.publish(CMD, "resume")
    pools(seen, joined=True)


def test_a_drained_board_that_is_alone_keeps_its_work_without_writing_all_the_time(
    make: Make, server: Mosquitto
) -> None:
    with server.listen("edgereel/v1/job/#", "edgereel/v1/node/#") as seen:  # who watches a pool counts as one who takes
        make(*FLEET)
        pools(seen, joined=True)
        server.publish(POOL, request("runs", "a slow fish"))
        seen.wait_state("runs", "running")
        server.publish(POOL, request("waits"))
        seen.wait_state("waits", "accepted")
        server.publish(CMD, "drain")
        assert seen.wait_state("waits", "done", timeout_s=30)["node"] == "n1"
        assert len([state for state in seen.states("waits") if state["state"] == "handed_back"]) == 1
        assert ended(seen, "waits") == ["done"]


def test_a_board_that_left_its_pools_because_too_much_waits_works_it_off_and_comes_back(
    make: Make, server: Mosquitto, seen: Listener
) -> None:
    make(*FLEET, "fleet.high=2", "fleet.low=0")
    pools(seen, joined=True)
    server.publish(POOL, request("runs", "a slow fish", mode="auto"))
    seen.wait_state("runs", "running")
    server.publish(POOL, request("waits", mode="auto"))
    pools(seen, joined=False)
    server.publish(REQ, request("here"))
    for job_id in ("runs", "waits", "here"):
        seen.wait_state(job_id, "done", timeout_s=30)
    pools(seen, joined=True)


def test_ping_has_a_board_speak_at_once(make: Make, server: Mosquitto, seen: Listener) -> None:
    make("governor.tick_s=60")
    online(seen)
    births = [m for m in seen.messages() if m["topic"].endswith("/n1/birth")]
    told = len(loads(seen))
    server.publish(CMD, "ping")
    seen.wait(lambda _: len(loads(seen)) > told, timeout_s=10)
    seen.wait(lambda _: len([m for m in seen.messages() if m["topic"].endswith("/n1/birth")]) > len(births))


def test_cancel_all_ends_what_runs_and_what_waits_and_nothing_that_comes_later(
    make: Make, server: Mosquitto, seen: Listener
) -> None:
    make()
    online(seen)
    server.publish(REQ, request("runs", "a long fish"))
    seen.wait_state("runs", "running")
    for job_id in ("w1", "w2"):
        server.publish(REQ, request(job_id))
        seen.wait_state(job_id, "accepted")
    server.publish(CMD, "cancel_all")
    for job_id in ("runs", "w1", "w2"):
        seen.wait_state(job_id, "cancelled")
    server.publish(REQ, request("later"))
    seen.wait_state("later", "done")


def test_an_answer_holds_the_clip_and_what_is_retained_says_where_it_is(
    make: Make, server: Mosquitto, seen: Listener
) -> None:
    make(f"http.port={free_port()}")
    online(seen)
    with server.listen("r/#") as replies:
        ask(server, REQ, request("in", deliver="inline"), reply="r/in")
        ask(server, REQ, request("out"), reply="r/out")
        inside = replies.wait(lambda m: m["topic"] == "r/in")["body"]["result"]
        outside = replies.wait(lambda m: m["topic"] == "r/out")["body"]["result"]
    clip = base64.b64decode(inside["inline"])
    assert (len(clip), hashlib.sha256(clip).hexdigest()) == (inside["bytes"], inside["sha256"])
    retained = seen.wait_state("in", "done")["result"]
    assert "inline" not in retained and "inline" not in outside
    assert urlopen(retained["url"], timeout=10).read() == clip
    assert outside["url"].endswith("/c/out.mp4")


def test_a_request_whose_time_is_over_expires_and_is_never_begun(make: Make, server: Mosquitto, seen: Listener) -> None:
    make()
    online(seen)
    with server.listen("r/x") as replies:
        ask(server, REQ, request("late", deadline=time.time() - 5))
        answer = replies.wait(lambda m: m["topic"] == "r/x")["body"]
    assert (answer["state"], answer["error"]["code"]) == ("expired", "expired")
    ask(server, REQ, json.dumps({"id": "twice", "prompt": "a fish", "attempt": 2, "ttl": 0}))
    seen.wait_state("twice", "expired")  # its sender hears it, though another board might have had it
    assert "running" not in [state["state"] for state in seen.states()]


def test_what_another_board_is_doing_is_not_begun_here(make: Make, server: Mosquitto, seen: Listener) -> None:
    server.publish("edgereel/v1/node/n2/status", "online", "-r")
    claim = {"v": 1, "id": "a", "node": "n2", "state": "running", "rev": 2}
    server.publish("edgereel/v1/job/a/state", json.dumps(claim), "-r")
    make(*FLEET)
    pools(seen, joined=True)
    server.publish(POOL, request("a", attempt=2))
    server.publish(POOL, request("b"))
    seen.wait_state("b", "done")  # it does not stand in the way of others
    assert {state["node"] for state in seen.states("a")} == {"n2"}
    server.publish("edgereel/v1/job/a/state", json.dumps(claim | {"state": "done", "rev": 3}), "-r")
    seen.wait(lambda _: [load["queue"]["depth"] for load in loads(seen)][-1:] == [0], timeout_s=30)
    assert {state["node"] for state in seen.states("a")} == {"n2"}
