"""The broker of a fleet, exactly as shipped: the recipe, the ACL and certificates by the script, on a free port."""

from __future__ import annotations

import getpass
import os
import queue
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.mqtt import connect, new_client, publish_properties, subscription
from edge.sections import Broker
from edge.wire import Incoming, Outgoing
from tests.mosquitto import MOSQUITTO, free_port

CHECKOUT = Path(__file__).resolve().parent.parent
SYSTEMD = CHECKOUT / "systemd"
SCRIPT = SYSTEMD / "make-certificates.sh"


def certify(folder: Path, *words: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the shipped script; its authority is in `folder`."""
    command = ["/bin/sh", str(SCRIPT), *words]
    surroundings = {"PATH": os.environ["PATH"], "FLEET": str(folder), **env}
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=60, check=check)


def certify_for(folder: Path, name: str, *, first: str, last: str, kind: str = "client") -> Path:
    """A certificate of the authority in `folder` that holds from `first` to `last`, for the key that `name` has."""
    config, request, made = folder / "openssl.cnf", folder / "dated.csr", folder / f"{name}-{first}.crt"
    env = {**os.environ, "FLEET": str(folder), "ADDRESSES": "IP:127.0.0.1"}
    ask = ["req", "-new", "-config", config, "-key", folder / f"{name}.key", "-subj", f"/CN={name}", "-out", request]
    dates = ["-startdate", f"{first}000000Z", "-enddate", f"{last}000000Z"]
    sign = ["ca", "-config", config, "-batch", "-notext", *dates, "-extensions", kind, "-in", request, "-out", made]
    for words in (ask, sign):
        subprocess.run(["openssl", *words], env=env, check=True, capture_output=True, timeout=60)
    return made


class Fleet:
    """A broker for board-1, board-2 and kiosk, and for mallory, who has a certificate but no line in the ACL."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificates = folder / "certificates"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        certify(self.certificates, "broker", "127.0.0.1", "localhost")
        certify(self.certificates, "client", "board-1", "board-2", "kiosk", "mallory", "lost")
        recipe = (SYSTEMD / "mosquitto-fleet.conf").read_text(encoding="utf-8")
        (folder / "conf.d").mkdir()
        (folder / "edgereel.acl").write_text((SYSTEMD / "edgereel.acl").read_text(encoding="utf-8"))
        (folder / "conf.d/edgereel.conf").write_text(
            recipe.replace("listener 8883", f"listener {self.port}")
            .replace("/etc/mosquitto/certs", str(self.certificates))
            .replace("/etc/mosquitto", str(folder))
        )
        # What Debian's own mosquitto.conf says, and a user who may read the folder of a test.
        (folder / "mosquitto.conf").write_text(
            f"persistence true\npersistence_location {folder}/\ninclude_dir {folder}/conf.d\nuser {getpass.getuser()}\n"
        )

    def start(self) -> None:
        with self.log.open("wb") as log:
            command = [MOSQUITTO, "-c", str(self.folder / "mosquitto.conf")]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 10
        while "running" not in self.said():
            assert time.monotonic() < until, self.said()
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    def reload(self) -> None:
        """Take up a changed ACL, certificate or list of revoked ones."""
        assert self._process
        before = self.said().count("Reloading config")
        self._process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 10
        while self.said().count("Reloading config") == before:
            assert time.monotonic() < until, self.said()
            time.sleep(0.05)

    @property
    def log(self) -> Path:
        return self.folder / "mosquitto.log"

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def settings(self, name: str) -> Broker:
        """The broker section of a board or requester with the certificate of this name."""
        return Broker(
            host="127.0.0.1",
            port=self.port,
            tls=True,
            ca_file=str(self.certificates / "ca.crt"),
            cert_file=str(self.certificates / f"{name}.crt"),
            key_file=str(self.certificates / f"{name}.key"),
            keepalive_s=5,
        )


class Peer:
    """A client of the broker that tells what it got and how its messages were answered; the code under test connects."""

    def __init__(self, settings: Broker, *, client_id: str, will: str = "", session_s: int = 0) -> None:
        self.got: queue.SimpleQueue[Incoming] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.client = new_client(settings, client_id=client_id)
        self.client.on_message = lambda _c, _d, m: self.got.put(Incoming(topic=m.topic, payload=bytes(m.payload)))
        self.client.on_publish = lambda _c, _d, _mid, reason, _p: self._answers.put(reason.value)
        self.client.on_subscribe = lambda _c, _d, _mid, reasons, _p: self._answers.put(reasons[0].value)
        if will:
            self.client.will_set(will, b"offline", qos=1, retain=True)
        connect(self.client, settings, session_expiry_s=session_s)
        self.client.loop_start()
        assert self.client.is_connected()

    def publish(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> int:
        """The reason code of the PUBACK: 0 is good, 0x10 nobody listens, 0x87 not allowed."""
        message = Outgoing(topic=topic, payload=payload, retain=retain)
        self.client.publish(topic, payload, 1, retain, publish_properties(message))
        return self._answers.get(timeout=10)

    def subscribe(self, topic: str) -> int:
        """The reason code of the SUBACK: below 0x80 is "granted"."""
        self.client.subscribe(topic, options=subscription(retained=True))
        return self._answers.get(timeout=10)

    def next(self, timeout_s: float = 10.0) -> Incoming:
        return self.got.get(timeout=timeout_s)

    def heard(self) -> list[tuple[str, bytes]]:
        """All that came so far."""
        found = []
        while not self.got.empty():
            message = self.got.get()
            found.append((message.topic, message.payload))
        return found

    def die(self) -> None:
        """Be gone without a word, as after a power cut: the broker sends the last will."""
        self.client.loop_stop()
        socket: Any = self.client.socket()
        socket.close()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def peer(settings: Broker, *, client_id: str, will: str = "", session_s: int = 0) -> Iterator[Peer]:
    """A Peer for the time of the block."""
    one = Peer(settings, client_id=client_id, will=will, session_s=session_s)
    try:
        yield one
    finally:
        one.close()
