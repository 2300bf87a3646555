"""What travels over MQTT: topics and JSON payloads, both ways.

Topics, under `edgereel/v1`:

node/<node>/req        in   QoS 1            a request (JSON, or the prompt as plain text)
pool/<pool>/req        in   QoS 1            the same for whichever board of a pool takes it (a shared subscription)
job/<job>/cancel       in   QoS 1            cancel, even before the request arrives
job/<job>/state        out  QoS 1  retained  every change of a job; `rev` of a board grows, an older rev is a replay
job/<job>/progress     out  QoS 0            phase and percent
<response topic>       out  QoS 1            the final state (`reply: final`) or every state (`reply: all`)
node/<node>/status     out  QoS 1  retained  `online` or `offline` (also the last will)
node/<node>/birth      out  QoS 1  retained  boot, version, models, limits
node/<node>/mode       out  QoS 1  retained  the best mode that the board allows now, and why
node/<node>/mode/set   in   QoS 1            auto, or the best mode that somebody allows this board from now on
node/<node>/cmd        in   QoS 1            ping, drain, resume, cancel_all
node/<node>/load       out  QoS 0            memory, pressure, temperature, queue, what the last job took
node/<node>/event      out  QoS 1            a job was accepted, is done, failed, was cancelled or rejected: just now
node/<node>/thumb      out  QoS 0            a JPEG of the last clip, where no address can be given for it
node/<node>/poster     out  QoS 0            the address of a JPEG of the last clip
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from edge.errors import EdgereelError
from edge.job import Job, JobState, Reply
from edge.request import ID_PATTERN, Request
from edge.result import Result

BASE = "edgereel/v1"
REPLIES = f"{BASE}/reply"
ANY_CANCEL = f"{BASE}/job/+/cancel"
ANY_STATUS = f"{BASE}/node/+/status"
COMMANDS = ("ping", "drain", "resume", "cancel_all")
STATE_EXPIRY_S = 24 * 3600
REPLY_EXPIRY_S = 3600
PROGRESS_EXPIRY_S = 30
MAX_TOPIC_CHARS = 256
MAX_TOPIC_LEVELS = 100  # mosquitto ends the connection of whoever publishes to more than 200
SHORT_RESULT = ("url", "sha256", "bytes", "seconds", "clip", "reused")
FINAL_STATES = ("done", "failed", "cancelled", "expired", "rejected")
LATER = ("overloaded", "disk_full")
FAULTS = (JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED)


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """One message as it came: raw, unchecked."""

    topic: str
    payload: bytes
    retain: bool = False
    response_topic: str | None = None
    correlation: bytes | None = None
    expiry_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One message to publish; `expiry_s` 0 means that it never expires."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expiry_s: int = 0
    correlation: bytes | None = None
    response_topic: str | None = None


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Who speaks: the board, and a number that changes with every start of the daemon; `events` whether of moments too."""

    node: str
    boot: str
    events: bool = False


def node_topic(node: str, leaf: str) -> str:
    """`edgereel/v1/node/<node>/<leaf>`."""
    return f"{BASE}/node/{node}/{leaf}"


def job_topic(job_id: str, leaf: str) -> str:
    """`edgereel/v1/job/<job>/<leaf>`."""
    return f"{BASE}/job/{job_id}/{leaf}"


def pool_topic(pool: str) -> str:
    """`edgereel/v1/pool/<pool>/req`."""
    return f"{BASE}/pool/{pool}/req"


def share_filter(pool: str) -> str:
    """What a board subscribes to for a pool: the broker gives each request to one of its boards."""
    return f"$share/{pool}/{pool_topic(pool)}"


def pool_of(topic: str) -> str:
    """The pool of a request's topic; empty when it was sent to one board."""
    match topic.removeprefix(f"{BASE}/").split("/"):
        case ["pool", pool, "req"]:
            return pool
    return ""


def cancelled_id(topic: str) -> str | None:
    """The job that a cancel topic names; None when it is no cancel topic or the id is not allowed."""
    match topic.removeprefix(f"{BASE}/job/").split("/"):
        case [job_id, "cancel"] if ID_PATTERN.match(job_id):
            return job_id
    return None


def node_of_status(topic: str) -> str:
    """The node of a status topic."""
    return topic.split("/")[-2]


def reply_of(message: Incoming) -> Reply | None:
    """Where the sender wants its answer; None when it names no topic that can be published to.

    Of our own topics only those for replies are: nobody shall have a board speak in another's name.
    """
    topic = message.response_topic or ""
    plain = topic.isprintable() and not any(mark in topic for mark in "+#") and not topic.startswith("$")
    ours = topic.startswith(f"{BASE}/") and not topic.startswith(f"{REPLIES}/")
    too_much = len(topic) > MAX_TOPIC_CHARS or topic.count("/") >= MAX_TOPIC_LEVELS
    if not topic or too_much or not plain or ours:
        return None
    return Reply(topic=topic, correlation=message.correlation)


