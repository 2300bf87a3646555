"""Many requests through the shipped requester, as fast as it sends them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from edge.request import make_request
from edge.requester import Requester, State
from edge.sections import Broker
from edge.sent import Sent, SentRequest
from tests.mosquitto import Mosquitto

SHORT = {"mode": "spare", "seconds": 0.5}
PROMPTS = ("a red fish", "a blue balloon rises", "two birds over the sea", "a yellow star at night")


def send_all(
    server: Mosquitto,
    folder: Path,
    ids: Sequence[str],
    *,
    topic: str,
    timeout_s: float,
    every_s: float = 0.0,
    retry_s: float = 3.0,
    offline_s: float = 5.0,
    prompt: Callable[[int], str] = lambda number: PROMPTS[number % len(PROMPTS)],
    **fields: object,
) -> dict[str, State]:
    """Send requests until each has ended or the time is over; the last state of each, `attempt` included."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(Sent(folder / "sent.sqlite")) as sent:
        requester = Requester(Broker(host="127.0.0.1", port=server.port), sent, retry_s=retry_s, offline_s=offline_s)
        waiting = list(enumerate(ids))
        next_at = time.monotonic()

        def done() -> bool:
            nonlocal next_at
            while waiting and time.monotonic() >= next_at:
                number, job_id = waiting.pop(0)
                request = make_request(prompt(number), id=job_id, **(SHORT | fields))
                requester.add(SentRequest(request=request, topic=topic))
                next_at += every_s
            return not waiting and all(map(requester.ended, ids))

        requester.follow(until=done, deadline=time.monotonic() + timeout_s)
        return requester.states()
