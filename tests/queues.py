"""A real queue file for tests, and the few things that are done to one all the time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from edge.job import Job, JobState
from edge.jobqueue import JobQueue
from edge.mode import Mode
from edge.outbox import Pending
from edge.request import Request, make_request
from edge.result import ModeChoice
from edge.wire import Origin, decode

ALL = 10_000


def open_queue(folder: Path, node: str = "n1", *, boot: str = "b1", **options: Any) -> JobQueue:
    return JobQueue(folder / f"{node}.sqlite", origin=Origin(node=node, boot=boot), **options)


@contextmanager
def opened(folder: Path, node: str = "n1", **options: Any) -> Iterator[JobQueue]:
    with closing(open_queue(folder, node, **options)) as queue:
        yield queue


def ask(job_id: str = "a", prompt: str = "a red balloon", **fields: object) -> Request:
    return make_request(prompt, id=job_id, **fields)


def any_mode(job: Job) -> ModeChoice:
    return ModeChoice(requested=job.request.mode, effective=Mode.DIRECT, reason="")


def claim(queue: JobQueue, now: float = 1.0, choose: Callable[[Job], ModeChoice | None] = any_mode) -> Job | None:
    return queue.claim(lease_s=1000, now=now, choose=choose)


def done(queue: JobQueue, job_id: str, *, now: float = 1.0) -> None:
    """Put a job, run it and end it."""
    queue.put(ask(job_id), now=now)
    claim(queue, now)
    queue.finish(job_id, {"sha256": "f00"}, now=now)


def state(queue: JobQueue, job_id: str = "a") -> JobState | None:
    job = queue.get(job_id)
    return job.state if job else None


def waiting(queue: JobQueue, now: float = 1.0) -> list[Pending]:
    """What the outbox would send."""
    return queue.outbox.due(now=now, limit=ALL)


def told(queue: JobQueue, topic: str = "/state", now: float = 1.0) -> list[dict[str, Any]]:
    """The bodies that the outbox would send to topics that end so."""
    return [decode(one.message.payload) for one in waiting(queue, now) if one.message.topic.endswith(topic)]


def handed(queue: JobQueue, now: float = 1.0) -> list[Pending]:
    """The requests that are on their way to another board."""
    return [one for one in waiting(queue, now) if one.handover]


def empty_outbox(queue: JobQueue) -> None:
    """As if the broker had taken everything."""
    for one in waiting(queue):
        queue.outbox.drop(one.seq)


def rows(folder: Path, select: str, node: str = "n1") -> list[tuple[Any, ...]]:
    """What another program reads in the file."""
    with closing(sqlite3.connect(folder / f"{node}.sqlite")) as db:
        return db.execute(select).fetchall()
