"""Work of a pool that another board shall do, on a real queue: nothing is lost, nothing goes in circles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.job import JobState, Reply
from edge.jobqueue import JobQueue
from edge.request import Request, from_json
from edge.sharing import MAX_HOPS
from edge.wire import decode
from tests.queues import ask, claim, done, empty_outbox, handed, opened, state, told, waiting

POOL = "edgereel/v1/pool/p/req"
REPLY = Reply(topic="r/x", correlation=b"k")


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        yield queue


def sent(queue: JobQueue) -> list[Request]:
    """The requests that are on their way, as the next board reads them."""
    return [from_json(decode(one.message.payload)) for one in handed(queue)]


def nobody_takes(queue: JobQueue) -> None:
    """The broker's answer to what was handed on."""
    for one in handed(queue):
        queue.sharing.come_back(one, now=1)


def test_a_request_that_is_handed_on_is_no_job_here(queue: JobQueue) -> None:
    assert queue.sharing.pass_on(ask(seed=7, reply="all"), pool="p", reply=REPLY, now=1)
    assert queue.jobs() == []
    (one,) = handed(queue)
    assert (one.message.topic, one.message.retain, one.message.expiry_s) == (POOL, False, 0)
    assert (one.message.response_topic, one.message.correlation) == ("r/x", b"k")
    assert sent(queue) == [ask(seed=7, reply="all", hops=1)]


def test_a_request_is_handed_on_three_times_and_not_a_fourth(queue: JobQueue) -> None:
    for hops in range(MAX_HOPS):
        assert queue.sharing.pass_on(ask(hops=hops), pool="p", reply=None, now=1)
    assert not queue.sharing.pass_on(ask(hops=MAX_HOPS), pool="p", reply=None, now=1)
    assert [request.hops for request in sent(queue)] == [1, 2, 3]


def test_a_board_gives_back_what_waits_and_came_from_a_pool_and_nothing_else(queue: JobQueue) -> None:
    queue.put(ask("runs"), now=1, pool="p")
    claim(queue)
    queue.put(ask("pooled"), now=1, pool="p", reply=REPLY)
    queue.put(ask("by-name"), now=1)
    queue.put(ask("often", hops=MAX_HOPS), now=1, pool="p")
    assert queue.sharing.hand_back(now=2) == 1
    assert [request.id for request in sent(queue)] == ["pooled"]
    assert [state(queue, job_id) for job_id in ("runs", "pooled", "by-name", "often")] == [
        JobState.RUNNING, JobState.HANDED_BACK, JobState.QUEUED, JobState.QUEUED,
    ]  # fmt: skip
    assert queue.sharing.hand_back(now=3) == 0


def test_the_way_back_is_told_before_it_is_gone_and_claimed_by_nobody_here(queue: JobQueue) -> None:
    queue.put(ask(), now=1, pool="p", reply=REPLY)
    queue.sharing.clear("a", now=1)
    queue.sharing.hand_back(now=1)
    assert [decode(one.message.payload).get("state") for one in waiting(queue)] == ["accepted", "handed_back", None]
    assert claim(queue) is None
    assert told(queue, "r/x") == []  # it is no end
    assert queue.depth() == 0


def test_what_is_left_of_its_time_goes_along(queue: JobQueue) -> None:
    queue.put(ask("a", ttl=600), now=100, pool="p", expires_at=700)
    queue.put(ask("b"), now=100, pool="p", expires_at=None)
    queue.sharing.hand_back(now=500)
    assert [request.ttl for request in sent(queue)] == [200, None]


def test_what_nobody_takes_comes_back_as_the_job_it_was(queue: JobQueue) -> None:
    queue.put(ask(seed=7), now=1, pool="p", reply=REPLY, expires_at=600)
    queue.sharing.hand_back(now=1)
    nobody_takes(queue)
    job = queue.get("a")
    assert job and (job.state, job.pool, job.reply, job.expires_at) == (JobState.QUEUED, "p", REPLY, 600)
    assert job.request.seed == 7
    assert handed(queue) == []
    claimed = claim(queue)
    assert claimed and claimed.id == "a"


