"""What keeps the queue from growing for ever: what the broker may forget, old rows, an old clock."""

from __future__ import annotations

from edge.job import Job, JobState
from edge.job_row import job_of
from edge.jobtable import JobTable
from edge.wire import STATE_EXPIRY_S, cleared, job_topic, node_topic

MAX_FINISHED = 10_000
MAX_TOLD = 200  # ended jobs whose state a broker keeps for this board
LASTING = ("status", "birth", "mode")
CLOCK_WENT_BACK_S = 60.0
FINISHED = "state NOT IN ('queued', 'running')"


class Upkeep:
    """All verbs may be called from any thread."""

    def __init__(self, table: JobTable) -> None:
        self._table = table

    def delivered(self, job_id: str) -> bool:
        """Whether nobody waits any more to hear how this job ended; also true of a job that is not known."""
        with self._table.lock:
            row = self._table.row(job_id)
            if row is None:
                return True
            topics = (job_topic(job_id, "state"), row["reply_topic"])
            waits = self._table.db.execute("SELECT 1 FROM outbox WHERE topic IN (?, ?)", topics).fetchone()
            return JobState(row["state"]).final and waits is None

    def finished(self, job_id: str) -> bool:
        """Whether a job is done."""
        with self._table.lock:
            row = self._table.row(job_id)
        return row is not None and row["state"] == JobState.DONE

    def last_failed(self) -> Job | None:
        """The newest job that failed."""
        with self._table.lock:
            row = self._table.db.execute(
                "SELECT * FROM job WHERE state = 'failed' ORDER BY seq DESC LIMIT 1"
            ).fetchone()
        return job_of(row) if row else None

    def forget(self, *, now: float) -> None:
        """Have the broker forget states that are old, or too many, and drop the oldest rows that it has forgotten.

        The picture of such a job goes at once: ten thousand of them would fill a small disk.
        """
        with self._table.commit():
            db = self._table.db
            stale = db.execute(
                f"SELECT id, state FROM job WHERE {FINISHED} AND told AND (updated_at < ? OR seq <="  # noqa: S608 - ours
                " (SELECT max(seq) FROM job) - ?)", (now - STATE_EXPIRY_S, MAX_TOLD),
            ).fetchall()  # fmt: skip
            for row in stale:
                if row["state"] not in ("handed_back", "superseded"):  # another board's state stands there
                    self._table.outbox.add(cleared(job_topic(row["id"], "state")), now=now)
                db.execute(
                    "UPDATE job SET told = 0, request = json_remove(request, '$.image') WHERE id = ?", (row["id"],)
                )
            db.execute(
                f"DELETE FROM job WHERE {FINISHED} AND NOT told AND seq <= (SELECT max(seq) FROM job) - ?",  # noqa: S608 - ours
                (MAX_FINISHED,),
            )

    def settle(self, *, node: str, now: float) -> None:
        """At the start: when the board had another id before, have the broker forget what it said under that."""
        db = self._table.db
        with self._table.commit():
            row = db.execute("SELECT value FROM wish WHERE name = 'node'").fetchone()
            for leaf in LASTING if row and row["value"] != node else ():
                self._table.outbox.add(cleared(node_topic(row["value"], leaf)), now=now)
            db.execute("INSERT OR REPLACE INTO wish VALUES ('node', ?)", (node,))

    def follow(self, *, now: float) -> None:
        """At the start: when the clock went back since the last one, move every stored time with it.

        A board without a battery boots with an old time. That it was off for long cannot be told from a clock that was
        set forward; then what was to expire has expired.
        """
        db = self._table.db
        with self._table.commit():
            (latest,) = db.execute("SELECT max(updated_at) FROM job").fetchone()
            back = max(0.0, (latest or 0.0) - now)
            if back > CLOCK_WENT_BACK_S:
                names = ("created_at", "updated_at", "started_at", "expires_at", "lease_until")
                moved = ", ".join(f"{name} = {name} - :back" for name in names)
                db.execute(f"UPDATE job SET {moved}", {"back": back})  # noqa: S608 - ours
                db.execute("UPDATE outbox SET expires_at = expires_at - ?, retry_at = retry_at - ?", (back, back))
                db.execute("UPDATE tombstone SET expires_at = expires_at - ?", (back,))
