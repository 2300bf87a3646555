"""A client whose connection breaks, at any moment, or that never had one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge import requester as module
from edge.errors import BrokerError
from edge.requester import Requester
from edge.sections import Broker
from edge.sent import Sent, SentRequest
from tests.mosquitto import Mosquitto, free_port
from tests.puppet import puppet
from tests.queues import ask
from tests.test_requester import POOL, attempts, client


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("SETTLE_S", 0.3), ("NOBODY_S", 0.4), ("ANSWER_S", 0.4), ("RECONNECT_S", 0.1)):
        monkeypatch.setattr(module, name, seconds)


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[Sent]:
    with closing(Sent(tmp_path / "sent.sqlite")) as sent:
        yield sent


def test_a_broker_that_is_killed_ends_neither_the_wait_nor_the_count(server: Mosquitto, tmp_path: Path) -> None:
    with client(server, tmp_path, retry_s=1) as one:
        with puppet(server, "n1", POOL) as board:
            assert attempts(board, 1) == [1]
            server.kill()
        server.start()
        with puppet(server, "n1", POOL) as board:
            assert attempts(board, 1)[0] >= 2
            board.say("a", "done")
            assert one.end()["state"] == "done"


def test_a_publish_that_breaks_counts_as_heard(server: Mosquitto, sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    requester = Requester(Broker(host="127.0.0.1", port=server.port), sent, retry_s=20)
    requester.add(SentRequest(request=ask("a"), topic=POOL))
    real = module.Link.publish

    def cut_off(self: module.Link, message: Any) -> bool:
        monkeypatch.setattr(module.Link, "publish", real)
        real(self, message)
        raise BrokerError("The connection to the broker ended.")

    monkeypatch.setattr(module.Link, "publish", cut_off)
    with puppet(server, "n1", POOL) as board:
        requester.follow(until=lambda: not board.requests.empty() and board.requests.qsize() == 2,
                         deadline=time.monotonic() + 10)  # fmt: skip
        assert attempts(board, 2) == [1, 2]


def test_no_broker_at_all_is_an_error_at_once_or_after_the_time_of_a_patient_one(tmp_path: Path, sent: Sent) -> None:
    nowhere = Broker(host="127.0.0.1", port=free_port())
    for patient, at_least_s in ((False, 0.0), (True, 0.5)):
        requester = Requester(nowhere, sent, patient=patient)
        requester.add(SentRequest(request=ask("a"), topic=POOL))
        began = time.monotonic()
        with pytest.raises(BrokerError, match="cannot be reached"):
            requester.follow(until=lambda: False, deadline=began + 0.5)
        assert at_least_s <= time.monotonic() - began < 5
    assert [one.request.id for one in sent.open()] == ["a"]
