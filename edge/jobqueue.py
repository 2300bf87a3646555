"""The durable queue: jobs and the messages about them, in one SQLite file.

Every change of a job and every message that tells of it are one commit, so neither can be lost without the other.
All verbs may be called from any thread; after each commit the watchers are woken.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from edge.errors import Cancelled, EdgereelError, EngineError, RequestError
from edge.job import Job, JobState, Reply, body_hash
from edge.job_row import job_of, reply_columns
from edge.mode import Mode
from edge.outbox import Outbox
from edge.request import Request
from edge.result import ModeChoice
from edge.runlog import RunLog, RunRow, figures_of
from edge.schema import open_database, transaction
from edge.settings import Settings
from edge.wire import Origin, error_body, rejected_messages, state_messages

TOMBSTONE_S = 3600.0
MAX_TOMBSTONES = 1000
MAX_FINISHED = 1000


class JobQueue:
    """See the module. `limit` is how many jobs may wait or run; `max_crashes` how often one may kill the engine.

    `wished` is the best mode that somebody set, over all starts; `auto` when nobody did.
    """

    def __init__(self, path: Path, *, origin: Origin, limit: int = 64, max_crashes: int = 3) -> None:
        self._db = open_database(path)
        self._lock = threading.Lock()
        self.outbox = Outbox(self._db, self._lock)
        self.runs = RunLog(self._db, self._lock)
        self._origin = origin
        self._limit = limit
        self._max_crashes = max_crashes
        self._watchers: list[threading.Event] = []
        row = self._db.execute("SELECT value FROM wish WHERE name = 'mode'").fetchone()
        self.wished = str(row["value"]) if row else "auto"

    def close(self) -> None:
        """Close the file; the queue may not be used afterwards."""
        with self._lock:
            self._db.close()

    def watch(self, event: threading.Event) -> None:
        """Set `event` after every commit from now on."""
        self._watchers.append(event)

    # Jobs

    def put(self, request: Request, *, now: float, reply: Reply | None = None) -> Job:
        """Accept a request. A repeat of an id is the same job: its present state is told again.

        Raises RequestError: `id_conflict` when the id stands for another request, `overloaded` when the queue is full.
        """
        with self._commit():
            if known := self._row(request.id):
                return self._repeat(known, request, reply, now=now)
            (waiting,) = self._db.execute("SELECT count(*) FROM job WHERE state IN ('queued', 'running')").fetchone()
            if waiting >= self._limit:
                raise RequestError(
                    f"The queue is full: {waiting} jobs wait.", hint="Try again later.", code="overloaded"
                )
            self._db.execute(
                "INSERT INTO job (id, body_hash, request, state, reply_topic, reply_correlation, created_at, updated_at)"
                " VALUES (?, ?, ?, 'queued', ?, ?, ?, ?)",
                (request.id, body_hash(request), _json(request.to_json()), *reply_columns(reply), now, now),
            )
            if self._db.execute("DELETE FROM tombstone WHERE id = ? AND expires_at > ?", (request.id, now)).rowcount:
                return self._change(request.id, now=now, state=JobState.CANCELLED, outcome=_json(_cancelled()))
            return self._announce(request.id)

    def refuse(self, job_id: str, error: EdgereelError, *, now: float, reply: Reply | None = None) -> None:
        """Say that a request was not accepted, and why. Not retained: it tells of a message, not of a job."""
        with self._commit():
            for message in rejected_messages(job_id, error, reply=reply, origin=self._origin, now=now):
                self.outbox.add(message, now=now)

    def claim(self, *, lease_s: float, now: float, choose: Callable[[Job], ModeChoice | None]) -> Job | None:
        """Take the oldest job for which `choose` gives a mode, and mark it running; None when there is none.

        A job whose lease has run out was lost by its worker and counts as queued again.
        """
        with self._commit():
            for row in self._db.execute(
                "SELECT id FROM job WHERE state = 'running' AND lease_until < ?", (now,)
            ).fetchall():
                self._change(row["id"], now=now, state=JobState.QUEUED)
            for job in map(
                job_of, self._db.execute("SELECT * FROM job WHERE state = 'queued' ORDER BY seq").fetchall()
            ):
                if choice := choose(job):
                    mode, before = choice.effective, job.mode_path
                    path = before if before.split(">")[-1] == mode else f"{before}>{mode}".lstrip(">")
                    self._db.execute(
                        "UPDATE job SET lease_until = ?, started_at = ?, mode_path = ? WHERE id = ?",
                        (now + lease_s, now, path, job.id),
                    )
                    return self._change(job.id, now=now, state=JobState.RUNNING, mode=mode, reason=choice.reason)
        return None

    def renew(self, job_id: str, *, lease_s: float, now: float) -> None:
        """Hold a running job for another `lease_s` seconds."""
        with self._commit(wake=False):
            self._db.execute(
                "UPDATE job SET lease_until = ? WHERE id = ? AND state = 'running'", (now + lease_s, job_id)
            )

    def release(self, job_id: str, *, now: float, crashed: str = "", mode_cap: Mode | None = None) -> Job | None:
        """Put a running job back. `crashed` says how the run died, and counts; a preempted run does not.

        A job that crashed too often ends as failed with the code `crash_loop`; one that was to be cancelled is cancelled.
        Returns None when the job is not running.
        """
        with self._commit():
            return self._release(job_id, now=now, crashed=crashed, mode_cap=mode_cap)

    def finish(self, job_id: str, result: dict[str, Any], *, now: float) -> Job | None:
        """End a running job with its result, which gets the modes that the job went through.

        Returns None when it is not running (any more).
        """
        return self._end(job_id, JobState.DONE, result, now=now)

    def fail(self, job_id: str, error: EdgereelError, *, now: float) -> Job | None:
        """End a running job with an error; Cancelled makes it cancelled. Returns None when it is not running."""
        cancelled = error.code == Cancelled.code
        return self._end(job_id, JobState.CANCELLED if cancelled else JobState.FAILED, error_body(error), now=now)

    def cancel(self, job_id: str, *, now: float) -> Job | None:
        """Cancel a queued job at once, flag a running one, and remember an unknown id so that it never starts."""
        with self._commit():
            row = self._row(job_id)
            if row is None:
                self._bury(job_id, now=now)
                return None
            if row["state"] == JobState.QUEUED:
                return self._change(job_id, now=now, state=JobState.CANCELLED, outcome=_json(_cancelled()))
            self._db.execute("UPDATE job SET cancel_asked = 1 WHERE id = ? AND state = 'running'", (job_id,))
            return self._job(job_id)

    def cancel_asked(self, job_id: str) -> bool:
        """Say whether a running job is to be cancelled."""
        with self._lock:
            row = self._db.execute("SELECT cancel_asked FROM job WHERE id = ?", (job_id,)).fetchone()
        return bool(row and row["cancel_asked"])

    def recover(self, *, now: float) -> list[Job]:
        """At start: put back what was running when the daemon died. Each such death counts as a crash."""
        with self._commit():
            rows = self._db.execute("SELECT id FROM job WHERE state = 'running' ORDER BY seq").fetchall()
            return [job for row in rows if (job := self._release(row["id"], now=now, crashed="the daemon died"))]

    def get(self, job_id: str) -> Job | None:
        """One job, or None."""
        with self._lock:
            row = self._row(job_id)
            return job_of(row) if row else None

    def jobs(self, limit: int = 50) -> list[Job]:
        """The newest jobs, newest first."""
        with self._lock:
            return [job_of(row) for row in self._db.execute("SELECT * FROM job ORDER BY seq DESC LIMIT ?", (limit,))]

    def depth(self) -> int:
        """How many jobs wait or run."""
        with self._lock:
            (count,) = self._db.execute("SELECT count(*) FROM job WHERE state IN ('queued', 'running')").fetchone()
        return int(count)

    def wish(self, mode: str) -> None:
        """Remember the best mode that somebody set for this board: `auto`, or the name of a mode."""
        with self._commit():
            self._db.execute("INSERT OR REPLACE INTO wish VALUES ('mode', ?)", (mode,))
        self.wished = mode

    # Inside a transaction

    @contextmanager
    def _commit(self, *, wake: bool = True) -> Iterator[None]:
        with self._lock, transaction(self._db):
            before = self._db.total_changes
            yield
            changed = self._db.total_changes > before  # who looks in vain must not wake itself
        if wake and changed:
            for event in self._watchers:
                event.set()

    def _row(self, job_id: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute("SELECT * FROM job WHERE id = ?", (job_id,)).fetchone()
        return row

    def _job(self, job_id: str) -> Job:
        return job_of(self._db.execute("SELECT * FROM job WHERE id = ?", (job_id,)).fetchone())

    def _repeat(self, known: sqlite3.Row, request: Request, reply: Reply | None, *, now: float) -> Job:
        if known["body_hash"] != body_hash(request):
            raise RequestError(
                f"The id {request.id} already stands for another request.",
                hint="Use a new id for a new request.",
                code="id_conflict",
            )
        if reply:
            self._db.execute(
                "UPDATE job SET reply_topic = ?, reply_correlation = ? WHERE id = ?",
                (*reply_columns(reply), request.id),
            )
        self._db.execute("UPDATE job SET updated_at = ? WHERE id = ?", (now, request.id))
        return self._announce(request.id)

    def _change(self, job_id: str, *, now: float, **columns: str | int | None) -> Job:
        names = "".join(f", {name} = :{name}" for name in columns)
        self._db.execute(
            f"UPDATE job SET rev = rev + 1, updated_at = :now{names} WHERE id = :id",  # noqa: S608 - our own column names
            {"now": now, "id": job_id, **columns},
        )
        return self._announce(job_id)

    def _announce(self, job_id: str) -> Job:
        job = self._job(job_id)
        (ahead,) = self._db.execute(
            "SELECT count(*) FROM job WHERE state = 'queued' AND seq < (SELECT seq FROM job WHERE id = ?)", (job_id,)
        ).fetchone()
        for message in state_messages(job, origin=self._origin, queue_pos=ahead + 1):
            self.outbox.add(message, now=job.updated_at)
        return job

    def _release(self, job_id: str, *, now: float, crashed: str, mode_cap: Mode | None = None) -> Job | None:
        row = self._row(job_id)
        if row is None or row["state"] != JobState.RUNNING:
            return None
        crashes = row["crashes"] + bool(crashed)
        self._log(row, "crashed" if crashed else "preempted", now=now, figures={})
        if row["cancel_asked"]:
            return self._change(job_id, now=now, state=JobState.CANCELLED, outcome=_json(_cancelled()))
        if crashed and crashes >= self._max_crashes:
            error = EngineError(
                f"The job was given up after {crashes} crashes; the last: {crashed}.",
                hint="Ask for a cheaper mode, or run `edgereel doctor` on the board.",
                code="crash_loop",
            )
            return self._change(
                job_id, now=now, state=JobState.FAILED, crashes=crashes, outcome=_json(error_body(error))
            )
        cap = mode_cap or row["mode_cap"]
        return self._change(job_id, now=now, state=JobState.QUEUED, crashes=crashes, mode_cap=cap)

    def _end(self, job_id: str, state: JobState, outcome: dict[str, Any], *, now: float) -> Job | None:
        with self._commit():
            row = self._row(job_id)
            if row is None or row["state"] != JobState.RUNNING:
                return None
            self._log(row, state.value, now=now, figures=figures_of(outcome))
            if state is JobState.DONE and isinstance(outcome.get("mode"), dict):
                outcome = outcome | {"mode": outcome["mode"] | {"path": row["mode_path"]}}
            self._db.execute(
                "DELETE FROM job WHERE state NOT IN ('queued', 'running') AND seq <= ?", (row["seq"] - MAX_FINISHED,)
            )
            return self._change(job_id, now=now, state=state, outcome=_json(outcome))

    def _log(self, row: sqlite3.Row, ended: str, *, now: float, figures: dict[str, float]) -> None:
        mode, seconds = Mode(row["mode"] or Mode.SPARE), max(0.0, now - row["started_at"])
        self.runs.add(RunRow(
            job_id=row["id"], mode=mode, mode_path=row["mode_path"], ended=ended, at=now, seconds=seconds,
            figures=figures,
        ))  # fmt: skip

    def _bury(self, job_id: str, *, now: float) -> None:
        self._db.execute("INSERT OR REPLACE INTO tombstone VALUES (?, ?)", (job_id, now + TOMBSTONE_S))
        self._db.execute(
            "DELETE FROM tombstone WHERE expires_at <= ? OR id NOT IN"
            " (SELECT id FROM tombstone ORDER BY expires_at DESC LIMIT ?)",
            (now, MAX_TOMBSTONES),
        )


def queue_file(settings: Settings) -> Path:
    """Where a board keeps its queue."""
    return settings.paths.state / "queue.sqlite"


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.encode(value).decode()


def _cancelled() -> dict[str, str]:
    return error_body(Cancelled("The job was cancelled."))
