"""A board's part in its pools: the real queue, the real sessions, another board played by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edge import claims, intake, look, share, sharing
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
        """After two turns: the connection may come just after the first has looked for it."""
        self.share.follow(unfit="", full="")
        joined = bool(self.share.to_json()["joined"])
        self.share.follow(unfit="", full="")
        return joined


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


def test_a_board_that_has_enough_leaves_at_once_not_at_the_next_tick(tmp_path: Path, server: Mosquitto) -> None:
    with part(tmp_path, server) as one:
        until(one.joined)
        for job in ("a", "b", "c"):  # until it is heard: the broker may not have the subscription yet
            body = f'{{"id":"{job}","prompt":"a fish"}}'
            until(lambda job=job, body=body: server.publish(POOL, body) or one.queue.get(job))  # type: ignore[misc]
        until(lambda: not one.share.to_json()["joined"])  # without a call of follow
        assert one.queue.depth() == 3


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


def may_start(one: Part, job_id: str) -> bool:
    job = one.queue.get(job_id)
    return bool(job) and one.share.may_start(job)


def test_what_another_board_has_is_neither_begun_nor_given_back(tmp_path: Path, server: Mosquitto) -> None:
    with part(tmp_path, server) as one, puppet(server, "n2", POOL) as other:
        settled(one)
        other.say("held", "running")
        one.put("held")
        one.put("free")
        until(lambda: may_start(one, "free"))
        assert not may_start(one, "held")
        one.queue.sharing.doubt()  # as after a lost connection
        one.share.follow(unfit="heat", full="")
        assert other.next()[0]["id"] == "held"  # nothing was ever told of it here
        assert state(one.queue, "free") is JobState.QUEUED
        until(lambda: may_start(one, "free"))
        one.share.follow(unfit="heat", full="")
        assert other.next()[0]["id"] == "free"


def test_of_two_boards_that_spoke_at_the_same_moment_the_one_that_spoke_first_steps_back(
    tmp_path: Path, server: Mosquitto
) -> None:
    with part(tmp_path, server) as one, puppet(server, "n2") as other, server.listen("edgereel/v1/job/#") as seen:
        settled(one)
        one.put("a", attempt=2)
        seen.wait_state("a", "accepted")
        assert not may_start(one, "a")
        other.say("a", "accepted")  # it had looked before that
        until(one.queue.sharing.doubtful)
        assert not may_start(one, "a")
        other.say("a", "done")
        until(lambda: state(one.queue) is JobState.SUPERSEDED)


def test_a_board_whose_word_stands_begins(tmp_path: Path, server: Mosquitto) -> None:
    with part(tmp_path, server) as one, puppet(server, "n2") as other, server.listen("edgereel/v1/job/#") as seen:
        settled(one)
        other.say("a", "handed_back")
        one.put("a", attempt=2)
        seen.wait(lambda message: message["body"].get("node") == "n1")
        spoke_at = time.monotonic()
        until(lambda: may_start(one, "a"))
        assert time.monotonic() - spoke_at > 0.9 * claims.CONFIRM_S


def test_a_first_copy_that_comes_late_is_not_done_twice(tmp_path: Path, server: Mosquitto) -> None:
    with part(tmp_path, server) as one, puppet(server, "n2") as other, server.listen("edgereel/v1/job/#") as seen:
        settled(one)
        other.say("a", "done")  # the second copy
        until(one.joined)
        until(lambda: server.publish(POOL, '{"id":"a","prompt":"a fish"}') or one.queue.get("a"))
        until(lambda: state(one.queue) is JobState.SUPERSEDED)
        assert one.queue.claim(lease_s=1, now=one.queue.now(), choose=any_mode) is None
        assert {body["node"] for body in seen.states("a")} == {"n2"}


def test_a_board_that_the_broker_has_lost_begins_nothing_of_a_pool(
    tmp_path: Path, server: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    with part(tmp_path, server) as one:
        settled(one)
        one.put("pooled")
        one.put("own", pool="")
        until(lambda: may_start(one, "pooled"))
        server.stop()
        until(lambda: not one.broker.connected)
        assert (may_start(one, "pooled"), may_start(one, "own")) == (False, True)
        monkeypatch.setattr(share, "BLIND_S", 0.0)
        assert may_start(one, "pooled")


def test_what_a_board_spoke_for_stands_when_the_broker_forgets_everything(tmp_path: Path) -> None:
    server = Mosquitto(tmp_path / "mosquitto", "allow_anonymous true", "persistence false", stock=True)
    server.start()
    with part(tmp_path, server) as one:
        settled(one)
        one.put("a")
        until(lambda: may_start(one, "a"))
        server.kill()
        until(lambda: not one.broker.connected)
        server.start()
        until(lambda: one.broker.connected)
        assert may_start(one, "a")
        with server.listen("edgereel/v1/job/#") as seen:
            seen.wait_state("a", "accepted")
    server.stop()


def test_just_after_the_broker_lost_its_memory_a_board_of_a_pool_begins_nothing_doubtful(
    tmp_path: Path, server: Mosquitto
) -> None:
    with part(tmp_path, server) as one:
        one.put("doubtful", attempt=2)
        one.put("sure", pool="")
        time.sleep(1.0)
        assert (may_start(one, "doubtful"), may_start(one, "sure")) == (False, True)
    with part(tmp_path / "alone", server, "node.id=n1") as one:
        one.put("a", pool="", attempt=2)
        until(lambda: may_start(one, "a"))  # without pools there is nobody to wait for


def test_a_job_that_only_somebody_who_watches_took_is_done_here_after_all(
    tmp_path: Path, server: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "TAKE_BACK_S", (0.5, 3600.0))
    with part(tmp_path, server) as one, server.listen("#"):
        settled(one)
        one.put("a")
        one.share.follow(unfit="heat", full="")
        until(lambda: one.queue.outbox.depth() == 0)
        assert state(one.queue) is JobState.HANDED_BACK
        until(lambda: one.joined() and may_start(one, "a"))
