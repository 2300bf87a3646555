"""What comes twice, what comes from the past, and what is taken back: each id has one end, and runs once at most."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest

from edge.wire import job_topic
from tests.boards import Board
from tests.faults.conftest import Report
from tests.faults.ledger import Ledger, read_ledger
from tests.faults.publisher import publisher
from tests.faults.requests import PROMPTS, SHORT
from tests.mosquitto import Listener, Mosquitto

REQ = "edgereel/v1/node/n1/req"
POOL = "edgereel/v1/pool/p/req"
FINAL = ("done", "failed", "cancelled", "expired")


def body(job_id: str, number: int = 0, **fields: object) -> bytes:
    return msgspec.json.encode({"id": job_id, "prompt": PROMPTS[number % len(PROMPTS)], **SHORT, **fields})


def until_ended(board: Board, ids: Iterable[str], *, timeout_s: float) -> Ledger:
    """The ledger once all of these have ended, or after this time."""
    wanted = set(ids)
    until = time.monotonic() + timeout_s
    while (ledger := read_ledger([board])).ends.keys() < wanted and time.monotonic() < until:
        time.sleep(0.3)
    return ledger


@pytest.mark.parametrize("engine", ["real generator", "fake engine"])
def test_a_request_that_comes_twice_is_executed_once(
    engine: str, server: Mosquitto, make_board: Callable[..., Board], much: Callable[[int, int], int], report: Report
) -> None:
    fake = engine == "fake engine"
    count = much(30, 400) if fake else much(5, 100)
    ids = [f"t{number}" for number in range(count)]
    chance = random.Random(4)
    # The second one comes directly after the first, while it waits, while it runs, or when it is done.
    sends = [(number, number) for number in range(count)]
    sends += [(number + chance.choice((0.1, 1, 2, 5, count / 3)), number) for number in range(count)]
    board = make_board(server, "n1", "queue.limit=1000", fake=fake)
    with publisher(server) as client:
        client.await_board()
        for _, number in sorted(sends):
            client.send(REQ, body(ids[number], number))
            time.sleep(0.02 if fake else 0.2)
        client.flush()
    ledger = until_ended(board, ids, timeout_s=60 + count)
    time.sleep(1)
    assert sum(read_ledger([board]).runs.values()) == sum(ledger.runs.values())
    lost = sum(ledger.ends.get(job_id) != ["done"] for job_id in ids)
    report(
        "F4", f"each request sent twice, to the {engine}", requests=count,
        lost=lost, twice=len(ledger.twice), note=f"{2 * count} messages, {sum(ledger.runs.values())} executions",
    )  # fmt: skip


def test_a_retained_request_never_runs_however_often_the_board_subscribes(
    server: Mosquitto, seen: Listener, make_board: Callable[..., Board], much: Callable[[int, int], int], report: Report
) -> None:
    with publisher(server) as client:  # planted before the board was ever here
        client.send(REQ, body("old-named"), retain=True)
        client.send(POOL, body("old-pooled"), retain=True)
        client.flush()
    board = make_board(server, "n1", "fleet.pools=[p]", "fleet.session_expiry_s=3600")
    restarts = much(2, 20)
    for number in range(restarts):
        seen.wait(lambda m, n=number: m["topic"].endswith("/birth") and _births(seen) > n)  # type: ignore[misc]
        seen.wait(lambda m: m.get("payload") == "online")
        time.sleep(0.3)
        board.terminate(signal.SIGKILL if number % 2 else signal.SIGTERM)
        if number == 0:  # a session waits for the board now: this one is delivered, and says that it was retained
            with publisher(server) as client:
                client.send(REQ, body("new-named"), retain=True)
                client.flush()
        board.start()
    server.publish(REQ, body("good"))
    assert seen.wait_state("good", "done", "failed")["state"] == "done"
    ledger = read_ledger([board])
    assert set(+ledger.runs) == {"good"}
    refusals = [state for state in seen.states() if state["state"] == "rejected"]
    assert {state["id"] for state in refusals} <= {"new-named"}
    assert len(refusals) <= 2
    report("F10", "retained requests, by name and to a pool", requests=3, twice=sum(ledger.runs.values()) - 1,
           note=f"{restarts} restarts, each subscribes again: executed 0 times, {len(refusals)} told as refused")  # fmt: skip


def _births(seen: Listener) -> int:
    return sum(message["topic"].endswith("/birth") for message in seen.messages())


def test_a_cancel_at_any_moment_leaves_one_end_and_what_was_cancelled_first_never_runs(
    server: Mosquitto, seen: Listener, make_board: Callable[..., Board], much: Callable[[int, int], int], report: Report
) -> None:
    count = much(8, 100)
    board = make_board(server, "n1", "queue.limit=1000")
    chance = random.Random(17)
    before = [f"before{number}" for number in range(count)]
    during = [f"during{number}" for number in range(count)]
    with publisher(server) as client:
        client.await_board()
        for job_id in before:
            client.send(job_topic(job_id, "cancel"), b"")
            client.send(job_topic(f"nobody-{job_id}", "cancel"), b'{"reason": "no such job"}')
            client.send(REQ, body(job_id))
        for number, job_id in enumerate(during):
            client.send(REQ, body(job_id, number))
            time.sleep(chance.uniform(0, 1.2))  # it waits, it begins, it is at work, or it has ended
            for _ in range(number % 2 + 1):
                client.send(job_topic(job_id, "cancel"), b"")
        client.flush()
    ledger = until_ended(board, [*before, *during], timeout_s=60 + count)
    with publisher(server) as client:  # and long after: nothing changes any more
        for job_id in (*before, *during):
            client.send(job_topic(job_id, "cancel"), b"")
        client.flush()
    server.publish(REQ, body("good"))
    assert seen.wait_state("good", "done", "failed")["state"] == "done"
    told = {job_id: {s["state"] for s in seen.states(job_id)} & set(FINAL) for job_id in (*before, *during)}
    assert {job_id: states for job_id, states in told.items() if len(states) != 1} == {}
    assert {told[job_id].pop() for job_id in before} == {"cancelled"}
    assert ledger.ends | {"good": ["done"]} == read_ledger([board]).ends
    assert not set(before) & set(+ledger.runs)
    cancelled = [job_id for job_id in during if ledger.ends[job_id] == ["cancelled"]]
    executed = [job_id for job_id in (*before, *cancelled) if ledger.runs[job_id] or ledger.clips[job_id]]
    report("F17", "cancels before, during and after, twice, and of unknown jobs", requests=2 * count + 1,
           twice=len(executed), note=f"one end each; {len(cancelled)} of {count} cancelled on their way; none of the "
           "cancelled was done")  # fmt: skip


def test_a_cancel_of_a_job_that_runs_stops_it_and_leaves_no_clip(
    tmp_path: Path, server: Mosquitto, seen: Listener, make_board: Callable[..., Board], report: Report
) -> None:
    board = make_board(server)
    seen.wait(lambda m: m.get("payload") == "online")
    server.publish(REQ, body("long", mode="lite", seconds=20))
    seen.wait(lambda m: m["topic"].endswith("/long/progress"))
    for _ in range(2):
        server.publish(job_topic("long", "cancel"), "")
    assert seen.wait_state("long", "cancelled", "done")["state"] == "cancelled"
    server.publish(job_topic("long", "cancel"), "")
    server.publish(REQ, body("long", mode="lite", seconds=20))  # sent again: it stays cancelled
    server.publish(REQ, body("good"))
    assert seen.wait_state("good", "done", "failed")["state"] == "done"
    ledger = read_ledger([board])
    assert ledger.ends == {"long": ["cancelled"], "good": ["done"]}
    assert (set(ledger.clips), ledger.parts) == ({"good"}, [])
    report("F17", "two cancels in the middle of a run, one after it, then the request again", requests=2,
           note="cancelled once, no clip, no temporary file")  # fmt: skip
