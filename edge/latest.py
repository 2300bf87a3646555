"""What somebody who looks at the queue sees of it: what waits and runs, the latest clips, what went wrong just now.

Why not `JobQueue.jobs`: a request may hold a picture of a quarter of a megabyte, and a page shows dozens of jobs.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from edge.errors import RequestError
from edge.job import Job, body_hash
from edge.job_row import job_of
from edge.jobtable import JobTable
from edge.request import Request

WITHOUT_PICTURE = "json_remove(request, '$.image') AS request"


class Latest:
    """All verbs may be called from any thread. The jobs come without the pictures that they were to begin with."""

    def __init__(self, table: JobTable) -> None:
        self._table = table
        names = [row["name"] for row in table.db.execute("PRAGMA table_info(job)")]
        self._columns = ", ".join(WITHOUT_PICTURE if name == "request" else name for name in names)

    def version(self) -> int:
        """A number that grows with every change of the database."""
        with self._table.lock:
            return self._table.db.total_changes

    def unfinished(self) -> list[Job]:
        """What runs and what waits, in the order in which it was sent."""
        return self._jobs("state IN ('running', 'queued') ORDER BY seq")

    def clips(self, limit: int, *, before: str = "") -> list[Job]:
        """The newest jobs that are done, newest first; with `before`, those that were sent before that job."""
        older = "AND seq < (SELECT seq FROM job WHERE id = ?)" if before else ""
        return self._jobs(f"state = 'done' {older} ORDER BY seq DESC LIMIT ?", *([before] if before else []), limit)

    def faults(self, limit: int, *, since: float) -> list[Job]:
        """What ended without a clip since then, newest first."""
        wrong = "state IN ('failed', 'expired', 'cancelled') AND updated_at > ?"
        return self._jobs(f"{wrong} ORDER BY updated_at DESC LIMIT ?", since, limit)

    def request_of(self, job_id: str) -> Request:
        """What was asked for, with its picture, if it has one. Raises RequestError when that is not known any more."""
        with self._table.lock:
            row = self._table.row(job_id)
        if row is None:
            raise RequestError(f"There is no job {job_id} here.", hint="Send the prompt as a new request.")
        request = job_of(row).request
        if request.image is None and body_hash(request) != row["body_hash"]:
            raise RequestError(
                "The picture that this clip began with is not kept any more.", hint="Send it again with the prompt."
            )
        return request

    def _jobs(self, where: str, *values: str | float) -> list[Job]:
        with self._table.lock:
            rows: list[sqlite3.Row] = self._table.db.execute(
                f"SELECT {self._columns} FROM job WHERE {where}",  # noqa: S608 - our own words
                values,
            ).fetchall()
        return [job_of(row) for row in rows]


def another_take(request: Request, *, job_id: str, seed: int) -> Request:
    """The same request with another seed, as a new one: how the first was sent does not matter to it."""
    return replace(
        request, id=job_id, seed=seed, ttl=None, deadline=None, attempt=1, hops=0, reply="final", deliver="url"
    )
