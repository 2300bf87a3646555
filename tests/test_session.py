"""A session that is kept up at a real broker: what was lost is told again, what is not heard is noticed."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge import broker as module
from edge.jobqueue import JobQueue
from tests.mosquitto import Mosquitto
from tests.queues import ask, claim, done, opened
from tests.test_broker import connected, until
from tests.test_pump import strict


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        yield queue


def forgetful(server: Mosquitto) -> None:
    """Restart the broker without its memory."""
    server.kill()
    (server.folder / "mosquitto.db").unlink(missing_ok=True)
    server.start()


def test_a_board_hears_itself_and_one_that_does_not_says_so(
    tmp_path: Path, server: Mosquitto, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROBE_S", 0.3)
    heard: list[bytes] = []
    with connected(server, queue, lambda message: heard.append(message.payload)) as broker:
        until(lambda: broker.connected)
        time.sleep(0.5)
        assert not broker.deaf
    assert heard == []  # the probe is for the session alone
    acl = "topic write #\ntopic read edgereel/v1/node/n1/req\n"
    with strict(tmp_path, acl=acl) as granting, connected(granting, queue) as broker:
        until(lambda: broker.connected)  # 2.0.11 grants a subscription that its ACL forbids
        assert not broker.deaf
        until(lambda: broker.deaf)
        granting.stop()
        until(lambda: not broker.connected)
        assert not broker.deaf


def test_a_broker_that_lost_its_memory_is_told_of_every_job_again(server: Mosquitto, queue: JobQueue) -> None:
    now = queue.now()
    with connected(server, queue) as broker:
        done(queue, "old", now=now - 7200)
        done(queue, "ended", now=now)
        queue.put(ask("waits"), now=now)
        until(lambda: broker.connected and not queue.outbox.depth())
        forgetful(server)
        with server.listen("edgereel/v1/#") as seen:
            until(lambda: broker.connects == 2)
            seen.wait_state("ended", "done")
            seen.wait_state("waits", "accepted")
            seen.wait(lambda m: m.get("payload") == "online")
            assert seen.states("old") == []
            assert broker.connected_s < 60


def test_one_that_kept_its_memory_is_not_told_again(server: Mosquitto, queue: JobQueue) -> None:
    with connected(server, queue) as broker:
        done(queue, "ended", now=queue.now())
        until(lambda: broker.connected and not queue.outbox.depth())
        time.sleep(0.5)
        server.stop()
        until(lambda: not broker.connected)
        assert broker.connected_s == 0.0
        server.start()
        until(lambda: broker.connects == 2)
        assert broker.connected_s > 0.5  # it knows what it knew then
        assert queue.outbox.depth() == 0


def test_nobody_is_connected_for_any_time_without_a_broker(tmp_path: Path, queue: JobQueue) -> None:
    with connected(Mosquitto(tmp_path / "never"), queue) as broker:
        assert (broker.connected, broker.connected_s, broker.connects, broker.deaf) == (False, 0.0, 0, False)


def test_a_disk_that_is_full_while_we_connect_is_tried_again(
    tmp_path: Path, server: Mosquitto, queue: JobQueue
) -> None:
    queue.put(ask("waits"), now=queue.now())
    for one in queue.outbox.due(now=queue.now(), limit=10):
        queue.outbox.drop(one.seq)
    with closing(sqlite3.connect(tmp_path / "n1.sqlite", isolation_level=None)) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT raise(ABORT, 'disk full'); END")
        with server.listen("edgereel/v1/#") as seen, connected(server, queue) as broker:
            seen.wait(lambda m: m.get("payload") == "online")
            assert not broker.connected
            other.execute("DROP TRIGGER full")
            until(lambda: broker.connected)
            seen.wait_state("waits", "accepted")


def test_a_message_for_a_running_job_is_not_told_twice_by_a_greeting(server: Mosquitto, queue: JobQueue) -> None:
    queue.put(ask("runs"), now=queue.now())
    claim(queue, queue.now())
    with server.listen("edgereel/v1/job/#") as seen, connected(server, queue):
        seen.wait_state("runs", "running")
        until(lambda: queue.outbox.depth() == 0)
    assert [body["state"] for body in seen.states("runs")] == ["accepted", "running"]
