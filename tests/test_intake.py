"""What a message does to a real queue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.intake import handle
from edge.job import JobState
from edge.jobqueue import JobQueue
from edge.wire import Incoming, Origin, decode

REQ = "edgereel/v1/node/n1/req"


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with closing(JobQueue(tmp_path / "q.sqlite", origin=Origin(node="n1", boot="b1"))) as queue:
        yield queue


def send(queue: JobQueue, payload: bytes | dict[str, Any], **more: Any) -> None:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    handle(Incoming(topic=more.pop("topic", REQ), payload=data, **more), queue=queue)


def told(queue: JobQueue) -> list[dict[str, Any]]:
    return [decode(row.message.payload) for row in queue.outbox.due(now=0, limit=100)]


def test_a_json_request_becomes_a_job(queue: JobQueue) -> None:
    send(queue, {"id": "a", "prompt": "a fish", "seconds": 2, "stranger": 1})
    (job,) = queue.jobs()
    assert (job.id, job.request.prompt, job.request.seconds, job.state) == ("a", "a fish", 2.0, JobState.QUEUED)


def test_plain_text_is_the_prompt(queue: JobQueue) -> None:
    send(queue, "红色气球升空".encode())
    assert queue.jobs()[0].request.prompt == "红色气球升空"


@pytest.mark.parametrize(
    ("correlation", "is_id"), [(b"my-id_1", True), (b"no spaces", False), (b"\x00\xff", False), (None, False)]
)
def test_correlation_data_names_the_job_only_if_it_can(
    queue: JobQueue, correlation: bytes | None, *, is_id: bool
) -> None:
    send(queue, {"prompt": "a fish"}, correlation=correlation)
    assert (queue.jobs()[0].id == "my-id_1") is is_id


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b'{"prompt": ',
        b"[1, 2]",
        b'"text"',
        b"\xff\xfe\x00",
        b"[" * 10_000,
        {"prompt": ""},
        {"prompt": "x" * 20_000},
        {"prompt": "x" * 2_001},
        {"prompt": 5},
        {"prompt": "a fish", "mode": "turbo"},
        {"prompt": "a fish", "id": "no/slash"},
        {"prompt": "a fish", "id": "+"},
        {"prompt": "a fish", "seconds": -1},
        {"v": 2, "prompt": "a fish"},
        b"/think",
        b"\x00\x00",
    ],
)
def test_a_bad_request_is_rejected_with_a_hint_and_the_next_good_one_is_served(
    queue: JobQueue, payload: bytes | dict[str, Any]
) -> None:
    send(queue, payload, response_topic="r/x")
    assert queue.jobs() == []
    state, reply = told(queue)
    assert state == reply
    assert state["state"] == "rejected"
    assert state["error"]["code"] == "bad_request"
    assert state["error"]["message"] and state["error"]["hint"]
    assert "Traceback" not in state["error"]["message"]
    send(queue, {"prompt": "a fish"})
    assert len(queue.jobs()) == 1


def test_a_refusal_names_the_id_that_the_sender_gave(queue: JobQueue) -> None:
    send(queue, {"id": "mine", "prompt": ""})
    assert told(queue)[0]["id"] == "mine"


def test_a_retained_request_is_rejected_and_a_retained_clearing_is_nothing(queue: JobQueue) -> None:
    send(queue, {"prompt": "a fish"}, retain=True)
    send(queue, b"", retain=True)
    assert queue.jobs() == []
    assert [state["state"] for state in told(queue)] == ["rejected"]


@pytest.mark.parametrize("off_s", [-86_400, 0, 86_400])
def test_a_deadline_is_told_by_the_clock_of_now_even_if_that_of_the_queue_is_days_off(
    off_s: float, queue: JobQueue
) -> None:
    wall = queue.now() - off_s
    message = {"prompt": "a fish", "id": "a", "deadline": wall + 60}
    handle(Incoming(topic=REQ, payload=json.dumps(message).encode()), queue=queue, wall=lambda: wall)
    job = queue.get("a")
    assert job
    assert job.expires_at == pytest.approx(queue.now() + 60, abs=5)


def test_a_conflicting_id_is_rejected_and_the_first_job_stays(queue: JobQueue) -> None:
    send(queue, {"id": "a", "prompt": "a fish"})
    send(queue, {"id": "a", "prompt": "a bird"})
    assert told(queue)[-1]["error"]["code"] == "id_conflict"
    assert [job.request.prompt for job in queue.jobs()] == ["a fish"]


def test_a_cancel_reaches_the_queue_and_a_retained_one_does_not(queue: JobQueue) -> None:
    send(queue, {"id": "a", "prompt": "a fish"})
    send(queue, b"", topic="edgereel/v1/job/a/cancel", retain=True)
    assert queue.jobs()[0].state is JobState.QUEUED
    send(queue, b"", topic="edgereel/v1/job/a/cancel")
    assert queue.jobs()[0].state is JobState.CANCELLED


def test_a_cancel_of_what_is_no_id_is_passed_over(queue: JobQueue) -> None:
    send(queue, b"x", topic="edgereel/v1/job/" + "y" * 70 + "/cancel")
    assert told(queue) == []


def test_a_path_is_stored_with_the_job_and_a_wrong_one_is_refused(queue: JobQueue) -> None:
    send(queue, {"id": "a", "prompt": "a fish", "path": [[0.1, 0.8], [0.9, 0.2, 0.3]]})
    send(queue, {"id": "b", "prompt": "a fish", "path": [[0.1, 0.8], [0.9, 2]]})
    send(queue, {"id": "a", "prompt": "a fish", "path": [[0.1, 0.8], [0.9, 0.3]]})

    (job,) = queue.jobs()
    assert job.request.path == ((0.1, 0.8), (0.9, 0.2, 0.3))
    rejected = [body["error"] for body in told(queue) if body["state"] == "rejected"]
    assert "path point 2: y" in rejected[0]["message"]
    assert rejected[1]["code"] == "id_conflict"


@pytest.mark.parametrize("payload", [b"lite", b" lite\n", b'{"mode": "lite"}'])
def test_a_mode_that_is_set_is_remembered(queue: JobQueue, payload: bytes) -> None:
    handle(Incoming(topic="edgereel/v1/node/n1/mode/set", payload=payload), queue=queue)
    assert queue.wishes.mode == "lite"


@pytest.mark.parametrize("message", [
    {"payload": b"fastest"}, {"payload": b""}, {"payload": b"{rubbish"}, {"payload": b"\xff" * 2000},
    {"payload": b"lite", "retain": True},
])  # fmt: skip
def test_a_word_that_is_no_mode_changes_nothing(queue: JobQueue, message: dict[str, Any]) -> None:
    handle(Incoming(topic="edgereel/v1/node/n1/mode/set", **message), queue=queue)
    assert queue.wishes.mode == "auto"
    assert queue.jobs() == []
