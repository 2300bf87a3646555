"""Brokers that do not take what a board says: packets too large, topics forbidden, answers that no broker may give."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.boards import Board
from tests.faults.conftest import Report
from tests.faults.publisher import publisher
from tests.faults.test_repeats import body
from tests.mosquitto import Mosquitto

REQ = "edgereel/v1/node/n1/req"
SOON = """
import os, sys
from edge import daemon, pump
from edge.settings import load_settings
pump.REFUSED_RETRY_S = 2.0
sys.exit(daemon.serve(load_settings(None, overrides=sys.argv[1:], env=os.environ)))
"""


def connections(board: Board) -> int:
    return board.log.read_text().count("Connected to")


@pytest.mark.parametrize("limit", ["max_packet_size 20000", "message_size_limit 1000"])
def test_a_result_that_is_too_large_for_the_broker_is_shortened_and_the_rest_flows(
    limit: str,
    make_server: Callable[..., Mosquitto],
    make_board: Callable[..., Board],
    much: Callable[[int, int], int],
    report: Report,
) -> None:
    count = much(1, 5)
    server = make_server(limit)
    board = make_board(server)
    with publisher(server) as client, server.listen("edgereel/v1/#") as seen:
        client.await_board()
        for number in range(count):
            answer = client.answered(
                REQ, body(f"large{number}", deliver="inline", mode="lite", seconds=4), timeout_s=90
            )
            assert answer["state"] == "done"
            assert "inline" not in answer["result"]
            assert answer["result"]["sha256"]
            assert seen.wait_state(f"large{number}", "done")["result"]["sha256"] == answer["result"]["sha256"]
        client.send(f"{REQ[:-3]}cmd", b"ping")
        assert client.answered(REQ, b'{"prompt": ""}')["state"] == "rejected"
    made = connections(board)
    assert made == 1
    report("F11", f"{limit}, clips asked for inline", requests=count,
           note=f"{made} connection, the answer is shortened to what names the clip")  # fmt: skip


def test_a_state_that_the_broker_forbids_is_kept_and_told_when_it_is_allowed(
    tmp_path: Path, make_server: Callable[..., Mosquitto], make_board: Callable[..., Board],
    much: Callable[[int, int], int], report: Report,
) -> None:  # fmt: skip
    count = much(2, 10)
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite #\ntopic read $SYS/#\ntopic deny edgereel/v1/job/+/state\n")
    server = make_server(f"acl_file {acl}")
    board = make_board(server, script=SOON if much(1, 0) else "")
    with publisher(server) as client:
        client.await_board()
        for number in range(count):
            assert client.answered(REQ, body(f"denied{number}"))["state"] == "done"  # other topics are allowed
        client.send(REQ, body("across", mode="lite", seconds=4))
        client.flush()
        time.sleep(1)
        acl.write_text("topic readwrite #\ntopic read $SYS/#\n")
        assert server._process
        server._process.send_signal(signal.SIGHUP)
        allowed = time.monotonic()
        with server.listen("edgereel/v1/job/+/state") as seen:
            for job_id in (*(f"denied{number}" for number in range(count)), "across"):
                assert seen.wait_state(job_id, "done", timeout_s=100)
        took_s = time.monotonic() - allowed
        time.sleep(much(3, 65))  # what was refused before does not come after it
        with server.listen("edgereel/v1/job/+/state") as seen:
            for job_id in (*(f"denied{number}" for number in range(count)), "across"):
                seen.wait_state(job_id, "done", timeout_s=5)
            assert {state["state"] for state in seen.states()} == {"done"}
    assert connections(board) == 1
    assert "refuses a message on edgereel/v1/job/denied0/state" in board.log.read_text()
    report("F12", "the ACL forbids the topics of states; SIGHUP with one that allows them", requests=count + 1,
           note=f"told {took_s:.0f} s later, the newest state of each is what stays; one connection")  # fmt: skip
