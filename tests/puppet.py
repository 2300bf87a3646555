"""A board whose every word a test chooses, at a real broker: it hears requests and says states."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from paho.mqtt.client import Client

from edge.mqtt import connect, incoming, new_client, publish_properties, subscription
from edge.sections import Broker
from edge.wire import Incoming, Outgoing, decode, job_topic, node_topic
from tests.mosquitto import Mosquitto


class Puppet:
    """`requests` are those that came to its topics."""

    def __init__(self, client: Client, node: str) -> None:
        self.client = client
        self.node = node
        self.requests: queue.SimpleQueue[Incoming] = queue.SimpleQueue()
        self._told: queue.SimpleQueue[int] = queue.SimpleQueue()
        client.on_message = lambda _client, _data, message: self.requests.put(incoming(message))
        client.on_publish = lambda _client, _data, _mid, reason, _properties: self._told.put(reason.value)
        client.on_subscribe = lambda _client, _data, _mid, _reasons, _properties: self._told.put(0)

    def listen(self, topic: str) -> None:
        self.client.subscribe(topic, options=subscription(retained=False))
        self._told.get(timeout=10)

    def next(self, timeout_s: float = 20.0) -> tuple[dict[str, Any], Incoming]:
        """The next request: its body, and how it came."""
        message = self.requests.get(timeout=timeout_s)
        return decode(message.payload), message

    def none_comes(self, for_s: float) -> bool:
        try:
            self.requests.get(timeout=for_s)
        except queue.Empty:
            return True
        return False

    def status(self, word: str) -> None:
        self._publish(Outgoing(topic=node_topic(self.node, "status"), payload=word.encode(), retain=True))

    def say(self, job_id: str, state: str, rev: int = 1, *, to: Incoming | None = None, **more: Any) -> None:
        """A state of a job, as a board tells it; with `to`, to the sender of a request and to nobody else."""
        body = {"v": 1, "id": job_id, "state": state, "node": self.node, "rev": rev} | more
        topic = (to.response_topic or "") if to else job_topic(job_id, "state")
        self._publish(Outgoing(topic=topic, payload=msgspec.json.encode(body), retain=not to and state != "rejected"))

    def _publish(self, message: Outgoing) -> None:
        self.client.publish(message.topic, message.payload, 1, message.retain, publish_properties(message))
        self._told.get(timeout=10)


@contextmanager
def puppet(server: Mosquitto, node: str = "n1", *topics: str) -> Iterator[Puppet]:
    """A board for the time of the block, online, which listens to its own requests and to `topics`."""
    settings = Broker(host="127.0.0.1", port=server.port)
    client = new_client(settings, client_id=f"puppet-{node}")
    one = Puppet(client, node)
    connect(client, settings, session_expiry_s=0)
    client.loop_start()
    try:
        one.listen(node_topic(node, "req"))
        for topic in topics:
            one.listen(topic)
        one.status("online")
        yield one
    finally:
        client.disconnect()
        client.loop_stop()
