"""What boards have on their disks after the faults: which jobs were done, how often, and what was left behind."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edge.jobqueue import queue_file
from edge.wire import BASE
from tests.boards import Board, tiny_settings


@dataclass(frozen=True)
class Ledger:
    """Over all boards: runs that were finished by job, final states by job, clips by job, temporary files."""

    runs: Counter[str]
    ends: dict[str, list[str]]
    clips: Counter[str]
    parts: list[Path]

    @property
    def twice(self) -> list[str]:
        """The jobs that were done more than once."""
        return [job_id for job_id, count in self.runs.items() if count > 1]


def read_ledger(boards: Iterable[Board]) -> Ledger:
    """Read the databases and folders of boards that may still run."""
    runs: Counter[str] = Counter()
    clips: Counter[str] = Counter()
    ends: dict[str, list[str]] = {}
    parts: list[Path] = []
    for board in boards:
        folder = tiny_settings(board.folder).paths.clips
        clips.update(path.stem for path in folder.glob("*.mp4"))
        parts += [path for path in folder.glob(".*") if path.is_file()]
        for job_id, state, done in _rows(board):
            runs[job_id] += done
            if state not in ("queued", "running", "superseded", "handed_back"):
                ends.setdefault(job_id, []).append(state)
    return Ledger(runs, ends, clips, parts)


def untold(boards: Iterable[Board]) -> set[str]:
    """The jobs that boards have done without a chance to tell: their end still lies in the outbox."""
    found: set[str] = set()
    for board in boards:
        with closing(sqlite3.connect(f"file:{queue_file(tiny_settings(board.folder))}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT id FROM job WHERE state = 'done' AND EXISTS"
                " (SELECT 1 FROM outbox WHERE topic = ? || job.id || '/state')",
                (f"{BASE}/job/",),
            )
            found |= {job_id for (job_id,) in rows}
    return found


def _rows(board: Board) -> list[tuple[str, str, int]]:
    path = queue_file(tiny_settings(board.folder))
    if not path.is_file():
        return []
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)
    try:
        return db.execute(
            "SELECT id, state, (SELECT count(*) FROM run WHERE job_id = job.id AND ended = 'done') FROM job"
        ).fetchall()
    finally:
        db.close()
