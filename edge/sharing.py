"""Work of a pool that another board shall do: handed on when it comes, handed back while it waits, given up when done.

A request on its way to another board lies in the outbox, in the same commit that lets go of it here, until the broker
says that somebody takes it. When nobody does it comes back.
"""

from __future__ import annotations

import msgspec

from edge.errors import RequestError
from edge.job import JobState, Reply
from edge.job_row import job_of
from edge.jobtable import JobTable
from edge.outbox import Pending
from edge.request import Request, from_json
from edge.wire import BASE, handover_message

MAX_HOPS = 3


class Sharing:
    """All verbs may be called from any thread."""

    def __init__(self, table: JobTable) -> None:
        self._table = table

    def pass_on(self, request: Request, *, pool: str, reply: Reply | None, now: float) -> bool:
        """Hand on a request that was not accepted here; False when it has been handed on often enough."""
        if request.hops >= MAX_HOPS:
            return False
        with self._table.commit():
            self._table.outbox.add(handover_message(request, pool=pool, reply=reply), now=now, handover=True)
        return True

    def hand_back(self, *, now: float) -> int:
        """Give the pools back what waits here and came from them; returns how many jobs that were."""
        with self._table.commit():
            rows = self._table.db.execute("SELECT * FROM job WHERE state = 'queued' AND pool != '' ORDER BY seq")
            jobs = [job for job in map(job_of, rows.fetchall()) if job.request.hops < MAX_HOPS]
            for job in jobs:
                self._table.change(job.id, now=now, state=JobState.HANDED_BACK)
                message = handover_message(job.request, pool=job.pool, reply=job.reply)
                self._table.outbox.add(message, now=now, handover=True)
        return len(jobs)

    def come_back(self, pending: Pending, *, now: float) -> None:
        """Take a request again that no board wants: keep it if it was accepted here, else refuse it."""
        request = from_json(msgspec.json.decode(pending.message.payload))
        with self._table.commit():
            row = self._table.row(request.id)
            if row and row["state"] == JobState.HANDED_BACK:
                self._table.change(request.id, now=now, state=JobState.QUEUED)
            elif row is None:
                error = RequestError("No board of the pool has room.", hint="Try again later.", code="overloaded")
                topic, correlation = pending.message.response_topic, pending.message.correlation
                reply = Reply(topic=topic, correlation=correlation) if topic else None
                self._table.refuse(request.id, error, now=now, reply=reply)
            self._table.db.execute("DELETE FROM outbox WHERE seq = ?", (pending.seq,))

    def supersede(self, job_id: str, *, now: float) -> None:
        """Let go of a waiting job that another board has done."""
        with self._table.commit():
            row = self._table.row(job_id)
            if row and row["state"] == JobState.QUEUED:
                self._table.change(job_id, now=now, state=JobState.SUPERSEDED)

    def tell_again(self, *, now: float, since: float) -> None:
        """Publish the states of all jobs that have not ended, or changed after `since`: the broker has lost them."""
        with self._table.commit():
            rows = self._table.db.execute(
                "SELECT id FROM job WHERE (state IN ('queued', 'running') OR updated_at > ?) AND NOT EXISTS"
                " (SELECT 1 FROM outbox WHERE topic = ? || id || '/state') ORDER BY seq",
                (since, f"{BASE}/job/"),
            ).fetchall()
            for row in rows:
                self._table.announce(row["id"], now=now, replies=False)
