"""Cancels that came before their request: for an hour that id is not begun."""

from __future__ import annotations

import sqlite3

TOMBSTONE_S = 3600.0
MAX_TOMBSTONES = 1000


class Tombstones:
    """Both verbs join the caller's transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def bury(self, job_id: str, *, now: float) -> None:
        """Remember the cancel of an unknown job; the oldest are forgotten."""
        self._db.execute("INSERT OR REPLACE INTO tombstone VALUES (?, ?)", (job_id, now + TOMBSTONE_S))
        self._db.execute(
            "DELETE FROM tombstone WHERE expires_at <= ? OR id NOT IN"
            " (SELECT id FROM tombstone ORDER BY expires_at DESC LIMIT ?)",
            (now, MAX_TOMBSTONES),
        )

    def take(self, job_id: str, *, now: float) -> bool:
        """Whether the job was cancelled; asked once."""
        found = self._db.execute("DELETE FROM tombstone WHERE id = ? AND expires_at > ?", (job_id, now))
        return found.rowcount > 0
