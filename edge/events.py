"""What happened to jobs on this board, as moments: for whoever waits for the next one, and not for how things stand.

Topic `node/<node>/event`, QoS 1, not retained, and gone after a minute: a doorbell's clip that is announced an hour late
would ring twice. How a job stands is said by its retained state. A moment may be told twice, after a cut connection.
"""

from __future__ import annotations

from typing import Any

import msgspec

from edge.errors import EdgereelError
from edge.job import Job, JobState
from edge.wire import Origin, Outgoing, error_body, node_topic, timestamp

EVENT_EXPIRY_S = 60
EVENT_TYPES = ("accepted", "done", "failed", "cancelled", "rejected")
TYPE_OF = {
    JobState.QUEUED: "accepted",
    JobState.DONE: "done",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
    JobState.EXPIRED: "failed",  # its error has the code `expired`
}
TOLD_OF_RESULT = ("url", "seconds", "prompt_expanded", "reused")


def job_events(job: Job, *, origin: Origin) -> list[Outgoing]:
    """What tells that a job was accepted or has ended here; nothing where nobody wants events.

    Of a job that another board may have, only its end is told.
    """
    kind = TYPE_OF.get(job.state)
    elsewhere = job.may_be_elsewhere and job.state in (JobState.QUEUED, JobState.EXPIRED)
    if kind is None or elsewhere or not origin.events:
        return []
    outcome = job.outcome or {}
    done = {name: outcome[name] for name in TOLD_OF_RESULT if name in outcome} if kind == "done" else {}
    error = {"error": job.outcome} if job.outcome and kind != "done" else {}
    modes = {"requested_mode": job.request.mode, "effective_mode": job.mode}
    return [_event(kind, modes | done | error, job_id=job.id, origin=origin, now=job.updated_at)]


def refusal_events(job_id: str, error: EdgereelError, *, origin: Origin, now: float) -> list[Outgoing]:
    """What tells that a request was not accepted; nothing where nobody wants events."""
    if not origin.events:
        return []
    return [_event("rejected", {"error": error_body(error)}, job_id=job_id, origin=origin, now=now)]


def _event(kind: str, body: dict[str, Any], *, job_id: str, origin: Origin, now: float) -> Outgoing:
    whole = {"v": 1, "event_type": kind, "id": job_id, "node": origin.node, "ts": timestamp(now)} | body
    payload = msgspec.json.encode({key: value for key, value in whole.items() if value is not None})
    return Outgoing(topic=node_topic(origin.node, "event"), payload=payload, expiry_s=EVENT_EXPIRY_S)
