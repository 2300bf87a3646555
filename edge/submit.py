"""The client side: send one request to a board or a pool, and follow its job until it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from edge.errors import BrokerError
from edge.link import open_link
from edge.request import Request
from edge.requester import Requester, State
from edge.sections import Broker
from edge.sent import Sent, SentRequest
from edge.wire import node_topic, pool_topic

ANSWER_S = 10.0
RESUME = "edgereel submit --resume"


def submit(
    request: Request,
    *,
    broker: Broker,
    file: Path,
    node: str = "",
    pool: str = "",
    wait: bool = False,
    timeout_s: float = 600.0,
    on_state: Callable[[State], None] = lambda _: None,
) -> State:
    """Send a request and return the last state of its job: the final one with `wait`, else the first that comes.

    It is kept in `file` until its end was seen, and goes to a `pool`, to `node`, or, with neither, to the one board
    that is online. Without `wait`, a board that is away gives the state `sent`: the broker keeps the request for it.
    `on_state` is called with every state and progress. A connection that breaks is made again, and a request that is
    not answered is sent again: the same id is the same job.
    Raises BrokerError when the broker cannot be reached or refuses, when nobody listens, when there is no board or
    more than one to choose from, and when the end of the job does not come in `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    with closing(Sent(file)) as sent:
        topic = pool_topic(pool) if pool else node_topic(node or _only_node(broker), "req")
        requester = Requester(broker, sent, patient=False, on_state=on_state)
        requester.add(SentRequest(request=request, topic=topic))
        try:
            return _follow(requester, request.id, wait=wait, deadline=deadline)
        except BrokerError as exc:
            if requester.reached:
                raise
            raise BrokerError(exc.message, hint=f"{exc.hint} The request is kept: `{RESUME}` sends it.") from exc


def resume(
    *, broker: Broker, file: Path, timeout_s: float, on_state: Callable[[State], None] = lambda _: None
) -> list[State]:
    """Send again what earlier calls have not seen the end of, wait for it, and return the last state of each.

    Raises BrokerError as submit; what has not ended in time is kept for the next call.
    """
    with closing(Sent(file)) as sent:
        requester = Requester(broker, sent, on_state=on_state)
        ids = requester.take_up()
        requester.follow(until=lambda: all(map(requester.ended, ids)), deadline=time.monotonic() + timeout_s)
        states = requester.states()
        return [states[job_id] or _unheard(job_id) for job_id in ids]


def _follow(requester: Requester, job_id: str, *, wait: bool, deadline: float) -> State:
    def state() -> State:
        return requester.states()[job_id]

    def ended() -> bool:
        return bool(state()) if not wait else requester.ended(job_id)

    until = deadline if wait else min(deadline, time.monotonic() + ANSWER_S)
    if requester.follow(until=ended, deadline=until) or not wait:
        return state() or _unheard(job_id)
    raise BrokerError(
        f"Job {job_id} did not end in time.",
        hint=f"`{RESUME}` goes on waiting; `edgereel jobs` on the board shows what it does.",
    )


def _only_node(broker: Broker) -> str:
    with open_link(broker) as link:
        return link.find_node()


def _unheard(job_id: str) -> State:
    return {"v": 1, "id": job_id, "state": "sent"}
