"""A foreign client that publishes as fast as the broker answers, and hears the replies."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTMessageInfo, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.wire import ANY_STATUS, decode
from tests.mosquitto import Mosquitto

ON_THE_WAY = 100
REPLIES = "answers/here"


class Publisher:
    """`send` does not wait for the answer of the broker, `flush` waits for all of them."""

    def __init__(self, server: Mosquitto) -> None:
        self.states: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._online = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self._client.max_inflight_messages_set(ON_THE_WAY)
        self._client.on_message = lambda _c, _d, message: self._take(message)
        self._client.on_connect = lambda client, *_: client.subscribe([(f"{REPLIES}/#", 1), (ANY_STATUS, 1)])
        self._client.connect("127.0.0.1", server.port, clean_start=True)
        self._client.loop_start()
        self._sent: list[MQTTMessageInfo] = []

    def send(self, topic: str, payload: bytes, *, retain: bool = False, **properties: object) -> None:
        """Publish with QoS 1; a property has paho's name."""
        told = Properties(PacketTypes.PUBLISH)
        for name, value in properties.items():
            setattr(told, name, value)
        self._sent.append(self._client.publish(topic, payload, 1, retain, told))

    def await_board(self) -> None:
        """Wait for a board that says it is online: what was sent before it has a session is lost."""
        assert self._online.wait(30)

    def flush(self, timeout_s: float = 60.0) -> None:
        until = time.monotonic() + timeout_s
        for sent in self._sent:
            sent.wait_for_publish(max(0.0, until - time.monotonic()))
            assert sent.is_published()
        self._sent.clear()

    def answered(self, topic: str, payload: bytes, *, timeout_s: float = 60.0) -> dict[str, Any]:
        """Publish, and wait for the answer to it: everything before it has been taken in then."""
        self.flush()
        self.send(topic, payload, ResponseTopic=f"{REPLIES}/{time.monotonic_ns()}")
        return self.states.get(timeout=timeout_s)

    def _take(self, message: MQTTMessage) -> None:
        if message.topic.startswith(REPLIES):
            self.states.put(decode(message.payload))
        elif message.payload == b"online":
            self._online.set()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def publisher(server: Mosquitto) -> Iterator[Publisher]:
    """A Publisher for the time of the block."""
    one = Publisher(server)
    try:
        yield one
    finally:
        one.close()
