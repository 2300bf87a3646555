"""How soon a board tries again when the broker is gone, and how that goes with what others decide meanwhile."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path

import pytest

from edge import session
from edge.jobqueue import JobQueue
from edge.look import SETTLE_S
from edge.session import MAX_DELAY_S, backoff
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


def test_the_waits_double_are_bounded_and_differ_between_boards() -> None:
    low = list(islice(backoff(lambda: 0.0), 10))
    high = list(islice(backoff(lambda: 0.999), 10))
    assert low[:3] == [0.5, 1.0, 2.0]
    assert high[0] > 2.9 * low[0]
    assert max(high) < 1.5 * MAX_DELAY_S + 1
    assert low[-1] == MAX_DELAY_S / 2
