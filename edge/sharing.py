"""Work of a pool that another board shall do: handed on when it comes, handed back while it waits, given up when done.

A request on its way to another board lies in the outbox, in the same commit that lets go of it here, until the broker
says that somebody takes it. When nobody does it comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec

from edge.errors import RequestError
from edge.job import Job, JobState, Reply
from edge.job_row import job_of
from edge.jobtable import JobTable, cancelled_outcome, json_text
from edge.outbox import Pending
from edge.request import Request, from_json
from edge.wire import BASE, handover_message

MAX_HOPS = 3
ALONE_S = 60.0
TAKE_BACK_S = (120.0, 3600.0)  # so long after it went, a job may be taken back: later others no longer tell of it
MOST_BACK = 8


class Sharing:
    """All verbs may be called from any thread. `free_in_s` foretells when there is room here again.

    Until `alone_until` there is no use in handing back: nobody takes it.
    """

    def __init__(self, table: JobTable, *, free_in_s: Callable[[], float]) -> None:
        self._table = table
        self._free_in_s = free_in_s
        self.alone_until = 0.0

    def pass_on(self, request: Request, *, pool: str, reply: Reply | None, now: float) -> bool:
        """Hand on a request that was not accepted here; False when it has been handed on often enough."""
        if request.hops >= MAX_HOPS:
            return False
        with self._table.commit():
            self._table.outbox.add(handover_message(request, pool=pool, reply=reply), now=now, handover=True)
        return True

    def hand_back(self, *, now: float) -> int:
        """Give the pools back what waits here and came from them; returns how many jobs that were.

        What we once spoke for and another board may have taken over since stays, until it was looked for.
        """
        with self._table.commit():
            rows = self._table.db.execute(
                "SELECT * FROM job WHERE state = 'queued' AND pool != '' AND ifnull(expires_at > ?, 1) ORDER BY seq",
                (now,),
            )
            jobs = [job for job in map(job_of, rows.fetchall()) if job.request.hops < MAX_HOPS and _may_go(job)]
            for job in jobs:
                self._table.change(job.id, now=now, state=JobState.HANDED_BACK)
                message = handover_message(_what_is_left(job, now=now), pool=job.pool, reply=job.reply)
                self._table.outbox.add(message, now=now, handover=True)
        return len(jobs)

    def come_back(self, pending: Pending, *, now: float) -> None:
        """Take a request again that no board wants: keep it if it was accepted here, else refuse it.

        It has made its hop: a copy of it may have reached a board before the broker lost us, and it must not go round
        for ever.
        """
        request = from_json(msgspec.json.decode(pending.message.payload))
        self.alone_until = now + ALONE_S
        full = RequestError(
            "No board of the pool has room.",
            hint="Try again later.",
            code="overloaded",
            retry_after_s=self._free_in_s(),
        )
        with self._table.commit():
            row = self._table.row(request.id)
            if row and row["state"] == JobState.HANDED_BACK:
                self._queue_again(request, now=now)
            elif row is None:
                topic, correlation = pending.message.response_topic, pending.message.correlation
                reply = Reply(topic=topic, correlation=correlation) if topic else None
                self._table.refuse(request.id, full, now=now, reply=reply)
            self._table.db.execute("DELETE FROM outbox WHERE seq = ?", (pending.seq,))

    def take_back(self, *, now: float) -> int:
        """Take back what went a while ago and may have reached no board; returns how many jobs that were.

        A broker says that somebody takes a request also when that is no board but one who watches all topics. Before
        such a job begins it is looked for elsewhere, and it goes no more.
        """
        earliest, latest = (now - seconds for seconds in reversed(TAKE_BACK_S))
        with self._table.commit():
            rows = self._table.db.execute(
                "SELECT * FROM job WHERE state = 'handed_back' AND updated_at BETWEEN ? AND ?"
                " AND NOT EXISTS (SELECT 1 FROM outbox WHERE handover) ORDER BY seq LIMIT ?",
                (earliest, latest, MOST_BACK),
            ).fetchall()
            for job in map(job_of, rows):
                self._queue_again(replace(job.request, hops=MAX_HOPS), now=now)
        return len(rows)

    def take_again(self, request: Request, *, pool: str, expires_at: float | None, now: float) -> Job:
        """Accept again what went to another board and was sent here once more; joins the caller's transaction.

        That board may have it, whatever the request says: a broker can deliver its first copy again.
        """
        request = replace(request, attempt=max(request.attempt, 2))
        self._table.db.execute(
            "UPDATE job SET pool = ?, expires_at = ?, told = 1 WHERE id = ?", (pool, expires_at, request.id)
        )
        return self._queue_again(request, now=now)

    def doubtful(self) -> list[Job]:
        """The waiting jobs that another board may have, oldest first."""
        with self._table.lock:
            rows = self._table.db.execute(
                "SELECT * FROM job WHERE state = 'queued' AND NOT clear AND (pool != ''"
                " OR json_extract(request, '$.attempt') > 1 OR json_extract(request, '$.hops') > 0) ORDER BY seq"
            ).fetchall()
        return list(map(job_of, rows))

    def clear(self, job_id: str, *, now: float) -> None:
        """Speak for a waiting job from now on: it was looked for, and no other board has it."""
        with self._table.commit():
            row = self._table.row(job_id)
            if row and row["state"] == JobState.QUEUED and not row["clear"]:
                self._table.db.execute("UPDATE job SET clear = 1, rev = rev + 1 WHERE id = ?", (job_id,))
                self._table.announce(job_id, now=now, event=True)

    def spoken_for(self) -> list[str]:
        """The waiting jobs of pools that this board speaks for."""
        with self._table.lock:
            rows = self._table.db.execute(
                "SELECT id FROM job WHERE state = 'queued' AND clear AND pool != ''"
            ).fetchall()
        return [row["id"] for row in rows]

    def doubt(self, job_id: str | None = None) -> None:
        """Take back the word for what waits, or for one job: others may have taken it over.

        What was to be told of it and was not told yet must not hide what they say.
        """
        which, at = ("", ()) if job_id is None else (" AND id = ?", (job_id,))
        with self._table.commit():
            mine = f"SELECT ? || id || '/state' FROM job WHERE state = 'queued' AND clear{which}"  # noqa: S608 - ours
            self._table.db.execute(f"DELETE FROM outbox WHERE topic IN ({mine})", (f"{BASE}/job/", *at))  # noqa: S608 - ours
            self._table.db.execute(f"UPDATE job SET clear = 0 WHERE state IN ('queued', 'running'){which}", at)  # noqa: S608 - ours

    def _queue_again(self, request: Request, *, now: float) -> Job:
        job_id, body = request.id, json_text(request.to_json())
        if self._table.job(job_id).cancel_asked:
            return self._table.change(job_id, now=now, state=JobState.CANCELLED, outcome=cancelled_outcome())
        return self._table.change(job_id, now=now, state=JobState.QUEUED, request=body, clear=0)

    def supersede(self, job_id: str, *, now: float) -> None:
        """Let go of a waiting job that another board has done."""
        with self._table.commit():
            row = self._table.row(job_id)
            if row and row["state"] == JobState.QUEUED:
                self._table.change(job_id, now=now, state=JobState.SUPERSEDED)

    def tell_again(self, *, now: float, since: float) -> None:
        """Publish the states of all jobs that have not ended, or changed after `since`: the broker has lost them.

        Not that a job left: by now its new board may have told of it.
        """
        with self._table.commit():
            rows = self._table.db.execute(
                "SELECT id FROM job WHERE (state IN ('queued', 'running') OR (updated_at > ? AND told"
                " AND state NOT IN ('handed_back', 'superseded'))) AND NOT EXISTS"
                " (SELECT 1 FROM outbox WHERE topic = ? || id || '/state') ORDER BY seq",
                (since, f"{BASE}/job/"),
            ).fetchall()
            for row in rows:
                self._table.announce(row["id"], now=now, replies=False)


def _may_go(job: Job) -> bool:
    return not job.may_be_elsewhere or job.rev == 1


def _what_is_left(job: Job, *, now: float) -> Request:
    """The request of a job with what is left of the time that it gave."""
    if job.request.ttl is None or job.expires_at is None:
        return job.request
    return replace(job.request, ttl=min(job.request.ttl, job.expires_at - now))
