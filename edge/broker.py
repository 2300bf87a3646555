"""The daemon at its broker: the board's own session, the outbox that it sends, and what it says of itself."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence

from edge.connection import Connection
from edge.jobqueue import JobQueue
from edge.pump import Pump
from edge.sections import Broker as BrokerSettings
from edge.session import Session
from edge.wire import ANY_CANCEL, Incoming, Outgoing, decode, node_topic

LEAVES = ("req", "mode/set", "cmd")
PROBE_S = 5.0
AWAY_S = 60.0  # for so long nobody takes over a job without a broker to ask (edge/look.py)
LOST_S = 3600.0  # what ended longer ago is not told again to a broker that lost its memory

log = logging.getLogger(__name__)


class Broker:
    """`handle` is called for each message and may raise sqlite3.Error: then the message is not acked.

    `hello` gives what to publish on every connection, before the status says `online`; `extra` are further topics to
    hear, if the broker allows it. A broker may grant a
    subscription and then forbid its messages: on every connection we send a word to ourselves, and `deaf` says that it
    has not come back. `boot` is that of our birth message: when we come back and find another one there, another
    daemon has our name, which not every broker says to whom it cuts off for it.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        node: str,
        queue: JobQueue,
        handle: Callable[[Incoming], None],
        hello: Callable[[], list[Outgoing]],
        boot: str = "",
        extra: Sequence[str] = (),
    ) -> None:
        self._node = node
        self._boot = boot
        self._former_boot = ""
        self._queue = queue
        self._handle = handle
        self._hello = hello
        self._probe = Outgoing(topic=node_topic(node, "cmd"), payload=b"probe")
        self._probed_at: float | None = None
        self._lost_at = -math.inf
        self._untold = False
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
        """How many seconds ago we came to a broker that may have lost its memory; 0 when we are not connected."""
        return time.monotonic() - self._lost_at if self.connected else 0.0

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
        if self._boot:
            connection.watch(node_topic(self._node, "birth"))
        for message in (*self._hello(), self._status("online"), self._probe):
            connection.publish(message)
        self._probed_at = time.monotonic()
        if not connection.resumed:
            self._lost_at, self._untold = time.monotonic(), True
        if connection.resumed or time.monotonic() - self.session.left_at > AWAY_S:
            self._queue.sharing.doubt()  # else the broker was away, from all boards: our word stands, and is told again
        if self._untold:  # now, or when the disk was full the last time
            now = self._queue.now()
            self._queue.sharing.tell_again(now=now, since=now - LOST_S)
            self._untold = False

    def _take(self, message: Incoming) -> None:
        if (message.topic, message.payload) == (self._probe.topic, self._probe.payload):
            self._probed_at = None
        elif message.topic == node_topic(self._node, "birth"):
            self._compare(str(decode(message.payload).get("boot", "")))
        else:
            self._handle(message)

    def _compare(self, boot: str) -> None:
        """Look at the birth message that stands there when we come: at first it is that of our last start."""
        if self.session.connects <= 1 and boot != self._boot:
            self._former_boot = boot
        elif boot not in ("", self._boot, self._former_boot):
            self.session.taken_over()

    def _status(self, word: str) -> Outgoing:
        return Outgoing(topic=node_topic(self._node, "status"), payload=word.encode(), retain=True)
