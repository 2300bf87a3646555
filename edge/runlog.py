"""What every run of a job took, in the queue's database: one row per run, also of those that gave way or crashed."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import msgspec

from edge.mode import Mode

FREE_IN_S = (2.0, 15.0, 600.0)  # at least, without any run, at most
MAX_RUNS = 5000
RECENT = 20  # runs of a mode from which its time is foretold


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One run. `ended` is done, preempted, crashed, failed or cancelled; `mode_path` the modes of the job so far.

    `figures` are the seconds of each phase, peaks of memory in MiB and what else its result says, by flat names.
    """

    job_id: str
    mode: Mode
    mode_path: str
    ended: str
    at: float
    seconds: float
    figures: dict[str, float] = field(default_factory=dict)


class RunLog:
    """`add` joins the caller's transaction, with the caller holding `lock`; the other verbs take it themselves."""

    def __init__(self, db: sqlite3.Connection, lock: threading.Lock) -> None:
        self._db = db
        self._lock = lock

    def add(self, row: RunRow) -> None:
        """Keep a row; the oldest go."""
        self._db.execute(
            "INSERT INTO run (job_id, mode, mode_path, ended, at, seconds, figures) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (row.job_id, row.mode, row.mode_path, row.ended, row.at, row.seconds,
             msgspec.json.encode(row.figures).decode()),
        )  # fmt: skip
        self._db.execute("DELETE FROM run WHERE seq <= (SELECT max(seq) FROM run) - ?", (MAX_RUNS,))

    def rows(self, limit: int = MAX_RUNS) -> list[RunRow]:
        """The newest rows, oldest of them first."""
        with self._lock:
            found = self._db.execute("SELECT * FROM run ORDER BY seq DESC LIMIT ?", (limit,)).fetchall()
        return [_run_row(row) for row in reversed(found)]

    def last(self) -> RunRow | None:
        """The newest run that ended well."""
        with self._lock:
            row = self._db.execute("SELECT * FROM run WHERE ended = 'done' ORDER BY seq DESC LIMIT 1").fetchone()
        return _run_row(row) if row else None

    def free_in_s(self) -> float:
        """When a full queue may have room again: after about as long as the last run took."""
        last_s = last.seconds if (last := self.last()) else FREE_IN_S[1]
        return round(min(max(last_s, FREE_IN_S[0]), FREE_IN_S[2]), 1)

    def usual_s(self, mode: Mode) -> float | None:
        """The median seconds of the latest runs of a mode that were finished; None when there was none."""
        with self._lock:
            rows = self._db.execute(
                "SELECT seconds FROM run WHERE mode = ? AND ended = 'done' ORDER BY seq DESC LIMIT ?", (mode, RECENT)
            ).fetchall()
        return median(row["seconds"] for row in rows) if rows else None


def figures_of(result: dict[str, Any]) -> dict[str, float]:
    """The numbers of a result as it travels: `<phase>_s`, peaks in MiB, usage, locked weights."""
    seconds = {f"{name}_s": value for name, value in result.get("timings_s", {}).items()}
    weights = result.get("weights", {}).values()
    locked = {f"weights_{name}": sum(one[name] for one in weights) for name in ("wanted_mib", "locked_mib")}
    figures: dict[str, float] = seconds | result.get("memory", {}) | result.get("usage", {})
    return figures | locked if weights else figures


def _run_row(row: sqlite3.Row) -> RunRow:
    return RunRow(
        job_id=row["job_id"], mode=Mode(row["mode"]), mode_path=row["mode_path"], ended=row["ended"], at=row["at"],
        seconds=row["seconds"], figures=msgspec.json.decode(row["figures"], type=dict[str, float]),
    )  # fmt: skip
