"""One connection of a client that waits: what paho's thread reports is queued and asked for."""

from __future__ import annotations

import queue
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import BrokerError
from edge.mqtt import connect, incoming, new_client, publish_properties, refused, subscription
from edge.sections import Broker
from edge.wire import ANY_STATUS, Incoming, Outgoing, node_of_status

NOBODY_LISTENS = 0x10
DISCOVER_S = 1.0
MOST_TOPICS = 100  # of one SUBSCRIBE
ANSWER_S = 10.0


class Link:
    """One connection. What paho's thread reports is queued by kind and waited for here."""

    def __init__(self, broker: Broker, client: Client) -> None:
        self._broker = broker
        self._client = client
        self._answers: queue.SimpleQueue[ReasonCode | None] = queue.SimpleQueue()  # None: the connection ended
        self._messages: queue.SimpleQueue[Incoming | None] = queue.SimpleQueue()
        self._accepted = False
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message

    def await_connack(self) -> None:
        """Raise BrokerError when the broker says no."""
        reason = self._answer()
        if reason.is_failure:
            raise refused(self._broker, reason)

    def subscribe(self, *topics: str) -> None:
        """Subscribe, retained messages included. Raises BrokerError when the broker does not allow it."""
        for first in range(0, len(topics), MOST_TOPICS):
            some = topics[first : first + MOST_TOPICS]
            self._client.subscribe([(topic, subscription(retained=True)) for topic in some])
            reason = self._answer()
            if reason.is_failure:
                raise BrokerError(
                    f"The broker refuses the subscription: {reason}.", hint="Check what it allows this user.",
                    code="refused",
                )  # fmt: skip

    def publish(self, message: Outgoing) -> bool:
        """Publish with QoS 1 and read the answer: False when nobody listens. Raises BrokerError when it is refused."""
        self._client.publish(message.topic, message.payload, qos=1, properties=publish_properties(message))
        reason = self._answer()
        if reason.is_failure:
            raise BrokerError(
                f"The broker refuses the request: {reason}.", hint="Check what it allows this user.", code="refused"
            )
        return reason.value != NOBODY_LISTENS

    def find_node(self) -> str:
        """Return the one board that is online. Raises BrokerError for none and for several."""
        self.subscribe(ANY_STATUS)
        until = time.monotonic() + DISCOVER_S
        online: set[str] = set()
        while message := self.next_message(until=until):
            if message.payload == b"online":
                online.add(node_of_status(message.topic))
        self._client.unsubscribe(ANY_STATUS)
        match sorted(online):
            case [node]:
                return node
            case []:
                raise BrokerError("No board is online at this broker.", hint="Start `edgereel serve`, or give --node.")
        raise BrokerError("Several boards are online.", hint=f"Choose one with --node: {', '.join(sorted(online))}.")

    def next_message(self, *, until: float) -> Incoming | None:
        """Return the next message, None at the monotonic time `until`. Raises BrokerError when the connection ends."""
        try:
            message = self._messages.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return None
        if message is None:
            raise _ended()
        return message

    def _answer(self) -> ReasonCode:
        try:
            answer = self._answers.get(timeout=ANSWER_S)
        except queue.Empty:
            host, port = self._broker.host, self._broker.port
            raise BrokerError(f"{host}:{port} does not answer.", hint="Is that an MQTT v5 broker?") from None
        if answer is None:
            raise _ended()
        return answer

    def _on_connect(
        self, _client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._accepted = not reason.is_failure
        self._answers.put(reason)

    def _on_subscribe(
        self, _client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        self._answers.put(max(reasons, key=lambda reason: reason.value))

    def _on_publish(
        self, _client: Client, _data: Any, _mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._answers.put(reason)

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._answers.put(None if self._accepted else reason)  # before the CONNACK it says why there is none
        self._messages.put(None)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._messages.put(incoming(message))


def _ended() -> BrokerError:
    return BrokerError("The connection to the broker ended.", hint="See the broker's log for why.")


@contextmanager
def open_link(broker: Broker) -> Iterator[Link]:
    """Connect for the time of the block. Raises BrokerError."""
    client = new_client(broker, client_id=f"edgereel-client-{secrets.token_hex(6)}")
    link = Link(broker, client)
    connect(client, broker, session_expiry_s=0)
    client.loop_start()
    try:
        link.await_connack()
        yield link
    finally:
        client.disconnect()
        client.loop_stop()
