"""The daemon as it is installed, on a broker of its own, and a client that notes when it hears what."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client

from edge.mqtt import connect, new_client
from edge.sections import Broker
from tests.mosquitto import Mosquitto

NODE = "bench"
BASE = "edgereel/v1"
ENDED = ("done", "failed", "cancelled", "rejected", "expired")


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A message, and when it came."""

    at: float
    topic: str
    payload: bytes

    def state_of(self, job: str) -> str:
        """The state that it tells of this job, or nothing."""
        if self.topic != f"{BASE}/job/{job}/state" or not self.payload:
            return ""
        return str(json.loads(self.payload)["state"])


class Ear:
    """A client of a broker."""

    def __init__(self, port: int) -> None:
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self.seen: list[Heard] = []
        settings = Broker(host="127.0.0.1", port=port)
        self._client: Client = new_client(settings, client_id="bench")
        self._client.on_message = lambda _client, _data, message: self._heard.put(
            Heard(at=time.perf_counter(), topic=message.topic, payload=bytes(message.payload))
        )
        # QoS 0: an ear that is slow to acknowledge must not hold up what it times.
        self._client.on_connect = lambda *_: self._client.subscribe(f"{BASE}/#", qos=0)
        connect(self._client, settings, session_expiry_s=0)
        self._client.loop_start()

    def say(self, topic: str, body: object = "") -> float:
        """Publish under the base; returns when."""
        text = body if isinstance(body, str) else json.dumps(body)
        at = time.perf_counter()
        self._client.publish(f"{BASE}/{topic}", text, qos=1)
        return at

    def wait(self, wanted: Callable[[Heard], bool], *, timeout_s: float = 120.0) -> Heard:
        """The next message that is wanted. Raises RuntimeError when none comes in time."""
        until = time.monotonic() + timeout_s
        while (left := until - time.monotonic()) > 0:
            try:
                message = self._heard.get(timeout=left)
            except queue.Empty:
                break
            self.seen.append(message)
            if wanted(message):
                return message
        raise RuntimeError(f"not heard in {timeout_s:.0f} s; the last messages: {self.seen[-5:]}")

    def wait_end(self, job: str, *, timeout_s: float = 300.0) -> tuple[Heard, dict[str, Any]]:
        """The end of a job and its result. Raises RuntimeError when it is not done or cancelled."""
        message = self.wait(lambda one: one.state_of(job) in ENDED, timeout_s=timeout_s)
        body = json.loads(message.payload)
        if body["state"] not in {"done", "cancelled"}:
            raise RuntimeError(f"job {job}: {body}")
        return message, body

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()


@dataclass(frozen=True, kw_only=True)
class Running:
    """A daemon that runs: its process, a client, and the seconds from its start to `online`."""

    process: subprocess.Popen[bytes]
    ear: Ear
    ready_s: float

    def ask(self, job: str, **body: object) -> float:
        """Send a request; returns when."""
        return self.ear.say(f"node/{NODE}/req", {"id": job, **body})


@contextmanager
def running(folder: Path, broker: Mosquitto, *values: str) -> Iterator[Running]:
    """`edgereel serve` with the shipped models, its folders in `folder`, and no clip answered from the library."""
    settings = [
        f"node.id={NODE}", "broker.host=127.0.0.1", f"broker.port={broker.port}", f"paths.state={folder}/state",
        f"paths.clips={folder}/clips", f"paths.cache={folder}/cache", "library.reuse=never", "engine.small_board=yes",
        "governor.without_swap=think", *values,
    ]  # fmt: skip
    options = [part for value in settings for part in ("--set", value)]
    ear = Ear(broker.port)
    began = time.perf_counter()
    with (folder / "serve.log").open("ab") as log, subprocess.Popen(
        [sys.executable, "-m", "edge", "serve", *options], stderr=log, stdout=log
    ) as process:  # fmt: skip
        try:
            status = f"{BASE}/node/{NODE}/status"
            online = ear.wait(
                lambda one: one.topic == status and one.payload == b"online" and one.at > began, timeout_s=60
            )
            yield Running(process=process, ear=ear, ready_s=online.at - began)
        finally:
            process.terminate()
            process.wait(30)
            ear.close()
            _forget(broker)


def _forget(broker: Mosquitto) -> None:
    """Forget the status that the broker keeps, so that the next start is heard anew."""
    broker.publish(f"{BASE}/node/{NODE}/status", "", "-r")


@contextmanager
def a_broker(folder: Path) -> Iterator[Mosquitto]:
    """A mosquitto for the time of the block."""
    broker = Mosquitto(folder / "mosquitto")
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
