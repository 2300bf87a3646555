"""One job: a request that was accepted, and how far it got."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from edge.mode import Mode
from edge.request import Request

NOT_ASKED = ("id", "reply", "deliver", "attempt", "hops", "ttl", "deadline", "reuse")


class JobState(StrEnum):
    """Where a job stands. All but the first two are final here.

    EXPIRED: its time was over before it began. HANDED_BACK: another board of its pool shall do it. SUPERSEDED: another
    board has done it. From the last two a job comes back when it is sent here again.
    """

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    HANDED_BACK = "handed_back"
    SUPERSEDED = "superseded"

    @property
    def final(self) -> bool:
        """True once nothing more will happen to the job."""
        return self not in (JobState.QUEUED, JobState.RUNNING)

    @property
    def elsewhere(self) -> bool:
        """True when the job is another board's now."""
        return self in (JobState.HANDED_BACK, JobState.SUPERSEDED)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Where a client wants its answer: an MQTT response topic, and the correlation data to echo."""

    topic: str
    correlation: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """One row of the queue.

    `rev` grows with every change that is announced. `crashes` counts the runs that ended with a dead process.
    `mode_cap` is the best mode that is left after a crash. `mode` and `reason` are those of the latest run, `mode_path`
    the modes of all of its runs, as in think>no_think.
    `outcome` is the result of a done job and the error (code, message, hint) of a failed or cancelled one.
    `pool` is where it was taken from, empty when it was sent to this board; `expires_at` when it is too late to begin.
    `clear` says that no other board had it when this one looked, and that they know whose it is. Times are seconds
    since 1970.
    """

    id: str
    request: Request
    state: JobState
    rev: int
    crashes: int
    mode_cap: Mode | None
    cancel_asked: bool
    mode: Mode | None
    reason: str
    outcome: dict[str, Any] | None
    reply: Reply | None
    created_at: float
    updated_at: float
    mode_path: str = ""
    pool: str = ""
    expires_at: float | None = None
    clear: bool = False

    @property
    def may_be_elsewhere(self) -> bool:
        """True when another board may have been given the job too, sent twice or by a pool, until it was looked for.

        Also the first copy of a pool's job may come late: after another board was given the second one.
        """
        return not self.clear and (bool(self.pool) or self.request.attempt > 1 or self.request.hops > 0)


def body_hash(request: Request) -> str:
    """Sha256 over what is asked for; not over the id, its way here, nor how the answer is to be sent."""
    body = {key: value for key, value in request.to_json().items() if key not in NOT_ASKED}
    return hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()
