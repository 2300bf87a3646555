"""The durable queue: jobs and the messages about them, in one SQLite file.

Every change of a job and every message that tells of it are one commit, so neither can be lost without the other.
All verbs may be called from any thread; after each commit the watchers are woken.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.clock import steady_clock
from edge.errors import Cancelled, EdgereelError, EngineError, RequestError
from edge.job import Job, JobState, Reply, body_hash
from edge.job_row import job_of, reply_columns
from edge.jobtable import JobTable, cancelled_outcome, json_text
from edge.latest import Latest
from edge.library import Library
from edge.mode import Mode
from edge.request import Request
from edge.result import ModeChoice
from edge.runlog import RunLog, RunRow, figures_of
from edge.settings import Settings
from edge.sharing import Sharing
from edge.tombstones import Tombstones
from edge.upkeep import Upkeep
from edge.wire import Origin, error_body
from edge.wishes import Wishes

ACTIVE = "state IN ('queued', 'running')"


class JobQueue:
    """See the module. `limit` is how many jobs may wait or run; `max_crashes` how often one may kill the engine.

    Every `now` that is given is that of `now()`, seconds since 1970 that never jump.
    """

    def __init__(
        self, path: Path, *, origin: Origin, limit: int = 64, max_crashes: int = 3,
        clock: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self._table = JobTable(path, origin=origin)
        self.outbox = self._table.outbox
        self.runs = RunLog(self._table.db, self._table.lock)
        self.sharing = Sharing(self._table, free_in_s=self.runs.free_in_s)
        self.upkeep = Upkeep(self._table)
        self.latest = Latest(self._table)
        self.now = clock or steady_clock()
        self._limit = limit
        self._max_crashes = max_crashes
        self._tombstones = Tombstones(self._table.db)
        self.wishes = Wishes(self._table)
        self.library = Library(self._table)

    def close(self) -> None:
        """Close the file; the queue may not be used afterwards."""
        with self._table.lock:
            self._table.db.close()

    def watch(self, event: threading.Event) -> None:
        """Set `event` after every commit from now on."""
        self._table.watch(event)

    def put(
        self,
        request: Request,
        *,
        now: float,
        reply: Reply | None = None,
        pool: str = "",
        expires_at: float | None = None,
    ) -> Job:
        """Accept a request. A repeat of an id is the same job: its present state is told again.

        A job that went to another board and is sent here again is accepted again.

        Raises RequestError: `id_conflict` when the id stands for another request, `overloaded` when the queue is full.
        """
        with self._table.commit():
            if known := self._table.row(request.id):
                return self._repeat(known, request, reply, pool=pool, expires_at=expires_at, now=now)
            self._check_limit()
            self._table.db.execute(
                "INSERT INTO job (id, body_hash, request, state, reply_topic, reply_correlation, created_at, updated_at,"
                " pool, expires_at) VALUES (?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?)",
                (request.id, body_hash(request), json_text(request.to_json()), *reply_columns(reply), now, now, pool,
                 expires_at),
            )  # fmt: skip
            if self._tombstones.take(request.id, now=now):
                return self._table.change(request.id, now=now, state=JobState.CANCELLED, outcome=cancelled_outcome())
            return self._table.announce(request.id, now=now, event=True)

    def refuse(self, job_id: str, error: EdgereelError, *, now: float, reply: Reply | None = None) -> None:
        """Say that a request was not accepted, and why. Not retained: it tells of a message, not of a job."""
        with self._table.commit():
            self._table.refuse(job_id, error, now=now, reply=reply)

    def claim(
        self,
        *,
        lease_s: float,
        now: float,
        choose: Callable[[Job], ModeChoice | None],
        ours: Callable[[Job], bool] = lambda _: True,
    ) -> Job | None:
        """Take the oldest job that is `ours` and gets a mode of `choose`, and mark it running; None when there is none.

        A job whose lease has run out was lost by its worker and counts as queued again. One whose time was over before
        it began expires, if it is ours: what another board may have is not told to be over.
        """
        with self._table.commit():
            lost = "SELECT id FROM job WHERE state = 'running' AND lease_until < ?"
            for row in self._table.db.execute(lost, (now,)).fetchall():
                self._table.change(row["id"], now=now, state=JobState.QUEUED)
            self._drop_late(now=now, ours=ours)
            for job in self._queued():
                if ours(job) and (choice := choose(job)):
                    mode, before = choice.effective, job.mode_path
                    path = before if before.split(">")[-1] == mode else f"{before}>{mode}".lstrip(">")
                    self._table.db.execute(
                        "UPDATE job SET lease_until = ?, started_at = ?, mode_path = ? WHERE id = ?",
                        (now + lease_s, now, path, job.id),
                    )
                    return self._table.change(job.id, now=now, state=JobState.RUNNING, mode=mode, reason=choice.reason)
        return None

    def renew(self, job_id: str, *, lease_s: float, now: float) -> None:
        """Hold a running job for another `lease_s` seconds."""
        with self._table.commit(wake=False):
            self._table.db.execute(
                "UPDATE job SET lease_until = ? WHERE id = ? AND state = 'running'", (now + lease_s, job_id)
            )

    def release(self, job_id: str, *, now: float, crashed: str = "", mode_cap: Mode | None = None) -> Job | None:
        """Put a running job back. `crashed` says how the run died, and counts; a preempted run does not.

        A job that crashed too often ends as failed with the code `crash_loop`; one that was to be cancelled is cancelled.
        Returns None when the job is not running.
        """
        with self._table.commit():
            return self._release(job_id, now=now, crashed=crashed, mode_cap=mode_cap)

    def finish(self, job_id: str, result: dict[str, Any], *, now: float, inline: str = "") -> Job | None:
        """End a running job with its result, which gets the modes that the job went through.

        `inline`, the clip in base64, is told to whoever waits for the answer, and not kept. Returns None when it is not running.
        """
        return self._end(job_id, JobState.DONE, result, now=now, inline=inline)

    def fail(self, job_id: str, error: EdgereelError, *, now: float) -> Job | None:
        """End a running job with an error; Cancelled makes it cancelled. Returns None when it is not running."""
        cancelled = error.code == Cancelled.code
        return self._end(job_id, JobState.CANCELLED if cancelled else JobState.FAILED, error_body(error), now=now)

    def cancel(self, job_id: str, *, now: float) -> Job | None:
        """Cancel a queued job at once, flag one that runs or may come back, and remember an unknown id: it never starts."""
        with self._table.commit():
            row = self._table.row(job_id)
            if row is None:
                self._tombstones.bury(job_id, now=now)
                return None
            if row["state"] == JobState.QUEUED:
                return self._table.change(job_id, now=now, state=JobState.CANCELLED, outcome=cancelled_outcome())
            self._table.db.execute(
                "UPDATE job SET cancel_asked = 1 WHERE id = ? AND state IN ('running', 'handed_back')", (job_id,)
            )
            return self._table.job(job_id)

    def cancel_asked(self, job_id: str) -> bool:
        """Say whether a running job is to be cancelled."""
        with self._table.lock:
            row = self._table.db.execute("SELECT cancel_asked FROM job WHERE id = ?", (job_id,)).fetchone()
        return bool(row and row["cancel_asked"])

    def recover(self, *, now: float) -> list[Job]:
        """At start: put back what was running when the daemon died. Each such death counts as a crash."""
        self.upkeep.follow(now=now)
        with self._table.commit():
            self._table.db.execute(f"UPDATE job SET clear = 0 WHERE {ACTIVE}")  # noqa: S608 - ours
            rows = self._table.db.execute("SELECT id FROM job WHERE state = 'running' ORDER BY seq").fetchall()
            return [job for row in rows if (job := self._release(row["id"], now=now, crashed="the daemon died"))]

    def get(self, job_id: str) -> Job | None:
        """One job, or None."""
        with self._table.lock:
            row = self._table.row(job_id)
            return job_of(row) if row else None

    def jobs(self, limit: int = 50) -> list[Job]:
        """The newest jobs, newest first."""
        with self._table.lock:
            rows = self._table.db.execute("SELECT * FROM job ORDER BY seq DESC LIMIT ?", (limit,))
            return [job_of(row) for row in rows]

    def waiting(self) -> list[Job]:
        """The jobs that wait, oldest first."""
        with self._table.lock:
            return self._queued()

    def depth(self) -> int:
        """How many jobs wait or run."""
        with self._table.lock:
            return self._depth()

    # Inside a transaction

    def _repeat(
        self,
        known: sqlite3.Row,
        request: Request,
        reply: Reply | None,
        *,
        pool: str,
        expires_at: float | None,
        now: float,
    ) -> Job:
        if known["body_hash"] != body_hash(request):
            raise RequestError(
                f"The id {request.id} already stands for another request.",
                hint="Use a new id for a new request.",
                code="id_conflict",
            )
        db, elsewhere = self._table.db, JobState(known["state"]).elsewhere
        if elsewhere:
            self._check_limit()
        if reply:
            columns = (*reply_columns(reply), request.id)
            db.execute("UPDATE job SET reply_topic = ?, reply_correlation = ? WHERE id = ?", columns)
        if elsewhere:
            return self.sharing.take_again(request, pool=pool, expires_at=expires_at, now=now)
        db.execute("UPDATE job SET updated_at = ?, told = 1 WHERE id = ?", (now, request.id))
        return self._table.announce(request.id, now=now)

    def _check_limit(self) -> None:
        if (waiting := self._depth()) >= self._limit:
            raise RequestError(f"The queue is full: {waiting} jobs wait.", hint="Try again later.", code="overloaded")

    def _queued(self) -> list[Job]:
        return [job_of(row) for row in self._table.db.execute("SELECT * FROM job WHERE state = 'queued' ORDER BY seq")]

    def _depth(self) -> int:
        (count,) = self._table.db.execute(f"SELECT count(*) FROM job WHERE {ACTIVE}").fetchone()  # noqa: S608 - ours
        return int(count)

    def _drop_late(self, *, now: float, ours: Callable[[Job], bool]) -> None:
        late = RequestError("The job's time was over before it could begin.", hint="Give it more.", code="expired")
        for job in self._queued():
            if job.expires_at is not None and job.expires_at <= now and job.mode is None and ours(job):
                self._table.change(job.id, now=now, state=JobState.EXPIRED, outcome=json_text(error_body(late)))

    def _release(self, job_id: str, *, now: float, crashed: str, mode_cap: Mode | None = None) -> Job | None:
        row = self._table.row(job_id)
        if row is None or row["state"] != JobState.RUNNING:
            return None
        crashes = row["crashes"] + bool(crashed)
        self._log(row, "crashed" if crashed else "preempted", now=now, figures={})
        if row["cancel_asked"]:
            return self._table.change(job_id, now=now, state=JobState.CANCELLED, outcome=cancelled_outcome())
        if crashed and crashes >= self._max_crashes:
            error = EngineError(
                f"The job was given up after {crashes} crashes; the last: {crashed}.",
                hint="Ask for a cheaper mode, or run `edgereel doctor` on the board.",
                code="crash_loop",
            )
            return self._table.change(
                job_id, now=now, state=JobState.FAILED, crashes=crashes, outcome=json_text(error_body(error))
            )
        cap = mode_cap or row["mode_cap"]
        return self._table.change(job_id, now=now, state=JobState.QUEUED, crashes=crashes, mode_cap=cap)

    def _end(
        self, job_id: str, state: JobState, outcome: dict[str, Any], *, now: float, inline: str = ""
    ) -> Job | None:
        with self._table.commit():
            row = self._table.row(job_id)
            if row is None or row["state"] != JobState.RUNNING:
                return None
            self._log(row, state.value, now=now, figures=figures_of(outcome))
            if state is JobState.DONE and isinstance(outcome.get("mode"), dict):
                outcome = outcome | {"mode": outcome["mode"] | {"path": row["mode_path"]}}
            return self._table.change(job_id, now=now, inline=inline, state=state, outcome=json_text(outcome))

    def _log(self, row: sqlite3.Row, ended: str, *, now: float, figures: dict[str, float]) -> None:
        mode, seconds = Mode(row["mode"] or Mode.SPARE), max(0.0, now - row["started_at"])
        self.runs.add(RunRow(
            job_id=row["id"], mode=mode, mode_path=row["mode_path"], ended=ended, at=now, seconds=seconds,
            figures=figures,
        ))  # fmt: skip


def queue_file(settings: Settings) -> Path:
    """Where a board keeps its queue."""
    return settings.paths.state / "queue.sqlite"
