"""Jobs whose time is over: told by the board whose job it is, and never once they have begun."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.job import JobState, Reply
from edge.jobqueue import JobQueue
from tests.queues import any_mode, ask, claim, empty_outbox, opened, state, told

REPLY = Reply(topic="r/x")


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        yield queue


def test_a_job_expires_when_its_time_is_over_and_not_before(queue: JobQueue) -> None:
    queue.put(ask("late"), now=0, expires_at=60, reply=REPLY)
    queue.put(ask("patient"), now=0)
    assert queue.claim(lease_s=1, now=59, choose=lambda _: None) is None
    assert state(queue, "late") is JobState.QUEUED
    job = claim(queue, now=60)
    assert job and job.id == "patient"
    assert state(queue, "late") is JobState.EXPIRED
    (answer,) = told(queue, "r/x")
    assert (answer["state"], answer["error"]["code"]) == ("expired", "expired")


def test_every_late_job_is_told_of_also_while_nothing_can_begin(queue: JobQueue) -> None:
    for number in range(3):
        queue.put(ask(f"j{number}"), now=0, expires_at=60)
    empty_outbox(queue)
    queue.claim(lease_s=1, now=61, choose=lambda _: None)
    assert [body["state"] for body in told(queue)] == ["expired"] * 3


def test_a_job_that_has_begun_goes_on_after_it_was_stopped_however_late_it_is(queue: JobQueue) -> None:
    queue.put(ask(), now=0, expires_at=60)
    claim(queue, now=59)
    queue.release("a", now=70)
    job = claim(queue, now=80)
    assert job and job.state is JobState.RUNNING


def test_what_another_board_may_have_expires_only_once_it_is_ours(queue: JobQueue) -> None:
    queue.put(ask(attempt=2), now=0, expires_at=60, reply=REPLY)
    queue.claim(lease_s=1, now=100, choose=any_mode, ours=lambda _: False)
    assert state(queue) is JobState.QUEUED
    assert told(queue) == []  # the state of the board that has it stands
    queue.claim(lease_s=1, now=101, choose=any_mode, ours=lambda _: True)
    assert state(queue) is JobState.EXPIRED
    assert [body["state"] for body in told(queue)] == ["expired"]
    assert [body["state"] for body in told(queue, "r/x")] == ["expired"]


def test_who_sends_a_late_job_again_learns_that_it_expired(queue: JobQueue) -> None:
    queue.put(ask(attempt=2), now=0, expires_at=60)
    claim(queue, now=61)
    empty_outbox(queue)
    queue.put(ask(attempt=3), now=62, reply=REPLY)
    assert [body["state"] for body in told(queue, "r/x")] == ["expired"]


def test_a_job_that_is_not_ours_is_passed_over(queue: JobQueue) -> None:
    queue.put(ask("held", attempt=2), now=0)
    queue.put(ask("free"), now=0)
    job = queue.claim(lease_s=1, now=1, choose=any_mode, ours=lambda job: job.id != "held")
    assert job and job.id == "free"


def test_a_late_job_is_not_given_back_to_its_pool(queue: JobQueue) -> None:
    queue.put(ask("late", ttl=60), now=0, pool="p", expires_at=60)
    queue.put(ask("fresh"), now=0, pool="p", expires_at=600)
    assert queue.sharing.hand_back(now=61) == 1
    claim(queue, now=61)
    assert (state(queue, "late"), state(queue, "fresh")) == (JobState.EXPIRED, JobState.HANDED_BACK)
