"""A real mosquitto on a free loopback port, with its own folder, for tests."""

from __future__ import annotations

import getpass
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/sbin") or "mosquitto"


TUNED = ("autosave_on_changes true", "autosave_interval 1")


def free_port() -> int:
    """A TCP port that nobody listens on just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Mosquitto:
    """Start, stop and kill by process id; the port and the persistence file stay the same over restarts.

    `stock` leaves persistence as Debian has it: written every half hour.
    """

    def __init__(self, folder: Path, *lines: str, stock: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        conf = [
            f"listener {self.port} 127.0.0.1",
            f"user {getpass.getuser()}",
            "persistence true",
            f"persistence_location {folder}/",
            *(() if stock else TUNED),
            *(lines or ("allow_anonymous true",)),
        ]
        self._conf = folder / "mosquitto.conf"
        self._conf.write_text("\n".join(conf) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self.folder / "mosquitto.log").open("ab")
        with log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._conf)], stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "mosquitto.log").read_text())

    def stop(self) -> None:
        self._end("terminate")

    def kill(self) -> None:
        self._end("kill")

    def reload(self) -> None:
        """Take up a changed ACL."""
        assert self._process
        self._process.send_signal(signal.SIGHUP)

    def _end(self, how: str) -> None:
        if self._process:
            getattr(self._process, how)()
            self._process.wait(10)
            self._process = None

    def publish(self, topic: str, payload: str | bytes, *options: str) -> None:
        """mosquitto_pub, QoS 1."""
        data = payload.encode() if isinstance(payload, str) else payload
        command = ["mosquitto_pub", "-V", "5", "-q", "1", "-p", str(self.port), "-t", topic, *options]
        command.append("-s" if data else "-n")
        subprocess.run(command, input=data, check=True, timeout=20)

    @contextmanager
    def listen(self, *topics: str) -> Iterator[Listener]:
        """mosquitto_sub in the background: every message as a JSON line, an oracle that shares no code with us."""
        command = ["mosquitto_sub", "-V", "5", "-q", "1", "-p", str(self.port), "-F", "%j"]
        for topic in (*topics, "$SYS/broker/version"):  # the last one is retained: it tells that we are subscribed
            command += ["-t", topic]
        log = self.folder / f"sub-{time.monotonic_ns()}.jsonl"
        with log.open("wb") as out, subprocess.Popen(command, stdout=out) as process:
            listener = Listener(log)
            try:
                listener.wait(lambda message: message["topic"].startswith("$SYS"))
                yield listener
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:  # its handler wants a lock that what it interrupts may hold
                    process.kill()


class Listener:
    """What mosquitto_sub has written so far."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def messages(self) -> list[dict[str, Any]]:
        lines = self._log.read_text(errors="replace").splitlines()
        found = [json.loads(line) for line in lines if line.endswith("}")]
        for message in found:
            message["body"] = _json(message.get("payload", ""))
        return found

    def states(self, job_id: str = "") -> list[dict[str, Any]]:
        """The bodies on job state topics, in order; of one job if it is named."""
        return [
            m["body"]
            for m in self.messages()
            if m["topic"].endswith("/state") and (job_id in ("", m["topic"].split("/")[-2]))
        ]

    def wait(self, wanted: Any, *, timeout_s: float = 60.0) -> dict[str, Any]:
        """The first message for which `wanted` is true."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for message in self.messages():
                if wanted(message):
                    return message
            time.sleep(0.05)
        raise AssertionError(f"Not seen in {timeout_s} s; seen: {self.messages()}")

    def wait_state(self, job_id: str, *states: str, timeout_s: float = 60.0) -> dict[str, Any]:
        """The first state message of a job that is one of `states`; its body."""
        found = self.wait(
            lambda m: m["topic"].endswith(f"job/{job_id}/state") and m["body"].get("state") in states,
            timeout_s=timeout_s,
        )
        return found["body"]


def _json(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
