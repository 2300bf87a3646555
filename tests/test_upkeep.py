"""What keeps the queue from growing for ever, on real files."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import upkeep
from edge.job import JobState, Reply
from edge.jobqueue import JobQueue
from edge.wire import STATE_EXPIRY_S
from tests.queues import ask, claim, done, empty_outbox, open_queue, opened, rows, state, told, waiting

DAY_S = 24 * 3600.0
NOW = 1_000_000_000.0


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        yield queue


def cleared(queue: JobQueue) -> list[str]:
    """The jobs whose state the broker is told to forget."""
    return [one.message.topic.split("/")[-2] for one in waiting(queue) if one.message.payload == b""]


def test_a_job_is_delivered_once_it_has_ended_and_the_broker_has_its_state(queue: JobQueue) -> None:
    queue.put(ask(), now=1)
    empty_outbox(queue)
    assert not queue.upkeep.delivered("a")
    claim(queue)
    queue.finish("a", {}, now=1)
    assert not queue.upkeep.delivered("a")
    empty_outbox(queue)
    assert queue.upkeep.delivered("a")
    assert queue.upkeep.delivered("unknown")


def test_a_job_is_not_delivered_while_its_answer_waits(queue: JobQueue) -> None:
    queue.put(ask(), now=1, reply=Reply(topic="r/x"))
    claim(queue)
    queue.finish("a", {}, now=1)
    for one in waiting(queue):
        if one.message.topic != "r/x":
            queue.outbox.drop(one.seq)
    assert not queue.upkeep.delivered("a")
    empty_outbox(queue)
    assert queue.upkeep.delivered("a")


def test_only_a_done_job_is_finished(queue: JobQueue) -> None:
    done(queue, "a")
    queue.put(ask("b"), now=1)
    queue.put(ask("c"), now=1)
    queue.cancel("c", now=1)
    assert [queue.upkeep.finished(job_id) for job_id in ("a", "b", "c", "d")] == [True, False, False, False]


def test_a_state_is_cleared_at_the_broker_after_a_day_and_once(queue: JobQueue) -> None:
    done(queue, "old", now=0)
    done(queue, "new", now=3600)
    queue.put(ask("waits"), now=0)
    empty_outbox(queue)
    queue.upkeep.forget(now=STATE_EXPIRY_S)
    assert cleared(queue) == []
    for _ in range(2):
        queue.upkeep.forget(now=STATE_EXPIRY_S + 1)
        assert cleared(queue) == ["old"]
    assert all(one.message.retain for one in waiting(queue))


def test_of_many_ended_jobs_a_broker_keeps_the_newest(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "MAX_TOLD", 2)
    queue.put(ask("waits"), now=1)
    for job_id in ("a", "b", "c", "d"):
        queue.put(ask(job_id), now=1)
        queue.cancel(job_id, now=1)
    empty_outbox(queue)
    queue.upkeep.forget(now=1)
    assert cleared(queue) == ["a", "b"]


@pytest.mark.parametrize("how", ["handed back", "superseded"])
def test_the_state_of_another_board_is_not_cleared(queue: JobQueue, how: str) -> None:
    queue.put(ask(), now=0, pool="p")
    if how == "superseded":
        queue.sharing.supersede("a", now=0)
    else:
        queue.sharing.hand_back(now=0)
    empty_outbox(queue)
    queue.upkeep.forget(now=DAY_S + 1)
    assert cleared(queue) == []
    assert rows_told(queue) == [0]


def rows_told(queue: JobQueue) -> list[int]:
    return [row["told"] for row in queue._table.db.execute("SELECT told FROM job")]


def test_the_oldest_rows_go_but_none_that_waits_or_is_still_told(
    queue: JobQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "MAX_FINISHED", 2)
    queue.put(ask("waits"), now=0)
    for job_id in ("a", "b"):
        queue.put(ask(job_id), now=0)
        queue.cancel(job_id, now=0)
    for job_id in ("c", "d"):
        queue.put(ask(job_id), now=DAY_S)
        queue.cancel(job_id, now=DAY_S)
    queue.upkeep.forget(now=DAY_S)
    assert len(rows(tmp_path, "SELECT id FROM job")) == 5
    queue.upkeep.forget(now=DAY_S + 1)
    assert [row[0] for row in rows(tmp_path, "SELECT id FROM job ORDER BY seq")] == ["waits", "c", "d"]


def test_a_job_that_is_asked_for_again_is_told_and_cleared_again(queue: JobQueue) -> None:
    done(queue, "a", now=0)
    queue.upkeep.forget(now=DAY_S + 1)
    empty_outbox(queue)
    queue.put(ask("a"), now=DAY_S + 2)
    assert [body["state"] for body in told(queue)] == ["done"]
    empty_outbox(queue)
    queue.upkeep.forget(now=DAY_S + 3)
    assert cleared(queue) == []
    queue.upkeep.forget(now=2 * DAY_S + 3)
    assert cleared(queue) == ["a"]


def test_the_picture_of_a_job_is_forgotten_with_its_state_and_the_job_is_not(queue: JobQueue, tmp_path: Path) -> None:
    picture = base64.b64encode(b"\xff\xd8\xff" + bytes(5000)).decode()
    for job_id in ("a", "waits"):
        queue.put(ask(job_id, image=picture, seed=7), now=0)
    claim(queue)
    queue.finish("a", {}, now=0)
    queue.upkeep.forget(now=DAY_S + 1)
    sizes = dict(rows(tmp_path, "SELECT id, length(request) FROM job"))
    assert sizes["a"] < 1000 < sizes["waits"]
    job = queue.get("a")
    assert job and (job.request.seed, job.request.image) == (7, None)
    assert queue.put(ask("a", image=picture, seed=7), now=DAY_S + 2).state is JobState.DONE


def start(folder: Path, *, at: float) -> JobQueue:
    """A board whose clock shows `at` when it starts."""
    queue = open_queue(folder, clock=lambda: at)
    queue.recover(now=at)
    return queue


def later(folder: Path) -> dict[str, list[float]]:
    times = {"job": "expires_at", "outbox": "expires_at", "tombstone": "expires_at"}
    return {table: [row[0] for row in rows(folder, f"SELECT {name} FROM {table}")] for table, name in times.items()}


def filled(folder: Path) -> None:
    """A board that had the right time, with something in each table that somebody waits for."""
    queue = start(folder, at=NOW)
    queue.put(ask(), now=NOW, expires_at=NOW + 600)
    queue.cancel("unknown", now=NOW)
    queue.close()


@pytest.mark.parametrize("back_s", [61.0, 1e6, 9e8])
def test_when_the_clock_went_back_every_stored_time_goes_with_it(tmp_path: Path, back_s: float) -> None:
    filled(tmp_path)
    start(tmp_path, at=NOW - back_s).close()
    assert later(tmp_path) == {
        "job": [NOW - back_s + 600], "outbox": [NOW - back_s + DAY_S], "tombstone": [NOW - back_s + 3600],
    }  # fmt: skip


@pytest.mark.parametrize("change_s", [-59.0, 0.0, 1000.0])
def test_a_clock_that_went_on_or_hardly_back_moves_nothing(tmp_path: Path, change_s: float) -> None:
    filled(tmp_path)
    start(tmp_path, at=NOW + change_s).close()
    assert later(tmp_path)["job"] == [NOW + 600]


def test_a_second_start_with_the_old_clock_moves_nothing_more(tmp_path: Path) -> None:
    filled(tmp_path)
    for elapsed in (0, 10, 20):
        queue = start(tmp_path, at=NOW / 2 + elapsed)
        assert [body["state"] for body in told(queue, now=queue.now())] == ["accepted"]
        queue.close()
    assert later(tmp_path)["job"] == [NOW / 2 + 600]


def test_who_only_looks_at_the_queue_moves_nothing(tmp_path: Path) -> None:
    filled(tmp_path)
    open_queue(tmp_path, clock=lambda: NOW / 2).close()
    assert later(tmp_path)["job"] == [NOW + 600]


def test_a_job_that_ran_when_the_clock_went_back_is_run_again(tmp_path: Path) -> None:
    filled(tmp_path)
    queue = start(tmp_path, at=NOW)
    claim(queue, NOW)
    queue.close()
    queue = start(tmp_path, at=NOW / 2)
    job = claim(queue, NOW / 2)
    assert job and job.id == "a"
    assert state(queue) is JobState.RUNNING
    queue.close()


def test_a_board_that_gets_another_id_leaves_no_ghost_and_one_that_keeps_it_says_nothing(queue: JobQueue) -> None:
    for node in ("n1", "n1"):
        queue.upkeep.settle(node=node, now=NOW)
    assert waiting(queue) == []
    queue.upkeep.settle(node="n2", now=NOW)
    gone = [(one.message.topic, one.message.payload, one.message.retain) for one in waiting(queue)]
    assert gone == [(f"edgereel/v1/node/n1/{leaf}", b"", True) for leaf in ("status", "birth", "mode")]
