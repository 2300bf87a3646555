"""One connection to the broker, from CONNACK to its end, and what belongs to it alone."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt.client import Client, MQTTMessageInfo

from edge.mqtt import MAXIMUM_PACKET_BYTES, packet_bytes, publish_properties, subscription
from edge.outbox import Pending
from edge.wire import Outgoing

MAX_IN_FLIGHT = 16


@dataclass
class Connection:
    """Its limits come with the CONNACK, and whether the broker still had our session: `resumed`.

    `in_flight` maps packet ids to outbox rows; `acks` are PUBACKs (packet id, reason) that nobody has looked at yet.
    `refused` holds the newest packet ids that the broker said no to. `problem` says why it ended, `least_delay_s` how
    long to stay away then. `watching` is the packet id of a SUBSCRIBE that may be refused.
    """

    client: Client
    ready: bool = False
    resumed: bool = False
    max_packet_bytes: int = 0
    window: int = MAX_IN_FLIGHT
    in_flight: dict[int, Pending] = field(default_factory=dict)
    acks: deque[tuple[int, int]] = field(default_factory=deque)
    refused: deque[int] = field(default_factory=lambda: deque(maxlen=64))
    problem: str = ""
    least_delay_s: float = 0.0
    watching: int | None = None

    def take_limits(self, properties: Any) -> None:
        """Keep what the CONNACK says about sizes; paho does not look at it."""
        self.max_packet_bytes = getattr(properties, "MaximumPacketSize", 0)
        self.window = min(MAX_IN_FLIGHT, getattr(properties, "ReceiveMaximum", MAX_IN_FLIGHT))

    def fits(self, message: Outgoing) -> bool:
        """Say whether the broker takes a packet of this size; a larger one would end the connection."""
        return not self.max_packet_bytes or packet_bytes(message) <= self.max_packet_bytes

    def watch(self, topic: str) -> None:
        """Have also this sent to us, with what is retained there, if we may read it."""
        _, self.watching = self.client.subscribe(topic, options=subscription(retained=True))

    def was_too_large(self, message: Outgoing) -> None:
        """Keep in mind what the broker did not take, for the time of this connection."""
        self.max_packet_bytes = min(packet_bytes(message) - 1, self.max_packet_bytes or MAXIMUM_PACKET_BYTES)

    def publish(self, message: Outgoing) -> MQTTMessageInfo:
        """Publish with the properties of the message."""
        properties = publish_properties(message)
        return self.client.publish(message.topic, message.payload, message.qos, message.retain, properties)
