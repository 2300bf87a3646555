"""The table of jobs, and the one way to change it: what changes and what tells of it are one commit."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from edge.errors import Cancelled, EdgereelError
from edge.events import job_events, refusal_events
from edge.job import Job, JobState, Reply
from edge.job_row import job_of
from edge.outbox import Outbox
from edge.schema import open_database, transaction
from edge.wire import Origin, error_body, rejected_messages, state_messages


class JobTable:
    """`commit` is the door: every other verb joins the transaction of its caller. Watchers are woken after a commit."""

    def __init__(self, path: Path, *, origin: Origin) -> None:
        self.db = open_database(path)
        self.lock = threading.Lock()
        self.outbox = Outbox(self.db, self.lock)
        self.origin = origin
        self._watchers: list[threading.Event] = []

    def watch(self, event: threading.Event) -> None:
        """Set `event` after every commit from now on."""
        self._watchers.append(event)

    @contextmanager
    def commit(self, *, wake: bool = True) -> Iterator[None]:
        """One transaction, for one thread at a time."""
        with self.lock, transaction(self.db):
            before = self.db.total_changes
            yield
            changed = self.db.total_changes > before
        if wake and changed:
            for event in self._watchers:
                event.set()

    def row(self, job_id: str) -> sqlite3.Row | None:
        """The row of a job, if there is one."""
        row: sqlite3.Row | None = self.db.execute("SELECT * FROM job WHERE id = ?", (job_id,)).fetchone()
        return row

    def job(self, job_id: str) -> Job:
        """A job that is there."""
        return job_of(self.db.execute("SELECT * FROM job WHERE id = ?", (job_id,)).fetchone())

    def change(self, job_id: str, *, now: float, inline: str = "", **columns: str | float | None) -> Job:
        """Set columns of a job and tell of it with the next `rev`."""
        names = "".join(f", {name} = :{name}" for name in columns)
        self.db.execute(
            f"UPDATE job SET rev = rev + 1, updated_at = :now{names} WHERE id = :id",  # noqa: S608 - our own column names
            {"now": now, "id": job_id, **columns},
        )
        ends = JobState(str(columns.get("state", JobState.QUEUED))).final
        return self.announce(job_id, now=now, inline=inline, event=ends)

    def announce(self, job_id: str, *, now: float, inline: str = "", replies: bool = True, event: bool = False) -> Job:
        """Tell the state of a job, with `replies` also to who asked for it, with `event` as something that happened."""
        job = self.job(job_id)
        (ahead,) = self.db.execute(
            "SELECT count(*) FROM job WHERE state = 'queued' AND seq < (SELECT seq FROM job WHERE id = ?)", (job_id,)
        ).fetchone()
        messages = state_messages(job, origin=self.origin, queue_pos=ahead + 1, inline=inline)
        for message in messages if replies else messages[:1]:
            self.outbox.add(message, now=now)
        for message in job_events(job, origin=self.origin) if event else []:
            self.outbox.add(message, now=now)
        return job

    def refuse(self, job_id: str, error: EdgereelError, *, now: float, reply: Reply | None) -> None:
        """Tell that a request was not accepted, and why."""
        told = rejected_messages(job_id, error, reply=reply, origin=self.origin, now=now)
        for message in (*told, *refusal_events(job_id, error, origin=self.origin, now=now)):
            self.outbox.add(message, now=now)


def json_text(value: dict[str, Any]) -> str:
    """JSON as the table keeps it."""
    return msgspec.json.encode(value).decode()


def cancelled_outcome() -> str:
    """What the table keeps of why a cancelled job ended."""
    return json_text(error_body(Cancelled("The job was cancelled.")))
