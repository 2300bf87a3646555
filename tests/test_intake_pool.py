"""What a message of a pool, a command, or one with a time limit does to a real queue."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.intake import handle
from edge.job import JobState
from edge.jobqueue import JobQueue
from edge.request import from_json
from edge.wire import COMMANDS, Incoming, decode
from tests.queues import ALL, handed, opened, state

NODE = "edgereel/v1/node/n1/req"
POOL = "edgereel/v1/pool/kitchen/req"
CMD = "edgereel/v1/node/n1/cmd"


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path, limit=1, clock=lambda: 1000.0) as queue:
        yield queue


def send(queue: JobQueue, topic: str = POOL, *, room: bool = True, expiry_s: int | None = None, **body: Any) -> None:
    payload = json.dumps({"id": "a", "prompt": "a fish"} | body).encode()
    message = Incoming(topic=topic, payload=payload, response_topic="r/x", correlation=b"k", expiry_s=expiry_s)
    handle(message, queue=queue, room=lambda: room)


def rejected(queue: JobQueue) -> list[str]:
    found = [decode(one.message.payload) for one in queue.outbox.due(now=1000, limit=ALL)]
    return [body["error"]["code"] for body in found if body.get("state") == "rejected"]


def test_a_request_of_a_pool_remembers_its_pool_and_one_by_name_has_none(tmp_path: Path) -> None:
    with opened(tmp_path) as queue:
        send(queue, POOL, id="a")
        send(queue, NODE, id="b")
        assert [(job.id, job.pool) for job in queue.waiting()] == [("a", "kitchen"), ("b", "")]


def test_what_a_full_board_gets_of_a_pool_is_handed_on_and_not_refused(queue: JobQueue) -> None:
    send(queue, id="first")
    send(queue, id="more", seed=7, reply="all")
    assert state(queue, "more") is None
    (one,) = handed(queue, 1000)
    request = from_json(decode(one.message.payload))
    assert (one.message.topic, request.id, request.seed, request.hops) == (POOL, "more", 7, 1)
    assert (one.message.response_topic, one.message.correlation) == ("r/x", b"k")
    assert rejected(queue) == []


def test_what_was_handed_on_often_enough_is_refused_with_a_time_to_try_again(queue: JobQueue) -> None:
    send(queue, id="first")
    send(queue, id="more", hops=3)
    assert handed(queue, 1000) == []
    assert rejected(queue) == ["overloaded", "overloaded"]  # to the topic of the job, and to who asked


def test_what_a_full_board_gets_by_name_is_refused(queue: JobQueue) -> None:
    send(queue, NODE, id="first")
    send(queue, NODE, id="more")
    assert handed(queue, 1000) == []
    assert rejected(queue) == ["overloaded", "overloaded"]


def test_a_bad_request_of_a_pool_is_refused_and_never_handed_on(queue: JobQueue) -> None:
    send(queue, prompt="")
    send(queue, id="b", mode="turbo")
    assert handed(queue, 1000) == []
    assert set(rejected(queue)) == {"bad_request"}


def test_a_full_disk_takes_no_new_job_and_tells_of_a_known_one(queue: JobQueue) -> None:
    send(queue, NODE, id="a")
    send(queue, NODE, id="a", attempt=2, room=False)
    assert rejected(queue) == []
    send(queue, NODE, id="b", room=False)
    assert rejected(queue) == ["disk_full", "disk_full"]
    send(queue, POOL, id="c", room=False)
    assert [decode(one.message.payload)["id"] for one in handed(queue, 1000)] == ["c"]


def expires_in(queue: JobQueue) -> float | None:
    (job,) = queue.waiting()
    return None if job.expires_at is None else job.expires_at - 1000


@pytest.mark.parametrize(
    ("ttl", "expiry_s", "seconds"),
    [(600, None, 600), (600, 100, 100), (100, 600, 100), (None, 600, None), (None, None, None), (0, None, 0)],
)
def test_a_ttl_counts_from_the_arrival_less_what_the_broker_took_of_it(
    queue: JobQueue, ttl: float | None, expiry_s: int | None, seconds: float | None
) -> None:
    send(queue, NODE, ttl=ttl, expiry_s=expiry_s)
    assert expires_in(queue) == seconds


def test_a_deadline_is_a_time_of_day_whatever_the_steady_clock_shows(queue: JobQueue) -> None:
    send(queue, NODE, deadline=time.time() + 600)
    assert expires_in(queue) == pytest.approx(600, abs=5)


def test_the_earlier_of_ttl_and_deadline_counts(queue: JobQueue) -> None:
    send(queue, NODE, deadline=time.time() + 600, ttl=60)
    assert expires_in(queue) == 60


def test_a_request_whose_deadline_is_over_expires_and_is_not_begun(queue: JobQueue) -> None:
    send(queue, NODE, deadline=time.time() - 1)
    assert queue.claim(lease_s=1, now=1000, choose=lambda _: pytest.fail("it was to begin")) is None
    assert state(queue) is JobState.EXPIRED


def test_a_repeat_does_not_give_a_job_more_time(queue: JobQueue) -> None:
    send(queue, NODE, ttl=60)
    send(queue, NODE, ttl=600, attempt=2)
    assert expires_in(queue) == 60


def told(queue: JobQueue, payload: bytes, **more: Any) -> list[str]:
    words: list[str] = []
    handle(Incoming(topic=CMD, payload=payload, **more), queue=queue, command=words.append)
    return words


@pytest.mark.parametrize("word", COMMANDS)
def test_a_command_is_passed_on(queue: JobQueue, word: str) -> None:
    assert told(queue, f" {word}\n".encode()) == [word]


@pytest.mark.parametrize(
    "payload", [b"", b"reboot", b"DRAIN", b"drain now", b"\xff\xfe", b"drain" * 1000, b'{"cmd":"drain"}']
)
def test_what_is_no_command_does_nothing(queue: JobQueue, payload: bytes) -> None:
    assert told(queue, payload) == []
    assert queue.jobs() == []


def test_a_retained_command_does_nothing_since_it_would_come_at_every_start(queue: JobQueue) -> None:
    assert told(queue, b"drain", retain=True) == []
