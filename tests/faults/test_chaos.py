"""Boards and their broker killed over and over while requests come, with a broker as Debian ships it and a tuned one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.boards import Board
from tests.faults.chaos import Chaos
from tests.faults.conftest import Report
from tests.faults.ledger import read_ledger
from tests.faults.requests import send_all
from tests.mosquitto import Mosquitto

POOL_REQ = "edgereel/v1/pool/p/req"
# Ten attempts: it is not a job's fault that its boards die all the time.
FLEET = ("fleet.pools=[p]", "fleet.high=6", "fleet.low=3", "fleet.calm_s=1", "queue.limit=32", "engine.max_attempts=10")


@pytest.mark.parametrize(("fault", "kind"), [("F2", "tuned"), ("F3", "stock")])
def test_no_request_is_lost_or_done_twice_while_boards_and_broker_are_killed(
    fault: str, kind: str, tmp_path: Path, make_board: Callable[..., Board], much: Callable[[int, int], int],
    report: Report,
) -> None:  # fmt: skip
    ids = [f"q{number}" for number in range(much(24, {"tuned": 1500, "stock": 500}[kind]))]
    server = Mosquitto(tmp_path / "mosquitto", stock=kind == "stock")
    server.start()
    try:
        boards = [make_board(server, node, *FLEET) for node in ("n1", "n2", "n3")]
        with Chaos(boards, server, targets=("board", "broker"), gap_s=(5, 9), seed=len(ids)) as chaos:
            states = send_all(
                server,
                tmp_path,
                ids,
                topic=POOL_REQ,
                every_s=0.4,
                timeout_s=120 + 3 * len(ids),
                retry_s=10,
                offline_s=8,
            )
        ledger = read_ledger(boards)
    finally:
        server.stop()
    lost = sum(state.get("state") != "done" for state in states.values())
    again = sum(state.get("attempt", 1) > 1 for state in states.values())
    report(
        fault, f"kill -9 of 3 boards and a {kind} broker, one of them every 5 to 9 s", requests=len(ids), lost=lost,
        twice=len(ledger.twice), note=f"kills: {dict(chaos.kills)}; {again} were sent again",
    )  # fmt: skip
