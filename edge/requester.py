"""The client's half of the promise: send until a board has accepted, ask until it has ended, and never twice on purpose.

Why a client has to send again: mosquitto answers a request before it is on its disk, drops what is beyond its queue in
silence, and strands what lies in the session of a board that died. Boards know a repeat by its id.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from edge.errors import BrokerError
from edge.link import Link, open_link
from edge.sections import Broker
from edge.sent import Sent, SentRequest, again
from edge.wire import ANY_STATUS, LATER, REPLIES, Outgoing, decode, job_topic, node_of_status, node_topic, pool_of

RETRY_S = 30.0
LONGEST_S = 600.0
POOL_LONGEST_S = 60.0  # full boards leave the topic, and who only watches all topics then seems to have heard it
NOBODY_S = 1.0  # until what nobody listens to is sent again, at the least: a board with room has come back by then
ANSWER_S = 5.0  # of a board that is there
UNHEARD_PER_S = 20.0  # of all such requests together at the most
CLAIMED = ("accepted", "running")
OFFLINE_S = 30.0
RECONNECT_S = 1.0
SETTLE_S = 1.0  # what the broker knows is heard before anything is sent again

State = dict[str, Any]


@dataclass
class Pursuit:
    """One request on its way: whether anybody may have heard it, who has it and was asked, and when to send again.

    `next_at` is monotonic. `end` is an end whose answer, with the clip in it, is still awaited.
    """

    sent: SentRequest
    next_at: float = 0.0
    tries: int = 0
    heard: bool = False
    asked: bool = False
    node: str = ""
    revs: tuple[str, int] = ("", -1)
    end: State | None = None


class Requester:
    """`patient` clients send again where others get an error: nobody listens, or every board is full.

    `retry_s` is the first wait for an answer; each next one is twice as long. A board that accepted and has been
    offline for `offline_s` has lost the job to the others.
    """

    def __init__(
        self,
        broker: Broker,
        sent: Sent,
        *,
        patient: bool = True,
        on_state: Callable[[State], None] = lambda _: None,
        retry_s: float = RETRY_S,
        offline_s: float = OFFLINE_S,
    ) -> None:
        self._broker = broker
        self._sent = sent
        self._patient = patient
        self._on_state = on_state
        self._retry_s = retry_s
        self._offline_s = offline_s
        self._offline_since: dict[str, float] = {}
        self._going: dict[str, Pursuit] = {}
        self._unheard: list[str] = []  # what this connection has not subscribed to yet
        self._reply = f"{REPLIES}/{broker.username or 'anyone'}/{random.getrandbits(64):x}"
        self.reached = False

    def add(self, sent: SentRequest) -> None:
        """Keep a request on the disk, and send it from the next `follow` on."""
        self._sent.keep(sent)
        self._going[sent.request.id] = Pursuit(sent)
        self._unheard.append(sent.request.id)

    def take_up(self) -> list[str]:
        """Go on with everything that an earlier client has left; returns the ids."""
        left = self._sent.open()
        self._going |= {one.request.id: Pursuit(one, heard=True) for one in left}
        return [one.request.id for one in left]

    def states(self) -> dict[str, State]:
        """The last state of each request; an empty one when nothing was heard."""
        return {job_id: pursuit.sent.state for job_id, pursuit in self._going.items()}

    def ended(self, job_id: str) -> bool:
        """Whether nothing more will be heard of a request."""
        return self._going[job_id].sent.ended

    def follow(self, *, until: Callable[[], bool], deadline: float) -> bool:
        """Send and listen until `until()` is true, or, returning False, the monotonic time `deadline`.

        A connection that breaks is made again. Raises BrokerError when the broker was never reached, or refuses.
        """
        while not until():
            try:
                with open_link(self._broker) as link:
                    self.reached = True
                    link.subscribe(ANY_STATUS, self._reply)
                    self._begin()
                    while not until():
                        if time.monotonic() >= deadline:
                            return False
                        self._listen(link)
                        self._send_due(link)
                        self._hear(link, until=min(deadline, self._next_at()))
            except BrokerError as exc:
                if exc.code == "refused" or (not self._patient and not self.reached) or time.monotonic() > deadline:
                    raise
                time.sleep(RECONNECT_S * random.uniform(0.5, 1.5))  # noqa: S311 - a spread
        return True

    def _begin(self) -> None:
        settled = time.monotonic() + SETTLE_S
        self._unheard = self._open()
        for pursuit in self._going.values():
            pursuit.next_at = max(pursuit.next_at, settled) if pursuit.heard else pursuit.next_at

    def _listen(self, link: Link) -> None:
        link.subscribe(*(job_topic(job_id, leaf) for job_id in self._unheard for leaf in ("state", "progress")))
        self._unheard.clear()

    def _open(self) -> list[str]:
        return [job_id for job_id, pursuit in self._going.items() if not pursuit.sent.ended]

    def _next_at(self) -> float:
        times = [self._going[job_id].next_at for job_id in self._open()]
        return min([*times, time.monotonic() + 1.0])

    def _send_due(self, link: Link) -> None:
        now = time.monotonic()
        for job_id in self._open():
            pursuit = self._going[job_id]
            if pursuit.node and now - self._offline_since.get(pursuit.node, now) > self._offline_s:
                pursuit.node, pursuit.next_at = "", now
            if pursuit.next_at <= now and pursuit.end:
                self._keep(pursuit, pursuit.end)
            elif pursuit.next_at <= now:
                if pursuit.asked:  # a board that says nothing is gone, whatever a broker remembers of it
                    pursuit.node = ""
                pursuit.asked = bool(pursuit.node)
                self._send(link, pursuit, now=now)

    def _send(self, link: Link, pursuit: Pursuit, *, now: float) -> None:
        if pursuit.heard:
            pursuit.sent = again(pursuit.sent)
            self._sent.keep(pursuit.sent)
        pursuit.tries += 1
        request = pursuit.sent.request
        topic = node_topic(pursuit.node, "req") if pursuit.node else pursuit.sent.topic
        longest_s = POOL_LONGEST_S if pool_of(topic) else LONGEST_S
        wait_s = min(self._retry_s * 2 ** min(pursuit.tries - 1, 10), longest_s)
        before, pursuit.heard = pursuit.heard, True  # unless the broker says that nobody did
        heard = link.publish(
            Outgoing(topic=topic, payload=msgspec.json.encode(request.to_json()), response_topic=self._reply,
                     correlation=request.id.encode())
        )  # fmt: skip
        if not heard and not self._patient and not pursuit.sent.state:
            self._sent.forget(request.id)
            raise BrokerError(
                f"Nobody listens on {topic}.", hint="Start `edgereel serve` there, or correct --node or --pool.",
                code="refused",
            )  # fmt: skip
        pursuit.heard = before or heard
        if not heard:
            pursuit.node, wait_s = "", max(NOBODY_S, len(self._open()) / UNHEARD_PER_S)
        pursuit.next_at = now + wait_s * random.uniform(0.75, 1.25)  # noqa: S311 - a spread

    def _hear(self, link: Link, *, until: float) -> None:
        message = link.next_message(until=until)
        if message is None:
            return
        if message.topic.endswith("/status"):
            self._note_status(node_of_status(message.topic), online=message.payload == b"online")
            return
        body = decode(message.payload)
        pursuit = self._going.get(str(body.get("id")))
        if pursuit and not pursuit.sent.ended:
            self._take(pursuit, body, answer=message.topic == self._reply)

    def _note_status(self, node: str, *, online: bool) -> None:
        if online:
            self._offline_since.pop(node, None)
        else:
            self._offline_since.setdefault(node, time.monotonic())

    def _take(self, pursuit: Pursuit, body: State, *, answer: bool) -> None:
        state, node, rev, now = body.get("state"), str(body.get("node", "")), body.get("rev", 0), time.monotonic()
        if state is None:
            self._on_state(body)
            return
        if pursuit.revs[0] == node and isinstance(rev, int) and rev < pursuit.revs[1] and state != "rejected":
            return  # a replay
        if state == "handed_back" and pursuit.node not in ("", node):
            return  # a copy of it: another board has the job
        error = body.get("error") or {}
        later = error.get("code") in LATER and self._patient
        if state == "rejected" and (later or pursuit.node):
            pursuit.next_at = now + (float(error.get("retry_after_s", self._retry_s)) if later else ANSWER_S)
            return
        if state == "done" and pursuit.sent.request.deliver == "inline" and not answer and not pursuit.end:
            pursuit.end, pursuit.next_at = body, now + ANSWER_S  # what is retained has no clip in it; the answer does
            return
        pursuit.revs = (node, rev if isinstance(rev, int) else 0)
        pursuit.node, pursuit.asked = (node if state in CLAIMED else ""), False
        pursuit.next_at = now + self._retry_s * (2 if state in CLAIMED else 1)
        self._keep(pursuit, body)

    def _keep(self, pursuit: Pursuit, body: State) -> None:
        pursuit.sent = replace(pursuit.sent, state=body)
        self._sent.keep(pursuit.sent)
        self._on_state(body)
