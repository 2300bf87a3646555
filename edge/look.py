"""A look at what other boards say of a job, before a job that they may have been given too begins here.

Why: a requester that hears nothing sends again, and a broker may deal the second copy to another board. The retained
state of the job is the only claim that all of them see; it costs one short connection to read it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edge.errors import BrokerError
from edge.job import Job
from edge.link import Link, open_link
from edge.sections import Broker as BrokerSettings
from edge.sharing import MAX_HOPS
from edge.wire import FINAL_STATES, decode, job_topic, node_topic

ANSWER_S = 0.5
AGAIN_S = 3.0
SETTLE_S = 15.0  # after a broker lost its memory: others are coming back to tell it again, by edge/session.py within 14
BLIND_S = 120.0  # without a look for so long, nobody else is told either
TAKE_OVER_S = 3600.0
MOST = 8  # jobs that are looked at together
CLAIMS = ("accepted", "running")
ENDS = tuple(state for state in FINAL_STATES if state != "rejected")  # that tells of a message, not of the job


class Verdict(StrEnum):
    """What to do with a job that another board may have."""

    START = "start"
    SPEAK = "speak"  # nobody has it, but another board may be looking too: see edge/claims.py
    HOLD = "hold"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is retained about a job: the node that spoke last, its state, and whether that node is online."""

    node: str = ""
    state: str = ""
    online: bool = False


def judge(seen: Seen, *, own: str, held_s: float) -> Verdict:
    """Begin, wait for the board that has the job, or leave it to the one that has done it."""
    if seen.node in ("", own):
        return Verdict.START
    if seen.state in ENDS:
        return Verdict.SUPERSEDED
    if seen.state in CLAIMS and seen.online and held_s < TAKE_OVER_S:
        return Verdict.HOLD
    return Verdict.START


class Looks:
    """What is known of jobs that another board may have. For one thread.

    `connected_s` tells for how long the broker has known what it knows.
    """

    def __init__(self, settings: BrokerSettings, *, node: str, connected_s: Callable[[], float]) -> None:
        self._settings = settings
        self._node = node
        self._connected_s = connected_s
        self._wanted_since: dict[str, float] = {}
        self._looked_at: dict[str, float] = {}
        self._saw_at = -math.inf

    def look(self, jobs: list[Job], *, now_s: float) -> dict[str, Verdict]:
        """Look at those of the waiting jobs that need it, new ones first; returns what to do with them.

        `now_s` is the time by the clock of the jobs.
        """
        now, connected_s = time.monotonic(), self._connected_s()
        wanted = [job for job in jobs if job.may_be_elsewhere]
        self._wanted_since = {job.id: self._wanted_since.get(job.id, now) for job in wanted}
        self._looked_at = {job_id: at for job_id, at in self._looked_at.items() if job_id in self._wanted_since}
        alone = {job.id for job in wanted if _is_alone(job, age_s=now_s - job.created_at, connected_s=connected_s)}
        new = {job.id for job in wanted if job.id in alone and job.request.hops == 0}  # nobody was told of it before
        due = [
            job.id
            for job in wanted
            if now - self._looked_at.get(job.id, -math.inf) >= AGAIN_S and (connected_s >= SETTLE_S or job.id in new)
        ]
        some = sorted(due, key=lambda job_id: self._looked_at.get(job_id, -math.inf))[:MOST]
        found = self._find(some, now=now) if some else {}
        self._looked_at |= dict.fromkeys(found, time.monotonic())
        contested = {job.id for job in wanted if job.pool and job.id not in alone}
        spoken = {one: _spoken(verdict, contested=one in contested) for one, verdict in found.items()}
        return spoken or self._blindly(now)

    def _find(self, job_ids: list[str], *, now: float) -> dict[str, Verdict]:
        try:
            with open_link(self._settings) as link:
                seen = look_at(link, job_ids)
                held_s = {job_id: now - self._wanted_since[job_id] for job_id in job_ids}
                found = {one: judge(seen[one], own=self._node, held_s=held) for one, held in held_s.items()}
        except BrokerError:
            return {}
        self._saw_at = time.monotonic()
        return found

    def _blindly(self, now: float) -> dict[str, Verdict]:
        """What may begin because nobody could be asked for long."""
        waiting = {job_id: min(now - since, now - self._saw_at) for job_id, since in self._wanted_since.items()}
        return {job_id: Verdict.START for job_id, blind_s in waiting.items() if blind_s > BLIND_S}


def _spoken(verdict: Verdict, *, contested: bool) -> Verdict:
    return Verdict.SPEAK if contested and verdict is Verdict.START else verdict


def _is_alone(job: Job, *, age_s: float, connected_s: float) -> bool:
    """Whether no copy of a job is on its way: it was sent once, handed on perhaps, and came after the broker did."""
    return job.request.attempt == 1 and job.request.hops < MAX_HOPS and age_s < connected_s


def look_at(link: Link, job_ids: list[str]) -> dict[str, Seen]:
    """Read the retained states of jobs, and the status of the boards that they name. Raises BrokerError."""
    topics = {job_id: job_topic(job_id, "state") for job_id in job_ids}
    states = _retained(link, topics.values())
    bodies = {job_id: decode(states.get(topic, b"")) for job_id, topic in topics.items()}
    nodes = {job_id: _node(body) for job_id, body in bodies.items()}
    words = _retained(link, {node_topic(node, "status") for node in nodes.values() if node})
    return {job_id: _seen(nodes[job_id], body, words) for job_id, body in bodies.items()}


def _seen(node: str, body: dict[str, Any], words: dict[str, bytes]) -> Seen:
    online = words.get(node_topic(node, "status")) == b"online"
    return Seen(node=node, state=str(body.get("state")), online=online) if node else Seen()


def _node(body: dict[str, Any]) -> str:
    node = body.get("node")
    return node if isinstance(node, str) and node.replace("-", "").replace("_", "").isalnum() else ""


def _retained(link: Link, topics: Collection[str]) -> dict[str, bytes]:
    """What is retained on each of these topics, as far as there is anything."""
    if topics:
        link.subscribe(*topics)
    until = time.monotonic() + ANSWER_S
    found: dict[str, bytes] = {}
    while len(found) < len(topics) and (message := link.next_message(until=until)):
        if message.topic in topics:
            found.setdefault(message.topic, message.payload)
    return found
