"""The durable queue, on real SQLite files."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from edge.errors import Cancelled, EngineError, RequestError
from edge.job import Job, JobState, Reply
from edge.jobqueue import JobQueue
from edge.mode import Mode
from edge.request import Request, make_request
from edge.result import ModeChoice
from edge.tombstones import MAX_TOMBSTONES
from edge.wire import Origin

ORIGIN = Origin(node="n1", boot="b1")


def open_queue(folder: Path, **options: int) -> JobQueue:
    return JobQueue(folder / "queue.sqlite", origin=ORIGIN, **options)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with closing(open_queue(tmp_path)) as queue:
        yield queue


def ask(job_id: str = "a", prompt: str = "a red balloon", **fields: object) -> Request:
    return make_request(prompt, id=job_id, **fields)


def any_mode(job: Job) -> ModeChoice:
    return ModeChoice(requested=job.request.mode, effective=Mode.DIRECT, reason="test")


def claim(queue: JobQueue, now: float = 1.0) -> Job | None:
    return queue.claim(lease_s=10, now=now, choose=any_mode)


def told(queue: JobQueue, topic: str = "/state") -> list[dict[str, object]]:
    return [
        msgspec.json.decode(row.message.payload)
        for row in queue.outbox.due(now=1.0, limit=1000)
        if row.message.topic.endswith(topic)
    ]


def test_a_job_lives_from_accepted_to_done_with_a_growing_rev(queue: JobQueue) -> None:
    queue.put(ask(), now=1)
    claim(queue)
    queue.finish("a", {"clip": {"sha256": "f00"}}, now=3)
    assert [(m["state"], m["rev"]) for m in told(queue)] == [("accepted", 1), ("running", 2), ("done", 3)]
    assert told(queue)[-1]["result"] == {"clip": {"sha256": "f00"}}
    job = queue.get("a")
    assert job and job.state is JobState.DONE
    assert job.outcome == {"clip": {"sha256": "f00"}}


def test_a_repeat_of_an_id_is_the_same_job(queue: JobQueue) -> None:
    first = queue.put(ask(), now=1)
    again = queue.put(ask(reply="all"), now=2)
    assert (again.id, again.rev, again.created_at) == (first.id, first.rev, first.created_at)
    assert queue.depth() == 1


def test_a_repeat_after_the_end_tells_the_end_again_to_who_asks_now(queue: JobQueue) -> None:
    queue.put(ask(), now=1)
    claim(queue)
    queue.finish("a", {}, now=2)
    queue.put(ask(), now=3, reply=Reply(topic="r/late", correlation=b"k"))
    assert [m["state"] for m in told(queue, "r/late")] == ["done"]
    assert claim(queue) is None


def test_the_same_id_with_another_body_is_a_conflict(queue: JobQueue) -> None:
    queue.put(ask(), now=1)
    with pytest.raises(RequestError) as refused:
        queue.put(ask(prompt="a blue fish"), now=2)
    assert refused.value.code == "id_conflict"
    job = queue.get("a")
    assert job and job.request.prompt == "a red balloon"


def test_a_full_queue_refuses_the_next_job_and_takes_one_again_when_one_has_ended(tmp_path: Path) -> None:
    queue = open_queue(tmp_path, limit=1)
    queue.put(ask("a"), now=1)
    with pytest.raises(RequestError) as refused:
        queue.put(ask("b"), now=1)
    assert refused.value.code == "overloaded"
    claim(queue)
    queue.finish("a", {}, now=2)
    queue.put(ask("b"), now=3)
    assert queue.depth() == 1


def test_a_refusal_is_told_but_never_retained(queue: JobQueue) -> None:
    queue.refuse("bad", RequestError("No.", hint="Do."), now=1, reply=Reply(topic="r/x"))
    rows = queue.outbox.due(now=1, limit=10)
    assert [row.message.topic for row in rows] == ["edgereel/v1/job/bad/state", "r/x"]
    assert not any(row.message.retain for row in rows)
    assert msgspec.json.decode(rows[0].message.payload)["error"] == {
        "code": "bad_request",
        "message": "No.",
        "hint": "Do.",
    }


def test_final_reply_gets_one_message_and_all_gets_every_one(queue: JobQueue) -> None:
    queue.put(ask("a"), now=1, reply=Reply(topic="r/final", correlation=b"\x00c"))
    queue.put(ask("b", reply="all"), now=1, reply=Reply(topic="r/all"))
    for job_id in ("a", "b"):
        claim(queue)
        queue.finish(job_id, {}, now=2)
    assert [m["state"] for m in told(queue, "r/final")] == ["done"]
    assert [m["state"] for m in told(queue, "r/all")] == ["accepted", "running", "done"]
    (row,) = [row for row in queue.outbox.due(now=1, limit=100) if row.message.topic == "r/final"]
    assert row.message.correlation == b"\x00c"


def test_jobs_are_claimed_oldest_first_and_a_job_that_must_wait_is_passed_over(queue: JobQueue) -> None:
    for job_id in ("a", "b"):
        queue.put(ask(job_id), now=1)
    job = queue.claim(lease_s=10, now=1, choose=lambda job: any_mode(job) if job.id == "b" else None)
    assert job and (job.id, job.mode, job.reason) == ("b", Mode.DIRECT, "test")
    later = claim(queue)
    assert later and later.id == "a"
    assert claim(queue) is None


def test_a_lease_that_ran_out_gives_the_job_back_and_a_renewed_one_does_not(queue: JobQueue) -> None:
    queue.put(ask(), now=0)
    claim(queue, now=0)
    queue.renew("a", lease_s=10, now=8)
    assert claim(queue, now=15) is None
    job = claim(queue, now=19)
    assert job and job.id == "a"


def test_a_preempted_job_is_queued_again_and_its_crashes_do_not_grow(queue: JobQueue) -> None:
    queue.put(ask(), now=1)
    claim(queue)
    job = queue.release("a", now=2)
    assert job and (job.state, job.crashes, job.mode_cap) == (JobState.QUEUED, 0, None)


def test_a_crashed_job_comes_back_capped_and_the_third_crash_ends_it(queue: JobQueue) -> None:
    queue.put(ask(), now=1)
    for number in (1, 2):
        claim(queue)
        job = queue.release("a", now=2, crashed="killed", mode_cap=Mode.LITE)
        assert job and (job.state, job.crashes, job.mode_cap) == (JobState.QUEUED, number, Mode.LITE)
    claim(queue)
    job = queue.release("a", now=2, crashed="killed")
    assert job and job.state is JobState.FAILED
    assert job.outcome and job.outcome["code"] == "crash_loop"
    assert "killed" in job.outcome["message"]
    assert claim(queue) is None


def test_cancel_of_a_queued_job_is_at_once(queue: JobQueue) -> None:
    queue.put(ask(), now=1)
    job = queue.cancel("a", now=2)
    assert job and job.state is JobState.CANCELLED
    assert claim(queue) is None


def test_cancel_of_a_running_job_is_a_flag_until_its_run_ends(queue: JobQueue) -> None:
    queue.put(ask(), now=1)
    claim(queue)
    assert not queue.cancel_asked("a")
    job = queue.cancel("a", now=2)
    assert job and job.state is JobState.RUNNING
    assert queue.cancel_asked("a")
    job = queue.fail("a", Cancelled("The job was cancelled."), now=3)
    assert job and job.state is JobState.CANCELLED


def test_a_job_to_be_cancelled_whose_run_crashes_is_cancelled(queue: JobQueue) -> None:
    queue.put(ask(), now=1)
    claim(queue)
    queue.cancel("a", now=2)
    job = queue.release("a", now=3, crashed="killed")
    assert job and job.state is JobState.CANCELLED


def test_a_cancel_that_comes_before_its_request_still_counts_for_an_hour(queue: JobQueue) -> None:
    queue.cancel("a", now=0)
    queue.cancel("b", now=0)
    assert queue.put(ask("a"), now=100).state is JobState.CANCELLED
    assert queue.put(ask("b"), now=3700).state is JobState.QUEUED


def test_cancels_of_unknown_ids_do_not_pile_up(queue: JobQueue, tmp_path: Path) -> None:
    for number in range(MAX_TOMBSTONES + 20):
        queue.cancel(f"x{number}", now=number / 100)
    (count,) = sqlite3.connect(tmp_path / "queue.sqlite").execute("SELECT count(*) FROM tombstone").fetchone()
    assert count == MAX_TOMBSTONES


@pytest.mark.parametrize("state", [JobState.DONE, JobState.FAILED, JobState.CANCELLED])
def test_nothing_leaves_a_final_state(queue: JobQueue, state: JobState) -> None:
    queue.put(ask(), now=1)
    claim(queue)
    match state:
        case JobState.DONE:
            queue.finish("a", {}, now=2)
        case JobState.FAILED:
            queue.fail("a", EngineError("Bad."), now=2)
        case _:
            queue.fail("a", Cancelled("Off."), now=2)
    assert queue.finish("a", {"late": 1}, now=3) is None
    assert queue.release("a", now=3, crashed="late") is None
    queue.cancel("a", now=3)
    job = queue.get("a")
    assert job and (job.state, job.rev) == (state, 3)


def test_recover_puts_running_jobs_back_and_ends_the_one_that_always_kills(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        queue = open_queue(tmp_path)
        queue.put(ask(), now=1)
        claim(queue)
        queue.close()  # as a kill: nobody released the job
        queue = open_queue(tmp_path)
        (job,) = queue.recover(now=5)
        assert job.crashes == number
        assert job.state is (JobState.FAILED if number == 3 else JobState.QUEUED)
        assert queue.recover(now=6) == []
        queue.close()


def test_what_was_not_committed_leaves_neither_job_nor_message(queue: JobQueue, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "queue.sqlite", isolation_level=None)
    other.execute("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT raise(ABORT, 'disk full'); END")
    with pytest.raises(sqlite3.Error):
        queue.put(ask(), now=1)
    other.execute("DROP TRIGGER full")
    assert queue.get("a") is None
    assert queue.depth() == 0
    queue.put(ask(), now=2)
    assert len(told(queue)) == 1


def test_a_message_stays_until_it_is_dropped_and_a_deferred_one_comes_later(queue: JobQueue) -> None:
    queue.put(ask("a"), now=1)
    queue.put(ask("b"), now=1)
    first, second = queue.outbox.due(now=1, limit=10)
    queue.outbox.drop(first.seq)
    queue.outbox.defer(second.seq, until=60)
    assert queue.outbox.due(now=59, limit=10) == []
    assert [row.seq for row in queue.outbox.due(now=60, limit=10)] == [second.seq]


def test_an_expired_message_is_forgotten_and_a_fresh_one_counts_down(queue: JobQueue) -> None:
    queue.put(ask(), now=0)
    (row,) = queue.outbox.due(now=3600, limit=10)
    assert row.message.expiry_s == 23 * 3600
    assert queue.outbox.due(now=24 * 3600 + 1, limit=10) == []
    assert queue.outbox.depth() == 0


def test_every_commit_wakes_the_watchers(queue: JobQueue) -> None:
    woken = threading.Event()
    queue.watch(woken)
    queue.put(ask(), now=1)
    assert woken.is_set()


def test_a_look_at_an_empty_queue_wakes_nobody(queue: JobQueue) -> None:
    event = threading.Event()
    queue.watch(event)
    assert queue.claim(lease_s=60, now=1, choose=lambda _: None) is None
    assert not event.is_set()


def test_many_threads_put_the_same_ids_and_each_is_one_job(queue: JobQueue) -> None:
    def put_all() -> None:
        for number in range(10):
            queue.put(ask(f"j{number}"), now=1)

    threads = [threading.Thread(target=put_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(job.id for job in queue.jobs()) == [f"j{number}" for number in range(10)]


def test_jobs_lists_the_newest_first_and_no_more_than_asked(queue: JobQueue) -> None:
    for job_id in ("a", "b", "c"):
        queue.put(ask(job_id), now=1)
    assert [job.id for job in queue.jobs(2)] == ["c", "b"]
