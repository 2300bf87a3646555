"""What becomes of the outbox at a real broker: handed-on requests, answers that nobody may have, sizes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.job import JobState, Reply
from edge.jobqueue import JobQueue
from edge.sharing import MAX_HOPS
from tests.mosquitto import Mosquitto
from tests.puppet import puppet
from tests.queues import ask, opened, state
from tests.test_broker import connected, until

POOL = "edgereel/v1/pool/p/req"


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        yield queue


@contextmanager
def strict(folder: Path, *lines: str, acl: str = "") -> Iterator[Mosquitto]:
    """A broker with rules of its own."""
    rules = folder / "acl"
    rules.write_text(acl)
    server = Mosquitto(folder / "strict", "allow_anonymous true", *([f"acl_file {rules}"] if acl else []), *lines)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def give_back(queue: JobQueue, **fields: object) -> None:
    queue.put(ask("a", **fields), now=queue.now(), pool="p", reply=Reply(topic="r/x", correlation=b"k"))
    assert queue.sharing.hand_back(now=queue.now()) == 1


def test_a_request_that_another_board_takes_is_gone_from_here(server: Mosquitto, queue: JobQueue) -> None:
    with puppet(server, "n2", POOL) as other, connected(server, queue):
        give_back(queue, seed=7)
        body, message = other.next()
        assert (body["id"], body["seed"], body["hops"]) == ("a", 7, 1)
        assert (message.response_topic, message.correlation, message.retain) == ("r/x", b"k", False)
        assert message.expiry_s is None
        until(lambda: queue.outbox.depth() == 0)
    assert state(queue) is JobState.HANDED_BACK


def test_one_that_nobody_takes_comes_back_and_is_not_sent_for_ever(server: Mosquitto, queue: JobQueue) -> None:
    with connected(server, queue):
        give_back(queue)
        until(lambda: state(queue) is JobState.QUEUED)
        until(lambda: queue.outbox.depth() == 0)
    job = queue.get("a")
    assert job and 1 <= job.request.hops <= MAX_HOPS and job.may_be_elsewhere


def test_a_request_that_was_only_handed_on_and_that_nobody_takes_is_refused(server: Mosquitto, queue: JobQueue) -> None:
    with server.listen("r/x") as replies, connected(server, queue):
        queue.sharing.pass_on(ask("a"), pool="p", reply=Reply(topic="r/x", correlation=b"k"), now=queue.now())
        answer = replies.wait(lambda m: m["topic"] == "r/x")
        assert answer["body"]["error"]["code"] == "overloaded"
        assert answer["properties"]["correlation-data"] == "k"
    assert queue.jobs() == []


def test_a_board_that_may_not_speak_to_its_pool_keeps_the_job(tmp_path: Path, queue: JobQueue) -> None:
    rules = "topic read #\ntopic write edgereel/v1/node/#\ntopic write edgereel/v1/job/#\n"
    with strict(tmp_path, acl=rules) as server, puppet(server, "n2", POOL) as other, connected(server, queue):
        give_back(queue)
        until(lambda: state(queue) is JobState.QUEUED)
        assert other.none_comes(0.1)


def test_a_request_that_is_too_large_to_be_handed_on_stays_here(tmp_path: Path, queue: JobQueue) -> None:
    with strict(tmp_path, "max_packet_size 1000") as server, connected(server, queue) as broker:
        give_back(queue, prompt="x" * 1500)
        until(lambda: state(queue) is JobState.QUEUED)
        until(lambda: queue.outbox.depth() == 0)
        assert broker.connects == 1


def test_an_answer_that_the_broker_refuses_is_dropped_and_a_state_is_kept(tmp_path: Path, queue: JobQueue) -> None:
    with strict(tmp_path, acl="topic read #\ntopic write edgereel/v1/node/#\n") as server, connected(server, queue):
        queue.put(ask("a", reply="all"), now=queue.now(), reply=Reply(topic="r/x"))
        until(lambda: not queue.outbox.due(now=queue.now(), limit=10))
        assert queue.outbox.depth() == 1
        (kept,) = queue.outbox.due(now=queue.now() + 3600, limit=10)
        assert kept.message.topic == "edgereel/v1/job/a/state"


def test_a_refused_state_is_sent_once_the_broker_allows_it(
    tmp_path: Path, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge import pump

    monkeypatch.setattr(pump, "REFUSED_RETRY_S", 0.2)
    monkeypatch.setattr(pump, "PERIOD_S", 0.1)
    rules = "topic read #\ntopic write edgereel/v1/node/#\n"
    with strict(tmp_path, acl=rules) as server, connected(server, queue):
        queue.put(ask("a"), now=queue.now())
        until(lambda: not queue.outbox.due(now=queue.now(), limit=10))
        (tmp_path / "acl").write_text("topic readwrite #\n")
        server.reload()
        until(lambda: queue.outbox.depth() == 0)


def test_what_waits_is_sent_before_the_board_goes(server: Mosquitto, queue: JobQueue) -> None:
    with server.listen("edgereel/v1/job/#") as seen:
        with connected(server, queue) as broker:
            until(lambda: broker.connected)
            for number in range(40):
                queue.put(ask(f"j{number}"), now=queue.now())
        assert queue.outbox.depth() == 0
        seen.wait_state("j39", "accepted")


def test_a_handover_survives_the_daemon(server: Mosquitto, queue: JobQueue) -> None:
    give_back(queue)  # nobody is connected
    assert queue.outbox.depth() == 1
    with puppet(server, "n2", POOL) as other, connected(server, queue):
        assert other.next()[0]["id"] == "a"
        until(lambda: queue.outbox.depth() == 0)
