"""A board's part in its pools: it takes work while it has room, gives back what it cannot do, and does nothing twice."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable
from typing import Any

from edge.broker import Broker
from edge.gate import Gate, step
from edge.job import Job
from edge.jobqueue import JobQueue
from edge.look import Looks
from edge.pool import Pool
from edge.settings import Settings
from edge.wire import Incoming

log = logging.getLogger(__name__)


class Share:
    """`handle` takes the requests of the pools, as those sent to this board by name."""

    def __init__(
        self, settings: Settings, queue: JobQueue, *, broker: Broker, handle: Callable[[Incoming], None]
    ) -> None:
        self._fleet = settings.fleet
        self._queue = queue
        self._broker = broker
        self._pool = Pool(settings.broker, settings.fleet, node=settings.node.id, handle=handle)
        self._looks = Looks(settings.broker, node=settings.node.id, connected_s=self._connected_s)
        self._gate = Gate()
        self._spread = random.uniform(-1, 1)  # noqa: S311 - that boards differ is enough

    def start(self) -> None:
        """Connect to the pools."""
        self._pool.start()

    def leave(self) -> None:
        """Take nothing more from the pools."""
        self._pool.close()

    @property
    def alive(self) -> bool:
        """False when a thread has died, which is a fault of this program."""
        return self._pool.alive

    @property
    def crowded(self) -> bool:
        """True while the board is out of its pools because too much waits here."""
        return bool(self._fleet.pools) and not self._gate.is_open and self._queue.depth() > self._fleet.low

    def follow(self, *, unfit: str, full: str) -> None:
        """Join or leave the pools; `unfit` says why nothing can be done here, `full` why nothing more can be taken."""
        unfit = "drained" if self._queue.wishes.drained else unfit
        self._gate = step(
            self._gate, depth=self._queue.depth(), closed_by=unfit or full, now=time.monotonic(), fleet=self._fleet,
            spread=self._spread,
        )  # fmt: skip
        self._pool.follow(self._gate)
        if unfit and self._queue.now() >= self._queue.sharing.alone_until:
            self.hand_back()
        elif self._gate.is_open and self._broker.connected and self._queue.depth() <= self._fleet.low:
            self._take_back()

    def hand_back(self) -> None:
        """Give the pools back what waits here and came from them, but for what another board may have already."""
        if not (self._fleet.pools and self._broker.connected):
            return
        if back := self._queue.sharing.hand_back(now=self._queue.now(), may_go=self.may_start):
            log.info("Jobs given back to their pools: %d.", back)

    def _take_back(self) -> None:
        if back := self._queue.sharing.take_back(now=self._queue.now()):
            log.info("Jobs that went to their pools and were not heard of: %d.", back)

    def look(self) -> None:
        """Find out which waiting jobs another board has done, or has."""
        for job_id in self._looks.look(self._queue.waiting()):
            log.info("Job %s was done by another board.", job_id)
            self._queue.sharing.supersede(job_id, now=self._queue.now())

    def may_start(self, job: Job) -> bool:
        """Whether no other board has the job, by the last look."""
        return self._looks.may_start(job)

    def _connected_s(self) -> float:
        """For how long the broker has known what other boards of our pools say; a board without pools has none."""
        return self._broker.connected_s if self._fleet.pools or not self._broker.connected else math.inf

    def to_json(self) -> dict[str, Any]:
        """What the load message says of it."""
        return {"names": self._fleet.pools, "joined": self._pool.joined, "reason": self._gate.reason or None}
