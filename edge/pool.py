"""The pools that a board takes work from: a session of its own, short, and left while the board has enough to do.

Why its own session: what is sent to this board by name may wait for it for a day, but what is sent to a pool must not
lie in the session of a board that is gone while others could do it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge.connection import Connection
from edge.gate import Gate
from edge.mqtt import subscription
from edge.sections import Broker as BrokerSettings
from edge.sections import Fleet
from edge.session import Session
from edge.wire import Incoming, share_filter

log = logging.getLogger(__name__)


class Pool:
    """`handle` is called for each request; `follow` opens or closes the way for new ones."""

    def __init__(
        self, settings: BrokerSettings, fleet: Fleet, *, node: str, handle: Callable[[Incoming], None]
    ) -> None:
        self._filters = [share_filter(pool) for pool in fleet.pools]
        self._joined = False
        self._settled: tuple[Connection | None, bool] = (None, False)
        self.session = Session(
            settings,
            client_id=f"edgereel-{node}-pool",
            expiry_s=fleet.session_expiry_s,
            topics=list,
            handle=handle,
            opened=lambda _: None,
            acked=threading.Event(),
        )

    def start(self) -> None:
        """Connect, and keep connected; a board without pools does not."""
        if self._filters:
            self.session.start()

    @property
    def alive(self) -> bool:
        """False when the thread has died, which is a fault of this program."""
        return not self._filters or self.session.alive

    @property
    def joined(self) -> bool:
        """True while requests of the pools come here."""
        return self._joined and self.session.connected is not None

    def follow(self, gate: Gate) -> None:
        """Subscribe or unsubscribe, if that is not done; what the broker has queued for us already still comes."""
        if gate.is_open != self._joined and self._filters:
            log.info("Pools %s.", "joined" if gate.is_open else f"left: {gate.reason}")
        self._joined = gate.is_open
        connection = self.session.connected
        if connection is None or self._settled == (connection, self._joined):
            return
        if self._joined:
            connection.client.subscribe([(one, subscription(retained=False)) for one in self._filters])
        else:
            connection.client.unsubscribe(self._filters)
        self._settled = (connection, self._joined)

    def close(self) -> None:
        """Leave the pools, and disconnect."""
        self.follow(Gate(reason="stopping"))
        self.session.close()
