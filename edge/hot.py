"""Hot prompts: those that shall be made in idle time, before anybody asks; in the queue's database, in the order of the list."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from edge.jobtable import JobTable

MAX_CRASHES = 3

State = Literal["waiting", "making", "done", "failed"]


@dataclass(frozen=True, kw_only=True)
class HotPrompt:
    """One of them: `clip` is the job id of its clip once it is done, `key` what its words and packs were then."""

    seq: int
    prompt: str
    mode: str
    seconds: float | None
    state: State
    key: str
    clip: str
    crashes: int
    error: str


class HotPrompts:
    """All verbs may be called from any thread, and from another process than the one that makes them."""

    def __init__(self, table: JobTable) -> None:
        self._table = table

    def add(self, prompts: Iterable[str], *, mode: str, seconds: float | None) -> tuple[int, int]:
        """Put prompts on the list; returns how many are new, and how many that failed are tried again.

        One that is there already stays as it is.
        """
        new = again = 0
        with self._table.commit():
            for prompt in prompts:
                same = (prompt, mode, seconds or 0)
                new += self._table.db.execute(
                    "INSERT OR IGNORE INTO hot_prompt (prompt, mode, seconds) VALUES (?, ?, ?)", (prompt, mode, seconds)
                ).rowcount
                again += self._table.db.execute(
                    "UPDATE hot_prompt SET state = 'waiting', crashes = 0, error = '' WHERE prompt = ? AND mode = ?"
                    " AND ifnull(seconds, 0) = ? AND (state = 'failed' OR (state = 'done'"
                    " AND clip NOT IN (SELECT job_id FROM clip)))",
                    same,
                ).rowcount
        return new, again

    def rows(self) -> list[HotPrompt]:
        """The whole list."""
        with self._table.lock:
            rows = self._table.db.execute("SELECT * FROM hot_prompt ORDER BY seq").fetchall()
        return [_hot(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many prompts are in each state; empty when there is no list."""
        with self._table.lock:
            rows = self._table.db.execute("SELECT state, count(*) AS many FROM hot_prompt GROUP BY state").fetchall()
        return {row["state"]: row["many"] for row in rows}

    def next(self) -> HotPrompt | None:
        """The first that waits."""
        with self._table.lock:
            row = self._table.db.execute(
                "SELECT * FROM hot_prompt WHERE state IN ('waiting', 'making') ORDER BY seq LIMIT 1"
            ).fetchone()
        return _hot(row) if row else None

    def begin(self, seq: int) -> None:
        """It is being made."""
        self._set(seq, "state = 'making'")

    def wait(self, seq: int) -> None:
        """It gave way, and is made another time."""
        self._set(seq, "state = 'waiting'")

    def done(self, seq: int, *, key: str, clip: str) -> None:
        """It is made."""
        self._set(seq, "state = 'done', error = '', key = ?, clip = ?", key, clip)

    def fail(self, seq: int, error: str) -> None:
        """It cannot be made."""
        self._set(seq, "state = 'failed', error = ?", error)

    def crash(self, seq: int, how: str) -> None:
        """Making it killed the engine: it is tried again, but not for ever."""
        self._set(
            seq,
            "crashes = crashes + 1, error = ?, state = iif(crashes + 1 >= ?, 'failed', 'waiting')",
            how,
            MAX_CRASHES,
        )

    def renew(self, seq: int) -> None:
        """What was made of it is out of date."""
        self._set(seq, "state = 'waiting', crashes = 0")

    def clear(self) -> int:
        """Empty the list; returns how many it held. Their clips stay."""
        with self._table.commit():
            return self._table.db.execute("DELETE FROM hot_prompt").rowcount

    def _set(self, seq: int, what: str, *values: str | int) -> None:
        with self._table.commit(wake=False):
            self._table.db.execute(f"UPDATE hot_prompt SET {what} WHERE seq = ?", (*values, seq))  # noqa: S608 - ours


def _hot(row: sqlite3.Row) -> HotPrompt:
    return HotPrompt(**dict(row))