def state_messages(job: Job, *, origin: Origin, queue_pos: int, inline: str = "") -> list[Outgoing]:
    """What tells of one state of a job: its retained topic, and the reply that its client asked for.

    `queue_pos` is 1 for the job that is next, and left out once it runs. `inline`, the clip in base64, goes only to
    the reply: a broker keeps what is retained. A job that another board may have is told of once it was looked
    for: until then the state of that board stands at the broker.
    """
    quiet = job.may_be_elsewhere and job.state in (JobState.QUEUED, JobState.HANDED_BACK)
    if quiet or job.state is JobState.SUPERSEDED:
        return []
    queued = job.state is JobState.QUEUED
    body: dict[str, Any] = {
        "v": 1,
        "id": job.id,
        "state": "accepted" if queued else job.state.value,
        "node": origin.node,
        "boot": origin.boot,
        "rev": job.rev,
        "attempt": job.request.attempt,
        "runs": job.crashes + 1,
        "queue_pos": queue_pos if queued else None,
        "requested_mode": job.request.mode,
        "effective_mode": job.mode,
        "degraded_because": job.reason or None,
        "mode_path": job.mode_path or None,
        "result": job.outcome if job.state is JobState.DONE else None,
        "error": job.outcome if job.state in FAULTS else None,
        "ts": timestamp(job.updated_at),
    }
    wanted = job.request.reply == "all" or (job.state.final and not job.state.elsewhere)
    told = _told(job.id, _encode(body), retain=True, reply=job.reply if wanted else None)
    if inline and job.outcome:
        body["result"] = job.outcome | {"inline": inline}
        told[1:] = [replace(answer, payload=_encode(body)) for answer in told[1:]]
    return told


def handover_message(request: Request, *, pool: str, reply: Reply | None) -> Outgoing:
    """A request as a board of a pool hands it on."""
    return Outgoing(
        topic=pool_topic(pool),
        payload=_encode(replace(request, hops=request.hops + 1).to_json()),
        correlation=reply.correlation if reply else None,
        response_topic=reply.topic if reply else None,
    )


def cleared(topic: str) -> Outgoing:
    """What makes the broker forget what is retained on a topic."""
    return Outgoing(topic=topic, payload=b"", retain=True, expiry_s=STATE_EXPIRY_S)


def rejected_messages(
    job_id: str, error: EdgereelError, *, reply: Reply | None, origin: Origin, now: float
) -> list[Outgoing]:
    """What tells of a refusal. It is not retained and its rev is 0, so it never hides a job that has the same id."""
    body = {"v": 1, "id": job_id, "state": "rejected", "node": origin.node, "boot": origin.boot, "rev": 0}
    payload = _encode(body | {"error": error_body(error), "ts": timestamp(now)})
    return _told(job_id, payload, retain=False, reply=reply)


def error_body(error: EdgereelError) -> dict[str, Any]:
    """An error as it travels: code, message and hint, and when a try may be worth while."""
    body: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
    return body | ({"retry_after_s": error.retry_after_s} if error.retry_after_s else {})


def progress_message(
    job_id: str, *, origin: Origin, phase: str, fraction: float, near: dict[str, Any] | None = None
) -> Outgoing:
    """How far a running job is; `fraction` is 0..1 of the whole job. `near` is a clip that is there, and may do."""
    body = {"v": 1, "id": job_id, "node": origin.node, "phase": phase, "pct": round(fraction * 100), "near": near}
    return Outgoing(topic=job_topic(job_id, "progress"), payload=_encode(body), qos=0, expiry_s=PROGRESS_EXPIRY_S)


def node_message(leaf: str, body: dict[str, Any], *, origin: Origin, now: float, expiry_s: int = 0) -> Outgoing:
    """What a board says about itself: retained with QoS 1, or, where it expires, QoS 0 and never written to disk."""
    stamped = {"v": 1, "node": origin.node, "boot": origin.boot, "ts": timestamp(now)} | body
    lasting = expiry_s == 0
    topic = node_topic(origin.node, leaf)
    return Outgoing(topic=topic, payload=_encode(stamped), qos=int(lasting), retain=lasting, expiry_s=expiry_s)


def result_body(result: Result) -> dict[str, Any]:
    """A result as it travels: all of it but the reasoning, which can be longer than a packet may be."""
    body = result.to_json()
    body["plan"].pop("reasoning")
    clip = result.clip
    short = {
        "sha256": clip.sha256,
        "bytes": clip.bytes,
        "seconds": clip.seconds,
        "prompt_expanded": result.plan.caption,
    }
    return short | body


def shorten(payload: bytes) -> bytes:
    """A state with nothing in its result but the clip, for brokers that take only small packets."""
    body = msgspec.json.decode(payload)
    if isinstance(body.get("result"), dict):
        body["result"] = {key: body["result"][key] for key in SHORT_RESULT if key in body["result"]}
    return _encode(body)


def timestamp(seconds: float) -> str:
    """ISO 8601 in UTC, of seconds since 1970."""
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def decode(payload: bytes) -> dict[str, Any]:
    """A state as a client reads it; an empty dict when it is not a JSON object."""
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _told(job_id: str, payload: bytes, *, retain: bool, reply: Reply | None) -> list[Outgoing]:
    told = [Outgoing(topic=job_topic(job_id, "state"), payload=payload, retain=retain, expiry_s=STATE_EXPIRY_S)]
    if reply:
        answer = Outgoing(topic=reply.topic, payload=payload, expiry_s=REPLY_EXPIRY_S, correlation=reply.correlation)
        told.append(answer)
    return told


def _encode(body: dict[str, Any]) -> bytes:
    return msgspec.json.encode({key: value for key, value in body.items() if value is not None})
