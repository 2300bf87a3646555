"""What waits to be sent, and brokers that do not take it: the rest is sent, in order, and nothing is overtaken by its past."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.connection import Connection
from edge.jobqueue import JobQueue
from edge.mqtt import TOO_LARGE, packet_bytes
from edge.pump import MOST_ENDS, REFUSED_RETRY_S, Pump
from edge.wire import Origin, Outgoing


class Broker:
    """Stands for paho's client on a broker that answers each message with what `answer` says; None ends the connection."""

    def __init__(self, answer: Callable[[str, bytes], int | None]) -> None:
        self.answer = answer
        self.taken: list[str] = []
        self.connections = 0
        self.connection: Connection | None = None
        self.connect()

    def connect(self) -> None:
        self.connections += 1
        connection = Connection(self, ready=True, resumed=True)  # type: ignore[arg-type]
        self._mid = 0
        self.connection = connection

    def publish(self, topic: str, payload: bytes, *_: Any) -> Any:
        self._mid += 1
        connection = self.connection
        assert connection
        if connection.ready:
            reason = self.answer(topic, payload)
            if reason is None:
                connection.ready = False
            else:
                connection.acks.append((self._mid, reason))
                if reason == 0:
                    self.taken.append(topic)
        return SimpleNamespace(mid=self._mid)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with closing(JobQueue(tmp_path / "queue.sqlite", origin=Origin(node="n1", boot="x"))) as queue:
        yield queue


def put(queue: JobQueue, *topics: str, payload: bytes = b"{}", retain: bool = True) -> None:
    for topic in topics:
        with queue._table.commit():
            queue.outbox.add(Outgoing(topic=topic, payload=payload, retain=retain, expiry_s=3600), now=queue.now())


def turn(pump: Pump, broker: Broker, times: int = 1) -> None:
    """What the pump's thread does when it is woken; a connection that ended is made again."""
    for _ in range(times):
        if broker.connection and not broker.connection.ready:
            broker.connect()
        connection = broker.connection
        assert connection
        pump.turn(connection)


def test_what_ends_the_connection_each_time_is_put_off_and_all_else_is_sent(queue: JobQueue) -> None:
    broker = Broker(lambda topic, _: None if topic == "bad" else 0)
    pump = Pump(queue, connection=lambda: broker.connection)
    put(queue, "a", "b", "bad", "c", "d")
    turn(pump, broker, 20)
    assert broker.taken == ["a", "b", "c", "d"]
    assert broker.connections <= 2 + MOST_ENDS
    assert queue.outbox.depth() == 1  # it is tried again later
    (late,) = queue.outbox.due(now=queue.now() + REFUSED_RETRY_S + 1, limit=10)
    assert late.message.topic == "bad"


def test_a_connection_that_ends_by_itself_puts_nothing_off(queue: JobQueue) -> None:
    ends = iter([None, 0, None, 0, None, 0, 0, 0, 0, 0])
    broker = Broker(lambda *_: next(ends))
    pump = Pump(queue, connection=lambda: broker.connection)
    put(queue, "a", "b", "c")
    turn(pump, broker, 10)
    assert broker.taken == ["a", "b", "c"]
    assert queue.outbox.depth() == 0


def test_what_was_refused_does_not_come_after_what_is_newer(queue: JobQueue) -> None:
    allowed: list[str] = []
    broker = Broker(lambda topic, _: 0 if topic in allowed else 0x87)
    pump = Pump(queue, connection=lambda: broker.connection)
    put(queue, "job/a/state", "job/b/state")
    turn(pump, broker, 2)
    allowed += ["job/a/state", "job/b/state"]
    put(queue, "job/a/state")
    turn(pump, broker, 3)
    late = queue.outbox.due(now=queue.now() + REFUSED_RETRY_S + 1, limit=10)
    assert broker.taken == ["job/a/state"]
    assert [pending.message.topic for pending in late] == ["job/b/state"]


def test_what_the_broker_finds_too_large_is_sent_again_shortened(queue: JobQueue) -> None:
    sizes: list[int] = []

    def answer(topic: str, payload: bytes) -> int:
        sizes.append(len(payload))
        return TOO_LARGE if len(payload) > 100 else 0

    broker = Broker(answer)
    pump = Pump(queue, connection=lambda: broker.connection)
    put(queue, "job/a/state", payload=b'{"state":"done","result":{"sha256":"f","plan":"' + b"x" * 500 + b'"}}')
    put(queue, "job/b/state")
    turn(pump, broker, 3)
    assert broker.taken == ["job/b/state", "job/a/state"]
    assert (sizes[0] > 500, sizes[-1] < 100) == (True, True)
    assert queue.outbox.depth() == 0


def test_what_cannot_be_made_small_enough_waits_and_is_kept(queue: JobQueue) -> None:
    broker = Broker(lambda _, payload: TOO_LARGE if len(payload) > 100 else 0)
    pump = Pump(queue, connection=lambda: broker.connection)
    put(queue, "job/a/state", payload=b'{"state":"done","result":{"sha256":"' + b"f" * 500 + b'"}}')
    put(queue, "job/b/state")
    started = time.monotonic()
    turn(pump, broker, 5)
    assert time.monotonic() - started < 5
    assert (broker.taken, broker.connections, queue.outbox.depth()) == (["job/b/state"], 1, 1)
    assert broker.connection
    assert not broker.connection.fits(Outgoing(topic="job/a/state", payload=b"x" * 600))
    assert packet_bytes(Outgoing(topic="job/b/state", payload=b"{}")) < broker.connection.max_packet_bytes
