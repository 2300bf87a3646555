"""One MQTT session that is kept up: connect, subscribe, take messages and ack them after commit, come back when cut.

The network thread makes one fresh paho client per connection, so packet ids, acks and paho's own queue never outlive
the connection they belong to; the session itself lives in the broker, under a fixed client id. Callbacks of paho hold
paho's locks, so they only set flags and append to queues, except for `handle`, which commits before the ack.
"""

from __future__ import annotations

import logging
import math
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.connection import Connection
from edge.errors import EdgereelError
from edge.mqtt import connect, incoming, new_client, refused, subscription
from edge.sections import Broker as BrokerSettings
from edge.wire import Incoming, Outgoing

FIRST_DELAY_S = 1.0
DOUBLINGS = 3
LAP_S = 14.0  # all are back within one: before SETTLE_S of edge/look.py is over
REMIND_S = 600.0
STEADY_S = 5.0  # a connection that lived this long was a good one: the broker is there again, or soon will be
TAKEN_OVER = 0x8E
TAKEN_OVER_DELAY_S = 10.0

log = logging.getLogger(__name__)


def backoff(random_share: Callable[[], float] = random.random) -> Iterator[float]:
    """Seconds to wait before each next try: soon at first, then once a lap, at a moment of it that is each board's own.

    So a fleet whose broker was away for longer comes back spread evenly over a lap, and within it.
    """
    for doubling in range(DOUBLINGS):
        yield FIRST_DELAY_S * 2**doubling * (0.5 + random_share())
    yield LAP_S * random_share()
    yield from repeat(LAP_S)


class Session:
    """See the module. `handle` is called for each message and may raise sqlite3.Error: then the message is not acked.

    `topics` gives what to subscribe to on every connection, and `extra` what to hear if the broker allows it; `opened`
    is called once that is done. `will` is what the broker says for us when we are cut off. `acked` is set after every
    PUBACK.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        client_id: str,
        expiry_s: int,
        topics: Callable[[], list[str]],
        handle: Callable[[Incoming], None],
        opened: Callable[[Connection], None],
        acked: threading.Event,
        will: Outgoing | None = None,
        extra: Sequence[str] = (),
    ) -> None:
        self._settings = settings
        self._client_id = client_id
        self._expiry_s = expiry_s
        self._topics = topics
        self._handle = handle
        self._opened = opened
        self._acked = acked
        self._will = will
        self._extra = extra
        self._stop = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{client_id}", daemon=True)
        self.connection: Connection | None = None
        self.connects = 0
        self.left_at = -math.inf  # monotonic, when the last connection that was of use ended

    def start(self) -> None:
        """Connect, and keep connected; returns at once."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False when the thread has died, which is a fault of this program."""
        return self._thread.is_alive()

    @property
    def connected(self) -> Connection | None:
        """The connection, while the broker has our subscriptions."""
        connection = self.connection
        return connection if connection and connection.ready else None

    def stop_intake(self) -> None:
        """Take nothing new. Messages that still come stay unacked, so the broker keeps them for the next start."""
        self._closed.set()

    def taken_over(self) -> None:
        """Keep in mind that somebody else connects with our name: whoever is cut off then stays away for a while."""
        if connection := self.connection:
            connection.least_delay_s = TAKEN_OVER_DELAY_S
            connection.problem = f"Another client connects as {self._client_id}: give each board its own node.id."

    def close(self, *, last: Outgoing | None = None) -> None:
        """Say the last word; disconnect; end the thread."""
        self.stop_intake()
        self._stop.set()
        if connection := self.connection:
            if connection.ready and last:
                connection.publish(last).wait_for_publish(timeout=1)
            connection.client.disconnect()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def _run(self) -> None:
        delays = backoff()
        said, said_at = "", 0.0
        while not self._stop.is_set():
            started = time.monotonic()
            problem, least_delay_s = self._connect_once()
            if self._stop.is_set():
                return
            if time.monotonic() - started > STEADY_S:
                delays = backoff()
            delay = max(next(delays), least_delay_s)
            if problem != said or time.monotonic() - said_at > REMIND_S:
                log.warning("%s Next try in %.0f s; queued jobs go on.", problem, delay)
                said, said_at = problem, time.monotonic()
            self._stop.wait(delay)

    def _connect_once(self) -> tuple[str, float]:
        """Live through one connection; return why it ended, and the least time to wait before the next."""
        try:
            client = new_client(self._settings, client_id=self._client_id, manual_ack=True)
            connection = Connection(client)
            self._set_callbacks(connection)
            connect(client, self._settings, session_expiry_s=self._expiry_s)
            self.connection = connection
            if not self._stop.is_set():
                client.loop_forever()
        except EdgereelError as exc:
            return str(exc), 0.0
        finally:
            self.connection = None
        return connection.problem or "The broker closed the connection.", connection.least_delay_s

    def _set_callbacks(self, connection: Connection) -> None:
        """Bind paho's callbacks to this connection; only what is used of their arguments has a name here."""
        client = connection.client
        client.suppress_exceptions = True  # an exception would end paho's loop while it still looks connected
        client.enable_logger(logging.getLogger("edge.paho"))
        if self._will:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)

        def on_connect(
            _client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
        ) -> None:
            connection.resumed = flags.session_present
            self._on_connect(connection, reason, properties)

        def on_subscribe(
            _client: Client, _data: Any, mid: int, reasons: list[ReasonCode], _properties: Properties | None
        ) -> None:
            if mid != connection.watching:
                self._on_subscribe(connection, reasons)

        def on_disconnect(
            _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
        ) -> None:
            self._on_disconnect(connection, reason)

        def on_publish(
            _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties | None
        ) -> None:
            if reason.is_failure:
                connection.refused.append(mid)
            connection.acks.append((mid, reason.value))
            self._acked.set()

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
        if topics := [*self._topics(), *self._extra]:
            connection.client.subscribe([(topic, subscription(retained=False)) for topic in topics])
        else:
            self._open(connection)

    def _on_subscribe(self, connection: Connection, reasons: list[ReasonCode]) -> None:
        needed = reasons[: len(reasons) - len(self._extra)]
        if any(reason.is_failure for reason in needed):
            connection.problem = "The broker refuses our subscriptions: check what it allows this client."
            connection.client.disconnect()
        elif not connection.ready:
            self._open(connection)

    def _open(self, connection: Connection) -> None:
        try:
            self._opened(connection)
        except sqlite3.Error as exc:
            connection.problem = f"The queue cannot be written ({exc}): free some disk space."
            connection.client.disconnect()
            return
        connection.ready = True
        self.connects += 1
        log.info("Connected to %s:%d as %s.", self._settings.host, self._settings.port, self._client_id)
        self._acked.set()

    def _on_disconnect(self, connection: Connection, reason: ReasonCode) -> None:
        if connection.ready:
            self.left_at = time.monotonic()
        connection.ready = False
        if reason.value == TAKEN_OVER:
            self.taken_over()
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
