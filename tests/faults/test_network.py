"""Networks that are slow, cut, half open or too small for what waits: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from edge.wire import FINAL_STATES
from tests.boards import Board
from tests.faults.conftest import Report
from tests.faults.ledger import read_ledger
from tests.faults.proxy import Proxy, proxy
from tests.faults.publisher import publisher
from tests.faults.requests import send_all
from tests.faults.test_repeats import body, until_ended
from tests.mosquitto import Mosquitto

pytestmark = pytest.mark.long

REQ = "edgereel/v1/node/n1/req"
MIB = 1 << 20


@contextmanager
def meanwhile(act: Callable[[threading.Event], None]) -> Iterator[None]:
    """Do something over and over beside the block, until the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=act, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


def cuts(proxies: list[Proxy], *, seed: int, gap_s: tuple[float, float]) -> Callable[[threading.Event], None]:
    chance = random.Random(seed)

    def act(stop: threading.Event) -> None:
        while not stop.wait(chance.uniform(*gap_s)):
            chance.choice(proxies).cut()

    return act


def freezes(proxies: list[Proxy], *, seed: int, held_s: float) -> Callable[[threading.Event], None]:
    chance = random.Random(seed)

    def act(stop: threading.Event) -> None:
        while not stop.wait(chance.uniform(0.5, 3)):
            one = chance.choice(proxies)
            one.frozen.set()
            stop.wait(held_s)
            one.frozen.clear()

    return act


@pytest.mark.parametrize("kind", ["latency of up to 500 ms each way", "cuts at any moment", "half-open connections"])
def test_nothing_is_lost_on_a_bad_network(
    kind: str, tmp_path: Path, server: Mosquitto, make_board: Callable[..., Board], much: Callable[[int, int], int],
    report: Report,
) -> None:  # fmt: skip
    ids = [f"n{number}" for number in range(much(2, 60))]
    held_s = much(2, 12)
    with proxy(server.port) as near, proxy(server.port) as far:
        if kind.startswith("latency"):
            near.latency_s = far.latency_s = much(250, 500) / 1000
        trouble = {
            "cuts at any moment": cuts([near, far], seed=1, gap_s=(0.3, 4)),
            "half-open connections": freezes([near, far], seed=2, held_s=held_s),
        }.get(kind, lambda _: None)
        board = make_board(server, "n1", f"broker.port={near.port}")
        with meanwhile(trouble):
            states = send_all(far, tmp_path, ids, topic=REQ, timeout_s=120 + 5 * len(ids), every_s=0.3)
        connections = near.connections + far.connections
    ledger = read_ledger([board])
    lost = sum(state.get("state") != "done" for state in states.values())
    report("F20", f"{kind}, between board and broker and between requester and broker", requests=len(ids), lost=lost,
           twice=len(ledger.twice), note=f"{connections} connections")  # fmt: skip


def test_results_of_jobs_that_end_without_a_broker_are_told_within_30_s_of_its_return(
    tmp_path: Path, server: Mosquitto, make_board: Callable[..., Board], much: Callable[[int, int], int], report: Report
) -> None:
    ids, down_s = [f"d{number}" for number in range(much(5, 20))], much(5, 60)
    board = make_board(server)
    with publisher(server) as client:
        client.await_board()
        for number, job_id in enumerate(ids):
            client.send(REQ, body(job_id, number))
        client.flush()
        time.sleep(0.5)  # they are taken in
    before = psutil.Process(board.pid).memory_info().rss
    server.stop()
    stopped = time.monotonic()
    until_ended(board, ids, timeout_s=120)
    time.sleep(max(0.0, stopped + down_s - time.monotonic()))
    growth = (psutil.Process(board.pid).memory_info().rss - before) / MIB
    server.start()
    back = time.monotonic()
    with server.listen("edgereel/v1/job/+/state") as seen:
        for job_id in ids:
            assert seen.wait_state(job_id, *FINAL_STATES, timeout_s=back + 30 - time.monotonic())["state"] == "done"
        took_s = time.monotonic() - back
        for job_id in ids:
            revs = [state["rev"] for state in seen.states(job_id)]
            assert revs == sorted(revs)
    assert growth < 5
    report("F5", f"the broker down for {down_s} s while {len(ids)} jobs end", requests=len(ids),
           note=f"all told {took_s:.1f} s after its return, in order; parent {growth:+.1f} MiB (the plan says 10 min)")  # fmt: skip


def test_what_the_broker_drops_from_a_full_queue_is_sent_again(
    tmp_path: Path, make_server: Callable[..., Mosquitto], make_board: Callable[..., Board],
    much: Callable[[int, int], int], report: Report,
) -> None:  # fmt: skip
    ids, down_s = [f"q{number}" for number in range(much(8, 40))], much(2, 10)
    server = make_server("max_queued_messages 5")
    board = make_board(server)
    with publisher(server) as client:
        client.await_board()
    board.terminate()
    threading.Timer(down_s, board.start).start()
    states = send_all(server, tmp_path, ids, topic=REQ, timeout_s=much(90, 300), retry_s=much(1, 3))
    lost = sum(state.get("state") != "done" for state in states.values())
    again = sum(state.get("attempt", 1) > 1 for state in states.values())
    report("F24", f"max_queued_messages 5, the board away for {down_s} s", requests=len(ids), lost=lost,
           twice=len(read_ledger([board]).twice), note=f"{again} had to be sent again")  # fmt: skip
