"""The daemon's MQTT connection against a real mosquitto."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from edge.broker import Broker
from edge.jobqueue import JobQueue
from edge.mode import Mode
from edge.request import make_request
from edge.result import ModeChoice
from edge.sections import Broker as BrokerSettings
from edge.wire import Incoming, Origin, Outgoing
from tests.mosquitto import Mosquitto

REQ = "edgereel/v1/node/n1/req"
STATUS = "edgereel/v1/node/n1/status"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path / "mosquitto")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with closing(JobQueue(tmp_path / "q.sqlite", origin=Origin(node="n1", boot="b1"))) as queue:
        yield queue


@contextmanager
def connected(
    server: Mosquitto, queue: JobQueue, handle: Callable[[Incoming], None] = lambda _: None, **settings: str
) -> Iterator[Broker]:
    broker = Broker(
        BrokerSettings(host="127.0.0.1", port=server.port, keepalive_s=5, **settings),
        node="n1",
        queue=queue,
        handle=handle,
        hello=lambda: [Outgoing(topic="edgereel/v1/node/n1/birth", payload=b"{}", retain=True)],
    )
    broker.start()
    try:
        yield broker
    finally:
        broker.close(flush_s=1)


def until(condition: Callable[[], object], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def put_and_finish(queue: JobQueue, job_id: str, **result: object) -> None:
    queue.put(make_request("a fish", id=job_id), now=queue.now())
    queue.claim(
        lease_s=60, now=queue.now(), choose=lambda _: ModeChoice(requested="auto", effective=Mode.DIRECT, reason="")
    )
    queue.finish(job_id, result, now=queue.now())


def test_a_board_says_birth_and_online_and_at_the_end_offline(mosquitto: Mosquitto, queue: JobQueue) -> None:
    with mosquitto.listen("edgereel/v1/node/#") as seen:
        with connected(mosquitto, queue):
            seen.wait(lambda m: m.get("payload") == "online")
        seen.wait(lambda m: m.get("payload") == "offline")
    said = [m["payload"] for m in seen.messages() if m["topic"].rpartition("/")[2] in ("birth", "status")]
    assert said == ["{}", "online", "offline"]
    with mosquitto.listen(STATUS) as later:
        assert later.wait(lambda m: m["topic"] == STATUS)["retain"] == 1


def test_a_message_comes_with_its_response_topic_and_correlation(mosquitto: Mosquitto, queue: JobQueue) -> None:
    got: list[Incoming] = []
    with connected(mosquitto, queue, got.append) as broker:
        until(lambda: broker.connected)
        mosquitto.publish(
            REQ, "hello", "-D", "publish", "response-topic", "r/x", "-D", "publish", "correlation-data", "k"
        )
        mosquitto.publish(REQ, "plain")
        until(lambda: len(got) == 2)
    assert got[0] == Incoming(topic=REQ, payload=b"hello", response_topic="r/x", correlation=b"k")
    assert got[1] == Incoming(topic=REQ, payload=b"plain")


def test_a_message_published_with_retain_is_seen_as_such_and_one_kept_before_is_not_sent(
    mosquitto: Mosquitto, queue: JobQueue
) -> None:
    got: list[Incoming] = []
    mosquitto.publish(REQ, "planted", "-r")
    with connected(mosquitto, queue, got.append) as broker:
        until(lambda: broker.connected)
        mosquitto.publish(REQ, "live", "-r")
        until(lambda: got)
        mosquitto.publish(REQ, "after")
        until(lambda: len(got) == 2)
    assert [(m.payload, m.retain) for m in got] == [(b"live", True), (b"after", False)]


def test_a_message_that_could_not_be_saved_is_delivered_again(mosquitto: Mosquitto, queue: JobQueue) -> None:
    got: list[bytes] = []

    def full_once(message: Incoming) -> None:
        got.append(message.payload)
        if len(got) == 1:
            raise sqlite3.OperationalError("database or disk is full")

    with connected(mosquitto, queue, full_once) as broker:
        until(lambda: broker.connected)
        mosquitto.publish(REQ, "precious")
        until(lambda: len(got) == 2)
    assert got == [b"precious", b"precious"]


def test_a_message_that_breaks_the_intake_is_dropped_and_the_next_is_handled(
    mosquitto: Mosquitto, queue: JobQueue
) -> None:
    got: list[bytes] = []

    def fragile(message: Incoming) -> None:
        if message.payload == b"poison":
            raise ZeroDivisionError
        got.append(message.payload)

    with connected(mosquitto, queue, fragile) as broker:
        until(lambda: broker.connected)
        for _ in range(6):  # more than the receive maximum: none may stay unacked
            mosquitto.publish(REQ, "poison")
        mosquitto.publish(REQ, "good")
        until(lambda: got)
        assert broker.connected
        assert broker.connects == 1


def test_a_request_sent_while_the_board_was_away_is_waiting_for_it(mosquitto: Mosquitto, queue: JobQueue) -> None:
    got: list[bytes] = []
    with connected(mosquitto, queue) as broker:
        until(lambda: broker.connected)
    mosquitto.publish(REQ, "while away")
    with connected(mosquitto, queue, lambda m: got.append(m.payload)):
        until(lambda: got)
    assert got == [b"while away"]


def test_after_intake_stopped_a_message_stays_with_the_broker(mosquitto: Mosquitto, queue: JobQueue) -> None:
    got: list[bytes] = []
    with connected(mosquitto, queue, lambda m: got.append(m.payload)) as broker:
        until(lambda: broker.connected)
        broker.stop_intake()
        mosquitto.publish(REQ, "late")
        time.sleep(0.3)
        assert got == []
    with connected(mosquitto, queue, lambda m: got.append(m.payload)):
        until(lambda: got)
    assert got == [b"late"]


def test_the_outbox_is_sent_and_emptied_with_retain_expiry_and_correlation(
    mosquitto: Mosquitto, queue: JobQueue
) -> None:
    with mosquitto.listen("edgereel/v1/job/#") as seen, connected(mosquitto, queue):
        put_and_finish(queue, "a")
        seen.wait_state("a", "done")
        until(lambda: queue.outbox.depth() == 0)
    assert [state["state"] for state in seen.states("a")] == ["accepted", "running", "done"]
    with mosquitto.listen("edgereel/v1/job/#") as later:
        kept = later.wait(lambda m: m["topic"].endswith("job/a/state"))
    assert kept["retain"] == 1
    assert 0 < kept["properties"]["message-expiry-interval"] <= 24 * 3600


def test_what_ended_while_the_broker_was_away_is_told_when_it_is_back(mosquitto: Mosquitto, queue: JobQueue) -> None:
    with connected(mosquitto, queue) as broker:
        until(lambda: broker.connected)
        mosquitto.kill()
        until(lambda: not broker.connected)
        for number in range(30):
            put_and_finish(queue, f"j{number}")
        assert queue.outbox.depth() == 90
        mosquitto.start()
        with mosquitto.listen("edgereel/v1/job/#") as seen:
            until(lambda: queue.outbox.depth() == 0, 40)
            for number in range(30):
                seen.wait_state(f"j{number}", "done")


def test_a_result_too_large_for_the_broker_is_shortened_and_the_connection_lives(
    tmp_path: Path, queue: JobQueue
) -> None:
    server = Mosquitto(tmp_path / "small", "allow_anonymous true", "max_packet_size 2000")
    server.start()
    try:
        with server.listen("edgereel/v1/job/#") as seen, connected(server, queue) as broker:
            put_and_finish(queue, "big", clip={"sha256": "f00"}, plan={"caption": "x" * 5000})
            put_and_finish(queue, "huge", clip={"sha256": "x" * 5000})
            put_and_finish(queue, "next", clip={"sha256": "f01"})
            assert seen.wait_state("big", "done")["result"] == {"clip": {"sha256": "f00"}}
            seen.wait_state("next", "done")
            until(lambda: queue.outbox.depth() == 1)  # what cannot be sent is kept, not lost
            assert broker.connects == 1
    finally:
        server.stop()


def test_a_message_that_the_broker_refuses_stays_in_the_outbox(tmp_path: Path, queue: JobQueue) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read #\ntopic write edgereel/v1/node/#\n")
    server = Mosquitto(tmp_path / "strict", "allow_anonymous true", f"acl_file {acl}")
    server.start()
    try:
        with connected(server, queue) as broker:
            until(lambda: broker.connected)
            queue.put(make_request("a fish", id="a"), now=queue.now())
            until(lambda: not queue.outbox.due(now=queue.now(), limit=10))  # refused, and put off
            assert queue.outbox.depth() == 1
    finally:
        server.stop()


def test_a_broker_that_refuses_us_is_asked_again_and_the_log_says_what_to_do(
    tmp_path: Path, queue: JobQueue, caplog: pytest.LogCaptureFixture
) -> None:
    server = Mosquitto(tmp_path / "closed", "allow_anonymous false")
    server.start()
    try:
        with caplog.at_level(logging.WARNING), connected(server, queue) as broker:
            until(lambda: "refuses the connection" in caplog.text)
            assert "broker.username" in caplog.text
            assert "Next try in" in caplog.text
            assert broker.alive
            assert not broker.connected
    finally:
        server.stop()


def test_no_broker_at_all_is_no_reason_to_die(
    tmp_path: Path, queue: JobQueue, caplog: pytest.LogCaptureFixture
) -> None:
    server = Mosquitto(tmp_path / "later")
    with caplog.at_level(logging.WARNING), connected(server, queue) as broker:
        until(lambda: "cannot be reached" in caplog.text)
        server.start()
        until(lambda: broker.connected)
    server.stop()


def test_publishing_when_not_connected_is_dropped(tmp_path: Path, queue: JobQueue) -> None:
    server = Mosquitto(tmp_path / "never")
    with connected(server, queue) as broker:
        broker.publish(Outgoing(topic="t", payload=msgspec.json.encode({}), qos=0))
        assert not broker.connected
    assert threading.active_count() < 10
