"""The client side: send one request to a board and follow its job until it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from edge.errors import BrokerError
from edge.link import Link, open_link
from edge.request import Request
from edge.sections import Broker
from edge.wire import FINAL_STATES, decode, job_topic, node_topic

ANSWER_S = 10.0
RETRY_S = 1.0

State = dict[str, Any]


def submit(
    request: Request,
    *,
    broker: Broker,
    node: str = "",
    wait: bool = False,
    timeout_s: float = 600.0,
    on_state: Callable[[State], None] = lambda _: None,
) -> State:
    """Publish a request and return the last state of its job: the final one with `wait`, else the first that comes.

    Without `wait`, a board that is away gives the state `sent`: the broker keeps the request for it. An empty `node`
    means the one board that is online. `on_state` is called with every state and progress. A connection that breaks
    later is made again, and the request sent again: the same id is the same job.
    Raises BrokerError when the broker cannot be reached or refuses, when nobody listens, when there is no board or
    more than one to choose from, and when the end of the job does not come in `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    sent = False
    while True:
        try:
            with open_link(broker) as link:
                node = node or link.find_node()
                link.subscribe(job_topic(request.id, "state"), job_topic(request.id, "progress"))
                link.publish(node_topic(node, "req"), msgspec.json.encode(request.to_json()))
                sent = True
                return _follow(link, request, wait=wait, deadline=deadline, on_state=on_state)
        except BrokerError:
            if not sent or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_S)


def _follow(link: Link, request: Request, *, wait: bool, deadline: float, on_state: Callable[[State], None]) -> State:
    """Read states until the one that is wanted; an older `rev` is a replay and is passed over."""
    rev = -1
    until = deadline if wait else min(deadline, time.monotonic() + ANSWER_S)
    while message := link.next_message(until=until):
        body = decode(message.payload)
        if body.get("id") != request.id or body.get("rev", rev) < rev:
            continue
        rev = body.get("rev", rev)
        on_state(body)
        if body.get("state") in FINAL_STATES or ("state" in body and not wait):
            return body
    if wait:
        raise BrokerError(
            f"Job {request.id} did not end in time.", hint="Look at `edgereel jobs` on the board, or give --timeout."
        )
    return {"v": 1, "id": request.id, "state": "sent"}
