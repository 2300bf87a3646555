"""Jobs as rows of the queue's database."""

from __future__ import annotations

import sqlite3

import msgspec

from edge.job import Job, JobState, Reply
from edge.mode import Mode
from edge.request import Request


def job_of(row: sqlite3.Row) -> Job:
    """The job of a row of the table `job`."""
    return Job(
        id=row["id"],
        request=msgspec.json.decode(row["request"], type=Request),
        state=JobState(row["state"]),
        rev=row["rev"],
        crashes=row["crashes"],
        mode_cap=Mode(row["mode_cap"]) if row["mode_cap"] else None,
        cancel_asked=bool(row["cancel_asked"]),
        mode=Mode(row["mode"]) if row["mode"] else None,
        reason=row["reason"],
        mode_path=row["mode_path"],
        pool=row["pool"],
        expires_at=row["expires_at"],
        clear=bool(row["clear"]),
        outcome=msgspec.json.decode(row["outcome"]) if row["outcome"] else None,
        reply=Reply(topic=row["reply_topic"], correlation=row["reply_correlation"]) if row["reply_topic"] else None,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def reply_columns(reply: Reply | None) -> tuple[str | None, bytes | None]:
    """What the table keeps of a reply: topic and correlation data."""
    return (reply.topic, reply.correlation) if reply else (None, None)
