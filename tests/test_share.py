"""A board's part in its pools: the real queue, the real sessions, another board played by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from edge import intake, look
from edge.broker import Broker
from edge.job import JobState
from edge.jobqueue import JobQueue
from edge.share import Share
from tests.boards import tiny_settings
from tests.mosquitto import Mosquitto
from tests.puppet import puppet
from tests.queues import any_mode, ask, claim, open_queue, state
from tests.test_broker import until

POOL = "edgereel/v1/pool/kitchen/req"
FLEET = ("fleet.pools=[kitchen]", "fleet.high=3", "fleet.low=1", "fleet.calm_s=0.2")


class Part:
    """A board without a worker."""

    def __init__(self, folder: Path, server: Mosquitto, *values: str) -> None:
        at = ("broker.host=127.0.0.1", f"broker.port={server.port}")
        self.settings = tiny_settings(folder, *at, *(values or FLEET))
        self.queue: JobQueue = open_queue(folder)
        handle = partial(intake.handle, queue=self.queue)
        self.broker = Broker(self.settings.broker, node="n1", queue=self.queue, handle=handle, hello=list)
        self.share = Share(self.settings, self.queue, broker=self.broker, handle=handle)

    def put(self, job_id: str, *, pool: str = "kitchen", **fields: Any) -> None:
        self.queue.put(ask(job_id, **fields), now=self.queue.now(), pool=pool)

    def joined(self) -> bool:
        self.share.follow(unfit="", full="")
        return bool(self.share.to_json()["joined"])


@contextmanager
def part(folder: Path, server: Mosquitto, *values: str) -> Iterator[Part]:
    one = Part(folder, server, *values)
    with closing(one.queue):
        one.broker.start()
        one.share.start()
        until(lambda: one.broker.connected)
        try:
            yield one
        finally:
            one.share.leave()
            one.broker.close(flush_s=1)


def test_a_board_joins_takes_work_and_leaves_when_it_has_enough(tmp_path: Path, server: Mosquitto) -> None:
    with part(tmp_path, server) as one:
        until(one.joined)
        assert one.share.to_json() == {"names": ("kitchen",), "joined": True, "reason": None}
        until(lambda: server.publish(POOL, '{"id":"a","prompt":"a fish"}') or one.queue.get("a"))
        job = one.queue.get("a")
        assert job and job.pool == "kitchen"
        assert not one.share.crowded
        one.put("b")
        one.put("c")
        assert not one.joined()
        assert one.share.to_json()["reason"] == "3 jobs wait or run here"
        assert one.share.crowded
        assert state(one.queue, "c") is JobState.QUEUED  # enough is no reason to give back
        for _ in range(2):
            job = claim(one.queue, one.queue.now())
            assert job
            one.queue.finish(job.id, {}, now=one.queue.now())
        assert not one.joined()
        until(one.joined)


def test_a_drained_board_gives_back_what_waits_and_keeps_what_is_its_own(tmp_path: Path, server: Mosquitto) -> None:
    with part(tmp_path, server) as one, puppet(server, "n2", POOL) as other:
        one.put("runs")
        claim(one.queue, one.queue.now())
        one.put("pooled")
        one.put("by-name", pool="")
        one.queue.wishes.drain(drained=True)
        assert not one.joined()
        assert one.share.to_json()["reason"] == "drained"
        assert other.next()[0]["id"] == "pooled"
        until(lambda: one.queue.outbox.depth() == 0)
        assert [state(one.queue, job_id) for job_id in ("runs", "pooled", "by-name")] == [
            JobState.RUNNING, JobState.HANDED_BACK, JobState.QUEUED,
        ]  # fmt: skip
        one.queue.finish("runs", {}, now=one.queue.now())
        one.queue.wishes.drain(drained=False)
        until(one.joined)


def test_a_full_disk_is_a_reason_to_leave_and_none_to_give_back(tmp_path: Path, server: Mosquitto) -> None:
    with part(tmp_path, server) as one:
        until(one.joined)
        one.put("a")
        one.share.follow(unfit="", full="the disk is full")
        assert one.share.to_json() == {"names": ("kitchen",), "joined": False, "reason": "the disk is full"}
        assert state(one.queue) is JobState.QUEUED


def test_when_nobody_takes_it_a_drained_board_does_not_ask_at_every_tick(tmp_path: Path, server: Mosquitto) -> None:
    with part(tmp_path, server) as one:
        one.put("a")
        one.share.follow(unfit="heat", full="")
        until(lambda: one.queue.outbox.depth() == 0)
        rev = one.queue.jobs()[0].rev
        for _ in range(10):
            one.share.follow(unfit="heat", full="")
            time.sleep(0.02)
        assert one.queue.jobs()[0].rev == rev


def test_without_a_broker_nothing_is_given_back(tmp_path: Path, server: Mosquitto) -> None:
    with part(tmp_path, server) as one:
        one.put("a")
        server.stop()
        until(lambda: not one.broker.connected)
        one.share.follow(unfit="heat", full="")
        assert state(one.queue) is JobState.QUEUED


def test_a_board_without_pools_gives_nothing_back_and_is_never_crowded(tmp_path: Path, server: Mosquitto) -> None:
    with part(tmp_path, server, "node.id=n1") as one:
        for number in range(9):
            one.put(f"j{number}")
        one.share.follow(unfit="heat", full="")
        assert not one.share.crowded
        assert one.queue.depth() == 9
        assert one.share.alive
        assert one.share.to_json()["joined"] is False


def settled(one: Part) -> None:
    """As if the broker had known for long what it knows."""
    one.broker._lost_at -= look.SETTLE_S


def test_what_another_board_has_is_neither_begun_nor_given_back_until_it_is_known_to_be_free(
    tmp_path: Path, server: Mosquitto
) -> None:
    with part(tmp_path, server) as one, puppet(server, "n2", POOL) as other:
        settled(one)
        other.say("held", "running")
        one.put("held", attempt=2)
        one.put("free", attempt=2)
        one.share.follow(unfit="heat", full="")
        assert {state(one.queue, "held"), state(one.queue, "free")} == {JobState.QUEUED}  # nobody has looked
        one.share.look()
        assert [(job.id, one.share.may_start(job)) for job in one.queue.waiting()] == [("held", False), ("free", True)]
        one.share.follow(unfit="heat", full="")
        assert other.next()[0]["id"] == "free"
        assert state(one.queue, "held") is JobState.QUEUED


def test_what_another_board_has_done_is_let_go_of(tmp_path: Path, server: Mosquitto) -> None:
    with part(tmp_path, server) as one, puppet(server, "n2") as other:
        settled(one)
        other.say("a", "done")
        one.put("a", attempt=2)
        one.share.look()
        assert state(one.queue) is JobState.SUPERSEDED
        assert one.queue.claim(lease_s=1, now=one.queue.now(), choose=any_mode) is None


def test_just_after_the_broker_lost_its_memory_a_board_of_a_pool_begins_nothing_doubtful(
    tmp_path: Path, server: Mosquitto
) -> None:
    with part(tmp_path, server) as one:
        one.put("a", attempt=2)
        one.put("sure")
        one.share.look()
        doubtful, sure = one.queue.get("a"), one.queue.get("sure")
        assert doubtful and sure
        assert (one.share.may_start(doubtful), one.share.may_start(sure)) == (False, True)
    with part(tmp_path / "alone", server, "node.id=n1") as one:
        one.put("a", pool="", attempt=2)
        one.share.look()
        doubtful = one.queue.get("a")
        assert doubtful and one.share.may_start(doubtful)  # without pools there is nobody to wait for
