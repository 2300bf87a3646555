"""Many boards, one broker: work is shared, handed on and handed back, and outlives boards."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from edge.requester import RETRY_S
from tests.boards import Board
from tests.faults.conftest import Report
from tests.faults.ledger import read_ledger, untold
from tests.faults.requests import send_all
from tests.mosquitto import Listener, Mosquitto

pytestmark = pytest.mark.long

POOL_REQ = "edgereel/v1/pool/p/req"
BUSY = ("fleet.pools=[p]", "fleet.high=4", "fleet.low=2", "fleet.calm_s=1")  # two jobs last until it is calm
SMALL = ("fleet.pools=[p]", "fleet.high=3", "fleet.low=1", "fleet.calm_s=1", "fleet.session_expiry_s=10")


@pytest.fixture
def loads(server: Mosquitto) -> Iterator[Listener]:
    """The load messages, and no more: who listens to the requests of a pool counts as a board that takes them."""
    with server.listen("edgereel/v1/node/+/load") as listener:
        yield listener


def until(condition: Callable[[], object], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def joined(seen: Listener, node: str, *, count: int = 1) -> bool:
    loads = [m["body"] for m in seen.messages() if m["topic"] == f"edgereel/v1/node/{node}/load"]
    return sum(bool((body.get("pools") or {}).get("joined")) for body in loads[-3:]) >= count


def test_a_fleet_of_eight_does_everything_though_boards_die_and_the_broker_restarts(
    tmp_path: Path, server: Mosquitto, loads: Listener, make_board: Callable[..., Board],
    much: Callable[[int, int], int], report: Report,
) -> None:  # fmt: skip
    ids = [f"f{number}" for number in range(much(24, 400))]
    boards = {f"n{number}": make_board(server, f"n{number}", *SMALL, "queue.limit=8", fake=True) for number in range(8)}
    until(lambda: all(joined(loads, node) for node in boards))
    started = time.monotonic()

    def trouble() -> None:
        part = len(ids) * 0.1
        time.sleep(part * 0.3)
        boards["n1"].kill()
        time.sleep(part * 0.3)
        server.stop()
        server.start()
        boards["n2"].kill()
        server.publish("edgereel/v1/node/n3/mode/set", "paused")

    thread = threading.Thread(target=trouble)
    thread.start()
    states = send_all(
        server, tmp_path, ids, topic=POOL_REQ, every_s=0.1, timeout_s=300, offline_s=5,
        prompt=lambda _: "a slow fish", mode="direct",
    )  # fmt: skip
    took = time.monotonic() - started
    thread.join(60)
    ledger = read_ledger(boards.values())
    shares = Counter(str(state.get("node")) for state in states.values())
    healthy = [shares[node] for node in boards if node not in ("n1", "n2", "n3")]
    mean = sum(healthy) / len(healthy)
    off = max(abs(one - mean) for one in healthy) / mean
    lost = sum(state.get("state") != "done" for state in states.values())
    again = set(ledger.twice) & untold([boards["n1"], boards["n2"]])  # nobody could know of those
    report(
        "fleet of 8", "two boards killed for good, one broker restart, one board paused (stand-in generator, 1 s a job)",
        requests=len(ids), lost=lost, twice=len(set(ledger.twice) - again),
        note=f"shares of the five others: {sorted(healthy)}, at most {off:.0%} off their mean; {len(ids) / took:.1f} jobs/s; "
        f"{len(again)} done again which a board had done that died for good before it could tell",
    )  # fmt: skip
    assert off <= 0.25 or len(ids) < 400


def test_a_fleet_is_nearly_as_fast_as_its_boards_together(
    tmp_path: Path, server: Mosquitto, loads: Listener, make_board: Callable[..., Board],
    much: Callable[[int, int], int], report: Report,
) -> None:  # fmt: skip
    alone = make_board(server, "alone", *BUSY, fake=True)
    until(lambda: joined(loads, "alone"))
    count = much(2, 40)

    def jobs_per_s(prefix: str, number: int) -> float:
        ids = [f"{prefix}{one}" for one in range(number)]
        send_all(
            server,
            tmp_path / prefix,
            ids[:1],
            topic=POOL_REQ,
            timeout_s=60,
            prompt=lambda _: "a slow fish",
            mode="direct",
        )
        started = time.monotonic()
        states = send_all(
            server,
            tmp_path / prefix,
            ids[1:],
            topic=POOL_REQ,
            timeout_s=300,
            every_s=0.1,
            retry_s=RETRY_S,  # as shipped: sent twice in three seconds, every second copy is one too many
            prompt=lambda _: "a slow fish",
            mode="direct",
        )
        assert {state["state"] for state in states.values()} == {"done"}
        return len(ids[1:]) / (time.monotonic() - started)

    one = jobs_per_s("one", count + 1)
    alone.terminate()  # killed, it would get its share of the requests until its session ends
    boards = [make_board(server, f"n{number}", *BUSY, fake=True) for number in range(much(3, 8))]
    until(lambda: all(joined(loads, board.node) for board in boards))
    for board in boards:  # every engine is started once before the clock runs
        send_all(
            server,
            tmp_path / board.node,
            [f"warm-{board.node}"],
            topic=f"edgereel/v1/node/{board.node}/req",
            timeout_s=60,
            prompt=lambda _: "a fish",
            mode="direct",
        )
    many = jobs_per_s("many", len(boards) * count + 1)
    share = many / (one * len(boards))
    report("fleet throughput", f"{len(boards)} boards against one (stand-in generator, 1 s a job)",
           requests=len(boards) * count + count, note=f"{many:.2f} jobs/s, {share:.2f} of {len(boards)} times one board")  # fmt: skip
    assert share >= 0.9 or count < 40


def test_requests_in_the_session_of_a_board_that_is_gone_are_done_by_another(
    tmp_path: Path, server: Mosquitto, loads: Listener, make_board: Callable[..., Board],
    much: Callable[[int, int], int], report: Report,
) -> None:  # fmt: skip
    ids = [f"g{number}" for number in range(much(6, 100))]
    boards = [make_board(server, node, *SMALL) for node in ("n1", "n2")]
    until(lambda: all(joined(loads, board.node) for board in boards))
    boards[0].kill()  # its session stays for 10 s, and the broker goes on dealing to it
    began = time.monotonic()
    states = send_all(server, tmp_path, ids, topic=POOL_REQ, timeout_s=60 + 3 * len(ids), every_s=0.2)
    took = time.monotonic() - began
    lost = sum(state.get("state") != "done" for state in states.values())
    report("F7", "one of two boards gone, its session still at the broker", requests=len(ids), lost=lost,
           twice=len(read_ledger(boards).twice), note=f"{dict(Counter(state.get('node') for state in states.values()))} in {took:.0f} s")  # fmt: skip


def test_a_board_that_has_enough_leaves_its_pool_and_comes_back(
    tmp_path: Path, server: Mosquitto, seen: Listener, make_board: Callable[..., Board],
    much: Callable[[int, int], int], report: Report,
) -> None:  # fmt: skip
    boards = [make_board(server, node, *SMALL, "queue.limit=4") for node in ("n1", "n2")]
    until(lambda: all(joined(seen, board.node) for board in boards))
    ids = [f"o{number}" for number in range(much(14, 50))]
    states = send_all(server, tmp_path, ids, topic=POOL_REQ, timeout_s=300, retry_s=30)
    lost = sum(state.get("state") != "done" for state in states.values())
    left = [node for node in ("n1", "n2") if not all_joined(seen, node)]
    until(lambda: all(joined(seen, board.node) for board in boards))
    hops = [_hops(message) for message in seen.messages() if message["topic"] == POOL_REQ]
    assert left == ["n1", "n2"]
    assert max(hops) <= 3
    report("F8", f"{len(ids)} requests at once to two boards that take 4 each", requests=len(ids), lost=lost,
           twice=len(read_ledger(boards).twice), note=f"both left the pool and came back; at most {max(hops)} hops")  # fmt: skip


def test_when_every_board_is_full_the_requester_is_told_when_to_try_again(
    tmp_path: Path, server: Mosquitto, seen: Listener, make_board: Callable[..., Board], report: Report
) -> None:
    board = make_board(server, "n1", "fleet.pools=[p]", "fleet.high=9", "queue.limit=1", fake=True)
    until(lambda: joined(seen, "n1"))
    server.publish(POOL_REQ, msgspec.json.encode({"id": "long", "prompt": "a long fish"}))
    seen.wait_state("long", "running")
    server.publish(POOL_REQ, msgspec.json.encode({"id": "more", "prompt": "a fish"}))
    state = seen.wait_state("more", "rejected")
    copies = [
        message for message in seen.messages() if message["topic"] == POOL_REQ and message["body"].get("id") == "more"
    ]
    assert state["error"]["code"] == "overloaded"
    assert state["error"]["retry_after_s"] > 0
    assert len(copies) <= 4
    assert board.process
    report("F9", "one more request than all boards take", requests=1,
           note=f"rejected with retry_after_s after {len(copies) - 1} hops")  # fmt: skip


def all_joined(seen: Listener, node: str) -> bool:
    """Whether every load message of a board says that it is in its pool, once it has been."""
    loads = [m["body"] for m in seen.messages() if m["topic"] == f"edgereel/v1/node/{node}/load"]
    states = [bool((body.get("pools") or {}).get("joined")) for body in loads]
    return all(states[states.index(True) :])


def _hops(message: dict[str, object]) -> int:
    body = message["body"]
    return int(body.get("hops", 0)) if isinstance(body, dict) else 0
