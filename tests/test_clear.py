"""What another board may have, on a real queue: nothing is said of it before it was looked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.job import Reply
from edge.jobqueue import JobQueue
from tests.queues import ask, claim, handed, opened, told

REPLY = Reply(topic="r/x", correlation=b"k")


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        yield queue


def test_what_nobody_has_looked_for_goes_on_without_a_word(queue: JobQueue) -> None:
    queue.put(ask(), now=1, pool="p", reply=REPLY)
    assert queue.sharing.hand_back(now=1) == 1
    assert told(queue) == []  # another board may have said more by now
    assert len(handed(queue)) == 1


def test_what_was_spoken_for_before_the_connection_was_lost_stays_until_it_is_looked_for(queue: JobQueue) -> None:
    queue.put(ask(), now=1, pool="p")
    queue.sharing.clear("a", now=1)
    queue.sharing.doubt()
    assert queue.sharing.hand_back(now=1) == 0
    queue.sharing.clear("a", now=1)
    assert queue.sharing.hand_back(now=1) == 1


def test_a_pools_job_is_told_of_and_may_begin_once_it_was_looked_for(queue: JobQueue) -> None:
    queue.put(ask(), now=1, pool="p", reply=REPLY)
    assert told(queue) == []
    assert [job.id for job in queue.sharing.doubtful()] == ["a"]
    queue.sharing.clear("a", now=1)
    assert [body["state"] for body in told(queue)] == ["accepted"]
    assert queue.sharing.doubtful() == []
    queue.sharing.clear("a", now=1)
    assert len(told(queue)) == 1


def test_what_is_sent_by_name_the_first_time_is_not_looked_for(queue: JobQueue) -> None:
    queue.put(ask("first"), now=1)
    queue.put(ask("again", attempt=2), now=1)
    queue.put(ask("handed", hops=1), now=1)
    assert [body["id"] for body in told(queue)] == ["first"]
    assert [job.id for job in queue.sharing.doubtful()] == ["again", "handed"]


def test_what_was_not_told_yet_when_the_connection_was_lost_hides_nothing_that_others_say(queue: JobQueue) -> None:
    queue.put(ask("pooled"), now=1, pool="p")
    queue.put(ask("own"), now=1)
    queue.sharing.clear("pooled", now=1)
    queue.sharing.doubt()
    assert [body["id"] for body in told(queue)] == ["own"]
    assert [job.id for job in queue.sharing.doubtful()] == ["pooled"]


def test_a_job_that_ran_while_the_connection_was_lost_is_looked_for_before_it_runs_again(queue: JobQueue) -> None:
    queue.put(ask(), now=1, pool="p")
    queue.sharing.clear("a", now=1)
    claim(queue)
    queue.sharing.doubt()
    assert queue.sharing.doubtful() == []
    queue.release("a", now=2)
    assert [job.id for job in queue.sharing.doubtful()] == ["a"]
