"""What somebody who looks at a real queue sees of it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import RequestError
from edge.jobqueue import JobQueue
from edge.latest import another_take
from tests.queues import ask, claim, opened

PICTURE = base64.b64encode(b"\xff\xd8\xff" + bytes(100_000)).decode()
DAY_S = 24 * 3600.0


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        yield queue


def finish(queue: JobQueue, job_id: str, *, now: float = 1.0, **fields: object) -> None:
    queue.put(ask(job_id, **fields), now=now)
    claim(queue, now)
    assert queue.finish(job_id, {}, now=now)


def test_jobs_are_shown_without_their_pictures_and_otherwise_as_they_are(queue: JobQueue) -> None:
    queue.put(ask("a", image=PICTURE, seconds=2), now=1)
    (shown,) = queue.latest.unfinished()

    assert (shown.request.image, shown.request.seconds) == (None, 2.0)
    assert queue.latest.request_of("a").image == PICTURE


def test_what_is_under_way_comes_in_order_and_clips_newest_first_page_by_page(queue: JobQueue) -> None:
    for name in ("a", "b", "c"):
        finish(queue, name)
    for name in ("d", "e"):
        queue.put(ask(name), now=2)
    claim(queue, 2)

    assert [(job.id, job.state.value) for job in queue.latest.unfinished()] == [("d", "running"), ("e", "queued")]
    assert [job.id for job in queue.latest.clips(2)] == ["c", "b"]
    assert [job.id for job in queue.latest.clips(2, before="b")] == ["a"]
    assert queue.latest.clips(2, before="stranger") == []


def test_what_went_wrong_is_shown_for_a_while(queue: JobQueue) -> None:
    for name, at in (("old", 10.0), ("new", 100.0)):
        queue.put(ask(name), now=at)
        queue.cancel(name, now=at)

    assert [job.id for job in queue.latest.faults(5, since=50)] == ["new"]
    assert [job.id for job in queue.latest.faults(1, since=0)] == ["new"]


def test_the_version_changes_with_a_job_and_not_with_a_look(queue: JobQueue) -> None:
    before = queue.latest.version()
    queue.latest.unfinished()
    queue.jobs()
    same = queue.latest.version()
    queue.put(ask("a"), now=1)

    assert (same, queue.latest.version() > before) == (before, True)


def test_another_take_of_a_picture_that_is_gone_is_refused_and_not_made_without_it(queue: JobQueue) -> None:
    finish(queue, "with", image=PICTURE)
    finish(queue, "without", seed=7)
    queue.upkeep.forget(now=DAY_S + 2)

    with pytest.raises(RequestError, match="picture"):
        queue.latest.request_of("with")
    assert queue.latest.request_of("without").seed == 7
    with pytest.raises(RequestError, match="There is no job"):
        queue.latest.request_of("stranger")


def test_another_take_asks_for_the_same_and_not_for_how_it_was_sent() -> None:
    first = ask(
        "a", mode="lite", min_mode="lite", path=[[0, 0], [1, 1]], ttl=5, deadline=9, attempt=3, reply="all", seed=1
    )
    take = another_take(first, job_id="b", seed=2)

    assert take == ask("b", mode="lite", min_mode="lite", path=[[0, 0], [1, 1]], seed=2)
