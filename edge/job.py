"""One job: a request that was accepted, and how far it got."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from edge.mode import Mode
from edge.request import Request


class JobState(StrEnum):
    """Where a job stands. The last three are final: nothing leaves them."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """True once nothing more will happen to the job."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


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
    Times are seconds since 1970.
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


def body_hash(request: Request) -> str:
    """Sha256 over what is asked for; not over the id, nor over how the answer is to be sent."""
    body = {key: value for key, value in request.to_json().items() if key not in ("id", "reply")}
    return hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()
