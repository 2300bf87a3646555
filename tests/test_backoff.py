"""How soon a board tries again when the broker is gone, and how that goes with what others decide meanwhile."""

from __future__ import annotations

import random
import time
from itertools import accumulate, islice, pairwise
from pathlib import Path

import pytest

from edge import session
from edge.jobqueue import JobQueue
from edge.look import SETTLE_S
from edge.session import LAP_S, backoff
from tests.mosquitto import Mosquitto
from tests.test_broker import connected, queue, until

__all__ = ["queue"]


def test_a_connection_that_lived_for_a_while_is_found_again_at_once(
    tmp_path: Path, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "FIRST_DELAY_S", 0.2)
    monkeypatch.setattr(session, "STEADY_S", 0.3)
    server = Mosquitto(tmp_path / "restless")
    server.start()
    took = []
    with connected(server, queue) as broker:
        for _ in range(6):
            until(lambda: broker.connected)
            time.sleep(0.4)
            server.kill()
            until(lambda: not broker.connected)
            server.start()
            started = time.monotonic()
            until(lambda: broker.connected)
            took.append(time.monotonic() - started)
    server.stop()
    assert max(took[3:]) < 1.2  # doubled each time it would be 1.6 to 4.8 s and more


def test_boards_are_back_before_others_decide_without_them() -> None:
    slowest = list(islice(backoff(lambda: 1.0), 8))
    assert max(slowest) < SETTLE_S
    assert sum(slowest[:3]) < SETTLE_S


def test_the_waits_double_then_come_once_a_lap() -> None:
    low = list(islice(backoff(lambda: 0.0), 6))
    high = list(islice(backoff(lambda: 0.999), 6))
    assert low == [0.5, 1.0, 2.0, 0.0, LAP_S, LAP_S]
    assert high[:3] == pytest.approx([1.5, 3.0, 6.0], rel=0.01)
    assert high[4:] == [LAP_S, LAP_S]


def test_boards_whose_broker_was_away_for_long_come_back_spread_over_a_lap() -> None:
    back = sorted(_after(300.0, random.Random(board)) for board in range(200))
    assert back[-1] <= LAP_S
    assert max(after - before for before, after in pairwise([0.0, *back, LAP_S])) < LAP_S / 10


def _after(away_s: float, rng: random.Random) -> float:
    """How long after the broker's return a board tries that was cut off `away_s` before it."""
    return next(at for at in accumulate(backoff(rng.random)) if at >= away_s) - away_s
