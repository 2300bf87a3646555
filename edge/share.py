"""A board's part in its pools: it takes work while it has room, gives back what it cannot do, and does nothing twice."""

from __future__ import annotations

import logging
import math
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

from edge.broker import Broker
from edge.claims import Claims
from edge.gate import Gate, step
from edge.job import Job
from edge.jobqueue import JobQueue
from edge.look import BLIND_S, Looks, Verdict
from edge.pool import Pool
from edge.settings import Settings
from edge.wire import Incoming

TURN_S = 1.0
CLOSE_S = 2.0

log = logging.getLogger(__name__)


class Share:
    """`handle` takes the requests of the pools, as those sent to this board by name.

    A thread looks for the jobs that another board may have, as soon as they come; until then nothing is said of them.
    """

    def __init__(
        self, settings: Settings, queue: JobQueue, *, broker: Broker, handle: Callable[[Incoming], None]
    ) -> None:
        self._fleet = settings.fleet
        self._queue = queue
        self._broker = broker
        self._handle = handle
        self._pool = Pool(settings.broker, settings.fleet, node=settings.node.id, handle=self._take)
        self._looks = Looks(settings.broker, node=settings.node.id, connected_s=self._connected_s)
        self._claims = Claims(settings.broker, node=settings.node.id)
        self._connects = 0
        self._gate, self._depth, self._closed_by = Gate(), 0, ""
        self._stepping = threading.Lock()
        self._spread = random.uniform(-1, 1)  # noqa: S311 - that boards differ is enough
        self._seen_at = time.monotonic()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="share", daemon=True)
        queue.watch(self._wake)

    def start(self) -> None:
        """Connect to the pools, and begin to look."""
        self._pool.start()
        self._thread.start()

    def leave(self) -> None:
        """Take nothing more from the pools, and look no more."""
        self._stop.set()
        self._wake.set()
        self._pool.close()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    @property
    def alive(self) -> bool:
        """False when a thread has died, which is a fault of this program."""
        return self._pool.alive and self._thread.is_alive()

    @property
    def crowded(self) -> bool:
        """True while the board is out of its pools because too much waits here.

        As it was when `follow` looked: it is asked inside a transaction of the queue, which cannot be asked again there.
        """
        return bool(self._fleet.pools) and not self._gate.is_open and self._depth > self._fleet.low

    def follow(self, *, unfit: str, full: str) -> None:
        """Join or leave the pools; `unfit` says why nothing can be done here, `full` why nothing more can be taken."""
        unfit = "drained" if self._queue.wishes.drained else unfit
        self._closed_by = unfit or full
        self._step()
        if unfit and self._queue.now() >= self._queue.sharing.alone_until:
            self.hand_back()
        elif self._gate.is_open and self._broker.connected and self._depth <= self._fleet.low:
            self._take_back()

    def _take(self, message: Incoming) -> None:
        """Take a request, and leave at once when that was enough: when all others are full, all come here."""
        self._handle(message)
        if self._gate.is_open:
            self._step()

    def _step(self) -> None:
        with self._stepping:
            self._depth = self._queue.depth()
            self._gate = step(
                self._gate, depth=self._depth, closed_by=self._closed_by, now=time.monotonic(), fleet=self._fleet,
                spread=self._spread,
            )  # fmt: skip
            self._pool.follow(self._gate)

    def hand_back(self) -> None:
        """Give the pools back what waits here and came from them."""
        if not (self._fleet.pools and self._broker.connected):
            return
        if back := self._queue.sharing.hand_back(now=self._queue.now()):
            log.info("Jobs given back to their pools: %d.", back)

    def _take_back(self) -> None:
        if back := self._queue.sharing.take_back(now=self._queue.now()):
            log.info("Jobs that went to their pools and were not heard of: %d.", back)

    def may_start(self, job: Job) -> bool:
        """Whether no other board has the job. May be asked from any thread.

        A board that the broker has lost begins nothing of a pool for a while: the others may take it over.
        """
        heard = self._broker.connected or time.monotonic() - self._seen_at > BLIND_S
        return not job.may_be_elsewhere and job.id not in self._claims and (heard or not job.pool)

    def look(self) -> None:
        """Find out which waiting jobs another board has done, or has."""
        if self._broker.connected:
            self._seen_at = time.monotonic()
        connects = self._broker.connects
        if connects != self._connects:
            self._claims.reset()
            self._connects = connects
        verdicts = self._looks.look(self._queue.sharing.doubtful(), now_s=self._queue.now())
        verdicts |= self._claims.look(self._queue.sharing.spoken_for())
        if connects == self._broker.connects:  # else what was seen is from before we were away
            self._act(verdicts)

    def _act(self, verdicts: dict[str, Verdict]) -> None:
        now = self._queue.now()
        for job_id, verdict in verdicts.items():
            if verdict is Verdict.SPEAK:
                self._claims.add(job_id)
            if verdict in (Verdict.SPEAK, Verdict.START):
                self._queue.sharing.clear(job_id, now=now)
            elif verdict is Verdict.SUPERSEDED:
                log.info("Job %s was done by another board.", job_id)
                self._queue.sharing.supersede(job_id, now=now)
            elif job_id in self._claims:
                log.info("Job %s was taken by another board at the same moment.", job_id)
                self._queue.sharing.doubt(job_id)
            if verdict is not Verdict.SPEAK:
                self._claims.drop(job_id)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.look()
            except sqlite3.Error as exc:
                log.warning("The queue cannot be used (%s); what came from a pool waits. Free some disk space.", exc)
            self._wake.wait(TURN_S)

    def _connected_s(self) -> float:
        """For how long the broker has known what other boards of our pools say; a board without pools has none."""
        return self._broker.connected_s if self._fleet.pools or not self._broker.connected else math.inf

    def to_json(self) -> dict[str, Any]:
        """What the load message says of it."""
        return {"names": self._fleet.pools, "joined": self._pool.joined, "reason": self._gate.reason or None}
