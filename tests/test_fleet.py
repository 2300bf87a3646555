"""All boards at a glance: what is learnt from each message, the table, and a real broker."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge.fleet import HEADS, Board, learn, row, to_json, watch
from edge.sections import Broker
from edge.wire import Incoming
from tests.mosquitto import Mosquitto

Boards = dict[str, Board]
LOAD = {
    "queue": {"depth": 2, "limit": 64}, "running": "a1", "mem": {"available_mb": 411.7}, "temp_c": 61.4, "mode": "lite",
    "pools": {"names": ["kitchen", "pi4"], "joined": True},
}  # fmt: skip


def hears(boards: Boards, topic: str, payload: bytes | dict[str, Any], now: float = 0.0) -> Boards:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return learn(boards, Incoming(topic=f"edgereel/v1/{topic}", payload=data), now=now)


def cells(board: Board, now: float = 0.0) -> dict[str, str]:
    return dict(zip(HEADS, row(board, now=now), strict=True))


def test_a_board_is_known_by_its_first_word_whatever_that_is() -> None:
    for leaf, payload in (("status", b"online"), ("birth", {"version": "1"}), ("mode", {}), ("load", {})):
        assert hears({}, f"node/n1/{leaf}", payload).keys() == {"n1"}


def test_everything_it_says_of_itself_is_in_its_line() -> None:
    boards = hears({}, "node/n1/status", b"online")
    boards = hears(boards, "node/n1/mode", {"effective": "lite", "reason": "heat: 81 °C"})
    boards = hears(boards, "node/n1/load", LOAD, now=100.0)
    assert cells(boards["n1"], now=103.2) == {
        "board": "n1", "status": "online", "mode": "lite, heat: 81 °C", "queue": "2 of 64", "running": "a1",
        "memory": "412 MiB free", "heat": "61 °C", "pools": "kitchen, pi4", "said": "3 s ago", "last error": "-",
    }  # fmt: skip


def test_what_is_not_known_is_a_dash() -> None:
    assert cells(Board(node="n1")) == dict.fromkeys(HEADS, "-") | {"board": "n1", "status": "?"}


def test_a_board_that_is_out_of_its_pools_says_so_and_one_that_never_said_does_not() -> None:
    out = LOAD | {"pools": {"names": ["kitchen"], "joined": False}}
    assert cells(hears({}, "node/n1/load", out)["n1"])["pools"] == "kitchen (out)"
    assert cells(hears({}, "node/n1/birth", {"pools": ["kitchen"]})["n1"])["pools"] == "kitchen"


def test_a_board_that_is_offline_has_no_mode() -> None:
    boards = hears(hears({}, "node/n1/load", LOAD), "node/n1/status", b"offline")
    assert cells(boards["n1"])["mode"] == "-"
    assert cells(hears(boards, "node/n1/status", b"online")["n1"])["mode"] == "lite"


def test_the_last_error_of_a_board_is_that_of_its_last_job_that_failed() -> None:
    boards: Boards = {}
    for job_id, state in (("a", "failed"), ("b", "rejected"), ("c", "done"), ("d", "cancelled")):
        error = {"code": "x", "message": f"{job_id} broke."} if state != "done" else None
        boards = hears(boards, f"job/{job_id}/state", {"id": job_id, "node": "n1", "state": state, "error": error})
    assert boards["n1"].error == "b: b broke."


@pytest.mark.parametrize("payload", [b"", b"rubbish", b"[]", b'{"state":"failed"}', b'{"node":"n1","state":"failed"}',
                                     b'{"node":"n1","state":"failed","error":"text"}'])  # fmt: skip
def test_rubbish_about_a_job_teaches_nothing(payload: bytes) -> None:
    assert hears({}, "job/a/state", payload) == {}


def test_a_board_whose_status_is_cleared_is_gone() -> None:
    boards = hears(hears({}, "node/n1/status", b"online"), "node/n2/status", b"online")
    assert hears(boards, "node/n1/status", b"").keys() == {"n2"}


@pytest.mark.parametrize("load", [{"mem": None, "queue": None, "pools": None}, {"temp_c": 0}, {"queue": {}}])
def test_half_a_load_message_is_shown_as_far_as_it_goes(load: dict[str, Any]) -> None:
    assert cells(hears({}, "node/n1/load", load)["n1"])["board"] == "n1"


@pytest.mark.parametrize(
    "load",
    [
        {"mem": {"available_mb": "much"}}, {"temp_c": "hot"}, {"mem": []}, {"queue": "full"}, {"pools": {"names": 5}},
        {"pools": "kitchen"}, {"running": {"x": 1}},
    ],
)  # fmt: skip
def test_a_board_of_another_version_does_not_break_the_table_of_the_others(load: dict[str, Any]) -> None:
    assert cells(hears({}, "node/n1/load", load)["n1"])["board"] == "n1"


def test_as_json_a_board_is_all_that_was_heard() -> None:
    boards = hears({}, "node/n1/load", LOAD, now=10.0)
    body = to_json(boards["n1"], now=12.34)
    assert (body["node"], body["load"], body["heard_s"], body["error"]) == ("n1", LOAD, 2.3, None)
    json.dumps(body)


def test_the_boards_of_a_broker_are_seen_in_order_and_what_changes_is_seen_too(server: Mosquitto) -> None:
    for node in ("n2", "n1"):
        server.publish(f"edgereel/v1/node/{node}/status", "online", "-r")
    server.publish(
        "edgereel/v1/job/a/state", '{"id":"a","node":"n2","state":"failed","error":{"message":"Bad."}}', "-r"
    )
    boards = watch(Broker(host="127.0.0.1", port=server.port), first_s=0.4, period_s=0.4)
    assert [(board.node, board.status, board.error) for board in next(boards)] == [
        ("n1", "online", ""), ("n2", "online", "a: Bad."),
    ]  # fmt: skip
    server.publish("edgereel/v1/node/n1/status", "offline", "-r")
    assert [board.status for board in next(boards)] == ["offline", "online"]
    boards.close()


def test_a_broker_without_boards_has_none(server: Mosquitto) -> None:
    assert next(watch(Broker(host="127.0.0.1", port=server.port), first_s=0.2)) == []
