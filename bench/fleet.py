"""Jobs a second of 1, 2, 4 and 8 boards that share a pool; a stand-in that sleeps a second is their generator."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.daemon import BASE, Ear, a_broker
from bench.store import Row
from tests.boards import Board

BOARDS = (1, 2, 4, 8)
POOL = ("fleet.pools=[p]", "fleet.high=3", "fleet.low=2", "fleet.calm_s=0.5")
WAY = "{} boards, stand-in generator"


def boards(*, quick: bool) -> list[Row]:
    """Ten jobs for each board, given to the pool at once; ideal is one a second and board."""
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
    with tempfile.TemporaryDirectory() as name, a_broker(Path(name)) as broker, ExitStack() as ends:
        ear = Ear(broker.port)
        ends.callback(ear.close)
        nodes = [f"n{number}" for number in range(count)]
        for node in nodes:
            board = Board(Path(name) / node, broker, *POOL, node=node, fake=True)
            board.start()
            ends.callback(board.end)
        for node in nodes:  # each engine is there before it counts
            job = f"warm-{node}"
            ear.wait(lambda heard, node=node: heard.topic == f"{BASE}/node/{node}/load")  # type: ignore[misc]
            ear.say(f"node/{node}/req", {"id": job, "prompt": "quick"})
            ear.wait_end(job)
        began = ear.say("pool/p/req", {"id": "job-0", "prompt": "slow 0"})
        for number in range(1, jobs):
            ear.say("pool/p/req", {"id": f"job-{number}", "prompt": f"slow {number}"})
        left, did, last = {f"job-{number}" for number in range(jobs)}, dict.fromkeys(nodes, 0.0), began
        while left:
            heard = ear.wait(lambda one: one.topic.endswith("/state"))
            job = heard.topic.split("/")[-2]
            body = json.loads(heard.payload or b"{}")
            if job in left and body.get("state") == "done":
                left.remove(job)
                did[body["node"]] += 1
                last = heard.at
        return last - began, list(did.values())
