"""Wall clocks that are a day off, and are set right while a daemon runs: nothing waits a day, and nothing is given up early."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.boards import Board
from tests.faults.conftest import Report
from tests.faults.ledger import read_ledger
from tests.faults.publisher import publisher
from tests.faults.test_repeats import body, until_ended
from tests.mosquitto import Listener, Mosquitto

pytestmark = pytest.mark.long

REQ = "edgereel/v1/node/n1/req"
DAY_S = 24 * 3600
# The real daemon on a wall clock that is off by what stands in a file; it tidies up twice a second.
SCRIPT = """
import os, sys, time
from pathlib import Path
real, file = time.time, Path({file!r})
time.time = lambda: real() + float(file.read_text() or 0)
from edge import daemon, keeper
from edge.settings import load_settings

keeper.PERIOD_S = 0.5
sys.exit(daemon.serve(load_settings(None, overrides=sys.argv[1:], env=os.environ)))
"""


class Wall:
    """The wall clock of a board, off by some seconds."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.script = SCRIPT.replace("{file!r}", repr(str(file)))
        self.set(0)

    def set(self, seconds: float) -> None:
        other = self._file.with_suffix(".new")
        other.write_text(str(seconds))
        other.replace(self._file)


@pytest.fixture
def wall(tmp_path: Path) -> Wall:
    return Wall(tmp_path / "wall")


def in_s(seconds: float) -> str:
    """A deadline, by the clock that is right."""
    return (datetime.now(tz=UTC) + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S], ids=["a day on", "a day back"])
def test_a_jump_of_the_clock_hurts_nothing_that_runs_or_waits(
    jump_s: float, wall: Wall, server: Mosquitto, seen: Listener, make_board: Callable[..., Board],
    much: Callable[[int, int], int], report: Report,
) -> None:  # fmt: skip
    ids = ["runs", *(f"waits{number}" for number in range(much(2, 20)))]
    board = make_board(server, script=wall.script)
    with publisher(server) as client:
        client.await_board()
        client.send(REQ, body("runs", mode="lite", seconds=5))
        for job_id in ids[1:]:
            client.send(REQ, body(job_id, ttl=3600))
        client.flush()
    seen.wait(lambda m: m["topic"].endswith("/runs/progress"))
    server.stop()  # what is told now waits in the outbox
    time.sleep(0.3)
    wall.set(jump_s)
    ledger = until_ended(board, ids, timeout_s=60 + 3 * len(ids))
    server.start()
    with server.listen("edgereel/v1/job/+/state") as later:
        told = {job_id: later.wait_state(job_id, "done", "failed", "expired", timeout_s=60) for job_id in ids}
        expiries = [message["properties"]["message-expiry-interval"] for message in later.messages()
                    if message["topic"].endswith("/state")]  # fmt: skip
        wall.set(0)
        server.publish(REQ, body("after", ttl=60))
        assert later.wait_state("after", "done", "expired")["state"] == "done"
    assert {job_id: (state["state"], state["runs"]) for job_id, state in told.items()} == dict.fromkeys(
        ids, ("done", 1)
    )
    assert all(DAY_S - 600 < seconds <= DAY_S for seconds in expiries)
    assert set(ids) < set(read_ledger([board]).clips)
    report(f"F19 {'+' if jump_s > 0 else '-'}1 day", "the wall clock jumps while a job runs, others wait with a ttl, and answers "
           "wait for the broker", requests=len(ids) + 1, twice=len(ledger.twice), note="each done in its first run; told in full")  # fmt: skip


@pytest.mark.parametrize("off_s", [-DAY_S, DAY_S], ids=["a day behind", "a day ahead"])
def test_a_deadline_is_judged_by_a_clock_that_was_set_right_after_the_start(
    off_s: float, wall: Wall, server: Mosquitto, make_board: Callable[..., Board], report: Report
) -> None:
    wall.set(off_s)
    board = make_board(server, script=wall.script)
    with publisher(server) as client:
        client.await_board()
        wall.set(0)
        assert client.answered(REQ, body("late", deadline=in_s(-60)))["state"] == "expired"
        assert client.answered(REQ, body("soon", deadline=in_s(3600)))["state"] == "done"
        assert client.answered(REQ, body("none", ttl=0))["state"] == "expired"
    runs = +read_ledger([board]).runs
    assert set(runs) == {"soon"}
    report("F19 deadline", f"a start with a clock that is {'ahead' if off_s > 0 else 'behind'} by a day and set right then",
           requests=3, note="what is late is expired and not executed, what has time is done")  # fmt: skip


def test_what_is_too_late_is_not_executed(
    wall: Wall, server: Mosquitto, seen: Listener, make_board: Callable[..., Board], report: Report
) -> None:
    board = make_board(server, script=wall.script)
    with publisher(server) as client:
        client.await_board()
        client.send(REQ, body("first", mode="lite", seconds=2))
        client.send(REQ, body("short", ttl=0.1))  # over before the first has ended
        client.flush()
        assert seen.wait_state("first", "done")
        assert seen.wait_state("short", "expired", "done")["state"] == "expired"
        board.terminate()
        client.send(REQ, body("away"), MessageExpiryInterval=1)
        client.send(REQ, body("awaited"), MessageExpiryInterval=600)
        client.flush()
        time.sleep(2.5)
        board.start()
    assert seen.wait_state("awaited", "done")
    assert set(+read_ledger([board]).runs) == {"first", "awaited"}
    assert seen.states("away") == []
    report("F19 expiry", "a ttl that ends in the queue, a message expiry of 1 s while the board is away", requests=4,
           note="neither is executed")  # fmt: skip


def test_a_restart_with_an_older_clock_neither_waits_nor_gives_up(
    wall: Wall, server: Mosquitto, seen: Listener, make_board: Callable[..., Board], much: Callable[[int, int], int],
    report: Report,
) -> None:  # fmt: skip
    ids = [f"w{number}" for number in range(much(2, 20))]
    board = make_board(server, script=wall.script)
    with publisher(server) as client:
        client.await_board()
        for job_id in ids:
            client.send(REQ, body(job_id, ttl=3600, mode="lite", seconds=1))
        client.flush()
    seen.wait(lambda m: m["topic"].endswith(f"/{ids[0]}/progress"))
    server.stop()
    board.kill()
    wall.set(-DAY_S)
    board.start()
    server.start()
    ledger = until_ended(board, ids, timeout_s=60 + 5 * len(ids))
    lost = sum(ledger.ends.get(job_id) != ["done"] for job_id in ids)
    with server.listen("edgereel/v1/job/+/state") as later:
        for job_id in ids:
            assert later.wait_state(job_id, "done", timeout_s=60)
    report("F19 restart", "kill -9, then a start with a clock that is a day behind", requests=len(ids), lost=lost,
           twice=len(ledger.twice), note="all done within their ttl, and told")  # fmt: skip
