"""The one way to change a job: what changes and what tells of it are one commit."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.job import JobState, Reply
from edge.jobqueue import JobQueue
from edge.jobtable import JobTable, cancelled_outcome, json_text
from tests.queues import ask, claim, empty_outbox, opened, rows, told, waiting


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        yield queue


@pytest.fixture
def table(queue: JobQueue) -> JobTable:
    return queue._table


def test_a_change_raises_the_rev_and_is_told(queue: JobQueue, table: JobTable) -> None:
    queue.put(ask(), now=1)
    with table.commit():
        job = table.change("a", now=2, state=JobState.CANCELLED, outcome=cancelled_outcome())
    assert (job.state, job.rev, job.updated_at) == (JobState.CANCELLED, 2, 2)
    assert [(body["state"], body["rev"]) for body in told(queue)] == [("accepted", 1), ("cancelled", 2)]
    assert told(queue)[-1]["error"]["code"] == "cancelled"


def test_what_breaks_leaves_neither_the_change_nor_the_message(queue: JobQueue, table: JobTable) -> None:
    queue.put(ask(), now=1)
    empty_outbox(queue)
    with pytest.raises(ZeroDivisionError), table.commit():
        table.change("a", now=2, state=JobState.DONE)
        raise ZeroDivisionError
    assert queue.jobs()[0].state is JobState.QUEUED
    assert waiting(queue) == []
    queue.put(ask("b"), now=3)  # and the next one can be made


def test_watchers_are_woken_after_a_commit_that_changed_something_and_by_nothing_else(
    queue: JobQueue, table: JobTable
) -> None:
    woken = threading.Event()
    table.watch(woken)
    with table.commit():
        assert table.row("nobody") is None
    with pytest.raises(ZeroDivisionError), table.commit():
        table.db.execute("INSERT INTO wish VALUES ('x', 'y')")
        raise ZeroDivisionError
    with table.commit(wake=False):
        table.db.execute("INSERT INTO wish VALUES ('x', 'y')")
    assert not woken.is_set()
    with table.commit():
        table.db.execute("DELETE FROM wish")
        assert not woken.is_set()  # not before it is on the disk
    assert woken.is_set()


def test_a_job_says_how_many_wait_before_it_and_none_once_it_runs(queue: JobQueue, table: JobTable) -> None:
    for job_id in ("a", "b", "c"):
        queue.put(ask(job_id), now=1)
    assert [body["queue_pos"] for body in told(queue)] == [1, 2, 3]
    claim(queue)
    with table.commit():
        table.announce("c", now=1)
        table.announce("a", now=1)
    assert [body.get("queue_pos") for body in told(queue)[-2:]] == [2, None]


def test_a_state_can_be_told_without_the_answer(queue: JobQueue, table: JobTable) -> None:
    queue.put(ask(reply="all"), now=1, reply=Reply(topic="r/x"))
    for replies, topics in ((False, 1), (True, 2)):
        empty_outbox(queue)
        with table.commit():
            table.announce("a", now=1, replies=replies)
        assert len(waiting(queue)) == topics


def test_another_writer_is_waited_for(queue: JobQueue, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "n1.sqlite", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, lambda: other.execute("COMMIT"))
        timer.start()
        queue.put(ask(), now=1)
        timer.join()
    assert rows(tmp_path, "SELECT id FROM job") == [("a",)]


def test_text_is_kept_as_json() -> None:
    assert json_text({"a": "红"}) == '{"a":"红"}'
