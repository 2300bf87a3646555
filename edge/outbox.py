"""Messages that wait for their PUBACK, in the queue's database. All of them are QoS 1."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass

from edge.schema import transaction
from edge.wire import Outgoing


@dataclass(frozen=True, kw_only=True)
class Pending:
    """One waiting message; its `expiry_s` is what is left of it.

    With `handover` it is a request that another board shall take: it never expires here, and comes back if none does.
    """

    seq: int
    message: Outgoing
    handover: bool = False


class Outbox:
    """`add` joins the caller's transaction, with the caller holding `lock`; the other verbs take it themselves."""

    def __init__(self, db: sqlite3.Connection, lock: threading.Lock) -> None:
        self._db = db
        self._lock = lock

    def add(self, message: Outgoing, *, now: float, handover: bool = False) -> None:
        """Keep a message until the broker has it or `message.expiry_s` seconds have passed."""
        self._db.execute(
            "INSERT INTO outbox (topic, payload, retain, correlation, response_topic, expires_at, handover)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (message.topic, message.payload, message.retain, message.correlation, message.response_topic,
             now + message.expiry_s, handover),
        )  # fmt: skip

    def due(self, *, now: float, limit: int) -> list[Pending]:
        """The oldest messages that may be sent now. Those that expired unsent are dropped."""
        with self._lock:
            self._db.execute("DELETE FROM outbox WHERE expires_at < ? AND NOT handover", (now + 1,))
            rows = self._db.execute("SELECT * FROM outbox WHERE retry_at <= ? ORDER BY seq LIMIT ?", (now, limit))
            return [_pending(row, now=now) for row in rows]

    def drop(self, seq: int) -> None:
        """Forget a message that the broker has taken over.

        If it is retained, an older one of its topic that was put off is forgotten too: sent late, it would replace it.
        """
        with self._lock, transaction(self._db):
            self._db.execute(
                "DELETE FROM outbox WHERE retain AND retry_at > 0 AND seq < ?"
                " AND topic = (SELECT topic FROM outbox WHERE seq = ? AND retain)",
                (seq, seq),
            )
            self._db.execute("DELETE FROM outbox WHERE seq = ?", (seq,))

    def defer(self, seq: int, *, until: float) -> None:
        """Keep a message that the broker refused, and try it again later."""
        with self._lock, transaction(self._db):
            self._db.execute("UPDATE outbox SET retry_at = ? WHERE seq = ?", (until, seq))

    def depth(self) -> int:
        """How many messages wait."""
        with self._lock:
            (count,) = self._db.execute("SELECT count(*) FROM outbox").fetchone()
        return int(count)


def _pending(row: sqlite3.Row, *, now: float) -> Pending:
    message = Outgoing(
        topic=row["topic"],
        payload=row["payload"],
        retain=bool(row["retain"]),
        expiry_s=0 if row["handover"] else int(row["expires_at"] - now),
        correlation=row["correlation"],
        response_topic=row["response_topic"],
    )
    return Pending(seq=row["seq"], message=message, handover=bool(row["handover"]))
