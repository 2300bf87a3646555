"""The daemon at its broker: the board's own session, the outbox that it sends, and what it says of itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from edge.connection import Connection
from edge.jobqueue import JobQueue
from edge.pump import Pump
from edge.sections import Broker as BrokerSettings
from edge.session import Session
from edge.wire import ANY_CANCEL, Incoming, Outgoing, node_topic

LEAVES = ("req", "mode/set", "cmd")
PROBE_S = 5.0
LOST_S = 3600.0  # what ended longer ago is not told again to a broker that lost its memory

log = logging.getLogger(__name__)


class Broker:
    """`handle` is called for each message and may raise sqlite3.Error: then the message is not acked.

    `hello` gives what to publish on every connection, before the status says `online`; `extra` are further topics to
    hear, if the broker allows it. A broker may grant a
    subscription and then forbid its messages: on every connection we send a word to ourselves, and `deaf` says that it
    has not come back.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        node: str,
        queue: JobQueue,
        handle: Callable[[Incoming], None],
        hello: Callable[[], list[Outgoing]],
        extra: Sequence[str] = (),
    ) -> None:
        self._node = node
        self._queue = queue
        self._handle = handle
        self._hello = hello
        self._probe = Outgoing(topic=node_topic(node, "cmd"), payload=b"probe")
        self._probed_at: float | None = None
        self._opened_at = 0.0
        self._pump = Pump(queue, connection=lambda: self.session.connection)
        self.session = Session(
            settings,
            client_id=f"edgereel-{node}",
            expiry_s=settings.session_expiry_s,
            topics=lambda: [*(node_topic(node, leaf) for leaf in LEAVES), ANY_CANCEL],
            handle=self._take,
            opened=self._greet,
            acked=self._pump.wake,
            will=self._status("offline"),
            extra=extra,
        )

    def start(self) -> None:
        """Connect, and keep connected; returns at once."""
        self.session.start()
        self._pump.start()

    @property
    def alive(self) -> bool:
        """False when one of the threads has died, which is a fault of this program."""
        return self.session.alive and self._pump.alive

    @property
    def connected(self) -> bool:
        """True while the broker has our subscriptions."""
        return self.session.connected is not None

    @property
    def connected_s(self) -> float:
        """For how many seconds we have been connected to a broker that may have lost its memory; 0 when we are not."""
        connection = self.session.connected
        if connection is None:
            return 0.0
        return float("inf") if connection.resumed else time.monotonic() - self._opened_at

    @property
    def connects(self) -> int:
        """How often we were connected."""
        return self.session.connects

    @property
    def deaf(self) -> bool:
        """True when what we send to ourselves does not arrive, so that no request would either."""
        return self._probed_at is not None and time.monotonic() - self._probed_at > PROBE_S and self.connected

    def publish(self, message: Outgoing) -> None:
        """Publish now what is worth nothing later; dropped when not connected, or too large for the broker."""
        connection = self.session.connected
        if connection and connection.fits(message):
            connection.publish(message)

    def stop_intake(self) -> None:
        """Take nothing new. Messages that still come stay unacked, so the broker keeps them for the next start."""
        self.session.stop_intake()

    def close(self, *, flush_s: float) -> None:
        """Send what waits, for at most `flush_s` seconds; say `offline`; disconnect; end the threads."""
        self.stop_intake()
        self._pump.stop(flush_s=flush_s)
        self.session.close(last=self._status("offline"))

    def _greet(self, connection: Connection) -> None:
        for message in (*self._hello(), self._status("online"), self._probe):
            connection.publish(message)
        self._probed_at = self._opened_at = time.monotonic()
        if not connection.resumed:
            now = self._queue.now()
            self._queue.sharing.tell_again(now=now, since=now - LOST_S)

    def _take(self, message: Incoming) -> None:
        if (message.topic, message.payload) == (self._probe.topic, self._probe.payload):
            self._probed_at = None
        else:
            self._handle(message)

    def _status(self, word: str) -> Outgoing:
        return Outgoing(topic=node_topic(self._node, "status"), payload=word.encode(), retain=True)