def test_what_came_back_is_looked_for_elsewhere_before_it_begins(queue: JobQueue) -> None:
    queue.put(ask(), now=1, pool="p")
    queue.sharing.hand_back(now=1)
    nobody_takes(queue)  # a first copy of it may have reached a board all the same
    job = queue.get("a")
    assert job and job.may_be_elsewhere


def test_what_nobody_wants_does_not_go_round_for_ever(queue: JobQueue) -> None:
    queue.put(ask(), now=1, pool="p")
    rounds = 0
    while queue.sharing.hand_back(now=1):
        rounds += 1
        nobody_takes(queue)
        queue.sharing.clear("a", now=1)
        assert rounds <= MAX_HOPS
    assert rounds == MAX_HOPS
    assert state(queue) is JobState.QUEUED


def test_after_nobody_took_it_the_pools_are_left_alone_for_a_while(queue: JobQueue) -> None:
    assert queue.sharing.alone_until <= 1
    queue.put(ask(), now=1, pool="p")
    queue.sharing.hand_back(now=1)
    nobody_takes(queue)
    assert queue.sharing.alone_until > 30


def test_a_request_that_was_never_accepted_and_that_nobody_wants_is_refused(queue: JobQueue) -> None:
    queue.sharing.pass_on(ask(), pool="p", reply=REPLY, now=1)
    nobody_takes(queue)
    assert queue.jobs() == []
    assert [body["state"] for body in told(queue)] == ["rejected"]
    (answer,) = told(queue, "r/x")
    assert (answer["error"]["code"], answer["error"]["retry_after_s"] > 0) == ("overloaded", True)
    assert handed(queue) == []


def test_what_was_sent_here_again_meanwhile_is_left_as_it_is(queue: JobQueue) -> None:
    queue.put(ask(), now=1, pool="p")
    queue.sharing.hand_back(now=1)
    (pending,) = handed(queue)
    queue.put(ask(attempt=2), now=2, pool="p")
    claim(queue)
    queue.sharing.come_back(pending, now=3)
    assert state(queue) is JobState.RUNNING
    assert handed(queue) == []


@pytest.mark.parametrize("prompt", ["/think /no_think a fish", "\x00/think /think a fish"])
def test_a_prompt_with_many_prefixes_finds_its_way_back_as_it_was_read(queue: JobQueue, prompt: str) -> None:
    queue.put(ask(prompt=prompt), now=1, pool="p")
    queue.sharing.hand_back(now=1)
    assert [(request.prompt, request.mode) for request in sent(queue)] == [("a fish", "think")]
    nobody_takes(queue)
    assert state(queue) is JobState.QUEUED


@pytest.mark.parametrize("how", ["comes back", "is sent again"])
def test_a_job_that_was_cancelled_while_it_was_away_is_never_done_here(queue: JobQueue, how: str) -> None:
    queue.put(ask(), now=1, pool="p", reply=REPLY)
    queue.sharing.hand_back(now=1)
    queue.cancel("a", now=2)
    if how == "comes back":
        nobody_takes(queue)
    else:
        queue.put(ask(attempt=2), now=3, pool="p", reply=REPLY)
    assert state(queue) is JobState.CANCELLED
    assert [body["state"] for body in told(queue, "r/x")] == ["cancelled"]
    assert claim(queue) is None


def test_a_job_that_another_board_has_done_is_let_go_of_in_silence(queue: JobQueue) -> None:
    queue.put(ask(attempt=2), now=1, pool="p", reply=REPLY)
    queue.sharing.supersede("a", now=1)
    assert state(queue) is JobState.SUPERSEDED
    assert waiting(queue) == []
    assert claim(queue) is None


def test_a_job_that_runs_or_has_ended_is_not_let_go_of(queue: JobQueue) -> None:
    done(queue, "a")
    queue.put(ask("b"), now=1)
    claim(queue)
    for job_id in ("a", "b", "unknown"):
        queue.sharing.supersede(job_id, now=2)
    assert (state(queue, "a"), state(queue, "b")) == (JobState.DONE, JobState.RUNNING)


