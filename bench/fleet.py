"""Jobs a second of 1, 2, 4 and 8 boards that share a pool; a stand-in that sleeps a second is their generator."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from bench.daemon import BASE, a_broker
from bench.store import Row
from edge.requester import RETRY_S
from tests.boards import Board
from tests.faults.requests import send_all
from tests.mosquitto import Listener, Mosquitto

BOARDS = (1, 2, 4, 8)
POOL = ("fleet.pools=[p]", "fleet.high=4", "fleet.low=2", "fleet.calm_s=1")
EVERY_S = 0.1  # between two requests: more than eight boards do
READY_S = 120.0
WAY = "{} boards, stand-in generator"


def boards(*, quick: bool) -> list[Row]:
    """Ten jobs for each board, given to their pool by the shipped requester; ideal is one a second and board."""
    rows: list[Row] = []
    for count in BOARDS[:2] if quick else BOARDS:
        jobs = (3 if quick else 10) * count
        seconds, per_board = _run(count, jobs)
        way = WAY.format(count)
        rows += [
            Row(way=way, column="jobs a second", unit="1/s", values=[jobs / seconds]),
            Row(way=way, column="a second and board", unit="1/s", values=[jobs / seconds / count]),
            Row(way=way, column="jobs of the busiest board", unit="", values=[max(per_board)]),
            Row(way=way, column="jobs of the idlest board", unit="", values=[min(per_board)]),
        ]
    return rows


def _run(count: int, jobs: int) -> tuple[float, list[float]]:
    """Seconds until all are done, and how many each board did."""
    nodes = [f"n{number}" for number in range(count)]
    with (
        tempfile.TemporaryDirectory() as name,
        a_broker(Path(name)) as broker,
        ExitStack() as ends,
        broker.listen(
            f"{BASE}/node/+/load"
        ) as loads,  # no more: who hears a pool's requests counts as one that takes them
    ):
        folder = Path(name)
        for node in nodes:
            board = Board(folder / node, broker, *POOL, node=node, fake=True)
            board.start()
            ends.callback(board.terminate)  # killed, its engine's work would count as that of others
        until = time.monotonic() + READY_S
        while not all(_joined(loads, node) for node in nodes):
            if time.monotonic() > until:
                raise RuntimeError(f"the boards are not in their pool after {READY_S:.0f} s")
            time.sleep(0.05)
        for node in nodes:  # each engine is there before it counts
            _all_done(
                broker, folder / f"warm-{node}", [f"warm-{node}"], topic=f"{BASE}/node/{node}/req", prompt="a fish"
            )
        began = time.monotonic()
        ids = [f"job-{number}" for number in range(jobs)]
        did = _all_done(broker, folder / "jobs", ids, topic=f"{BASE}/pool/p/req", prompt="a slow fish")
        return time.monotonic() - began, [float(did[node]) for node in nodes]


def _all_done(broker: Mosquitto, folder: Path, ids: list[str], *, topic: str, prompt: str) -> Counter[str]:
    """How many of these jobs each board did. Raises RuntimeError when one of them did not end in a result."""
    states = send_all(
        broker, folder, ids, topic=topic, timeout_s=300, every_s=EVERY_S, retry_s=RETRY_S, prompt=lambda _: prompt,
        mode="direct",
    )  # fmt: skip
    if failed := [state for state in states.values() if state.get("state") != "done"]:
        raise RuntimeError(f"{len(failed)} of {len(ids)} jobs were not done: {failed[0]}")
    return Counter(state["node"] for state in states.values())


def _joined(loads: Listener, node: str) -> bool:
    mine = [message["body"] for message in loads.messages() if message["topic"] == f"{BASE}/node/{node}/load"]
    return bool(mine) and bool(mine[-1]["pools"]["joined"])
