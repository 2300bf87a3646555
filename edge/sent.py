"""What a client has sent and not seen the end of, in a SQLite file of its own: a request survives the one who sent it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from edge.request import Request, from_json
from edge.schema import migrate, open_file, transaction
from edge.wire import FINAL_STATES

MAX_ENDED = 1000
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE sent (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            topic TEXT NOT NULL,
            request TEXT NOT NULL,
            state TEXT NOT NULL,
            ended INTEGER NOT NULL DEFAULT 0
        ) STRICT""",
        "CREATE INDEX sent_by_end ON sent (ended, seq)",
    ),
)


@dataclass(frozen=True, kw_only=True)
class SentRequest:
    """A request, the topic it goes to, and the last state that was heard of it: an empty one when none was."""

    request: Request
    topic: str
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """True once nothing more will be heard."""
        return self.state.get("state") in FINAL_STATES


class Sent:
    """For one thread. Raises ResourceError when the file cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._db = open_file(path)
        migrate(self._db, MIGRATIONS)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def keep(self, sent: SentRequest) -> None:
        """Remember a request, or how far it got; the oldest that have ended are forgotten."""
        with transaction(self._db):
            self._db.execute(
                "INSERT INTO sent (id, topic, request, state, ended) VALUES (:id, :topic, :request, :state, :ended)"
                " ON CONFLICT (id) DO UPDATE SET request = :request, state = :state, ended = :ended",
                {
                    "id": sent.request.id,
                    "topic": sent.topic,
                    "request": msgspec.json.encode(sent.request.to_json()).decode(),
                    "state": msgspec.json.encode(sent.state).decode(),
                    "ended": sent.ended,
                },
            )
            self._db.execute("DELETE FROM sent WHERE ended AND seq <= (SELECT max(seq) FROM sent) - ?", (MAX_ENDED,))

    def forget(self, job_id: str) -> None:
        """Send a request no more."""
        with transaction(self._db):
            self._db.execute("DELETE FROM sent WHERE id = ?", (job_id,))

    def open(self) -> list[SentRequest]:
        """What has not ended, oldest first."""
        return [_sent(row) for row in self._db.execute("SELECT * FROM sent WHERE NOT ended ORDER BY seq")]


def again(sent: SentRequest) -> SentRequest:
    """The same request, sent once more."""
    return replace(sent, request=replace(sent.request, attempt=sent.request.attempt + 1))


def _sent(row: sqlite3.Row) -> SentRequest:
    return SentRequest(
        request=from_json(msgspec.json.decode(row["request"])),
        topic=row["topic"],
        state=msgspec.json.decode(row["state"]),
    )
