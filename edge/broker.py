"""The daemon's MQTT connection: what comes in is handed on and acked after commit, what waits in the outbox goes out.

The network thread makes one fresh paho client per connection, so packet ids, acks and paho's own queue never outlive
the connection they belong to; the session itself lives in the broker, under a fixed client id. Callbacks of paho hold
paho's locks, so they only set flags and append to queues, except for `handle`, which commits before the ack.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.connection import Connection
from edge.errors import EdgereelError
from edge.jobqueue import JobQueue
from edge.mqtt import connect, incoming, new_client, refused, subscription
from edge.pump import Pump
from edge.sections import Broker as BrokerSettings
from edge.wire import ANY_CANCEL, Incoming, Outgoing, node_topic

FIRST_DELAY_S = 1.0
MAX_DELAY_S = 60.0
STEADY_S = 30.0  # a connection that lived this long was a good one
TAKEN_OVER = 0x8E
TAKEN_OVER_DELAY_S = 10.0

log = logging.getLogger(__name__)


def backoff(random_share: Callable[[], float] = random.random) -> Iterator[float]:
    """Seconds to wait before each next try: doubling, and spread so that a fleet does not come back all at once."""
    delay = FIRST_DELAY_S
    while True:
        yield delay * (0.5 + random_share())
        delay = min(2 * delay, MAX_DELAY_S)


class Broker:
    """See the module. `handle` is called for each message and may raise sqlite3.Error: then the message is not acked.

    `hello` gives what to publish on every connection, before the status says `online`.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        node: str,
        queue: JobQueue,
        handle: Callable[[Incoming], None],
        hello: Callable[[], list[Outgoing]],
    ) -> None:
        self._settings = settings
        self._node = node
        self._handle = handle
        self._hello = hello
        self._connection: Connection | None = None
        self._pump = Pump(queue, connection=lambda: self._connection)
        self._stop = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt-network", daemon=True)
        self.connects = 0

    def start(self) -> None:
        """Connect, and keep connected; returns at once."""
        self._thread.start()
        self._pump.start()

    @property
    def alive(self) -> bool:
        """False when one of the threads has died, which is a fault of this program."""
        return self._thread.is_alive() and self._pump.alive

    @property
    def connected(self) -> bool:
        """True while the broker has our subscriptions."""
        connection = self._connection
        return connection is not None and connection.ready

    def publish(self, message: Outgoing) -> None:
        """Publish now what is worth nothing later; dropped when not connected, or too large for the broker."""
        connection = self._connection
        if connection and connection.ready and connection.fits(message):
            connection.publish(message)

    def stop_intake(self) -> None:
        """Take nothing new. Messages that still come stay unacked, so the broker keeps them for the next start."""
        self._closed.set()

    def close(self, *, flush_s: float) -> None:
        """Send what waits, for at most `flush_s` seconds; say `offline`; disconnect; end the threads."""
        self.stop_intake()
        self._pump.stop(flush_s=flush_s)
        self._stop.set()
        if connection := self._connection:
            if connection.ready:
                connection.publish(self._status("offline")).wait_for_publish(timeout=1)
            connection.client.disconnect()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        delays = backoff()
        while not self._stop.is_set():
            started = time.monotonic()
            problem, least_delay_s = self._connect_once()
            if self._stop.is_set():
                return
            if time.monotonic() - started > STEADY_S:
                delays = backoff()
            delay = max(next(delays), least_delay_s)
            log.warning("%s Next try in %.0f s; queued jobs go on.", problem, delay)
            self._stop.wait(delay)

    def _connect_once(self) -> tuple[str, float]:
        """Live through one connection; return why it ended, and the least time to wait before the next."""
        try:
            client = new_client(self._settings, client_id=f"edgereel-{self._node}", manual_ack=True)
            connection = Connection(client)
            self._set_callbacks(connection)
            connect(client, self._settings, session_expiry_s=self._settings.session_expiry_s)
            self._connection = connection
            if not self._stop.is_set():
                client.loop_forever()
        except EdgereelError as exc:
            return str(exc), 0.0
        finally:
            self._connection = None
        return connection.problem or "The broker closed the connection.", connection.least_delay_s

    def _set_callbacks(self, connection: Connection) -> None:
        """Bind paho's callbacks to this connection; only what is used of their arguments has a name here."""
        client = connection.client
        client.suppress_exceptions = True  # an exception would end paho's loop while it still looks connected
        client.enable_logger(logging.getLogger("edge.paho"))
        status = self._status("offline")
        client.will_set(status.topic, status.payload, qos=1, retain=True)

        def on_connect(
            _client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
        ) -> None:
            self._on_connect(connection, reason, properties)

        def on_subscribe(
            _client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
        ) -> None:
            self._on_subscribe(connection, reasons)

        def on_disconnect(
            _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
        ) -> None:
            self._on_disconnect(connection, reason)

        def on_publish(
            _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties | None
        ) -> None:
            connection.acks.append((mid, reason.value))
            self._pump.wake.set()

        def on_message(_client: Client, _data: Any, message: MQTTMessage) -> None:
            self._on_message(connection, message)

        client.on_connect = on_connect
        client.on_subscribe = on_subscribe
        client.on_disconnect = on_disconnect
        client.on_publish = on_publish
        client.on_message = on_message

    def _on_connect(self, connection: Connection, reason: ReasonCode, properties: Properties | None) -> None:
        if reason.is_failure:
            connection.problem = str(refused(self._settings, reason))
            return
        connection.take_limits(properties)
        options = subscription(retained=False)
        mine = [node_topic(self._node, leaf) for leaf in ("req", "mode/set")]
        connection.client.subscribe([(topic, options) for topic in (*mine, ANY_CANCEL)])

    def _on_subscribe(self, connection: Connection, reasons: list[ReasonCode]) -> None:
        if any(reason.is_failure for reason in reasons):
            connection.problem = "The broker refuses our subscriptions: check what it allows this client."
            connection.client.disconnect()
            return
        for message in (*self._hello(), self._status("online")):
            connection.publish(message)
        connection.ready = True
        self.connects += 1
        log.info("Connected to %s:%d as node %s.", self._settings.host, self._settings.port, self._node)
        self._pump.wake.set()

    def _on_disconnect(self, connection: Connection, reason: ReasonCode) -> None:
        connection.ready = False
        if reason.value == TAKEN_OVER:
            connection.least_delay_s = TAKEN_OVER_DELAY_S
            connection.problem = f"Another client connects as edgereel-{self._node}: give each board its own node.id."
        connection.problem = connection.problem or f"The connection to the broker ended: {reason}."

    def _on_message(self, connection: Connection, message: MQTTMessage) -> None:
        if self._closed.is_set():
            return
        try:
            self._handle(incoming(message))
        except sqlite3.Error as exc:
            log.warning("The queue cannot be written (%s); requests stay with the broker. Free some disk space.", exc)
            connection.problem = "Reconnecting to have the unsaved request delivered again."
            connection.client.disconnect()
            return
        except Exception:
            log.exception("A message broke the intake; it is dropped.")
        connection.client.ack(message.mid, message.qos)

    def _status(self, word: str) -> Outgoing:
        return Outgoing(topic=node_topic(self._node, "status"), payload=word.encode(), retain=True)