@pytest.mark.parametrize("how", ["handed back", "superseded"])
def test_a_job_that_is_sent_here_again_is_accepted_again_and_looked_for_elsewhere(queue: JobQueue, how: str) -> None:
    queue.put(ask(attempt=2 if how == "superseded" else 1), now=1, pool="p")
    if how == "superseded":
        queue.sharing.supersede("a", now=1)
    else:
        queue.sharing.hand_back(now=1)
    queue.put(ask(), now=2, pool="p")  # the broker delivered the first copy once more
    job = queue.get("a")
    assert job and (job.state, job.may_be_elsewhere) == (JobState.QUEUED, True)


def test_a_full_board_does_not_accept_again_what_it_gave_away(tmp_path: Path) -> None:
    with opened(tmp_path, "n2", limit=1) as queue:
        queue.put(ask(), now=1, pool="p")
        queue.sharing.hand_back(now=1)
        queue.put(ask("b"), now=1)
        with pytest.raises(Exception, match="full"):
            queue.put(ask(attempt=2), now=2, pool="p")
        assert state(queue) is JobState.HANDED_BACK


def test_a_broker_that_lost_its_memory_is_told_what_is_here(queue: JobQueue) -> None:
    done(queue, "old", now=10)
    done(queue, "new", now=1000)
    queue.put(ask("waits"), now=10)
    queue.put(ask("maybe", attempt=2), now=10)
    empty_outbox(queue)
    queue.sharing.tell_again(now=1100, since=500)
    assert [(body["id"], body["state"]) for body in told(queue)] == [("new", "done"), ("waits", "accepted")]


def test_it_is_not_told_what_waits_to_be_told_anyway_nor_are_answers_sent_twice(queue: JobQueue) -> None:
    queue.put(ask(reply="all"), now=1, reply=REPLY)
    queue.sharing.tell_again(now=2, since=0)
    assert len(waiting(queue)) == 2
    empty_outbox(queue)
    queue.sharing.tell_again(now=3, since=0)
    assert [one.message.topic for one in waiting(queue)] == ["edgereel/v1/job/a/state"]


def test_it_is_not_told_that_a_job_left_since_its_new_board_tells_of_it(queue: JobQueue) -> None:
    queue.put(ask(), now=1, pool="p")
    queue.sharing.hand_back(now=1)
    empty_outbox(queue)
    queue.sharing.tell_again(now=2, since=0)
    assert told(queue) == []


def test_it_is_not_told_of_jobs_that_it_was_made_to_forget(queue: JobQueue) -> None:
    done(queue, "a", now=0)
    queue.upkeep.forget(now=24 * 3600 + 1)
    empty_outbox(queue)
    queue.sharing.tell_again(now=2, since=-1)
    assert told(queue) == []


def test_what_went_and_reached_no_board_is_taken_back_within_the_hour(queue: JobQueue) -> None:
    for job_id in ("a", "b"):
        queue.put(ask(job_id, ttl=9000), now=0, pool="p", expires_at=9000)
    queue.sharing.hand_back(now=0)
    assert queue.sharing.take_back(now=130) == 0  # it is still on its way
    empty_outbox(queue)  # somebody took it, who was no board
    assert queue.sharing.take_back(now=119) == 0
    assert queue.sharing.take_back(now=3601) == 0
    assert queue.sharing.take_back(now=130) == 2
    job = queue.get("a")
    assert job and (job.state, job.may_be_elsewhere) == (JobState.QUEUED, True)
    assert queue.sharing.hand_back(now=140) == 0  # once is enough
    assert told(queue) == []


def test_what_another_board_has_done_or_somebody_cancelled_is_not_done_again(queue: JobQueue) -> None:
    queue.put(ask("done", attempt=2), now=0, pool="p")
    queue.sharing.supersede("done", now=0)
    queue.put(ask("off"), now=0, pool="p")
    queue.sharing.hand_back(now=0)
    queue.cancel("off", now=1)
    empty_outbox(queue)
    queue.sharing.take_back(now=130)
    assert (state(queue, "done"), state(queue, "off")) == (JobState.SUPERSEDED, JobState.CANCELLED)
