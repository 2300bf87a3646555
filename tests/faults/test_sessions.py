"""Boards that stand still, share a name, or come back all at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from edge.sections import Broker
from edge.session import TAKEN_OVER_DELAY_S, Session
from tests.boards import Board
from tests.faults.conftest import Report
from tests.faults.requests import send_all
from tests.mosquitto import Listener, Mosquitto

pytestmark = pytest.mark.long

KEEPALIVE_S = 5  # the least that the settings allow
SLACK_S = 1.0


def statuses(seen: Listener, node: str) -> list[str]:
    topic = f"edgereel/v1/node/{node}/status"
    return [message["payload"] for message in seen.messages() if message["topic"] == topic]


def await_statuses(seen: Listener, node: str, wanted: list[str], *, timeout_s: float) -> float:
    """How many seconds it took until exactly these were seen."""
    started = time.monotonic()
    while statuses(seen, node) != wanted:
        assert time.monotonic() - started < timeout_s, statuses(seen, node)
        time.sleep(0.1)
    return time.monotonic() - started


def test_a_board_that_stands_still_is_told_offline_and_comes_back_by_itself(
    tmp_path: Path, server: Mosquitto, seen: Listener, make_board: Callable[..., Board],
    much: Callable[[int, int], int], report: Report,
) -> None:  # fmt: skip
    still = make_board(server, "still")
    other = make_board(server, "other")
    for node in ("still", "other"):
        await_statuses(seen, node, ["online"], timeout_s=30)
    os.kill(still.pid, signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        will_s = await_statuses(seen, "still", ["online", "offline"], timeout_s=2.5 * KEEPALIVE_S)
        states = send_all(server, tmp_path, ["a"], topic="edgereel/v1/node/other/req", timeout_s=60)
        time.sleep(max(0.0, stopped + much(0, 3 * KEEPALIVE_S) - time.monotonic()))
    finally:
        os.kill(still.pid, signal.SIGCONT)
    back_s = await_statuses(seen, "still", ["online", "offline", "online"], timeout_s=5)
    time.sleep(much(1, 10))
    assert statuses(seen, "still") == ["online", "offline", "online"]
    assert statuses(seen, "other") == ["online"]
    states |= send_all(server, tmp_path, ["b"], topic="edgereel/v1/node/still/req", timeout_s=60)
    lost = sum(state.get("state") != "done" for state in states.values())
    assert other.process
    report("F6", f"SIGSTOP of one of two boards for {'3 x' if much(0, 1) else 'about 2 x'} keepalive", requests=2, lost=lost,
           note=f"offline told after {will_s / KEEPALIVE_S:.1f} x keepalive, online {back_s:.1f} s after SIGCONT, 2 changes")  # fmt: skip


def connects(board: Board) -> int:
    return board.log.read_text().count("Connected to")


def test_two_daemons_of_one_name_take_turns_slowly_and_say_what_to_do(
    server: Mosquitto, make_board: Callable[..., Board], much: Callable[[int, int], int], report: Report
) -> None:
    boards = [make_board(server, folder, "node.id=same") for folder in ("one", "two")]
    _until(lambda: sum(map(connects, boards)) >= 4, timeout_s=60)  # each was cut off once, and has seen why
    before, started = [connects(board) for board in boards], time.monotonic()
    time.sleep(much(6, 60))
    watched_s = time.monotonic() - started
    made = [connects(board) - number for board, number in zip(boards, before, strict=True)]
    assert max(made) <= 1 + watched_s / TAKEN_OVER_DELAY_S
    said = "Another client connects as edgereel-same: give each board its own node.id."
    _until(lambda: any(said in board.log.read_text() for board in boards), timeout_s=30)
    report("F14", "two daemons with one node.id and different folders", requests=0,
           note=f"then {made[0]} and {made[1]} connects in {watched_s:.0f} s; the log says to give each its own node.id")  # fmt: skip


def test_a_second_daemon_in_the_same_folder_refuses_to_start(
    server: Mosquitto, seen: Listener, make_board: Callable[..., Board], report: Report
) -> None:
    first = make_board(server, "n1")
    await_statuses(seen, "n1", ["online"], timeout_s=30)
    second = make_board(server, "n2", f"paths.state={first.folder}/state")
    assert second.process
    assert second.process.wait(20) == 6
    assert "Another edgereel already serves from" in second.log.read_text()
    assert statuses(seen, "n2") == []
    assert first.process
    assert first.process.poll() is None
    report("F14", "two daemons with one state folder", requests=0, note="the second refuses, exit code 6")


@contextmanager
def session(server: Mosquitto, name: str, opened: Callable[[], None]) -> Iterator[Session]:
    one = Session(
        Broker(host="127.0.0.1", port=server.port), client_id=name, expiry_s=60, topics=lambda: [f"only/{name}"],
        handle=lambda _: None, opened=lambda _: opened(), acked=threading.Event(),
    )  # fmt: skip
    one.start()
    try:
        yield one
    finally:
        one.close()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_fleet_that_lost_its_broker_does_not_come_back_in_one_moment(
    end: str, server: Mosquitto, much: Callable[[int, int], int], report: Report
) -> None:
    if end == "kill" and not much(0, 1):  # the short form has one way to lose a broker: half a minute is saved
        pytest.skip("`make faults` also kills the broker")
    count, down_s = 20, much(4, 30)
    times: list[float] = []
    with ExitStack() as stack:
        sessions = [
            stack.enter_context(session(server, f"board-{number}", lambda: times.append(time.monotonic())))
            for number in range(count)
        ]
        _until(lambda: len(times) == count, timeout_s=30)
        getattr(server, end)()
        time.sleep(down_s)
        times.clear()
        server.start()
        back = time.monotonic()
        _until(lambda: len(times) == count, timeout_s=60)
        assert all(one.alive for one in sessions)
    spread_s, last_s = max(times) - min(times), max(times) - back
    peak = max(sum(start <= moment < start + 1 for moment in times) for start in times)
    assert last_s <= 30
    assert spread_s >= much(2, 10)
    assert peak <= much(16, 10)
    report(f"F15 {end}", f"{count} clients, the broker away for {down_s} s", requests=0,
           note=f"they come back over {spread_s:.0f} s, the last after {last_s:.0f} s, at most {peak} in a second")  # fmt: skip


def _until(done: Callable[[], bool], *, timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < until
        time.sleep(0.05)
