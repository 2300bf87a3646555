"""A look at what other boards say of a job, at a real broker."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge import look
from edge.job import Job
from edge.jobqueue import JobQueue
from edge.link import open_link
from edge.look import Looks, Seen, Verdict, judge, look_at
from edge.sections import Broker
from tests.mosquitto import Mosquitto, free_port
from tests.queues import ask, opened
from tests.test_wire import JOB

HOUR_S = 3600.0


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        yield queue


def at(server: Mosquitto) -> Broker:
    return Broker(host="127.0.0.1", port=server.port)


def says(server: Mosquitto, node: str, state: str, *, job_id: str = "a", status: str = "online") -> None:
    """What another board has left at the broker."""
    server.publish(f"edgereel/v1/node/{node}/status", status, "-r")
    server.publish(f"edgereel/v1/job/{job_id}/state", json.dumps({"id": job_id, "node": node, "state": state}), "-r")


def looks(broker: Broker, *, connected_s: float = math.inf) -> Looks:
    return Looks(broker, node="n1", connected_s=lambda: connected_s)


def now() -> float:
    """By the clock of the jobs."""
    return time.time()


def doubtful(queue: JobQueue, job_id: str = "a") -> Job:
    """A waiting job that another board may have."""
    return queue.put(ask(job_id, attempt=2), now=queue.now())


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (Seen(), Verdict.START),
        (Seen(node="n1", state="running", online=True), Verdict.START),
        (Seen(node="n1", state="done", online=True), Verdict.START),
        (Seen(node="n2", state="accepted", online=True), Verdict.HOLD),
        (Seen(node="n2", state="running", online=True), Verdict.HOLD),
        (Seen(node="n2", state="accepted", online=False), Verdict.START),
        (Seen(node="n2", state="running", online=False), Verdict.START),
        (Seen(node="n2", state="handed_back", online=True), Verdict.START),
        (Seen(node="n2", state="rejected", online=True), Verdict.START),
        (Seen(node="n2", state="what a later version says", online=True), Verdict.START),
        (Seen(node="n2", state="done", online=False), Verdict.SUPERSEDED),
        (Seen(node="n2", state="failed", online=True), Verdict.SUPERSEDED),
        (Seen(node="n2", state="cancelled", online=True), Verdict.SUPERSEDED),
        (Seen(node="n2", state="expired", online=True), Verdict.SUPERSEDED),
    ],
)
def test_a_job_is_begun_waited_for_or_left_by_what_the_other_board_says(seen: Seen, verdict: Verdict) -> None:
    assert judge(seen, own="n1", held_s=0) is verdict


def test_a_board_that_has_had_a_job_for_an_hour_is_not_waited_for_any_more() -> None:
    claimed = Seen(node="n2", state="running", online=True)
    assert judge(claimed, own="n1", held_s=HOUR_S - 1) is Verdict.HOLD
    assert judge(claimed, own="n1", held_s=HOUR_S) is Verdict.START


def test_what_is_retained_is_read(server: Mosquitto) -> None:
    says(server, "n2", "running")
    says(server, "n3", "accepted", job_id="b", status="offline")
    with open_link(at(server)) as link:
        assert look_at(link, ["a", "b", "c"]) == {
            "a": Seen(node="n2", state="running", online=True),
            "b": Seen(node="n3", state="accepted", online=False),
            "c": Seen(),
        }


@pytest.mark.parametrize("payload", ["", "no json", "[]", '{"state":"done"}', '{"node":5}', '{"node":"+/#","state":"done"}',
                                     '{"node":"","state":"done"}'])  # fmt: skip
def test_rubbish_on_the_topic_of_a_job_is_nothing(server: Mosquitto, payload: str) -> None:
    server.publish("edgereel/v1/job/a/state", payload, "-r")
    with open_link(at(server)) as link:
        assert look_at(link, ["a"]) == {"a": Seen()}


def test_a_job_of_this_board_alone_needs_no_look_and_no_broker(queue: JobQueue) -> None:
    job = queue.put(ask(), now=1)
    assert looks(Broker(host="127.0.0.1", port=free_port())).look([job], now_s=now()) == {}


def test_a_job_that_nobody_else_has_may_begin_after_a_look(server: Mosquitto, queue: JobQueue) -> None:
    assert looks(at(server)).look([doubtful(queue)], now_s=now()) == {"a": Verdict.START}


def test_a_job_that_another_board_has_waits_until_that_board_has_done_it(
    server: Mosquitto, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "AGAIN_S", 0.0)
    job, found = doubtful(queue), looks(at(server))
    says(server, "n2", "running")
    assert found.look([job], now_s=now()) == {"a": Verdict.HOLD}
    says(server, "n2", "done")
    assert found.look([job], now_s=now()) == {"a": Verdict.SUPERSEDED}


def test_a_job_is_taken_over_from_a_board_that_has_gone(server: Mosquitto, queue: JobQueue) -> None:
    says(server, "n2", "running", status="offline")
    assert looks(at(server)).look([doubtful(queue)], now_s=now()) == {"a": Verdict.START}


def test_a_held_job_is_not_looked_at_all_the_time_and_a_new_one_at_once(server: Mosquitto, queue: JobQueue) -> None:
    held, found = doubtful(queue), looks(at(server))
    says(server, "n2", "running")
    assert found.look([held], now_s=now()) == {"a": Verdict.HOLD}
    says(server, "n2", "done")
    assert found.look([held], now_s=now()) == {}
    assert found.look([held, doubtful(queue, "b")], now_s=now()) == {"b": Verdict.START}


def test_not_everything_is_looked_at_at_once(
    server: Mosquitto, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "MOST", 2)
    monkeypatch.setattr(look, "ANSWER_S", 0.05)
    jobs, found = [doubtful(queue, f"j{number}") for number in range(4)], looks(at(server))
    assert list(found.look(jobs, now_s=now())) == ["j0", "j1"]
    assert list(found.look(jobs, now_s=now())) == ["j2", "j3"]


def test_jobs_that_are_held_do_not_keep_others_from_being_looked_at(
    server: Mosquitto, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "MOST", 2)
    monkeypatch.setattr(look, "AGAIN_S", 0.0)
    jobs, found = [doubtful(queue, f"j{number}") for number in range(4)], looks(at(server))
    for number in range(3):
        says(server, "n2", "running", job_id=f"j{number}")
    verdicts = found.look(jobs, now_s=now()) | found.look(jobs, now_s=now()) | found.look(jobs, now_s=now())
    assert verdicts == {"j0": Verdict.HOLD, "j1": Verdict.HOLD, "j2": Verdict.HOLD, "j3": Verdict.START}


def test_while_a_broker_hears_again_what_it_forgot_nothing_begins(server: Mosquitto, queue: JobQueue) -> None:
    assert looks(at(server), connected_s=1.0).look([doubtful(queue)], now_s=now()) == {}


def test_a_first_copy_that_came_after_the_broker_lost_its_memory_need_not_wait_for_that(
    server: Mosquitto, queue: JobQueue
) -> None:
    found = looks(at(server), connected_s=2.0)
    new = queue.put(ask("new"), now=now() - 1, pool="p")
    before = queue.put(ask("before"), now=now() - 3, pool="p")
    again = queue.put(ask("again", attempt=2), now=now() - 1, pool="p")
    assert found.look([before, again, new], now_s=now()) == {"new": Verdict.START}


def test_without_a_broker_a_job_waits_two_minutes_and_then_begins(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "BLIND_S", 0.2)
    monkeypatch.setattr(look, "AGAIN_S", 0.0)
    job, found = doubtful(queue), looks(Broker(host="127.0.0.1", port=free_port()), connected_s=0.0)
    assert found.look([job], now_s=now()) == {}
    time.sleep(0.25)
    assert found.look([job], now_s=now()) == {"a": Verdict.START}


def test_a_job_that_was_held_for_long_does_not_begin_when_the_broker_loses_its_memory(
    server: Mosquitto, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "BLIND_S", 0.4)
    monkeypatch.setattr(look, "AGAIN_S", 0.0)
    connected_s = [math.inf]
    job = doubtful(queue)
    found = Looks(at(server), node="n1", connected_s=lambda: connected_s[0])
    says(server, "n2", "running")
    until = time.monotonic() + 0.6
    while time.monotonic() < until:
        found.look([job], now_s=now())
    connected_s[0] = 0.0  # the broker was restarted, and the other board is coming back as we are
    assert found.look([job], now_s=now()) == {}
    time.sleep(0.5)
    assert found.look([job], now_s=now()) == {"a": Verdict.START}


def test_a_refusal_that_passes_by_while_we_look_is_not_the_end_of_the_job(
    server: Mosquitto, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "AGAIN_S", 0.0)
    job, found = doubtful(queue), looks(at(server))
    body = json.dumps({"id": "a", "node": "n2", "state": "rejected", "rev": 0})
    stop = threading.Event()

    def refuse() -> None:
        while not stop.is_set():
            server.publish("edgereel/v1/job/a/state", body)

    thread = threading.Thread(target=refuse)
    thread.start()
    try:
        for _ in range(3):
            assert found.look([job], now_s=now()) == {"a": Verdict.START}
    finally:
        stop.set()
        thread.join(10)


def test_a_pools_job_needs_a_look_and_one_sent_by_name_only_when_it_was_sent_again() -> None:
    assert not JOB.may_be_elsewhere
    assert replace(JOB, pool="p").may_be_elsewhere
    assert not replace(JOB, pool="p", clear=True).may_be_elsewhere
    assert replace(JOB, request=ask(attempt=2)).may_be_elsewhere
    assert replace(JOB, request=ask(hops=1)).may_be_elsewhere
